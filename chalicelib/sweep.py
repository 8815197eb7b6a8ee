"""Repairs uploads whose events were lost: one run of the scheduled function `sweep`.

First it checks the uploads that are due: in progress for an hour, stuck in a passing state, without
a notification of their owner, or with a missing tag. Then it walks through a part of the bucket and
compares each object with its upload. All its steps are safe to repeat. Must not know SNS, HTTP or
how Lambda is invoked.
"""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chalicelib import keys, state_tag
from chalicelib.config import Settings
from chalicelib.errors import TryAgain, UploadNotFound, WrongState
from chalicelib.patience import is_over, patient
from chalicelib.ports import BucketListing, Invocation, OwnerNotices, SweptRows
from chalicelib.records import Outcome, event_of, next_sequencer
from chalicelib.upload import CHECK_AFTER, OUTCOMES, State, StoredObject, Upload, iso_time

log = logging.getLogger(__name__)

# An incomplete upload is aborted this long after S3 has deleted its parts.
ABANDONED_AFTER = timedelta(days=2)
# The reserve of an invocation's time, to store how far the sweep came.
RESERVE = timedelta(seconds=30)


class Repair(StrEnum):
    """The repairs of a sweep; each value is the name of its metric."""

    LOST_EVENT = "SweepLostEvents"
    LEFT_BEHIND = "SweepLeftBehind"
    NOT_NOTIFIED = "SweepNotNotified"
    WRONG_TAG = "SweepWrongTags"
    WITHOUT_UPLOAD = "SweepObjectsWithoutUpload"
    DELETED = "SweepDeleted"
    ABANDONED = "SweepAbandoned"


# Repairs that raise an alarm: they mean a fault. The others follow from what owners do.
ALARMING = frozenset(Repair) - {Repair.DELETED, Repair.ABANDONED}


