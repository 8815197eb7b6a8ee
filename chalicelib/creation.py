"""Uploads begun, up to a hundred at once: check the rules, begin in S3, remember, count.

Each succeeds or fails by itself, and nothing is left behind of one that fails. Everything it needs
is passed in; the ports below name exactly the operations used. Must not know HTTP, boto3, the
environment, or how anything is signed.
"""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib import keys, metrics, parts, rules
from chalicelib.config import Settings
from chalicelib.errors import IdempotencyKeyReused, TooManyUploads, UploadError, WrongState
from chalicelib.parallel import at_once
from chalicelib.ports import MultipartUploads, NewRows
from chalicelib.upload import CHECK_AFTER, Announcement, NewUpload, State, Upload

log = logging.getLogger(__name__)

# Members of one request: more would not fit into the time that API Gateway waits.
MAX_MEMBERS = 100


@dataclass(frozen=True, slots=True)
class Creation:
    """The beginning of uploads; `now` is the clock (UTC)."""

    settings: Settings
    storage: MultipartUploads
    table: NewRows
    now: Callable[[], datetime]

    def create(
        self,
        owner: str,
        asked: Sequence[Announcement | UploadError],
        *,
        idempotency_key: str | None = None,
    ) -> list[Upload | UploadError]:
        """Begin an upload for each announcement; what each came to, in their order.

        An error among the announcements is passed on as it is. What was created under an
        idempotency key before is that upload again. The key of the request gives those a key that
        have none of their own. Raises InvalidRequest for a request that no member can answer.
        """
        rules.check_member_count(len(asked), most=MAX_MEMBERS)
        rules.check_idempotency_key(idempotency_key)
        planned = [
            self._planned(owner, one, _member_key(idempotency_key, number))
            for number, one in enumerate(asked)
        ]
        outcomes = self._begin(owner, [new for new in planned if isinstance(new, NewUpload)])
        return [outcomes[new.upload.id] if isinstance(new, NewUpload) else new for new in planned]

    def _planned(
        self, owner: str, asked: Announcement | UploadError, member_key: str | None
    ) -> NewUpload | UploadError:
        """A new upload by the rules; nothing of it is anywhere yet."""
        if isinstance(asked, UploadError):
            return asked
        declared = asked.content_type or rules.DEFAULT_CONTENT_TYPE
        try:
            rules.check_filename(asked.filename)
            rules.check_size(asked.size, max_size=self.settings.max_size)
            rules.check_content_type(declared, asked.filename, allowed=self.settings.allowed_types)
            rules.check_crc64nvme(asked.crc64nvme)
            rules.check_idempotency_key(asked.idempotency_key)
            rules.check_strategy(asked.strategy, crc64nvme=asked.crc64nvme)
        except UploadError as error:
            return error
        plan = parts.plan(
            asked.size, put_max_size=self.settings.put_max_size, part_size=self.settings.part_size
        )
        now = self.now()
        upload_id = keys.new_upload_id(now, os.urandom(10))
        upload = Upload(
            id=upload_id,
            owner=owner,
            filename=asked.filename,
            size=asked.size,
            content_type=declared,
            key=keys.object_key(owner=owner, upload_id=upload_id, filename=asked.filename),
            state=State.UPLOADING,
            part_size=plan.part_size,
            part_count=plan.part_count,
            created_at=now,
            updated_at=now,
            crc64nvme=asked.crc64nvme,
            charged=asked.size,
            check_at=now + CHECK_AFTER,
        )
        return NewUpload(upload, asked.idempotency_key or member_key)

    def _begin(self, owner: str, news: Sequence[NewUpload]) -> dict[str, Upload | UploadError]:
        """Begin in S3 and in the table; whatever prevents that, nothing is left in either.

        Returns what each came to, by its id.
        """
        begun: list[NewUpload] = []

        def begin(new: NewUpload) -> NewUpload:
            begun.append(self._begin_multipart(new))
            return begun[-1]

        try:
            large = [new for new in news if new.upload.size > self.settings.put_max_size]
            ready: dict[str, NewUpload | UploadError] = {new.upload.id: new for new in news}
            ready |= zip((new.upload.id for new in large), at_once(begin, large), strict=True)
            failed = {name: new for name, new in ready.items() if isinstance(new, UploadError)}
            sound = [new for new in ready.values() if isinstance(new, NewUpload)]
            return failed | self._remember(owner, sound)
        except BaseException:
            self._abort(begun)
            self.table.forget(owner, news)
            raise

    def _begin_multipart(self, new: NewUpload) -> NewUpload:
        upload = new.upload
        multipart_id = self.storage.create_multipart(upload.key, content_type=upload.content_type)
        return replace(new, upload=replace(upload, multipart_id=multipart_id))

    def _remember(self, owner: str, news: Sequence[NewUpload]) -> dict[str, Upload | UploadError]:
        """Put new uploads in the table, and take back what is one too many."""
        stored = self.table.put_all(owner, news)
        made = [new for new, upload in zip(news, stored, strict=True) if upload is new.upload]
        refused = self._refuse_excess(owner, made)
        self._abort([new for new in news if new not in made or new in refused])
        return {
            new.upload.id: self._too_many() if new in refused else _answer(new.upload, upload)
            for new, upload in zip(news, stored, strict=True)
        }

    def _too_many(self) -> TooManyUploads:
        most = self.settings.max_in_progress
        return TooManyUploads(f"{most} uploads are under way; finish or delete one", limit=most)

    def _refuse_excess(self, owner: str, made: Sequence[NewUpload]) -> list[NewUpload]:
        """Take back the last of what was made, where more is under way than may be.

        What was made is counted itself, so requests at the same time see each other. They take
        back one after the other, each over the number of refusals that it read before it counted:
        if two counted the same excess, both would take it back.
        """
        most = self.settings.max_in_progress
        left, refused = list(made), list[NewUpload]()
        is_over = bool(left) and self.table.in_progress(owner, most=most) > most
        while left and is_over:
            refusals = self.table.refusals(owner)
            excess = self.table.in_progress(owner, most=most) - most
            is_over = excess > 0
            if is_over:
                gone = self.table.refuse(owner, left[-excess:], refusals=refusals)
                refused += gone
                left = [new for new in left if new not in gone]
        return refused

    def _abort(self, news: Sequence[NewUpload]) -> None:
        for new in news:
            if new.upload.multipart_id is not None:
                self.storage.abort(new.upload.key, new.upload.multipart_id)


