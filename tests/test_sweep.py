"""Every branch of the sweep: uploads whose events were lost are found and repaired."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib import records
from chalicelib.config import Settings
from chalicelib.errors import TryAgain, UploadNotFound
from chalicelib.media_types import decide
from chalicelib.notifier import Notifier
from chalicelib.processing import Processing
from chalicelib.sweep import Sweep
from chalicelib.table import UploadTable
from chalicelib.transitions import Claim
from chalicelib.upload import CHECK_AFTER, State, StoredObject, Upload
from tests.support.environment import NOTIFICATIONS_TOPIC, PAGE_ORIGIN
from tests.support.fakes import (
    Clock,
    Invocation,
    MemoryStorage,
    MemoryTable,
    RecordingPages,
    RecordingTopic,
)
from tests.support.payloads import CONTENT, CREATED_AT, OWNER, PUT_ID, multipart_upload, put_upload
from tests.support.tables import put_in, real_table

pytestmark = pytest.mark.slow

HOUR = 3600
DAY = 24 * HOUR


@dataclass
class Stage:
    """The sweep, with its table, its storage and its topic."""

    sweep: Sweep
    table: Any
    storage: MemoryStorage
    topic: RecordingTopic
    events: list[Mapping[str, Any]]
    clock: Clock
    processing: Processing

    def run(self, seconds: float = 900) -> dict[str, int]:
        return self.sweep.run(Invocation("sweep-1", seconds=seconds))

    def keep(self, upload: Upload, data: bytes | None = CONTENT) -> Upload:
        """Store an upload and its object; the upload is due for a check in an hour."""
        row: Upload = put_in(self.table, replace(upload, check_at=self.clock() + CHECK_AFTER))
        if data is not None:
            self.storage.receive_object(upload.key, data, at=self.clock())
        return row

    def settled(self, state: State, **changes: Any) -> Upload:
        """Store an upload with an outcome that its owner was notified of."""
        self.storage.receive_object(put_upload().key, CONTENT, at=self.clock())
        s3_object = self.storage.head(put_upload().key)
        assert s3_object is not None
        self.storage.tags[put_upload().key] = state
        fields: dict[str, Any] = {
            "state": state,
            "report": dict(s3_object.identity),
            "charged": None if state is State.REJECTED else len(CONTENT),
            "outcome": "1",
            "notified": "1",
            "sequencer": "5".ljust(64, "0"),
        }
        return self.keep(put_upload(**fields | changes), data=None)

    @property
    def current(self) -> Upload:
        upload = self.table.get(OWNER, PUT_ID)
        assert upload is not None
        return upload  # type: ignore[no-any-return]

    def process(self) -> None:
        """Process the events that the sweep has sent."""
        while self.events:
            self.processing.process(self.events.pop(0), Invocation(f"run-{len(self.events)}"))


@pytest.fixture(params=["memory", "moto"])
def stage(request: pytest.FixtureRequest, settings: Settings, clock: Clock) -> Stage:
    table: MemoryTable | UploadTable = (
        MemoryTable(clock)
        if request.param == "memory"
        else real_table(request.getfixturevalue("dynamodb"), clock)
    )
    storage, topic, pages = MemoryStorage(), RecordingTopic(), RecordingPages()
    events: list[Mapping[str, Any]] = []
    notifier = Notifier(
        table, pages, topic.publish, NOTIFICATIONS_TOPIC, PAGE_ORIGIN, clock, clock.advance
    )
    sweep = Sweep(settings, storage, table, notifier, events.append, clock, clock.advance)
    processing = Processing(
        settings, storage, table, pages, decide, lambda _: {}, clock, clock.advance
    )
    return Stage(sweep, table, storage, topic, events, clock, processing)


def test_a_stage_in_order_has_nothing_to_repair(stage: Stage) -> None:
    stage.settled(State.ACCEPTED)
    stage.clock.advance(HOUR)

    assert stage.run() == {}

    assert stage.current.check_at is None
    assert (stage.events, stage.topic.messages) == ([], [])
    notes = stage.table.sweep()
    assert (notes["cursor"], notes["found"]) == ("", "{}")


# --- Uploads under way ---------------------------------------------------------------------------


def test_an_upload_whose_event_was_lost_is_processed(stage: Stage) -> None:
    stage.keep(put_upload(charged=11))
    stage.clock.advance(HOUR)

    assert stage.run() == {"SweepLostEvents": 1}
    stage.process()

    assert stage.current.state is State.ACCEPTED
    assert stage.storage.tags == {put_upload().key: "accepted"}


def test_a_new_upload_is_not_checked(stage: Stage) -> None:
    stage.keep(put_upload())
    stage.clock.advance(HOUR - 1)

    assert stage.run() == {}
    assert stage.events == []


def test_an_upload_that_takes_days_is_checked_less_and_less_often(stage: Stage) -> None:
    stage.keep(multipart_upload(), data=None)
    looks = []
    for _ in range(5 * 24):
        stage.clock.advance(HOUR)
        before = stage.table.get(OWNER, multipart_upload().id)
        assert stage.run() == {}
        after = stage.table.get(OWNER, multipart_upload().id)
        if after.check_at != before.check_at:
            looks.append((stage.clock() - CREATED_AT) / timedelta(hours=1))

    assert looks == [1, 2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize(("seconds", "abandoned"), [(-1, False), (0, True)])
def test_an_incomplete_upload_is_aborted(stage: Stage, *, seconds: int, abandoned: bool) -> None:
    multipart_id = stage.storage.create_multipart(multipart_upload().key, content_type="a/b")
    upload = stage.keep(multipart_upload(multipart_id=multipart_id, charged=7), data=None)
    stage.clock.advance((7 + 2) * DAY + seconds)

    assert stage.run() == ({"SweepAbandoned": 1} if abandoned else {})

    now = stage.table.get(OWNER, upload.id)
    assert (now.state is State.ABORTED, now.charged is None) == (abandoned, abandoned)
    assert (stage.storage.multiparts == {}) is abandoned
    assert (stage.table.in_progress(OWNER, most=9) == 0) is abandoned


# --- Uploads that were left behind ---------------------------------------------------------------


@pytest.mark.parametrize("state", [State.UPLOADED, State.PROCESSING])
@pytest.mark.parametrize("sequencer", [None, "5".ljust(64, "0")])
def test_an_upload_stuck_in_a_passing_state_is_processed(
    stage: Stage, state: State, sequencer: str | None
) -> None:
    is_held = state is State.PROCESSING
    stage.keep(
        put_upload(
            state=state,
            charged=11,
            sequencer=sequencer,
            holder="dead" if is_held else None,
            held_until=stage.clock() if is_held else None,
        )
    )
    stage.clock.advance(HOUR)

    assert stage.run() == {"SweepLeftBehind": 1}
    stage.process()

    assert stage.current.state is State.ACCEPTED


def test_a_claimed_upload_is_not_processed(stage: Stage) -> None:
    held_until = stage.clock() + timedelta(seconds=HOUR + 1)
    stage.keep(put_upload(state=State.PROCESSING, holder="alive", held_until=held_until))
    stage.clock.advance(HOUR)

    assert stage.run() == {}

    assert stage.events == []
    assert stage.current.check_at == stage.clock() + CHECK_AFTER


def test_a_recently_changed_upload_is_not_processed(stage: Stage) -> None:
    upload = stage.keep(put_upload())
    stage.clock.advance(HOUR)
    stage.table.change(upload, to=State.UPLOADED, allowed=set(State))

    assert stage.run() == {}
    assert stage.events == []


def test_a_newer_object_is_processed_after_an_older_one_failed(stage: Stage) -> None:
    old, new = ("1".ljust(64, "0"), "2".ljust(64, "0"))
    event = records.event_of(put_upload().key, bucket="b", size=1, sequencer=old)
    failed = stage.keep(
        put_upload(state=State.FAILED, sequencer=old, event=event, charged=11, outcome="1")
    )
    stage.table.claim(failed, Claim(sequencer=new, holder="dead", until=stage.clock(), charged=11))
    stage.clock.advance(HOUR)

    assert stage.run() == {"SweepLeftBehind": 1}
    stage.process()

    assert stage.current.state is State.ACCEPTED


# --- Outcomes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED, State.FAILED])
def test_an_owner_who_was_not_notified_is_notified(stage: Stage, state: State) -> None:
    stage.settled(state, notified=None)
    stage.clock.advance(HOUR)

    assert stage.run() == {"SweepNotNotified": 1}
    assert stage.run() == {}

    assert len(stage.topic.messages) == 1
    assert (stage.current.notified, stage.current.check_at) == ("1", None)


def test_an_outcome_claimed_by_another_invocation_notifies_nobody(stage: Stage) -> None:
    upload = stage.settled(State.ACCEPTED, notified=None)
    stage.clock.advance(HOUR)
    until = stage.clock() + timedelta(hours=1)
    stage.table.begin_notifying(upload, holder="notify-1", until=until)

    assert stage.run(seconds=31) == {}

    assert stage.topic.messages == []
    assert stage.current.check_at is not None, "the next sweep looks again"


@pytest.mark.parametrize("tag", [None, "rejected"])
@pytest.mark.parametrize("is_due", [True, False], ids=["by the table", "by the bucket"])
def test_a_wrong_tag_is_written_again(stage: Stage, *, tag: str | None, is_due: bool) -> None:
    upload = stage.settled(State.ACCEPTED)
    if not is_due:
        stage.table.rest(upload)
    stage.storage.tags.pop(upload.key)
    if tag is not None:
        stage.storage.tags[upload.key] = tag
    stage.clock.advance(HOUR)

    assert stage.run() == {"SweepWrongTags": 1}

    assert stage.storage.tags == {upload.key: "accepted"}


@pytest.mark.parametrize("is_due", [True, False], ids=["by the table", "by the bucket"])
def test_a_replaced_object_whose_event_was_lost_is_checked(stage: Stage, *, is_due: bool) -> None:
    upload = stage.settled(State.ACCEPTED)
    if not is_due:
        stage.table.rest(upload)
    stage.storage.receive_object(upload.key, CONTENT + b"!", at=stage.clock())
    stage.clock.advance(HOUR)

    assert stage.run()["SweepLostEvents"] >= 1
    stage.process()

    assert stage.current.state is State.REJECTED
    assert stage.storage.tags == {upload.key: "rejected"}


def test_an_object_that_replaced_one_that_failed_is_found_by_its_fingerprint(stage: Stage) -> None:
    upload = stage.settled(State.FAILED, report=None)
    s3_object = stage.storage.head(upload.key)
    assert s3_object is not None
    stage.table.rest(upload)
    stage.table.change(
        upload, to=State.FAILED, allowed={State.FAILED}, fingerprint=s3_object.fingerprint
    )
    stage.clock.advance(HOUR)
    assert stage.run() == {}

    stage.storage.receive_object(upload.key, CONTENT + b"!", at=stage.clock())
    stage.clock.advance(HOUR)

    assert stage.run() == {"SweepLostEvents": 1}


def test_the_object_of_a_rejected_upload_may_be_deleted(stage: Stage) -> None:
    upload = stage.settled(State.REJECTED)
    stage.storage.delete(upload.key)
    stage.clock.advance(HOUR)

    assert stage.run() == {}

    assert (stage.current.state, stage.current.check_at) == (State.REJECTED, None)


@pytest.mark.parametrize("state", [State.ACCEPTED, State.FAILED])
def test_an_interrupted_deletion_is_finished(stage: Stage, state: State) -> None:
    upload = stage.settled(state)
    stage.storage.delete(upload.key)
    stage.clock.advance(HOUR)

    assert stage.run() == {"SweepDeleted": 1}

    assert (stage.current.state, stage.current.charged) == (State.ABORTED, None)
    assert stage.topic.messages == []


def test_an_upload_that_is_being_deleted_is_checked_again(stage: Stage) -> None:
    upload = stage.settled(State.ACCEPTED)
    stage.table.begin_deletion(upload)

    assert stage.run() == {}
    stage.storage.delete(upload.key)
    stage.clock.advance(HOUR)

    assert stage.run() == {"SweepDeleted": 1}
    assert stage.current.state is State.ABORTED


def test_an_upload_whose_deletion_never_happened_needs_no_more_checks(stage: Stage) -> None:
    stage.table.begin_deletion(stage.settled(State.ACCEPTED))
    stage.clock.advance(HOUR)

    assert stage.run() == {}
    assert (stage.current.state, stage.current.check_at) == (State.ACCEPTED, None)


def test_an_unreadable_object_is_recognised_as_the_rejected_one(stage: Stage) -> None:
    encrypted = {"unreadable": "Its key", "size": 0, "etag": "", "crc64nvme": None}
    upload = stage.settled(State.REJECTED)
    stage.storage.oddities[upload.key] = encrypted
    s3_object = stage.storage.head(upload.key)
    assert s3_object is not None
    stage.table.change(upload, to=State.REJECTED, allowed=set(State), report=s3_object.identity)
    stage.clock.advance(HOUR)

    assert stage.run() == {}


# --- Objects -------------------------------------------------------------------------------------


def test_an_object_without_an_upload_is_processed(stage: Stage) -> None:
    key = f"uploads/{OWNER}/notes.txt"
    stage.storage.receive_object(key, CONTENT, at=stage.clock())
    stage.clock.advance(HOUR)

    assert stage.run() == {"SweepObjectsWithoutUpload": 1}
    stage.process()

    ((adopted,), _) = stage.table.newest(OWNER, state=None, cursor=None, limit=5)
    assert (adopted.key, adopted.state, adopted.charged) == (key, State.ACCEPTED, 11)


def test_a_new_object_is_left_to_its_event(stage: Stage) -> None:
    key = f"uploads/{OWNER}/notes.txt"
    stage.storage.receive_object(key, CONTENT, at=stage.clock())
    stage.clock.advance(HOUR - 1)

    assert stage.run() == {}
    assert (stage.events, key in stage.storage.objects) == ([], True)


@pytest.mark.parametrize("is_due", [True, False], ids=["by the table", "by the bucket"])
def test_the_object_of_an_aborted_upload_is_deleted(stage: Stage, *, is_due: bool) -> None:
    upload = stage.keep(put_upload(state=State.ABORTED))
    if not is_due:
        stage.table.rest(upload)
    stage.clock.advance(HOUR)

    assert stage.run() == {"SweepDeleted": 1}

    assert stage.storage.objects == {}
    assert (stage.current.state, stage.current.check_at) == (State.ABORTED, None)


@pytest.mark.parametrize(
    "key", [f"uploads/{OWNER}/", f"uploads/{OWNER}//", f"uploads/{OWNER}/a/", "uploads/x"]
)
def test_an_object_with_an_invalid_key_is_deleted(stage: Stage, key: str) -> None:
    stage.storage.receive_object(key, CONTENT, at=stage.clock())

    assert stage.run() == {"SweepDeleted": 1}

    assert stage.storage.objects == {}


@pytest.mark.parametrize("state", [State.UPLOADING, State.UPLOADED, State.PROCESSING])
def test_the_object_of_an_upload_in_progress_is_not_compared(stage: Stage, state: State) -> None:
    upload = stage.keep(put_upload(state=state))
    stage.table.check_again(upload, stage.clock() + timedelta(days=1))
    stage.clock.advance(HOUR)

    assert stage.run() == {}
    assert stage.events == []


# --- How far a sweep comes -----------------------------------------------------------------------


class Ending:
    """An invocation whose time is over after a number of questions about it."""

    aws_request_id = "sweep-1"

    def __init__(self, questions: int) -> None:
        self.questions = questions

    def get_remaining_time_in_millis(self) -> int:
        self.questions -= 1
        return 900_000 if self.questions >= 0 else 30_000


def test_the_next_sweep_continues_after_one_that_ran_out_of_time(stage: Stage) -> None:
    keys = [f"uploads/{OWNER}/{number}" for number in range(5)]
    for key in keys:
        stage.storage.receive_object(key, CONTENT, at=stage.clock())
    stage.clock.advance(HOUR)

    cursors, counts = [], []
    for _ in range(4):
        counts.append(sum(stage.sweep.run(Ending(2)).values()))
        cursors.append(stage.table.sweep()["cursor"])

    assert counts == [2, 2, 1, 2]
    assert cursors == [keys[1], keys[3], "", keys[1]]
    events = [event["Records"][0]["s3"]["object"]["key"] for event in stage.events]
    assert events == [*keys, *keys[:2]]


def test_uploads_stay_due_when_there_is_no_time_for_them(stage: Stage) -> None:
    stage.keep(put_upload())
    stage.clock.advance(HOUR)

    assert stage.sweep.run(Ending(0)) == {}
    assert stage.sweep.run(Ending(1)) == {"SweepLostEvents": 1}


class Broken(MemoryStorage):
    """S3 with a broken answer about one key."""

    def head(self, key: str) -> StoredObject | None:
        s3_object = super().head(key)
        if key.endswith("/broken"):
            raise OSError("what is this")
        return s3_object

    def list_objects(self, prefix: str, *, after: str) -> Iterator[tuple[str, StoredObject]]:
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > after:
                yield key, StoredObject(11, "", None, "", self.written_at.get(key))

    def state_tag(self, key: str) -> str | None:
        if key.endswith("/broken"):
            raise UploadNotFound
        return super().state_tag(key)


@pytest.mark.parametrize("error", [OSError("no network"), TryAgain("busy")], ids=repr)
def test_a_failed_check_does_not_stop_the_sweep(stage: Stage, error: Exception) -> None:
    stage.settled(State.ACCEPTED, notified=None)
    other_id = f"{PUT_ID[:-1]}1"
    other = stage.keep(put_upload(id=other_id, key=put_upload().key.replace(PUT_ID, other_id)))
    stage.clock.advance(HOUR)

    def fail() -> None:
        raise error

    stage.topic.before_publish.add(fail)

    assert stage.run(seconds=40) == {"SweepLostEvents": 1}

    assert stage.table.get(OWNER, other.id).check_at == stage.clock() + CHECK_AFTER
    assert stage.run() == {"SweepNotNotified": 1}


def test_a_failed_comparison_does_not_stop_the_sweep(
    stage: Stage,
) -> None:
    broken = Broken(objects={f"uploads/{OWNER}/a/broken": CONTENT, f"uploads/{OWNER}/z": CONTENT})
    upload = put_upload(state=State.ACCEPTED, key=f"uploads/{OWNER}/a/broken", updated_at=OLD)
    stage.table.adopt(upload)

    repairs = replace(stage.sweep, storage=broken).run(Invocation("sweep-1", seconds=900))

    assert repairs == {"SweepObjectsWithoutUpload": 1}
    assert stage.table.sweep()["cursor"] == ""


OLD = datetime(2026, 1, 1, tzinfo=CREATED_AT.tzinfo)
