"""The asynchronous path with each of its steps failing in turn: nothing is lost or sent twice.

The path is the real one (processing, notifier, the table on moto's DynamoDB). `Lambda` retries a
failed invocation twice and sends invocation records, as AWS does. A step is one call to a service.
It fails before the service acts, or afterwards, so that only the answer is lost.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest

from chalicelib import keys
from chalicelib.config import Settings
from chalicelib.errors import TryAgain
from chalicelib.media_types import decide
from chalicelib.notifier import Notifier
from chalicelib.ports import Invocation
from chalicelib.processing import Processing
from chalicelib.reader import ObjectReader
from chalicelib.table import UploadTable
from chalicelib.upload import OUTCOMES, State, Upload
from chalicelib.usage import Amount
from tests.support.environment import NOTIFICATIONS_TOPIC, PAGE_ORIGIN
from tests.support.fakes import (
    Clock,
    MemoryStorage,
    MemoryTable,
    RecordingPages,
    RecordingTopic,
)
from tests.support.payloads import CONTENT, OWNER, PUT_ID, event, put_upload
from tests.support.tables import put_in, real_table

pytestmark = pytest.mark.slow

RETRIES = 2
MINUTE = 60


@dataclass(frozen=True)
class Timed:
    """Lambda's context object, whose time runs out as the clock advances."""

    clock: Clock
    aws_request_id: str
    ends: datetime

    def get_remaining_time_in_millis(self) -> int:
        return int((self.ends - self.clock()).total_seconds() * 1000)


class Crash(BaseException):
    """The process is killed: no error handler runs."""


@dataclass
class Faults:
    """Fails the calls whose number is in `when`, counted over all ports."""

    when: Callable[[int, str], type[BaseException] | None] = lambda *_: None
    after: bool = False
    calls: list[str] = field(default_factory=list)

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            error = self.when(len(self.calls) - 1, name)
            if error is not None and not self.after:
                raise error
            answer = call(*args, **kwargs)
            if error is not None:
                raise error
            return answer

        return faulty


class Faulty:
    """A port whose calls may fail."""

    def __init__(self, port: Any, names: str, faults: Faults) -> None:
        self._port, self._faults = port, faults
        self._names = names.split()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        return self._faults.around(name, attribute) if name in self._names else attribute


@dataclass
class Lambda:
    """Asynchronous invocation: two retries of the same request, then a record to SNS."""

    clock: Clock
    process: Callable[[dict[str, Any], Invocation], dict[str, Any]]
    notify: Callable[[str, Invocation], None]
    dead_letters: list[str] = field(default_factory=list)
    invoked: int = 0

    def send(self, s3_event: dict[str, Any]) -> None:
        """Process one event, with all its retries and records."""
        ok, payload, request_id = self._invoke(
            lambda invocation: self.process(s3_event, invocation), timeout=15 * MINUTE
        )
        record = {
            "requestContext": {
                "requestId": request_id,
                "condition": "Success" if ok else "RetriesExhausted",
            },
            "requestPayload": s3_event,
            "responsePayload": payload,
        }
        message = json.dumps(record)
        if not self._announce(message):
            self.dead_letters.append(message)

    def redeliver(self) -> None:
        """An operator sends the dead letters again."""
        letters, self.dead_letters = self.dead_letters, []
        for message in letters:
            assert self._announce(message)

    def _announce(self, message: str) -> bool:
        ok, _, _ = self._invoke(lambda invocation: self.notify(message, invocation), timeout=MINUTE)
        return ok

    def _invoke(self, call: Callable[[Invocation], Any], *, timeout: int) -> tuple[bool, Any, str]:
        self.invoked += 1
        request_id = f"request-{self.invoked}"
        error: BaseException | None = None
        for _ in range(1 + RETRIES):
            try:
                ends = self.clock() + timedelta(seconds=timeout)
                return True, call(Timed(self.clock, request_id, ends)), request_id
            except (Exception, Crash) as raised:  # noqa: BLE001 - Lambda's view of it
                error = raised
            self.clock.advance(2 * MINUTE)
        return False, {"errorType": type(error).__name__}, request_id


@dataclass
class Path:
    """The whole path, and its state as seen from outside."""

    table: UploadTable | MemoryTable
    storage: MemoryStorage
    topic: RecordingTopic
    aws: Lambda
    faults: Faults

    def state(self) -> State:
        return self.upload.state

    @property
    def upload(self) -> Upload:
        name = keys.parse_key(put_upload().key)
        upload = self.table.of_object(name) if name else None
        assert upload is not None, "the upload is lost"
        return upload

    @property
    def announced(self) -> list[str]:
        return [m["MessageAttributes"]["outcome"]["StringValue"] for m in self.topic.messages]


