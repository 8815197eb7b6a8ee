"""What a person does with files, in each of the browsers that people have."""

from collections import Counter
from pathlib import Path

import pytest

from tests.every_browser.conftest import Line
from tests.every_browser.page import OpenPage, row
from tests.support.running import eventually

pytestmark = pytest.mark.browser

PAUSE, RESUME = (f"button[aria-label='{name}']" for name in ("Pause", "Resume"))


def begin(page: OpenPage, line: Line, large: Path) -> None:
    """An upload that is under way: three parts have arrived, the other one is being sent."""
    line.hold()
    page.choose(large)
    page.parts_arrived(3)


def go_on(line: Line) -> None:
    line.take_sent()
    line.release()


def test_files_go_up_and_come_back_identical(page: OpenPage, small: Path, large: Path) -> None:
    page.choose(small, large)

    page.is_accepted(small, large)
    for path in (small, large):
        page.download(path)


def test_an_upload_is_paused_and_resumed(page: OpenPage, line: Line, large: Path) -> None:
    begin(page, line, large)

    page.click(PAUSE)
    eventually(lambda: page.texts(row(large, ".going")), lambda said: "paused" in said[0])
    go_on(line)
    page.click(RESUME)

    page.is_accepted(large)
    # A part of which more than half has left the browser is not sent again.
    assert line.take_sent() in (Counter(), Counter({3: 1}))
    page.download(large)


def test_a_reload_in_the_middle_keeps_what_has_arrived(
    page: OpenPage, line: Line, large: Path
) -> None:
    begin(page, line, large)

    page.reload()
    left = page.wait_for("[data-testid=left]")
    go_on(line)
    page.choose(large)

    assert [text.startswith("large.bin") for text in left] == [True]
    page.is_accepted(large)
    assert line.take_sent() == Counter({3: 1})
    page.download(large)


def test_a_download_disturbs_no_upload_and_asks_nothing(
    page: OpenPage, line: Line, small: Path, large: Path
) -> None:
    page.choose(small)
    page.is_accepted(small)
    begin(page, line, large)
    page.watch()

    page.download(small)
    line.release()

    page.is_accepted(large)
    assert page.asked == 0
    assert line.take_sent() == Counter({1: 1, 2: 1, 3: 1, 4: 1})
    page.download(large)


def test_a_download_that_s3_refuses_is_told(page: OpenPage, small: Path) -> None:
    page.choose(small)
    page.is_accepted(small)
    page.spoil_downloads()

    page.click(row(small, "[data-testid=download]"))

    (said,) = page.wait_for(".toast.bad")
    assert "small.txt could not be downloaded" in said
    assert page.states(small) == ["accepted"]


def test_a_download_that_begins_says_nothing(page: OpenPage, small: Path) -> None:
    page.choose(small)
    page.is_accepted(small)

    page.download(small)

    assert page.texts(".toast.bad") == []
