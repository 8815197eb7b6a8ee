"""The front over real HTTP, with a server behind it that records what is let through."""

import asyncio
import gzip
import io
import json
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientSession, web
from joserfc import jwt

from local.gateways import rest_gateway
from local.gateways.id_tokens import IdTokens
from local.gateways.rest_gateway import MAX_BODY, MAX_LINE, Api, Bucket
from local.home import free_ports
from stage.api_gateway import read
from tests.local.serving import PATIENCE, listening
from tests.local.test_id_tokens import CLAIMS, GOOD, HEADER, ISSUER, KEY, KEYS, NOW

PAGE = "http://127.0.0.1:8080"
SIGNED_IN = {"Authorization": f"Bearer {GOOD}"}
DESCRIBED = [
    {"path": "/", "method": "GET", "signed_in": False},
    {"path": "/limits", "method": "GET", "signed_in": False},
    {"path": "/uploads", "method": "GET", "signed_in": True},
    {"path": "/uploads", "method": "POST", "signed_in": True},
    {"path": "/uploads/{id}", "method": "GET", "signed_in": True},
    {"path": "/uploads/new", "method": "GET", "signed_in": False},
    {"path": "/uploads/{id}/sheet", "method": "POST", "signed_in": True},
]
OF_THE_CONNECTION = {"host", "date", "server", "content-length", "connection"}


@dataclass
class Upstream:
    """What stands for `chalice local`: keeps every request, answers as it is told."""

    answer: Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]] | None = None
    requests: list[tuple[str, str, Any, bytes]] = field(default_factory=list)

    def application(self) -> web.Application:
        @web.middleware
        async def record(request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ARG001 - aiohttp's
            body = await request.read()
            self.requests.append((request.method, request.raw_path, request.headers, body))
            if self.answer is not None:
                return await self.answer(request)
            return web.json_response({"answered": True}, status=201)

        return web.Application(middlewares=[record], client_max_size=2 * MAX_BODY)


@dataclass
class World:
    """A client before the front, and what is behind it."""

    upstream: Upstream
    url: str
    http: ClientSession

    async def ask(self, method: str, path: str, **sent: Any) -> tuple[int, Any, bytes]:
        """Status, headers and body."""
        async with self.http.request(method, self.url + path, **sent) as answer:
            return answer.status, answer.headers, await answer.read()

    async def refused(self, method: str, path: str, **sent: Any) -> str:
        """The code of what the front answers by itself, which is a problem that a page can read."""
        before = len(self.upstream.requests)
        status, headers, body = await self.ask(method, path, **sent)
        assert len(self.upstream.requests) == before
        return problem(status, headers, body)

    async def raw(self, text: bytes) -> bytes:
        """The answer to bytes that no client would send."""
        host, port = self.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(text)
        answer = await reader.read()
        writer.close()
        return answer


Story = Callable[[World], Coroutine[Any, Any, None]]


def problem(status: int, headers: Any, body: bytes) -> str:
    told = json.loads(body)
    assert told["status"] == status
    assert headers.getall("Content-Type") == ["application/problem+json"]
    assert headers["Access-Control-Allow-Origin"] == PAGE
    assert headers["Access-Control-Expose-Headers"] == "Retry-After"
    return str(told["code"])


def run(story: Story, upstream: Upstream | None = None, **settings: Any) -> None:
    async def told() -> None:
        behind = upstream or Upstream()
        inner, outer = free_ports(2)
        async with (
            asyncio.timeout(PATIENCE),
            listening(behind.application(), inner, max_line_size=MAX_LINE) as inner_url,
            rest_gateway.session() as client,
            ClientSession(auto_decompress=False) as http,
        ):
            front = Api(
                inner_url,
                PAGE,
                read(),
                rest_gateway.routes(DESCRIBED),
                IdTokens(KEYS, ISSUER, lambda: NOW),
                client,
                **settings,
            )
            limits = {"max_line_size": MAX_LINE, "max_field_size": MAX_LINE}
            async with listening(front.application(), outer, **limits) as url:
                await story(World(behind, url, http))

    asyncio.run(told())


def test_who_is_signed_in_is_let_through() -> None:
    async def story(world: World) -> None:
        for header in (GOOD, f"Bearer {GOOD}"):
            status, _, body = await world.ask("GET", "/uploads", headers={"Authorization": header})
            assert (status, json.loads(body)) == (201, {"answered": True})

    run(story)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "nonsense"},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": GOOD[:-4] + "AAAA"},
        {"Authorization": jwt.encode(HEADER, CLAIMS | {"token_use": "access"}, KEY)},
        {"Authorization": jwt.encode(HEADER, CLAIMS | {"iss": ISSUER + "2"}, KEY)},
        {"Authorization": jwt.encode(HEADER, CLAIMS | {"exp": NOW}, KEY)},
    ],
    ids=["none", "empty", "word", "garbage", "altered", "access token", "another pool", "expired"],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/uploads"), ("POST", "/uploads/7/sheet")])
