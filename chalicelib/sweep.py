"""Finds what events have lost, and brings it to its end: one run of the scheduled function `sweep`.

It looks at the uploads that are due to be checked: those under way for an hour, those left behind
in a passing state, those whose owner was not notified, those whose tag nobody has written. Then it
walks through the bucket, a part of it each time, and compares every object with its upload.
Everything it does can be repeated. Must not know SNS, HTTP or how Lambda is invoked.
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
from chalicelib.upload import CHECK_AFTER, OUTCOMES, State, StoredObject, Upload, written

log = logging.getLogger(__name__)

# An upload that nobody completed is given up this long after S3 has dropped its parts.
ABANDONED_AFTER = timedelta(days=2)
# Kept of an invocation's time, to note how far it came.
RESERVE = timedelta(seconds=30)


class Found(StrEnum):
    """What a sweep repairs, each a metric of its own."""

    LOST_EVENT = "SweepLostEvents"
    LEFT_BEHIND = "SweepLeftBehind"
    NOT_NOTIFIED = "SweepNotNotified"
    WRONG_TAG = "SweepWrongTags"
    WITHOUT_UPLOAD = "SweepObjectsWithoutUpload"
    DELETED = "SweepDeleted"
    ABANDONED = "SweepAbandoned"


# What no sweep would find if nothing went wrong; owners leave the rest behind.
REPAIRS = frozenset(Found) - {Found.DELETED, Found.ABANDONED}


@dataclass(frozen=True, slots=True)
class Sweep:
    """What `sweep` does; `invoke` sends an event to `process_upload`, `now` is the clock (UTC)."""

    settings: Settings
    storage: BucketListing
    table: SweptRows
    notifier: OwnerNotices
    invoke: Callable[[Mapping[str, Any]], object]
    now: Callable[[], datetime]
    wait: Callable[[float], None]

    def run(self, invocation: Invocation) -> dict[str, int]:
        """One sweep, for as long as the invocation has time; returns what it found."""
        work = replace(
            self,
            storage=patient(self.storage, invocation, self.wait),
            table=patient(self.table, invocation, self.wait),
        )
        found = work.sweep(invocation)
        counted = {each.value: count for each, count in found.items()}
        repaired = sum(found[each] for each in REPAIRS)
        metrics = counted | ({"SweepRepaired": repaired} if repaired else {})
        log.info("swept", extra={"found": counted} | ({"metrics": metrics} if metrics else {}))
        return counted

    def sweep(self, invocation: Invocation) -> Counter[Found]:
        """`run`, with ports that wait out what throttles; counts what it found."""
        found: Counter[Found] = Counter()
        for upload in self.table.to_check():
            if is_over(invocation, but=RESERVE):
                break
            with _one_of_many(upload.log_fields):
                self._note(found, self.check(upload, invocation), upload.log_fields)
        cursor = self._walk(found, invocation)
        self.table.keep_sweep(cursor=cursor, at=written(self.now()), found=json.dumps(found))
        return found

    def check(self, upload: Upload, invocation: Invocation) -> Found | None:
        """Bring one upload to its end; returns what was wrong, None when nothing was.

        An upload at which somebody else may still be is looked at again later.
        """
        if upload.state is State.UPLOADING:
            return self._check_uploading(upload)
        if upload.state in (State.UPLOADED, State.PROCESSING):
            return self._check_passing(upload)
        if upload.state is State.ABORTED:
            return self._check_aborted(upload)
        return self._check_settled(upload, invocation)

    def _check_uploading(self, upload: Upload) -> Found | None:
        found = self.storage.head(upload.key)
        if found is not None:
            return self._send(upload, Found.LOST_EVENT, size=found.size)
        given_up = upload.created_at + timedelta(days=self.settings.upload_days) + ABANDONED_AFTER
        now = self.now()
        if now < given_up:
            # Twice as late each time, for an upload may take days.
            self._look_again(upload, min(given_up - now, max(CHECK_AFTER, now - upload.created_at)))
            return None
        if upload.multipart_id is not None:
            self.storage.abort(upload.key, upload.multipart_id)
        self._abort(upload)
        return Found.ABANDONED

    def _check_passing(self, upload: Upload) -> Found | None:
        is_held = upload.held_until is not None and upload.held_until > self.now()
        if is_held or self.now() - upload.updated_at < CHECK_AFTER:
            self._look_again(upload, CHECK_AFTER)
            return None
        return self._send(upload, Found.LEFT_BEHIND, size=upload.size)

    def _check_aborted(self, upload: Upload) -> Found | None:
        """What comes under the key of an announced upload goes; another one is a new upload's."""
        if not upload.is_adopted:
            self.storage.delete(upload.key)
        self.table.rest(upload)
        return Found.DELETED

    def _check_settled(self, upload: Upload, invocation: Invocation) -> Found | None:
        found = self.storage.head(upload.key)
        if found is None and upload.charged is not None:
            # Its owner deleted it, and the request ended half way.
            self._abort(upload)
            return Found.DELETED
        repaired = None
        if found is not None:
            is_reported = upload.report is None or found.is_reported_by(upload.report)
            if not (is_reported and _is_about(upload, found)):
                return self._send(upload, Found.LOST_EVENT, size=found.size)
            repaired = self._check_tag(upload)
        if upload.outcome != upload.notified:
            self.notifier.notify_owner(Outcome(upload.owner, upload.id, upload.state), invocation)
            return Found.NOT_NOTIFIED
        began = upload.deletion_began_at
        if began is not None and self.now() - began < CHECK_AFTER:
            # The request may still be running, and delete the object after this check.
            self._look_again(upload, CHECK_AFTER)
        else:
            self.table.rest(upload)
        return repaired

    def _abort(self, upload: Upload) -> None:
        """To aborted, unless anything has happened to it since it was read."""
        self.table.change(
            upload,
            to=State.ABORTED,
            allowed={upload.state},
            unchanged_since=upload.version,
            check_at=None,
            report=None,
        )

    def _check_tag(self, upload: Upload) -> Found | None:
        if self.storage.state_tag(upload.key) == upload.state:
            return None
        state_tag.follow(self.storage, self.table, upload)
        return Found.WRONG_TAG

    def _send(self, upload: Upload, found: Found, *, size: int) -> Found:
        """Send an event of its object; what comes of it is looked at an hour later.

        Not the event that failed, which may be of an older object.
        """
        upload = replace(upload, event=None, size=size)
        self.invoke(event_again(upload, self.settings.bucket))
        self._look_again(upload, CHECK_AFTER)
        return found

    def _look_again(self, upload: Upload, after: timedelta) -> None:
        self.table.check_again(upload, self.now() + after)

    # --- The walk through the bucket -------------------------------------------------------------

    def _walk(self, found: Counter[Found], invocation: Invocation) -> str:
        """Compare objects with their uploads; returns where the next sweep begins."""
        after = self.table.sweep().get("cursor", "")
        for key, listed in self.storage.list_objects(keys.PREFIX, after=after):
            if is_over(invocation, but=RESERVE):
                return after
            with _one_of_many({"key": key}):
                self._note(found, self._check_object(key, listed), {"key": key})
            after = key
        return ""

    def _check_object(self, key: str, listed: StoredObject) -> Found | None:
        name = keys.parse_key(key)
        if name is None:
            self.storage.delete(key)
            return Found.DELETED
        if listed.last_modified is not None and self.now() - listed.last_modified < CHECK_AFTER:
            return None
        upload = self.table.of_object(name)
        if upload is None:
            sequencer = next_sequencer(None)
            self.invoke(
                event_of(key, bucket=self.settings.bucket, size=listed.size, sequencer=sequencer)
            )
            return Found.WITHOUT_UPLOAD
        return self._compare(upload, listed)

    def _compare(self, upload: Upload, listed: StoredObject) -> Found | None:
        """An object and its upload, unless somebody is at it."""
        if upload.state is State.ABORTED:
            self.storage.delete(upload.key)
            return Found.DELETED
        if upload.state not in OUTCOMES or self.now() - upload.updated_at < CHECK_AFTER:
            return None
        if not _is_about(upload, listed):
            return self._send(upload, Found.LOST_EVENT, size=listed.size)
        return self._check_tag(upload)

    def _note(self, found: Counter[Found], repaired: Found | None, fields: dict[str, Any]) -> None:
        if repaired is not None:
            found[repaired] += 1
            log.warning("repaired", extra=fields | {"found": repaired.value})


