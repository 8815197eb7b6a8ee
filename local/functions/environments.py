"""The execution environments of the functions: worker processes, started when needed, kept warm.

One invocation at a time each, as in Lambda; one that runs out of time is killed with its
environment. Environments that loaded `app.py` before it was last edited are replaced.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MOST = 4  # environments at once
LINE_LIMIT = 16 * 1024 * 1024  # bytes; over Lambda's 6 MB payload
DEFAULT_TIMEOUT = 60  # seconds; Chalice's own


@dataclass(frozen=True, slots=True)
class Function:
    """A function of `app.py`: its name in AWS, its handler, its time limit in seconds."""

    name: str
    handler: str
    timeout: int

    @property
    def arn(self) -> str:
        """Its ARN, as invocation records name it."""
        return f"arn:aws:lambda:eu-west-1:123456789012:function:hoist-local-{self.name}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function returned, or the error it failed with."""

    ok: bool
    payload: Any


@dataclass(slots=True, eq=False)
class Environment:
    """One worker process."""

    process: asyncio.subprocess.Process
    loaded_at: float

    async def ask(self, request: Mapping[str, Any]) -> Answer:
        """One request, one answer; raises OSError when the process is gone."""
        if self.process.stdin is None or self.process.stdout is None:
            raise BrokenPipeError
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        await self.process.stdin.drain()
        line = await self.process.stdout.readline()
        if not line:
            raise BrokenPipeError
        return Answer(**json.loads(line))

    async def end(self) -> None:
        """Kill it, whatever it is doing."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@dataclass(slots=True)
class Functions:
    """All environments of a local system; they log to one file. `root` holds their `app.py`."""

    log: Path
    variables: Mapping[str, str]
    root: Path = ROOT
    _idle: list[Environment] = field(default_factory=list)
    _all: set[Environment] = field(default_factory=set)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST))

    async def describe(self) -> dict[str, Any]:
        """What `app.py` declares; raises OSError when it cannot be loaded."""
        environment = await self._take()
        answer = await environment.ask({"describe": True})
        self._idle.append(environment)
        return dict(answer.payload)

    async def invoke(self, function: Function, event: Any, *, request_id: str) -> Answer:
        """Run a handler; an error, a time-out and a crash are answers as well."""
        async with self._room:
            environment = await self._take()
            request = {
                "id": request_id,
                "function": function.name,
                "arn": function.arn,
                "handler": function.handler,
                "event": event,
                "timeout": function.timeout,
            }
            try:
                async with asyncio.timeout(function.timeout):
                    answer = await environment.ask(request)
            except TimeoutError:
                await self._drop(environment)
                return timed_out(request_id, function.timeout)
            except (OSError, ValueError):
                await self._drop(environment)
                return exited(request_id)
            except asyncio.CancelledError:
                await self._drop(environment)
                raise
            self._idle.append(environment)
            return answer

    async def stop(self) -> None:
        """End all environments."""
        for environment in tuple(self._all):
            await self._drop(environment)

    async def _take(self) -> Environment:
        newest = max(path.stat().st_mtime for path in self._sources())
        while self._idle:
            environment = self._idle.pop()
            if environment.process.returncode is None and environment.loaded_at > newest:
                return environment
            await self._drop(environment)
        return await self._start()

    async def _start(self) -> Environment:
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "local.functions.worker",
                str(self.root),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=LINE_LIMIT,
                start_new_session=True,
                cwd=ROOT,
                env={**os.environ, **self.variables},
            )
        environment = Environment(process, time.time())
        self._all.add(environment)
        return environment

    async def _drop(self, environment: Environment) -> None:
        self._all.discard(environment)
        await environment.end()

    def _sources(self) -> Iterator[Path]:
        yield self.root / "app.py"
        yield from (self.root / "chalicelib").rglob("*.py")


def timed_out(request_id: str, seconds: float) -> Answer:
    """What Lambda says of an invocation that ran out of time.

    Recorded from AWS: tests/aws/services/lambda_/test_lambda.snapshot.json of LocalStack.
    """
    return _error("Sandbox.Timedout", request_id, f"Task timed out after {seconds:.2f} seconds")


def exited(request_id: str) -> Answer:
    """What Lambda says of an invocation whose process ended before it answered.

    Recorded from AWS as well.
    """
    return _error("Runtime.ExitError", request_id, "Runtime exited without providing a reason")


def _error(kind: str, request_id: str, message: str) -> Answer:
    text = f"RequestId: {request_id} Error: {message}"
    return Answer(ok=False, payload={"errorType": kind, "errorMessage": text})
