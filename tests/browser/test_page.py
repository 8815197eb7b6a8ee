"""The page beside the main job: leaving it, seeing it, using it without a mouse."""

import gzip
import os
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Dialog, Page, expect

from deploy.steps.page import BUILT
from tests.browser.conftest import MIB, WITHOUT_PICKER, Puts
from tests.browser.test_main_job import pick, row
from tests.support.running import ROOT, RunningSystem, call, sign_in

pytestmark = pytest.mark.browser


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

    page.wait_for_function("() => window.locks === 1")
    expect(row(page, sent.name)).to_have_attribute("data-state", "accepted", timeout=60_000)
    page.wait_for_function("() => window.locks === 0")


def test_who_looks_elsewhere_is_told_by_the_browser(
    page: Page, context: BrowserContext, tmp_path: Path
) -> None:
    page.evaluate(
        """() => {
            window.told = [];
            const { Notification } = window;
            window.Notification = class extends Notification {
                constructor(title, options) {
                    super(title, options);
                    window.told.push(options.body);
                }
            };
        }"""
    )
    context.grant_permissions(["notifications"])
    seen, unseen, another = (tmp_path / f"{name}.txt" for name in ("seen", "unseen", "another"))
    for each in (seen, unseen, another):
        each.write_text(each.name)

    pick(page, seen)
    expect(row(page, seen.name)).to_have_attribute("data-state", "accepted", timeout=60_000)
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    pick(page, unseen)

    page.wait_for_function("() => window.told.length > 0")
    assert page.evaluate("window.told") == ["unseen.txt was accepted."]
    pick(page, another)
    page.wait_for_function("() => window.told.length > 1")
    assert page.evaluate("window.told[1]") == "2 files were accepted.", "in the place of the first"


def test_a_folder_is_sent_with_all_that_is_in_it(page: Page, tmp_path: Path) -> None:
    inner = tmp_path / "folder" / "inner"
    inner.mkdir(parents=True)
    (inner.parent / "outer.txt").write_text("outer")
    (inner / "inner.txt").write_text("inner")

    page.locator("input[webkitdirectory]").first.set_input_files(inner.parent)

    for name in ("outer.txt", "inner.txt"):
        expect(row(page, name)).to_have_attribute("data-state", "accepted", timeout=60_000)


@pytest.fixture
def entrance(context: BrowserContext, system: RunningSystem) -> Page:
    """The page, signed out."""
    opened = context.new_page()
    opened.goto(system.ports.page_origin)
    opened.get_by_test_id("sign-in").wait_for()
    return opened


