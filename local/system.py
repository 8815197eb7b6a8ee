"""Starts the local system in order, watches it, and stops it without leaving a process behind."""

import asyncio
import contextlib
import functools
import json
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from chalicelib import keys
from chalicelib.config import LOCAL_ENVIRONMENT_FILE
from local import services
from local.aws import moto_server, seaweedfs
from local.aws.resources import ACCESS_KEY, BUCKET, DEMO, REGION, SECRET_KEY, Resources
from local.functions import schedules
from local.functions.bridge import Bridge, Stored
from local.functions.environments import DEFAULT_TIMEOUT, ROOT, Function, Functions
from local.functions.invoker import Destinations, Invoker
from local.gateways import downloads, guard, id_tokens, page_server, rest_gateway
from local.gateways.websocket_gateway import Gateway
from local.home import HOST, Home, Ports, StartError, check_ports, free_ports
from local.services import Service
from stage import api_gateway, destinations

CHALICE = str(Path(sys.executable).parent / "chalice")
ORPHAN_CHECK = 0.5  # seconds
OUTDATED = """
The list of uploads was made by an earlier version of Hoist and is made anew.
Accounts and files are kept: each file is checked again and gets a new place in the list.
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What a person can choose.

    `retry_waits` are the seconds before each retry of a function; without `throttling` the API
    takes any number of requests.
    """

    home: Home
    ports: Ports
    retry_waits: Sequence[float]
    throttling: bool = False


