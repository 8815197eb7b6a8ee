"""Drives Chromium with Playwright."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser.conftest import ARGUMENTS
from tests.every_browser.driver import call, executable


class Chromium:
    def __init__(self, folder: Path) -> None:
        program = executable("chromium", "chromium-browser", "google-chrome")
        self.downloads = folder / "downloads"
        self._playwright = sync_playwright().start()
        self._context = self._playwright.chromium.launch_persistent_context(
            folder / "profile", executable_path=program, args=ARGUMENTS
        )
        (self._page,) = self._context.pages
        # Playwright would save files under random names.
        self._context.new_cdp_session(self._page).send(
            "Browser.setDownloadBehavior",
            {"behavior": "allow", "downloadPath": str(self.downloads)},
        )

    def open(self, url: str) -> None:
        self._page.goto(url)

    def reload(self) -> None:
        self._page.reload()

    def run(self, script: str, *arguments: Any) -> Any:
        return json.loads(self._page.evaluate(call(script, arguments)))

    def click(self, selector: str) -> None:
        self._page.click(selector)

    def choose(self, selector: str, *paths: Path) -> None:
        self._page.locator(selector).first.set_input_files(paths)

    def resize(self, width: int, height: int) -> None:
        self._page.set_viewport_size({"width": width, "height": height})

    def picture(self, path: Path) -> None:
        self._page.screenshot(path=path)

    def close(self) -> None:
        self._context.close()
        self._playwright.stop()