def test_who_is_not_does_not_reach_the_application(
    headers: dict[str, str], method: str, path: str
) -> None:
    async def story(world: World) -> None:
        assert await world.refused(method, path, headers=headers) == "not_signed_in"

    run(story)


@pytest.mark.parametrize("path", ["/", "/limits", "/limits/", "/uploads/new"])
def test_a_route_without_an_authorizer_asks_for_no_token(path: str) -> None:
    async def story(world: World) -> None:
        assert (await world.ask("GET", path))[0] == 201

    run(story)


def test_a_preflight_passes_without_a_token() -> None:
    async def story(world: World) -> None:
        assert (await world.ask("OPTIONS", "/uploads/7/sheet"))[0] == 201
        assert await world.refused("OPTIONS", "/nothing") == "route_not_found"

    run(story)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/upload"),
        ("GET", "/uploads/7/8"),
        ("GET", "/uploads//sheet"),
        ("GET", "/uploads/7//"),
        ("GET", "//limits"),
        ("GET", "/Limits"),
        ("GET", "/limits;x"),
        ("PUT", "/uploads"),
        ("PATCH", "/limits"),
        ("TRACE", "/uploads"),
    ],
)
def test_what_no_route_is_for_is_told_so(method: str, path: str) -> None:
    async def story(world: World) -> None:
        for headers in ({}, SIGNED_IN):
            assert await world.refused(method, path, headers=headers) == "route_not_found"

    run(story)


@pytest.mark.parametrize("target", [b"*", b"/limits#x", b"http://x/limits"])
def test_a_target_that_is_no_path_is_told_so(target: bytes) -> None:
    async def story(world: World) -> None:
        answer = await world.raw(
            b"OPTIONS %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target
        )
        assert b"route_not_found" in answer
        assert not world.upstream.requests

    run(story)


@pytest.mark.parametrize(
    "target",
    ["/uploads?state=a%20b&state=%C3%BC&cursor=", "/uploads/a%2Fb", "/uploads/%00", "/uploads/%0A",
     "/uploads/a%7Eb%FF", "/uploads/" + "a" * 20_000],
    ids=lambda target: target[:24],
)  # fmt: skip
def test_the_address_is_passed_on_as_it_came(target: str) -> None:
    async def story(world: World) -> None:
        request = f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {GOOD}\r\n"
        await world.raw(f"{request}Connection: close\r\n\r\n".encode())
        assert [asked for _, asked, _, _ in world.upstream.requests] == [target]

    run(story)


@pytest.mark.parametrize(
    ("size", "accepted", "encoding", "packed"),
    [
        pytest.param(1000, "gzip, deflate, br", None, True, id="from here on"),
        pytest.param(999, "gzip, deflate, br", None, False, id="shorter"),
        pytest.param(1000, "identity", None, False, id="for who does not take it"),
        pytest.param(1000, None, None, False, id="for who does not say"),
        pytest.param(1000, "gzip", "br", False, id="packed already"),
    ],
)
def test_long_answers_are_packed(
    size: int,
    accepted: str | None,
    encoding: str | None,
    packed: bool,  # noqa: FBT001 - a table
) -> None:
    own = {} if encoding is None else {"Content-Encoding": encoding}

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"a" * size, headers={"Content-Type": "application/json", **own})

    async def story(world: World) -> None:
        asked = {"Accept-Encoding": accepted} if accepted is not None else {}
        skipped = ["Accept-Encoding"]
        _, headers, body = await world.ask(
            "GET", "/uploads", headers=SIGNED_IN | asked, skip_auto_headers=skipped
        )
        assert headers.get("Content-Encoding") == ("gzip" if packed else encoding)
        assert (gzip.decompress(body) if packed else body) == b"a" * size
        assert headers["Content-Type"] == "application/json"

    run(story, Upstream(answer), packed_from=1000)


def test_body_and_headers_are_passed_on_as_they_came() -> None:
    async def story(world: World) -> None:
        sent = {**SIGNED_IN, "Content-Type": "text/odd", "X-Mine": "1, 2", "Cookie": "a=b"}
        await world.ask("POST", "/uploads", data=b'{"\xff":1}', headers=sent)
        ((_, _, headers, body),) = world.upstream.requests
        assert body == b'{"\xff":1}'
        assert {name: headers[name] for name in sent} == sent

    run(story)


def test_nothing_is_added_to_a_request() -> None:
    async def story(world: World) -> None:
        request = f"GET /uploads HTTP/1.1\r\nHost: x\r\nAuthorization: {GOOD}\r\n"
        await world.raw(f"{request}Connection: close\r\n\r\n".encode())
        ((_, _, headers, _),) = world.upstream.requests
        assert {name.lower() for name in headers} <= {*OF_THE_CONNECTION, "authorization"}

    run(story)


