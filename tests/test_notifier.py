import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import TryAgain
from chalicelib.notifier import (
    MAX_SUBJECT,
    UNKNOWN_OWNER,
    Notifier,
    message,
    subject,
)
from chalicelib.records import Failure, Outcome
from chalicelib.transitions import Claim
from chalicelib.upload import State, Upload
from chalicelib.usage import Quota
from tests.support.environment import NOTIFICATIONS_TOPIC, PAGE_ORIGIN
from tests.support.fakes import Clock, Invocation, MemoryTable, RecordingPages, RecordingTopic
from tests.support.payloads import (
    CREATED_AT,
    OTHER_OWNER,
    OWNER,
    PUT_ID,
    event,
    failure_of,
    multipart_upload,
    put_upload,
)
from tests.support.tables import put_in

FAILED = failure_of(put_upload(), request_id="once")
REASON, NAME, CREATED = FAILED.reason, FAILED.name, FAILED.created
OUTCOMES = [State.ACCEPTED, State.REJECTED, State.FAILED]


@pytest.fixture
def topic() -> RecordingTopic:
    return RecordingTopic()


@pytest.fixture
def notifier(
    table: MemoryTable, pages: RecordingPages, topic: RecordingTopic, clock: Clock
) -> Notifier:
    return Notifier(
        table, pages, topic.publish, NOTIFICATIONS_TOPIC, PAGE_ORIGIN, clock, clock.advance
    )


def outcome(state: State) -> Outcome | Failure:
    return FAILED if state is State.FAILED else Outcome(OWNER, PUT_ID, state)


def announce(notifier: Notifier, what: Outcome | Failure, request: str = "notify-1") -> bool:
    """One invocation of `notify`, without time to wait."""
    return notifier.notify_owner(what, Invocation(request, seconds=1))


def settled(state: State, **changes: Any) -> Upload:
    """An upload with an outcome, `1`, of which nobody was notified."""
    return put_upload(**{"state": state, "outcome": "1", **changes})


def current(table: MemoryTable) -> Upload:
    return table.items[OWNER, PUT_ID]


@pytest.mark.parametrize("state", OUTCOMES)
def test_an_outcome_is_published_and_shown(
    notifier: Notifier,
    table: MemoryTable,
    pages: RecordingPages,
    topic: RecordingTopic,
    state: State,
) -> None:
    upload = settled(state, check_at=CREATED_AT)
    put_in(table, upload)

    assert announce(notifier, outcome(state)) is True

    (page_upload,) = pages.shown_uploads
    released: dict[str, Any] = {"notifier": None, "notifying_until": None, "version": 0}
    assert replace(page_upload, **released, updated_at=upload.updated_at) == upload
    assert topic.messages == [
        {
            "TopicArn": NOTIFICATIONS_TOPIC,
            "Subject": subject(upload),
            "Message": message(upload, PAGE_ORIGIN),
            "MessageAttributes": {
                "owner": {"DataType": "String", "StringValue": OWNER},
                "outcome": {"DataType": "String", "StringValue": state.value},
            },
        }
    ]
    assert current(table).notified == "1"


@pytest.mark.parametrize("state", OUTCOMES)
def test_an_owner_is_notified_of_an_outcome_once(
    notifier: Notifier,
    table: MemoryTable,
    pages: RecordingPages,
    topic: RecordingTopic,
    state: State,
) -> None:
    put_in(table, settled(state))
    announce(notifier, outcome(state))

    assert announce(notifier, outcome(state)) is False

    assert len(topic.messages) == len(pages.shown_uploads) == 1


