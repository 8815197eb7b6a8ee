"""The HTTP servers in the local system's own process, and the lines that say where they listen.

Each server logs to a file with its name. Must not know in which order the system starts them.
"""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from local import guard
from local.aws.resources import DEMO
from local.functions.environments import ROOT
from local.gateways import downloads, id_tokens, page_server, rest_gateway
from local.home import HOST, Home, Ports, StartError
from local.names import BUCKET
from stage import api_gateway
from stage.stage import config_path, read_json

LARGEST_EVENT = 64 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Servers:
    """Starts the servers of a system; they stop when `running` is closed."""

    home: Home
    ports: Ports
    running: contextlib.AsyncExitStack

    async def serve(self, name: str, routes: Sequence[web.RouteDef], port: int) -> None:
        """Serve routes that no page of another origin may call."""
        application = web.Application(
            client_max_size=LARGEST_EVENT,
            middlewares=[guard.middleware(self.ports.page_origin)],
        )
        application.add_routes(routes)
        await self._listen(name, application, port)

    async def serve_page(self, environment: Mapping[str, str]) -> None:
        """Serve the built page; raises StartError when it is not built."""
        built = ROOT / "frontend" / "dist"
        if not (built / "index.html").exists():
            raise StartError("The page is not built: run `make page`")
        config = page_server.page_config(self.ports, environment, DEMO)
        page = page_server.application(built, self.ports, config)
        await self._listen("page", page, self.ports.page)

    async def serve_downloads(self) -> None:
        """Serve the bucket's objects as CloudFront does."""
        application = downloads.application(self.ports.url("s3"), self.ports.page_origin)
        application.middlewares.insert(0, guard.middleware())
        await self._listen("downloads", application, self.ports.downloads)

    async def serve_api(
        self,
        upstream: str,
        environment: Mapping[str, str],
        declared: Mapping[str, Any],
        *,
        throttling: bool,
    ) -> None:
        """Serve the REST API, as `app.py` declared it, in front of `chalice local`."""
        gateway = api_gateway.read()
        client = rest_gateway.session()
        self.running.push_async_callback(client.close)
        pool_arn = environment["HOIST_USER_POOL_ARN"]
        api = rest_gateway.RestGateway(
            upstream,
            self.ports.page_origin,
            gateway,
            rest_gateway.routes(declared["routes"]),
            await id_tokens.fetch(client, self.ports.url("aws"), pool_arn),
            client,
            rest_gateway.TokenBucket(gateway.rate, gateway.burst) if throttling else None,
            compress_from=read_json(config_path())["minimum_compression_size"],
        )
        application = api.application()
        application.middlewares.insert(0, guard.middleware())
        await self._listen("api", application, self.ports.api)

    async def api_answers(self) -> bool:
        """Whether the REST API answers, and so `chalice local` behind it."""
        try:
            async with (
                aiohttp.ClientSession() as client,
                client.get(f"{self.ports.url('api')}/limits") as response,
            ):
                return response.ok
        except aiohttp.ClientError:
            return False

    async def _listen(self, name: str, application: web.Application, port: int) -> None:
        _log_to(f"local.{name}", self.home.log / f"{name}.log")
        runner = web.AppRunner(
            application,
            access_log=None,
            shutdown_timeout=1.0,
            max_line_size=rest_gateway.MAX_LINE,
            max_field_size=rest_gateway.MAX_LINE,
        )
        await runner.setup()
        self.running.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, port).start()


def announce(home: Home, ports: Ports, missed: int) -> None:
    """Print where everything is; `missed` objects arrived while no system ran."""
    lines = {
        "s3": f"{ports.url('s3')}  (SeaweedFS, bucket {BUCKET})",
        "aws": f"{ports.url('aws')}  (DynamoDB, SNS, SQS, Cognito, STS)",
        "api": f"{ports.url('api')}  (API Gateway, then chalice local)",
        "gateway": f"{ports.url('gateway', 'ws')}  (WebSocket)",
        "events": f"{home.log}/events.log  (S3 → process_upload → SNS → notify)",
        "downloads": f"{ports.url('downloads')}  (S3 with CloudFront's headers)",
        "page": ports.page_origin,
    }
    for name, where in lines.items():
        print(f"  {name:<9} {where}")
    if missed:
        print(f"\nObjects that arrived unnoticed: {missed}; their events are delivered now")
    print(f"\nOpen {ports.page_origin} and sign in as {DEMO['username']}"
          f" with the password {DEMO['password']}")  # fmt: skip
    print("Another API beside it, reloading as you edit:"
          " .venv/bin/chalice local --stage local --port 8002")  # fmt: skip
    print(f"Logs are in {home.log}, mail in {home.mail}. Ctrl-C stops everything.",
          flush=True)  # fmt: skip


def _log_to(name: str, path: Path) -> None:
    logger = logging.getLogger(name)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
