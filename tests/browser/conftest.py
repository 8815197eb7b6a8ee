import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, sync_playwright

from tests.support.running import RunningSystem, running_system, sign_in

MIB = 1024 * 1024
PART = re.compile(r"[?&]partNumber=(\d+)")

# Firefox and Safari have no picker that returns handles.
WITHOUT_PICKER = "delete window.showOpenFilePicker"

# Chromium must not connect to anything outside this machine.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
]


@pytest.fixture(scope="module")  # other modules need Playwright's event loop to be closed
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    assert executable, "no Chromium on PATH: `make browser` installs it or says what to do"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with running_system(tmp_path_factory.mktemp("browser") / "hoist") as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    fresh = browser.new_context(accept_downloads=True)
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext, system: RunningSystem) -> Page:
    """The page, signed in with the demo account."""
    opened = context.new_page()
    opened.goto(system.ports.page_origin)
    sign_in(opened)
    return opened


class Puts:
    """Counts the PUTs of parts in a context. A test may intercept them with `handle`."""

    def __init__(self, context: BrowserContext) -> None:
        self.counts: Counter[int] = Counter()
        self.handle: Callable[[int, Route], bool] = lambda *_: False
        context.route(PART, self._route)

    def _route(self, route: Route, request: Request) -> None:
        match = PART.search(request.url)
        if request.method != "PUT" or match is None:
            route.continue_()
            return
        number = int(match[1])
        self.counts[number] += 1
        if not self.handle(number, route):
            route.continue_()


@pytest.fixture
def puts(context: BrowserContext) -> Puts:
    return Puts(context)


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Path]:
    """Four parts of at most 5 MiB."""
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(18 * MIB))
    yield path
    path.unlink(missing_ok=True)