@dataclass(frozen=True, slots=True)
class Sweep:
    """The use case of `sweep`; `invoke` sends an event to `process_upload`, `now` is UTC."""

    settings: Settings
    storage: BucketListing
    table: SweptRows
    notifier: OwnerNotices
    invoke: Callable[[Mapping[str, Any]], object]
    now: Callable[[], datetime]
    wait: Callable[[float], None]

    def run(self, invocation: Invocation) -> dict[str, int]:
        """One sweep, for as long as the invocation has time; returns its repairs by metric."""
        work = replace(
            self,
            storage=patient(self.storage, invocation, self.wait),
            table=patient(self.table, invocation, self.wait),
        )
        repairs = work.sweep(invocation)
        counts = {repair.value: count for repair, count in repairs.items()}
        alarming = sum(repairs[repair] for repair in ALARMING)
        metrics = counts | ({"SweepRepaired": alarming} if alarming else {})
        log.info("swept", extra={"repairs": counts} | ({"metrics": metrics} if metrics else {}))
        return counts

    def sweep(self, invocation: Invocation) -> Counter[Repair]:
        """`run`, with ports that retry throttled calls; returns the number of each repair."""
        repairs: Counter[Repair] = Counter()
        for upload in self.table.to_check():
            if is_over(invocation, but=RESERVE):
                break
            with _one_of_many(upload.log_fields):
                self._count(repairs, self.check(upload, invocation), upload.log_fields)
        cursor = self._walk(repairs, invocation)
        self.table.keep_sweep(cursor=cursor, at=iso_time(self.now()), found=json.dumps(repairs))
        return repairs

    def check(self, upload: Upload, invocation: Invocation) -> Repair | None:
        """Check one upload and repair it; returns the repair, None where none was needed.

        An upload that a request or invocation may still work on is checked again later.
        """
        if upload.state is State.UPLOADING:
            return self._check_uploading(upload)
        if upload.state in (State.UPLOADED, State.PROCESSING):
            return self._check_passing(upload)
        if upload.state is State.ABORTED:
            return self._check_aborted(upload)
        return self._check_settled(upload, invocation)

    def _check_uploading(self, upload: Upload) -> Repair | None:
        current = self.storage.head(upload.key)
        if current is not None:
            return self._send(upload, Repair.LOST_EVENT, size=current.size)
        abandoned_at = (
            upload.created_at + timedelta(days=self.settings.upload_days) + ABANDONED_AFTER
        )
        now = self.now()
        if now < abandoned_at:
            # Each pause is twice as long: an upload may take days.
            pause = max(CHECK_AFTER, now - upload.created_at)
            self._check_later(upload, min(abandoned_at - now, pause))
            return None
        if upload.multipart_id is not None:
            self.storage.abort(upload.key, upload.multipart_id)
        self._abort(upload)
        return Repair.ABANDONED

    def _check_passing(self, upload: Upload) -> Repair | None:
        is_claimed = upload.held_until is not None and upload.held_until > self.now()
        if is_claimed or self.now() - upload.updated_at < CHECK_AFTER:
            self._check_later(upload, CHECK_AFTER)
            return None
        return self._send(upload, Repair.LEFT_BEHIND, size=upload.size)

    def _check_aborted(self, upload: Upload) -> Repair | None:
        """Delete an object that a late PUT has sent; that of an adopted key is a new upload."""
        if not upload.is_adopted:
            self.storage.delete(upload.key)
        self.table.rest(upload)
        return Repair.DELETED

    def _check_settled(self, upload: Upload, invocation: Invocation) -> Repair | None:
        current = self.storage.head(upload.key)
        if current is None and upload.charged is not None:
            # Its owner deleted it, and the request was cut off.
            self._abort(upload)
            return Repair.DELETED
        repair = None
        if current is not None:
            is_reported = upload.report is None or current.is_reported_by(upload.report)
            if not (is_reported and _is_about(upload, current)):
                return self._send(upload, Repair.LOST_EVENT, size=current.size)
            repair = self._check_tag(upload)
        if upload.outcome != upload.notified:
            self.notifier.notify_owner(Outcome(upload.owner, upload.id, upload.state), invocation)
            return Repair.NOT_NOTIFIED
        started = upload.deletion_began_at
        if started is not None and self.now() - started < CHECK_AFTER:
            # The request may still run, and delete the object after this check.
            self._check_later(upload, CHECK_AFTER)
        else:
            self.table.rest(upload)
        return repair

    def _abort(self, upload: Upload) -> None:
        """Move it to aborted, unless it has changed since it was read."""
        self.table.change(
            upload,
            to=State.ABORTED,
            allowed={upload.state},
            unchanged_since=upload.version,
            check_at=None,
            report=None,
        )

    def _check_tag(self, upload: Upload) -> Repair | None:
        if self.storage.state_tag(upload.key) == upload.state:
            return None
        state_tag.follow(self.storage, self.table, upload)
        return Repair.WRONG_TAG

    def _send(self, upload: Upload, repair: Repair, *, size: int) -> Repair:
        """Send an event of its current object, and check the upload again an hour later.

        The event whose processing failed is not sent: it may be of an older object.
        """
        upload = replace(upload, event=None, size=size)
        self.invoke(event_again(upload, self.settings.bucket))
        self._check_later(upload, CHECK_AFTER)
        return repair

    def _check_later(self, upload: Upload, after: timedelta) -> None:
        self.table.check_again(upload, self.now() + after)

    # --- The walk through the bucket -------------------------------------------------------------

    def _walk(self, repairs: Counter[Repair], invocation: Invocation) -> str:
        """Compare objects with their uploads; returns the key after which the next sweep starts."""
        after = self.table.sweep().get("cursor", "")
        for key, listed in self.storage.list_objects(keys.PREFIX, after=after):
            if is_over(invocation, but=RESERVE):
                return after
            with _one_of_many({"key": key}):
                self._count(repairs, self._check_object(key, listed), {"key": key})
            after = key
        return ""

    def _check_object(self, key: str, listed: StoredObject) -> Repair | None:
        name = keys.parse_key(key)
        if name is None:
            self.storage.delete(key)
            return Repair.DELETED
        if listed.last_modified is not None and self.now() - listed.last_modified < CHECK_AFTER:
            return None
        upload = self.table.of_object(name)
        if upload is None:
            sequencer = next_sequencer(None)
            self.invoke(
                event_of(key, bucket=self.settings.bucket, size=listed.size, sequencer=sequencer)
            )
            return Repair.WITHOUT_UPLOAD
        return self._compare(upload, listed)

    def _compare(self, upload: Upload, listed: StoredObject) -> Repair | None:
        """Compare an object with its upload, unless an invocation may work on it."""
        if upload.state is State.ABORTED:
            self.storage.delete(upload.key)
            return Repair.DELETED
        if upload.state not in OUTCOMES or self.now() - upload.updated_at < CHECK_AFTER:
            return None
        if not _is_about(upload, listed):
            return self._send(upload, Repair.LOST_EVENT, size=listed.size)
        return self._check_tag(upload)

    def _count(
        self, repairs: Counter[Repair], repair: Repair | None, fields: dict[str, Any]
    ) -> None:
        if repair is not None:
            repairs[repair] += 1
            log.warning("repaired", extra=fields | {"repair": repair.value})


@contextmanager
def _one_of_many(fields: dict[str, Any]) -> Iterator[None]:
    """Log the failure of one check, so that the sweep continues with the others."""
    try:
        yield
    except (WrongState, UploadNotFound, TryAgain) as error:
        # Another request works on it. It stays due for the next sweep.
        log.info("not checked", extra=fields | {"reason": str(error)})
    except Exception:
        log.exception("not checked", extra=fields)


def event_again(upload: Upload, bucket: str) -> Mapping[str, Any]:
    """The event whose processing failed; without one, a new event of the upload's object."""
    if upload.event is not None:
        return upload.event
    is_settled = upload.state in (State.ACCEPTED, State.REJECTED)
    sequencer = (
        next_sequencer(upload.sequencer)
        if is_settled or upload.sequencer is None
        else upload.sequencer
    )
    return event_of(upload.key, bucket=bucket, size=upload.size, sequencer=sequencer)


def _is_about(upload: Upload, current: StoredObject) -> bool:
    """Whether the outcome of an upload is about an object, by the values that a listing has.

    Uploads of an earlier version of Hoist have no fingerprint. A report of an unreadable object has
    no ETag. A failed upload must be charged the size of its object, but the charge may come from
    the event of an older object.
    """
    is_readable = current.unreadable is None
    if upload.state is State.FAILED and is_readable and upload.charged != current.size:
        return False
    if upload.fingerprint is not None:
        return upload.fingerprint == current.fingerprint
    report = upload.report or {}
    return not report.get("etag") or (report["etag"], report.get("size")) == (
        current.etag,
        current.size,
    )
