"""S3 as the use cases see it: objects that are replaced, tagged, deleted, and parts of uploads.

Every call is interrupted before and after its effect. An object's content is a value that says what
a check will find; two contents may share an ETag, as files with one MD5 do.
"""

from base64 import b64encode
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol, TypeVar

from chalicelib.errors import ChecksumMismatch, UploadExpired
from chalicelib.reader import ObjectReplaced
from chalicelib.upload import Part, StoredObject

T = TypeVar("T")


class Calls(Protocol):
    """How a call is made: interrupted, throttled, its answer lost."""

    def call(self, what: str, effect: Callable[[], T], *, writes: bool = True) -> T: ...
    def now(self) -> datetime: ...
    def who(self) -> str: ...


@dataclass(frozen=True)
class Content:
    """Bytes: what they are called, how many, their checksums, and whether a check accepts them."""

    name: str
    size: int
    etag: str
    is_good: bool
    # Whether reading it fails, as with a key of KMS that nobody may use.
    is_forbidden: bool = False
    # The content that it was forged to have the checksum of, if of any.
    like: str = ""

    @property
    def crc64nvme(self) -> str:
        """In the form of S3's, since announcements have it."""
        digest = sha256((self.like or self.name).encode()).digest()
        return b64encode(digest[:8]).decode()

    @property
    def first_bytes(self) -> bytes:
        return b"good" if self.is_good else b"evil"


class Forbidden(Exception):
    """S3 answers AccessDenied."""


@dataclass
class Object:
    """A content under a key, since when, and its tags."""

    content: Content
    written: datetime
    sequencer: str
    tags: dict[str, str] = field(default_factory=dict)
    is_archived: bool = False


@dataclass
class Multipart:
    """A multipart upload under way: its parts are parts of one content."""

    key: str
    begun: datetime
    content: Content | None = None


class S3:
    """One bucket; `created` and `deleted` hear of what comes, and of what the product deletes."""

    def __init__(
        self,
        calls: Calls,
        created: Callable[[str, Object], None],
        deleted: Callable[[str, Object], None],
    ) -> None:
        self.objects: dict[str, Object] = {}
        self.multiparts: dict[str, Multipart] = {}
        # What each task last saw of an object.
        self.seen: dict[str, Content] = {}
        self._calls, self._created, self._deleted = calls, created, deleted
        self._count = 0

    # What senders do; no call of ours.

    def put(
        self, key: str, content: Content, *, once: bool = False, archived: bool = False
    ) -> bool:
        """A PUT, with `once` refused where there is an object; returns whether it was taken."""
        if once and key in self.objects:
            return False
        self._store(key, content, archived=archived)
        return True

    def put_parts(self, multipart_id: str, content: Content) -> bool:
        """All parts of a multipart upload; returns whether S3 knows it."""
        found = self.multiparts.get(multipart_id)
        if found is None:
            return False
        found.content = content
        return True

    def _store(self, key: str, content: Content, *, archived: bool = False) -> None:
        self._count += 1
        written = self._calls.now().replace(microsecond=0)
        stored = Object(content, written, f"{0x5000 + self._count:X}", is_archived=archived)
        self.objects[key] = stored
        self._created(key, stored)

    # What the use cases ask: the ports of `uploads`, `processing` and `sweep`.

    def create_multipart(self, key: str, *, content_type: str) -> str:  # noqa: ARG002 - the port's
        def effect() -> str:
            self._count += 1
            multipart_id = f"multipart-{self._count}"
            self.multiparts[multipart_id] = Multipart(key, self._calls.now())
            return multipart_id

        return self._calls.call("CreateMultipartUpload", effect)

    def list_parts(self, key: str, multipart_id: str) -> list[Part] | None:  # noqa: ARG002
        def effect() -> list[Part] | None:
            found = self.multiparts.get(multipart_id)
            if found is None:
                return None
            return [] if found.content is None else [Part(1, found.content.size, "part")]

        return self._calls.call("ListParts", effect, writes=False)

    def complete(
        self,
        key: str,
        multipart_id: str,
        *,
        parts: Collection[Part],  # noqa: ARG002 - the port's
        size: int,  # noqa: ARG002
        crc64nvme: str | None,
    ) -> bool:
        def effect() -> bool:
            found = self.multiparts.get(multipart_id)
            if found is None or found.content is None or key in self.objects:
                raise UploadExpired
            if crc64nvme not in (None, found.content.crc64nvme):
                raise ChecksumMismatch
            del self.multiparts[multipart_id]
            self._store(key, found.content)
            return True

        return self._calls.call("CompleteMultipartUpload", effect)

    def abort(self, key: str, multipart_id: str) -> None:  # noqa: ARG002 - the port's
        self._calls.call("AbortMultipartUpload", lambda: self.multiparts.pop(multipart_id, None))

    def head(self, key: str) -> StoredObject | None:
        def effect() -> StoredObject | None:
            if key in self.objects:
                self.seen[self._calls.who()] = self.objects[key].content
            return self._head(key)

        return self._calls.call(f"HeadObject {key}", effect, writes=False)

    def _head(self, key: str) -> StoredObject | None:
        found = self.objects.get(key)
        if found is None:
            return None
        return StoredObject(
            found.content.size,
            found.content.etag,
            found.content.crc64nvme,
            "text/plain",
            found.written,
            unreadable="It is stored as DEEP_ARCHIVE" if found.is_archived else None,
        )

    def read_range(self, key: str, offset: int, size: int, *, etag: str) -> bytes:  # noqa: ARG002
        def effect() -> bytes:
            found = self.objects.get(key)
            if found is None or found.content.etag != etag:
                raise ObjectReplaced(key)
            if found.content.is_forbidden:
                raise Forbidden(key)
            return found.content.first_bytes

        return self._calls.call(f"GetObject {key}", effect, writes=False)

    def tag(self, key: str, *, state: str) -> bool:
        def effect() -> bool:
            found = self.objects.get(key)
            if found is not None:
                found.tags["state"] = str(state)
            return found is not None

        return self._calls.call(f"PutObjectTagging {key} {state}", effect)

    def state_tag(self, key: str) -> str | None:
        def effect() -> str | None:
            found = self.objects.get(key)
            return None if found is None else found.tags.get("state")

        return self._calls.call(f"GetObjectTagging {key}", effect, writes=False)

    def list_objects(self, prefix: str, *, after: str) -> Iterator[tuple[str, StoredObject]]:
        listed: Mapping[str, Any] = self._calls.call(
            "ListObjectsV2",
            lambda: {k: self._head(k) for k in sorted(self.objects) if k.startswith(prefix)},
            writes=False,
        )
        for key, found in listed.items():
            if key > after and found is not None:
                yield key, replace(found, crc64nvme=None, content_type="", unreadable=None)

    def delete(self, key: str) -> None:
        def effect() -> None:
            found = self.objects.pop(key, None)
            if found is not None:
                self._deleted(key, found)

        self._calls.call(f"DeleteObject {key}", effect)
