"""The asynchronous path as one world: the real use cases on fakes, all driven by one scheduler.

Lambda's asynchronous invocations, S3's events, destinations and topics are here. `people.py` has
the actions from outside, and `invariants.py` the conditions that must hold.
"""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from chalicelib import items, keys
from chalicelib.config import Settings
from chalicelib.errors import TryAgain
from chalicelib.media_types import Decision
from chalicelib.notifier import Notifier
from chalicelib.processing import Processing
from chalicelib.records import event_of
from chalicelib.signing import Credentials, Signer
from chalicelib.sweep import Sweep
from chalicelib.table import UploadTable
from chalicelib.upload import State, Upload
from chalicelib.uploads import Uploads
from chalicelib.usage import Quota, Usage
from tests.simulation.dynamodb import FakeDynamoDB
from tests.simulation.s3 import S3, Forbidden, Object
from tests.simulation.scheduler import Scheduler, Task

T = TypeVar("T")

START = datetime(2026, 3, 1, tzinfo=UTC)
TABLE = "uploads"
BUCKET = "bucket"
# Time limits of the functions and of API Gateway, in seconds.
PROCESS_SECONDS, NOTIFY_SECONDS, SWEEP_SECONDS, API_SECONDS = 900, 60, 900, 29
# Lambda retries an asynchronous invocation after one minute, and then after two.
RETRIES = (60, 120)
HOUR = 3600.0


class AnswerLost(Exception):
    """A call has had its effect, but its answer did not arrive."""


@dataclass
class Faults:
    """The rate of each kind of fault, as a share of the calls or events."""

    throttle: float = 0
    lost_answer: float = 0
    crash: float = 0
    slow: float = 0
    lost_event: float = 0
    twice: float = 0
    late: float = 0
    lost_record: float = 0

    @classmethod
    def random_rates(cls, chance: random.Random) -> "Faults":
        """Random rates; many are 0, so that no kind of fault hides another."""
        often = cls(0.05, 0.04, 0.03, 0.04, 0.15, 0.2, 0.3, 0.05)
        return cls(*(rate * chance.choice((0, 0, 0.5, 1, 3)) for rate in vars(often).values()))


@dataclass(frozen=True)
class Invocation:
    """Lambda's context object with the scheduler's time."""

    aws_request_id: str
    ends: datetime
    now: Callable[[], datetime]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.ends - self.now()).total_seconds() * 1000))


class Client:
    """A DynamoDB client that retries like botocore when the answer of a write is lost.

    A transaction has a token, so its retry has no second effect.
    """

    def __init__(self, fake: FakeDynamoDB, world: "World") -> None:
        self._fake, self._world = fake, world
        self.exceptions = fake.exceptions
        for name in ("get_item", "batch_get_item", "query", "scan", "get_paginator"):
            setattr(self, name, getattr(fake, name))

    def put_item(self, **request: Any) -> Any:
        return self._again(self._fake.put_item, request)

    def update_item(self, **request: Any) -> Any:
        return self._again(self._fake.update_item, request)

    def delete_item(self, **request: Any) -> Any:
        return self._again(self._fake.delete_item, request)

    def transact_write_items(self, **request: Any) -> Any:
        try:
            return self._fake.transact_write_items(**request)
        except AnswerLost:
            return {}

    def _again(self, call: Callable[..., Any], request: Any) -> Any:
        for _ in range(4):
            try:
                return call(**request)
            except AnswerLost:
                if self._world.chance(0.3):
                    break
            except self.exceptions.TransactionConflictException:
                break
        raise TryAgain("DynamoDB is busy")


