"""Which requests a server of the local system takes: it listens on 127.0.0.1, but so do browsers.

Any web page can let a browser send requests to this machine: to a name of its own that leads here
(DNS rebinding), or by a form. The first names another host, the second comes from another origin.
SeaweedFS and `chalice local` are not ours to guard: they ask for a signature and a token.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NAMES = ("127.0.0.1", "localhost")
REFUSED = "The local system takes requests to 127.0.0.1 or localhost, from its own page only\n"


def refuses(host: str, origin: str | None, page_origin: str | None) -> bool:
    """Whether a request is for another host, or from another page than ours.

    Where no `page_origin` is given, who may read the answer is up to CORS.
    """
    if host.partition(":")[0].lower() not in NAMES:
        return True
    return page_origin is not None and origin is not None and origin != page_origin


def middleware(page_origin: str | None = None) -> Any:
    """For aiohttp."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if refuses(request.host, request.headers.get("Origin"), page_origin):
            return web.Response(status=403, text=REFUSED)
        return await handler(request)

    return guard


def guarding(application: Application, page_origin: str | None) -> Application:
    """For WSGI."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        if refuses(environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN"), page_origin):
            start_response("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8")])
            return [REFUSED.encode()]
        return application(environ, start_response)

    return answer
