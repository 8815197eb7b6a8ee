"""Which change may follow which, as tables of cases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import transitions
from chalicelib.errors import WrongState
from chalicelib.transitions import Claim, outcome_of
from chalicelib.upload import CHECK_AFTER, OUTCOMES, State
from tests.support.payloads import failure_of, put_upload

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("to", State)
def test_a_move_fits_the_allowed_states_alone(before: State, to: State) -> None:
    upload = put_upload(state=before)

    moved = transitions.move(upload, to=to, allowed={before}, reason="Why")

    assert (moved["state"], moved["reason"]) == (to, "Why")
    with pytest.raises(WrongState, match=f"The upload is {before}"):
        transitions.move(upload, to=to, allowed=set(State) - {before})


@pytest.mark.parametrize(("held_by", "fits"), [(None, True), ("first", True), ("second", False)])
@pytest.mark.parametrize(("version", "same"), [(None, True), (3, True), (2, False), (4, False)])
def test_a_move_fits_its_holder_and_its_version(
    *, held_by: str | None, fits: bool, version: int | None, same: bool
) -> None:
    upload = put_upload(state=State.PROCESSING, holder="first", version=3)
    moved: dict[str, Any] = {"to": State.FAILED, "allowed": set(State)}

    if fits and same:
        transitions.move(upload, **moved, held_by=held_by, unchanged_since=version)
        return
    with pytest.raises(WrongState):
        transitions.move(upload, **moved, held_by=held_by, unchanged_since=version)


@pytest.mark.parametrize("charged", [None, 0, 7])
@pytest.mark.parametrize("to", State)
def test_a_move_to_a_state_that_keeps_no_object_ends_the_charge(
    to: State, charged: int | None
) -> None:
    upload = put_upload(charged=charged)

    moved = transitions.move(upload, to=to, allowed=set(State))

    assert moved["charged"] == (None if to in (State.REJECTED, State.ABORTED) else charged)


def test_a_failure_without_an_object_is_not_charged() -> None:
    upload = put_upload(charged=11)

    assert transitions.move(upload, to=State.FAILED, allowed=set(State), charged=None) == {
        "state": State.FAILED,
        "charged": None,
    }


@pytest.mark.parametrize(
    ("attributes", "possible"),
    [
        pytest.param({"state": State.UPLOADING}, True, id="uploading"),
        pytest.param({"state": State.UPLOADED}, True, id="uploaded"),
        pytest.param({"state": State.ABORTED}, False, id="aborted"),
        pytest.param({"state": State.FAILED}, True, id="failed for no event"),
        pytest.param({"state": State.ACCEPTED}, True, id="accepted for no event"),
        pytest.param({"state": State.UPLOADED, "sequencer": "2"}, True, id="uploaded for this"),
        pytest.param({"state": State.FAILED, "sequencer": "2"}, True, id="failed for this"),
        pytest.param({"state": State.FAILED, "sequencer": "3"}, False, id="failed for a newer"),
        pytest.param({"state": State.ACCEPTED, "sequencer": "1"}, True, id="accepted for an older"),
        pytest.param({"state": State.ACCEPTED, "sequencer": "2"}, False, id="accepted for this"),
        pytest.param({"state": State.REJECTED, "sequencer": "1"}, True, id="rejected for an older"),
        pytest.param({"state": State.REJECTED, "sequencer": "2"}, False, id="rejected for this"),
        pytest.param({"state": State.REJECTED, "sequencer": "3"}, False, id="rejected for a newer"),
        pytest.param({"state": State.ABORTED, "sequencer": "1"}, False, id="aborted after one"),
    ],
)
def test_a_claim_is_for_an_event_that_settled_nothing(
    *, attributes: dict[str, Any], possible: bool
) -> None:
    assert claims(put_upload(**attributes), "2", "first") is possible


@pytest.mark.parametrize(
    ("sequencer", "holder", "until", "possible"),
    [
        pytest.param("2", "first", LATER, True, id="a retry of the holder"),
        pytest.param("2", "second", LATER, False, id="another before its time is over"),
        pytest.param("2", "second", NOW, True, id="another when its time is over"),
        pytest.param("2", "second", None, False, id="another where nobody knows when"),
        pytest.param("3", "second", LATER, True, id="a newer event"),
        pytest.param("1", "first", LATER, False, id="an older event"),
        pytest.param("1", "second", NOW, False, id="an older event when the time is over"),
    ],
)
def test_a_claim_lasts_until_its_end(
    *, sequencer: str, holder: str, until: datetime | None, possible: bool
) -> None:
    claimed = put_upload(state=State.PROCESSING, sequencer="2", holder="first", held_until=until)

    assert claims(claimed, sequencer, holder) is possible


def claims(upload: Any, sequencer: str, holder: str) -> bool:
    try:
        claimed = transitions.claim(
            upload, Claim(sequencer=sequencer, holder=holder, until=LATER, charged=5), now=NOW
        )
    except WrongState:
        return False
    assert claimed["state"] is State.PROCESSING
    assert (claimed["sequencer"], claimed["holder"]) == (sequencer, holder)
    assert (claimed["held_until"], claimed["charged"]) == (LATER, 5)
    return True


def test_a_claim_removes_the_outcome_and_the_failed_event() -> None:
    failed = put_upload(
        state=State.FAILED, sequencer="1", outcome="failed:1", event={"Records": []}
    )

    claimed = transitions.claim(
        failed, Claim(sequencer="2", holder="first", until=LATER, charged=1), now=NOW
    )

    assert (claimed["outcome"], claimed["event"]) == (None, None)
    assert claimed["check_at"] == NOW + CHECK_AFTER


def test_a_claim_keeps_an_earlier_check() -> None:
    claimed = transitions.claim(
        put_upload(check_at=NOW), Claim(sequencer="2", holder="a", until=LATER, charged=1), now=NOW
    )

    assert claimed["check_at"] == NOW


@pytest.mark.parametrize("state", State)
def test_only_a_processing_upload_is_settled(state: State) -> None:
    upload = put_upload(state=state, holder="first")
    params: dict[str, Any] = {"to": State.ACCEPTED, "outcome": "1", "holder": "first"}

    if state is State.PROCESSING:
        settled = transitions.settle(upload, **params, reason=None)
        assert settled == {
            "state": State.ACCEPTED,
            "charged": upload.charged,
            "reason": None,
            "outcome": "1",
            "holder": None,
            "held_until": None,
            "event": None,
        }
        return
    with pytest.raises(WrongState):
        transitions.settle(upload, **params)


@pytest.mark.parametrize(
    ("state", "holder", "possible"),
    [
        (State.UPLOADING, None, True),
        (State.UPLOADED, None, True),
        (State.PROCESSING, "first", True),
        (State.PROCESSING, "second", False),
        *((state, None, False) for state in (*sorted(OUTCOMES), State.ABORTED)),
    ],
)
def test_only_the_failed_invocation_records_a_failure(
    *, state: State, holder: str | None, possible: bool
) -> None:
    upload = put_upload(state=state, holder=holder, charged=7, report={"size": 1})
    failure = failure_of(upload, request_id="first", size=20)

    if possible:
        failed = transitions.fail(upload, failure)
        assert (failed["state"], failed["outcome"]) == (State.FAILED, "failed:first")
        assert (failed["report"], failed["event"]) == (None, failure.created.event)
        assert failed["check_at"] == upload.updated_at
        assert failed["charged"] == (7 if holder else 20), "as it was claimed, or told"
        return
    with pytest.raises(WrongState):
        transitions.fail(upload, failure)


def test_an_upload_without_room_has_not_failed() -> None:
    upload = put_upload(state=State.PROCESSING, holder="first", charged=None)

    with pytest.raises(WrongState):
        transitions.fail(upload, failure_of(upload, request_id="first"))


@pytest.mark.parametrize(
    ("attributes", "possible"),
    [
        pytest.param({}, True, id="nobody was notified"),
        pytest.param({"notified": "0"}, True, id="notified of another outcome"),
        pytest.param({"notified": "1"}, False, id="notified"),
        pytest.param({"state": State.PROCESSING}, False, id="no outcome"),
        pytest.param({"state": State.ABORTED}, False, id="aborted"),
        pytest.param({"notifier": "second", "notifying_until": LATER}, True, id="claim by itself"),
        pytest.param({"notifier": "first", "notifying_until": LATER}, False, id="claim by another"),
        pytest.param({"notifier": "first", "notifying_until": NOW}, True, id="left by another"),
    ],
)
def test_only_one_invocation_claims_to_notify(
    *, attributes: dict[str, Any], possible: bool
) -> None:
    upload = put_upload(**{"state": State.ACCEPTED, "outcome": "1"} | attributes)
    hold: dict[str, Any] = {"holder": "second", "until": LATER, "now": NOW}

    if possible:
        claim = transitions.begin_notifying(upload, **hold)
        assert claim == {"notifier": "second", "notifying_until": LATER}
        return
    with pytest.raises(WrongState):
        transitions.begin_notifying(upload, **hold)


@pytest.mark.parametrize(
    ("outcome", "notified", "is_done", "attributes"),
    [
        pytest.param("1", None, True, {}, id="it could not be published"),
        pytest.param("1", "1", True, {"notified": "1", "check_at": None}, id="all is done"),
        pytest.param("1", "1", False, {"notified": "1"}, id="its tag is not written"),
        pytest.param("2", "1", True, {"notified": "1"}, id="another outcome came meanwhile"),
    ],
)
def test_the_notified_outcome_is_recorded(
    *, outcome: str, notified: str | None, is_done: bool, attributes: dict[str, Any]
) -> None:
    upload = put_upload(state=State.ACCEPTED, outcome=outcome, notifier="first")
    ended: dict[str, Any] = {"notified": notified, "is_done": is_done}

    assert transitions.end_notifying(upload, holder="first", **ended) == {
        "notifier": None,
        "notifying_until": None,
        **attributes,
    }
    with pytest.raises(WrongState):
        transitions.end_notifying(upload, holder="second", **ended)


@pytest.mark.parametrize("is_adopted", [False, True], ids=["announced", "adopted"])
def test_an_outcome_has_the_same_name_for_the_same_object_only(*, is_adopted: bool) -> None:
    report = {"etag": "a", "last_modified": "t", "size": 1, "processors": {}}

    def name(state: State, about: Any) -> str:
        return outcome_of(state, about, is_adopted=is_adopted)

    outcome = name(State.ACCEPTED, report)
    assert outcome == name(State.ACCEPTED, report | {"processors": {"more": 1}})
    others = [
        name(State.REJECTED, report),
        name(State.ACCEPTED, report | {"etag": "b"}),
        name(State.ACCEPTED, report | {"crc64nvme": "c"}),
        name(State.ACCEPTED, report | {"size": 2}),
        name(State.FAILED, "request-1"),
        name(State.FAILED, "request-2"),
    ]
    assert len({outcome, *others}) == 7


@pytest.mark.parametrize(("is_adopted", "same"), [(False, True), (True, False)])
def test_the_same_bytes_again_notify_only_where_the_owner_chose_the_key(
    *, is_adopted: bool, same: bool
) -> None:
    """A client that does not know whether its file has arrived sends it again."""
    first, again = (
        outcome_of(State.ACCEPTED, {"etag": "a", "last_modified": at}, is_adopted=is_adopted)
        for at in "tu"
    )

    assert (first == again) is same
