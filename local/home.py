"""The data folder of a local system, its lock, and the addresses of its services.

Must not know how the services are started.
"""

import asyncio
import contextlib
import fcntl
import os
import random
import socket
import time
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path

HOST = "127.0.0.1"
# Below the range that systems use for outgoing connections, so that no such connection takes a port
# before its server listens.
FREE_PORTS = range(10_000, 32_000)
STOPPING_GRACE = 15.0  # seconds that an earlier system whose make was killed may take to stop


class StartError(Exception):
    """The system cannot start; the text says why and what to do, in one line."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each service listens, on 127.0.0.1 only."""

    s3: int = 8333
    aws: int = 5000
    api: int = 8000
    gateway: int = 8001
    page: int = 8080
    downloads: int = 8081

    @property
    def page_origin(self) -> str:
        """The page's origin: the only one that CORS allows."""
        return f"http://{HOST}:{self.page}"

    def url(self, service: str, scheme: str = "http") -> str:
        """The address of one service."""
        return f"{scheme}://{HOST}:{getattr(self, service)}"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder with the data of a local system, `.hoist/` by default."""

    path: Path

    @property
    def log(self) -> Path:
        """Where each service writes its log."""
        return self.path / "log"

    @property
    def mail(self) -> Path:
        """Where messages of the notifications topic arrive, each in a file of its own."""
        return self.path / "mail"

    def prepare(self) -> None:
        """Create the folders; raises StartError when they cannot be created or written."""
        try:
            for folder in (self.path, self.log, self.mail):
                folder.mkdir(parents=True, exist_ok=True)
                probe = folder / ".writable"
                probe.write_text("")
                probe.unlink()
        except OSError as error:
            raise StartError(
                f"Cannot use {self.path} for data ({error.strerror}): fix its permissions, move it"
                " away, or name another folder with HOIST_HOME=…"
            ) from error

    async def lock(self) -> int:
        """Lock the folder for this system; the file descriptor holds the lock while it is open.

        The services inherit it, so the lock is free only when the last of them is gone. Waits for
        an earlier system that is stopping or was killed; raises StartError for one that runs.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + STOPPING_GRACE
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, descriptor)
            while not _try_lock(descriptor):
                if time.monotonic() > deadline or not _is_stopping(descriptor):
                    raise StartError(
                        f"A local system already runs on {self.path}: use it, stop it with Ctrl-C,"
                        " or name another folder with HOIST_HOME=…"
                    )
                await asyncio.sleep(0.2)
            undo.pop_all()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return descriptor


def check_ports(ports: Ports) -> None:
    """Raise StartError for a port that is in use, and name the setting that changes it."""
    services: dict[int, str] = {}
    for field in fields(ports):
        port = getattr(ports, field.name)
        if port in services:
            raise StartError(
                f"Port {port} is set for {services[port]} and for {field.name}: choose another with"
                f" HOIST_{field.name.upper()}_PORT=…"
            )
        services[port] = field.name
        if not _is_free(port):
            raise StartError(
                f"Port {port} ({field.name}) is in use: stop what listens there, or choose"
                f" another with HOIST_{field.name.upper()}_PORT=…"
            )


def free_ports(count: int, *, apart_from: Collection[int] = ()) -> list[int]:
    """Ports of FREE_PORTS that nothing listens on now, and that are not in `apart_from`."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.choice(FREE_PORTS)  # noqa: S311 - no secret
        if port not in (*ports, *apart_from) and _is_free(port):
            ports.append(port)
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_stopping(descriptor: int) -> bool:
    """Whether the system that holds the lock has lost its own process or the make above it."""
    text = os.pread(descriptor, 32, 0).decode()
    if not text.isdigit():
        return True
    try:
        os.kill(int(text), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _parent(int(text)) == 1


def _parent(pid: int) -> int | None:
    """The parent of a process; None without /proc."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return None
