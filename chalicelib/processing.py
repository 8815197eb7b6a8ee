"""What is done with an object once it is there: claim, verify, sniff, process, tag, record, report.

S3 tells of an object at least once, and Lambda repeats what failed, so every step can be repeated:
what is already settled is reported again, marked as a duplicate. Must not know SNS or HTTP; who is
told of the outcome is the business of the function's destinations.
"""

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib import keys, metrics, rules
from chalicelib.config import Settings
from chalicelib.errors import QuotaExceeded, UploadNotFound, WrongState
from chalicelib.reader import ObjectReader
from chalicelib.records import ObjectCreated, objects_created
from chalicelib.upload import OUTCOMES, State, StoredObject, Upload, adopted, differs
from chalicelib.uploads import Pages, Transitions

log = logging.getLogger(__name__)

HEAD_SIZE = 8192  # bytes read to sniff the type
# What is kept of an invocation's time for tagging, recording and reporting.
RESERVE = timedelta(seconds=10)
# A claim outlives its invocation by this, so that no other begins while it is at its last step.
CLAIM_SLACK = timedelta(seconds=5)


class Storage(Protocol):
    """What processing needs of S3."""

    def head(self, key: str) -> StoredObject | None: ...
    def read_range(self, key: str, offset: int, size: int, *, etag: str) -> bytes: ...
    def tag(self, key: str, *, state: str) -> None: ...
    def delete(self, key: str) -> None: ...


class Table(Transitions, Protocol):
    """What processing needs of the table."""

    def of_object(self, name: keys.ObjectKey) -> Upload | None: ...
    def adopt(self, upload: Upload) -> Upload: ...
    def claim(self, upload: Upload, *, sequencer: str, holder: str, until: datetime) -> Upload: ...


