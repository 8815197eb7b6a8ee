"""What API Gateway does in front of the REST API; behind it answers the real `chalice local`.

Routes and who may ask them are what `app.py` says, the problems what `.chalice/api-gateway.json`
says. What is let through goes on, and comes back, unchanged. The log names routes, never addresses
or headers: those hold tokens.
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""

import asyncio
import io
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from local.gateways.id_tokens import IdTokens
from stage.api_gateway import Declared, headers

log = logging.getLogger("local.gateways.rest_gateway")

MAX_BODY = 10 * 1024 * 1024  # bytes; API Gateway's
INTEGRATION_TIMEOUT = 29.0  # seconds; API Gateway's
MAX_LINE = 65_536  # bytes of a request line or a header; as many as `chalice local` takes
MOST_AT_ONCE = 32  # requests; more connections than it accepts `chalice local` leaves hanging
# Of one connection only, not of the message (RFC 9110, 7.6.1); the length is told anew.
_HOP_BY_HOP = {
    "connection", "content-length", "expect", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip
_OURS_TO_ADD = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """A resource of the API: its path, and for each of its methods whether it wants a token."""

    path: str
    methods: Mapping[str, bool]

    def takes(self, parts: Sequence[str]) -> bool:
        """Whether a path, split at its slashes, is one of this resource."""
        own = self.path.split("/")
        return len(own) == len(parts) and all(
            mine == part or (mine.startswith("{") and part != "")
            for mine, part in zip(own, parts, strict=True)
        )


@dataclass(slots=True)
class Bucket:
    """API Gateway's token bucket: `burst` requests at once, `rate` more with every second."""

    rate: float
    burst: float
    now: Callable[[], float] = time.monotonic
    _left: float = field(init=False)
    _told_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._told_at = self.burst, self.now()

    def lets_through(self) -> bool:
        """Whether one more request may pass; if so, it has."""
        now = self.now()
        self._left = min(self.burst, self._left + (now - self._told_at) * self.rate)
        self._told_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Refused(Exception):
    """API Gateway answers by itself, with the response of this type."""


@dataclass(slots=True)
class Api:
    """The front; `upstream` is where `chalice local` listens, `bucket` none to let all through.

    Answers of `packed_from` bytes and more are packed for who takes that; none where it is None.
    """

    upstream: str
    page_origin: str
    declared: Declared
    routes: Sequence[Route]
    tokens: IdTokens
    client: aiohttp.ClientSession
    bucket: Bucket | None = None
    timeout: float = INTEGRATION_TIMEOUT
    packed_from: int | None = None

    def application(self) -> web.Application:
        """What is to be served. It asks no router of aiohttp's, which answers some paths itself."""

        @web.middleware
        async def answer(
            request: web.Request,
            handler: Handler,  # noqa: ARG001 - what the router found
        ) -> web.StreamResponse:
            return await self._answer(request)

        return web.Application(client_max_size=MAX_BODY, middlewares=[answer])

    async def _answer(self, request: web.Request) -> web.Response:
        began = time.perf_counter()
        route = self._route(request.raw_path)
        try:
            answer = await self._pass_on(request, route)
        except Refused as refused:
            answer = self._refusal(str(refused))
        milliseconds = (time.perf_counter() - began) * 1000
        where = "(no route)" if route is None else route.path
        log.info("%s %s %s %.0f ms", request.method, where, answer.status, milliseconds)
        return answer

    async def _pass_on(self, request: web.Request, route: Route | None) -> web.Response:
        """Let a request through; raises Refused in the order in which API Gateway looks."""
        preflight = request.method == "OPTIONS"
        if route is None or not (preflight or request.method in route.methods):
            raise Refused("MISSING_AUTHENTICATION_TOKEN")
        if self.bucket is not None and not self.bucket.lets_through():
            raise Refused("THROTTLED")
        wants_token = not preflight and route.methods[request.method]
        if wants_token and not self.tokens.vouch_for(request.headers.getall("Authorization", ())):
            raise Refused("UNAUTHORIZED")
        if (request.content_length or 0) > MAX_BODY:
            raise Refused("REQUEST_TOO_LARGE")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge as error:
            raise Refused("REQUEST_TOO_LARGE") from error
        return await self._integrate(request, body)

    async def _integrate(self, request: web.Request, body: bytes) -> web.Response:
        try:
            async with (
                asyncio.timeout(self.timeout),
                self.client.request(
                    request.method,
                    URL(self.upstream + request.raw_path, encoded=True),
                    headers=_end_to_end(request.headers),
                    data=io.BytesIO(body) if body else None,
                    skip_auto_headers=_OURS_TO_ADD,
                    allow_redirects=False,
                ) as answer,
            ):
                passed_on = web.Response(
                    status=answer.status,
                    headers=_end_to_end(answer.headers),
                    body=await answer.read(),
                )
        except TimeoutError as error:
            raise Refused("INTEGRATION_TIMEOUT") from error
        except aiohttp.ClientError as error:
            raise Refused("INTEGRATION_FAILURE") from error
        if self._is_to_pack(passed_on, request.headers.get("Accept-Encoding", "")):
            passed_on.enable_compression(web.ContentCoding.gzip)
        return passed_on

    def _is_to_pack(self, answer: web.Response, accepted: str) -> bool:
        return (
            self.packed_from is not None
            and (answer.content_length or 0) >= self.packed_from
            and "Content-Encoding" not in answer.headers
            and "gzip" in accepted
        )

    def _route(self, target: str) -> Route | None:
        """The resource that a request's target, as it came, is one of; names win over variables."""
        path = target.partition("?")[0]
        if not target.isascii() or "#" in target or not path.startswith("/"):
            return None
        # API Gateway leaves out a slash at the end.
        parts = (path.removesuffix("/") or "/").split("/")
        found = [route for route in self.routes if route.takes(parts)]
        return min(found, key=lambda route: route.path.count("{"), default=None)

    def _refusal(self, kind: str) -> web.Response:
        error = self.declared.problem(kind)
        return web.Response(
            status=error.status,
            body=json.dumps(error.problem()).encode(),
            headers=headers(error, self.page_origin),
        )


def session() -> aiohttp.ClientSession:
    """A client that hands on what it gets: no cookies kept, nothing unpacked."""
    return aiohttp.ClientSession(
        # A connection each: `chalice local` writes an answer in two pieces, and on one that is
        # used again the second piece waits 40 ms for the first to be acknowledged.
        connector=aiohttp.TCPConnector(limit=MOST_AT_ONCE, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
    )


def routes(described: Iterable[Mapping[str, Any]]) -> list[Route]:
    """The resources of `app.py`, as a worker describes them."""
    by_path: dict[str, dict[str, bool]] = {}
    for entry in described:
        by_path.setdefault(entry["path"], {})[entry["method"]] = entry["signed_in"]
    return [Route(path, methods) for path, methods in by_path.items()]


def _end_to_end(sent: Mapping[str, str]) -> CIMultiDict[str]:
    """The headers that belong to the message, in their order, doubled ones as well."""
    return CIMultiDict(
        (name, value) for name, value in sent.items() if name.lower() not in _HOP_BY_HOP
    )