@contextmanager
def _one_of_many(fields: dict[str, Any]) -> Iterator[None]:
    """Whatever is the matter with one of them, the sweep comes to the others."""
    try:
        yield
    except (WrongState, UploadNotFound, TryAgain) as error:
        # Somebody else is at it. It stays due, so the next sweep looks again.
        log.info("not checked", extra=fields | {"reason": str(error)})
    except Exception:
        log.exception("not checked", extra=fields)


def event_again(upload: Upload, bucket: str) -> Mapping[str, Any]:
    """The event that failed; where none did, one that says the same of an upload's object."""
    if upload.event is not None:
        return upload.event
    is_settled = upload.state in (State.ACCEPTED, State.REJECTED)
    sequencer = (
        next_sequencer(upload.sequencer)
        if is_settled or upload.sequencer is None
        else upload.sequencer
    )
    return event_of(upload.key, bucket=bucket, size=upload.size, sequencer=sequencer)


def _is_about(upload: Upload, found: StoredObject) -> bool:
    """Whether the outcome of an upload is about an object, as far as a listing tells objects apart.

    Uploads of an earlier version have no fingerprint, and a report of an object that nobody can
    read has no ETag. A failed upload must be charged the size of its object; the size that was
    charged may come from the event of an older object.
    """
    is_readable = found.unreadable is None
    if upload.state is State.FAILED and is_readable and upload.charged != found.size:
        return False
    if upload.fingerprint is not None:
        return upload.fingerprint == found.fingerprint
    report = upload.report or {}
    return not report.get("etag") or (report["etag"], report.get("size")) == (
        found.etag,
        found.size,
    )
