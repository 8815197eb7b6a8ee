import json
from dataclasses import replace

import pytest

from chalicelib import records
from chalicelib.errors import TryAgain
from chalicelib.keys import ObjectKey
from chalicelib.notifier import (
    MAX_SUBJECT,
    TELLING,
    UNKNOWN_OWNER,
    Notifier,
    message,
    subject,
)
from chalicelib.records import Failure, Outcome
from chalicelib.upload import State, Upload
from tests.environment import NOTIFICATIONS_TOPIC, PAGE_ORIGIN
from tests.fakes import Clock, MemoryTable, RecordingPages, RecordingTopic
from tests.payloads import OTHER_OWNER, OWNER, PUT_ID, event, multipart_upload, put_upload

REASON = "Processing failed (ClientError); request 1"
(CREATED,) = records.objects_created(event("s3_put"))
NAME = ObjectKey(OWNER, put_upload().key.partition(f"{OWNER}/")[2])
FAILED = Failure(NAME, CREATED, REASON, "once")
OUTCOMES = [State.ACCEPTED, State.REJECTED, State.FAILED]


@pytest.fixture
def topic() -> RecordingTopic:
    return RecordingTopic()


@pytest.fixture
def notifier(
    table: MemoryTable, pages: RecordingPages, topic: RecordingTopic, clock: Clock
) -> Notifier:
    return Notifier(table, pages, topic.publish, NOTIFICATIONS_TOPIC, PAGE_ORIGIN, clock)


def outcome(state: State) -> Outcome | Failure:
    return FAILED if state is State.FAILED else Outcome(OWNER, PUT_ID, state)


def stored(table: MemoryTable) -> Upload:
    return table.items[OWNER, PUT_ID]


@pytest.mark.parametrize("state", OUTCOMES)
def test_an_outcome_is_published_and_shown(
    notifier: Notifier,
    table: MemoryTable,
    pages: RecordingPages,
    topic: RecordingTopic,
    state: State,
) -> None:
    upload = put_upload(state=state)
    table.put(upload)

    assert notifier.tell(outcome(state), "teller") is True

    (shown,) = pages.shown
    assert replace(shown, holder=None, held_until=None, updated_at=upload.updated_at) == upload
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
    assert stored(table).told == state.value


@pytest.mark.parametrize("state", OUTCOMES)
def test_an_outcome_is_told_once(
    notifier: Notifier,
    table: MemoryTable,
    pages: RecordingPages,
    topic: RecordingTopic,
    state: State,
) -> None:
    table.put(put_upload(state=state))
    notifier.tell(outcome(state), "teller")

    assert notifier.tell(outcome(state), "teller") is False

    assert len(topic.messages) == len(pages.shown) == 1


def test_what_was_told_failed_is_told_again_when_accepted(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    table.put(put_upload(state=State.ACCEPTED, told="failed"))

    assert notifier.tell(outcome(State.ACCEPTED), "teller") is True
    assert [m["MessageAttributes"]["outcome"]["StringValue"] for m in topic.messages] == [
        "accepted"
    ]


@pytest.mark.parametrize("state", [State.UPLOADING, State.UPLOADED, State.PROCESSING])
def test_a_failure_is_recorded_with_its_reason(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic, state: State
) -> None:
    table.put(put_upload(state=state, holder="once" if state is State.PROCESSING else None))

    assert notifier.tell(FAILED, "teller") is True

    assert (stored(table).state, stored(table).reason) == (State.FAILED, REASON)
    assert stored(table).event == event("s3_put"), "so that it can be sent again"
    assert REASON in topic.messages[0]["Message"]


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED, State.ABORTED])
def test_a_late_failure_does_not_touch_what_is_settled(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic, state: State
) -> None:
    upload = put_upload(state=state, told=state.value)
    table.put(upload)

    assert notifier.tell(FAILED, "teller") is False

    assert stored(table) == upload
    assert topic.messages == []


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED])
def test_a_record_that_knows_less_brings_what_the_table_says(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic, state: State
) -> None:
    table.put(put_upload(state=state))

    assert notifier.tell(FAILED, "teller") is True

    assert topic.messages[0]["MessageAttributes"]["outcome"]["StringValue"] == state.value
    assert stored(table).told == state.value


@pytest.mark.parametrize("state", [s for s in State if s not in OUTCOMES])
def test_what_has_no_outcome_is_not_told(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic, state: State
) -> None:
    table.put(put_upload(state=state))

    assert notifier.tell(outcome(State.ACCEPTED), "teller") is False
    assert topic.messages == []


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED])
def test_an_upload_that_is_not_known_is_not_told(
    notifier: Notifier, topic: RecordingTopic, state: State
) -> None:
    assert notifier.tell(outcome(state), "teller") is False
    assert topic.messages == []


