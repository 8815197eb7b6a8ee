"""Serves the page that Vite built and its config.json, with the headers that CloudFront sends."""

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web

from local.home import HOST, Ports
from stage.page import cache_control

# The headers of every response; a stage in AWS sends the same, with its own addresses.
HEADERS = Path(__file__).parents[2] / "frontend" / "security-headers.json"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(built: Path, ports: Ports, config: dict[str, Any]) -> web.Application:
    """The page under `/`; `config` is the content of `/config.json`."""
    security = _security_headers(ports)

    @web.middleware
    async def to_one_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
        # CORS allows one origin, so a browser that uses another name for it is redirected.
        if request.host != f"{HOST}:{ports.page}":
            raise web.HTTPTemporaryRedirect(f"{ports.page_origin}{request.rel_url}")
        return await handler(request)

    async def secure(request: web.Request, response: web.StreamResponse) -> None:
        # For errors as well: aiohttp looks for the file only now.
        response.headers.update(security)
        missing = response.status >= HTTPStatus.BAD_REQUEST
        path = "" if missing else request.path.removeprefix("/")
        response.headers["Cache-Control"] = cache_control(path)

    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(built / "index.html")

    async def configuration(_: web.Request) -> web.Response:
        return web.json_response(config)

    page = web.Application(middlewares=[to_one_origin])
    page.on_response_prepare.append(secure)
    page.router.add_get("/", index)
    page.router.add_get("/config.json", configuration)
    page.router.add_static("/", built)
    return page


def page_config(
    ports: Ports, environment: Mapping[str, str], demo: Mapping[str, str]
) -> dict[str, Any]:
    """The content of `/config.json`; the page shows the `demo` account on its sign-in form."""
    return {
        "api_url": ports.url("api"),
        "region": environment["AWS_REGION"],
        "user_pool_id": environment["HOIST_USER_POOL_ARN"].rpartition("/")[2],
        "user_pool_client_id": environment["HOIST_USER_POOL_CLIENT_ID"],
        "cognito_endpoint": ports.url("aws"),
        "demo": demo,
    }


def _security_headers(ports: Ports) -> dict[str, str]:
    """The page may send requests to the addresses of its services only."""
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
