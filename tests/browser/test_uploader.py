"""On the way: reloads, refusals, resets, corruption, offline, two tabs; nothing is sent twice."""

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

# How many parts' checksums the page's journal holds.
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
"""Three make an outage; then there are 0.5, 1, 2, 4 … seconds between probes, by chance fewer."""
LIVE = 6
"""The live line tries by itself, and reads the list when it is back."""


def is_accepted(page: Page, sent: Path) -> None:
    """Wait until a file is accepted, and compare what comes back."""
    uploaded = row(page, sent.name)
    expect(uploaded).to_have_attribute("data-state", "accepted", timeout=90_000)
    with page.expect_download() as download:
        uploaded.get_by_test_id("download").click()
    assert sha256(download.value.path()) == sha256(sent)
    uploaded.get_by_test_id("delete").click()
    page.get_by_test_id("yes").click()
    expect(uploaded).to_have_count(0)


def test_after_a_reload_only_the_rest_is_sent(page: Page, puts: Puts, large: Path) -> None:
    puts.treat = lambda number, _: number == 3
    pick(page, large)
    eventually(lambda: journaled(page), lambda parts: parts == 3)
    page.reload()
    page.get_by_test_id("account").wait_for()
    puts.treat = lambda *_: False
    puts.sent.clear()

    pick(page, large)

    is_accepted(page, large)
    assert puts.sent == Counter({3: 1})


def journaled(page: Page) -> int:
    return int(page.evaluate(JOURNALED))


@pytest.mark.parametrize("fault", ["500", "403", "reset"])
def test_a_part_that_fails_is_sent_again_alone(
    page: Page, puts: Puts, large: Path, fault: str
) -> None:
    def once(number: int, route: Route) -> bool:
        if number != 2 or puts.sent[2] > 1:
            return False
        if fault == "reset":
            route.abort("connectionreset")
        else:
            body = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
            route.fulfill(
                status=int(fault), body=body, headers={"Access-Control-Allow-Origin": "*"}
            )
        return True

    puts.treat = once

    pick(page, large)

    is_accepted(page, large)
    assert puts.sent == Counter({1: 1, 2: 2, 3: 1, 4: 1})


def test_three_files_at_once_survive_what_one_part_in_three_meets(
    page: Page, puts: Puts, tmp_path: Path
) -> None:
    files = [tmp_path / f"{name}.bin" for name in ("one", "two", "three")]
    for file in files:
        file.write_bytes(os.urandom(18 * MIB))
    faults = iter(["500", "reset", "500"])

    def now_and_then(_: int, route: Route) -> bool:
        fault = next(faults, "") if puts.sent.total() % 3 == 0 else ""
        if fault == "reset":
            route.abort("connectionreset")
        if fault == "500":
            route.fulfill(status=500, headers={"Access-Control-Allow-Origin": "*"})
        return fault != ""

    puts.treat = now_and_then

    pick(page, *files)

    for file in files:
        is_accepted(page, file)
    assert puts.sent.total() == 12 + 3, "each part that failed was sent once more, no other"


def test_a_part_that_is_never_read_is_sent_again_alone(page: Page, puts: Puts, large: Path) -> None:
    puts.treat = lambda number, _: number == 2 and puts.sent[2] == 1

    pick(page, large)

    is_accepted(page, large)
    assert puts.sent == Counter({1: 1, 2: 2, 3: 1, 4: 1})


def test_a_paused_upload_sends_nothing_and_goes_on(page: Page, puts: Puts, large: Path) -> None:
    puts.treat = lambda number, _: number == 3
    pick(page, large)
    eventually(lambda: journaled(page), lambda parts: parts == 3)

    page.get_by_role("button", name="Pause").first.click()
    expect(row(page, large.name)).to_contain_text("paused")
    puts.treat = lambda *_: False
    puts.sent.clear()
    page.wait_for_timeout(1_000)
    assert puts.sent.total() == 0
    page.get_by_role("button", name="Resume").first.click()

    is_accepted(page, large)
    assert puts.sent == Counter({3: 1})


def test_what_the_rules_forbid_is_not_begun(page: Page, tmp_path: Path) -> None:
    begun: list[str] = []
    page.on("request", lambda request: begun.append(request.method + request.url))
    turned = tmp_path / "invoice\u202efdp.exe"
    turned.write_bytes(b"MZ")

    pick(page, turned)

    expect(page.get_by_text("characters that are not allowed")).to_be_visible()
    assert not [request for request in begun if request.startswith("POST")]


