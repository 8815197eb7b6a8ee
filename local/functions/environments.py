"""The execution environments of the functions: worker processes, started on demand and kept warm.

Each runs one invocation at a time, as in Lambda. An invocation that times out is killed with its
environment. An edit of `app.py` or `chalicelib` replaces the environments that loaded the old code.
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

from local.names import PREFIX, arn

ROOT = Path(__file__).parents[2]
MOST = 4  # environments at once
LINE_LIMIT = 16 * 1024 * 1024  # bytes; more than Lambda's 6 MB payload
DEFAULT_TIMEOUT = 60  # seconds; Chalice's own


@dataclass(frozen=True, slots=True)
class Function:
    """A function of `app.py`: its name in AWS, its handler, its time limit in seconds."""

    name: str
    handler: str
    timeout: int

    @classmethod
    def of(cls, source: Mapping[str, Any], settings: Mapping[str, Any]) -> "Function":
        """The function of a source that `app.py` declares; `settings` are the stage's."""
        timeout = settings.get(source["name"], {}).get("lambda_timeout", DEFAULT_TIMEOUT)
        return cls(source["name"], source["handler_string"], timeout)

    @property
    def arn(self) -> str:
        """Its ARN, as invocation records name it."""
        return arn("lambda", f"function:{PREFIX}-{self.name}")


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a function, or its error."""

    ok: bool
    payload: Any


@dataclass(slots=True, eq=False)
class Environment:
    """One worker process."""

    process: asyncio.subprocess.Process
    loaded_at: float

    async def ask(self, request: Mapping[str, Any]) -> Answer:
        """Send a request and read its answer; raises OSError when the process has ended."""
        if self.process.stdin is None or self.process.stdout is None:
            raise BrokenPipeError
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        await self.process.stdin.drain()
        line = await self.process.stdout.readline()
        if not line:
            raise BrokenPipeError
        return Answer(**json.loads(line))

    async def end(self) -> None:
        """Kill it, even while it runs an invocation."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@dataclass(slots=True)
class Functions:
    """All environments of a local system; they log to one file. `root` has their `app.py`."""

    log: Path
    variables: Mapping[str, str]
    root: Path = ROOT
    _idle: list[Environment] = field(default_factory=list)
    _all: set[Environment] = field(default_factory=set)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST))

    async def describe(self) -> dict[str, Any]:
        """The sources and routes that `app.py` declares; raises OSError when it fails to load."""
        environment = await self._take()
        answer = await environment.ask({"describe": True})
        self._idle.append(environment)
        return dict(answer.payload)

    async def invoke(self, function: Function, event: Any, *, request_id: str) -> Answer:
        """Run a handler; an error, a timeout and a crash are answers as well."""
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
    """The payload that Lambda returns for an invocation that timed out.

    Recorded from AWS: tests/aws/services/lambda_/test_lambda.snapshot.json of LocalStack.
    """
    return _error("Sandbox.Timedout", request_id, f"Task timed out after {seconds:.2f} seconds")


def exited(request_id: str) -> Answer:
    """The payload that Lambda returns when the process exits before it answers.

    Recorded from AWS: the same snapshot.
    """
    return _error("Runtime.ExitError", request_id, "Runtime exited without providing a reason")


def _error(kind: str, request_id: str, message: str) -> Answer:
    text = f"RequestId: {request_id} Error: {message}"
    return Answer(ok=False, payload={"errorType": kind, "errorMessage": text})
