import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.every_browser.chromium import Chromium
from tests.every_browser.driver import Driver
from tests.every_browser.firefox import Firefox
from tests.every_browser.page import OpenPage
from tests.every_browser.slow_local import BLOCKED, PARTS
from tests.every_browser.webkit import WebKit
from tests.support.running import RunningSystem, end

BROWSERS: dict[str, Callable[[Path], Driver]] = {
    "chromium": Chromium,
    "firefox": Firefox,
    "webkit": WebKit,
}
MIB = 1024 * 1024
COMMAND = ["-m", "tests.every_browser.slow_local"]


@dataclass
class Line:
    """The connection to S3, which a test can block."""

    folder: Path

    def block(self) -> None:
        """Let no PUT of part 3 pass from now on."""
        (self.folder / BLOCKED).touch()

    def release(self) -> None:
        (self.folder / BLOCKED).unlink(missing_ok=True)

    def take_counts(self) -> Counter[int]:
        """How often each part was sent since the last call."""
        parts = self.folder / PARTS
        counts = Counter(map(int, parts.read_text().split())) if parts.exists() else Counter()
        parts.unlink(missing_ok=True)
        return counts


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    running = RunningSystem(tmp_path_factory.mktemp("every") / "hoist")
    try:
        yield running.start(command=[sys.executable, *COMMAND])
    finally:
        end(running)


@pytest.fixture
def line(system: RunningSystem) -> Iterator[Line]:
    line = Line(system.home)
    line.take_counts()
    yield line
    line.release()


# Starting a browser for each test would take half of the time.
@pytest.fixture(scope="module", params=BROWSERS)
def driver(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Driver]:
    started = BROWSERS[request.param](tmp_path_factory.mktemp(request.param))
    yield started
    started.close()


@pytest.fixture
def page(driver: Driver, system: RunningSystem) -> OpenPage:
    """The page, signed in with the demo account, whose uploads are deleted before."""
    client = system.sign_in()
    for upload in client.request("GET", "/uploads").json["uploads"]:
        client.request("DELETE", f"/uploads/{upload['id']}")
    opened = OpenPage(driver, system.ports.page_origin)
    opened.sign_in()
    return opened


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.txt"
    path.write_text("small")
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Four parts of at most 5 MiB."""
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(18 * MIB))
    return path