def test_an_owner_is_notified_of_another_outcome_too(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    put_in(table, settled(State.ACCEPTED, notified="0"))

    assert announce(notifier, outcome(State.ACCEPTED)) is True
    assert [m["MessageAttributes"]["outcome"]["StringValue"] for m in topic.messages] == [
        "accepted"
    ]


@pytest.mark.parametrize("state", [State.UPLOADING, State.UPLOADED, State.PROCESSING])
def test_a_failure_is_recorded_with_its_reason(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic, state: State
) -> None:
    attributes: dict[str, Any] = (
        {"holder": "once", "charged": 11} if state is State.PROCESSING else {}
    )
    put_in(table, settled(state, **attributes))

    assert announce(notifier, FAILED) is True

    assert (current(table).state, current(table).reason) == (State.FAILED, REASON)
    assert current(table).event == CREATED.event, "so that it can be sent again"
    assert REASON in topic.messages[0]["Message"]


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED, State.ABORTED])
def test_a_late_failure_does_not_change_a_settled_upload(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic, state: State
) -> None:
    upload = settled(state, notified="1", check_at=CREATED_AT)
    put_in(table, upload)

    assert announce(notifier, FAILED) is False

    assert current(table) == upload
    assert topic.messages == []


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED])
def test_an_incomplete_record_notifies_of_the_outcome_in_the_table(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic, state: State
) -> None:
    put_in(table, settled(state))

    assert announce(notifier, FAILED) is True

    assert topic.messages[0]["MessageAttributes"]["outcome"]["StringValue"] == state.value
    assert current(table).notified == "1"


@pytest.mark.parametrize("state", [s for s in State if s not in OUTCOMES])
def test_an_upload_without_an_outcome_notifies_nobody(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic, state: State
) -> None:
    put_in(table, settled(state))

    assert announce(notifier, outcome(State.ACCEPTED)) is False
    assert topic.messages == []


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED])
def test_an_unknown_upload_notifies_nobody(
    notifier: Notifier, topic: RecordingTopic, state: State
) -> None:
    assert announce(notifier, outcome(state)) is False
    assert topic.messages == []


