"""One run of one contestant: a fresh Chromium sends files to a fresh far end, and we count.

Builds the page when it is first asked for. Must not know what is compared with what.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.uploaders.chromium import Chromium, PageError, chromium
from bench.uploaders.far_end import Crc64Nvme, FarEnd
from bench.uploaders.http1 import MIB
from bench.uploaders.uploads import File

HERE = Path(__file__).parent
VITE = HERE.parent.parent / "frontend/node_modules/.bin/vite"
TIMEOUT = 300


@dataclass(frozen=True, slots=True)
class Contestant:
    """An uploader of the page; without a part size, with its defaults."""

    name: str
    part_size: int | None = None

    @property
    def label(self) -> str:
        """What the result calls it."""
        return f"{self.name}, {self.part_size // MIB} MiB parts" if self.part_size else self.name


OURS = Contestant("hoist")
UPPY_5 = Contestant("uppy-5")
UPPY_5_LARGE = Contestant("uppy-5", 16 * MIB)
UPPY_6 = Contestant("uppy-6")


@dataclass(frozen=True, slots=True)
class Run:
    """What the upload of all files came to; none has a reason when all are in S3 to the byte."""

    seconds: float
    received: int
    held: int
    failed: int
    calls: int
    preflights: int
    complete: int
    reasons: dict[str, str]
    """By file, what the page gives as its reason."""
    silent: set[str]
    """Files that are not in S3 although the page says nothing of it."""
    twice: int
    """Objects that S3 holds beside the first of their file."""
    is_hanging: bool
    """Whether the page had not come to an end when nobody waited any more."""

    @property
    def reason(self) -> str:
        """Why not all is well; empty when it is."""
        return next(iter(self.reasons.values()), "SILENTLY INCOMPLETE" if self.silent else "")


@contextlib.contextmanager
def stage(size: int, count: int = 1) -> Iterator[tuple[Path, list[File]]]:
    """The page, freshly built, and `count` files of `size` bytes, while the bench runs.

    One file is all zeros, and takes no room on the disk; many are each of other bytes.
    """
    if not (HERE / "node_modules").is_dir():
        subprocess.run(["npm", "ci", "--loglevel=error", "--no-audit"], cwd=HERE, check=True)
    with tempfile.TemporaryDirectory(prefix="hoist-bench-") as folder:
        page = Path(folder) / "page"
        subprocess.run([VITE, "build", "--outDir", page], cwd=HERE, check=True)
        if count == 1:
            path = Path(folder) / "file.bin"
            with path.open("wb") as sparse:
                sparse.truncate(size)
            yield page, [_file(path)]
        else:
            paths = [Path(folder) / f"file-{number:05}.bin" for number in range(count)]
            for path in paths:
                path.write_bytes(os.urandom(size))
            yield page, [_file(path) for path in paths]


def _file(path: Path) -> File:
    """A file, read once, so that no contestant is the first to."""
    checksum = Crc64Nvme()
    with path.open("rb") as cold:
        while data := cold.read(16 * MIB):
            checksum(memoryview(data))
    return File(path, path.stat().st_size, checksum.text)


def megabytes(contestant: Contestant, far_end: FarEnd, *, network: int | None = None) -> float:
    """Send the files once; megabytes (10^6 bytes) a second. Whoever fails here has no speed."""
    came_to = run(contestant, far_end, network=network)
    assert not came_to.reason, f"{contestant.name}: {came_to.reason}"
    speed = far_end.size / 1e6 / came_to.seconds
    print(f"{contestant.label:<24} {speed:7.1f} MB/s {came_to.calls:4} calls", file=sys.stderr)
    return speed


def compared(
    speeds: dict[str, float], *, ours: str, targets: Mapping[str, float]
) -> dict[str, Any]:
    """All speeds, and how many times each target's ours is: `[times, wanted]`."""
    times = {
        f"times {name}": [round(speeds[ours] / speeds[name], 2), target]
        for name, target in targets.items()
    }
    return {**{name: round(speed, 1) for name, speed in speeds.items()}, **times}


def nothing(_: Chromium) -> None:
    """What happens during a run, when nothing does."""


def run(
    contestant: Contestant,
    far_end: FarEnd,
    *,
    timeout: float = TIMEOUT,
    network: int | None = None,
    meanwhile: Callable[[Chromium], None] = nothing,
) -> Run:
    """Send the files once; the far end is closed afterwards."""
    seconds, reasons, silent, is_hanging = 0.0, dict[str, str](), set[str](), False
    with contextlib.closing(far_end), chromium(network) as browser:
        browser.open(far_end.page_url, far_end.files)
        running = start(browser, contestant, far_end)
        try:
            meanwhile(browser)
            outcome = browser.value(running, timeout)
            seconds, reasons = outcome["seconds"], outcome["failed"]
            silent = far_end.missing - reasons.keys()
        except (PageError, TimeoutError) as error:
            is_hanging = isinstance(error, TimeoutError)
            reason = f"hangs (over {timeout} s)" if is_hanging else str(error)
            reasons = dict.fromkeys(far_end.missing or ["the page"], reason)
    stored = far_end.uploads.stored_names
    return Run(
        seconds=seconds,
        received=far_end.received,
        held=far_end.held,
        failed=far_end.failed,
        calls=far_end.calls,
        preflights=far_end.preflights.total(),
        complete=len(set(stored) - reasons.keys()),
        reasons=reasons,
        silent=silent,
        twice=len(stored) - len(set(stored)),
        is_hanging=is_hanging,
    )


def start(browser: Chromium, contestant: Contestant, far_end: FarEnd) -> int:
    """Tell the page to begin; the browser's `value` of the answer is what `bench.run` gives."""
    options: dict[str, Any] = {"api": far_end.api_url}
    if contestant.part_size:
        options["partSize"] = contestant.part_size
    return browser.start(f"bench.run({json.dumps(contestant.name)}, {json.dumps(options)})")
