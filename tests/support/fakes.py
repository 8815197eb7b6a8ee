"""The ports in memory: they behave like the real adapters and record their calls.

`test_table.py`, `test_storage.py` and `test_browser.py` run one contract on a fake and on the real
server, so that a fake cannot lie.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any

from botocore.exceptions import ClientError

from chalicelib import keys, transitions
from chalicelib.errors import (
    ChecksumMismatch,
    InvalidRequest,
    TryAgain,
    UploadError,
    UploadExpired,
    UploadNotFound,
)
from chalicelib.new_uploads import IDEMPOTENCY_KEPT
from chalicelib.reader import ObjectReplaced
from chalicelib.records import Failure
from chalicelib.transitions import Claim
from chalicelib.upload import NewUpload, Part, State, StoredObject, Upload, expires_in
from chalicelib.usage import Quota
from tests.support.running import crc64nvme as checksum

EPOCH = datetime(2026, 3, 1, 11, 59, tzinfo=UTC)
# A quota that is large enough for every test that is not about quotas.
AMPLE = Quota(max_bytes=2**60, max_files=1000)


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    time: datetime

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Invocation:
    """Lambda's context object."""

    aws_request_id: str = "request-1"
    seconds: float = 60
    function_name: str = "hoist-test"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass
class Interruptions:
    """Actions of somebody else, run once just before the next call of `happen`."""

    waiting: list[Callable[[], object]] = field(default_factory=list)

    def add(self, action: Callable[[], object]) -> None:
        self.waiting.append(action)

    def happen(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


@dataclass
class MemoryTable:
    """`UploadTable`: every change is what `transitions` decides."""

    now: Callable[[], datetime]
    rejected_days: int = 7
    quota: Quota = AMPLE
    items: dict[tuple[str, str], Upload] = field(default_factory=dict)
    due: dict[tuple[str, str], datetime] = field(default_factory=dict)
    created_under: dict[tuple[str, str], Upload] = field(default_factory=dict)
    adopted: dict[str, Upload] = field(default_factory=dict)
    swept: dict[str, str] = field(default_factory=dict)
    before_put: Interruptions = field(default_factory=Interruptions)
    before_change: Interruptions = field(default_factory=Interruptions)
    before_count: Interruptions = field(default_factory=Interruptions)
    before_refuse: Interruptions = field(default_factory=Interruptions)
    refused: dict[str, int] = field(default_factory=dict)

    def _put(self, upload: Upload, idempotency_key: str | None) -> Upload:
        self.before_put.happen()
        if idempotency_key is not None:
            earlier = self.created_under.get((upload.owner, idempotency_key))
            if earlier and self.now() < earlier.created_at + IDEMPOTENCY_KEPT:
                upload_now = self.get(earlier.owner, earlier.id)
                if upload_now is None:
                    raise TryAgain
                return upload_now
        self._check_room(upload.owner, before=None, after=upload.charged)
        if (upload.owner, upload.id) in self.items:
            raise TryAgain
        if idempotency_key is not None:
            self.created_under[upload.owner, idempotency_key] = upload
        self.items[upload.owner, upload.id] = upload
        return upload

    def put_all(self, owner: str, news: Sequence[NewUpload]) -> list[Upload | UploadError]:
        outcomes: list[Upload | UploadError] = []
        for new in news:
            assert new.upload.owner == owner
            try:
                outcomes.append(self._put(new.upload, new.idempotency_key))
            except UploadError as error:
                outcomes.append(error)
        return outcomes

    def forget(self, owner: str, news: Sequence[NewUpload]) -> None:
        for new in news:
            upload = new.upload
            if self.items.get((owner, upload.id), upload).version != upload.version:
                continue
            self.items.pop((owner, upload.id), None)
            name = (owner, new.idempotency_key or "")
            if name in self.created_under and self.created_under[name].id == upload.id:
                del self.created_under[name]

    def refusals(self, owner: str) -> int:
        return self.refused.get(owner, 0)

    def refuse(
        self, owner: str, news: Sequence[NewUpload], *, refusals: int
    ) -> Sequence[NewUpload]:
        self.before_refuse.happen()
        if refusals != self.refusals(owner):
            return []
        self.refused[owner] = refusals + 1
        self.forget(owner, news)
        return news

    def of_object(self, name: keys.ObjectKey) -> Upload | None:
        announced = self.get(name.owner, name.upload_id) if name.upload_id else None
        if announced is not None and announced.key == str(name):
            return announced
        return self._adopted(str(name))

    def adopt(self, upload: Upload) -> Upload:
        earlier = self._adopted(upload.key)
        if earlier is not None:
            return earlier
        self._check_room(upload.owner, before=None, after=upload.charged)
        self.adopted[upload.key] = upload
        self.items[upload.owner, upload.id] = upload
        return upload

    def _adopted(self, key: str) -> Upload | None:
        adopted = self.adopted.get(key)
        upload = self.get(adopted.owner, adopted.id) if adopted else None
        return upload if upload and upload.state is not State.ABORTED else None

    def get(self, owner: str, upload_id: str) -> Upload | None:
        if len(upload_id) > 1000:  # DynamoDB refuses keys of more than 2,048 bytes
            raise client_error("ValidationException", "GetItem")
        upload = self.items.get((owner, upload_id))
        return None if upload is None or self._is_due(upload) else upload

    def in_progress(self, owner: str, *, most: int) -> int:  # noqa: ARG002 - counts are right here
        self.before_count.happen()
        return len([u for u in self._all(owner) if u.state is State.UPLOADING and not u.is_adopted])

    def change(self, upload: Upload, **moved: Any) -> Upload:
        return self._edit(upload, lambda current: transitions.move(current, **moved))

    def claim(self, upload: Upload, by: Claim) -> tuple[Upload, State]:
        before: list[State] = []

        def decide(current: Upload) -> dict[str, Any]:
            before.append(current.state)
            return transitions.claim(current, by, now=self.now())

        return self._edit(upload, decide), before[-1]

    def settle(self, upload: Upload, **settled: Any) -> Upload:
        return self._edit(upload, lambda current: transitions.settle(current, **settled))

    def fail(self, upload: Upload, failure: Failure) -> Upload:
        return self._edit(upload, lambda current: transitions.fail(current, failure))

    def begin_notifying(self, upload: Upload, **claim: Any) -> Upload:
        return self._edit(
            upload, lambda current: transitions.begin_notifying(current, **claim, now=self.now())
        )

    def end_notifying(self, upload: Upload, **ended: Any) -> Upload:
        return self._edit(upload, lambda current: transitions.end_notifying(current, **ended))

    def check_again(self, upload: Upload, at: datetime) -> Upload:
        return self._edit(upload, lambda _: {"check_at": at})

    def begin_deletion(self, upload: Upload) -> Upload:
        now = self.now()
        return self._edit(upload, lambda _: {"deletion_began_at": now, "check_at": now})

    def rest(self, upload: Upload) -> bool:
        current = self.get(upload.owner, upload.id)
        if current is None or current.version != upload.version:
            return False
        self._edit(upload, lambda _: {"check_at": None, "deletion_began_at": None})
        return True

    def to_check(self) -> Iterator[Upload]:
        now = self.now()
        due = [u for u in self.items.values() if u.check_at and u.check_at <= now]
        due = [upload for upload in due if not self._is_due(upload)]
        yield from sorted(due, key=lambda upload: upload.id)

    def sweep(self) -> dict[str, str]:
        return self.swept

    def keep_sweep(self, **values: str) -> None:
        self.swept = values

    def _edit(self, upload: Upload, decide: Callable[[Upload], dict[str, Any]]) -> Upload:
        self.before_change.happen()
        current = self.get(upload.owner, upload.id)
        if current is None:
            raise UploadNotFound
        attributes = {**decide(current), "version": current.version + 1}
        if "state" in attributes:
            attributes["updated_at"] = self.now()
        charged = attributes.get("charged", current.charged)
        self._check_room(current.owner, before=current.charged, after=charged)
        changed = replace(current, **attributes)
        self.items[current.owner, current.id] = changed
        lifetime = expires_in(changed.state, rejected_days=self.rejected_days)
        self.due.pop((current.owner, current.id), None)
        if lifetime is not None:
            self.due[current.owner, current.id] = self.now() + lifetime
        return changed

    def newest(
        self, owner: str, *, state: State | None, cursor: str | None, limit: int
    ) -> tuple[list[Upload], str | None]:
        if cursor and not keys.is_upload_id(cursor):
            raise InvalidRequest("cursor is not one of an earlier answer")
        uploads = [
            upload
            for upload in self._all(owner)
            if state in (None, upload.state) and (not cursor or upload.id < cursor)
        ]
        page = uploads[:limit]
        return page, page[-1].id if len(uploads) > limit else None

    def _check_room(self, owner: str, *, before: int | None, after: int | None) -> None:
        charged = [u.charged for u in self._all(owner) if u.charged is not None]
        if (after or 0) > (before or 0) and (
            sum(charged) - (before or 0) + (after or 0) > self.quota.max_bytes
        ):
            raise self.quota.exceeded()
        if before is None and after is not None and len(charged) >= self.quota.max_files:
            raise self.quota.exceeded()

    def _all(self, owner: str) -> list[Upload]:
        """An owner's uploads that have not expired, newest first."""
        items = sorted(self.items.items(), reverse=True)
        return [u for (whose, _), u in items if whose == owner and not self._is_due(u)]

    def _is_due(self, upload: Upload) -> bool:
        due = self.due.get((upload.owner, upload.id))
        return due is not None and due <= self.now()


@dataclass
class MemoryStorage:
    """`S3Storage`; `receive_part` and `receive_object` stand for presigned requests."""

    objects: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    multiparts: dict[str, tuple[str, dict[int, bytes]]] = field(default_factory=dict)
    content_types: dict[str, str] = field(default_factory=dict)
    # When each object was written; `EPOCH` unless a test says otherwise.
    written_at: dict[str, datetime] = field(default_factory=dict)
    # Unusual values that HeadObject reports of an object.
    oddities: dict[str, dict[str, Any]] = field(default_factory=dict)
    before_complete: Interruptions = field(default_factory=Interruptions)
    before_tag: Interruptions = field(default_factory=Interruptions)
    before_read: Interruptions = field(default_factory=Interruptions)
    after_complete: Interruptions = field(default_factory=Interruptions)
    created: int = 0
    patient: bool = True
    keeps_checksums: bool = True

    def create_multipart(self, key: str, *, content_type: str) -> str:
        self.created += 1
        multipart_id = f"multipart-{self.created}"
        self.multiparts[multipart_id] = (key, {})
        self.content_types[key] = content_type
        return multipart_id

    def receive_part(self, key: str, multipart_id: str, number: int, data: bytes) -> None:
        self._parts(key, multipart_id)[number] = data

    def receive_object(self, key: str, data: bytes, *, at: datetime | None = None) -> None:
        self.objects[key] = data
        self.tags.pop(key, None)
        if at is not None:
            self.written_at[key] = at

    def list_parts(self, key: str, multipart_id: str) -> list[Part] | None:
        if multipart_id not in self.multiparts:
            return None
        return [
            Part(number, len(data), _etag(data))
            for number, data in sorted(self._parts(key, multipart_id).items())
        ]

    def complete(
        self,
        key: str,
        multipart_id: str,
        *,
        parts: Collection[Part],
        size: int,
        crc64nvme: str | None,
    ) -> bool:
        self.before_complete.happen()
        if multipart_id not in self.multiparts or key in self.objects:
            raise UploadExpired
        part_data = self._parts(key, multipart_id)
        data = b"".join(part_data[part.number] for part in parts)
        if len(data) != size:
            raise client_error("InvalidRequest", "CompleteMultipartUpload")
        if crc64nvme is not None and crc64nvme != checksum(data):
            raise ChecksumMismatch
        if not self.patient:
            return False
        del self.multiparts[multipart_id]
        self.objects[key] = data
        self.after_complete.happen()
        return True

    def abort(self, key: str, multipart_id: str) -> None:
        if multipart_id in self.multiparts:
            self._parts(key, multipart_id).clear()
            del self.multiparts[multipart_id]

    def head(self, key: str) -> StoredObject | None:
        data = self.objects.get(key)
        if data is None:
            return None
        crc64nvme = checksum(data) if self.keeps_checksums else None
        content_type = self.content_types.get(key, "binary/octet-stream")
        written_at = self.written_at.get(key, EPOCH)
        s3_object = StoredObject(
            len(data), _etag(data).strip('"'), crc64nvme, content_type, last_modified=written_at
        )
        return replace(s3_object, **self.oddities.get(key, {}))

    def read_range(self, key: str, offset: int, size: int, *, etag: str) -> bytes:
        self.before_read.happen()
        data = self.objects.get(key)
        if data is None or _etag(data).strip('"') != etag:
            raise ObjectReplaced(key)
        return data[offset : offset + size]

    def tag(self, key: str, *, state: str) -> bool:
        self.before_tag.happen()
        if key not in self.objects:
            return False
        self.tags[key] = state
        return True

    def state_tag(self, key: str) -> str | None:
        return self.tags.get(key)

    def list_objects(self, prefix: str, *, after: str) -> Iterator[tuple[str, StoredObject]]:
        for key in sorted(self.objects):
            s3_object = self.head(key)
            if s3_object is not None and key.startswith(prefix) and key > after:
                yield key, replace(s3_object, crc64nvme=None, content_type="")

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)
        self.tags.pop(key, None)

    def _parts(self, key: str, multipart_id: str) -> dict[int, bytes]:
        own_key, parts = self.multiparts[multipart_id]
        assert own_key == key, "a multipart upload belongs to one key"
        return parts