def test_an_upload_of_another_owner_notifies_nobody(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    put_in(table, settled(State.ACCEPTED))

    assert announce(notifier, Outcome(OTHER_OWNER, PUT_ID, State.ACCEPTED)) is False
    assert topic.messages == []


def failing() -> None:
    raise OSError("no network")


def test_a_message_that_failed_is_published_by_the_next_attempt(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    put_in(table, settled(State.ACCEPTED))
    topic.before_publish.add(failing)
    with pytest.raises(OSError, match="no network"):
        announce(notifier, outcome(State.ACCEPTED))

    assert announce(notifier, outcome(State.ACCEPTED)) is True
    assert len(topic.messages) == 1


def test_a_published_message_is_not_repeated_when_recording_fails(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    put_in(table, settled(State.ACCEPTED))
    topic.before_publish.add(lambda: table.before_change.add(failing))

    assert announce(notifier, outcome(State.ACCEPTED)) is True
    assert current(table).notified is None
    with pytest.raises(TryAgain):
        announce(notifier, outcome(State.ACCEPTED), "another")
    assert len(topic.messages) == 1


def test_a_simultaneous_invocation_retries_and_then_has_nothing_to_do(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    put_in(table, settled(State.ACCEPTED))

    def twin() -> None:
        with pytest.raises(TryAgain):
            announce(notifier, outcome(State.ACCEPTED), "another")

    topic.before_publish.add(twin)

    assert announce(notifier, outcome(State.ACCEPTED)) is True
    assert announce(notifier, outcome(State.ACCEPTED), "another") is False
    assert len(topic.messages) == 1


def test_a_failed_publish_releases_the_claim_at_once(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    put_in(table, settled(State.ACCEPTED))
    topic.before_publish.add(failing)
    with pytest.raises(OSError, match="no network"):
        announce(notifier, outcome(State.ACCEPTED))

    assert announce(notifier, outcome(State.ACCEPTED), "an operator's") is True


def test_the_claim_of_a_dead_invocation_is_taken_over(
    notifier: Notifier, table: MemoryTable, clock: Clock
) -> None:
    until = clock() + timedelta(seconds=65)
    put_in(table, settled(State.ACCEPTED, notifier="notify-1", notifying_until=until))
    clock.advance(64)
    with pytest.raises(TryAgain):
        announce(notifier, outcome(State.ACCEPTED), "operator")
    clock.advance(1)

    assert announce(notifier, outcome(State.ACCEPTED), "operator") is True


@pytest.mark.parametrize("seconds", [60, 900])
def test_a_claim_lasts_as_long_as_its_invocation_can_run(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic, clock: Clock, seconds: int
) -> None:
    """A sweep may run longer than `notify`: nobody else publishes meanwhile."""
    put_in(table, settled(State.ACCEPTED))
    others: list[object] = []

    def come_late() -> None:
        clock.advance(seconds)
        with pytest.raises(TryAgain) as refused:
            announce(notifier, outcome(State.ACCEPTED), "another's")
        others.append(refused)

    topic.before_publish.add(come_late)

    assert notifier.notify_owner(outcome(State.ACCEPTED), Invocation("slow", seconds)) is True
    assert (len(topic.messages), len(others)) == (1, 1)


def test_a_failure_of_another_invocation_does_not_change_a_claimed_upload(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    upload = put_upload(state=State.PROCESSING, holder="a run again")
    put_in(table, upload)

    assert announce(notifier, FAILED) is False

    assert current(table) == upload
    assert topic.messages == []


def test_a_claim_before_the_failure_wins(
    notifier: Notifier, table: MemoryTable, clock: Clock
) -> None:
    put_in(table, put_upload(state=State.UPLOADED))
    table.before_change.add(
        lambda: table.claim(
            put_upload(), Claim(sequencer="1", holder="a twin", until=clock(), charged=11)
        )
    )

    assert announce(notifier, FAILED) is False
    assert current(table).state is State.PROCESSING


def test_a_failure_without_a_row_adopts_the_object(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    assert announce(notifier, FAILED) is True

    (adopted,) = table.items.values()
    assert (adopted.state, adopted.size, adopted.key) == (State.FAILED, 11, CREATED.key)
    assert len(topic.messages) == 1


def test_a_failure_of_an_object_without_room_is_left_to_the_sweep(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    table.quota = Quota(max_bytes=10, max_files=1)

    assert announce(notifier, FAILED) is False

    assert (table.items, topic.messages) == ({}, [])


@pytest.mark.parametrize("charged", [None, 11])
def test_a_failure_is_charged_for_its_object(
    notifier: Notifier, table: MemoryTable, charged: int | None
) -> None:
    put_in(table, put_upload(state=State.UPLOADED, charged=charged))

    announce(notifier, FAILED)

    assert current(table).charged == 11


def test_a_notified_outcome_needs_no_check_of_the_sweep(
    notifier: Notifier, table: MemoryTable, clock: Clock
) -> None:
    put_in(table, settled(State.ACCEPTED, check_at=clock()))

    announce(notifier, outcome(State.ACCEPTED))

    assert current(table).check_at is None


def test_the_sweep_writes_the_tag_of_a_notified_failure(
    notifier: Notifier, table: MemoryTable, clock: Clock
) -> None:
    put_in(table, put_upload(state=State.UPLOADED, check_at=clock()))

    announce(notifier, FAILED)

    assert (current(table).check_at, current(table).notified) == (clock(), current(table).outcome)


def test_a_failed_invocation_leaves_a_settled_upload_to_the_sweep(
    notifier: Notifier, table: MemoryTable, clock: Clock
) -> None:
    put_in(table, settled(State.ACCEPTED, notified="1"))

    announce(notifier, FAILED)

    assert current(table).check_at == clock(), "it may have left an old state on the tag"


def test_an_outcome_that_changes_during_a_notification_is_notified_afterwards(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    put_in(table, settled(State.REJECTED))
    topic.before_publish.add(
        lambda: table.change(
            current(table), to=State.ACCEPTED, allowed=set(State), outcome="2", check_at=CREATED_AT
        )
    )

    announce(notifier, outcome(State.REJECTED))
    assert (current(table).notified, current(table).check_at) == ("1", CREATED_AT)
    announce(notifier, outcome(State.ACCEPTED))

    published = [m["MessageAttributes"]["outcome"]["StringValue"] for m in topic.messages]
    assert published == ["rejected", "accepted"]
    assert current(table).notified == "2"


@pytest.mark.parametrize("name", ["get", "begin_notifying", "end_notifying"])
def test_a_lost_answer_of_the_table_does_not_lose_the_message(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic, name: str
) -> None:
    put_in(table, settled(State.ACCEPTED))
    lost = [name]

    class Lossy:
        def __getattr__(self, called: str) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                answer = getattr(table, called)(*args, **kwargs)
                if called in lost:
                    lost.remove(called)
                    raise TryAgain("no answer")
                return answer

            return call

    lossy: Any = Lossy()
    what = outcome(State.ACCEPTED)

    assert replace(notifier, table=lossy).notify_owner(what, Invocation("notify-1")) is True

    assert len(topic.messages) == 1
    assert (current(table).notified, current(table).notifier, lost) == ("1", None, [])


@pytest.mark.parametrize("record", ["", "{}", '{"requestContext": {"condition": "New"}}', "[1]"])
def test_operators_are_notified_of_an_unreadable_record(
    notifier: Notifier, topic: RecordingTopic, record: str
) -> None:
    notifier.notify(record, Invocation("notify-1"))

    (message_out,) = topic.messages
    assert message_out["Subject"] == "Hoist: failed - an unreadable record"
    assert message_out["MessageAttributes"]["owner"]["StringValue"] == UNKNOWN_OWNER
    assert record in message_out["Message"]


def test_owners_are_notified_of_every_outcome_of_a_record(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    put_in(table, settled(State.ACCEPTED))
    put_in(table, multipart_upload(state=State.REJECTED, outcome="1"))
    record = json.loads(event("sns_success")["Records"][0]["Sns"]["Message"])
    record["responsePayload"]["uploads"].append(
        {"owner": OWNER, "id": multipart_upload().id, "state": "rejected"}
    )

    notifier.notify(json.dumps(record), Invocation("notify-1"))

    assert len(topic.messages) == 2


@pytest.mark.parametrize(
    "filename",
    ["a.txt", "Grüße 😀.txt", "a" * 255, "\u2028line separator", "ü" * 255],
    ids=["plain", "unicode", "long", "separator", "long unicode"],
)
def test_a_subject_is_one_that_sns_accepts(filename: str) -> None:
    line = subject(put_upload(filename=filename, state=State.ACCEPTED))

    assert line.isascii()
    assert line.isprintable()
    assert line.startswith("Hoist: accepted - ")
    assert len(line) <= MAX_SUBJECT


@pytest.mark.parametrize(
    ("length", "expected"), [(80, 98), (81, 99), (82, 99)], ids=["-1", "at", "+1"]
)
def test_a_subject_is_cut_at_its_limit(length: int, expected: int) -> None:
    assert len(subject(put_upload(filename="a" * length, state=State.ACCEPTED))) == expected


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.ACCEPTED, "was checked and accepted"),
        (State.REJECTED, "was rejected and will be deleted"),
        (State.FAILED, "could not be processed"),
    ],
)
def test_a_message_says_the_outcome_of_the_file(state: State, words: str) -> None:
    upload = settled(state, size=1_234_567, reason="Because of that")
    text = message(upload, PAGE_ORIGIN)

    assert f"Your file Grüße aus Köln 1+1.txt (1,234,567 bytes) {words}" in text
    assert "Reason: Because of that" in text
    assert text.endswith(f"Upload: {PUT_ID}\nOwner: {OWNER}\n")
    assert (PAGE_ORIGIN in text) is (state is not State.FAILED), "where to go next"


def test_a_message_without_a_reason_gives_none() -> None:
    assert "Reason" not in message(settled(State.ACCEPTED), PAGE_ORIGIN)
