"""Processors: each computes one part of the report on an object. `PROCESSORS` lists them.

A processor is a module or a package in this folder with three names; `Processor` has their types.

- `reads_all`: true if it reads the object to its end. It then skips objects of more than
  `HOIST_WHOLE_MAX_SIZE` bytes.
- `applies_to(content_type, size, /)`: whether it reads this media type. The type is canonical;
  `media_types.json` has its aliases and its filename suffixes. It sees no bytes.
- `run(source, /)`: reads `source`, a `chalicelib.reader.ObjectReader`, and returns its part.

A part of a report is a dict for `json.dumps`, of at most `MAX_RESULT_SIZE` bytes, with keys in
snake_case. An empty dict leaves the part out: the object is not what its type says. `"error"` is a
sentence for people about an object that cannot be read, and `"complete": False` means that a limit
or the time ended the reading. Texts and lists of the file are hostile: cut them by
`places.printable` and `places.fitting`. `run` must also bound its memory and its reads.

`run` has a thread and a share of the time. Reads raise OutOfTime when that share is over. `run` may
let it pass, or return what it has. If `run` raises or never ends, only its own part says so.

To add one: write the module, import it below, and add a line to `PROCESSORS`. The key is the name
of the part and of the module. Several processors may apply to one object. No other code changes:
the page shows any report as a list. It shows `chapter_count` as "Chapter count", and a number as a
size if its key ends in `size` or `bytes`.

Helpers: `source.stream()` reads in order, and `source.seekable()` anywhere. `zip_parts.Parts` reads
entries of a ZIP by name, and `Parts.elements` finds XML elements in an entry. `places.Places` reads
at offsets. `places.BROKEN` and `places.TOO_LARGE` are reports on files that cannot be read. Import
large modules inside `run`, as `document` does: other files should not pay for them.

Tests are in `tests/processors/test_NAME.py`; `tests.processors.reading.reader` makes a source from
bytes. Describe the fields in `docs/reports.md`.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Protocol

from chalicelib.processors import (
    archive,
    audio,
    book,
    data,
    digest,
    document,
    image,
    tabular,
    video,
)
from chalicelib.reader import ObjectReader, ObjectReplaced, OutOfTime

log = logging.getLogger(__name__)

# Bytes of JSON. Reports also travel through SNS (256 KiB) and a WebSocket (128 KiB).
MAX_RESULT_SIZE = 16 * 1024


class Processor(Protocol):
    """The interface of a processor; the docstring of this package explains it."""

    reads_all: bool

    def applies_to(self, content_type: str, size: int, /) -> bool:
        """Whether it has a reader for this media type; `size` in bytes."""
        ...

    def run(self, source: ObjectReader, /) -> dict[str, Any]:
        """Its part of the report, as JSON; empty if the object is not what its type says.

        Reads raise OutOfTime when the processor's time is over.
        """
        ...


PROCESSORS: Mapping[str, Processor] = {
    "image": image,
    "video": video,
    "audio": audio,
    "archive": archive,
    "table": tabular,
    "document": document,
    "book": book,
    "data": data,
    "digest": digest,
}


@dataclass(frozen=True, slots=True)
class Processors:
    """The processors of a stage, in the order they run. `now` is a monotonic clock in seconds.

    Processors with `reads_all` skip objects larger than `whole_max_size` bytes.
    """

    all: Mapping[str, Processor]
    whole_max_size: int
    now: Callable[[], float]

    def run(self, source: ObjectReader) -> dict[str, Any]:
        """The report: the part of each processor under its name, without empty parts.

        A processor runs if it applies to the object's type or to the type of its container.
        Processors share the remaining time equally, and the time that one does not use passes to
        the next. Raises ObjectReplaced if another object has replaced this one under its key.
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
        """One processor's part. Its failure does not affect the other parts."""
        if processor.reads_all and source.size > self.whole_max_size:
            return {"skipped": f"the object is larger than {self.whole_max_size} bytes"}
        deadline = self.now() + seconds
        timed = replace(source, remaining=lambda: deadline - self.now())
        result: Future[dict[str, Any]] = Future()

        def work() -> None:
            try:
                result.set_result(_check(processor.run(timed)))
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                result.set_exception(error)

        # In a thread, because Python cannot stop a function that no longer reads.
        threading.Thread(target=work, name=name, daemon=True).start()
        try:
            return result.result(max(0.0, seconds))
        except (OutOfTime, TimeoutError):
            log.warning(
                "a processor ran out of time", extra={"processor": name, "file_size": source.size}
            )
            return {"error": "It ran out of time"}
        except ObjectReplaced:
            raise
        except Exception as error:
            log.exception("a processor failed", extra={"processor": name})
            return {"error": f"It failed: {type(error).__name__}"}


def _applies(processor: Processor, source: ObjectReader) -> bool:
    kinds = {source.content_type, source.container or source.content_type}
    return any(processor.applies_to(kind, source.size) for kind in kinds)


def _check(result: dict[str, Any]) -> dict[str, Any]:
    """The result if it can be stored, sent and shown; otherwise a part with an error."""
    size = len(json.dumps(result, allow_nan=False, ensure_ascii=False).encode())
    if size > MAX_RESULT_SIZE:
        return {"error": f"Its result is larger than {MAX_RESULT_SIZE} bytes"}
    return result
