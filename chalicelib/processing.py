"""What is done with an object once it is there: claim, verify, sniff, tag, record, report.

S3 tells of an object at least once, and Lambda repeats what failed, so every step can be repeated:
what is already settled is reported again, marked as a duplicate. Must not know SNS or HTTP; who is
told of the outcome is the business of the function's destinations.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib import keys, rules
from chalicelib.errors import UploadNotFound, WrongState
from chalicelib.records import ObjectCreated, objects_created
from chalicelib.upload import OUTCOMES, State, StoredObject, Upload, differs
from chalicelib.uploads import Pages, Transitions

log = logging.getLogger(__name__)

HEAD_SIZE = 8192  # bytes read to sniff the type


class Storage(Protocol):
    """What processing needs of S3."""

    def head(self, key: str) -> StoredObject | None: ...
    def read_head(self, key: str, size: int) -> bytes: ...
    def tag(self, key: str, *, state: str) -> None: ...
    def delete(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Processing:
    """What `process_upload` does; `sniff` tells a type from an object's first bytes."""

    storage: Storage
    table: Transitions
    pages: Pages
    sniff: Callable[[bytes], str]
    allowed_types: Sequence[str]

    def process(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Process every object of an S3 event; returns `{"uploads": [result, …]}`.

        A result is the upload with its `owner`, and `duplicate` where it was settled before.
        """
        objects = list(objects_created(event))
        if not objects:
            log.warning("no object in the event", extra={"event": event.get("Event")})
        results = [self._process(created) for created in objects]
        return {"uploads": [result for result in results if result is not None]}

    def _process(self, created: ObjectCreated) -> dict[str, Any] | None:
        name = keys.parse_key(created.key)
        upload = self.table.get(name.owner, name.upload_id) if name else None
        if upload is None:
            log.warning("ignored", extra={"key": created.key})
            return None
        if upload.state is State.ABORTED:
            # Its URLs live on: what they bring after it was deleted goes as well.
            self.storage.delete(upload.key)
            log.info("deleted again", extra=upload.log_fields)
            return None
        if upload.state in OUTCOMES - {State.FAILED} and self._is_settled(upload):
            return _result(upload) | {"duplicate": True}
        try:
            settled = self._settle(self._claim(upload))
        except (WrongState, UploadNotFound):
            # Deleted under our hands, or settled by a twin of this invocation.
            log.info("overtaken", extra=upload.log_fields)
            return None
        log.info(settled.state.value, extra=settled.log_fields)
        return _result(settled)

    def _is_settled(self, upload: Upload) -> bool:
        """Whether its outcome is about the object that is there now.

        A URL of a single PUT can be used again while it lives. Other bytes are another object, to
        be checked anew; the same bytes have lost the tag.
        """
        found = self.storage.head(upload.key)
        if found is None:
            return True
        if found.etag != (upload.report or {}).get("etag"):
            return False
        self.storage.tag(upload.key, state=upload.state)
        return True

    def _claim(self, upload: Upload) -> Upload:
        """Move it to processing; an event that beats the page's complete also says uploaded."""
        if upload.state is State.UPLOADING:
            try:
                upload = self.table.change(upload, to=State.UPLOADED, allowed={State.UPLOADING})
                self.pages.show(upload)
            except WrongState:
                log.info("complete was quicker", extra=upload.log_fields)
        claimed = self.table.change(
            upload,
            to=State.PROCESSING,
            allowed={State.UPLOADED, State.PROCESSING, State.FAILED} | ({upload.state} & OUTCOMES),
        )
        self.pages.show(claimed)
        return claimed

    def _settle(self, upload: Upload) -> Upload:
        found = self.storage.head(upload.key)
        if found is None:
            raise UploadNotFound
        shown = self.sniff(self.storage.read_head(upload.key, HEAD_SIZE) if found.size else b"")
        report = {
            "size": found.size,
            "content_type": shown,
            "etag": found.etag,
            "crc64nvme": found.crc64nvme,
            "checksum_verified": upload.crc64nvme is not None
            and upload.crc64nvme == found.crc64nvme,
        }
        reason = self._objection(upload, found, shown)
        state = State.REJECTED if reason else State.ACCEPTED
        self.storage.tag(upload.key, state=state)
        return self.table.change(
            upload, to=state, allowed={State.PROCESSING}, report=report, reason=reason
        )

    def _objection(self, upload: Upload, found: StoredObject, shown: str) -> str | None:
        """Why the object is rejected, in a sentence for its owner; None when it is not."""
        if found.size != upload.size:
            return f"{upload.size} bytes were announced, {found.size} have arrived"
        if differs(upload.crc64nvme, found.crc64nvme):
            return "The checksum of what arrived is not the one that was announced"
        if not rules.is_allowed(shown, allowed=self.allowed_types):
            return f"Its content is {shown}, which is not allowed"
        return None


def _result(upload: Upload) -> dict[str, Any]:
    return {"owner": upload.owner, **upload.document()}
