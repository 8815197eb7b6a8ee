"""Which change may follow which: the life of an upload as pure decisions. Pure.

Each function takes an upload as it was read and returns the attributes to write; the table writes
them only if nobody has written in between, and asks again otherwise. Raises WrongState where the
change does not fit. Must not know how an upload is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.errors import WrongState
from chalicelib.upload import CHECK_AFTER, OUTCOMES, State, Upload

if TYPE_CHECKING:
    # The API has no use for it, and a cold start pays for each import.
    from chalicelib.records import Failure

Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """What an invocation (`holder`) takes an upload with, to process it for one event.

    `charged` are the bytes of the object that is there, None where there is no room for them or no
    object; `fingerprint` names it.
    """

    sequencer: str
    holder: str
    until: datetime
    charged: int | None
    fingerprint: str | None = None


def move(
    upload: Upload,
    *,
    to: State,
    allowed: Collection[State],
    held_by: str | None = None,
    unchanged_since: int | None = None,
    **attributes: Any,
) -> Attributes:
    """To a state from one of the `allowed`; with `held_by`, only for the invocation that holds it.

    With `unchanged_since`, only over that version. An attribute that is None is removed. What
    becomes free of charge is charged no more.
    """
    if upload.state not in allowed or held_by not in (None, upload.holder):
        raise _refused(upload)
    if unchanged_since not in (None, upload.version):
        raise _refused(upload)
    return {"state": to, "charged": upload.charge_in(to), **attributes}


def claim(upload: Upload, by: Claim, *, now: datetime) -> Attributes:
    """To processing for one event, held by one invocation until a time at most.

    Sequencers are padded to one length. Refused when a newer event was processed already, when this
    one was and did not fail, and while another invocation is at it.
    """
    if upload.state is State.ABORTED:
        raise _refused(upload)
    if upload.sequencer is not None and by.sequencer <= upload.sequencer:
        is_again = upload.state in (State.UPLOADED, State.FAILED) or (
            upload.state is State.PROCESSING
            and _is_free(upload.holder, upload.held_until, by.holder, now)
        )
        if by.sequencer < upload.sequencer or not is_again:
            raise _refused(upload)
    return {
        "state": State.PROCESSING,
        "sequencer": by.sequencer,
        "holder": by.holder,
        "held_until": by.until,
        "charged": by.charged,
        "fingerprint": by.fingerprint,
        "outcome": None,
        # The event that failed before is older: the sweep must not send it in the place of this.
        "event": None,
        "check_at": upload.check_at or now + CHECK_AFTER,
    }


def settle(
    upload: Upload,
    *,
    to: State,
    outcome: str,
    holder: str | None,
    **attributes: Any,
) -> Attributes:
    """To an outcome, by the invocation that processes the upload (`holder`)."""
    return {
        **move(upload, to=to, allowed={State.PROCESSING}, held_by=holder, **attributes),
        "outcome": outcome,
        "holder": None,
        "held_until": None,
        "event": None,
    }


def fail(upload: Upload, failure: Failure) -> Attributes:
    """To failed, unless it is settled or another invocation than the one that gave up is at it.

    What failed is kept, so it is charged: as it was claimed, or the size that the event tells.
    Refused where it was claimed without a charge, as an object is for which there is no room: the
    sweep sends it again, to be rejected.
    """
    is_claimed = upload.state is State.PROCESSING
    if is_claimed and (upload.holder != failure.request_id or upload.charged is None):
        raise _refused(upload)
    return {
        **move(
            upload, to=State.FAILED, allowed={State.UPLOADING, State.UPLOADED, State.PROCESSING}
        ),
        "charged": upload.charged if is_claimed else failure.created.size,
        "outcome": outcome_of(State.FAILED, failure.request_id, is_adopted=upload.is_adopted),
        "reason": failure.reason,
        "report": None,
        # It may have given up before it looked at the object.
        "fingerprint": upload.fingerprint if is_claimed else None,
        "event": failure.created.event,
        "holder": None,
        "held_until": None,
        # Its tag does not say so yet, and who notifies cannot write it.
        "check_at": upload.check_at or upload.updated_at,
    }


def begin_notifying(upload: Upload, *, holder: str, until: datetime, now: datetime) -> Attributes:
    """Hold an outcome that its owner was not notified of."""
    is_due = upload.state in OUTCOMES and upload.outcome != upload.notified
    if not is_due or not _is_free(upload.notifier, upload.notifying_until, holder, now):
        raise _refused(upload)
    return {"notifier": holder, "notifying_until": until}


def end_notifying(
    upload: Upload, *, holder: str, notified: str | None, is_done: bool
) -> Attributes:
    """Let go of it; `notified` is the outcome of which its owner was notified, if of any.

    `is_done` says that nothing else is left to do about that outcome.
    """
    if upload.notifier != holder:
        raise _refused(upload)
    ended: Attributes = {"notifier": None, "notifying_until": None}
    if notified is None:
        return ended
    if is_done and upload.outcome == notified and upload.deletion_began_at is None:
        ended["check_at"] = None
    return {**ended, "notified": notified}


def outcome_of(state: State, about: Mapping[str, Any] | str, *, is_adopted: bool) -> str:
    """The name of an outcome: the same where one object is checked twice and found the same.

    `about` is the report of an object, or the request that failed. A client that does not know
    whether its file has arrived sends it again, and its owner need not hear of that twice. Who
    chooses a key writes it again on purpose: there the time of the object is a part of the name.
    """
    if isinstance(about, str):
        return f"{state}:{about}"
    names = ("etag", "crc64nvme", *(["last_modified"] if is_adopted else []), "size")
    return ":".join([state, *(str(about.get(name)) for name in names)])


def _is_free(holder: str | None, until: datetime | None, other: str, now: datetime) -> bool:
    """Whether another invocation may take what `holder` holds."""
    return holder in (None, other) or (until is not None and until <= now)


def _refused(upload: Upload) -> WrongState:
    return WrongState(f"The upload is {upload.state}")
