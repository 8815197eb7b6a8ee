"""What is done with an object once it is there: claim, verify, process, record, tag, report.

S3 tells of an object at least once, in any order, and Lambda repeats what failed, so every step can
be repeated. The table decides: an outcome is recorded first, and the object's tag follows it.
Must not know SNS or HTTP; the function's destinations decide who hears of the outcome.
"""

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib import keys, media_types, metrics, state_tag
from chalicelib.config import Settings
from chalicelib.errors import QuotaExceeded, TryAgain, UploadNotFound, WrongState
from chalicelib.media_types import Decision
from chalicelib.patience import patient, time_left
from chalicelib.ports import Claims, Invocation, ObjectBytes, OpenPages
from chalicelib.reader import ObjectReader, ObjectReplaced
from chalicelib.records import ObjectCreated, objects_created
from chalicelib.transitions import Claim, outcome_of
from chalicelib.upload import OUTCOMES, State, StoredObject, Upload, adopted, differs

log = logging.getLogger(__name__)

HEAD_SIZE = 8192  # bytes read to decide the type
# What is kept of an invocation's time for recording, tagging and reporting. Each of these calls may
# take four tries of three seconds.
RESERVE = timedelta(seconds=45)
# A claim outlives its invocation by this, so that no other begins while it is at its last step.
CLAIM_SLACK = timedelta(seconds=5)
# How often one event is begun anew because its upload was deleted or its object replaced meanwhile.
ATTEMPTS = 10
# Encodings that S3 may keep with an object whose bytes are what a browser will save.
_PLAIN_ENCODINGS = frozenset({"", "identity", "aws-chunked"})


