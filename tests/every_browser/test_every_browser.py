"""The actions of a person on files, in each of the common browsers."""

from collections import Counter
from pathlib import Path

import pytest

from tests.every_browser.conftest import Line
from tests.every_browser.page import OpenPage, row
from tests.support.running import eventually

pytestmark = pytest.mark.browser

PAUSE, RESUME = (f"button[aria-label='{name}']" for name in ("Pause", "Resume"))


def start(page: OpenPage, line: Line, large: Path) -> None:
    """Start an upload: three parts have arrived, and the fourth is being sent."""
    line.block()
    page.choose(large)
    page.wait_for_parts(3)


def unblock(line: Line) -> None:
    line.take_counts()
    line.release()


def test_files_are_uploaded_and_downloaded_identical(
    page: OpenPage, small: Path, large: Path
) -> None:
    page.choose(small, large)

    page.wait_until_accepted(small, large)
    for path in (small, large):
        page.download(path)


def test_an_upload_is_paused_and_resumed(page: OpenPage, line: Line, large: Path) -> None:
    start(page, line, large)

    page.click(PAUSE)
    eventually(lambda: page.texts(row(large, ".progress")), lambda texts: "paused" in texts[0])
    unblock(line)
    page.click(RESUME)

    page.wait_until_accepted(large)
    # The browser finishes a part of which it has sent more than half, so it is not sent again.
    assert line.take_counts() in (Counter(), Counter({3: 1}))
    page.download(large)


def test_a_reload_keeps_the_parts_that_have_arrived(
    page: OpenPage, line: Line, large: Path
) -> None:
    start(page, line, large)

    page.reload()
    rows = page.wait_for("[data-testid=unfinished-file]")
    unblock(line)
    page.choose(large)

    assert [text.startswith("large.bin") for text in rows] == [True]
    page.wait_until_accepted(large)
    assert line.take_counts() == Counter({3: 1})
    page.download(large)


def test_a_download_disturbs_no_upload_and_leaves_no_page(
    page: OpenPage, line: Line, small: Path, large: Path
) -> None:
    page.choose(small)
    page.wait_until_accepted(small)
    start(page, line, large)
    page.count_leaving()

    page.download(small)
    line.release()

    page.wait_until_accepted(large)
    assert page.leaving == 0
    assert line.take_counts() == Counter({1: 1, 2: 1, 3: 1, 4: 1})
    page.download(large)


def test_a_download_that_s3_refuses_shows_an_error(page: OpenPage, small: Path) -> None:
    page.choose(small)
    page.wait_until_accepted(small)
    page.spoil_downloads()

    page.click(row(small, "[data-testid=download]"))

    (text,) = page.wait_for(".toast.bad")
    assert "small.txt could not be downloaded" in text
    assert page.states(small) == ["accepted"]


def test_a_download_that_starts_shows_no_error(page: OpenPage, small: Path) -> None:
    page.choose(small)
    page.wait_until_accepted(small)

    page.download(small)

    assert page.texts(".toast.bad") == []