@pytest.fixture
def path(dynamodb: Any, settings: Settings, clock: Clock) -> Path:
    return composed(real_table(dynamodb, clock), settings, clock)


def composed(table: UploadTable | MemoryTable, settings: Settings, clock: Clock) -> Path:
    storage, topic, pages, faults = MemoryStorage(), RecordingTopic(), RecordingPages(), Faults()
    methods = (
        "get of_object adopt change claim settle fail begin_notifying end_notifying check_again"
    )
    faulty_table: Any = Faulty(table, methods, faults)
    faulty_storage: Any = Faulty(storage, "head read_range tag delete", faults)

    def compute(reader: ObjectReader) -> dict[str, Any]:
        return {"echo": reader.size}

    processing = Processing(
        settings,
        faulty_storage,
        faulty_table,
        pages,
        decide,
        compute,
        clock,
        clock.advance,
    )
    publish = faults.around("publish", topic.publish)
    notifier = Notifier(
        faulty_table, pages, publish, NOTIFICATIONS_TOPIC, PAGE_ORIGIN, clock, clock.advance
    )
    aws = Lambda(clock, processing.process, notifier.notify)
    return Path(table, storage, topic, aws, faults)


# The calls of a run without failures, for an upload with a row and for one without.
ANNOUNCED = [
    "of_object", "head", "claim", "read_range", "settle", "tag", "of_object",
    "get", "begin_notifying", "publish", "end_notifying",
]  # fmt: skip
ADOPTED = [
    "of_object", "head", "adopt", "head", "claim", "read_range", "settle", "tag", "of_object",
    "get", "begin_notifying", "publish", "end_notifying",
]  # fmt: skip


def arrive(path: Path, *, announced: bool) -> None:
    path.storage.receive_object(put_upload().key, CONTENT)
    if announced:
        put_in(path.table, put_upload(charged=len(CONTENT), check_at=put_upload().created_at))


@pytest.mark.parametrize(("announced", "calls"), [(True, ANNOUNCED), (False, ADOPTED)])
def test_the_steps_of_the_path_are_these(path: Path, *, announced: bool, calls: list[str]) -> None:
    arrive(path, announced=announced)

    path.aws.send(event("s3_put"))

    assert path.faults.calls == calls
    assert (path.upload.state, path.announced) == (State.ACCEPTED, ["accepted"])


def steps() -> Iterator[Any]:
    for announced, calls in ((True, ANNOUNCED), (False, ADOPTED)):
        for number, name in enumerate(calls):
            for error in (TryAgain, OSError, Crash):
                for after in (False, True):
                    kind = "announced" if announced else "adopted"
                    when = "after" if after else "before"
                    words = f"{kind} {number} {when} {name} {error.__name__}"
                    yield pytest.param(announced, number, error, after, id=words)


@pytest.mark.parametrize(("announced", "number", "error", "after"), list(steps()))
def test_a_step_that_fails_once_does_not_change_the_result(
    path: Path, *, announced: bool, number: int, error: type[BaseException], after: bool
) -> None:
    arrive(path, announced=announced)
    path.faults.when = lambda n, _: error if n == number else None
    path.faults.after = after
    name = (ANNOUNCED if announced else ADOPTED)[number]
    # The message is sent, but the answer was lost, or the process died before it recorded that.
    last = number == len(ANNOUNCED if announced else ADOPTED) - 1
    twice = (name == "publish" and after) or (last and error is Crash and not after)

    path.aws.send(event("s3_put"))

    assert path.upload.state is State.ACCEPTED
    assert path.announced == ["accepted"] * (2 if twice else 1)
    assert path.storage.tags == {put_upload().key: "accepted"}
    assert path.aws.dead_letters == []


@pytest.mark.parametrize("name", sorted({*ANNOUNCED, *ADOPTED} - {"publish"}))
@pytest.mark.parametrize("announced", [True, False])
def test_a_step_that_always_fails_ends_in_a_correct_state_once_the_service_is_back(
    path: Path, *, announced: bool, name: str
) -> None:
    arrive(path, announced=announced)
    path.faults.when = lambda _, called: TryAgain if called == name else None

    path.aws.send(event("s3_put"))
    path.faults.when = lambda *_: None
    path.aws.redeliver()

    assert path.upload.state in OUTCOMES
    assert path.announced == [path.upload.state.value]
    assert path.storage.objects, "the object is kept"
    if path.state() is State.FAILED:
        assert path.upload.reason is not None
        assert "TryAgain" in path.upload.reason
        again = path.upload.event
        assert again is not None
        assert again == event("s3_put")
        path.aws.send(dict(again))
        assert path.state() is State.ACCEPTED
        assert path.announced == ["failed", "accepted"]


