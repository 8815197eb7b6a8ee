"""The main job at full size: one file through the browser, accepted, downloaded, compared.

`.venv/bin/python bench/main_job.py --size 2GiB` starts a local system and Chromium of its own. It
prints how long each step took, and the peak memory of each process of the system. The times depend
on the machine: use them as a check of limits, not as a comparison.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, report
from tests.browser.conftest import ARGUMENTS
from tests.support.running import RunningSystem, running_system, sign_in

MIB = 1024 * 1024
UNITS = {"MiB": MIB, "GiB": 1024 * MIB}
HOUR = 3_600_000  # milliseconds


class Memory:
    """The peak resident memory of each process of a system since `reset`, in MiB."""

    def __init__(self, system: RunningSystem) -> None:
        self._system = system
        self.most: dict[str, int] = defaultdict(int)
        threading.Thread(target=self._watch, daemon=True).start()

    def reset(self) -> dict[str, int]:
        """The peaks so far; starts again from zero."""
        peaks, self.most = self.most, defaultdict(int)
        return dict(sorted(peaks.items(), key=lambda item: -item[1]))

    def _watch(self) -> None:
        while True:
            for process in self._system.processes():
                try:
                    name, size = _name(process), process.memory_info().rss // MIB
                except psutil.Error:
                    continue
                self.most[name] = max(self.most[name], size)
            time.sleep(0.2)


def _name(process: psutil.Process) -> str:
    words = [Path(word).name for word in process.cmdline()]
    if "leash.py" in words:
        return "leash"
    return next(
        (
            w
            for w in words
            if w in ("weed", "chalice", "local.aws.moto_server", "local.functions.worker")
        ),
        "local",
    )


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def measure(page: Page, memory: Memory, file_path: Path) -> dict[str, object]:
    """Send the file, wait for its outcome, download it."""
    memory.reset()
    started = time.monotonic()
    done: list[float] = []
    page.on(
        "requestfinished", lambda r: done.append(time.monotonic()) if r.method == "PUT" else None
    )
    page.locator("input[type=file]").first.set_input_files([file_path])
    row = page.locator(f"[data-testid=upload][data-filename='{file_path.name}']")
    row.and_(page.locator("[data-state=accepted]")).wait_for(timeout=HOUR)
    accepted = time.monotonic()
    sending = memory.reset()
    with page.expect_download(timeout=HOUR) as download:
        row.get_by_test_id("download").click()
    fetched = download.value.path()
    finished = time.monotonic()
    return {
        "states": row.get_attribute("data-states"),
        "sent_seconds": round(max(done) - started, 1),
        "last_byte_to_accepted_seconds": round(accepted - max(done), 2),
        "fetched_seconds": round(finished - accepted, 1),
        "identical": sha256(fetched) == sha256(file_path),
        "sending_mib": sending,
        "fetching_mib": memory.reset(),
    }


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--size", default="2GiB", help="like 64MiB or 2GiB (default)")
    options = parser.parse_args()
    size = options.size
    count, unit = int(size[:-3]), UNITS[size[-3:]]
    with tempfile.TemporaryDirectory(prefix="hoist-bench-") as folder:
        file_path = Path(folder) / "large.bin"
        with file_path.open("wb") as file:
            for _ in range(count * unit // MIB):
                file.write(os.urandom(MIB))
        with running_system(Path(folder) / "hoist") as system, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=ARGUMENTS, downloads_path=folder
            )
            page = chromium.new_context(accept_downloads=True).new_page()
            page.goto(system.ports.page_origin)
            sign_in(page)
            results = {"size": size, **measure(page, Memory(system), file_path)}
            chromium.close()
    report(__file__, options, results)


if __name__ == "__main__":
    main()