@dataclass(frozen=True, slots=True)
class Processing:
    """What `process_upload` does.

    `decide` tells what an object is from its declared type, its name and its first bytes,
    `compute` what processors find out of it, `wait` sleeps for seconds.
    """

    settings: Settings
    storage: ObjectBytes
    table: Claims
    pages: OpenPages
    decide: Callable[[str, str, bytes], Decision]
    compute: Callable[[ObjectReader], Mapping[str, Any]]
    now: Callable[[], datetime]
    wait: Callable[[float], None]

    def process(self, event: Mapping[str, Any], invocation: Invocation) -> dict[str, Any]:
        """Process every object of an S3 event; returns `{"uploads": [result, …]}`.

        A result is the upload with its `owner`, and `duplicate` where another invocation settled
        it, or is about to.
        """
        objects = list(objects_created(event))
        if not objects:
            log.warning("no object in the event", extra={"event": event.get("Event")})
        work = replace(
            self,
            storage=patient(self.storage, invocation, self.wait),
            table=patient(self.table, invocation, self.wait),
        )
        results = [work.settle(created, invocation) for created in objects]
        return {"uploads": [result for result in results if result is not None]}

    def settle(self, created: ObjectCreated, invocation: Invocation) -> dict[str, Any] | None:
        """One object; begun anew when its upload is deleted or the object is replaced meanwhile."""
        name = keys.parse_key(created.key)
        if name is None:
            if created.key.startswith(keys.PREFIX):
                self._delete_unowned(created.key, "nobody's key")
            return None
        for _ in range(ATTEMPTS):
            try:
                return self._attempt(name, created, invocation)
            except (ObjectReplaced, UploadNotFound) as error:
                log.info("begun anew", extra={"key": created.key, "reason": type(error).__name__})
        raise TryAgain("The object is replaced again and again")

    def _attempt(
        self, name: keys.ObjectKey, created: ObjectCreated, invocation: Invocation
    ) -> dict[str, Any] | None:
        upload = self._find(name)
        if upload is None:
            log.warning("ignored", extra={"key": created.key})
            return None
        if upload.state is State.ABORTED:
            # Its URLs live on. What they bring after it was deleted goes as well.
            self.storage.delete(upload.key)
            log.info("deleted again", extra=upload.log_fields)
            return None
        try:
            settled = self._settle(upload, created, invocation)
        except WrongState:
            return self._duplicate(name)
        counted = metrics.settled(settled, event_at=created.at, now=self.now())
        log.info(settled.state.value, extra=settled.log_fields | {"metrics": counted})
        state_tag.follow(self.storage, self.table, settled)
        return _result(settled)

    def _find(self, name: keys.ObjectKey) -> Upload | None:
        """Its upload; an object that came without one, as temporary credentials allow, gets one.

        It is charged from then on, at the size that S3 tells, if there is room. The marker of a
        folder is no file: it is deleted, and the folder is listed as long as something is in it.
        """
        upload = self.table.of_object(name)
        if upload is not None:
            return upload
        found = self.storage.head(str(name))
        if found is None:
            return None
        if name.is_folder_marker(size=found.size, content_type=found.content_type):
            self._delete_unowned(str(name), "the marker of a folder")
            return None
        new = adopted(name, size=found.size, content_type=found.content_type, now=self.now())
        try:
            upload = self.table.adopt(new)
        except QuotaExceeded:
            # Charging it will be refused again when it is claimed, and the refusal recorded.
            upload = self.table.adopt(replace(new, charged=None))
        log.info("adopted", extra=upload.log_fields | {"metrics": metrics.CREATED})
        return upload

    def _delete_unowned(self, key: str, reason: str) -> None:
        """Delete an object that can belong to no upload: nobody would be charged for it."""
        self.storage.delete(key)
        log.warning("deleted", extra={"key": key, "reason": reason})

    def _duplicate(self, name: keys.ObjectKey) -> dict[str, Any] | None:
        """What another invocation made of it, or an earlier try of this one, or is about to make.

        Raises UploadNotFound when it was deleted meanwhile: the object must go, or is a new upload.
        """
        current = self.table.of_object(name)
        if current is None or current.state is State.ABORTED:
            raise UploadNotFound
        state_tag.follow(self.storage, self.table, current)
        log.info("duplicate", extra=current.log_fields)
        return _result(current) | {"duplicate": True}

    def _settle(self, upload: Upload, created: ObjectCreated, invocation: Invocation) -> Upload:
        """Claim an upload, look at its object and record the outcome.

        Raises WrongState where another invocation did, or is at it.
        """
        if upload.state in OUTCOMES - {State.FAILED} and not created.is_newer_than(
            upload.sequencer
        ):
            raise WrongState(f"The upload is {upload.state}")
        found = self.storage.head(upload.key)
        claimed, refusal = self._claim(upload, found, created, invocation)
        if found is None:
            gone = "The object was deleted before it was checked"
            return self._record(claimed, State.FAILED, gone, charged=None)
        if claimed.is_adopted and found.unreadable is None:
            # Nobody announced it, so it is what it is; a newer object under its key as well.
            claimed = replace(claimed, size=found.size, content_type=found.content_type)
        report = {
            "content_type": claimed.content_type,
            "checksum_verified": claimed.crc64nvme is not None
            and claimed.crc64nvme == found.crc64nvme,
            **found.identity,
        }
        reason = refusal or self._objection(claimed, found)
        if reason is None:
            reason = self._examine(claimed, found, report, invocation)
        return self._record(claimed, State.REJECTED if reason else State.ACCEPTED, reason, report)

    def _claim(
        self,
        upload: Upload,
        found: StoredObject | None,
        created: ObjectCreated,
        invocation: Invocation,
    ) -> tuple[Upload, str | None]:
        """Move it to processing and charge the object that is there.

        Returns why it is rejected, where there is no room for it. An event that comes before the
        page's complete says as well that the upload has arrived.
        """
        size = None if found is None else found.size if found.unreadable is None else created.size
        claim = Claim(
            sequencer=created.sequencer,
            holder=invocation.aws_request_id,
            until=self.now() + time_left(invocation) + CLAIM_SLACK,
            charged=size,
            fingerprint=None if found is None else found.fingerprint,
        )
        refusal = None
        try:
            claimed, before = self.table.claim(upload, claim)
        except QuotaExceeded as error:
            refusal = error.detail
            claimed, before = self.table.claim(upload, replace(claim, charged=None))
        if before is State.UPLOADING:
            log.info("uploaded", extra=claimed.log_fields | {"metrics": metrics.COMPLETED})
            # One write says both; pages see one after the other.
            self.pages.show(replace(claimed, state=State.UPLOADED))
        self.pages.show(claimed)
        return claimed, refusal

    def _objection(self, upload: Upload, found: StoredObject) -> str | None:
        """Why the object is rejected before a byte of it is read; None when it is not."""
        if found.unreadable is not None:
            return found.unreadable
        if found.size != upload.size:
            return f"{upload.size} bytes were announced, {found.size} have arrived"
        if found.size > self.settings.max_size:
            return f"It has {found.size} bytes; the limit is {self.settings.max_size}"
        if differs(upload.crc64nvme, found.crc64nvme):
            return "The checksum of what arrived is not the one that was announced"
        if found.content_encoding.lower() not in _PLAIN_ENCODINGS:
            # A browser would decode it and save something else than was checked.
            return f"It is stored with Content-Encoding: {found.content_encoding}; send it without"
        return None

    def _examine(
        self,
        upload: Upload,
        found: StoredObject,
        report: dict[str, Any],
        invocation: Invocation,
    ) -> str | None:
        """Read the object into the report; returns why it is rejected, None when it is not.

        Raises ObjectReplaced when another object has the key by now.
        """
        read = functools.partial(self.storage.read_range, upload.key, etag=found.etag)
        head = read(0, HEAD_SIZE) if found.size else b""
        decision = self.decide(upload.content_type, upload.filename, head)
        report["content_type"] = decision.content_type
        allowed = self.settings.allowed_types
        reason = decision.refusal or media_types.objection(decision, allowed=allowed)
        if reason is not None:
            return reason
        report["processors"] = dict(
            self.compute(
                ObjectReader(
                    filename=upload.filename,
                    content_type=media_types.canonical(decision.content_type),
                    container=decision.container,
                    size=found.size,
                    read_range=read,
                    remaining=lambda: time_left(invocation, but=RESERVE).total_seconds(),
                )
            )
        )
        return None

    def _record(
        self,
        upload: Upload,
        state: State,
        reason: str | None,
        report: Mapping[str, Any] | None = None,
        **attributes: Any,
    ) -> Upload:
        return self.table.settle(
            upload,
            to=state,
            outcome=outcome_of(state, report or upload.holder or "", is_adopted=upload.is_adopted),
            holder=upload.holder,
            size=upload.size,
            content_type=upload.content_type,
            report=report,
            reason=reason,
            **attributes,
        )


def _result(upload: Upload) -> dict[str, Any]:
    return {"owner": upload.owner, **upload.document()}
