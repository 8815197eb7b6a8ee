import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import ARGUMENTS
from tests.second_aws.aws import Aws, running_emulator
from tests.second_aws.team import Team, team_in


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with running_emulator(tmp_path_factory.mktemp("aws")) as running, running.names_resolved():
        yield running


@pytest.fixture(scope="module")
def team(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Team:
    return team_in(tmp_path_factory.mktemp("team"), aws)


@pytest.fixture(scope="module")
def browser(aws: Aws) -> Iterator[Browser]:
    """Chromium, which resolves AWS's host names to the emulator, and no other names."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    assert executable, "no Chromium on PATH: `make browser` installs it or says what to do"
    rules = [f"MAP {name} 127.0.0.1:{aws.port}" for name in ("*.amazonaws.com", "*.cloudfront.net")]
    rules += ["MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"]
    arguments = [each for each in ARGUMENTS if not each.startswith("--host-resolver-rules")]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable,
            args=[*arguments, f"--host-resolver-rules={' , '.join(rules)}"],
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def page(browser: Browser, team: Team) -> Iterator[Page]:
    """The page that the team deployed, before anybody signs in."""
    # Chromium does not trust the emulator's certificates, but urllib and boto3 check them.
    context = browser.new_context(accept_downloads=True, ignore_https_errors=True)
    opened = context.new_page()
    opened.goto(team.page_origin())
    yield opened
    context.close()
