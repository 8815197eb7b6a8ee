"""The main job of a person: sign in, pick a file, watch its upload, read its report, save it."""

import hashlib
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.running import RunningSystem, sign_in

pytestmark = pytest.mark.browser

MIB = 1024 * 1024
STATES = "uploading uploaded processing accepted"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pick(page: Page, *paths: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(paths)


def row(page: Page, filename: str) -> Locator:
    return page.locator(f"[data-testid=upload][data-filename='{filename}']")


def test_a_file_is_uploaded_and_downloaded_identical(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "random.bin"
    path.write_bytes(os.urandom(64 * MIB))
    loads: list[str] = []
    page.on("load", lambda frame: loads.append(frame.url))

    pick(page, path)
    uploaded = row(page, "random.bin")
    expect(uploaded).to_have_attribute("data-state", "accepted", timeout=60_000)

    assert uploaded.get_attribute("data-states") == STATES
    uploaded.get_by_test_id("report").locator("summary").click()
    expect(uploaded.get_by_test_id("report")).to_contain_text("application/octet-stream")
    with page.expect_download() as download:
        uploaded.get_by_test_id("download").click()
    assert download.value.suggested_filename == "random.bin"
    assert sha256(download.value.path()) == sha256(path)
    assert loads == []


def test_progress_is_real_and_parts_are_sent_in_parallel(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "parts.bin"
    path.write_bytes(os.urandom(48 * MIB))
    # A connection that is slow enough to see progress.
    page.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 16 * MIB},
    )
    active: set[str] = set()
    most = 0
    hosts: set[str] = set()

    def started(url: str) -> None:
        nonlocal most
        if "partNumber=" in url:
            active.add(url)
            hosts.add(url.split("/")[2].split(":", maxsplit=1)[0])
            most = max(most, len(active))

    page.on("request", lambda request: started(request.url))
    page.on("requestfinished", lambda request: active.discard(request.url))
    page.evaluate(
        """() => {
            window.percents = new Set();
            new MutationObserver(() => {
                const match = /(\\d+)%/.exec(document.body.innerText);
                if (match) window.percents.add(Number(match[1]));
            }).observe(document.body, { subtree: true, childList: true, characterData: true });
        }"""
    )

    pick(page, path)
    expect(row(page, "parts.bin")).to_have_attribute("data-state", "accepted", timeout=60_000)

    assert most > 1
    assert hosts == {"127.0.0.1", "localhost"}
    percents = page.evaluate("[...window.percents]")
    assert len([percent for percent in percents if 0 < percent < 100]) > 2


def test_several_files_and_an_empty_one_are_all_accepted(page: Page, tmp_path: Path) -> None:
    names = ["empty", "grüße +%.txt", "日本.txt"]
    for name in names:
        (tmp_path / name).write_bytes(b"" if name == "empty" else name.encode())

    pick(page, *(tmp_path / name for name in names))

    for name in names:
        expect(row(page, name)).to_have_attribute("data-state", "accepted", timeout=30_000)
        with page.expect_download() as download:
            row(page, name).get_by_test_id("download").click()
        assert download.value.suggested_filename == name
        assert sha256(download.value.path()) == sha256(tmp_path / name)


def test_a_second_page_of_the_owner_gets_live_updates(page: Page, tmp_path: Path) -> None:
    other = page.context.new_page()
    other.goto(page.url)
    sign_in(other)
    (tmp_path / "shared.txt").write_text("shown twice")

    pick(page, tmp_path / "shared.txt")

    expect(row(other, "shared.txt")).to_have_attribute("data-state", "accepted", timeout=30_000)
    states = row(other, "shared.txt").get_attribute("data-states") or ""
    assert states.removeprefix("uploading ") == "uploaded processing accepted"


def test_a_reload_keeps_the_account_and_the_uploads(page: Page, tmp_path: Path) -> None:
    (tmp_path / "stays.txt").write_text("still here")
    pick(page, tmp_path / "stays.txt")
    expect(row(page, "stays.txt")).to_have_attribute("data-state", "accepted", timeout=30_000)

    page.reload()

    expect(page.get_by_test_id("account")).to_have_text("demo@example.com")
    expect(row(page, "stays.txt")).to_have_attribute("data-state", "accepted")


def test_delete_asks_first_and_removes_the_upload(page: Page, tmp_path: Path) -> None:
    (tmp_path / "unwanted.txt").write_text("away with it")
    pick(page, tmp_path / "unwanted.txt")
    expect(row(page, "unwanted.txt")).to_have_attribute("data-state", "accepted", timeout=30_000)

    row(page, "unwanted.txt").get_by_test_id("delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(row(page, "unwanted.txt")).to_have_count(0)


def test_a_wrong_password_shows_an_explanation(page: Page, system: RunningSystem) -> None:
    page.get_by_test_id("sign-out").click()
    page.get_by_test_id("email").fill("demo@example.com")
    page.get_by_test_id("password").fill("wrong")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("problem")).to_have_text(re.compile("password", re.IGNORECASE))
    assert page.url.startswith(system.ports.page_origin)


def test_the_page_calls_no_other_site_and_obeys_its_content_security_policy(
    page: Page, tmp_path: Path
) -> None:
    problems: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.on("request", lambda request: hosts.add(re.split(r"[/:]+", request.url)[1]))
    (tmp_path / "quiet.txt").write_text("shh")

    page.reload()
    pick(page, tmp_path / "quiet.txt")
    expect(row(page, "quiet.txt")).to_have_attribute("data-state", "accepted", timeout=30_000)

    assert problems == []
    assert hosts <= {"127.0.0.1", "localhost"}
