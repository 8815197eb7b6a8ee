"""The use cases of the API: create, sheet, list parts, complete, delete, list, get, download.

Everything it needs is passed in; the ports below name exactly the operations used. It must not know
HTTP, boto3 or the environment. S3 is the truth about bytes: nothing a client says of parts is used.
"""

import logging
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib import keys, metrics, parts, rules, signing
from chalicelib.config import Settings
from chalicelib.errors import (
    ChecksumMismatch,
    IdempotencyKeyReused,
    InvalidRequest,
    NotAccepted,
    PartsMissing,
    TooManyUploads,
    TryAgain,
    UploadExpired,
    UploadNotFound,
    WrongState,
)
from chalicelib.upload import CHECK_AFTER, Part, State, StoredObject, Upload, differs

log = logging.getLogger(__name__)


class Storage(Protocol):
    """What the use cases need of S3."""

    def create_multipart(self, key: str, *, content_type: str) -> str: ...
    def list_parts(self, key: str, multipart_id: str) -> list[Part] | None: ...
    def complete(
        self,
        key: str,
        multipart_id: str,
        *,
        parts: Collection[Part],
        size: int,
        crc64nvme: str | None,
    ) -> bool: ...
    def abort(self, key: str, multipart_id: str) -> None: ...
    def head(self, key: str) -> StoredObject | None: ...
    def delete(self, key: str) -> None: ...


class Transitions(Protocol):
    """An upload as the table has it, and conditional writes of its state."""

    def get(self, owner: str, upload_id: str) -> Upload | None: ...
    def change(
        self,
        upload: Upload,
        *,
        to: State,
        allowed: Collection[State],
        held_by: str | None = None,
        **attributes: Any,
    ) -> Upload: ...


class Table(Transitions, Protocol):
    """What the use cases need of the table."""

    def put(self, upload: Upload, *, idempotency_key: str | None = None) -> Upload: ...
    def forget(self, upload: Upload, *, idempotency_key: str | None = None) -> None: ...
    def in_progress(self, owner: str, *, most: int) -> int: ...
    def begin_deletion(self, upload: Upload) -> Upload: ...
    def newest(
        self, owner: str, *, state: State | None, cursor: str | None, limit: int
    ) -> tuple[list[Upload], str | None]: ...


class Pages(Protocol):
    """The owner's open pages."""

    def show(self, upload: Upload) -> None: ...


LIST_LIMIT = 50
# Seconds between two looks at what S3 holds: the first, and how much longer each next one is.
WAIT_STEP = 0.02
WAIT_GROWTH = 1.5
# Bytes; https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
CLOUDFRONT_MAX_SIZE = 50 * 10**9
CLOUDFRONT_MAX_URL = 8192


