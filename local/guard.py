"""Which requests a server of the local system accepts, because any browser can reach 127.0.0.1.

Any web page can let a browser send requests to this machine. It uses a host name of its own that
resolves to 127.0.0.1 (DNS rebinding), or a form. The first has another host in its Host header, the
second another Origin. SeaweedFS and `chalice local` need no guard: they check a signature or token.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NAMES = ("127.0.0.1", "localhost")
REFUSED = "The local system accepts requests to 127.0.0.1 or localhost, from its own page only\n"


def refuses(host: str, origin: str | None, page_origin: str | None) -> bool:
    """Whether to refuse a request: it is for another host, or from a page of another origin.

    Without `page_origin` every page may send requests, and CORS decides who reads the answer.
    """
    if host.partition(":")[0].lower() not in NAMES:
        return True
    return page_origin is not None and origin is not None and origin != page_origin


def middleware(page_origin: str | None = None) -> Any:
    """The guard as a middleware of aiohttp."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if refuses(request.host, request.headers.get("Origin"), page_origin):
            return web.Response(status=403, text=REFUSED)
        return await handler(request)

    return guard


def guarding(application: Application, page_origin: str | None) -> Application:
    """The guard in front of a WSGI application."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        if refuses(environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN"), page_origin):
            start_response("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8")])
            return [REFUSED.encode()]
        return application(environ, start_response)

    return answer