class System:
    """One local system; `run` is its life."""

    def __init__(self, options: Options) -> None:
        self.home, self.ports = options.home, options.ports
        self._bridge_port, self._chalice_port = free_ports(2, apart_from=astuple(self.ports))
        self._services: list[Service] = []
        # What is to be ended, last started first; each even when another fails to end.
        self._running = contextlib.AsyncExitStack()
        self._variables = {"HOIST_HOME": str(self.home.path.resolve())}
        self._resources = Resources(self.ports, f"http://{HOST}:{self._bridge_port}")
        self._functions = Functions(self.home.log / "functions.log", self._variables)
        self._gateway = Gateway(self._functions)
        self._retry_waits, self._throttling = options.retry_waits, options.throttling
        self._lock = -1

    async def run(self) -> int:
        """Start, say where everything is, and stay until told to stop; returns the exit status."""
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        watches = [asyncio.create_task(stopped.wait()), asyncio.create_task(_orphaned())]
        async with self._running:
            starting = asyncio.create_task(self._start())
            await asyncio.wait([starting, *watches], return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                await _ended(starting)
                return 0
            queue = starting.result()
            deaths = [asyncio.create_task(service.process.wait()) for service in self._services]
            await asyncio.wait([queue, *deaths, *watches], return_when=asyncio.FIRST_COMPLETED)
            return self._verdict(queue)

    def _verdict(self, queue: "asyncio.Task[None]") -> int:
        """0 when we were told to stop; 1, and why, when a service died."""
        if queue.done():
            queue.result()
        dead = [s for s in self._services if s.process.returncode is not None]
        for service in dead:
            print(service.epitaph(), file=sys.stderr)
        return 1 if dead else 0

    async def _start(self) -> "asyncio.Task[None]":
        """Everything up and answering; returns the task that invokes functions."""
        self._lock = await self.home.lock()
        self._running.callback(os.close, self._lock)
        check_ports(self.ports)
        database = self._database()
        invoker = Invoker(database, self._functions, _destinations(), self._send, self._retry_waits)
        bridge = Bridge(database, invoker, BUCKET, REGION, self.home.mail)
        await self._serve("events", bridge.routes(), self._bridge_port)
        await self._start_servers()
        if await asyncio.to_thread(self._resources.table_is_outdated):
            bridge.forget_objects()
            print(OUTDATED, flush=True)
        environment = await asyncio.to_thread(self._resources.make)
        (self.home.path / LOCAL_ENVIRONMENT_FILE).write_text(json.dumps(environment, indent=2))
        serve = [CHALICE, "local", "--stage", "local", "--no-autoreload"]
        chalice = await self._launch("chalice", [*serve, "--port", str(self._chalice_port)])
        declared = await self._describe()
        functions = self._wire(bridge, declared)
        await self._serve("gateway", self._gateway.routes(), self.ports.gateway)
        self._running.push_async_callback(self._gateway.stop)
        await self._serve_page(environment)
        hand_out = downloads.application(self.ports.url("s3"), self.ports.page_origin)
        hand_out.middlewares.insert(0, guard.middleware())
        await self._listen("downloads", hand_out, self.ports.downloads)
        missed = bridge.catch_up(await asyncio.to_thread(self._stored_objects))
        await self._serve_api(environment, declared)
        await services.ready(chalice, self._api_answers)
        self._announce(missed)
        scheduled = schedules.run(schedules.rates(declared["sources"]), REGION, bridge.invoke)
        work = asyncio.create_task(_both(invoker.run(functions), scheduled))
        self._running.push_async_callback(_ended, work)
        return work

    async def _start_servers(self) -> None:
        """S3 and the AWS stand-in, side by side."""
        weed = seaweedfs.command(
            self.home.path / "s3",
            port=self.ports.s3,
            webhook=f"http://{HOST}:{self._bridge_port}/s3",
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            bucket=BUCKET,
            taken=(*astuple(self.ports), self._bridge_port, self._chalice_port),
        )
        moto = [sys.executable, "-m", moto_server.__name__, "--port", str(self.ports.aws)]
        moto += ["--state", str((self.home.path / "aws.state").resolve())]
        moto += ["--page-origin", self.ports.page_origin]
        started = [
            await self._launch(
                "s3", weed, cwd=self.home.path / "s3", environment=seaweedfs.ENVIRONMENT
            ),
            await self._launch("aws", moto),
        ]
        for service in started:
            answers = functools.partial(self._resources.answers, service.name)
            await services.ready(service, functools.partial(asyncio.to_thread, answers))

    async def _launch(
        self,
        name: str,
        command: Sequence[str],
        *,
        cwd: Path = ROOT,
        environment: Mapping[str, str] | None = None,
    ) -> Service:
        service = await services.start(
            name,
            command,
            log=self.home.log / f"{name}.log",
            lock=self._lock,
            cwd=cwd,
            environment={**self._variables, **(environment or {})},
        )
        self._services.append(service)
        self._running.push_async_callback(service.stop)
        return service

    async def _describe(self) -> dict[str, Any]:
        """What `app.py` declares; raises StartError when it cannot be loaded."""
        self._running.push_async_callback(self._functions.stop)
        try:
            return await self._functions.describe()
        except OSError as error:
            log = (self.home.log / "functions.log").read_text(errors="replace")
            last = "\n".join(log.splitlines()[-services.TAIL :])
            raise StartError(f"app.py cannot be loaded:\n{last}") from error

    def _wire(self, bridge: Bridge, declared: Mapping[str, Any]) -> list[Function]:
        """Let what `app.py` declares be triggered by what it declares; returns its functions."""
        bridge.sources = declared["sources"]
        settings = _function_settings()
        self._gateway.handlers = {
            route: _function(source, settings) for route, source in declared["sockets"].items()
        }
        return [_function(source, settings) for source in declared["sources"]]

    async def _serve(self, name: str, routes: Sequence[web.RouteDef], port: int) -> None:
        application = web.Application(
            client_max_size=64 * 1024 * 1024,
            middlewares=[guard.middleware(self.ports.page_origin)],
        )
        application.add_routes(routes)
        await self._listen(name, application, port)

    async def _serve_api(self, environment: Mapping[str, str], declared: Mapping[str, Any]) -> None:
        gateway = api_gateway.read()
        client = rest_gateway.session()
        self._running.push_async_callback(client.close)
        front = rest_gateway.Api(
            f"http://{HOST}:{self._chalice_port}",
            self.ports.page_origin,
            gateway,
            rest_gateway.routes(declared["routes"]),
            await self._id_tokens(client, environment["HOIST_USER_POOL_ARN"]),
            client,
            rest_gateway.Bucket(gateway.rate, gateway.burst) if self._throttling else None,
            packed_from=_chalice_config()["minimum_compression_size"],
        )
        application = front.application()
        application.middlewares.insert(0, guard.middleware())
        await self._listen("api", application, self.ports.api)

    async def _id_tokens(self, client: aiohttp.ClientSession, pool_arn: str) -> id_tokens.IdTokens:
        pool = pool_arn.rpartition("/")[2]
        # moto tells by the signature which service an address is of.
        scope = (
            f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/{REGION}/cognito-idp/aws4_request"
        )
        async with client.get(
            f"{self.ports.url('aws')}/{pool}/.well-known/jwks.json",
            headers={"Authorization": f"{scope}, SignedHeaders=host, Signature=none"},
        ) as answer:
            return id_tokens.IdTokens(
                id_tokens.key_set(await answer.json()), id_tokens.issuer(pool_arn)
            )

    async def _serve_page(self, environment: Mapping[str, str]) -> None:
        config = {
            "api_url": self.ports.url("api"),
            "region": REGION,
            "user_pool_id": environment["HOIST_USER_POOL_ARN"].rpartition("/")[2],
            "user_pool_client_id": environment["HOIST_USER_POOL_CLIENT_ID"],
            "cognito_endpoint": self.ports.url("aws"),
            "demo": DEMO,
        }
        built = ROOT / "frontend" / "dist"
        if not (built / "index.html").exists():
            raise StartError("The page is not built: run `make page`")
        await self._listen(
            "page", page_server.application(built, self.ports, config), self.ports.page
        )

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
        self._running.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, port).start()

    def _database(self) -> sqlite3.Connection:
        path = self.home.path / "events.db"
        try:
            database = sqlite3.connect(path, check_same_thread=False)
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.DatabaseError as error:
            raise StartError(
                f"{path} cannot be read ({error}): move it away and start again"
            ) from error
        return database

    def _stored_objects(self) -> list[Stored]:
        pages = self._resources.client("s3").get_paginator("list_objects_v2")
        return [
            Stored(
                item["Key"],
                item["Size"],
                item["ETag"].strip('"'),
                int(item["LastModified"].timestamp()),
            )
            for listed in pages.paginate(Bucket=BUCKET, Prefix=keys.PREFIX)
            for item in listed.get("Contents", [])
        ]

    async def _send(self, destination: str, record: str) -> None:
        """Deliver an invocation record where `.chalice/destinations.json` says."""
        service, _, name = destination.partition(":")
        client = self._resources.client(service)
        if service == "sqs":
            url = f"{self.ports.url('aws')}/{seaweedfs.ACCOUNT}/hoist-local-{name}"
            await asyncio.to_thread(client.send_message, QueueUrl=url, MessageBody=record)
        else:
            arn = f"arn:aws:sns:{REGION}:{seaweedfs.ACCOUNT}:hoist-local-{name}"
            await asyncio.to_thread(client.publish, TopicArn=arn, Message=record)

    async def _api_answers(self) -> bool:
        try:
            async with (
                aiohttp.ClientSession() as client,
                client.get(f"{self.ports.url('api')}/limits") as response,
            ):
                return response.ok
        except aiohttp.ClientError:
            return False

    def _announce(self, missed: int) -> None:
        lines = {
            "s3": f"{self.ports.url('s3')}  (SeaweedFS, bucket {BUCKET})",
            "aws": f"{self.ports.url('aws')}  (DynamoDB, SNS, SQS, Cognito, STS)",
            "api": f"{self.ports.url('api')}  (API Gateway, then chalice local)",
            "gateway": f"{self.ports.url('gateway', 'ws')}  (WebSocket)",
            "events": f"{self.home.log}/events.log  (S3 → process_upload → SNS → notify)",
            "downloads": f"{self.ports.url('downloads')}  (S3 with CloudFront's headers)",
            "page": self.ports.page_origin,
        }
        for name, where in lines.items():
            print(f"  {name:<9} {where}")
        if missed:
            print(f"\nObjects that arrived unnoticed: {missed}; their events are delivered now")
        print(f"\nOpen {self.ports.page_origin} and sign in as {DEMO['username']}"
              f" with the password {DEMO['password']}")  # fmt: skip
        print("Another API beside it, reloading as you edit:"
              " .venv/bin/chalice local --stage local --port 8002")  # fmt: skip
        print(f"Logs are in {self.home.log}, mail in {self.home.mail}. Ctrl-C stops everything.",
              flush=True)  # fmt: skip


