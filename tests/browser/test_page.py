"""The page beside the main job: leaving it, seeing it, using it without a mouse."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.test_main_job import pick, row
from tests.browser.test_uploader import Puts

pytestmark = pytest.mark.browser

MIB = 1024 * 1024


@pytest.fixture
def puts(page: Page) -> Puts:
    return Puts(page.context)


@pytest.fixture
def held(page: Page, puts: Puts, tmp_path: Path) -> Path:
    """A file whose last part S3 is not given; the page is busy with it."""
    sent = tmp_path / "held.bin"
    sent.write_bytes(os.urandom(33 * MIB))
    puts.treat = lambda number, _: number == 3
    pick(page, sent)
    expect(row(page, sent.name)).to_have_attribute("data-state", "uploading")
    return sent


def test_leaving_asks_first_while_something_is_under_way(page: Page, held: Path) -> None:
    # A page that nobody has touched is not allowed to ask.
    page.get_by_role("heading", name="My uploads").click()
    page.on("dialog", lambda dialog: dialog.dismiss())

    with page.expect_event("dialog") as asked:
        page.evaluate("location.reload()")

    assert asked.value.type == "beforeunload"
    expect(row(page, held.name)).to_have_attribute("data-state", "uploading")


def test_leaving_does_not_ask_when_nothing_is_under_way(page: Page) -> None:
    page.get_by_role("heading", name="My uploads").click()
    asked: list[Dialog] = []
    page.on("dialog", lambda dialog: asked.append(dialog))  # noqa: PLW0108 - Playwright asks for it

    with page.expect_event("load"):
        page.evaluate("location.reload()")

    page.get_by_test_id("account").wait_for()
    assert asked == []


def test_the_screen_stays_on_while_something_is_under_way(page: Page, tmp_path: Path) -> None:
    page.evaluate(
        """() => {
            window.locks = 0;
            const lock = { release: async () => { window.locks--; } };
            navigator.wakeLock.request = async () => { window.locks++; return lock; };
        }"""
    )
    sent = tmp_path / "short.bin"
    sent.write_bytes(os.urandom(33 * MIB))

    pick(page, sent)

    page.wait_for_function("window.locks === 1")
    expect(row(page, sent.name)).to_have_attribute("data-state", "accepted", timeout=60_000)
    page.wait_for_function("window.locks === 0")