@dataclass(frozen=True, slots=True)
class Uploads:
    """The use cases; `signer` makes one from today's credentials, `now` is the clock (UTC).

    `new_signer` makes one from credentials that nobody has signed with yet; `sleep` waits for
    seconds.
    """

    settings: Settings
    storage: Storage
    table: Table
    pages: Pages
    signer: Callable[[], signing.Signer]
    new_signer: Callable[[str], signing.Signer]
    now: Callable[[], datetime]
    sleep: Callable[[float], None]

    def limits(self) -> dict[str, Any]:
        """What a page must know before it sends a file; sizes in bytes, lifetime in seconds."""
        return {
            "max_size": self.settings.max_size,
            "allowed_types": list(self.settings.allowed_types),
            "url_lifetime": self.settings.url_lifetime,
            "max_parts": parts.MAX_PARTS,
            "put_max_size": self.settings.put_max_size,
            "max_in_progress": self.settings.max_in_progress,
            "origins": [signing.origin(url) for url in self.settings.bucket_urls],
        }

    def create(
        self,
        owner: str,
        *,
        filename: str,
        size: int,
        content_type: str | None = None,
        crc64nvme: str | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[Upload, signing.Sheet]:
        """Begin an upload: check the rules, begin in S3, remember it, sign all of it.

        The same idempotency key within a day gives the same upload with a new sheet.
        """
        declared = content_type or rules.DEFAULT_CONTENT_TYPE
        rules.check_filename(filename)
        rules.check_size(size, max_size=self.settings.max_size)
        rules.check_content_type(declared, filename, allowed=self.settings.allowed_types)
        rules.check_crc64nvme(crc64nvme)
        rules.check_idempotency_key(idempotency_key)
        plan = parts.plan(
            size, put_max_size=self.settings.put_max_size, part_size=self.settings.part_size
        )
        now = self.now()
        upload_id = keys.new_upload_id(now, os.urandom(10))
        key = keys.object_key(owner=owner, upload_id=upload_id, filename=filename)
        multipart_id = None
        if plan.strategy == "multipart":
            multipart_id = self.storage.create_multipart(key, content_type=declared)
        upload = Upload(
            id=upload_id,
            owner=owner,
            filename=filename,
            size=size,
            content_type=declared,
            key=key,
            state=State.UPLOADING,
            part_size=plan.part_size,
            part_count=plan.part_count,
            created_at=now,
            updated_at=now,
            multipart_id=multipart_id,
            crc64nvme=crc64nvme,
            charged=size,
            check_at=now + CHECK_AFTER,
        )
        remembered = self._remember(upload, idempotency_key)
        sheet = self._sheet(remembered, self.signer(), first=1, count=remembered.part_count)
        return remembered, sheet

    def parts_expire_at(self, upload: Upload) -> datetime | None:
        """When S3 drops the parts at the earliest; None for a single PUT."""
        if upload.multipart_id is None:
            return None
        return upload.created_at + timedelta(days=self.settings.upload_days)

    def sheet(
        self,
        owner: str,
        upload_id: str,
        *,
        first: int = 1,
        count: int | None = None,
        refused: bool = False,
    ) -> signing.Sheet:
        """Sign again: `count` parts from `first`, all the rest when `count` is None.

        Where S3 `refused` the last sheet, the credentials that signed it may have ended before
        their time: the new one is signed with others.
        """
        upload = self._uploading(owner, upload_id)
        most = upload.part_count - first + 1
        count = most if count is None else count
        if not (1 <= first <= upload.part_count and 1 <= count <= most):
            raise InvalidRequest(f"The parts are 1 to {upload.part_count}")
        signer = self.new_signer(owner) if refused else self.signer()
        return self._sheet(upload, signer, first=first, count=count)

    def list_parts(self, owner: str, upload_id: str) -> tuple[Upload, list[Part]]:
        """The upload and the parts that S3 holds of it."""
        upload = self._uploading(owner, upload_id)
        if upload.multipart_id is None:
            return upload, []
        listed = self.storage.list_parts(upload.key, upload.multipart_id)
        if listed is None:
            raise UploadExpired("S3 no longer knows this upload; begin a new one")
        return upload, listed

    def complete(
        self, owner: str, upload_id: str, *, crc64nvme: str | None = None, wait: int = 0
    ) -> Upload:
        """Make the parts one object, once S3 holds them all; safe to repeat.

        What is still on its way is waited for, `wait` seconds at most. The upload is still
        `uploading` when S3 takes longer than a client can wait: it is settled by its event.
        """
        rules.check_crc64nvme(crc64nvme)
        rules.check_wait(wait)
        upload = self.get(owner, upload_id)
        if upload.state is State.ABORTED:
            raise WrongState("The upload was aborted; begin a new one")
        if upload.state is not State.UPLOADING:
            return upload
        if crc64nvme is not None and crc64nvme != upload.crc64nvme:
            try:
                upload = self.table.change(
                    upload, to=State.UPLOADING, allowed={State.UPLOADING}, crc64nvme=crc64nvme
                )
            except WrongState:
                # Its event, or another request, was quicker: answer for the state it is in now.
                return self.complete(owner, upload_id)
        return self._arrived(upload) if self._assemble(upload, wait=wait) else upload

    def delete(self, owner: str, upload_id: str) -> None:
        """Abort an unfinished upload, delete a finished one; safe to repeat."""
        upload = self.get(owner, upload_id)
        if upload.state is State.ABORTED:
            return
        # Should this request die half way, the sweep finishes what it began.
        upload = self.table.begin_deletion(upload)
        if upload.state is State.UPLOADING:
            self._abort(upload)
        self.storage.delete(upload.key)
        self.pages.show(self._aborted(upload))
        log.info("deleted", extra=upload.log_fields)

    def get(self, owner: str, upload_id: str) -> Upload:
        """The owner's upload; raises UploadNotFound for anybody else's."""
        upload = self.table.get(owner, upload_id) if keys.is_upload_id(upload_id) else None
        if upload is None:
            raise UploadNotFound
        return upload

    def newest(
        self, owner: str, *, state: str | None = None, cursor: str | None = None
    ) -> tuple[list[Upload], str | None]:
        """A page of the owner's uploads, newest first, and the cursor of the next page."""
        if state is not None and state not in set(State):
            raise InvalidRequest(f"state is one of {', '.join(State)}")
        wanted = State(state) if state is not None else None
        return self.table.newest(owner, state=wanted, cursor=cursor, limit=LIST_LIMIT)

    def download(self, owner: str, upload_id: str) -> tuple[str, int]:
        """A presigned URL of an accepted upload, and the seconds it lives.

        Its owner may have overwritten it with temporary credentials, so the object that is there
        is compared with the one that was accepted.
        """
        upload = self.get(owner, upload_id)
        if upload.state is not State.ACCEPTED:
            raise NotAccepted(f"The upload is {upload.state}")
        found = self.storage.head(upload.key)
        if found is None or not found.is_reported_by(upload.report):
            raise NotAccepted("Its object was replaced and is not checked yet, or was deleted")
        signer, bucket_url = self.signer(), self.settings.bucket_urls[0]
        url = self._download_url(signer, upload, saved_as=upload.filename)
        if len(url) > CLOUDFRONT_MAX_URL:
            url = self._download_url(signer, upload, saved_as=keys.short_filename(upload.filename))
        if self.settings.download_url and upload.size <= CLOUDFRONT_MAX_SIZE:
            # What is there asks the bucket by its own name, for which the URL is signed.
            url = self.settings.download_url + url.removeprefix(bucket_url)
        return url, int((signer.expires_at - signer.now).total_seconds())

    def _download_url(self, signer: signing.Signer, upload: Upload, *, saved_as: str) -> str:
        """A presigned URL under the bucket's own name; a browser saves the object under a name."""
        return signer.presigned_url(
            "GET",
            signing.object_url(self.settings.bucket_urls[0], upload.key),
            parameters={
                "response-content-disposition": rules.content_disposition(saved_as),
                "response-content-type": _type_of(upload),
                "response-cache-control": "no-store",
            },
        )

    def _aborted(self, upload: Upload) -> Upload:
        return self.table.change(
            upload, to=State.ABORTED, allowed=set(State), check_at=None, report=None
        )

    def _remember(self, upload: Upload, idempotency_key: str | None) -> Upload:
        """Put a new upload in the table; whatever prevents that, nothing of it is left behind.

        Returns the one that was created under the key before, where there is one.
        """
        try:
            remembered = self.table.put(upload, idempotency_key=idempotency_key)
            if remembered is upload:
                self._check_in_progress(upload.owner)
        except BaseException:
            self._abort(upload)
            self.table.forget(upload, idempotency_key=idempotency_key)
            raise
        if remembered is upload:
            log.info("created", extra=upload.log_fields | {"metrics": metrics.CREATED})
            return upload
        self._abort(upload)
        if not _asks_for(upload, remembered):
            raise IdempotencyKeyReused("Use a new idempotency_key for another file")
        if remembered.state is not State.UPLOADING:
            raise WrongState(f"The upload is {remembered.state}")
        return remembered

    def _check_in_progress(self, owner: str) -> None:
        """Refuse one too many. It is counted itself: requests at the same time see each other."""
        most = self.settings.max_in_progress
        if self.table.in_progress(owner, most=most) > most:
            raise TooManyUploads(f"{most} uploads are under way; finish or delete one", limit=most)

    def _abort(self, upload: Upload) -> None:
        if upload.multipart_id is not None:
            self.storage.abort(upload.key, upload.multipart_id)

    def _uploading(self, owner: str, upload_id: str) -> Upload:
        upload = self.get(owner, upload_id)
        if upload.state is not State.UPLOADING:
            raise WrongState(f"The upload is {upload.state}")
        return upload

    def _sheet(
        self, upload: Upload, signer: signing.Signer, *, first: int, count: int
    ) -> signing.Sheet:
        urls = [signing.object_url(url, upload.key) for url in self.settings.bucket_urls]
        if upload.multipart_id is None:
            return signer.put_sheet(urls[0], size=upload.size, checksum=upload.crc64nvme)
        return signer.part_sheet(
            urls, multipart_id=upload.multipart_id, plan=upload.plan, first=first, count=count
        )

    def _assemble(self, upload: Upload, *, wait: int) -> bool:
        """`_assemble_now`, tried until nothing is missing, `wait` seconds at most."""
        until = self.now() + timedelta(seconds=wait)
        pause = WAIT_STEP
        while True:
            try:
                return self._assemble_now(upload)
            except PartsMissing:
                left = (until - self.now()).total_seconds()
                if left <= 0:
                    raise
            self.sleep(min(pause, left))
            pause *= WAIT_GROWTH

    def _assemble_now(self, upload: Upload) -> bool:
        """CompleteMultipartUpload of exactly the planned parts; PartsMissing names what lacks.

        Returns whether the object is there, not only on its way.
        """
        if upload.multipart_id is None:
            if not self._stored(upload):
                raise PartsMissing("The file has not arrived", missing=[1])
            return True
        listed = self.storage.list_parts(upload.key, upload.multipart_id)
        if listed is None:
            if not self._stored(upload):
                raise UploadExpired("S3 no longer knows this upload; begin a new one")
            return True
        missing = parts.missing(upload.plan, {part.number: part.size for part in listed})
        if missing:
            # Or a twin of this request was quicker, and S3 is clearing up after it.
            if self._stored(upload):
                return True
            raise PartsMissing(f"{len(missing)} parts are missing", missing=missing)
        try:
            return self.storage.complete(
                upload.key,
                upload.multipart_id,
                parts=[part for part in listed if part.number <= upload.part_count],
                size=upload.size,
                crc64nvme=upload.crc64nvme,
            )
        except (UploadExpired, TryAgain):
            # A twin of this request may have been quicker, or S3's answer was lost.
            if not self._stored(upload):
                raise
            return True

    def _stored(self, upload: Upload) -> bool:
        """Whether the whole object is there; an earlier complete may have got that far.

        Raises ChecksumMismatch when S3 computed another checksum than the client declared.
        """
        found = self.storage.head(upload.key)
        if found is None or found.size != upload.size:
            return False
        if differs(upload.crc64nvme, found.crc64nvme):
            raise ChecksumMismatch("S3 computed another CRC64NVME over the file")
        return True

    def _arrived(self, upload: Upload) -> Upload:
        """Mark it uploaded, unless its event was quicker, and show it."""
        try:
            arrived = self.table.change(upload, to=State.UPLOADED, allowed={State.UPLOADING})
        except WrongState:
            return self.get(upload.owner, upload.id)
        self.pages.show(arrived)
        log.info("uploaded", extra=arrived.log_fields | {"metrics": metrics.COMPLETED})
        return arrived


def _asks_for(asked: Upload, remembered: Upload) -> bool:
    """Whether a request that comes again asks for the upload that was created under its key.

    The sheet of a single PUT holds the checksum; a complete may have named that of a multipart one.
    """
    same_checksum = asked.crc64nvme == remembered.crc64nvme or (
        asked.crc64nvme is None and remembered.multipart_id is not None
    )
    return same_checksum and (asked.filename, asked.size, asked.content_type) == (
        remembered.filename,
        remembered.size,
        remembered.content_type,
    )


def _type_of(upload: Upload) -> str:
    """The type its bytes showed; what the owner declared where processing told none."""
    return str((upload.report or {}).get("content_type", upload.content_type))