class World:
    """One stage, its faults, and the messages that it sends."""

    def __init__(
        self, seed: int, settings: Settings, quota: Quota, faults: Faults | None = None
    ) -> None:
        self.scheduler = Scheduler(seed, START)
        self.now = self.scheduler.now
        self.random = self.scheduler.random
        self.faults = self.faults_drawn = faults or Faults.random_rates(self.random)
        self.settings = settings
        self.quota = quota
        # The outcomes in the messages about each upload, in the order of publication.
        self.messages: dict[str, list[str]] = defaultdict(list)
        # Outcomes that may be published twice: the process died before it recorded the first.
        self.may_repeat: set[tuple[str, str]] = set()
        self.dead_letters: list[str] = []
        # Keys of uploads that their owners deleted, and violations: objects deleted without that.
        self.asked_to_delete: set[str] = set()
        self.lost: list[str] = []
        self.deaths = 0
        # Violations: errors that no use case may raise.
        self.unexpected: list[str] = []
        self.computing: Callable[[float], None] = self.scheduler.sleep
        self._numbers: dict[str, int] = defaultdict(int)
        self._published: dict[str, tuple[str, str]] = {}
        # Throttled tasks: such a task may time out before it records a published message.
        self._hindered: set[str] = set()
        self.scheduler.on_death = self._count_death
        self.s3 = S3(self, self._object_created, self._object_deleted)
        self.dynamodb = FakeDynamoDB(items.SCHEMA, TABLE, hooks=self, clock=None)
        self._compose(Client(self.dynamodb, self))

    def _compose(self, client: Any) -> None:
        self.usage = Usage(client, TABLE, self.quota, wait=self.scheduler.sleep)
        self.table = UploadTable(client, TABLE, self.now, self.settings.rejected_days, self.usage)
        pages = _NoPages()
        self.uploads = Uploads(
            self.settings, self.s3, self.table, pages, self._signer, self._signer, self.now,
            self.scheduler.sleep,
        )  # fmt: skip
        self.processing = Processing(
            self.settings, self.s3, self.table, pages, _decide, self._compute, self.now,
            self.scheduler.sleep,
        )  # fmt: skip
        self.notifier = Notifier(
            self.table, pages, self._publish, "topic", "page", self.now, self.scheduler.sleep
        )
        self.sweep = Sweep(
            self.settings, self.s3, self.table, self.notifier, self.invoke_processing, self.now,
            self.scheduler.sleep,
        )  # fmt: skip

    # --- Calls and their faults ------------------------------------------------------------------

    def chance(self, share: float) -> bool:
        return share > 0 and self.random.random() < share

    def call(self, what: str, effect: Callable[[], T], *, writes: bool = True) -> T:
        """Make one call of a port; other tasks may run before and after its effect."""
        self.begin(what, {})
        self.scheduler.story.append((self.now(), self.who(), what))
        result = effect()
        try:
            self._end(what, writes=writes)
        except AnswerLost as error:
            raise TryAgain("S3 does not answer") from error
        return result

    def begin(self, operation: str, request: Mapping[str, Any]) -> None:  # noqa: ARG002 - a hook
        self._pause()
        if self.chance(self.faults.throttle):
            self._hindered.add(self.who())
            raise TryAgain(f"{operation} is throttled")
        if self.chance(self.faults.crash / 2):
            self.scheduler.crash()

    def during(self, operation: str, request: Mapping[str, Any]) -> None:  # noqa: ARG002 - a hook
        self.scheduler.turn(may_end=False)

    def done(self, operation: str, request: Mapping[str, Any]) -> None:
        self._say(operation, request)
        self._end(operation, writes=operation not in _READS)

    def unprocessed(self, operation: str, count: int) -> int:  # noqa: ARG002 - a hook
        return self.random.randrange(count) if self.chance(self.faults.throttle) else 0

    def _pause(self) -> None:
        if self.chance(self.faults.slow):
            self.scheduler.sleep(self.random.choice((1, 10, 60, 600)) * self.random.random())
        else:
            self.scheduler.turn()

    def _end(self, what: str, *, writes: bool) -> None:
        if self.chance(self.faults.crash / 2):
            self.scheduler.crash()
        if writes and self.chance(self.faults.lost_answer):
            self.scheduler.say(f"{what}: the answer is lost")
            raise AnswerLost(what)
        self.scheduler.turn()

    def who(self) -> str:
        """The name of the running task."""
        return self.scheduler.current().name

    def _say(self, operation: str, request: Mapping[str, Any]) -> None:
        self.scheduler.story.append((self.now(), self.who(), (operation, request)))

    # --- Lambda's asynchronous invocations -------------------------------------------------------

    def invoke_processing(self, event: Mapping[str, Any]) -> None:
        """Lambda's Invoke of `process_upload`."""
        self._deliver_event(event)

    def _object_created(self, key: str, created: Object) -> None:
        event = event_of(key, bucket=BUCKET, size=created.content.size, sequencer=created.sequencer)
        self.scheduler.say(f"S3 stores {created.content.name} as {key}, {created.sequencer}")
        if self.chance(self.faults.lost_event):
            self.scheduler.say("its event is lost")
            return
        for _ in range(2 if self.chance(self.faults.twice) else 1):
            self._deliver_event(event)

    def _object_deleted(self, key: str, deleted: Object) -> None:
        """Hoist may delete an object without an owner, and one that its owner deletes."""
        if keys.parse_key(key) is None or key in self.asked_to_delete:
            return
        rows = [row for row in self.rows() if row.key == key and row.state is State.ABORTED]
        if not any(deleted.modified >= row.updated_at.replace(microsecond=0) for row in rows):
            self.lost.append(
                f"{key} ({deleted.content.name}) was deleted without a request of its owner"
            )

    def _deliver_event(self, event: Mapping[str, Any]) -> None:
        request_id = f"process-{self.number('process')}"

        def work(invocation: Invocation) -> Any:
            return self.processing.process(event, invocation)

        self._invoke(
            request_id,
            PROCESS_SECONDS,
            work,
            succeeded=lambda result: self._record(request_id, event, result),
            failed=lambda error: self._record(request_id, event, None, error),
        )

    def _record(
        self, request_id: str, event: Mapping[str, Any], result: Any, error: str = ""
    ) -> None:
        """Send an invocation record to the results topic, and so to `notify`."""
        if self.chance(self.faults.lost_record):
            self.scheduler.say(f"the record of {request_id} is lost")
            return
        record: dict[str, Any] = {
            "requestContext": {
                "requestId": request_id,
                "condition": "RetriesExhausted" if error else "Success",
            },
            "requestPayload": event,
            "responsePayload": {"errorType": error} if error else result,
        }
        text = json.dumps(record, default=str)
        for _ in range(2 if self.chance(self.faults.twice) else 1):
            self.notify(text)

    def notify(self, record: str) -> None:
        """SNS invokes `notify` with a record; a record whose retries fail becomes a dead letter."""
        self._invoke(
            f"notify-{self.number('notify')}",
            NOTIFY_SECONDS,
            lambda invocation: self.notifier.notify(record, invocation),
            succeeded=lambda _: None,
            failed=lambda _: self.dead_letters.append(record),
        )

    def start_sweep(self) -> None:
        """Start the sweep, as its schedule does; the simulation does not retry it."""
        self._attempt(
            f"sweep-{self.number('sweep')}", SWEEP_SECONDS, self.sweep.run, lambda *_: None
        )

    def _invoke(
        self,
        request_id: str,
        seconds: float,
        work: Callable[[Invocation], Any],
        *,
        succeeded: Callable[[Any], None],
        failed: Callable[[str], None],
        attempt: int = 0,
    ) -> None:
        """Run one asynchronous invocation: at most three attempts, then its destination."""

        def ended(result: Any, error: BaseException | None) -> None:
            if error is None:
                succeeded(result)
            elif attempt < len(RETRIES):
                again = lambda: self._invoke(  # noqa: E731 - with all its arguments
                    request_id, seconds, work, succeeded=succeeded, failed=failed,
                    attempt=attempt + 1,
                )  # fmt: skip
                self.scheduler.later(RETRIES[attempt], again)
            else:
                failed(type(error).__name__)

        late = attempt == 0 and self.chance(self.faults.late)
        delay = self.random.random() * (self.random.choice((60, HOUR, 5 * HOUR)) if late else 0.2)
        self.scheduler.later(delay, lambda: self._attempt(request_id, seconds, work, ended))

    def _attempt(
        self,
        request_id: str,
        seconds: float,
        work: Callable[[Invocation], Any],
        ended: Callable[[Any, BaseException | None], None],
    ) -> None:
        results: list[Any] = []
        invocation = Invocation(request_id, self.now() + timedelta(seconds=seconds), self.now)

        def run() -> None:
            try:
                results.append(work(invocation))
                if request_id in self._hindered:
                    self._check_unrecorded(request_id)
            except (TryAgain, Forbidden):
                raise
            except Exception as error:
                self.unexpected.append(f"{request_id}: {error!r}")
                raise

        self.scheduler.start(
            request_id,
            run,
            ended=lambda error: ended(results[0] if results else None, error),
            seconds=seconds,
        )

    def number(self, kind: str) -> int:
        self._numbers[kind] += 1
        return self._numbers[kind]

    # --- Other ports of the use cases ------------------------------------------------------------

    def _signer(self, *_: str) -> Signer:
        return Signer(Credentials("AKID", "secret"), self.settings.region, self.now(), 900)

    def _compute(self, source: Any) -> dict[str, Any]:
        """A processor that may take long before it reads, like one that lists an archive."""
        if self.chance(0.3):
            self.computing(self.random.choice((1, 10, 120)) * self.random.random())
        source.read_range(0, 1)
        return {"digest": {"sha256": "x" * self.random.choice((10, 700))}}

    def _publish(self, **message: Any) -> None:
        """SNS's Publish of a message about an outcome."""
        attributes = message["MessageAttributes"]
        assert attributes["owner"]["StringValue"] != "unknown", "a record that nobody can read"
        upload_id = message["Message"].split("Upload: ")[1].split("\n")[0]
        upload = self._row(upload_id)
        about = (upload_id, str(upload.outcome))

        def effect() -> None:
            self.messages[upload_id].append(about[1])
            self._published[self.who()] = about

        try:
            self.call(f"Publish {about}", effect)
        except TryAgain:
            # SNS may have accepted the message nevertheless.
            self.may_repeat.add(about)
            raise

    def _count_death(self, task: Task) -> None:
        """A task that died between SNS's answer and its record may publish a message twice."""
        self.deaths += 1
        self._check_unrecorded(task.name)

    def _check_unrecorded(self, name: str) -> None:
        about = self._published.pop(name, None)
        if about is not None and self._row(about[0]).notified != about[1]:
            self.may_repeat.add(about)

    def _row(self, upload_id: str) -> Upload:
        """The stored upload, read without a call."""
        return next(u for u in self.rows() if u.id == upload_id)

    def rows(self) -> list[Upload]:
        """All uploads that have not expired, read without a call."""
        now = self.now().timestamp()
        return [
            items.upload_of(item)
            for item in self.dynamodb.items()
            if item["sk"]["S"] == "upload"
            and not ("expires" in item and int(item["expires"]["N"]) <= now)
        ]

    # --- Effects of time -------------------------------------------------------------------------

    def pass_time(self) -> None:
        """The lifecycle rules of the bucket, and DynamoDB's time to live."""
        now = self.now()
        for key, item in list(self.s3.objects.items()):
            age = now - item.modified
            if item.tags.get("state") == "rejected" and age > timedelta(
                days=self.settings.rejected_days
            ):
                self.scheduler.say(f"the lifecycle rule deletes {key}")
                del self.s3.objects[key]
        for multipart_id, multipart in list(self.s3.multiparts.items()):
            if now - multipart.started > timedelta(days=self.settings.upload_days):
                del self.s3.multiparts[multipart_id]
        for row in self.dynamodb.items():
            if "expires" in row and int(row["expires"]["N"]) <= now.timestamp():
                self.dynamodb.expire(row["pk"]["S"], row["sk"]["S"])

    def story(self) -> list[str]:
        """The events of the seed, one line each."""
        lines = []
        for moment, who, event in self.scheduler.story:
            what = f"{event[0]} {_about(event[1])}" if isinstance(event, tuple) else event
            lines.append(f"{moment:%d %H:%M:%S.%f} {who:<14} {what}")
        return lines

    def calm(self) -> None:
        """Stop all faults."""
        self.faults = Faults()


class _NoPages:
    """Nobody has the page open."""

    def show(self, upload: Upload) -> None:
        """Do nothing."""


def _decide(declared: str, _: str, first_bytes: bytes) -> Decision:
    return Decision(declared, None, "It is evil" if first_bytes == b"evil" else None)


def _about(request: Mapping[str, Any]) -> str:
    """The keys and the important values of a DynamoDB call."""
    if "TransactItems" in request:
        writes = [write for writes in request["TransactItems"] for write in writes.items()]
        return ", ".join(f"{kind} {_about(write)}" for kind, write in writes)
    key = request.get("Key") or request.get("Item") or {}
    values = request.get("ExpressionAttributeValues", {})
    texts = [
        f"{name}={next(iter(values[name].values()))}" for name in _STORY_VALUES if name in values
    ]
    return " ".join([*(value["S"] for name, value in key.items() if name in ("pk", "sk")), *texts])


# The values of a write that appear in its story.
_STORY_VALUES = (
    ":state", ":holder", ":outcome", ":notified", ":charged", ":read", ":check_at", ":used_bytes",
    ":left_bytes",
)  # fmt: skip
_READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan"})
