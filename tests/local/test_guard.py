"""Requests to the local system that a web page of another origin makes a browser send."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from local.aws.resources import DEMO
from local.guard import guarding, middleware, refuses
from local.home import free_ports
from tests.local.serving import aws_server, listening, resources_at
from tests.support.running import Answer, call

PAGE = "http://127.0.0.1:8080"
FOREIGN = "https://evil.example"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:5000", "localhost", "LOCALHOST:8000"])
@pytest.mark.parametrize("origin", [None, PAGE])
def test_requests_to_this_machine_are_accepted(host: str, origin: str | None) -> None:
    assert not refuses(host, origin, PAGE)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:5000", "127.0.0.1.evil.example", "localhost.evil.example", ""],
)
@pytest.mark.parametrize("page_origin", [None, PAGE])
def test_another_name_for_this_machine_is_refused(host: str, page_origin: str | None) -> None:
    assert refuses(host, None, page_origin)


@pytest.mark.parametrize(
    "origin", [FOREIGN, "null", "http://127.0.0.1:8081", "http://localhost:8080", f"{PAGE}.evil"]
)
def test_a_request_of_another_page_is_refused_when_the_page_is_set(origin: str) -> None:
    assert refuses("127.0.0.1:5000", origin, PAGE)
    assert not refuses("127.0.0.1:5000", origin, None)


def test_a_server_answers_403_and_does_nothing() -> None:
    done: list[str] = []

    async def work(_: web.Request) -> web.Response:
        done.append("worked")
        return web.Response()

    async def story() -> list[int]:
        application = web.Application(middlewares=[middleware(PAGE)])
        application.router.add_post("/", work)
        async with listening(application, free_ports(1)[0]) as url, aiohttp.ClientSession() as ask:
            sets_of_headers: list[dict[str, str]] = [
                {"Origin": FOREIGN},
                {"Host": "evil.example"},
                {},
            ]
            answers = [await ask.post(url, headers=headers) for headers in sets_of_headers]
            return [answer.status for answer in answers]

    assert asyncio.run(story()) == [403, 403, 200]
    assert done == ["worked"]


def test_a_wsgi_server_answers_403_and_does_nothing() -> None:
    started: list[str] = []
    guarded = guarding(lambda *_: pytest.fail("the guard let it pass"), PAGE)
    environ: dict[str, Any] = {"HTTP_HOST": "127.0.0.1:5000", "HTTP_ORIGIN": FOREIGN}

    list(guarded(environ, lambda status, _: started.append(status)))

    assert started == ["403 Forbidden"]


@pytest.mark.system
def test_a_page_of_another_origin_cannot_sign_in_with_the_demo_account(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with aws_server(tmp_path / "aws.state", port, "--page-origin", PAGE):
        client = resources_at(port).make()["HOIST_USER_POOL_CLIENT_ID"]
        body = {
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": client,
            "AuthParameters": {"USERNAME": DEMO["username"], "PASSWORD": DEMO["password"]},
        }

        def sign_in(**headers: str) -> Answer:
            target = "AWSCognitoIdentityProviderService.InitiateAuth"
            common_headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
            return call("POST", f"http://127.0.0.1:{port}", body, common_headers | headers)

        assert sign_in(Origin=PAGE).status == 200
        assert sign_in(Origin=FOREIGN).status == 403
        assert sign_in(Host="evil.example").status == 403
        preflight = {"Origin": FOREIGN, "Access-Control-Request-Method": "POST"}
        refused = call("OPTIONS", f"http://127.0.0.1:{port}", headers=preflight)
        assert refused.status == 403
        assert not [name for name in refused.headers if name.lower().startswith("access-control")]