def test_somebody_elses_upload_is_not_told(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    table.put(put_upload(state=State.ACCEPTED))

    assert notifier.tell(Outcome(OTHER_OWNER, PUT_ID, State.ACCEPTED), "teller") is False
    assert topic.messages == []


def failing() -> None:
    raise OSError("no network")


def test_what_could_not_be_published_is_told_by_the_next_attempt(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    table.put(put_upload(state=State.ACCEPTED))
    topic.before_publish.add(failing)
    with pytest.raises(OSError, match="no network"):
        notifier.tell(outcome(State.ACCEPTED), "teller")

    assert notifier.tell(outcome(State.ACCEPTED), "teller") is True
    assert len(topic.messages) == 1


def test_what_was_published_but_not_marked_is_not_told_again(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    table.put(put_upload(state=State.ACCEPTED))
    topic.before_publish.add(lambda: table.before_change.add(failing))

    assert notifier.tell(outcome(State.ACCEPTED), "teller") is True
    assert stored(table).told is None
    with pytest.raises(TryAgain):
        notifier.tell(outcome(State.ACCEPTED), "another")
    assert len(topic.messages) == 1


def test_a_twin_at_the_same_time_tries_again_and_then_has_nothing_to_tell(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    table.put(put_upload(state=State.ACCEPTED))

    def twin() -> None:
        with pytest.raises(TryAgain):
            notifier.tell(outcome(State.ACCEPTED), "another")

    topic.before_publish.add(twin)

    assert notifier.tell(outcome(State.ACCEPTED), "teller") is True
    assert notifier.tell(outcome(State.ACCEPTED), "another") is False
    assert len(topic.messages) == 1


def test_what_could_not_be_published_may_be_told_by_anybody_at_once(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    table.put(put_upload(state=State.ACCEPTED))
    topic.before_publish.add(failing)
    with pytest.raises(OSError, match="no network"):
        notifier.tell(outcome(State.ACCEPTED), "teller")

    assert notifier.tell(outcome(State.ACCEPTED), "an operator's") is True


def test_a_teller_that_died_for_good_is_replaced_by_an_operators(
    notifier: Notifier, table: MemoryTable, clock: Clock
) -> None:
    held_until = clock() + TELLING
    table.put(put_upload(state=State.ACCEPTED, holder="teller", held_until=held_until))
    clock.advance(TELLING.total_seconds() - 1)
    with pytest.raises(TryAgain):
        notifier.tell(outcome(State.ACCEPTED), "operator")
    clock.advance(1)

    assert notifier.tell(outcome(State.ACCEPTED), "operator") is True


def test_a_failure_of_another_invocation_does_not_touch_what_is_under_way(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    upload = put_upload(state=State.PROCESSING, holder="a run again")
    table.put(upload)

    assert notifier.tell(FAILED, "teller") is False

    assert stored(table) == upload
    assert topic.messages == []


def test_a_claim_that_is_quicker_than_the_failure_wins(
    notifier: Notifier, table: MemoryTable, clock: Clock
) -> None:
    table.put(put_upload(state=State.UPLOADED))
    table.before_change.add(
        lambda: table.claim(put_upload(), sequencer="1", holder="a twin", until=clock())
    )

    assert notifier.tell(FAILED, "teller") is False
    assert stored(table).state is State.PROCESSING


def test_a_failure_before_there_was_a_row_makes_one(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    assert notifier.tell(FAILED, "teller") is True

    (adopted,) = table.items.values()
    assert (adopted.state, adopted.size, adopted.key) == (State.FAILED, 11, CREATED.key)
    assert len(topic.messages) == 1


@pytest.mark.parametrize("record", ["", "{}", '{"requestContext": {"condition": "New"}}', "[1]"])
def test_a_record_that_nobody_can_read_is_told_to_operators(
    notifier: Notifier, topic: RecordingTopic, record: str
) -> None:
    notifier.notify(record, "teller")

    (told,) = topic.messages
    assert told["Subject"] == "Hoist: failed - a record that cannot be read"
    assert told["MessageAttributes"]["owner"]["StringValue"] == UNKNOWN_OWNER
    assert record in told["Message"]


def test_every_outcome_of_a_record_is_told(
    notifier: Notifier, table: MemoryTable, topic: RecordingTopic
) -> None:
    table.put(put_upload(state=State.ACCEPTED))
    table.put(multipart_upload(state=State.REJECTED))
    record = json.loads(event("sns_success")["Records"][0]["Sns"]["Message"])
    record["responsePayload"]["uploads"].append(
        {"owner": OWNER, "id": multipart_upload().id, "state": "rejected"}
    )

    notifier.notify(json.dumps(record), "teller")

    assert len(topic.messages) == 2


@pytest.mark.parametrize(
    "filename",
    ["a.txt", "Grüße 😀.txt", "a" * 255, "\u2028line separator", "ü" * 255],
    ids=["plain", "unicode", "long", "separator", "long unicode"],
)
def test_a_subject_is_one_that_sns_takes(filename: str) -> None:
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
def test_a_message_says_what_became_of_the_file(state: State, words: str) -> None:
    upload = put_upload(state=state, size=1_234_567, reason="Because of that")
    text = message(upload, PAGE_ORIGIN)

    assert f"Your file Grüße aus Köln 1+1.txt (1,234,567 bytes) {words}" in text
    assert "Reason: Because of that" in text
    assert text.endswith(f"Upload: {PUT_ID}\nOwner: {OWNER}\n")
    assert (PAGE_ORIGIN in text) is (state is not State.FAILED), "where to go next"


def test_a_message_without_a_reason_gives_none() -> None:
    assert "Reason" not in message(put_upload(state=State.ACCEPTED), PAGE_ORIGIN)
