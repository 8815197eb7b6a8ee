"""The page apart from the main job: leaving it, accounts, accessibility, the keyboard."""

import gzip
import os
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Dialog, Page, expect

from chalicelib.version import VERSION
from deploy.steps.page import BUILT
from tests.browser.conftest import MIB, WITHOUT_PICKER, Puts
from tests.browser.test_main_job import pick, row
from tests.support.running import ROOT, RunningSystem, call, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def puts(page: Page) -> Puts:
    return Puts(page.context)


@pytest.fixture
def unfinished(page: Page, puts: Puts, tmp_path: Path) -> Path:
    """A file that the page is sending, because its third part never gets an answer."""
    path = tmp_path / "unfinished.bin"
    path.write_bytes(os.urandom(33 * MIB))
    puts.handle = lambda number, _: number == 3
    pick(page, path)
    expect(row(page, path.name)).to_have_attribute("data-state", "uploading")
    return path


def test_leaving_asks_first_during_an_upload(page: Page, unfinished: Path) -> None:
    # Browsers let a page ask only after the person has used it.
    page.get_by_role("heading", name="My uploads").click()
    page.on("dialog", lambda dialog: dialog.dismiss())

    with page.expect_event("dialog") as dialog:
        page.evaluate("location.reload()")

    assert dialog.value.type == "beforeunload"
    expect(row(page, unfinished.name)).to_have_attribute("data-state", "uploading")


def test_leaving_does_not_ask_without_an_upload(page: Page) -> None:
    page.get_by_role("heading", name="My uploads").click()
    dialogs: list[Dialog] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog))  # noqa: PLW0108 - for Playwright

    with page.expect_event("load"):
        page.evaluate("location.reload()")

    page.get_by_test_id("account").wait_for()
    assert dialogs == []


def test_the_screen_stays_on_during_an_upload(page: Page, tmp_path: Path) -> None:
    page.evaluate(
        """() => {
            window.locks = 0;
            const lock = { release: async () => { window.locks--; } };
            navigator.wakeLock.request = async () => { window.locks++; return lock; };
        }"""
    )
    path = tmp_path / "short.bin"
    path.write_bytes(os.urandom(33 * MIB))

    pick(page, path)

    page.wait_for_function("() => window.locks === 1")
    expect(row(page, path.name)).to_have_attribute("data-state", "accepted", timeout=60_000)
    page.wait_for_function("() => window.locks === 0")


def test_a_hidden_tab_shows_notifications_of_the_browser(
    page: Page, context: BrowserContext, tmp_path: Path
) -> None:
    page.evaluate(
        """() => {
            window.notifications = [];
            const { Notification } = window;
            window.Notification = class extends Notification {
                constructor(title, options) {
                    super(title, options);
                    window.notifications.push(options.body);
                }
            };
        }"""
    )
    context.grant_permissions(["notifications"])
    visible, hidden, another = (
        tmp_path / f"{name}.txt" for name in ("visible", "hidden", "another")
    )
    for each in (visible, hidden, another):
        each.write_text(each.name)

    pick(page, visible)
    expect(row(page, visible.name)).to_have_attribute("data-state", "accepted", timeout=60_000)
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    pick(page, hidden)

    page.wait_for_function("() => window.notifications.length > 0")
    assert page.evaluate("window.notifications") == ["hidden.txt was accepted."]
    pick(page, another)
    page.wait_for_function("() => window.notifications.length > 1")
    assert page.evaluate("window.notifications[1]") == "2 files were accepted.", (
        "it replaces the first"
    )


def test_all_files_of_a_folder_are_sent(page: Page, tmp_path: Path) -> None:
    inner = tmp_path / "folder" / "inner"
    inner.mkdir(parents=True)
    (inner.parent / "outer.txt").write_text("outer")
    (inner / "inner.txt").write_text("inner")

    page.locator("input[webkitdirectory]").first.set_input_files(inner.parent)

    for name in ("outer.txt", "inner.txt"):
        expect(row(page, name)).to_have_attribute("data-state", "accepted", timeout=60_000)


@pytest.fixture
def signed_out(context: BrowserContext, system: RunningSystem) -> Page:
    """The page, signed out."""
    opened = context.new_page()
    opened.goto(system.ports.page_origin)
    opened.get_by_test_id("sign-in").wait_for()
    return opened


