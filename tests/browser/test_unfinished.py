"""What an earlier page left half sent: offered, gone on with, given up."""

from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import WITHOUT_PICKER, Puts
from tests.browser.test_main_job import pick, row
from tests.browser.test_uploader import is_accepted, journaled
from tests.support.running import eventually, sign_in

pytestmark = pytest.mark.browser


def drop(page: Page, path: Path) -> None:
    """Drop a file of the disk on the page, as a person does."""
    box = page.locator(".uppy-Dashboard-inner").bounding_box()
    assert box
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **point, "data": data})


def leave_after_three_parts(page: Page, puts: Puts) -> Locator:
    """Reload when all parts but the third are in S3; the line that offers to go on."""
    eventually(lambda: journaled(page), lambda parts: parts == 3)
    puts.treat = lambda *_: False
    puts.sent.clear()
    page.reload()
    left = page.get_by_test_id("left")
    expect(left).to_have_count(1)
    expect(left).to_contain_text("13 MiB of 18 MiB")
    return left


def hold_the_third(number: int, _: Route) -> bool:
    return number == 3


def test_a_dropped_file_goes_on_with_one_click(page: Page, puts: Puts, large: Path) -> None:
    puts.treat = hold_the_third
    drop(page, large)
    left = leave_after_three_parts(page, puts)

    left.get_by_role("button", name="Go on").click()

    is_accepted(page, large)
    assert puts.sent == Counter({3: 1})
    expect(page.get_by_test_id("unfinished")).to_be_hidden()


def test_elsewhere_the_file_is_chosen_again(page: Page, puts: Puts, large: Path) -> None:
    page.add_init_script(WITHOUT_PICKER)
    puts.treat = hold_the_third
    pick(page, large)
    left = leave_after_three_parts(page, puts)

    with page.expect_file_chooser() as chooser:
        left.get_by_test_id("go-on").click()
    chooser.value.set_files(large)

    is_accepted(page, large)
    assert puts.sent == Counter({3: 1})


def test_another_file_is_not_taken_for_it(
    page: Page, puts: Puts, large: Path, tmp_path: Path
) -> None:
    page.add_init_script(WITHOUT_PICKER)
    puts.treat = hold_the_third
    pick(page, large)
    left = leave_after_three_parts(page, puts)
    other = tmp_path / "other.bin"
    other.write_bytes(b"other")

    with page.expect_file_chooser() as chooser:
        left.get_by_test_id("go-on").click()
    chooser.value.set_files(other)

    expect(page.get_by_text("That is not large.bin as it was")).to_be_visible()
    expect(row(page, "other.bin")).to_have_count(0)
    expect(left).to_have_count(1)


def test_it_can_be_given_up(page: Page, puts: Puts, large: Path) -> None:
    puts.treat = hold_the_third
    pick(page, large)
    left = leave_after_three_parts(page, puts)
    listed = page.locator(f"[data-testid=upload][data-id='{left.get_attribute('data-id')}']")
    expect(listed).to_have_count(1)

    left.get_by_test_id("give-up").click()
    page.get_by_test_id("yes").click()

    expect(left).to_have_count(0)
    expect(listed).to_have_count(0)
    assert journaled(page) == 0


def test_what_another_tab_is_sending_is_not_offered(page: Page, puts: Puts, large: Path) -> None:
    puts.treat = hold_the_third
    pick(page, large)
    eventually(lambda: journaled(page), lambda parts: parts == 3)

    other = page.context.new_page()
    other.goto(page.url)
    sign_in(other)

    expect(row(other, large.name).first).to_be_visible()
    expect(other.get_by_test_id("unfinished")).to_be_hidden()
