"""Converts an upload's item of an earlier version of Hoist into an upload. Pure.

That version stored all uploads of an owner in one partition (`pk` `owner#{owner}`) with a local
index `by_state`. Its attribute for the state that the owner was notified of has another name. Must
not know how items are read or written.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib import items
from chalicelib.transitions import outcome_of
from chalicelib.upload import FREE, OUTCOMES, State, Upload

# Only a table of that version has this local index.
INDEX = "by_state"
# Uploads and email settings are copied. Other items are created again, or live a day at most.
UPLOAD = "upload#"
EMAIL = "email"


def upload_of(item: Mapping[str, Any], *, now: datetime) -> Upload:
    """The upload of an item; the sweep checks it from `now` on, unless nothing remains to be done.

    An upload that counts against the quota today is charged, even if that version did not charge
    it.
    """
    upload = items.upload_of(item)
    is_settled = upload.state in OUTCOMES
    about = upload.report or upload.id
    outcome = outcome_of(upload.state, about, is_adopted=upload.is_adopted) if is_settled else None
    is_notified = item.get("told", {}).get("S") == upload.state
    size = upload.size if upload.charged is None else upload.charged
    charged = None if upload.state in FREE else size
    # An upload that was not charged may have no object: the sweep finds out.
    is_at_rest = is_notified and charged in (None, upload.charged)
    return replace(
        upload,
        charged=charged,
        outcome=outcome,
        notified=outcome if is_notified else None,
        check_at=None if is_at_rest or upload.state is State.ABORTED else now,
        report=None if upload.state is State.ABORTED else upload.report,
        # In that version the notifier held an upload that has an outcome.
        holder=None if is_settled else upload.holder,
        held_until=None if is_settled else upload.held_until,
        version=0,
    )


def object_key(owner: str, key: str) -> dict[str, Any]:
    """The key of the item that names the upload of an adopted object."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    return {"pk": {"S": f"owner#{owner}"}, "sk": {"S": f"object#{digest}"}}


def is_upload(item: Mapping[str, Any], now: datetime) -> bool:
    """Whether an item is an upload that has not expired."""
    expired = "expires" in item and int(item["expires"]["N"]) <= now.timestamp()
    return str(item["sk"]["S"]).startswith(UPLOAD) and not expired