@pytest.mark.parametrize("status", [200, 204, 302, 404, 500])
def test_an_answer_is_passed_on_as_it_came(status: int) -> None:
    own = {"Access-Control-Allow-Origin": PAGE, "Content-Encoding": "gzip", "Location": "/limits"}

    async def answer(_: web.Request) -> web.Response:
        answered = web.Response(
            status=status, body=b"" if status == 204 else b"\x1f\x8b", headers=own
        )
        answered.headers.add("Set-Cookie", "a=1")
        answered.headers.add("Set-Cookie", "b=2")
        return answered

    async def story(world: World) -> None:
        sent = {"headers": SIGNED_IN, "allow_redirects": False}
        found, headers, body = await world.ask("GET", "/uploads", **sent)
        assert (found, body) == (status, b"" if status == 204 else b"\x1f\x8b")
        assert {name: headers[name] for name in own} == own
        assert headers.getall("Set-Cookie") == ["a=1", "b=2"]
        await world.ask("GET", "/uploads", **sent)
        assert "Cookie" not in world.upstream.requests[-1][2]

    run(story, Upstream(answer))


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_10_mb_is_too_large(chunked: bool) -> None:  # noqa: FBT001 - a table
    async def story(world: World) -> None:
        def body(size: int) -> Any:
            async def pieces() -> Any:
                for start in range(0, size, 1024 * 1024):
                    yield bytes(min(1024 * 1024, size - start))

            return pieces() if chunked else io.BytesIO(bytes(size))

        for size in (MAX_BODY - 1, MAX_BODY):
            sent = {"data": body(size), "headers": SIGNED_IN}
            assert (await world.ask("POST", "/uploads", **sent))[0] == 201
            assert len(world.upstream.requests[-1][3]) == size
        sent = {"data": body(MAX_BODY + 1), "headers": SIGNED_IN}
        assert await world.refused("POST", "/uploads", **sent) == "request_too_large"

    run(story)


def test_a_function_that_stays_silent_is_waited_for_so_long() -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async def story(world: World) -> None:
        began = time.monotonic()
        status, headers, body = await world.ask("GET", "/limits")
        assert (status, problem(status, headers, body)) == (504, "timed_out")
        assert time.monotonic() - began < 3

    run(story, Upstream(answer), timeout=0.05)


def test_a_function_that_hangs_up_is_a_problem() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def story(world: World) -> None:
        status, headers, body = await world.ask("POST", "/uploads", headers=SIGNED_IN)
        assert (status, problem(status, headers, body)) == (503, "try_again")
        assert headers["Retry-After"] == "2"

    run(story, Upstream(answer))


def test_more_requests_than_are_let_through_are_told_to_come_back() -> None:
    seconds = [0.0]

    async def story(world: World) -> None:
        async def tried() -> list[int]:
            return [(await world.ask("GET", "/limits"))[0] for _ in range(4)]

        assert await tried() == [201, 201, 429, 429]
        status, headers, body = await world.ask("GET", "/uploads")
        assert (problem(status, headers, body), headers["Retry-After"]) == (
            "too_many_requests", "1",
        )  # fmt: skip
        seconds[0] += 1.5
        assert await tried() == [201, 429, 429, 429]
        seconds[0] += 600
        assert await tried() == [201, 201, 429, 429]

    run(story, bucket=Bucket(1.0, 2, lambda: seconds[0]))


def test_without_a_bucket_every_request_is_let_through() -> None:
    async def story(world: World) -> None:
        answers = await asyncio.gather(*(world.ask("GET", "/limits") for _ in range(300)))
        assert {status for status, _, _ in answers} == {201}

    run(story)


def test_the_log_names_routes_and_never_what_opens_something(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(world: World) -> None:
        await world.ask("GET", "/uploads?ticket=secret", headers=SIGNED_IN)
        await world.ask("GET", f"/uploads/{GOOD}", headers=SIGNED_IN)
        await world.ask("GET", f"/secret/{GOOD}?ticket=secret")

    with caplog.at_level(logging.INFO, "local.gateways.rest_gateway"):
        run(story)

    lines = [
        record.getMessage()
        for record in caplog.records
        if record.name == "local.gateways.rest_gateway"
    ]
    assert [line.rpartition(" ")[0].rpartition(" ")[0] for line in lines] == [
        "GET /uploads 201",
        "GET /uploads/{id} 201",
        "GET (no route) 404",
    ]


def test_the_front_adds_little_to_a_request() -> None:
    async def story(world: World) -> None:
        for _ in range(20):
            await world.ask("GET", "/uploads", headers=SIGNED_IN)
        began = time.process_time()
        for _ in range(100):
            await world.ask("GET", "/uploads", headers=SIGNED_IN)
        # Client, front and what is behind it, all in this process; processor time, not waiting.
        assert (time.process_time() - began) / 100 < 0.01

    run(story)
