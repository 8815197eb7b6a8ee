import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.running import RunningSystem, call, eventually

pytestmark = [pytest.mark.system, pytest.mark.browser]

ADDRESS = "demo@example.com"
LINK = re.compile(r"http://127\.0\.0\.1:\d+/email/\S+")


def mail(system: RunningSystem) -> list[str]:
    """The emails to the person, oldest first."""
    paths = sorted((system.home / "mail").glob("*.txt"))
    return [text for path in paths if (text := path.read_text()).startswith(f"To: {ADDRESS}")]


def come_back(page: Page) -> None:
    """Simulate a return to the tab."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def upload(page: Page, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"contents")
    page.locator("input[type=file][multiple]").first.set_input_files(path)
    expect(page.locator("[data-testid=uploads] > li", has_text=name)).to_contain_text("Accepted")


def test_a_person_gets_emails_from_the_confirmation_until_the_switch_is_off(
    page: Page, system: RunningSystem, tmp_path: Path
) -> None:
    switch, row = page.get_by_test_id("email"), page.locator(".mailing")
    expect(switch).to_have_attribute("aria-checked", "false")
    assert switch.get_attribute("role") == "switch"
    switch.focus()
    page.keyboard.press("Space")
    expect(row).to_contain_text(f"An email was sent to {ADDRESS}. Open the link in it to confirm.")
    expect(switch, "it keeps the focus").to_be_focused()
    upload(page, tmp_path, "early.txt")

    (request,) = mail(system)
    link = LINK.search(request)
    assert link is not None
    assert call("GET", link[0]).body == f"{ADDRESS} will get email about its uploads.".encode()
    come_back(page)
    expect(row).to_contain_text(f"The outcome of each upload is emailed to {ADDRESS}.")
    upload(page, tmp_path, "confirmed.txt")

    _, outcome = eventually(lambda: mail(system), lambda emails: len(emails) == 2)
    assert "Subject: Hoist: accepted - confirmed.txt" in outcome
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


def test_the_link_in_an_email_ends_emails_too(
    page: Page, system: RunningSystem, tmp_path: Path
) -> None:
    switch = page.get_by_test_id("email")
    before = len(mail(system))
    switch.click()
    page.get_by_role("button", name="Resend the email").click()
    expect(page.locator(".mailing")).to_contain_text(f"The email was sent to {ADDRESS} again.")
    requests = eventually(lambda: mail(system)[before:], lambda emails: len(emails) == 2)
    confirm = LINK.search(requests[1])
    assert confirm is not None
    call("GET", confirm[0])
    upload(page, tmp_path, "last.txt")
    outcomes = eventually(lambda: mail(system)[before + 2 :], lambda emails: len(emails) == 1)
    unsubscribe = LINK.search(outcomes[0])
    assert unsubscribe is not None

    row = page.locator(".mailing")
    assert call("HEAD", unsubscribe[0]).body == b"", "a HEAD request does not unsubscribe"
    come_back(page)
    expect(row).to_contain_text(f"The outcome of each upload is emailed to {ADDRESS}.")
    assert call("GET", unsubscribe[0]).body == f"{ADDRESS} gets no more email.".encode()

    page.reload()
    expect(row).to_contain_text(f"Emails to {ADDRESS} have stopped")
    expect(switch).to_have_attribute("aria-checked", "false")
    page.get_by_role("button", name="Leave it off").click()
    expect(row).not_to_contain_text("have stopped")
    page.reload()
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(row).not_to_contain_text("have stopped")
    assert b"too old" in call("GET", confirm[0]).body
