"""An upload as an earlier version of Hoist kept it, and what it is in the table of today. Pure.

That version kept all of an owner's uploads in one partition (`pk` `owner#{owner}`), under a local
index `by_state`. It remembered in `told` of which state the owner was notified. Must not know how
items are read or written.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib import items
from chalicelib.transitions import outcome_of
from chalicelib.upload import FREE, OUTCOMES, State, Upload

# The local index that tells a table of that version from all others.
INDEX = "by_state"
# What is copied: uploads, and whom to email. All else is made anew, or lives a day at most.
UPLOAD = "upload#"
EMAIL = "email"


def upload_of(item: Mapping[str, Any], *, now: datetime) -> Upload:
    """The upload that an item is; the sweep looks at it from `now` on, unless all is done.

    What takes its owner's quota today is charged, whether or not that version did so.
    """
    upload = items.upload_of(item)
    is_settled = upload.state in OUTCOMES
    about = upload.report or upload.id
    outcome = outcome_of(upload.state, about, is_adopted=upload.is_adopted) if is_settled else None
    is_notified = item.get("told", {}).get("S") == upload.state
    kept = upload.size if upload.charged is None else upload.charged
    charged = None if upload.state in FREE else kept
    # What was not charged may have no object: the sweep finds out.
    is_at_rest = is_notified and charged in (None, upload.charged)
    return replace(
        upload,
        charged=charged,
        outcome=outcome,
        notified=outcome if is_notified else None,
        check_at=None if is_at_rest or upload.state is State.ABORTED else now,
        report=None if upload.state is State.ABORTED else upload.report,
        # There it was who notifies that held a settled upload.
        holder=None if is_settled else upload.holder,
        held_until=None if is_settled else upload.held_until,
        version=0,
    )


def object_key(owner: str, key: str) -> dict[str, Any]:
    """The key of the item that named the upload an object was adopted as."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    return {"pk": {"S": f"owner#{owner}"}, "sk": {"S": f"object#{digest}"}}


def is_upload(item: Mapping[str, Any], now: datetime) -> bool:
    """Whether an item is an upload whose time to live is not over."""
    due = "expires" in item and int(item["expires"]["N"]) <= now.timestamp()
    return str(item["sk"]["S"]).startswith(UPLOAD) and not due
