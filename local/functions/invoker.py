"""Asynchronous invocation as Lambda does it: a queue on disk, retries, records to destinations.

The queue has an accepted event on disk until its record has reached the destination. So a system
that was stopped or killed continues with the same events.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import asyncio
import contextlib
import functools
import json
import logging
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from local.functions.destinations import Destinations, Send
from local.functions.environments import Answer, Function, Functions
from local.home import StartError

log = logging.getLogger("local.events")

RESEND_AFTER = 1.0  # seconds until a record is sent again whose destination failed
_SCHEMA = """
CREATE TABLE IF NOT EXISTS invocations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL,
    function TEXT NOT NULL,
    event TEXT NOT NULL,
    accepted_at REAL NOT NULL,
    due_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    record TEXT
)
"""


@dataclass(slots=True)
class Invoker:
    """The queue of asynchronous invocations; `waits` are the seconds before each retry."""

    database: sqlite3.Connection
    functions: Functions
    destinations: Mapping[str, Destinations]
    send: Send
    waits: Sequence[float]
    _functions: dict[str, Function] = field(default_factory=dict)
    _running: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.database.execute(_SCHEMA)

    def accept(self, function: str, event: Any) -> None:
        """Add an event to the queue; the caller commits, together with its own writes."""
        now = time.time()
        self.database.execute(
            "INSERT INTO invocations (request_id, function, event, accepted_at, due_at)"
            " VALUES (?, ?, ?, ?, ?)",
            (str(uuid4()), function, json.dumps(event), now, now),
        )
        self._wake.set()

    async def run(self, functions: Sequence[Function]) -> None:
        """Invoke the functions of due events until cancelled."""
        self._functions = {function.name: function for function in functions}
        try:
            while True:
                self._wake.clear()
                self._start_due()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._next_due()):
                        await self._wake.wait()
        finally:
            running = list(self._running.values())
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _start_due(self) -> None:
        due = self.database.execute(
            "SELECT id, function FROM invocations WHERE due_at <= ? ORDER BY id", (time.time(),)
        ).fetchall()
        for number, name in due:
            if number not in self._running and name in self._functions:
                task = asyncio.create_task(self._deliver(number))
                self._running[number] = task
                task.add_done_callback(functools.partial(self._done, number))

    def _next_due(self) -> float | None:
        """Seconds until the next invocation that does not run is due; None without one."""
        rows = self.database.execute("SELECT id, function, due_at FROM invocations").fetchall()
        waiting = [
            due_at
            for number, name, due_at in rows
            if number not in self._running and name in self._functions
        ]
        return max(0.05, min(waiting) - time.time()) if waiting else None

    def _done(self, number: int, task: asyncio.Task[None]) -> None:
        del self._running[number]
        if not task.cancelled() and task.exception():
            log.error("delivery of invocation %d failed", number, exc_info=task.exception())
            self._postpone(number, RESEND_AFTER)
        self._wake.set()

    async def _deliver(self, number: int) -> None:
        """Make one attempt, then retry, or send its record to the destination."""
        row = self.database.execute(
            "SELECT request_id, function, event, accepted_at, attempts, record"
            " FROM invocations WHERE id = ?",
            (number,),
        ).fetchone()
        request_id, name, event, accepted_at, attempts, record = row
        destinations = self.destinations.get(name, Destinations())
        if record is None:
            function, payload = self._functions[name], json.loads(event)
            answer = await self.functions.invoke(function, payload, request_id=request_id)
            log.info("%s %s: %s", name, request_id, "success" if answer.ok else answer.payload)
            condition = _condition(answer, attempts, time.time() - accepted_at, destinations)
            if condition is None:
                wait = self.waits[min(attempts, len(self.waits) - 1)] if self.waits else 0
                self._retry(number, attempts + 1, wait)
                return
            record = invocation_record(
                function, request_id, payload, answer, condition=condition, count=attempts + 1
            )
            self._settle(number, record)
        succeeded = json.loads(record)["requestContext"]["condition"] == "Success"
        destination = destinations.on_success if succeeded else destinations.on_failure
        if destination is not None:
            await self.send(destination, record)
        elif not succeeded:
            log.error("%s failed and has no destination: %s", name, record)
        with self.database:
            self.database.execute("DELETE FROM invocations WHERE id = ?", (number,))

    def _retry(self, number: int, attempts: int, wait: float) -> None:
        with self.database:
            self.database.execute(
                "UPDATE invocations SET attempts = ?, due_at = ? WHERE id = ?",
                (attempts, time.time() + wait, number),
            )

    def _settle(self, number: int, record: str) -> None:
        with self.database:
            self.database.execute(
                "UPDATE invocations SET record = ? WHERE id = ?", (record, number)
            )

    def _postpone(self, number: int, wait: float) -> None:
        with self.database:
            self.database.execute(
                "UPDATE invocations SET due_at = ? WHERE id = ?", (time.time() + wait, number)
            )


def connect(path: Path) -> sqlite3.Connection:
    """The database of events; raises StartError when it cannot be read."""
    try:
        database = sqlite3.connect(path, check_same_thread=False)
        database.execute("PRAGMA journal_mode = WAL")
    except sqlite3.DatabaseError as error:
        raise StartError(
            f"{path} cannot be read ({error}): move it away and start again"
        ) from error
    return database


def _condition(answer: Answer, attempts: int, age: float, destinations: Destinations) -> str | None:
    """The record's condition when the invocation is over; None when it is to be retried."""
    if answer.ok:
        return "Success"
    if attempts >= destinations.maximum_retry_attempts:
        return "RetriesExhausted"
    return "EventAgeExceeded" if age > destinations.maximum_event_age_in_seconds else None


def invocation_record(
    function: Function, request_id: str, event: Any, answer: Answer, *, condition: str, count: int
) -> str:
    """The JSON that a destination receives.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    context: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
    if not answer.ok:
        context["functionError"] = "Unhandled"
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "requestContext": {
                "requestId": request_id,
                "functionArn": f"{function.arn}:$LATEST",
                "condition": condition,
                "approximateInvokeCount": count,
            },
            "requestPayload": event,
            "responseContext": context,
            "responsePayload": answer.payload,
        }
    )
