"""What an upload is: its states, its fields, the parts and the object S3 holds of it.

Values only, shared by the use cases and the adapters. Must not know how they are stored or sent.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from chalicelib import keys, parts


class State(StrEnum):
    """Where an upload stands: uploading → uploaded → processing → one of the outcomes; aborted."""

    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    PROCESSING = "processing"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    ABORTED = "aborted"


UNSETTLED = frozenset({State.UPLOADING, State.UPLOADED, State.PROCESSING})
OUTCOMES = frozenset({State.ACCEPTED, State.REJECTED, State.FAILED})
# States in which S3 deletes the object, or has done so: it takes nothing of its owner's quota.
FREE = frozenset({State.REJECTED, State.ABORTED})
# The row of an aborted upload outlives every presigned URL, so that the object of a late PUT is
# recognised and deleted.
ABORTED_KEPT = timedelta(days=7)
# A rejected upload outlives its object, which the lifecycle rule deletes a day or two late.
REJECTED_KEPT_LONGER = timedelta(days=7)
# The sweep looks at an upload this long after it was made, unless all is done by then.
CHECK_AFTER = timedelta(hours=1)
# Hexadecimal digits: they tell one object from another, not from one that somebody has forged.
FINGERPRINT_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file on its way, or there; `multipart_id` is S3's upload id, absent for a single PUT."""

    id: str
    owner: str
    filename: str
    size: int
    content_type: str
    key: str
    state: State
    part_size: int
    part_count: int
    created_at: datetime
    updated_at: datetime
    multipart_id: str | None = None
    crc64nvme: str | None = None
    report: Mapping[str, Any] | None = None
    reason: str | None = None
    # Names the outcome it has: its state, and the object or the invocation that it is about.
    outcome: str | None = None
    # The outcome that its owner was last notified of.
    notified: str | None = None
    # Names the object that it was last processed for, as far as a listing tells objects apart.
    fingerprint: str | None = None
    # The order, among events of its key, of the event that it was last processed for.
    sequencer: str | None = None
    # The invocation that processes it, and until when at the latest.
    holder: str | None = None
    held_until: datetime | None = None
    # The invocation that is about to notify its owner, and until when at the latest.
    notifier: str | None = None
    notifying_until: datetime | None = None
    # When its owner began to delete it; its object may be gone already.
    deletion_began_at: datetime | None = None
    # When the sweep looks at it, unless all is done by then; None once nothing is left to do.
    check_at: datetime | None = None
    # How often its item was written: who writes it says which version they read.
    version: int = 0
    # The S3 event that failed, to be sent again.
    event: Mapping[str, Any] | None = None
    # Bytes of its owner's quota that it takes; None while it takes none, not even a file's place.
    charged: int | None = None

    @property
    def is_adopted(self) -> bool:
        """Whether its owner chose the key: nobody said beforehand what would come under it."""
        name = keys.parse_key(self.key)
        return name is None or name.upload_id != self.id

    @property
    def plan(self) -> parts.PartPlan:
        """How it is cut; settled when it was created, whatever the settings say today."""
        strategy: parts.Strategy = "multipart" if self.multipart_id else "put"
        return parts.PartPlan(strategy, self.size, self.part_size, self.part_count)

    def charge_in(self, state: State) -> int | None:
        """Bytes of its owner's quota that it takes once it is in a state; None for nothing."""
        return None if state in FREE else self.charged

    @property
    def log_fields(self) -> dict[str, Any]:
        """What a log line about it carries."""
        return {
            "owner": self.owner,
            "upload_id": self.id,
            "key": self.key,
            "state": self.state.value,
        }

    def document(self) -> dict[str, Any]:
        """The upload as the API and the pages see it."""
        document: dict[str, Any] = {
            "id": self.id,
            "filename": self.filename,
            "size": self.size,
            "content_type": self.content_type,
            "key": self.key,
            "state": self.state.value,
            "created_at": written(self.created_at),
            "updated_at": written(self.updated_at),
        }
        if self.report is not None:
            document["report"] = dict(self.report)
        if self.reason is not None:
            document["reason"] = self.reason
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A file that a client is about to send, as it says; sizes in bytes, the checksum in base64."""

    filename: str
    size: int
    content_type: str | None = None
    crc64nvme: str | None = None
    idempotency_key: str | None = None
    strategy: str | None = None


@dataclass(frozen=True, slots=True)
class NewUpload:
    """An upload that is about to be remembered, and the key it can be asked for again by."""

    upload: Upload
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part as ListParts reports it; `size` in bytes, `crc64nvme` base64 where S3 tells it."""

    number: int
    size: int
    etag: str
    crc64nvme: str | None = None

    def document(self) -> dict[str, Any]:
        """The part as JSON."""
        document: dict[str, Any] = {"number": self.number, "size": self.size, "etag": self.etag}
        return document | ({"crc64nvme": self.crc64nvme} if self.crc64nvme else {})


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as HeadObject reports it; S3 tells `last_modified` in whole seconds."""

    size: int
    etag: str
    crc64nvme: str | None
    content_type: str
    last_modified: datetime | None = None
    content_encoding: str = ""
    # Why S3 does not let its bytes be read, in a sentence; None where it does.
    unreadable: str | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What tells this object from another one under its key, as reports hold it.

        An ETag alone does not: it may be an MD5, and two files can share one.
        """
        return {
            "size": self.size,
            "etag": self.etag,
            "crc64nvme": self.crc64nvme,
            "last_modified": written(self.last_modified) if self.last_modified else None,
        }

    @property
    def fingerprint(self) -> str | None:
        """A short name of this object, of what a listing tells too; None where S3 tells nothing."""
        if not self.etag:
            return None
        text = f"{self.size} {self.etag} {self.last_modified}"
        return sha256(text.encode()).hexdigest()[:FINGERPRINT_LENGTH]

    def is_reported_by(self, report: Mapping[str, Any] | None) -> bool:
        """Whether a report is about this object and no other that had its key."""
        return report is not None and all(
            report.get(name) == value
            for name, value in self.identity.items()
            # A report of an earlier version of Hoist has no time.
            if name != "last_modified" or name in report
        )


def adopted(key: keys.ObjectKey, *, size: int, content_type: str, now: datetime) -> Upload:
    """A new upload of an object that came without one, as temporary credentials allow."""
    return Upload(
        id=keys.new_upload_id(now, os.urandom(10)),
        owner=key.owner,
        filename=key.filename,
        size=size,
        content_type=content_type,
        key=str(key),
        state=State.UPLOADED,
        part_size=size,
        part_count=1,
        created_at=now,
        updated_at=now,
        charged=size,
        check_at=now + CHECK_AFTER,
    )


def expires_in(state: State, *, rejected_days: int) -> timedelta | None:
    """How long a row is kept once its upload is in a state; None for always.

    A charged upload never expires: its owner's sums would keep the charge for ever.
    """
    kept = {
        State.ABORTED: ABORTED_KEPT,
        State.REJECTED: timedelta(days=rejected_days) + REJECTED_KEPT_LONGER,
    }
    return kept.get(state)


def written(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds, so that texts sort as times do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def differs(declared: str | None, stored: str | None) -> bool:
    """Whether two checksums are known and not the same.

    S3 keeps a CRC64NVME of every object; a server that has none leaves nothing to compare.
    """
    return declared is not None and stored is not None and declared != stored
