"""Child processes: each started on a leash, with its output in a log file, until it answers.

Must not know which services there are.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.home import StartError

TAIL = 15  # log lines that a person reads when a service dies
READY_WITHIN = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Service:
    """A running child and where it logs."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    async def stop(self) -> None:
        """Close the leash and wait until the child and all of its children are gone."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        await self.process.wait()

    def failure_report(self) -> str:
        """The last lines of its log, for a person to read."""
        head = f"{self.name} stopped unexpectedly; the end of {self.log}:"
        return "\n".join([head, *tail(self.log)])


def tail(log: Path) -> list[str]:
    """The last lines of a log."""
    return log.read_text(errors="replace").splitlines()[-TAIL:]


async def start(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    lock: int,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Service:
    """Start a command on a leash; only the leash inherits the file descriptor `lock`."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            str(Path(__file__).parent / "leash.py"),
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=(lock,),
            start_new_session=True,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
        )
    return Service(name, process, log)


async def ready(service: Service, answers: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a service answers; raises StartError with its last log lines when it does not."""
    deadline = time.monotonic() + READY_WITHIN
    while service.process.returncode is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if await answers():
                return
        await asyncio.sleep(0.05)
    raise StartError(service.failure_report())