def test_a_corrupted_part_is_sent_again_alone(page: Page, puts: Puts, large: Path) -> None:
    def corrupt(number: int, route: Route) -> bool:
        if number != 3 or puts.sent[3] > 1:
            return False
        received = route.fetch(post_data=bytes(5 * MIB))
        # SeaweedFS keeps both and tells their order in whole seconds; S3 keeps the last.
        time.sleep(1.1)
        route.fulfill(response=received)
        return True

    puts.treat = corrupt

    pick(page, large)

    is_accepted(page, large)
    assert puts.sent == Counter({1: 1, 2: 1, 3: 2, 4: 1})


@pytest.mark.parametrize("cut_at", [1, 4], ids=["before S3 has answered", "later"])
def test_offline_for_twelve_seconds_it_waits_and_goes_on_by_itself(
    page: Page, puts: Puts, large: Path, context: BrowserContext, cut_at: int
) -> None:
    def cut(number: int, _: Route) -> bool:
        if number == cut_at:
            context.set_offline(True)
        return number == 3  # never answered, so that the file is not through

    puts.treat = cut

    pick(page, large)
    page.wait_for_function("() => !navigator.onLine")
    tried = puts.sent.total()
    page.wait_for_timeout((OUTAGE + 2) * 1000)  # longer than a first answer is waited for
    assert puts.sent.total() <= tried + ATTEMPTS, "no more than probes while there is no network"
    puts.treat = lambda *_: False
    context.set_offline(False)

    is_accepted(page, large)


@pytest.mark.parametrize("service", ["s3", "api"])
def test_an_outage_costs_a_few_requests_and_no_uncaught_error(
    page: Page, puts: Puts, large: Path, system: RunningSystem, service: str
) -> None:
    refusing = {"s3": PART, "api": f"{system.ports.url('api')}/**"}[service]
    uncaught: list[str] = []
    refused: list[str] = []
    page.on("pageerror", lambda error: uncaught.append(str(error)))

    def refuse(route: Route) -> None:
        refused.append(f"{route.request.method} {route.request.url.partition('?')[0]}")
        route.abort("connectionrefused")

    puts.treat = lambda number, _: number == 3  # the file is begun, and not through
    pick(page, large)
    eventually(lambda: journaled(page), lambda parts: parts == 3)
    page.route(refusing, refuse)
    page.get_by_role("button", name="Pause").first.click()
    page.get_by_role("button", name="Resume").first.click()
    page.wait_for_timeout(OUTAGE * 1000)
    puts.treat = lambda *_: False
    page.unroute(refusing, refuse)
    assert refused

    is_accepted(page, large)
    assert uncaught == []
    assert len(refused) <= ATTEMPTS + (LIVE if service == "api" else 0), Counter(refused)


def test_an_upload_that_is_cancelled_is_gone(page: Page, puts: Puts, large: Path) -> None:
    puts.treat = lambda number, _: number == 3
    pick(page, large)
    uploading = row(page, large.name)
    expect(uploading).to_have_attribute("data-state", "uploading")

    page.get_by_role("button", name="Cancel").first.click()

    expect(uploading).to_have_count(0)
    page.reload()
    page.get_by_test_id("account").wait_for()
    expect(page.get_by_text("Nothing here yet")).to_be_visible()
    assert journaled(page) == 0


def test_two_tabs_do_not_send_one_file(
    page: Page, puts: Puts, large: Path, context: BrowserContext, system: RunningSystem
) -> None:
    puts.treat = lambda number, _: number == 3
    pick(page, large)
    expect(row(page, large.name)).to_have_attribute("data-state", "uploading")
    eventually(lambda: journaled(page), lambda parts: parts == 3)
    second = context.new_page()
    second.goto(system.ports.page_origin)
    sign_in(second)

    pick(second, large)
    expect(second.get_by_text("another tab").first).to_be_visible()
    page.close()
    puts.treat = lambda *_: False
    puts.sent.clear()
    second.get_by_role("button", name=re.compile("Retry")).first.click()

    is_accepted(second, large)
    assert puts.sent.keys() <= {3}, "what the first tab had sent is not sent again"