CALLS = 14


@pytest.mark.parametrize("number", range(CALLS))
@pytest.mark.parametrize("announced", [True, False])
def test_a_lost_answer_of_dynamodb_does_not_change_the_result(
    path: Path, dynamodb: Any, *, announced: bool, number: int
) -> None:
    """DynamoDB made the write, but neither botocore nor Hoist received the answer."""
    arrive(path, announced=announced)
    calls: list[str] = []

    def lose(model: Any, **_: Any) -> None:
        calls.append(model.name)
        if len(calls) == number + 1:
            raise TryAgain("no answer")

    dynamodb.meta.events.register("after-call.dynamodb", lose)
    try:
        path.aws.send(event("s3_put"))
    finally:
        dynamodb.meta.events.unregister("after-call.dynamodb", lose)

    assert (path.upload.state, path.announced) == (State.ACCEPTED, ["accepted"])
    assert path.storage.tags == {put_upload().key: "accepted"}
    assert path.aws.dead_letters == []
    assert path.table.usage.used(OWNER) == Amount(len(CONTENT), 1)  # type: ignore[union-attr]
    assert path.upload.check_at is None
    assert number < CALLS - 1 or len(calls) <= CALLS + 1, "every call was tried"


def test_a_message_that_cannot_be_published_waits_for_an_operator(path: Path, clock: Clock) -> None:
    arrive(path, announced=True)
    path.faults.when = lambda _, name: TryAgain if name == "publish" else None

    path.aws.send(event("s3_put"))

    assert (path.upload.state, path.announced) == (State.ACCEPTED, [])
    assert len(path.aws.dead_letters) == 1
    path.faults.when = lambda *_: None
    clock.advance(15 * MINUTE)
    path.aws.redeliver()
    assert path.announced == ["accepted"]


def test_repeated_events_in_the_wrong_order_notify_once(path: Path) -> None:
    arrive(path, announced=True)

    for _ in range(3):
        path.aws.send(event("s3_put"))

    assert path.announced == ["accepted"]


def test_a_repeated_failure_record_during_a_redrive_does_no_harm(
    path: Path,
) -> None:
    arrive(path, announced=True)
    path.faults.when = lambda _, name: TryAgain if name == "read_range" else None
    path.aws.send(event("s3_put"))
    record = json.dumps(
        {
            "requestContext": {"requestId": "request-1", "condition": "RetriesExhausted"},
            "requestPayload": event("s3_put"),
            "responsePayload": {"errorType": "TryAgain"},
        }
    )
    path.faults.when = lambda *_: None
    again = Timed(path.aws.clock, "again", path.aws.clock() + timedelta(minutes=1))
    path.storage.before_read.add(lambda: path.aws.notify(record, again))

    path.aws.send(event("s3_put"))

    assert (path.upload.state, path.announced) == (State.ACCEPTED, ["failed", "accepted"])


def test_a_redrive_that_fails_notifies_again(path: Path) -> None:
    arrive(path, announced=True)
    path.faults.when = lambda _, name: TryAgain if name == "read_range" else None

    path.aws.send(event("s3_put"))
    path.aws.send(event("s3_put"))

    assert (path.upload.state, path.announced) == (State.FAILED, ["failed", "failed"])


def test_a_thousand_different_events_at_once_are_a_thousand_outcomes(
    settings: Settings, clock: Clock
) -> None:
    path = composed(MemoryTable(clock), settings, clock)
    ids = [f"{PUT_ID[:-4]}{number:04x}" for number in range(1000)]
    uploads = [put_upload(id=i, key=put_upload().key.replace(PUT_ID, i)) for i in ids]
    for upload in uploads:
        put_in(path.table, upload)
        path.storage.receive_object(upload.key, CONTENT)
    record: dict[str, Any] = event("s3_put")["Records"][0]

    def of(upload: Upload) -> dict[str, Any]:
        s3_object = record["s3"] | {
            "object": record["s3"]["object"] | {"key": quote_plus(upload.key, safe="/")}
        }
        return record | {"s3": s3_object}

    path.aws.send({"Records": [of(upload) for upload in uploads]})

    assert path.announced == ["accepted"] * 1000
    states = {(path.table.get(OWNER, u.id) or u).state for u in uploads}
    assert states == {State.ACCEPTED}