@dataclass
class RecordingPages:
    """An owner's open pages, and the uploads they received, in order."""

    shown_uploads: list[Upload] = field(default_factory=list)

    def show(self, upload: Upload) -> None:
        self.shown_uploads.append(upload)

    @property
    def states(self) -> list[str]:
        return [upload.state.value for upload in self.shown_uploads]


@dataclass
class RecordingTopic:
    """SNS's `publish`: the messages that subscribers got."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    before_publish: Interruptions = field(default_factory=Interruptions)

    def publish(self, **message: Any) -> dict[str, str]:
        self.before_publish.happen()
        self.messages.append(message)
        return {"MessageId": str(len(self.messages))}


class GoneException(ClientError):
    """API Gateway's answer for a closed connection."""


class RecordingGateway:
    """The management API of the WebSocket gateway; connections in `gone` are closed."""

    class exceptions:  # noqa: N801 - the name a boto3 client has for it
        GoneException = GoneException

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.gone: set[str] = set()
        self.broken = False

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:  # noqa: N803 - boto3's
        if self.broken:
            raise client_error("LimitExceededException", "PostToConnection")
        if ConnectionId in self.gone:
            raise GoneException({"Error": {"Code": "GoneException"}}, "PostToConnection")
        self.sent.append((ConnectionId, Data))


def client_error(code: str, operation: str) -> ClientError:
    """An error as boto3 raises it."""
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def _etag(data: bytes) -> str:
    return f'"{md5(data, usedforsecurity=False).hexdigest()}"'
