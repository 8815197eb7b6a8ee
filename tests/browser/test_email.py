import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.running import RunningSystem, call, eventually

pytestmark = [pytest.mark.system, pytest.mark.browser]

ADDRESS = "demo@example.com"
LINK = re.compile(r"http://127\.0\.0\.1:\d+/email/\S+")


def mail(system: RunningSystem) -> list[str]:
    """What was sent to the person, oldest first."""
    paths = sorted((system.home / "mail").glob("*.txt"))
    return [text for path in paths if (text := path.read_text()).startswith(f"To: {ADDRESS}")]


def come_back(page: Page) -> None:
    """As if the tab had been in the background."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def upload(page: Page, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"to be told of")
    page.locator("input[type=file][multiple]").first.set_input_files(path)
    expect(page.locator("[data-testid=uploads] > li", has_text=name)).to_contain_text("Accepted")


def test_a_person_is_emailed_once_they_have_confirmed_and_until_they_say_no(
    page: Page, system: RunningSystem, tmp_path: Path
) -> None:
    switch, row = page.get_by_test_id("email"), page.locator(".mailing")
    expect(switch).to_have_attribute("aria-checked", "false")
    assert switch.get_attribute("role") == "switch"
    switch.focus()
    page.keyboard.press("Space")
    expect(row).to_contain_text(f"Confirm the email that was sent to {ADDRESS}.")
    expect(switch, "the keyboard is not lost").to_be_focused()
    upload(page, tmp_path, "early.txt")

    (asked,) = mail(system)
    link = LINK.search(asked)
    assert link is not None
    assert call("GET", link[0]).body == f"{ADDRESS} will be emailed about its uploads.".encode()
    come_back(page)
    expect(row).to_contain_text(f"Outcomes are sent to {ADDRESS}.")
    upload(page, tmp_path, "told.txt")

    _, told = eventually(lambda: mail(system), lambda found: len(found) == 2)
    assert "Subject: Hoist: accepted - told.txt" in told
    page.reload()
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    upload(page, tmp_path, "late.txt")
    eventually(
        lambda: [p.read_text() for p in (system.home / "mail").glob("*.txt")],
        lambda all_mail: any("accepted - late.txt" in text for text in all_mail),
    )
    assert len(mail(system)) == 2


def test_the_link_in_a_mail_ends_it_too(page: Page, system: RunningSystem, tmp_path: Path) -> None:
    switch = page.get_by_test_id("email")
    before = len(mail(system))
    switch.click()
    page.get_by_role("button", name="Send it again").click()
    expect(page.locator(".mailing")).to_contain_text(f"It was sent to {ADDRESS} again.")
    asked = eventually(lambda: mail(system)[before:], lambda found: len(found) == 2)
    confirm = LINK.search(asked[1])
    assert confirm is not None
    call("GET", confirm[0])
    upload(page, tmp_path, "last.txt")
    told = eventually(lambda: mail(system)[before + 2 :], lambda found: len(found) == 1)
    unsubscribe = LINK.search(told[0])
    assert unsubscribe is not None

    row = page.locator(".mailing")
    assert call("HEAD", unsubscribe[0]).body == b"", "asked for, not opened"
    come_back(page)
    expect(row).to_contain_text(f"Outcomes are sent to {ADDRESS}.")
    assert call("GET", unsubscribe[0]).body == f"{ADDRESS} is emailed no more.".encode()

    page.reload()
    expect(row).to_contain_text(f"Mail to {ADDRESS} has stopped")
    expect(switch).to_have_attribute("aria-checked", "false")
    page.get_by_role("button", name="Leave it off").click()
    expect(row).not_to_contain_text("has stopped")
    page.reload()
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(row).not_to_contain_text("has stopped")
    assert b"too old" in call("GET", confirm[0]).body
