"""Processes new objects: claim, verify, process, record the outcome, write the tag.

S3 sends an event at least once and in any order, and Lambda retries failed invocations, so every
step is safe to repeat. The table decides: the outcome is recorded first, and the object's tag
follows it. Must not know SNS or HTTP: the function's destinations send the outcome on.
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
from chalicelib.upload import OUTCOMES, State, StoredObject, Upload, adopted_upload, differs

log = logging.getLogger(__name__)

HEAD_SIZE = 8192  # bytes read to decide the type
# The reserve of an invocation's time for the calls after processing. Each may take four tries of
# three seconds.
RESERVE = timedelta(seconds=45)
# A claim outlives its invocation by this, so that no other starts during its last step.
CLAIM_SLACK = timedelta(seconds=5)
# How many times an event is processed from the start because its object was replaced or deleted.
ATTEMPTS = 10
# Values of Content-Encoding with which a browser saves exactly the object's bytes.
_PLAIN_ENCODINGS = frozenset({"", "identity", "aws-chunked"})


@dataclass(frozen=True, slots=True)
class Processing:
    """The use case of `process_upload`.

    `decide` decides the type of an object from its declared type, its name and its first bytes.
    `compute` runs the processors. `now` is the clock (UTC), `wait` sleeps for seconds.
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

        A result is the upload with its `owner`, and `duplicate` where another invocation has
        settled it, or will.
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
        """Process one object; starts again when it is replaced or its upload deleted meanwhile."""
        name = keys.parse_key(created.key)
        if name is None:
            if created.key.startswith(keys.PREFIX):
                self._delete_unowned(created.key, "no upload can have this key")
            return None
        for _ in range(ATTEMPTS):
            try:
                return self._attempt(name, created, invocation)
            except (ObjectReplaced, UploadNotFound) as error:
                log.info(
                    "started again", extra={"key": created.key, "reason": type(error).__name__}
                )
        raise TryAgain("The object was replaced too many times meanwhile")

    def _attempt(
        self, name: keys.ObjectKey, created: ObjectCreated, invocation: Invocation
    ) -> dict[str, Any] | None:
        upload = self._find(name)
        if upload is None:
            log.warning("ignored", extra={"key": created.key})
            return None
        if upload.state is State.ABORTED:
            # Its URLs outlive it: an object that arrives after the deletion is deleted too.
            self.storage.delete(upload.key)
            log.info("deleted again", extra=upload.log_fields)
            return None
        try:
            settled = self._settle(upload, created, invocation)
        except WrongState:
            return self._duplicate(name)
        values = metrics.settled(settled, event_at=created.at, now=self.now())
        log.info(settled.state.value, extra=settled.log_fields | {"metrics": values})
        state_tag.follow(self.storage, self.table, settled)
        return _result(settled)

    def _find(self, name: keys.ObjectKey) -> Upload | None:
        """The upload of an object; an object that nobody announced is adopted.

        Adoption charges the object's size in S3 if there is room. The marker of a folder is no
        file: it is deleted, and the folder is listed as long as it has objects.
        """
        upload = self.table.of_object(name)
        if upload is not None:
            return upload
        s3_object = self.storage.head(str(name))
        if s3_object is None:
            return None
        if name.is_folder_marker(size=s3_object.size, content_type=s3_object.content_type):
            self._delete_unowned(str(name), "the marker of a folder")
            return None
        new = adopted_upload(
            name, size=s3_object.size, content_type=s3_object.content_type, now=self.now()
        )
        try:
            upload = self.table.adopt(new)
        except QuotaExceeded:
            # The claim will be refused too, and the refusal recorded.
            upload = self.table.adopt(replace(new, charged=None))
        log.info("adopted", extra=upload.log_fields | {"metrics": metrics.CREATED})
        return upload

    def _delete_unowned(self, key: str, reason: str) -> None:
        """Delete an object that can have no upload, so that no owner would be charged for it."""
        self.storage.delete(key)
        log.warning("deleted", extra={"key": key, "reason": reason})

    def _duplicate(self, name: keys.ObjectKey) -> dict[str, Any] | None:
        """The result of the invocation that settled the upload, or is about to.

        Raises UploadNotFound when the upload was deleted meanwhile.
        """
        current = self.table.of_object(name)
        if current is None or current.state is State.ABORTED:
            raise UploadNotFound
        state_tag.follow(self.storage, self.table, current)
        log.info("duplicate", extra=current.log_fields)
        return _result(current) | {"duplicate": True}

    def _settle(self, upload: Upload, created: ObjectCreated, invocation: Invocation) -> Upload:
        """Claim an upload, check its object and record the outcome.

        Raises WrongState where another invocation did so, or is doing so.
        """
        if upload.state in OUTCOMES - {State.FAILED} and not created.is_newer_than(
            upload.sequencer
        ):
            raise WrongState(f"The upload is {upload.state}")
        s3_object = self.storage.head(upload.key)
        claimed, refusal = self._claim(upload, s3_object, created, invocation)
        if s3_object is None:
            why = "The object was deleted before it was checked"
            return self._record(claimed, State.FAILED, why, charged=None)
        if claimed.is_adopted and s3_object.unreadable is None:
            # Nobody announced its size and type, so those of the object count.
            claimed = replace(claimed, size=s3_object.size, content_type=s3_object.content_type)
        report = {
            "content_type": claimed.content_type,
            "checksum_verified": claimed.crc64nvme is not None
            and claimed.crc64nvme == s3_object.crc64nvme,
            **s3_object.identity,
        }
        reason = refusal or self._objection(claimed, s3_object)
        if reason is None:
            reason = self._examine(claimed, s3_object, report, invocation)
        return self._record(claimed, State.REJECTED if reason else State.ACCEPTED, reason, report)

    def _claim(
        self,
        upload: Upload,
        s3_object: StoredObject | None,
        created: ObjectCreated,
        invocation: Invocation,
    ) -> tuple[Upload, str | None]:
        """Move the upload to processing and charge the size of its object.

        Returns the upload, and why it is rejected where there is no room for it. The event may come
        before the page's complete: then the upload was not yet uploaded.
        """
        size = (
            None
            if s3_object is None
            else s3_object.size
            if s3_object.unreadable is None
            else created.size
        )
        claim = Claim(
            sequencer=created.sequencer,
            holder=invocation.aws_request_id,
            until=self.now() + time_left(invocation) + CLAIM_SLACK,
            charged=size,
            fingerprint=None if s3_object is None else s3_object.fingerprint,
        )
        refusal = None
        try:
            claimed, before = self.table.claim(upload, claim)
        except QuotaExceeded as error:
            refusal = error.detail
            claimed, before = self.table.claim(upload, replace(claim, charged=None))
        if before is State.UPLOADING:
            log.info("uploaded", extra=claimed.log_fields | {"metrics": metrics.COMPLETED})
            # One write made both changes; pages see one after the other.
            self.pages.show(replace(claimed, state=State.UPLOADED))
        self.pages.show(claimed)
        return claimed, refusal

    def _objection(self, upload: Upload, s3_object: StoredObject) -> str | None:
        """Why the object is rejected before a byte of it is read; None for no reason."""
        if s3_object.unreadable is not None:
            return s3_object.unreadable
        if s3_object.size != upload.size:
            return f"{upload.size} bytes were announced, but {s3_object.size} arrived"
        if s3_object.size > self.settings.max_size:
            return f"It has {s3_object.size} bytes; the limit is {self.settings.max_size}"
        if differs(upload.crc64nvme, s3_object.crc64nvme):
            return "The checksum of the object is not the announced one"
        if s3_object.content_encoding.lower() not in _PLAIN_ENCODINGS:
            # A browser would decode it and save other bytes than processing checked.
            return (
                f"It is stored with Content-Encoding: {s3_object.content_encoding}; send it without"
            )
        return None

    def _examine(
        self,
        upload: Upload,
        s3_object: StoredObject,
        report: dict[str, Any],
        invocation: Invocation,
    ) -> str | None:
        """Read the object and complete its report; returns why it is rejected, or None.

        Raises ObjectReplaced when another object has the key by now.
        """
        read = functools.partial(self.storage.read_range, upload.key, etag=s3_object.etag)
        head = read(0, HEAD_SIZE) if s3_object.size else b""
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
                    size=s3_object.size,
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
