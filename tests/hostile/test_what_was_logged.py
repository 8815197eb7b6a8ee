"""The logs of the system have no secret, read after all other hostile tests."""

import asyncio
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from local.aws.resources import DEMO
from local.names import SECRET_KEY
from tests.support.posting import post
from tests.support.running import Client, RunningSystem, call, crc64nvme, part_url

pytestmark = pytest.mark.system

FORMS = {
    "a presigned URL": r"X-Amz-Signature=",
    "a form": r"x-amz-signature|eyJleHBpcmF0aW9u",  # where a policy begins
    "a session token": r"X-Amz-Security-Token=|x-amz-security-token",
    "a ticket": r"ticket=[\w-]{8}",
    "a JWT": r"eyJ[\w-]{10,}\.[\w-]{10,}\.",
    "a bearer token": r"[Bb]earer [\w-]{8}",
    "an access key": r"\b(AKIA|ASIA)\w{12,}",
    "a private key": r"BEGIN [A-Z ]*PRIVATE KEY",
}


@pytest.fixture(scope="module")
def secrets(owner: Client) -> list[str]:
    """One secret of each kind that the system issues, used once."""
    credentials = owner.request("POST", "/credentials").json
    small, large = owner.create(b"x", "a"), owner.create(bytes(40 * 1024 * 1024), "b")
    call("PUT", part_url(small, 1), b"x", {"Content-Type": "", **small["sheet"]["headers"]})
    form = owner.create(b"x", "d", crc64nvme=crc64nvme(b"x"), strategy="post")["sheet"]
    post(form, b"x")
    post(form, b"other")  # which S3 refuses
    accepted = owner.outcome(owner.upload(b"x", "c"))
    download = owner.request("GET", f"/uploads/{accepted['id']}/download").json["url"]
    call("GET", download)
    url = owner.request("POST", "/connections").json["url"]
    asyncio.run(_open(url))
    return [
        owner.id_token,
        owner.id_token.split(".")[2],
        credentials["access_key_id"],
        credentials["secret_access_key"],
        credentials["session_token"],
        *small["sheet"]["signatures"],
        *large["sheet"]["signatures"],
        form["fields"]["policy"],
        form["fields"]["x-amz-signature"],
        *parse_qs(urlsplit(download).query)["X-Amz-Signature"],
        url.partition("=")[2],
        SECRET_KEY,
        DEMO["password"],
    ]


async def _open(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.ws_connect(url):
            pass
        await http.get(url.replace("ws", "http", 1))  # a replay that is refused


def logs(system: RunningSystem) -> Iterator[tuple[str, str]]:
    """Each log, and the output of the system without the demo password."""
    for path in (system.home / "log").rglob("*"):
        if path.is_file():
            yield path.name, path.read_text(errors="replace")
    yield (
        "the terminal",
        "\n".join(line for line in system.output.splitlines() if DEMO["username"] not in line),
    )


def test_there_are_logs_to_read(system: RunningSystem, secrets: list[str], owner: Client) -> None:
    assert len(secrets) > 10
    assert owner.owner in dict(logs(system))["functions.log"]


def test_no_issued_secret_is_in_a_log(system: RunningSystem, secrets: list[str]) -> None:
    leaks = [
        (name, secret[:4]) for name, text in logs(system) for secret in secrets if secret in text
    ]

    assert leaks == []


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.usefixtures("secrets")
def test_no_text_in_the_form_of_a_secret_is_in_a_log(system: RunningSystem, form: str) -> None:
    leaks = [
        (name, match[0][:12]) for name, text in logs(system) for match in re.finditer(form, text)
    ]

    assert leaks == []
