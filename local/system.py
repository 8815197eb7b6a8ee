"""Starts the local system in order, watches it, and stops it without leaving a process behind."""

import asyncio
import contextlib
import functools
import json
import os
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from chalicelib.config import LOCAL_ENVIRONMENT_FILE
from local import services
from local.aws import seaweedfs
from local.aws.resources import Resources
from local.functions import destinations, invoker, schedules
from local.functions.bridge import Bridge, list_objects
from local.functions.environments import ROOT, Function, Functions
from local.functions.invoker import Invoker
from local.gateways.websocket_gateway import WebSocketGateway
from local.home import HOST, Home, Ports, StartError, check_ports, free_ports
from local.names import ACCESS_KEY, BUCKET, REGION, SECRET_KEY
from local.servers import Servers, announce
from local.services import Service
from stage import stage

CHALICE = str(Path(sys.executable).parent / "chalice")
ORPHAN_CHECK = 0.5  # seconds
OUTDATED = """
An earlier version of Hoist made the list of uploads: the list is created again.
Accounts and files are kept. Each file is checked again and gets a new place in the list.
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
    """One local system, from its start to its end."""

    def __init__(self, options: Options) -> None:
        self.home, self.ports = options.home, options.ports
        self._retry_waits, self._throttling = options.retry_waits, options.throttling
        self._bridge_port, self._chalice_port = free_ports(2, apart_from=astuple(self.ports))
        self._services: list[Service] = []
        # What is to be stopped: the last one first, each even when another fails to stop.
        self._running = contextlib.AsyncExitStack()
        self._servers = Servers(self.home, self.ports, self._running)
        self._variables = {"HOIST_HOME": str(self.home.path.resolve())}
        self._resources = Resources(self.ports, f"http://{HOST}:{self._bridge_port}")
        self._functions = Functions(self.home.log / "functions.log", self._variables)
        self._gateway = WebSocketGateway(self._functions)
        self._lock = -1

    async def run(self) -> int:
        """Start, print where everything is, and run until a signal; returns the exit status."""
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        watches = [asyncio.create_task(stopped.wait()), asyncio.create_task(_orphaned())]
        async with self._running:
            starting = asyncio.create_task(self._start())
            await asyncio.wait([starting, *watches], return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                await _cancel(starting)
                return 0
            work = starting.result()
            deaths = [asyncio.create_task(service.process.wait()) for service in self._services]
            await asyncio.wait([work, *deaths, *watches], return_when=asyncio.FIRST_COMPLETED)
            return self._exit_status(work)

    def _exit_status(self, work: "asyncio.Task[None]") -> int:
        """0 after a signal; 1, with the reason on stderr, when a service died."""
        if work.done():
            work.result()
        dead = [s for s in self._services if s.process.returncode is not None]
        for service in dead:
            print(service.failure_report(), file=sys.stderr)
        return 1 if dead else 0

    async def _start(self) -> "asyncio.Task[None]":
        """Start everything and wait until it answers; returns the task that invokes functions."""
        self._lock = await self.home.lock()
        self._running.callback(os.close, self._lock)
        check_ports(self.ports)
        database = invoker.connect(self.home.path / "events.db")
        send = destinations.sender(self._resources.client, self.ports.url("aws"))
        queue = Invoker(database, self._functions, destinations.read(), send, self._retry_waits)
        bridge = Bridge(database, queue, BUCKET, REGION, self.home.mail)
        await self._servers.serve("events", bridge.routes(), self._bridge_port)
        await self._start_aws()
        environment = await self._make_resources(bridge)
        chalice = await self._start_chalice()
        declared = await self._describe()
        functions = self._connect(bridge, declared)
        await self._servers.serve("gateway", self._gateway.routes(), self.ports.gateway)
        self._running.push_async_callback(self._gateway.stop)
        await self._servers.serve_page(environment)
        await self._servers.serve_downloads()
        objects = await asyncio.to_thread(list_objects, self._resources.client("s3"), BUCKET)
        missed = bridge.catch_up(objects)
        upstream = f"http://{HOST}:{self._chalice_port}"
        await self._servers.serve_api(upstream, environment, declared, throttling=self._throttling)
        await services.ready(chalice, self._servers.api_answers)
        announce(self.home, self.ports, missed)
        scheduled = schedules.run(schedules.rates(declared["sources"]), REGION, bridge.invoke)
        work = asyncio.create_task(_both(queue.run(functions), scheduled))
        self._running.push_async_callback(_cancel, work)
        return work

    async def _start_aws(self) -> None:
        """Start S3 and the AWS stand-in side by side."""
        weed = seaweedfs.command(
            self.home.path / "s3",
            port=self.ports.s3,
            webhook=f"http://{HOST}:{self._bridge_port}/s3",
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            bucket=BUCKET,
            reserved=(*astuple(self.ports), self._bridge_port, self._chalice_port),
        )
        # By its name: to import it would load all of moto into this process as well.
        moto = [sys.executable, "-m", "local.aws.moto_server", "--port", str(self.ports.aws)]
        moto += ["--state", str((self.home.path / "aws.state").resolve())]
        moto += ["--page-origin", self.ports.page_origin]
        folder = self.home.path / "s3"
        started = [
            await self._launch("s3", weed, cwd=folder, environment=seaweedfs.ENVIRONMENT),
            await self._launch("aws", moto),
        ]
        for service in started:
            answers = functools.partial(self._resources.answers, service.name)
            await services.ready(service, functools.partial(asyncio.to_thread, answers))

    async def _make_resources(self, bridge: Bridge) -> dict[str, str]:
        """Make what CloudFormation makes in AWS; returns the environment of the functions."""
        if await asyncio.to_thread(self._resources.table_is_outdated):
            bridge.forget_objects()
            print(OUTDATED, flush=True)
        environment = await asyncio.to_thread(self._resources.make)
        (self.home.path / LOCAL_ENVIRONMENT_FILE).write_text(json.dumps(environment, indent=2))
        return environment

    async def _start_chalice(self) -> Service:
        serve = [CHALICE, "local", "--stage", "local", "--no-autoreload"]
        return await self._launch("chalice", [*serve, "--port", str(self._chalice_port)])

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
            last = "\n".join(services.tail(self._functions.log))
            raise StartError(f"app.py cannot be loaded:\n{last}") from error

    def _connect(self, bridge: Bridge, declared: Mapping[str, Any]) -> list[Function]:
        """Connect the functions to the sources that `app.py` declares; returns the functions."""
        bridge.sources = declared["sources"]
        settings = stage.declared("local").get("lambda_functions", {})
        self._gateway.handlers = {
            route: Function.of(source, settings) for route, source in declared["sockets"].items()
        }
        return [Function.of(source, settings) for source in declared["sources"]]


async def _both(queue: Coroutine[Any, Any, None], schedule: Coroutine[Any, Any, None]) -> None:
    """Run the queue and the schedules until one of them fails."""
    async with asyncio.TaskGroup() as group:
        group.create_task(queue)
        group.create_task(schedule)


async def _cancel(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait until it has ended."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _orphaned() -> None:
    """Return when the make that started us is gone, because nobody could stop us any more."""
    parent = os.getppid()
    while "MAKELEVEL" not in os.environ or os.getppid() == parent:
        await asyncio.sleep(ORPHAN_CHECK)
