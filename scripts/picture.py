"""Takes docs/page.png, the picture in README, from the real page: `make picture`.

Starts a local system of its own, sends a few files, and catches one on its way.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.browser.conftest import ARGUMENTS
from tests.support.running import RunningSystem, running_system, sign_in

PICTURE = Path(__file__).parent.parent / "docs" / "page.png"
MIB = 1024 * 1024
SENT = {
    "quarterly-report.pdf": b"%PDF-1.7\n" + bytes(2 * MIB),
    "Grüße aus Kyōto.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(4 * MIB),
    "measurements.csv": b"time,value\n0,1\n" * 4096,
}


def send(page: Page, path: Path) -> None:
    """Pick one file."""
    page.locator("input[type=file]").first.set_input_files([path])


def take(page: Page, system: RunningSystem, folder: Path) -> None:
    """Some files accepted, one report open, one file under way."""
    page.goto(system.ports.page_origin)
    sign_in(page)
    for name, contents in SENT.items():
        (folder / name).write_bytes(contents)
        send(page, folder / name)
        row = page.locator(f"[data-filename='{name}']")
        row.and_(page.locator("[data-state=accepted]")).wait_for()
    page.get_by_test_id("report").first.locator("summary").click()
    page.wait_for_timeout(8000)  # until the Dashboard is empty and the toasts are gone
    page.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 24 * MIB},
    )
    with (folder / "holiday-film.mp4").open("wb") as film:
        film.write(b"\x00\x00\x00\x20ftypisom" + os.urandom(256 * MIB))
    send(page, folder / "holiday-film.mp4")
    page.wait_for_timeout(6000)
    page.screenshot(path=PICTURE)


def main() -> None:
    """Take the picture."""
    with (
        tempfile.TemporaryDirectory(prefix="hoist-picture-") as folder,
        running_system(Path(folder) / "hoist") as system,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        view = chromium.new_context(
            viewport={"width": 1000, "height": 960}, locale="en-GB", timezone_id="UTC"
        )
        take(view.new_page(), system, Path(folder))
        chromium.close()


if __name__ == "__main__":
    main()
