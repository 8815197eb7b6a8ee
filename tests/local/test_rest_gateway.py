"""The REST gateway over real HTTP, with a server behind it that records forwarded requests."""

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
from local.gateways.rest_gateway import MAX_BODY, MAX_LINE, RestGateway, TokenBucket
from local.home import free_ports
from stage.api_gateway import read
from tests.local.serving import TIMEOUT, listening
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
    """In place of `chalice local`: records every request and returns the answer of the test."""

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
    """A client of the gateway, and the server behind it."""

    upstream: Upstream
    url: str
    http: ClientSession

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any, bytes]:
        """Status, headers and body of a response."""
        async with self.http.request(method, self.url + path, **options) as answer:
            return answer.status, answer.headers, await answer.read()

    async def refused(self, method: str, path: str, **options: Any) -> str:
        """The code of a problem that the gateway returns itself, and that a page can read."""
        before = len(self.upstream.requests)
        status, headers, body = await self.ask(method, path, **options)
        assert len(self.upstream.requests) == before
        return problem(status, headers, body)

    async def raw(self, text: bytes) -> bytes:
        """The response to bytes that no client would send."""
        host, port = self.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(text)
        answer = await reader.read()
        writer.close()
        return answer


Story = Callable[[World], Coroutine[Any, Any, None]]


def problem(status: int, headers: Any, body: bytes) -> str:
    document = json.loads(body)
    assert document["status"] == status
    assert headers.getall("Content-Type") == ["application/problem+json"]
    assert headers["Access-Control-Allow-Origin"] == PAGE
    assert headers["Access-Control-Expose-Headers"] == "Retry-After"
    return str(document["code"])


def run(story: Story, upstream: Upstream | None = None, **settings: Any) -> None:
    async def run_story() -> None:
        behind = upstream or Upstream()
        inner, outer = free_ports(2)
        async with (
            asyncio.timeout(TIMEOUT),
            listening(behind.application(), inner, max_line_size=MAX_LINE) as inner_url,
            rest_gateway.session() as client,
            ClientSession(auto_decompress=False) as http,
        ):
            gateway = RestGateway(
                inner_url,
                PAGE,
                read(),
                rest_gateway.routes(DESCRIBED),
                IdTokens(KEYS, ISSUER, lambda: NOW),
                client,
                **settings,
            )
            limits = {"max_line_size": MAX_LINE, "max_field_size": MAX_LINE}
            async with listening(gateway.application(), outer, **limits) as url:
                await story(World(behind, url, http))

    asyncio.run(run_story())


def test_a_request_with_a_valid_token_is_forwarded() -> None:
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
def test_a_request_without_a_valid_token_is_not_forwarded(
    headers: dict[str, str], method: str, path: str
) -> None:
    async def story(world: World) -> None:
        assert await world.refused(method, path, headers=headers) == "not_signed_in"

    run(story)


@pytest.mark.parametrize("path", ["/", "/limits", "/limits/", "/uploads/new"])
def test_a_route_without_an_authorizer_needs_no_token(path: str) -> None:
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
def test_a_request_without_a_route_is_refused(method: str, path: str) -> None:
    async def story(world: World) -> None:
        for headers in ({}, SIGNED_IN):
            assert await world.refused(method, path, headers=headers) == "route_not_found"

    run(story)


@pytest.mark.parametrize("target", [b"*", b"/limits#x", b"http://x/limits"])
def test_a_target_that_is_not_a_path_is_refused(target: bytes) -> None:
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
def test_the_path_is_forwarded_unchanged(target: str) -> None:
    async def story(world: World) -> None:
        request = f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {GOOD}\r\n"
        await world.raw(f"{request}Connection: close\r\n\r\n".encode())
        assert [address for _, address, _, _ in world.upstream.requests] == [target]

    run(story)


@pytest.mark.parametrize(
    ("size", "accepted", "encoding", "compressed"),
    [
        pytest.param(1000, "gzip, deflate, br", None, True, id="long enough"),
        pytest.param(999, "gzip, deflate, br", None, False, id="shorter"),
        pytest.param(1000, "identity", None, False, id="the client does not accept gzip"),
        pytest.param(1000, None, None, False, id="without Accept-Encoding"),
        pytest.param(1000, "gzip", "br", False, id="compressed already"),
    ],
)
def test_long_responses_are_compressed(
    size: int,
    accepted: str | None,
    encoding: str | None,
    compressed: bool,  # noqa: FBT001 - a table
) -> None:
    own = {} if encoding is None else {"Content-Encoding": encoding}

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"a" * size, headers={"Content-Type": "application/json", **own})

    async def story(world: World) -> None:
        accepting = {"Accept-Encoding": accepted} if accepted is not None else {}
        skipped = ["Accept-Encoding"]
        _, headers, body = await world.ask(
            "GET", "/uploads", headers=SIGNED_IN | accepting, skip_auto_headers=skipped
        )
        assert headers.get("Content-Encoding") == ("gzip" if compressed else encoding)
        assert (gzip.decompress(body) if compressed else body) == b"a" * size
        assert headers["Content-Type"] == "application/json"

    run(story, Upstream(answer), compress_from=1000)


