"""What can be computed from an object: one module each, found by the list `PROCESSORS`.

To add one, write a module with `reads_all`, `applies_to` and `run`, and put it in the list. Each
works for itself: one that fails, or does not end in time, marks its own part of the report.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Protocol

from chalicelib.processors import archive, audio, data, digest, document, image, tabular, video
from chalicelib.reader import ObjectReader, ObjectReplaced, OutOfTime

log = logging.getLogger(__name__)

# Bytes of JSON. A report goes through SNS (256 KiB) and a WebSocket (128 KiB) as well.
MAX_RESULT_SIZE = 16 * 1024


class Processor(Protocol):
    """A module of this package.

    `reads_all` says whether it reads the object to its end: such processors are left out above a
    size that an operator sets.
    """

    reads_all: bool

    def applies_to(self, content_type: str, size: int, /) -> bool:
        """Whether it has anything to say of an object of this media type and size in bytes."""
        ...

    def run(self, source: ObjectReader, /) -> dict[str, Any]:
        """What it found out, as JSON; reads raise OutOfTime when its time is over.

        An empty answer is left out of the report: the object is not what its type says.
        """
        ...


@dataclass(frozen=True, slots=True)
class Processors:
    """Those of a stage, in the order they run; `now` is a clock in seconds that only runs forward.

    Processors that read an object to its end leave out those above `whole_max_size` bytes.
    """

    all: Mapping[str, Processor]
    whole_max_size: int
    now: Callable[[], float]

    def run(self, source: ObjectReader) -> dict[str, Any]:
        """Each processor's part of the report, under its name; without those that found nothing.

        A processor is asked about what the object is and about what it is made of. The time that is
        left is shared: each may use an equal share, and what those before it did not need. Raises
        ObjectReplaced when another object has the key by now.
        """
        chosen = {
            name: processor for name, processor in self.all.items() if _applies(processor, source)
        }
        parts = {
            name: self._run(name, processor, source, source.remaining() / (len(chosen) - index))
            for index, (name, processor) in enumerate(chosen.items())
        }
        return {name: part for name, part in parts.items() if part}

    def _run(
        self, name: str, processor: Processor, source: ObjectReader, seconds: float
    ) -> dict[str, Any]:
        """One processor's part; whatever becomes of it, the others' are safe."""
        if processor.reads_all and source.size > self.whole_max_size:
            return {"skipped": f"the object is larger than {self.whole_max_size} bytes"}
        deadline = self.now() + seconds
        timed = replace(source, remaining=lambda: deadline - self.now())
        result: Future[dict[str, Any]] = Future()

        def work() -> None:
            try:
                result.set_result(_checked(processor.run(timed)))
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                result.set_exception(error)

        # In a thread, because Python cannot end a function that does not read any more.
        threading.Thread(target=work, name=name, daemon=True).start()
        try:
            return result.result(max(0.0, seconds))
        except (OutOfTime, TimeoutError):
            log.warning("out of time", extra={"processor": name, "file_size": source.size})
            return {"error": "It ran out of time"}
        except ObjectReplaced:
            raise
        except Exception as error:
            log.exception("a processor failed", extra={"processor": name})
            return {"error": f"It failed: {type(error).__name__}"}


def _applies(processor: Processor, source: ObjectReader) -> bool:
    kinds = {source.content_type, source.container or source.content_type}
    return any(processor.applies_to(kind, source.size) for kind in kinds)


def _checked(result: dict[str, Any]) -> dict[str, Any]:
    """A result that can be stored, sent and shown."""
    size = len(json.dumps(result, allow_nan=False, ensure_ascii=False).encode())
    if size > MAX_RESULT_SIZE:
        return {"error": f"Its result is larger than {MAX_RESULT_SIZE} bytes"}
    return result


PROCESSORS: Mapping[str, Processor] = {
    "image": image,
    "video": video,
    "audio": audio,
    "archive": archive,
    "table": tabular,
    "document": document,
    "data": data,
    "digest": digest,
}