class Invocation(Protocol):
    """Lambda's context object: one invocation of a function, whose retries have the same id."""

    @property
    def aws_request_id(self) -> str: ...
    def get_remaining_time_in_millis(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Processing:
    """What `process_upload` does.

    `sniff` tells a type from an object's first bytes, `compute` what processors find out of it.
    """

    settings: Settings
    storage: Storage
    table: Table
    pages: Pages
    sniff: Callable[[bytes], str]
    compute: Callable[[ObjectReader], Mapping[str, Any]]
    now: Callable[[], datetime]

    def process(self, event: Mapping[str, Any], invocation: Invocation) -> dict[str, Any]:
        """Process every object of an S3 event; returns `{"uploads": [result, …]}`.

        A result is the upload with its `owner`, and `duplicate` where another invocation settled
        it, or is about to.
        """
        objects = list(objects_created(event))
        if not objects:
            log.warning("no object in the event", extra={"event": event.get("Event")})
        results = [self._process(created, invocation) for created in objects]
        return {"uploads": [result for result in results if result is not None]}

    def _process(self, created: ObjectCreated, invocation: Invocation) -> dict[str, Any] | None:
        name = keys.parse_key(created.key)
        upload = self._find(name) if name else None
        if upload is None:
            log.warning("ignored", extra={"key": created.key})
            return None
        if upload.state is State.ABORTED:
            # Its URLs live on: what they bring after it was deleted goes as well.
            self.storage.delete(upload.key)
            log.info("deleted again", extra=upload.log_fields)
            return None
        if upload.state in OUTCOMES - {State.FAILED} and self._is_settled(upload, created):
            return self._duplicate(upload)
        try:
            claimed = self._claim(upload, created, invocation)
        except WrongState:
            return self._duplicate(upload)
        try:
            settled = self._settle(claimed, invocation)
        except (WrongState, UploadNotFound):
            # Deleted under our hands, or replaced by a newer object, whose event settles it.
            log.info("overtaken", extra=upload.log_fields)
            return None
        counted = metrics.settled(settled, event_at=created.at, now=self.now())
        log.info(settled.state.value, extra=settled.log_fields | {"metrics": counted})
        return _result(settled)

    def _find(self, name: keys.ObjectKey) -> Upload | None:
        """Its upload; an object that came without one, as temporary credentials allow, gets one."""
        upload = self.table.of_object(name)
        if upload is not None:
            return upload
        found = self.storage.head(str(name))
        if found is None:
            return None
        new = adopted(name, size=found.size, content_type=found.content_type, now=self.now())
        upload = self.table.adopt(new)
        log.info("adopted", extra=upload.log_fields | {"metrics": metrics.CREATED})
        return upload

    def _is_settled(self, upload: Upload, created: ObjectCreated) -> bool:
        """Whether its outcome is about the object that is there now.

        A URL of a single PUT can be used again while it lives. Other bytes are another object, to
        be checked anew; the same bytes have lost the tag.
        """
        if upload.sequencer is not None and created.sequencer <= upload.sequencer:
            return True
        found = self.storage.head(upload.key)
        if found is None:
            return True
        if found.etag != (upload.report or {}).get("etag"):
            return False
        self.storage.tag(upload.key, state=upload.state)
        return True

    def _claim(self, upload: Upload, created: ObjectCreated, invocation: Invocation) -> Upload:
        """Move it to processing; an event that beats the page's complete also says uploaded."""
        if upload.state is State.UPLOADING:
            try:
                upload = self.table.change(upload, to=State.UPLOADED, allowed={State.UPLOADING})
                self.pages.show(upload)
                log.info("uploaded", extra=upload.log_fields | {"metrics": metrics.COMPLETED})
            except WrongState:
                log.info("complete was quicker", extra=upload.log_fields)
        claimed = self.table.claim(
            upload,
            sequencer=created.sequencer,
            holder=invocation.aws_request_id,
            until=self.now() + _left(invocation) + CLAIM_SLACK,
        )
        self.pages.show(claimed)
        return claimed

    def _duplicate(self, upload: Upload) -> dict[str, Any] | None:
        """What another invocation made of it, or has begun to."""
        current = self.table.get(upload.owner, upload.id)
        if current is None or current.state is State.ABORTED:
            return None
        log.info("duplicate", extra=current.log_fields)
        return _result(current) | {"duplicate": True}

    def _settle(self, upload: Upload, invocation: Invocation) -> Upload:
        found = self.storage.head(upload.key)
        if found is None:
            return self._record(
                upload, State.FAILED, "The object was deleted before it was checked"
            )
        if upload.is_adopted:
            # Nobody announced it, so it is what it is; a newer object under its key as well.
            upload = replace(upload, size=found.size, content_type=found.content_type)
        read = functools.partial(self.storage.read_range, upload.key, etag=found.etag)
        shown = self.sniff(read(0, HEAD_SIZE) if found.size else b"")
        content_type = rules.settled_type(upload.content_type, upload.filename, shown)
        report = {
            "size": found.size,
            "content_type": content_type or shown,
            "etag": found.etag,
            "crc64nvme": found.crc64nvme,
            "checksum_verified": upload.crc64nvme is not None
            and upload.crc64nvme == found.crc64nvme,
        }
        reason = self._objection(upload, found, shown, content_type)
        if reason is None and content_type is not None:
            report["processors"] = dict(
                self.compute(
                    ObjectReader(
                        filename=upload.filename,
                        content_type=content_type,
                        size=found.size,
                        read_range=read,
                        remaining=lambda: _left(invocation, but=RESERVE).total_seconds(),
                    )
                )
            )
        state = State.REJECTED if reason else State.ACCEPTED
        self.storage.tag(upload.key, state=state)
        try:
            return self._record(upload, state, reason, report)
        except QuotaExceeded as error:
            self.storage.tag(upload.key, state=State.REJECTED)
            return self._record(upload, State.REJECTED, error.detail, report)

    def _objection(
        self, upload: Upload, found: StoredObject, shown: str, content_type: str | None
    ) -> str | None:
        """Why the object is rejected, in a sentence for its owner; None when it is not."""
        if found.size != upload.size:
            return f"{upload.size} bytes were announced, {found.size} have arrived"
        if found.size > self.settings.max_size:
            return f"It has {found.size} bytes; the limit is {self.settings.max_size}"
        if differs(upload.crc64nvme, found.crc64nvme):
            return "The checksum of what arrived is not the one that was announced"
        if content_type is None:
            return f"Its content is {shown}, which is not what its name and type say"
        if not rules.is_allowed(content_type, allowed=self.settings.allowed_types):
            return f"Its content is {content_type}, which is not allowed"
        return None

    def _record(
        self,
        upload: Upload,
        state: State,
        reason: str | None,
        report: Mapping[str, Any] | None = None,
    ) -> Upload:
        return self.table.change(
            upload,
            to=state,
            allowed={State.PROCESSING},
            held_by=upload.holder,
            size=upload.size,
            content_type=upload.content_type,
            report=report,
            reason=reason,
            holder=None,
            held_until=None,
            event=None,
        )


def _left(invocation: Invocation, *, but: timedelta = timedelta()) -> timedelta:
    return timedelta(milliseconds=invocation.get_remaining_time_in_millis()) - but


def _result(upload: Upload) -> dict[str, Any]:
    return {"owner": upload.owner, **upload.document()}