def test_body_and_headers_are_forwarded_unchanged() -> None:
    async def story(world: World) -> None:
        request_headers = {
            **SIGNED_IN,
            "Content-Type": "text/odd",
            "X-Mine": "1, 2",
            "Cookie": "a=b",
        }
        await world.ask("POST", "/uploads", data=b'{"\xff":1}', headers=request_headers)
        ((_, _, headers, body),) = world.upstream.requests
        assert body == b'{"\xff":1}'
        assert {name: headers[name] for name in request_headers} == request_headers

    run(story)


def test_nothing_is_added_to_a_request() -> None:
    async def story(world: World) -> None:
        request = f"GET /uploads HTTP/1.1\r\nHost: x\r\nAuthorization: {GOOD}\r\n"
        await world.raw(f"{request}Connection: close\r\n\r\n".encode())
        ((_, _, headers, _),) = world.upstream.requests
        assert {name.lower() for name in headers} <= {*OF_THE_CONNECTION, "authorization"}

    run(story)


@pytest.mark.parametrize("status", [200, 204, 302, 404, 500])
def test_a_response_is_returned_unchanged(status: int) -> None:
    own = {"Access-Control-Allow-Origin": PAGE, "Content-Encoding": "gzip", "Location": "/limits"}

    async def answer(_: web.Request) -> web.Response:
        answered = web.Response(
            status=status, body=b"" if status == 204 else b"\x1f\x8b", headers=own
        )
        answered.headers.add("Set-Cookie", "a=1")
        answered.headers.add("Set-Cookie", "b=2")
        return answered

    async def story(world: World) -> None:
        options = {"headers": SIGNED_IN, "allow_redirects": False}
        answer_status, headers, body = await world.ask("GET", "/uploads", **options)
        assert (answer_status, body) == (status, b"" if status == 204 else b"\x1f\x8b")
        assert {name: headers[name] for name in own} == own
        assert headers.getall("Set-Cookie") == ["a=1", "b=2"]
        await world.ask("GET", "/uploads", **options)
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
            options = {"data": body(size), "headers": SIGNED_IN}
            assert (await world.ask("POST", "/uploads", **options))[0] == 201
            assert len(world.upstream.requests[-1][3]) == size
        options = {"data": body(MAX_BODY + 1), "headers": SIGNED_IN}
        assert await world.refused("POST", "/uploads", **options) == "request_too_large"

    run(story)


def test_a_function_that_does_not_answer_times_out() -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async def story(world: World) -> None:
        start = time.monotonic()
        status, headers, body = await world.ask("GET", "/limits")
        assert (status, problem(status, headers, body)) == (504, "timed_out")
        assert time.monotonic() - start < 3

    run(story, Upstream(answer), timeout=0.05)


def test_a_function_that_closes_the_connection_is_a_problem() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def story(world: World) -> None:
        status, headers, body = await world.ask("POST", "/uploads", headers=SIGNED_IN)
        assert (status, problem(status, headers, body)) == (503, "try_again")
        assert headers["Retry-After"] == "2"

    run(story, Upstream(answer))


def test_requests_over_the_rate_get_429_and_retry_after() -> None:
    seconds = [0.0]

    async def story(world: World) -> None:
        async def statuses() -> list[int]:
            return [(await world.ask("GET", "/limits"))[0] for _ in range(4)]

        assert await statuses() == [201, 201, 429, 429]
        status, headers, body = await world.ask("GET", "/uploads")
        assert (problem(status, headers, body), headers["Retry-After"]) == (
            "too_many_requests", "1",
        )  # fmt: skip
        seconds[0] += 1.5
        assert await statuses() == [201, 429, 429, 429]
        seconds[0] += 600
        assert await statuses() == [201, 201, 429, 429]

    run(story, bucket=TokenBucket(1.0, 2, lambda: seconds[0]))


def test_without_a_bucket_every_request_is_forwarded() -> None:
    async def story(world: World) -> None:
        answers = await asyncio.gather(*(world.ask("GET", "/limits") for _ in range(300)))
        assert {status for status, _, _ in answers} == {201}

    run(story)


def test_the_log_names_routes_and_no_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(world: World) -> None:
        await world.ask("GET", "/uploads?ticket=secret", headers=SIGNED_IN)
        await world.ask("GET", f"/uploads/{GOOD}", headers=SIGNED_IN)
        await world.ask("GET", f"/secret/{GOOD}?ticket=secret")

    with caplog.at_level(logging.INFO, "local.api"):
        run(story)

    lines = [record.getMessage() for record in caplog.records if record.name == "local.api"]
    assert [line.rpartition(" ")[0].rpartition(" ")[0] for line in lines] == [
        "GET /uploads 201",
        "GET /uploads/{id} 201",
        "GET (no route) 404",
    ]


def test_the_gateway_adds_little_time_to_a_request() -> None:
    async def story(world: World) -> None:
        for _ in range(20):
            await world.ask("GET", "/uploads", headers=SIGNED_IN)
        start = time.process_time()
        for _ in range(100):
            await world.ask("GET", "/uploads", headers=SIGNED_IN)
        # Processor time of the client, the gateway and the server behind it, without waiting.
        assert (time.process_time() - start) / 100 < 0.01

    run(story)
