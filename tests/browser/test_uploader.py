"""Reloads, refusals, resets, corruption, no network, two tabs: no part is sent twice in vain."""

import os
import re
import time
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import MIB, PART, Puts
from tests.browser.test_main_job import pick, row, sha256
from tests.support.running import RunningSystem, eventually, sign_in

pytestmark = pytest.mark.browser

# The number of parts whose checksums are in the page's journal.
JOURNALED = """async () => {
    const names = (await indexedDB.databases()).map(({ name }) => name);
    const name = names.find((each) => each.startsWith("hoist-"));
    if (!name) return 0;
    const answer = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const database = await answer(indexedDB.open(name));
    const parts = database.transaction("checksums").objectStore("checksums");
    const count = await answer(parts.count());
    database.close();
    return count;
}"""


OUTAGE = 10  # seconds
ATTEMPTS = 3 + 7
"""Three start an outage. Then at most 0.5, 1, 2, 4 … seconds pass between probes."""
LIVE = 6
"""The live connection retries by itself, and reads the list when it is open again."""


def verify_and_delete(page: Page, path: Path) -> None:
    """Wait until a file is accepted, compare its download, and delete it."""
    uploaded = row(page, path.name)
    expect(uploaded).to_have_attribute("data-state", "accepted", timeout=90_000)
    with page.expect_download() as download:
        uploaded.get_by_test_id("download").click()
    assert sha256(download.value.path()) == sha256(path)
    uploaded.get_by_test_id("delete").click()
    page.get_by_test_id("yes").click()
    expect(uploaded).to_have_count(0)


def test_after_a_reload_only_the_missing_part_is_sent(page: Page, puts: Puts, large: Path) -> None:
    puts.handle = lambda number, _: number == 3
    pick(page, large)
    eventually(lambda: journaled_parts(page), lambda parts: parts == 3)
    page.reload()
    page.get_by_test_id("account").wait_for()
    puts.handle = lambda *_: False
    puts.counts.clear()

    pick(page, large)

    verify_and_delete(page, large)
    assert puts.counts == Counter({3: 1})


def journaled_parts(page: Page) -> int:
    return int(page.evaluate(JOURNALED))


@pytest.mark.parametrize("fault", ["500", "403", "reset"])
def test_only_the_part_that_failed_is_sent_again(
    page: Page, puts: Puts, large: Path, fault: str
) -> None:
    def once(number: int, route: Route) -> bool:
        if number != 2 or puts.counts[2] > 1:
            return False
        if fault == "reset":
            route.abort("connectionreset")
        else:
            body = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
            route.fulfill(
                status=int(fault), body=body, headers={"Access-Control-Allow-Origin": "*"}
            )
        return True

    puts.handle = once

    pick(page, large)

    verify_and_delete(page, large)
    assert puts.counts == Counter({1: 1, 2: 2, 3: 1, 4: 1})


def test_three_files_at_once_survive_a_fault_in_every_third_request(
    page: Page, puts: Puts, tmp_path: Path
) -> None:
    files = [tmp_path / f"{name}.bin" for name in ("one", "two", "three")]
    for file in files:
        file.write_bytes(os.urandom(18 * MIB))
    faults = iter(["500", "reset", "500"])

    def every_third(_: int, route: Route) -> bool:
        fault = next(faults, "") if puts.counts.total() % 3 == 0 else ""
        if fault == "reset":
            route.abort("connectionreset")
        if fault == "500":
            route.fulfill(status=500, headers={"Access-Control-Allow-Origin": "*"})
        return fault != ""

    puts.handle = every_third

    pick(page, *files)

    for file in files:
        verify_and_delete(page, file)
    assert puts.counts.total() == 12 + 3, "only the parts that failed were sent again"


def test_only_the_part_without_an_answer_is_sent_again(page: Page, puts: Puts, large: Path) -> None:
    puts.handle = lambda number, _: number == 2 and puts.counts[2] == 1

    pick(page, large)

    verify_and_delete(page, large)
    assert puts.counts == Counter({1: 1, 2: 2, 3: 1, 4: 1})


def test_a_paused_upload_sends_nothing_until_it_is_resumed(
    page: Page, puts: Puts, large: Path
) -> None:
    puts.handle = lambda number, _: number == 3
    pick(page, large)
    eventually(lambda: journaled_parts(page), lambda parts: parts == 3)

    page.get_by_role("button", name="Pause").first.click()
    expect(row(page, large.name)).to_contain_text("paused")
    puts.handle = lambda *_: False
    puts.counts.clear()
    page.wait_for_timeout(1_000)
    assert puts.counts.total() == 0
    page.get_by_role("button", name="Resume").first.click()

    verify_and_delete(page, large)
    assert puts.counts == Counter({3: 1})


