"""A page is left while it sends a folder: the next page shows and sends only the missing files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Request, Route, expect

from tests.support.running import Client, RunningSystem, eventually, running_system, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def system(tmp_path: Path) -> Iterator[RunningSystem]:
    """A new system, whose list of uploads is empty."""
    with running_system(tmp_path / "hoist") as running:
        yield running


class Line:
    """The connection to S3: lets `room` files pass, and never answers for more."""

    def __init__(self, context: BrowserContext, system: RunningSystem) -> None:
        self.room = 10**6
        self.count = 0
        context.route(re.compile(rf":{system.ports.s3}/"), self._route)

    def _route(self, route: Route, request: Request) -> None:
        if request.method in ("PUT", "POST"):
            self.count += 1
            if self.count > self.room:
                return
        route.continue_()


@pytest.fixture
def line(context: BrowserContext, system: RunningSystem) -> Line:
    return Line(context, system)


def folder_of(count: int, at: Path) -> Path:
    folder = at / "photos"
    for number in range(count):
        path = folder / f"{2024 + number % 3}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"file {number}\n")
    return folder


def add(page: Page, folder: Path) -> None:
    """Add a folder on the drop area."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="browse folders").click()
    chooser.value.set_files(folder)


def choose_again(row: Locator, folder: Path) -> None:
    with row.page.expect_file_chooser() as chooser:
        row.get_by_role("button", name="Choose the folder").click()
    chooser.value.set_files(folder)


def uploads(page: Page, client: Client) -> list[dict[str, Any]]:
    """All uploads of the owner that were not aborted, page by page."""
    page.wait_for_timeout(50)  # handles the requests that a test routes
    all_uploads: list[dict[str, Any]] = []
    query = ""
    while True:
        answer = client.request("GET", f"/uploads{query}").json
        all_uploads += answer["uploads"]
        if not answer.get("cursor"):
            return [upload for upload in all_uploads if upload["state"] != "aborted"]
        query = f"?cursor={answer['cursor']}"


def arrived_rows(page: Page) -> Locator:
    return page.locator("[data-testid=upload]:not([data-state=uploading])")


def leave_after(count: int, page: Page, line: Line, folder: Path) -> Locator:
    """Add the folder, reload once `count` files have arrived, and return the row that is shown."""
    line.room = count
    add(page, folder)
    expect(arrived_rows(page)).to_have_count(count, timeout=30_000)
    page.reload()
    line.room = 10**6
    row = page.get_by_test_id("unfinished-drop")
    expect(row).to_have_count(1, timeout=30_000)
    line.count = 0
    return row


def test_only_the_missing_files_of_a_folder_are_sent(
    page: Page, line: Line, system: RunningSystem, tmp_path: Path
) -> None:
    client = system.sign_in()
    folder = folder_of(62, tmp_path)
    row = leave_after(15, page, line, folder)
    expect(row).to_contain_text("photos")
    expect(row).to_contain_text("47 of 62 files are missing")

    choose_again(row, folder)

    expect(page.get_by_text("Sending 47 missing files")).to_be_visible()
    # Two outcomes while one message is visible, which takes a while on a busy machine.
    counted = page.get_by_text(re.compile(r"^\d+ files were accepted\.$"))
    expect(counted).to_be_visible(timeout=120_000)
    expect(page.get_by_test_id("unfinished")).to_be_hidden(timeout=30_000)
    eventually(
        lambda: [upload["state"] for upload in uploads(page, client)],
        lambda states: states.count("accepted") == 62,
        timeout=120,
    )
    names = sorted(upload["filename"] for upload in uploads(page, client))
    assert names == sorted(f"{number}.txt" for number in range(62)), "each file once"
    page.reload()
    page.get_by_test_id("account").wait_for()
    expect(page.get_by_test_id("unfinished")).to_be_hidden()


def test_a_folder_that_is_added_again_resumes_too(
    page: Page, line: Line, system: RunningSystem, tmp_path: Path
) -> None:
    client = system.sign_in()
    folder = folder_of(12, tmp_path)
    leave_after(4, page, line, folder)

    add(page, folder)

    expect(page.get_by_text("4 files have already arrived")).to_be_visible()
    expect(arrived_rows(page)).to_have_count(12, timeout=30_000)
    assert line.count == 8
    assert len(uploads(page, client)) == 12


def test_changed_files_are_sent_from_the_beginning_and_new_files_are_not_sent(
    page: Page, line: Line, system: RunningSystem, tmp_path: Path
) -> None:
    client = system.sign_in()
    folder = folder_of(6, tmp_path)
    row = leave_after(2, page, line, folder)
    missing = [
        upload["filename"] for upload in uploads(page, client) if upload["state"] == "uploading"
    ]
    changed = next(path for path in folder.rglob("*.txt") if path.name in missing)
    changed.write_text("another text")
    (folder / "new.txt").write_text("new")

    choose_again(row, folder)

    toast = page.get_by_test_id("toast").filter(has_text="1 file has changed")
    expect(toast).to_contain_text("1 file has changed and is sent from the beginning")
    expect(toast).to_contain_text("1 file is new and is not sent")
    expect(page.get_by_test_id("unfinished")).to_be_hidden(timeout=30_000)
    expect(arrived_rows(page)).to_have_count(6, timeout=30_000)
    sizes = {upload["filename"]: upload["size"] for upload in uploads(page, client)}
    assert len(uploads(page, client)) == 6
    assert sizes[changed.name] == changed.stat().st_size
    assert "new.txt" not in sizes


def test_a_drop_can_be_discarded(
    page: Page, line: Line, system: RunningSystem, tmp_path: Path
) -> None:
    client = system.sign_in()
    row = leave_after(2, page, line, folder_of(6, tmp_path))

    row.get_by_role("button", name="Discard").click()
    page.get_by_test_id("yes").click()

    expect(row).to_have_count(0, timeout=30_000)
    expect(page.get_by_test_id("upload")).to_have_count(2, timeout=30_000)
    assert len(uploads(page, client)) == 2
    page.reload()
    page.get_by_test_id("account").wait_for()
    expect(page.get_by_test_id("unfinished")).to_be_hidden()


def test_a_drop_that_another_tab_sends_is_not_shown(page: Page, line: Line, tmp_path: Path) -> None:
    line.room = 0
    add(page, folder_of(6, tmp_path))
    expect(page.get_by_test_id("upload").first).to_be_visible()

    other = page.context.new_page()
    other.goto(page.url)
    sign_in(other)

    expect(other.locator("[data-testid=upload]").first).to_be_visible()
    expect(other.get_by_test_id("unfinished")).to_be_hidden()
