"""The use cases of the API: create, sheet, list parts, complete, delete, list, get, download.

`creation.py` creates uploads. Must not know HTTP, boto3 or the environment. S3 alone decides which
parts have arrived: what a client says about its parts is not used.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib import creation, keys, metrics, parts, rules, signing
from chalicelib.config import Settings
from chalicelib.creation import Creation
from chalicelib.errors import (
    ChecksumMismatch,
    InvalidRequest,
    NotAccepted,
    PartsMissing,
    TryAgain,
    UploadError,
    UploadExpired,
    UploadNotFound,
    WrongState,
)
from chalicelib.parallel import at_once
from chalicelib.upload import Announcement, Part, State, Upload, differs, iso_time
from chalicelib.version import VERSION

if TYPE_CHECKING:
    # Only for types: a cold start pays for each import.
    from chalicelib.ports import OpenPages, OwnerUploads, PartStore

log = logging.getLogger(__name__)


class Created(NamedTuple):
    """A new upload, and how to send its file."""

    upload: Upload
    sheet: signing.AnySheet

    def document(self, parts_expire_at: datetime | None) -> dict[str, Any]:
        """The upload, its plan and its sheet as JSON."""
        upload = self.upload
        is_form = isinstance(self.sheet, signing.Form)
        return {
            "id": upload.id,
            "key": upload.key,
            "state": upload.state.value,
            "strategy": "post" if is_form else upload.plan.strategy,
            "part_size": upload.part_size,
            "part_count": upload.part_count,
            "sheet": self.sheet.document(),
            **({"parts_expire_at": iso_time(parts_expire_at)} if parts_expire_at else {}),
        }


LIST_LIMIT = 50
# Seconds before the parts are listed again, and the growth of each further pause.
WAIT_STEP = 0.02
WAIT_GROWTH = 1.5
# No complete of a batch starts later than this: each may take `COMPLETE_PATIENCE`, and API Gateway
# waits for 29 seconds.
LAST_COMPLETE_AFTER = timedelta(seconds=3)
# Bytes; https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
CLOUDFRONT_MAX_SIZE = 50 * 10**9
CLOUDFRONT_MAX_URL = 8192


@dataclass(frozen=True, slots=True)
class Uploads:
    """The use cases; `now` is the clock (UTC), `sleep` waits for seconds.

    `signer` makes a signer from the current credentials, `new_signer` from newly created ones.
    """

    settings: Settings
    storage: PartStore
    table: OwnerUploads
    pages: OpenPages
    signer: Callable[[], signing.Signer]
    new_signer: Callable[[str], signing.Signer]
    now: Callable[[], datetime]
    sleep: Callable[[float], None]

    def limits(self) -> dict[str, Any]:
        """The limits that a page checks before it sends a file; bytes and seconds."""
        return {
            "version": VERSION,
            "max_size": self.settings.max_size,
            "allowed_types": list(self.settings.allowed_types),
            "url_lifetime": self.settings.url_lifetime,
            "max_parts": parts.MAX_PARTS,
            "put_max_size": self.settings.put_max_size,
            "max_in_progress": self.settings.max_in_progress,
            "origins": [signing.origin(url) for url in self.settings.bucket_urls],
        }

    def create(self, owner: str, **fields: Any) -> Created:
        """Create an upload of one file (see `Announcement`); a small one is sent by PUT by default.

        The same idempotency key within a day gives the same upload with a new sheet.
        """
        (created,) = self.create_all(owner, [Announcement(**{"strategy": "put", **fields})])
        if isinstance(created, UploadError):
            raise created
        return created

    def create_all(
        self,
        owner: str,
        announcements: Sequence[Announcement | UploadError],
        *,
        idempotency_key: str | None = None,
    ) -> list[Created | UploadError]:
        """Create an upload for each announcement and sign all of it; the results in their order.

        An error among the announcements is its own result. The `idempotency_key` of an earlier
        request gives its uploads again. Files that are sent whole are spread over the bucket's host
        names. With a checksum they are sent by a form unless their announcement says `put`.
        """
        creation = Creation(self.settings, self.storage, self.table, self.now)
        uploads = creation.create(owner, announcements, idempotency_key=idempotency_key)
        signer, turn = self.signer(), itertools.count()

        def sign(upload: Upload, announcement: Announcement | UploadError) -> Created:
            if upload.multipart_id is not None:
                return Created(upload, self._part_sheet(upload, signer, 1, upload.part_count))
            chosen = announcement.strategy if isinstance(announcement, Announcement) else None
            strategy = chosen or ("post" if upload.crc64nvme else "put")
            return Created(upload, self._whole_sheet(upload, signer, strategy, turn=next(turn)))

        return [
            upload if isinstance(upload, UploadError) else sign(upload, announcement)
            for upload, announcement in zip(uploads, announcements, strict=True)
        ]

    def parts_expire_at(self, upload: Upload) -> datetime | None:
        """The earliest time at which S3 deletes the parts; None for a single PUT."""
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
        strategy: str = "put",
    ) -> signing.AnySheet:
        """Sign again: `count` parts from `first`, or all parts from there when `count` is None.

        Where S3 `refused` the last sheet, its credentials may have been revoked before their end,
        so the new sheet is signed with new ones. A file that is sent whole may change its
        `strategy`.
        """
        upload = self._uploading(owner, upload_id)
        rules.check_strategy(strategy, crc64nvme=upload.crc64nvme)
        most = upload.part_count - first + 1
        count = most if count is None else count
        if not (1 <= first <= upload.part_count and 1 <= count <= most):
            raise InvalidRequest(f"The parts are 1 to {upload.part_count}")
        signer = self.new_signer(owner) if refused else self.signer()
        if upload.multipart_id is not None:
            return self._part_sheet(upload, signer, first, count)
        # The client may have failed to reach the last host: another second gives another host.
        return self._whole_sheet(upload, signer, strategy, turn=int(signer.now.timestamp()))

    def list_parts(self, owner: str, upload_id: str) -> tuple[Upload, list[Part]]:
        """The upload, and its parts that S3 has."""
        upload = self._uploading(owner, upload_id)
        if upload.multipart_id is None:
            return upload, []
        listed = self.storage.list_parts(upload.key, upload.multipart_id)
        if listed is None:
            raise UploadExpired("S3 no longer knows this upload; create a new one")
        return upload, listed

    def complete(
        self, owner: str, upload_id: str, *, crc64nvme: str | None = None, wait: int = 0
    ) -> Upload:
        """Complete the upload once S3 has all parts; safe to repeat.

        Waits at most `wait` seconds for missing parts. The upload is still `uploading` where S3
        takes longer than a client can wait: then S3's event settles it.
        """
        rules.check_crc64nvme(crc64nvme)
        rules.check_wait(wait)
        upload = self.get(owner, upload_id)
        if upload.state is State.ABORTED:
            raise WrongState("The upload was aborted; create a new one")
        if upload.state is not State.UPLOADING:
            return upload
        if crc64nvme is not None and crc64nvme != upload.crc64nvme:
            try:
                upload = self.table.change(
                    upload, to=State.UPLOADING, allowed={State.UPLOADING}, crc64nvme=crc64nvme
                )
            except WrongState:
                # S3's event or another request changed it first: answer with its new state.
                return self.complete(owner, upload_id)
        return self._mark_uploaded(upload) if self._assemble(upload, wait=wait) else upload

    def complete_all(self, owner: str, upload_ids: Sequence[str]) -> list[Upload | UploadError]:
        """Complete several uploads; returns a result for each, in their order. Safe to repeat."""
        rules.check_member_count(len(upload_ids), most=creation.MAX_MEMBERS)
        until = self.now() + LAST_COMPLETE_AFTER

        def complete(upload_id: str) -> Upload:
            if self.now() > until:
                raise TryAgain("The other uploads took long; complete this one again")
            return self.complete(owner, upload_id)

        return at_once(complete, upload_ids)

    def delete(self, owner: str, upload_id: str) -> None:
        """Abort an unfinished upload, delete a finished one; safe to repeat."""
        upload = self.get(owner, upload_id)
        if upload.state is State.ABORTED:
            return
        # If this request is cut off, the sweep finishes the deletion.
        upload = self.table.begin_deletion(upload)
        if upload.state is State.UPLOADING:
            self._abort(upload)
        self.storage.delete(upload.key)
        self.pages.show(self._aborted(upload))
        log.info("deleted", extra=upload.log_fields)

    def get(self, owner: str, upload_id: str) -> Upload:
        """The owner's upload; raises UploadNotFound for that of another owner."""
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
        only = State(state) if state is not None else None
        return self.table.newest(owner, state=only, cursor=cursor, limit=LIST_LIMIT)

    def download(self, owner: str, upload_id: str) -> tuple[str, int]:
        """A presigned URL of an accepted upload, and its lifetime in seconds.

        The owner may have overwritten the object with temporary credentials, so the object is
        compared with the accepted one.
        """
        upload = self.get(owner, upload_id)
        if upload.state is not State.ACCEPTED:
            raise NotAccepted(f"The upload is {upload.state}")
        current = self.storage.head(upload.key)
        if current is None or not current.is_reported_by(upload.report):
            raise NotAccepted("Its object was replaced and is not checked yet, or was deleted")
        signer, bucket_url = self.signer(), self.settings.bucket_urls[0]
        url = self._download_url(signer, upload, saved_as=upload.filename)
        if len(url) > CLOUDFRONT_MAX_URL:
            url = self._download_url(signer, upload, saved_as=keys.short_filename(upload.filename))
        if self.settings.download_url and upload.size <= CLOUDFRONT_MAX_SIZE:
            # CloudFront requests the object by the bucket's own host name, which the URL signs.
            url = self.settings.download_url + url.removeprefix(bucket_url)
        return url, int((signer.expires_at - signer.now).total_seconds())

    def _download_url(self, signer: signing.Signer, upload: Upload, *, saved_as: str) -> str:
        """A presigned URL with the bucket's own host; browsers save the object as `saved_as`."""
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

    def _abort(self, upload: Upload) -> None:
        if upload.multipart_id is not None:
            self.storage.abort(upload.key, upload.multipart_id)

    def _uploading(self, owner: str, upload_id: str) -> Upload:
        upload = self.get(owner, upload_id)
        if upload.state is not State.UPLOADING:
            raise WrongState(f"The upload is {upload.state}")
        return upload

    def _part_sheet(
        self, upload: Upload, signer: signing.Signer, first: int, count: int
    ) -> signing.Sheet:
        urls = [signing.object_url(url, upload.key) for url in self.settings.bucket_urls]
        return signer.part_sheet(
            urls,
            multipart_id=str(upload.multipart_id),
            plan=upload.plan,
            first=first,
            count=count,
        )

    def _whole_sheet(
        self, upload: Upload, signer: signing.Signer, strategy: str, *, turn: int
    ) -> signing.AnySheet:
        """The sheet of a file that is sent whole; each `turn` uses the next host name."""
        bucket_url = self.settings.bucket_urls[turn % len(self.settings.bucket_urls)]
        if strategy == "post" and upload.crc64nvme is not None:
            return signer.form(
                bucket_url,
                bucket=self.settings.bucket,
                key=upload.key,
                size=upload.size,
                content_type=upload.content_type,
                checksum=upload.crc64nvme,
            )
        url = signing.object_url(bucket_url, upload.key)
        return signer.put_sheet(url, size=upload.size, checksum=upload.crc64nvme)

    def _assemble(self, upload: Upload, *, wait: int) -> bool:
        """Try `_assemble_now` until no part is missing, at most `wait` seconds."""
        until = self.now() + timedelta(seconds=wait)
        pause = WAIT_STEP
        while True:
            try:
                return self._assemble_now(upload)
            except PartsMissing:
                remaining = (until - self.now()).total_seconds()
                if remaining <= 0:
                    raise
            self.sleep(min(pause, remaining))
            pause *= WAIT_GROWTH

    def _assemble_now(self, upload: Upload) -> bool:
        """CompleteMultipartUpload of exactly the planned parts; returns whether S3 has the object.

        Raises PartsMissing with the numbers of the missing parts.
        """
        if upload.multipart_id is None:
            if not self._has_object(upload):
                raise PartsMissing("The file has not arrived", missing=[1])
            return True
        listed = self.storage.list_parts(upload.key, upload.multipart_id)
        if listed is None:
            if not self._has_object(upload):
                raise UploadExpired("S3 no longer knows this upload; create a new one")
            return True
        missing = parts.missing(upload.plan, {part.number: part.size for part in listed})
        if missing:
            # A simultaneous request may have completed the upload: then S3 lists no parts any more.
            if self._has_object(upload):
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
            # A simultaneous request may have completed it, or S3's answer was lost.
            if not self._has_object(upload):
                raise
            return True

    def _has_object(self, upload: Upload) -> bool:
        """Whether S3 has the whole object, from a PUT or an earlier complete.

        Raises ChecksumMismatch when S3 computed another checksum than the client declared.
        """
        current = self.storage.head(upload.key)
        if current is None or current.size != upload.size:
            return False
        if differs(upload.crc64nvme, current.crc64nvme):
            raise ChecksumMismatch("S3 computed another CRC64NVME over the file")
        return True

    def _mark_uploaded(self, upload: Upload) -> Upload:
        """Change the state to uploaded and show it, unless S3's event did so first."""
        try:
            uploaded = self.table.change(upload, to=State.UPLOADED, allowed={State.UPLOADING})
        except WrongState:
            return self.get(upload.owner, upload.id)
        self.pages.show(uploaded)
        log.info("uploaded", extra=uploaded.log_fields | {"metrics": metrics.COMPLETED})
        return uploaded


def _type_of(upload: Upload) -> str:
    """The type in its report; the declared one where the report has none."""
    return str((upload.report or {}).get("content_type", upload.content_type))
