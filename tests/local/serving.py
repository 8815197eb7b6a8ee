"""Starts servers of the local system on free ports for a test, and waits for conditions."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psutil
from aiohttp import web

from local.aws.resources import Resources
from local.home import HOST, Ports, free_ports
from tests.support.environment import CLEAN_ENVIRONMENT
from tests.support.running import ROOT, eventually

TIMEOUT = 20  # seconds that a test waits for a condition
BRIDGE = "http://127.0.0.1:1"  # nothing listens there


@asynccontextmanager
async def listening(application: web.Application, port: int, **settings: Any) -> AsyncIterator[str]:
    """Serve the application on a port of this machine; yields its address."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0, **settings)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield f"http://{HOST}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving(routes: Sequence[web.RouteDef]) -> AsyncIterator[str]:
    """Serve routes on a free port; yields their address."""
    application = web.Application()
    application.add_routes(routes)
    async with listening(application, free_ports(1)[0]) as url:
        yield url


async def wait_until(condition: Callable[[], object]) -> None:
    """Wait until a condition is true."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.01)


@contextmanager
def aws_server(state: Path, port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start moto's server on a state file, wait until it answers, and end it afterwards."""
    with (state.parent / "aws.log").open("ab") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "local.aws.moto_server",
                "--port",
                str(port),
                "--state",
                str(state),
                *options,
            ],
            cwd=ROOT,
            env={**CLEAN_ENVIRONMENT, "AWS_EC2_METADATA_DISABLED": "true"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        resources = resources_at(port)
        eventually(lambda: process.poll() is not None or resources.answers("aws"), bool)
        assert process.poll() is None, (state.parent / "aws.log").read_text()
        yield process
    finally:
        process.kill()
        process.wait()


def resources_at(port: int, bridge_url: str = BRIDGE) -> Resources:
    """Resources that are all made on one server, which is S3 as well."""
    return Resources(Ports(s3=port, aws=port), bridge_url)


def is_running(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def holder_of(lock: Path) -> subprocess.Popen[str]:
    """Another process that holds a lock file and has written its process id into it."""
    script = (
        "import fcntl, os, sys\n"
        "lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "os.pwrite(lock, str(os.getpid()).encode(), 0)\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script, os.fspath(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