async def _both(queue: Coroutine[Any, Any, None], schedule: Coroutine[Any, Any, None]) -> None:
    """Work the queue and keep the schedule, until one of them fails."""
    async with asyncio.TaskGroup() as group:
        group.create_task(queue)
        group.create_task(schedule)


async def _ended(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait until it is over."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _orphaned() -> None:
    """Return when the make that started us is gone: nobody could stop us any more."""
    parent = os.getppid()
    while "MAKELEVEL" not in os.environ or os.getppid() == parent:
        await asyncio.sleep(ORPHAN_CHECK)


def _chalice_config() -> dict[str, Any]:
    return dict(json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8")))


def _function_settings() -> dict[str, Any]:
    """What `.chalice/config.json` says of each function of the local stage."""
    return dict(_chalice_config()["stages"]["local"].get("lambda_functions", {}))


def _function(source: Mapping[str, Any], settings: Mapping[str, Any]) -> Function:
    timeout = settings.get(source["name"], {}).get("lambda_timeout", DEFAULT_TIMEOUT)
    return Function(source["name"], source["handler_string"], timeout)


def _destinations() -> dict[str, Destinations]:
    return {name: Destinations(**settings) for name, settings in destinations.read().items()}


def _log_to(name: str, path: Path) -> None:
    logger = logging.getLogger(name)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
