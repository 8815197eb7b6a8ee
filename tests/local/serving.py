"""Servers of the local system on free ports, for as long as a test asks them something."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil
from aiohttp import web

from local.aws.resources import Resources
from local.home import HOST, Ports, free_ports
from tests.support.environment import CLEAN_ENVIRONMENT
from tests.support.running import ROOT, eventually

PATIENCE = 20  # seconds until a test that waits for something gives up
BRIDGE = "http://127.0.0.1:1"  # where nothing listens


@asynccontextmanager
async def listening(application: web.Application, port: int, **limits: int) -> AsyncIterator[str]:
    """The application on a port of this machine; yields its address."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0, **limits)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield f"http://{HOST}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving(routes: Sequence[web.RouteDef]) -> AsyncIterator[str]:
    """Routes on a free port; yields their address."""
    application = web.Application()
    application.add_routes(routes)
    async with listening(application, free_ports(1)[0]) as url:
        yield url


async def comes(what: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE):
        while not what():
            await asyncio.sleep(0.01)


@contextmanager
def aws_server(state: Path, port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """moto's server on a state file, up and answering; ended at the end."""
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
    """What makes everything on one server, which is S3 as well."""
    return Resources(Ports(s3=port, aws=port), bridge_url)


def is_running(pid: int) -> bool:
    """Whether a process is there and more than a zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def holder_of(lock: Path) -> subprocess.Popen[str]:
    """Another process that holds a lock file, its own process id in it."""
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
