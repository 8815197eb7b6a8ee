"""Which change of an upload may follow which, as pure decisions.

Each function takes the current upload and returns the attributes to write. The table writes them
only if nobody else has written since it read the upload; otherwise it reads again and decides
again. Raises WrongState where the change does not fit. Must not know how an upload is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.errors import WrongState
from chalicelib.upload import CHECK_AFTER, OUTCOMES, State, Upload

if TYPE_CHECKING:
    # Only for types: the API does not need it, and a cold start pays for each import.
    from chalicelib.records import Failure

Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """An invocation's claim (`holder`) to process an upload for one event, until a time at most.

    `charged` is the size of the object in bytes, None without an object or without room for it.
    `fingerprint` names the object.
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
    """Move to a state from one of the `allowed`; with `held_by`, only for the holder of its claim.

    With `unchanged_since`, only from that version. An attribute that is None is removed.
    """
    if upload.state not in allowed or held_by not in (None, upload.holder):
        raise _refused(upload)
    if unchanged_since not in (None, upload.version):
        raise _refused(upload)
    return {"state": to, "charged": upload.charge_in(to), **attributes}


def claim(upload: Upload, by: Claim, *, now: datetime) -> Attributes:
    """Move to processing, for one event and one invocation.

    Refused when a newer event was processed, when this one was and did not fail, and while another
    invocation holds the claim. Sequencers are padded to one length.
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
        # An event that failed earlier is older: the sweep must not send it instead of this one.
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
    """Move to an outcome, by the invocation that processes the upload (`holder`)."""
    return {
        **move(upload, to=to, allowed={State.PROCESSING}, held_by=holder, **attributes),
        "outcome": outcome,
        "holder": None,
        "held_until": None,
        "event": None,
    }


def fail(upload: Upload, failure: Failure) -> Attributes:
    """Move to failed, unless it is settled, or claimed by another invocation than the failed one.

    S3 keeps the object of a failed upload, so it is charged: as claimed, or with the size in the
    event. Refused where it was claimed without a charge, because there was no room: the sweep
    sends that event again, and the upload is rejected.
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
        # It may have failed before it looked at the object.
        "fingerprint": upload.fingerprint if is_claimed else None,
        "event": failure.created.event,
        "holder": None,
        "held_until": None,
        # The object's tag does not say so yet, and `notify` has no right to write it.
        "check_at": upload.check_at or upload.updated_at,
    }


def begin_notifying(upload: Upload, *, holder: str, until: datetime, now: datetime) -> Attributes:
    """Claim the right to notify the owner of an outcome, unless that was done."""
    is_due = upload.state in OUTCOMES and upload.outcome != upload.notified
    if not is_due or not _is_free(upload.notifier, upload.notifying_until, holder, now):
        raise _refused(upload)
    return {"notifier": holder, "notifying_until": until}


def end_notifying(
    upload: Upload, *, holder: str, notified: str | None, is_done: bool
) -> Attributes:
    """Release that claim; `notified` is the outcome that its owner was notified of, if any.

    `is_done` says that the sweep need not check that outcome.
    """
    if upload.notifier != holder:
        raise _refused(upload)
    attributes: Attributes = {"notifier": None, "notifying_until": None}
    if notified is None:
        return attributes
    if is_done and upload.outcome == notified and upload.deletion_began_at is None:
        attributes["check_at"] = None
    return {**attributes, "notified": notified}


def outcome_of(state: State, about: Mapping[str, Any] | str, *, is_adopted: bool) -> str:
    """The name of an outcome: the same for the same object with the same result.

    `about` is the report of an object, or the id of the failed request. A client that does not know
    whether its file has arrived sends it again; its owner is notified only once. An owner who
    chooses keys overwrites an object on purpose: there the name includes the object's time.
    """
    if isinstance(about, str):
        return f"{state}:{about}"
    names = ("etag", "crc64nvme", *(["last_modified"] if is_adopted else []), "size")
    return ":".join([state, *(str(about.get(name)) for name in names)])


def _is_free(holder: str | None, until: datetime | None, other: str, now: datetime) -> bool:
    """Whether another invocation may take over the claim of `holder`."""
    return holder in (None, other) or (until is not None and until <= now)


def _refused(upload: Upload) -> WrongState:
    return WrongState(f"The upload is {upload.state}")