def _answer(new: Upload, stored: Upload | UploadError) -> Upload | UploadError:
    """What a new upload came to: made, known under its key before, or refused."""
    if isinstance(stored, UploadError):
        return stored
    if stored is new:
        log.info("created", extra=stored.log_fields | {"metrics": metrics.CREATED})
        return stored
    if not _asks_for(new, stored):
        return IdempotencyKeyReused("Use a new idempotency_key for another file")
    if stored.state is not State.UPLOADING:
        return WrongState(f"The upload is {stored.state}", id=stored.id, state=stored.state.value)
    return stored


def _member_key(idempotency_key: str | None, number: int) -> str | None:
    """The key of a member that has none of its own; no client can choose one with a point."""
    return f"{idempotency_key}.{number}" if idempotency_key is not None else None


def _asks_for(asked: Upload, remembered: Upload) -> bool:
    """Whether a request that comes again asks for the upload that was created under its key.

    The sheet of a whole file holds the checksum; a complete may have named that of a multipart one.
    """
    same_checksum = asked.crc64nvme == remembered.crc64nvme or (
        asked.crc64nvme is None and remembered.multipart_id is not None
    )
    return same_checksum and (asked.filename, asked.size, asked.content_type) == (
        remembered.filename,
        remembered.size,
        remembered.content_type,
    )
