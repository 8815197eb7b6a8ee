"""Files that an earlier page sent in part: shown, resumed, discarded."""

from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import WITHOUT_PICKER, Puts
from tests.browser.test_main_job import pick, row
from tests.browser.test_uploader import journaled_parts, verify_and_delete
from tests.support.running import eventually, sign_in

pytestmark = pytest.mark.browser


def drop(page: Page, path: Path) -> None:
    """Drop a file from the disk on the page, as a person does."""
    box = page.locator(".uppy-Dashboard-inner").bounding_box()
    assert box
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **point, "data": data})


def leave_after_three_parts(page: Page, puts: Puts) -> Locator:
    """Reload when all parts but the third are in S3, and return the row that offers to resume."""
    eventually(lambda: journaled_parts(page), lambda parts: parts == 3)
    puts.handle = lambda *_: False
    puts.counts.clear()
    page.reload()
    unfinished = page.get_by_test_id("unfinished-file")
    expect(unfinished).to_have_count(1)
    expect(unfinished).to_contain_text("13 MiB of 18 MiB")
    return unfinished


def block_the_third(number: int, _: Route) -> bool:
    return number == 3


def test_a_dropped_file_resumes_with_one_click(page: Page, puts: Puts, large: Path) -> None:
    puts.handle = block_the_third
    drop(page, large)
    unfinished = leave_after_three_parts(page, puts)

    unfinished.get_by_role("button", name="Resume").click()

    verify_and_delete(page, large)
    assert puts.counts == Counter({3: 1})
    expect(page.get_by_test_id("unfinished")).to_be_hidden()


def test_without_a_picker_the_file_is_chosen_again(page: Page, puts: Puts, large: Path) -> None:
    page.add_init_script(WITHOUT_PICKER)
    puts.handle = block_the_third
    pick(page, large)
    unfinished = leave_after_three_parts(page, puts)

    with page.expect_file_chooser() as chooser:
        unfinished.get_by_test_id("resume").click()
    chooser.value.set_files(large)

    verify_and_delete(page, large)
    assert puts.counts == Counter({3: 1})


def test_another_file_is_refused(page: Page, puts: Puts, large: Path, tmp_path: Path) -> None:
    page.add_init_script(WITHOUT_PICKER)
    puts.handle = block_the_third
    pick(page, large)
    unfinished = leave_after_three_parts(page, puts)
    other = tmp_path / "other.bin"
    other.write_bytes(b"other")

    with page.expect_file_chooser() as chooser:
        unfinished.get_by_test_id("resume").click()
    chooser.value.set_files(other)

    expect(page.get_by_text("This file is not large.bin")).to_be_visible()
    expect(row(page, "other.bin")).to_have_count(0)
    expect(unfinished).to_have_count(1)


def test_it_can_be_discarded(page: Page, puts: Puts, large: Path) -> None:
    puts.handle = block_the_third
    pick(page, large)
    unfinished = leave_after_three_parts(page, puts)
    listed = page.locator(f"[data-testid=upload][data-id='{unfinished.get_attribute('data-id')}']")
    expect(listed).to_have_count(1)

    unfinished.get_by_test_id("discard").click()
    page.get_by_test_id("yes").click()

    expect(unfinished).to_have_count(0)
    expect(listed).to_have_count(0)
    assert journaled_parts(page) == 0


def test_files_that_another_tab_sends_are_not_shown(page: Page, puts: Puts, large: Path) -> None:
    puts.handle = block_the_third
    pick(page, large)
    eventually(lambda: journaled_parts(page), lambda parts: parts == 3)

    other = page.context.new_page()
    other.goto(page.url)
    sign_in(other)

    expect(row(other, large.name).first).to_be_visible()
    expect(other.get_by_test_id("unfinished")).to_be_hidden()
