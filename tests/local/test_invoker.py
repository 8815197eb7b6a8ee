"""The queue of asynchronous invocations, with functions and a publisher that record."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from local.functions.destinations import Destinations
from local.functions.environments import Answer, Function
from local.functions.invoker import Invoker
from tests.local.serving import TIMEOUT, wait_until

EVENT = {"Records": [{"s3": {"object": {"key": "uploads/o/i/ü.txt"}}}]}
EVENTS = Path(__file__).parent.parent / "events"
PROCESS = Function("process_upload", "app.process_upload", 900)
NOTIFY = Function("notify", "app.notify", 60)
BOTH = {"process_upload": Destinations(on_success="results", on_failure="failures")}
FINE = Answer(ok=True, payload={"state": "accepted"})
WRONG = Answer(ok=False, payload={"errorMessage": "no", "errorType": "ValueError"})
FOR_EVER = 3600.0  # seconds


async def nothing() -> None:
    """Return at once."""


async def hang() -> None:
    """Run until cancelled."""
    await asyncio.sleep(FOR_EVER)


@dataclass
class RecordingFunctions:
    """Returns scripted answers and repeats the last one; runs `work` before each."""

    answers: list[Answer]
    work: Callable[[], Awaitable[Any]] = nothing
    invoked: list[tuple[str, Any, str]] = field(default_factory=list)

    async def invoke(self, function: Function, event: Any, *, request_id: str) -> Answer:
        self.invoked.append((function.name, event, request_id))
        await self.work()
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class RecordingTopics:
    """Records each message; the first `failures` calls fail, like a server that is down."""

    failures: int = 0
    work: Callable[[], Awaitable[Any]] = nothing
    tried: int = 0
    published: list[tuple[str, Any]] = field(default_factory=list)

    async def send(self, topic: str, record: str) -> None:
        self.tried += 1
        await self.work()
        if self.tried <= self.failures:
            raise ConnectionRefusedError("nobody listens")
        self.published.append((topic, json.loads(record)))


@dataclass
class Queue:
    """The database of the queue; a new Invoker works on it in each `run`."""

    path: Path
    database: sqlite3.Connection

    def accept(self, *events: Any, function: str = "process_upload") -> None:
        """Add events as an earlier process that ran none of them."""
        invoker = Invoker(self.database, None, {}, hang, [])  # type: ignore[arg-type]
        with self.database:
            for event in events:
                invoker.accept(function, event)

    def change(self, assignment: str) -> None:
        with self.database:
            self.database.execute(f"UPDATE invocations SET {assignment}")  # noqa: S608 - our own

    def rows(self, columns: str = "attempts, record") -> list[tuple[Any, ...]]:
        """The rows that another process reads from disk."""
        database = sqlite3.connect(self.path)
        try:
            return database.execute(f"SELECT {columns} FROM invocations ORDER BY id").fetchall()  # noqa: S608 - our own
        finally:
            database.close()

    def run(
        self,
        functions: RecordingFunctions,
        topics: RecordingTopics,
        *,
        until: Callable[[], object] | None = None,
        during: Callable[[Invoker], Coroutine[Any, Any, None]] | None = None,
        destinations: Mapping[str, Destinations] = BOTH,
        waits: Sequence[float] = (0.0, 0.0),
        functions_of_app: Sequence[Function] = (PROCESS, NOTIFY),
    ) -> None:
        """Run the queue until `until` is true, or else until it is empty; then stop."""

        async def run_queue() -> None:
            invoker = Invoker(self.database, functions, destinations, topics.send, waits)  # type: ignore[arg-type]
            running = asyncio.create_task(invoker.run(functions_of_app))
            try:
                if during is not None:
                    await during(invoker)
                await wait_until(until or (lambda: not self.rows()))
                assert not running.done()
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running

        asyncio.run(run_queue())


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    path = tmp_path / "events.db"
    database = sqlite3.connect(path)
    yield Queue(path, database)
    database.close()


@pytest.fixture
def topics() -> RecordingTopics:
    return RecordingTopics()


def test_a_success_sends_one_record_and_empties_the_queue(
    queue: Queue, topics: RecordingTopics
) -> None:
    functions = RecordingFunctions([FINE])
    queue.accept(EVENT)

    queue.run(functions, topics)

    ((name, event, request_id),) = functions.invoked
    assert (name, event) == ("process_upload", EVENT)
    ((topic, record),) = topics.published
    assert topic == "results"
    datetime.strptime(record.pop("timestamp"), "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007 - the test checks the form
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:hoist-local-process_upload:$LATEST"
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": arn,
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": EVENT,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"state": "accepted"},
    }


@pytest.mark.parametrize(
    ("file", "answer"), [("sns_success", FINE), ("sns_retries_exhausted", WRONG)]
)
def test_a_record_has_the_fields_of_a_real_one(
    queue: Queue, topics: RecordingTopics, file: str, answer: Answer
) -> None:
    event = json.loads((EVENTS / f"{file}.json").read_text(encoding="utf-8"))
    real = json.loads(event["Records"][0]["Sns"]["Message"])
    queue.accept(EVENT)

    queue.run(RecordingFunctions([answer]), topics)

    ((_, record),) = topics.published
    assert record.keys() == real.keys()
    for name in ("requestContext", "responseContext"):
        assert record[name].keys() == real[name].keys()
    for name in ("condition", "approximateInvokeCount"):
        assert record["requestContext"][name] == real["requestContext"][name]


def test_two_errors_and_a_success_are_one_record_of_three_invocations(
    queue: Queue, topics: RecordingTopics
) -> None:
    functions = RecordingFunctions([WRONG, WRONG, FINE])
    queue.accept(EVENT)

    queue.run(functions, topics)

    assert len(functions.invoked) == 3
    ((topic, record),) = topics.published
    assert topic == "results"
    assert record["requestContext"]["condition"] == "Success"
    assert record["requestContext"]["approximateInvokeCount"] == 3


def test_every_attempt_has_the_same_request_id(queue: Queue, topics: RecordingTopics) -> None:
    functions = RecordingFunctions([WRONG, WRONG, FINE])
    queue.accept(EVENT)

    queue.run(functions, topics)

    ids = {request_id for _, _, request_id in functions.invoked}
    assert ids == {topics.published[0][1]["requestContext"]["requestId"]}


def test_a_function_that_always_fails_gets_three_attempts(
    queue: Queue, topics: RecordingTopics
) -> None:
    functions = RecordingFunctions([WRONG])
    queue.accept(EVENT)

    queue.run(functions, topics)

    assert len(functions.invoked) == 3
    ((topic, record),) = topics.published
    assert topic == "failures"
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"] == EVENT
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"] == WRONG.payload


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (1, 2), (2, 3)])
def test_the_destinations_set_the_number_of_retries(
    queue: Queue, topics: RecordingTopics, retries: int, attempts: int
) -> None:
    functions = RecordingFunctions([WRONG])
    queue.accept(EVENT)

    queue.run(
        functions,
        topics,
        destinations={
            "process_upload": Destinations(on_failure="failures", maximum_retry_attempts=retries)
        },
    )

    assert len(functions.invoked) == attempts
    assert topics.published[0][1]["requestContext"]["approximateInvokeCount"] == attempts


def test_without_a_destination_nothing_is_published(
    queue: Queue, topics: RecordingTopics, caplog: pytest.LogCaptureFixture
) -> None:
    functions = RecordingFunctions([FINE, WRONG])
    queue.accept(EVENT, EVENT, function="notify")

    queue.run(functions, topics)

    assert len(functions.invoked) == 4
    assert topics.published == []
    assert caplog.text.count("notify failed and has no destination") == 1


def test_a_success_is_not_sent_to_the_destination_of_failures(
    queue: Queue, topics: RecordingTopics
) -> None:
    queue.accept(EVENT)

    queue.run(
        RecordingFunctions([FINE]),
        topics,
        destinations={"process_upload": Destinations(on_failure="failures")},
    )

    assert topics.tried == 0


def test_a_record_that_could_not_be_published_is_sent_again_without_another_run(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    functions, topics = RecordingFunctions([FINE]), RecordingTopics(failures=1)
    queue.accept(EVENT)

    queue.run(functions, topics)

    assert len(functions.invoked) == 1
    assert topics.tried == 2
    ((topic, record),) = topics.published
    assert (topic, record["requestContext"]["condition"]) == ("results", "Success")
    assert "nobody listens" in caplog.text


def test_events_of_an_earlier_process_are_run(queue: Queue, topics: RecordingTopics) -> None:
    functions = RecordingFunctions([FINE])
    queue.accept({"n": 1}, {"n": 2})
    assert queue.rows() == [(0, None), (0, None)]

    queue.run(functions, topics)

    assert sorted(event["n"] for _, event, _ in functions.invoked) == [1, 2]
    assert len(topics.published) == 2


def test_attempts_of_an_earlier_process_count(queue: Queue, topics: RecordingTopics) -> None:
    functions = RecordingFunctions([WRONG])
    queue.accept(EVENT)
    queue.change("attempts = 2")

    queue.run(functions, topics)

    assert len(functions.invoked) == 1
    assert topics.published[0][1]["requestContext"]["approximateInvokeCount"] == 3


def test_a_record_of_an_earlier_process_is_published_without_another_run(
    queue: Queue, topics: RecordingTopics
) -> None:
    first, stuck = RecordingFunctions([FINE]), RecordingTopics(work=hang)
    queue.accept(EVENT)
    queue.run(first, stuck, until=lambda: stuck.tried)
    ((_, record),) = queue.rows()
    assert record is not None
    second = RecordingFunctions([WRONG])

    queue.run(second, topics)

    assert (len(first.invoked), second.invoked) == (1, [])
    assert topics.published == [("results", json.loads(record))]


def test_a_failed_event_that_is_too_old_is_not_retried(
    queue: Queue, topics: RecordingTopics
) -> None:
    functions = RecordingFunctions([WRONG])
    queue.accept(EVENT)
    queue.change("accepted_at = accepted_at - 61")

    queue.run(
        functions,
        topics,
        destinations={
            "process_upload": Destinations(on_failure="failures", maximum_event_age_in_seconds=60)
        },
    )

    assert len(functions.invoked) == 1
    ((topic, record),) = topics.published
    assert topic == "failures"
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["responseContext"]["functionError"] == "Unhandled"


def test_an_old_event_that_succeeds_is_a_success(queue: Queue, topics: RecordingTopics) -> None:
    queue.accept(EVENT)
    queue.change("accepted_at = 0")

    queue.run(RecordingFunctions([FINE]), topics)

    assert topics.published[0][1]["requestContext"]["condition"] == "Success"


def test_events_run_concurrently(queue: Queue, topics: RecordingTopics) -> None:
    meeting = asyncio.Barrier(3)  # all three must arrive before one continues
    functions = RecordingFunctions([FINE], work=meeting.wait)
    queue.accept(EVENT, EVENT, EVENT)

    queue.run(functions, topics)

    assert len({request_id for _, _, request_id in functions.invoked}) == 3
    assert len(topics.published) == 3


def test_an_event_that_hangs_does_not_delay_others(queue: Queue, topics: RecordingTopics) -> None:
    starts = []

    async def first_hangs() -> None:
        starts.append(1)
        await (hang() if len(starts) == 1 else nothing())

    queue.accept({"n": 1}, {"n": 2})

    queue.run(
        RecordingFunctions([FINE], work=first_hangs), topics, until=lambda: len(queue.rows()) == 1
    )

    assert [record["requestPayload"] for _, record in topics.published] == [{"n": 2}]


def test_an_event_is_accepted_while_the_queue_is_idle(
    queue: Queue, topics: RecordingTopics
) -> None:
    functions = RecordingFunctions([FINE])

    async def later(invoker: Invoker) -> None:
        await asyncio.sleep(0.05)
        with queue.database:
            invoker.accept("notify", EVENT)

    queue.run(functions, topics, during=later, until=lambda: functions.invoked)

    assert [name for name, _, _ in functions.invoked] == ["notify"]


def test_a_stop_keeps_unfinished_rows_for_the_next_start(
    queue: Queue, topics: RecordingTopics
) -> None:
    stuck = RecordingFunctions([FINE], work=hang)
    queue.accept({"n": 1}, {"n": 2})

    queue.run(stuck, topics, until=lambda: len(stuck.invoked) == 2)

    assert queue.rows() == [(0, None), (0, None)]
    assert topics.published == []
    functions = RecordingFunctions([FINE])
    queue.run(functions, topics)
    assert {i for _, _, i in functions.invoked} == {i for _, _, i in stuck.invoked}


def test_a_waiting_retry_is_on_disk(queue: Queue, topics: RecordingTopics) -> None:
    functions = RecordingFunctions([WRONG])
    queue.accept(EVENT)
    now = time.time()

    queue.run(functions, topics, waits=(0.0, FOR_EVER), until=lambda: queue.rows()[0][0] == 2)

    assert len(functions.invoked) == 2
    ((due_at,),) = queue.rows("due_at")
    assert now + FOR_EVER <= due_at <= time.time() + FOR_EVER


def test_the_last_wait_applies_to_all_further_retries(
    queue: Queue, topics: RecordingTopics
) -> None:
    functions = RecordingFunctions([WRONG])
    queue.accept(EVENT)

    queue.run(functions, topics, waits=(0.0,))

    assert len(functions.invoked) == 3


def test_an_exception_of_the_functions_is_retried(
    queue: Queue, topics: RecordingTopics, caplog: pytest.LogCaptureFixture
) -> None:
    tried = []

    async def raise_once() -> None:
        tried.append(1)
        if len(tried) == 1:
            raise FileNotFoundError("app.py is being saved")

    queue.accept(EVENT)

    queue.run(RecordingFunctions([FINE], work=raise_once), topics)

    assert topics.published[0][1]["requestContext"]["approximateInvokeCount"] == 1
    assert "app.py is being saved" in caplog.text


def test_an_event_of_a_removed_function_waits_and_is_not_polled_for(
    queue: Queue, topics: RecordingTopics
) -> None:
    functions = RecordingFunctions([FINE])
    queue.accept({"n": 1}, function="renamed")
    queue.accept({"n": 2})
    waiting: list[float | None] = []

    async def ask(invoker: Invoker) -> None:
        async with asyncio.timeout(TIMEOUT):
            while len(queue.rows()) > 1:
                await asyncio.sleep(0.01)
        waiting.append(invoker._next_due())

    queue.run(functions, topics, during=ask, until=lambda: True)

    assert [event["n"] for _, event, _ in functions.invoked] == [2]
    assert queue.rows("function, attempts") == [("renamed", 0)]
    assert waiting == [None]
