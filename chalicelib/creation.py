"""Creates uploads, up to a hundred at once: checks the rules, starts them in S3, stores their rows.

Each upload succeeds or fails by itself. A failed one leaves nothing in S3 and no row. Must not know
HTTP, boto3, the environment, or how anything is signed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib import keys, metrics, parts, rules
from chalicelib.config import Settings
from chalicelib.errors import IdempotencyKeyReused, TooManyUploads, UploadError, WrongState
from chalicelib.parallel import at_once
from chalicelib.upload import CHECK_AFTER, Announcement, NewUpload, State, Upload

if TYPE_CHECKING:
    # Only for types: a cold start pays for each import.
    from chalicelib.ports import MultipartUploads, NewRows

log = logging.getLogger(__name__)

# Members of one request: more would not fit into the time that API Gateway waits.
MAX_MEMBERS = 100


@dataclass(frozen=True, slots=True)
class Creation:
    """Creates uploads; `now` is the clock (UTC)."""

    settings: Settings
    storage: MultipartUploads
    table: NewRows
    now: Callable[[], datetime]

    def create(
        self,
        owner: str,
        announcements: Sequence[Announcement | UploadError],
        *,
        idempotency_key: str | None = None,
    ) -> list[Upload | UploadError]:
        """Create an upload for each announcement; returns one result for each, in their order.

        An error among the announcements is its own result. An idempotency key that was used before
        gives the earlier upload. The request's `idempotency_key` gives a key to each member without
        one. Raises InvalidRequest for a request that breaks the rules as a whole.
        """
        rules.check_member_count(len(announcements), most=MAX_MEMBERS)
        rules.check_idempotency_key(idempotency_key)
        planned = [
            self._plan(owner, announcement, _member_key(idempotency_key, number))
            for number, announcement in enumerate(announcements)
        ]
        results = self._start(owner, [new for new in planned if isinstance(new, NewUpload)])
        return [results[new.upload.id] if isinstance(new, NewUpload) else new for new in planned]

    def _plan(
        self, owner: str, announcement: Announcement | UploadError, member_key: str | None
    ) -> NewUpload | UploadError:
        """A new upload that follows the rules, or the error; S3 and the table know nothing yet."""
        if isinstance(announcement, UploadError):
            return announcement
        declared = announcement.content_type or rules.DEFAULT_CONTENT_TYPE
        try:
            self._check(announcement, declared)
        except UploadError as error:
            return error
        plan = parts.plan(
            announcement.size,
            put_max_size=self.settings.put_max_size,
            part_size=self.settings.part_size,
        )
        now = self.now()
        upload_id = keys.new_upload_id(now, os.urandom(10))
        upload = Upload(
            id=upload_id,
            owner=owner,
            filename=announcement.filename,
            size=announcement.size,
            content_type=declared,
            key=keys.object_key(owner=owner, upload_id=upload_id, filename=announcement.filename),
            state=State.UPLOADING,
            part_size=plan.part_size,
            part_count=plan.part_count,
            created_at=now,
            updated_at=now,
            crc64nvme=announcement.crc64nvme,
            charged=announcement.size,
            check_at=now + CHECK_AFTER,
        )
        return NewUpload(upload, announcement.idempotency_key or member_key)

    def _check(self, announcement: Announcement, declared: str) -> None:
        """Raise the error of the first rule that an announcement breaks."""
        filename, allowed = announcement.filename, self.settings.allowed_types
        rules.check_filename(filename)
        rules.check_size(announcement.size, max_size=self.settings.max_size)
        rules.check_content_type(declared, filename, allowed=allowed)
        rules.check_crc64nvme(announcement.crc64nvme)
        rules.check_idempotency_key(announcement.idempotency_key)
        rules.check_strategy(announcement.strategy, crc64nvme=announcement.crc64nvme)

    def _start(self, owner: str, news: Sequence[NewUpload]) -> dict[str, Upload | UploadError]:
        """Start uploads in S3 and store their rows; an exception leaves nothing of them in either.

        S3's multipart uploads come first, so that one write stores the whole row. A repeated
        request therefore creates multipart uploads that it aborts at once. Reading the idempotency
        keys first would cost a read in every request to save two calls in the rare repeated one.
        Returns the results by id.
        """
        started: list[NewUpload] = []

        def start(new: NewUpload) -> NewUpload:
            started.append(self._start_multipart(new))
            return started[-1]

        try:
            large = [new for new in news if new.upload.size > self.settings.put_max_size]
            ready: dict[str, NewUpload | UploadError] = {new.upload.id: new for new in news}
            ready |= zip((new.upload.id for new in large), at_once(start, large), strict=True)
            failed = {name: new for name, new in ready.items() if isinstance(new, UploadError)}
            sound = [new for new in ready.values() if isinstance(new, NewUpload)]
            return failed | self._store(owner, sound)
        except BaseException:
            self._abort(started)
            self.table.forget(owner, news)
            raise

    def _start_multipart(self, new: NewUpload) -> NewUpload:
        upload = new.upload
        multipart_id = self.storage.create_multipart(upload.key, content_type=upload.content_type)
        return replace(new, upload=replace(upload, multipart_id=multipart_id))

    def _store(self, owner: str, news: Sequence[NewUpload]) -> dict[str, Upload | UploadError]:
        """Store the rows of new uploads, then remove those that exceed the limit again."""
        results = self.table.put_all(owner, news)
        new_rows = [new for new, result in zip(news, results, strict=True) if result is new.upload]
        refused = self._refuse_excess(owner, new_rows)
        self._abort([new for new in news if new not in new_rows or new in refused])
        return {
            new.upload.id: self._too_many() if new in refused else _result(new.upload, result)
            for new, result in zip(news, results, strict=True)
        }

    def _too_many(self) -> TooManyUploads:
        most = self.settings.max_in_progress
        return TooManyUploads(f"{most} uploads are under way; finish or delete one", limit=most)

    def _refuse_excess(self, owner: str, news: Sequence[NewUpload]) -> list[NewUpload]:
        """Remove the last of the new rows where the owner has too many uploads in progress.

        The new rows are counted too, so simultaneous requests see each other. They remove rows one
        after the other: each only if nobody else has refused an upload since it counted. If two
        counted the same excess, both would remove it.
        """
        most = self.settings.max_in_progress
        remaining, refused = list(news), list[NewUpload]()
        is_over = bool(remaining) and self.table.in_progress(owner, most=most) > most
        while remaining and is_over:
            refusals = self.table.refusals(owner)
            excess = self.table.in_progress(owner, most=most) - most
            is_over = excess > 0
            if is_over:
                removed = self.table.refuse(owner, remaining[-excess:], refusals=refusals)
                refused += removed
                remaining = [new for new in remaining if new not in removed]
        return refused

    def _abort(self, news: Sequence[NewUpload]) -> None:
        for new in news:
            if new.upload.multipart_id is not None:
                self.storage.abort(new.upload.key, new.upload.multipart_id)


def _result(new: Upload, result: Upload | UploadError) -> Upload | UploadError:
    """The result of a create: the new upload, the earlier one with its key, or an error."""
    if isinstance(result, UploadError):
        return result
    if result is new:
        log.info("created", extra=result.log_fields | {"metrics": metrics.CREATED})
        return result
    if not _is_repeated(new, result):
        return IdempotencyKeyReused("Use a new idempotency_key for another file")
    if result.state is not State.UPLOADING:
        return WrongState(f"The upload is {result.state}", id=result.id, state=result.state.value)
    return result


def _member_key(idempotency_key: str | None, number: int) -> str | None:
    """The key of a member without its own; no client can choose a key with a point in it."""
    return f"{idempotency_key}.{number}" if idempotency_key is not None else None


def _is_repeated(new: Upload, earlier: Upload) -> bool:
    """Whether a request announces the same file as an earlier one with its idempotency key.

    The checksum of a single PUT is part of its sheet. That of a multipart upload may have come
    later, with a complete.
    """
    same_checksum = new.crc64nvme == earlier.crc64nvme or (
        new.crc64nvme is None and earlier.multipart_id is not None
    )
    return same_checksum and (new.filename, new.size, new.content_type) == (
        earlier.filename,
        earlier.size,
        earlier.content_type,
    )
