"""One run of one contestant: a fresh Chromium sends one file to a fresh far end, and we count.

Builds the page when it is first asked for. Must not know what is compared with what.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.uploaders.chromium import Chromium, PageError, chromium
from bench.uploaders.far_end import FarEnd
from bench.uploaders.http1 import MIB

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
    """What one upload came to; `reason` is empty when the file is in S3 to the byte."""

    seconds: float
    received: int
    failed: int
    calls: int
    reason: str


@contextlib.contextmanager
def stage(size: int) -> Iterator[tuple[Path, Path]]:
    """The page, freshly built, and a file of `size` bytes, for as long as the bench runs."""
    if not (HERE / "node_modules").is_dir():
        subprocess.run(["npm", "ci", "--loglevel=error", "--no-audit"], cwd=HERE, check=True)
    with tempfile.TemporaryDirectory(prefix="hoist-bench-") as folder:
        page, file = Path(folder) / "page", Path(folder) / "file.bin"
        subprocess.run([VITE, "build", "--outDir", page], cwd=HERE, check=True)
        with file.open("wb") as sparse:
            sparse.truncate(size)
        with file.open("rb") as cold:
            while cold.read(16 * MIB):
                pass
        yield page, file


def megabytes(
    contestant: Contestant, file: Path, far_end: FarEnd, *, network: int | None = None
) -> float:
    """Send the file once; megabytes (10^6 bytes) a second. Whoever fails here has no speed."""
    came_to = run(contestant, file, far_end, network=network)
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
    file: Path,
    far_end: FarEnd,
    *,
    timeout: float = TIMEOUT,
    network: int | None = None,
    meanwhile: Callable[[Chromium], None] = nothing,
) -> Run:
    """Send the file once; the far end is closed afterwards."""
    seconds, reason = 0.0, ""
    with contextlib.closing(far_end), chromium(network) as browser:
        browser.open(far_end.page_url, file)
        running = start(browser, contestant, far_end)
        try:
            meanwhile(browser)
            seconds = browser.value(running, timeout)
            reason = "" if far_end.whole else "SILENTLY INCOMPLETE"
        except (PageError, TimeoutError) as error:
            reason = str(error) or f"hangs (over {timeout} s)"
    return Run(seconds, far_end.received, far_end.failed, far_end.calls, reason)


def start(browser: Chromium, contestant: Contestant, far_end: FarEnd) -> int:
    """Tell the page to begin; the browser's `value` of the answer is the seconds it took."""
    options: dict[str, Any] = {"api": far_end.api_url}
    if contestant.part_size:
        options["partSize"] = contestant.part_size
    return browser.start(f"bench.run({json.dumps(contestant.name)}, {json.dumps(options)})")
