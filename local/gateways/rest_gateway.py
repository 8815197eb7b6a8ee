"""What API Gateway does in front of the REST API; the real `chalice local` answers behind it.

`app.py` declares the routes and which of them need a token. `.chalice/api-gateway.json` declares
the errors. Accepted requests, and their responses, pass unchanged. The log names routes, but never
addresses or headers, because those contain tokens.
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

log = logging.getLogger("local.api")  # the name of its server, and of its log file

MAX_BODY = 10 * 1024 * 1024  # bytes; API Gateway's
INTEGRATION_TIMEOUT = 29.0  # seconds; API Gateway's
MAX_LINE = 65_536  # bytes of a request line or a header; `chalice local` accepts as many
MOST_AT_ONCE = 32  # requests; `chalice local` does not answer connections beyond its backlog
# Headers of one connection, not of the message (RFC 9110, 7.6.1). aiohttp sets the length itself.
_HOP_BY_HOP = {
    "connection", "content-length", "expect", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip
_NOT_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """A resource of the API: its path, and for each of its methods whether it needs a token."""

    path: str
    methods: Mapping[str, bool]

    def matches(self, parts: Sequence[str]) -> bool:
        """Whether a path, split at its slashes, belongs to this resource."""
        own = self.path.split("/")
        return len(own) == len(parts) and all(
            mine == part or (mine.startswith("{") and part != "")
            for mine, part in zip(own, parts, strict=True)
        )


@dataclass(slots=True)
class TokenBucket:
    """API Gateway's token bucket: `burst` requests at once, and `rate` more every second."""

    rate: float
    burst: float
    now: Callable[[], float] = time.monotonic
    _tokens: float = field(init=False)
    _filled_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens, self._filled_at = self.burst, self.now()

    def take(self) -> bool:
        """Take a token for one request; returns whether there was one."""
        now = self.now()
        self._tokens = min(self.burst, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Refused(Exception):
    """API Gateway responds itself; the text is the type of its response."""


@dataclass(slots=True)
class RestGateway:
    """The gateway in front of `upstream`, the address of `chalice local`.

    It throttles when it has a `bucket`. It compresses responses of `compress_from` bytes and more
    for clients that accept gzip; None turns that off.
    """

    upstream: str
    page_origin: str
    declared: Declared
    routes: Sequence[Route]
    tokens: IdTokens
    client: aiohttp.ClientSession
    bucket: TokenBucket | None = None
    timeout: float = INTEGRATION_TIMEOUT
    compress_from: int | None = None

    def application(self) -> web.Application:
        """The application to serve. It uses no router: aiohttp's answers some paths itself."""

        @web.middleware
        async def answer(
            request: web.Request,
            handler: Handler,  # noqa: ARG001 - the router's choice
        ) -> web.StreamResponse:
            return await self._answer(request)

        return web.Application(client_max_size=MAX_BODY, middlewares=[answer])

    async def _answer(self, request: web.Request) -> web.Response:
        start = time.perf_counter()
        route = self._route(request.raw_path)
        try:
            answer = await self._forward(request, route)
        except Refused as refused:
            answer = self._refusal(str(refused))
        milliseconds = (time.perf_counter() - start) * 1000
        where = "(no route)" if route is None else route.path
        log.info("%s %s %s %.0f ms", request.method, where, answer.status, milliseconds)
        return answer

    async def _forward(self, request: web.Request, route: Route | None) -> web.Response:
        """Forward a request, or raise Refused; checks in the order of API Gateway."""
        preflight = request.method == "OPTIONS"
        if route is None or not (preflight or request.method in route.methods):
            raise Refused("MISSING_AUTHENTICATION_TOKEN")
        if self.bucket is not None and not self.bucket.take():
            raise Refused("THROTTLED")
        needs_token = not preflight and route.methods[request.method]
        if needs_token and not self.tokens.accept(request.headers.getall("Authorization", ())):
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
                    skip_auto_headers=_NOT_ADDED,
                    allow_redirects=False,
                ) as answer,
            ):
                response = web.Response(
                    status=answer.status,
                    headers=_end_to_end(answer.headers),
                    body=await answer.read(),
                )
        except TimeoutError as error:
            raise Refused("INTEGRATION_TIMEOUT") from error
        except aiohttp.ClientError as error:
            raise Refused("INTEGRATION_FAILURE") from error
        if self._should_compress(response, request.headers.get("Accept-Encoding", "")):
            response.enable_compression(web.ContentCoding.gzip)
        return response

    def _should_compress(self, response: web.Response, accepted: str) -> bool:
        return (
            self.compress_from is not None
            and (response.content_length or 0) >= self.compress_from
            and "Content-Encoding" not in response.headers
            and "gzip" in accepted
        )

    def _route(self, target: str) -> Route | None:
        """The resource of a request's undecoded target; names win over variables."""
        path = target.partition("?")[0]
        if not target.isascii() or "#" in target or not path.startswith("/"):
            return None
        # API Gateway ignores a slash at the end.
        parts = (path.removesuffix("/") or "/").split("/")
        matches = [route for route in self.routes if route.matches(parts)]
        return min(matches, key=lambda route: route.path.count("{"), default=None)

    def _refusal(self, kind: str) -> web.Response:
        error = self.declared.problem(kind)
        return web.Response(
            status=error.status,
            body=json.dumps(error.problem()).encode(),
            headers=headers(error, self.page_origin),
        )


def session() -> aiohttp.ClientSession:
    """A client that changes nothing: it keeps no cookies and decompresses no responses."""
    return aiohttp.ClientSession(
        # One connection a request: `chalice local` writes a response in two pieces. On a reused
        # connection the second piece waits 40 ms until the first is acknowledged.
        connector=aiohttp.TCPConnector(limit=MOST_AT_ONCE, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
    )


def routes(described: Iterable[Mapping[str, Any]]) -> list[Route]:
    """The resources that `app.py` declares, from a worker's description."""
    by_path: dict[str, dict[str, bool]] = {}
    for entry in described:
        by_path.setdefault(entry["path"], {})[entry["method"]] = entry["signed_in"]
    return [Route(path, methods) for path, methods in by_path.items()]


def _end_to_end(message_headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The headers of the message in their order, with repeated ones."""
    return CIMultiDict(
        (name, value) for name, value in message_headers.items() if name.lower() not in _HOP_BY_HOP
    )