def submit(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        page.get_by_test_id(name).fill(text)
    page.get_by_test_id("submit").click()


def test_an_account_is_created_and_confirmed_and_gets_a_new_password(signed_out: Page) -> None:
    """A local system sends no email, and its emulator of Cognito accepts any code."""
    signed_out.get_by_test_id("to-sign-up").click()
    submit(signed_out, email="new@example.com", password="Upload-me-2")
    submit(signed_out, code="123456")
    signed_out.get_by_test_id("account").wait_for()
    signed_out.get_by_test_id("sign-out").click()

    signed_out.get_by_test_id("to-forgot").click()
    submit(signed_out, email="new@example.com")
    submit(signed_out, code="123456", password="Upload-me-3")
    signed_out.get_by_test_id("account").wait_for()
    signed_out.get_by_test_id("sign-out").click()

    submit(signed_out, email="new@example.com", password="Upload-me-2")
    expect(signed_out.get_by_test_id("problem")).not_to_be_empty()
    submit(signed_out, password="Upload-me-3")
    signed_out.get_by_test_id("account").wait_for()


def account_by_administrator(system: RunningSystem, email: str) -> dict[str, str]:
    """Create an account as an administrator does. Its owner has not signed in yet."""
    config = call("GET", f"{system.url('page')}/config.json").json
    account = {"UserPoolId": config["user_pool_id"], "Username": email}
    response = system.cognito(
        "AdminCreateUser",
        account | {"MessageAction": "SUPPRESS", "TemporaryPassword": "Given-to-you-1"},
    )
    assert response.status == 200, response.body
    return account


def test_an_account_by_an_administrator_requires_a_new_password(
    signed_out: Page, system: RunningSystem
) -> None:
    account_by_administrator(system, "given@example.com")
    submit(signed_out, email="given@example.com", password="Given-to-you-1")
    expect(signed_out.get_by_test_id("first-password")).to_contain_text("given@example.com")
    expect(signed_out.get_by_test_id("password")).to_be_focused()
    assert violations(signed_out) == []
    submit(signed_out, password="weak")
    expect(signed_out.get_by_test_id("problem")).to_contain_text("too weak")
    submit(signed_out, password="My-own-one-2")
    expect(signed_out.get_by_test_id("account")).to_have_text("given@example.com")
    signed_out.reload()
    expect(signed_out.get_by_test_id("account")).to_have_text("given@example.com")
    signed_out.get_by_test_id("sign-out").click()

    submit(signed_out, email="given@example.com", password="Given-to-you-1")
    expect(signed_out.get_by_test_id("problem")).to_contain_text(
        "The email address or the password is wrong"
    )
    submit(signed_out, password="My-own-one-2")
    signed_out.get_by_test_id("account").wait_for()


def test_a_disabled_account_refers_to_the_administrator(
    signed_out: Page, system: RunningSystem
) -> None:
    system.cognito("AdminDisableUser", account_by_administrator(system, "gone@example.com"))

    submit(signed_out, email="gone@example.com", password="Given-to-you-1")

    expect(signed_out.get_by_test_id("problem")).to_contain_text("This account is disabled. Ask")


def test_the_page_appears_without_the_api(context: BrowserContext, system: RunningSystem) -> None:
    page = context.new_page()
    page.route(f"{system.url('api')}/**", lambda route: route.abort())

    page.goto(system.ports.page_origin)

    expect(page.get_by_test_id("sign-in")).to_be_visible()


def test_the_page_shows_its_version(signed_out: Page) -> None:
    expect(signed_out.get_by_test_id("version")).to_have_text(f"Hoist {VERSION}")


def test_a_browser_of_2023_uploads_too(
    context: BrowserContext, system: RunningSystem, tmp_path: Path
) -> None:
    """Safari before 17.4, Firefox before 124 and Chrome before 116 lack AbortSignal.any."""
    context.add_init_script("delete AbortSignal.any")
    page = context.new_page()
    page.goto(system.ports.page_origin)
    sign_in(page)
    for name, size in (("small.bin", 1000), ("large.bin", 20 * MIB)):
        path = tmp_path / name
        path.write_bytes(os.urandom(size))
        pick(page, path)
        expect(row(page, name)).to_have_attribute("data-state", "accepted", timeout=60_000)


def test_its_scripts_weigh_less_than_250_kb_gzipped() -> None:
    scripts = list((BUILT / "assets").glob("*.js"))

    assert scripts
    assert sum(len(gzip.compress(script.read_bytes())) for script in scripts) < 250_000


AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """The serious and critical findings of axe: rule and element."""
    page.evaluate(AXE.read_text("utf-8"))
    findings = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{finding['id']}: {node['html'][:100]}"
        for finding in findings
        if finding["impact"] in ("serious", "critical")
        for node in finding["nodes"]
    ]


@pytest.mark.parametrize("form", ["sign-in", "to-sign-up", "to-forgot"])
def test_the_sign_in_forms_are_accessible(signed_out: Page, form: str) -> None:
    if form != "sign-in":
        signed_out.get_by_test_id(form).click()

    assert violations(signed_out) == []


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1100], ids=["phone", "desktop"])
def test_the_workspace_is_accessible(page: Page, tmp_path: Path, colours: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
    path = tmp_path / f"{colours}{width}.txt"
    path.write_text("for everybody")
    pick(page, path)
    expect(row(page, path.name)).to_have_attribute("data-state", "accepted", timeout=30_000)

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_browse_files_opens_the_picker_that_returns_handles(page: Page) -> None:
    page.evaluate(
        """() => {
            window.showOpenFilePicker = async () => {
                const folder = await navigator.storage.getDirectory();
                const handle = await folder.getFileHandle("picked.txt", { create: true });
                const writer = await handle.createWritable();
                await writer.write("picked");
                await writer.close();
                return [handle];
            };
        }"""
    )

    page.get_by_role("button", name="browse files").click()

    expect(row(page, "picked.txt")).to_have_attribute("data-state", "accepted", timeout=30_000)


def test_the_keyboard_is_enough_for_everything(signed_out: Page, tmp_path: Path) -> None:
    signed_out.evaluate(WITHOUT_PICKER)
    keyboard = signed_out.keyboard
    signed_out.get_by_test_id("email").focus()
    keyboard.type("demo@example.com")
    keyboard.press("Tab")
    keyboard.type("Upload-me-1")
    keyboard.press("Enter")
    signed_out.get_by_test_id("account").wait_for()
    browse = signed_out.get_by_role("button", name="browse files").first
    signed_out.locator("[data-live=true]").wait_for()
    path = tmp_path / "keys.txt"
    path.write_text("no mouse")

    with signed_out.expect_file_chooser() as chooser:
        browse.press("Enter")
    chooser.value.set_files([path])

    uploaded = row(signed_out, path.name)
    expect(uploaded).to_have_attribute("data-state", "accepted", timeout=30_000)
    uploaded.get_by_test_id("delete").focus()
    keyboard.press("Enter")
    signed_out.get_by_test_id("yes").focus()
    keyboard.press("Enter")
    expect(uploaded).to_have_count(0)
