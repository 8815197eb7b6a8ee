"""Records docs/page.gif, the picture in README, from the real page: `make picture`.

Starts a local system of its own, sends four files over a slow line, and opens a report.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.browser.conftest import ARGUMENTS
from tests.support.running import RunningSystem, running_system, sign_in

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "page.gif"
ANIMATE = [".venv/bin/uv", "run", "--no-project", "--quiet", "--with", "pillow==13.0.0", "python"]
ANIMATE += ["scripts/animate.py"]
VIEW = {"width": 900, "height": 860}  # pixels
MIB = 1024 * 1024
LINE = 8 * MIB  # bytes a second
INTERVAL = 0.4  # seconds between two frames
TOASTS = 9000  # milliseconds until the toasts are gone, and the Dashboard is empty
FILES = {
    "measurements.csv": b"time,value\n0,1\n" * 4096,
    "quarterly-report.pdf": b"%PDF-1.7\n" + bytes(2 * MIB),
    "Grüße aus Kyōto.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(3 * MIB),
    "holiday-film.mp4": b"\x00\x00\x00\x20ftypisom" + os.urandom(48 * MIB),
}


def accepted(page: Page, name: str) -> bool:
    """Whether the page shows that a file was accepted."""
    row = page.locator(f"[data-filename='{name}']")
    return row.and_(page.locator("[data-state=accepted]")).count() > 0


def take(page: Page, frames: Path) -> None:
    """One picture, named by the time at which it was taken."""
    page.screenshot(path=frames / f"{time.monotonic_ns() // 10**6:015}.png")


def record(page: Page, system: RunningSystem, folder: Path, frames: Path) -> None:
    """Choose the files, follow them until all are accepted, open a report."""
    paths = []
    for name, contents in FILES.items():
        (folder / name).write_bytes(contents)
        paths.append(folder / name)
    page.goto(system.ports.page_origin)
    sign_in(page)
    page.locator("input[type=file]").first.wait_for(state="attached")
    page.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 20, "downloadThroughput": -1, "uploadThroughput": LINE},
    )
    take(page, frames)
    page.locator("input[type=file]").first.set_input_files(paths)
    while not all(accepted(page, name) for name in FILES):
        take(page, frames)
        page.wait_for_timeout(INTERVAL * 1000)
    page.wait_for_timeout(TOASTS)
    take(page, frames)
    report = page.locator("[data-filename='measurements.csv'] [data-testid=report]")
    report.locator("summary").click()
    report.scroll_into_view_if_needed()
    page.wait_for_timeout(600)
    take(page, frames)


def main() -> None:
    """Record the picture."""
    with (
        tempfile.TemporaryDirectory(prefix="hoist-picture-") as folder,
        running_system(Path(folder) / "hoist") as system,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        view = chromium.new_context(viewport=VIEW, locale="en-GB", timezone_id="UTC")  # type: ignore[arg-type]
        frames = Path(folder) / "frames"
        frames.mkdir()
        record(view.new_page(), system, Path(folder), frames)
        chromium.close()
        animate = [*ANIMATE, str(frames), str(PICTURE)]
        subprocess.run(animate, check=True, cwd=ROOT)
    print(f"{PICTURE.name}: {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
