"""Serves the page that Vite built, its config.json, and the headers CloudFront would send."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web

from local.home import HOST, Ports
from stage.page import cache_control

# The headers of every answer; a stage in AWS sends the same, with its own addresses.
HEADERS = Path(__file__).parents[2] / "frontend" / "security-headers.json"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(built: Path, ports: Ports, config: dict[str, Any]) -> web.Application:
    """The page under `/`; `config` is what `/config.json` tells it."""
    security = _security_headers(ports)

    @web.middleware
    async def at_home(request: web.Request, handler: Handler) -> web.StreamResponse:
        # CORS is bound to one origin; a person who typed another name for it is sent there.
        if request.host != f"{HOST}:{ports.page}":
            raise web.HTTPTemporaryRedirect(f"{ports.page_origin}{request.rel_url}")
        return await handler(request)

    async def secure(request: web.Request, response: web.StreamResponse) -> None:
        # Of every answer, errors as well: only now is known whether a file is there.
        response.headers.update(security)
        missing = response.status >= HTTPStatus.BAD_REQUEST
        path = "" if missing else request.path.removeprefix("/")
        response.headers["Cache-Control"] = cache_control(path)

    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(built / "index.html")

    async def configuration(_: web.Request) -> web.Response:
        return web.json_response(config)

    page = web.Application(middlewares=[at_home])
    page.on_response_prepare.append(secure)
    page.router.add_get("/", index)
    page.router.add_get("/config.json", configuration)
    page.router.add_static("/", built)
    return page


def _security_headers(ports: Ports) -> dict[str, str]:
    """The page may talk to the addresses of its services, and to nobody else."""
    addresses = [
        ports.url("api"),
        ports.url("aws"),
        ports.url("gateway", "ws"),
        ports.url("s3"),
        f"http://localhost:{ports.s3}",
        ports.url("downloads"),
    ]
    headers: dict[str, str] = json.loads(HEADERS.read_text())
    return {
        name: text.replace("{addresses}", " ".join(addresses)) for name, text in headers.items()
    }
