"""What an upload is: its states and fields, its parts and its object in S3, and its policy.

The policy is what an upload is charged and how long its row is kept. Values only, shared by the use
cases and the adapters. Must not know how they are stored or sent.
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
    """The state of an upload: uploading → uploaded → processing → an outcome; or aborted."""

    # Its owner sends it; it counts in the quota. S3's event, complete or delete ends it, or the
    # sweep, two days after `HOIST_UPLOAD_DAYS`.
    UPLOADING = "uploading"
    # The whole object is in the bucket, until `process_upload` claims it.
    UPLOADED = "uploaded"
    # One invocation of `process_upload` has claimed it. If that dies, Lambda's next try continues,
    # then the sweep.
    PROCESSING = "processing"
    # The object was checked and can be downloaded, until its owner deletes or overwrites it.
    ACCEPTED = "accepted"
    # The object did not pass and does not count in the quota. A lifecycle rule deletes it after
    # `RejectedDays`; the upload is deleted a week later.
    REJECTED = "rejected"
    # Processing failed three times. The object is kept and counts in the quota; `make redrive`
    # processes it again.
    FAILED = "failed"
    # Its owner deleted it, or nobody completed it. After seven days the upload is deleted. Until
    # then every object that a late URL brings is deleted too.
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
# The sweep checks an upload this long after its creation, unless it is settled by then.
CHECK_AFTER = timedelta(hours=1)
# Hexadecimal digits: enough to distinguish objects, not to withstand a forgery.
FINGERPRINT_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that is being uploaded or was; `multipart_id` is S3's upload id, None for a PUT."""

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
    # The name of its outcome: the state, and the object or the failed invocation.
    outcome: str | None = None
    # The name of the outcome that its owner was last notified of.
    notified: str | None = None
    # The name of the object that was last processed, from values that a listing has too.
    fingerprint: str | None = None
    # The order of the last processed event among the events of its key.
    sequencer: str | None = None
    # The invocation that has claimed it for processing, and the end of that claim.
    holder: str | None = None
    held_until: datetime | None = None
    # The invocation that has claimed to notify its owner, and the end of that claim.
    notifier: str | None = None
    notifying_until: datetime | None = None
    # When its owner started to delete it; its object may be deleted already.
    deletion_began_at: datetime | None = None
    # When the sweep checks it; None once it needs no check.
    check_at: datetime | None = None
    # The number of writes of its item; each write is conditional on the version that was read.
    version: int = 0
    # The S3 event whose processing failed, to be sent again.
    event: Mapping[str, Any] | None = None
    # Bytes of its owner's quota that it takes; None while it counts neither bytes nor a file.
    charged: int | None = None

    @property
    def is_adopted(self) -> bool:
        """Whether its owner chose the key, and sent the object without an announcement."""
        name = keys.parse_key(self.key)
        return name is None or name.upload_id != self.id

    @property
    def plan(self) -> parts.PartPlan:
        """Its parts, as planned when it was created; later settings do not change them."""
        strategy: parts.Strategy = "multipart" if self.multipart_id else "put"
        return parts.PartPlan(strategy, self.size, self.part_size, self.part_count)

    def charge_in(self, state: State) -> int | None:
        """Bytes of its owner's quota that it takes once it is in a state; None for nothing."""
        return None if state in FREE else self.charged

    @property
    def log_fields(self) -> dict[str, Any]:
        """The fields of a log line about it."""
        return {
            "owner": self.owner,
            "upload_id": self.id,
            "key": self.key,
            "state": self.state.value,
        }

    def document(self) -> dict[str, Any]:
        """The upload as JSON, for the API and the pages."""
        document: dict[str, Any] = {
            "id": self.id,
            "filename": self.filename,
            "size": self.size,
            "content_type": self.content_type,
            "key": self.key,
            "state": self.state.value,
            "created_at": iso_time(self.created_at),
            "updated_at": iso_time(self.updated_at),
        }
        if self.report is not None:
            document["report"] = dict(self.report)
        if self.reason is not None:
            document["reason"] = self.reason
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A file that a client is about to send; size in bytes, checksum in base64."""

    filename: str
    size: int
    content_type: str | None = None
    crc64nvme: str | None = None
    idempotency_key: str | None = None
    strategy: str | None = None


@dataclass(frozen=True, slots=True)
class NewUpload:
    """An upload that is about to be stored, and the idempotency key of its request."""

    upload: Upload
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part as ListParts reports it; `size` in bytes, `crc64nvme` in base64 if S3 has one."""

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
    """An object as HeadObject reports it; S3 reports `last_modified` in whole seconds."""

    size: int
    etag: str
    crc64nvme: str | None
    content_type: str
    last_modified: datetime | None = None
    content_encoding: str = ""
    # Why S3 refuses to return its bytes, in a sentence; None where it returns them.
    unreadable: str | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """The values that distinguish this object from others under its key, as reports have them.

        An ETag alone is not enough: it may be an MD5, and two files can share one.
        """
        return {
            "size": self.size,
            "etag": self.etag,
            "crc64nvme": self.crc64nvme,
            "last_modified": iso_time(self.last_modified) if self.last_modified else None,
        }

    @property
    def fingerprint(self) -> str | None:
        """A short name of this object, from values that a listing has too; None without an ETag."""
        if not self.etag:
            return None
        text = f"{self.size} {self.etag} {self.last_modified}"
        return sha256(text.encode()).hexdigest()[:FINGERPRINT_LENGTH]

    def is_reported_by(self, report: Mapping[str, Any] | None) -> bool:
        """Whether a report is about this object, and not about another one under its key."""
        return report is not None and all(
            report.get(name) == value
            for name, value in self.identity.items()
            # A report of an earlier version of Hoist has no time.
            if name != "last_modified" or name in report
        )


def adopted_upload(key: keys.ObjectKey, *, size: int, content_type: str, now: datetime) -> Upload:
    """A new upload of an object that nobody announced, as temporary credentials allow."""
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
    """How long the row of an upload in a state is kept; None for always.

    A charged upload never expires, because its owner's sums would keep the charge.
    """
    lifetimes = {
        State.ABORTED: ABORTED_KEPT,
        State.REJECTED: timedelta(days=rejected_days) + REJECTED_KEPT_LONGER,
    }
    return lifetimes.get(state)


def iso_time(moment: datetime) -> str:
    """A time in ISO 8601, in UTC with microseconds, so that texts sort as times do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def differs(declared: str | None, computed: str | None) -> bool:
    """Whether there are two checksums, and they differ.

    S3 computes a CRC64NVME of every object; other servers may compute none.
    """
    return declared is not None and computed is not None and declared != computed