def test_a_file_against_the_rules_is_not_sent(page: Page, tmp_path: Path) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.method + request.url))
    disguised = tmp_path / "invoice\u202efdp.exe"
    disguised.write_bytes(b"MZ")

    pick(page, disguised)

    expect(page.get_by_text("characters that are not allowed")).to_be_visible()
    assert not [request for request in requests if request.startswith("POST")]


def test_only_the_corrupted_part_is_sent_again(page: Page, puts: Puts, large: Path) -> None:
    def corrupt(number: int, route: Route) -> bool:
        if number != 3 or puts.counts[3] > 1:
            return False
        received = route.fetch(post_data=bytes(5 * MIB))
        # SeaweedFS keeps both parts and orders them by whole seconds. S3 keeps the last one.
        time.sleep(1.1)
        route.fulfill(response=received)
        return True

    puts.handle = corrupt

    pick(page, large)

    verify_and_delete(page, large)
    assert puts.counts == Counter({1: 1, 2: 1, 3: 2, 4: 1})


@pytest.mark.parametrize("cut_at", [1, 4], ids=["before S3 has answered", "later"])
def test_twelve_seconds_without_a_network_end_no_upload(
    page: Page, puts: Puts, large: Path, context: BrowserContext, cut_at: int
) -> None:
    def cut(number: int, _: Route) -> bool:
        if number == cut_at:
            context.set_offline(True)
        return number == 3  # no answer, so that the upload does not finish

    puts.handle = cut

    pick(page, large)
    page.wait_for_function("() => !navigator.onLine")
    before = puts.counts.total()
    page.wait_for_timeout((OUTAGE + 2) * 1000)  # longer than the timeout for a first answer
    assert puts.counts.total() <= before + ATTEMPTS, "only probes while there is no network"
    puts.handle = lambda *_: False
    context.set_offline(False)

    verify_and_delete(page, large)


@pytest.mark.parametrize("service", ["s3", "api"])
def test_an_outage_causes_few_requests_and_no_uncaught_error(
    page: Page, puts: Puts, large: Path, system: RunningSystem, service: str
) -> None:
    pattern = {"s3": PART, "api": f"{system.ports.url('api')}/**"}[service]
    errors: list[str] = []
    attempts: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def refuse(route: Route) -> None:
        attempts.append(f"{route.request.method} {route.request.url.partition('?')[0]}")
        route.abort("connectionrefused")

    puts.handle = lambda number, _: number == 3  # the upload has started and does not finish
    pick(page, large)
    eventually(lambda: journaled_parts(page), lambda parts: parts == 3)
    page.route(pattern, refuse)  # type: ignore[arg-type]
    page.get_by_role("button", name="Pause").first.click()
    page.get_by_role("button", name="Resume").first.click()
    page.wait_for_timeout(OUTAGE * 1000)
    puts.handle = lambda *_: False
    page.unroute(pattern, refuse)  # type: ignore[arg-type]
    assert attempts

    verify_and_delete(page, large)
    assert errors == []
    assert len(attempts) <= ATTEMPTS + (LIVE if service == "api" else 0), Counter(attempts)


def test_a_cancelled_upload_leaves_nothing(page: Page, puts: Puts, large: Path) -> None:
    puts.handle = lambda number, _: number == 3
    pick(page, large)
    uploading = row(page, large.name)
    expect(uploading).to_have_attribute("data-state", "uploading")

    page.get_by_role("button", name="Cancel").first.click()

    expect(uploading).to_have_count(0)
    page.reload()
    page.get_by_test_id("account").wait_for()
    expect(page.get_by_text("No uploads yet")).to_be_visible()
    assert journaled_parts(page) == 0


def test_two_tabs_do_not_send_the_same_file(
    page: Page, puts: Puts, large: Path, context: BrowserContext, system: RunningSystem
) -> None:
    puts.handle = lambda number, _: number == 3
    pick(page, large)
    expect(row(page, large.name)).to_have_attribute("data-state", "uploading")
    eventually(lambda: journaled_parts(page), lambda parts: parts == 3)
    second = context.new_page()
    second.goto(system.ports.page_origin)
    sign_in(second)

    pick(second, large)
    expect(second.get_by_text("another tab").first).to_be_visible()
    page.close()
    puts.handle = lambda *_: False
    puts.counts.clear()
    second.get_by_role("button", name=re.compile("Retry")).first.click()

    verify_and_delete(second, large)
    assert puts.counts.keys() <= {3}, "the parts that the first tab sent are not sent again"