def submit(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        page.get_by_test_id(name).fill(text)
    page.get_by_test_id("submit").click()


def test_an_account_is_made_confirmed_and_given_a_new_password(entrance: Page) -> None:
    """At home no mail is sent, and the stand-in for Cognito takes any code."""
    entrance.get_by_test_id("to-sign-up").click()
    submit(entrance, email="new@example.com", password="Upload-me-2")
    submit(entrance, code="123456")
    entrance.get_by_test_id("account").wait_for()
    entrance.get_by_test_id("sign-out").click()

    entrance.get_by_test_id("to-forgot").click()
    submit(entrance, email="new@example.com")
    submit(entrance, code="123456", password="Upload-me-3")
    entrance.get_by_test_id("account").wait_for()
    entrance.get_by_test_id("sign-out").click()

    submit(entrance, email="new@example.com", password="Upload-me-2")
    expect(entrance.get_by_test_id("problem")).not_to_be_empty()
    submit(entrance, password="Upload-me-3")
    entrance.get_by_test_id("account").wait_for()


def given_account(system: RunningSystem, email: str) -> dict[str, str]:
    """An account that an operator made; only its owner has not been there yet."""
    config = call("GET", f"{system.url('page')}/config.json").json
    account = {"UserPoolId": config["user_pool_id"], "Username": email}
    made = system.cognito(
        "AdminCreateUser",
        account | {"MessageAction": "SUPPRESS", "TemporaryPassword": "Given-to-you-1"},
    )
    assert made.status == 200, made.body
    return account


def test_who_was_given_an_account_chooses_a_password_and_is_in(
    entrance: Page, system: RunningSystem
) -> None:
    given_account(system, "given@example.com")
    submit(entrance, email="given@example.com", password="Given-to-you-1")
    expect(entrance.get_by_test_id("first-password")).to_contain_text("given@example.com")
    expect(entrance.get_by_test_id("password")).to_be_focused()
    assert barriers(entrance) == []
    submit(entrance, password="weak")
    expect(entrance.get_by_test_id("problem")).to_contain_text("too weak")
    submit(entrance, password="My-own-one-2")
    expect(entrance.get_by_test_id("account")).to_have_text("given@example.com")
    entrance.reload()
    expect(entrance.get_by_test_id("account")).to_have_text("given@example.com")
    entrance.get_by_test_id("sign-out").click()

    submit(entrance, email="given@example.com", password="Given-to-you-1")
    expect(entrance.get_by_test_id("problem")).to_contain_text("Email or password is not right")
    submit(entrance, password="My-own-one-2")
    entrance.get_by_test_id("account").wait_for()


def test_a_disabled_account_is_told_whom_to_ask(entrance: Page, system: RunningSystem) -> None:
    system.cognito("AdminDisableUser", given_account(system, "gone@example.com"))

    submit(entrance, email="gone@example.com", password="Given-to-you-1")

    expect(entrance.get_by_test_id("problem")).to_contain_text("This account is disabled. Ask")


def test_the_page_is_seen_before_the_api_is_asked(
    context: BrowserContext, system: RunningSystem
) -> None:
    page = context.new_page()
    page.route(f"{system.url('api')}/**", lambda route: route.abort())

    page.goto(system.ports.page_origin)

    expect(page.get_by_test_id("sign-in")).to_be_visible()


def test_a_browser_of_2023_uploads_as_well(
    context: BrowserContext, system: RunningSystem, tmp_path: Path
) -> None:
    """What Safari before 17.4, Firefox before 124 and Chrome before 116 lack."""
    context.add_init_script("delete AbortSignal.any")
    page = context.new_page()
    page.goto(system.ports.page_origin)
    sign_in(page)
    for name, size in (("small.bin", 1000), ("large.bin", 20 * MIB)):
        sent = tmp_path / name
        sent.write_bytes(os.urandom(size))
        pick(page, sent)
        expect(row(page, name)).to_have_attribute("data-state", "accepted", timeout=60_000)


def test_its_scripts_weigh_less_than_250_kb_gzipped() -> None:
    scripts = list((BUILT / "assets").glob("*.js"))

    assert scripts
    assert sum(len(gzip.compress(script.read_bytes())) for script in scripts) < 250_000


AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


def barriers(page: Page) -> list[str]:
    """What axe finds that keeps people out: rule and element, of serious and critical weight."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{violation['id']}: {node['html'][:100]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("face", ["sign-in", "to-sign-up", "to-forgot"])
def test_nobody_is_kept_out_of_the_entrance(entrance: Page, face: str) -> None:
    if face != "sign-in":
        entrance.get_by_test_id(face).click()

    assert barriers(entrance) == []


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1100], ids=["phone", "desktop"])
def test_nobody_is_kept_out_of_the_workspace(
    page: Page, tmp_path: Path, colours: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
    sent = tmp_path / f"{colours}{width}.txt"
    sent.write_text("seen by everybody")
    pick(page, sent)
    expect(row(page, sent.name)).to_have_attribute("data-state", "accepted", timeout=30_000)

    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_files_are_browsed_by_the_picker_that_gives_a_way_back(page: Page) -> None:
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


def test_everything_can_be_done_without_a_mouse(entrance: Page, tmp_path: Path) -> None:
    entrance.evaluate(WITHOUT_PICKER)
    keyboard = entrance.keyboard
    entrance.get_by_test_id("email").focus()
    keyboard.type("demo@example.com")
    keyboard.press("Tab")
    keyboard.type("Upload-me-1")
    keyboard.press("Enter")
    entrance.get_by_test_id("account").wait_for()
    browse = entrance.get_by_role("button", name="browse files").first
    entrance.locator("[data-live=true]").wait_for()
    sent = tmp_path / "keys.txt"
    sent.write_text("no mouse")

    with entrance.expect_file_chooser() as chooser:
        browse.press("Enter")
    chooser.value.set_files([sent])

    uploaded = row(entrance, sent.name)
    expect(uploaded).to_have_attribute("data-state", "accepted", timeout=30_000)
    uploaded.get_by_test_id("delete").focus()
    keyboard.press("Enter")
    entrance.get_by_test_id("yes").focus()
    keyboard.press("Enter")
    expect(uploaded).to_have_count(0)
