"""One run of one contestant: a fresh Chromium sends files to a fresh far end.

It builds the page on first use. Must not know which results are compared.
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
    """An uploader of the page; with its defaults if there is no part size."""

    name: str
    part_size: int | None = None

    @property
    def label(self) -> str:
        """The name in the results."""
        return f"{self.name}, {self.part_size // MIB} MiB parts" if self.part_size else self.name


OURS = Contestant("hoist")
UPPY_5 = Contestant("uppy-5")
UPPY_5_LARGE = Contestant("uppy-5", 16 * MIB)
UPPY_6 = Contestant("uppy-6")


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a run. It has no reason if all files are in S3 completely."""

    seconds: float
    received: int
    stored_bytes: int
    failed: int
    calls: int
    preflights: int
    complete: int
    reasons: dict[str, str]
    """The reason that the page gives for each failed file."""
    silent: set[str]
    """Files that are not in S3, although the page reports no failure."""
    twice: int
    """Objects in S3 beyond the first of each file."""
    is_hanging: bool
    """Whether the page had not finished at the timeout."""

    @property
    def reason(self) -> str:
        """Why the run failed; empty if it did not."""
        return next(iter(self.reasons.values()), "SILENTLY INCOMPLETE" if self.silent else "")


@contextlib.contextmanager
def stage(size: int, count: int = 1) -> Iterator[tuple[Path, list[File]]]:
    """The freshly built page, and `count` files of `size` bytes.

    A single file is sparse, all zeros. Many files have different random bytes.
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
    """A file, read once to warm the cache for all contestants."""
    checksum = Crc64Nvme()
    with path.open("rb") as cold:
        while data := cold.read(16 * MIB):
            checksum(memoryview(data))
    return File(path, path.stat().st_size, checksum.text)


def megabytes(contestant: Contestant, far_end: FarEnd, *, network: int | None = None) -> float:
    """Send the files once; megabytes (10^6 bytes) a second. Raises if the contestant fails."""
    result = run(contestant, far_end, network=network)
    assert not result.reason, f"{contestant.name}: {result.reason}"
    speed = far_end.size / 1e6 / result.seconds
    print(f"{contestant.label:<24} {speed:7.1f} MB/s {result.calls:4} calls", file=sys.stderr)
    return speed


def compared(
    speeds: dict[str, float], *, ours: str, targets: Mapping[str, float]
) -> dict[str, Any]:
    """All speeds, and our speed divided by each peer's: `[times, target]`."""
    times = {
        f"times {name}": [round(speeds[ours] / speeds[name], 2), target]
        for name, target in targets.items()
    }
    return {**{name: round(speed, 1) for name, speed in speeds.items()}, **times}


def nothing(_: Chromium) -> None:
    """The default for `meanwhile`: do nothing during a run."""


def run(
    contestant: Contestant,
    far_end: FarEnd,
    *,
    timeout: float = TIMEOUT,
    network: int | None = None,
    meanwhile: Callable[[Chromium], None] = nothing,
) -> Run:
    """Send the files once, and close the far end."""
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
    stored_names = far_end.uploads.stored_names
    return Run(
        seconds=seconds,
        received=far_end.received,
        stored_bytes=far_end.stored_bytes,
        failed=far_end.failed,
        calls=far_end.calls,
        preflights=far_end.preflights.total(),
        complete=len(set(stored_names) - reasons.keys()),
        reasons=reasons,
        silent=silent,
        twice=len(stored_names) - len(set(stored_names)),
        is_hanging=is_hanging,
    )


def start(browser: Chromium, contestant: Contestant, far_end: FarEnd) -> int:
    """Start the page's `bench.run`; the browser's `value` of the returned number is its result."""
    options: dict[str, Any] = {"api": far_end.api_url}
    if contestant.part_size:
        options["partSize"] = contestant.part_size
    return browser.start(f"bench.run({json.dumps(contestant.name)}, {json.dumps(options)})")
