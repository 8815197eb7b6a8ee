"""S3 as the use cases see it: objects that are replaced, tagged and deleted, and parts of uploads.

Other tasks may run before and after the effect of every call. An object's content is a value with
the result of a check. Two contents may share an ETag, like two files with the same MD5.
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
    """Makes calls: it may interrupt or throttle a call, or lose its answer."""

    def call(self, what: str, effect: Callable[[], T], *, writes: bool = True) -> T: ...
    def now(self) -> datetime: ...
    def who(self) -> str: ...


@dataclass(frozen=True)
class Content:
    """The bytes of a file: their name, number, ETag, and whether a check accepts them."""

    name: str
    size: int
    etag: str
    is_good: bool
    # Whether S3 denies reads, like with a key of KMS that nobody may use.
    is_forbidden: bool = False
    # The content that it has the forged checksum of, or None.
    like: str = ""

    @property
    def crc64nvme(self) -> str:
        """The checksum in S3's form, as announcements have it."""
        digest = sha256((self.like or self.name).encode()).digest()
        return b64encode(digest[:8]).decode()

    @property
    def first_bytes(self) -> bytes:
        return b"good" if self.is_good else b"evil"


class Forbidden(Exception):
    """S3 answers AccessDenied."""


@dataclass
class Object:
    """The content under a key, its time, and its tags."""

    content: Content
    modified: datetime
    sequencer: str
    tags: dict[str, str] = field(default_factory=dict)
    is_archived: bool = False


@dataclass
class Multipart:
    """A multipart upload in progress; its parts are parts of one content."""

    key: str
    started: datetime
    content: Content | None = None


class S3:
    """One bucket; it calls `created` for new objects, and `deleted` when Hoist deletes one."""

    def __init__(
        self,
        calls: Calls,
        created: Callable[[str, Object], None],
        deleted: Callable[[str, Object], None],
    ) -> None:
        self.objects: dict[str, Object] = {}
        self.multiparts: dict[str, Multipart] = {}
        # The content of the object that each task requested last.
        self.last_seen: dict[str, Content] = {}
        self._calls, self._created, self._deleted = calls, created, deleted
        self._count = 0

    # Calls of senders, not of Hoist.

    def put(
        self, key: str, content: Content, *, once: bool = False, archived: bool = False
    ) -> bool:
        """PutObject; with `once` it fails for an existing key. Returns whether it succeeded."""
        if once and key in self.objects:
            return False
        self._store(key, content, archived=archived)
        return True

    def put_parts(self, multipart_id: str, content: Content) -> bool:
        """Upload all parts of a multipart upload; returns whether the upload exists."""
        multipart = self.multiparts.get(multipart_id)
        if multipart is None:
            return False
        multipart.content = content
        return True

    def _store(self, key: str, content: Content, *, archived: bool = False) -> None:
        self._count += 1
        modified = self._calls.now().replace(microsecond=0)
        sequencer = f"{0x5000 + self._count:X}"
        self.objects[key] = Object(content, modified, sequencer, is_archived=archived)
        self._created(key, self.objects[key])

    # Calls of the use cases: the ports of `uploads`, `processing` and `sweep`.

    def create_multipart(self, key: str, *, content_type: str) -> str:  # noqa: ARG002 - the port's
        def effect() -> str:
            self._count += 1
            multipart_id = f"multipart-{self._count}"
            self.multiparts[multipart_id] = Multipart(key, self._calls.now())
            return multipart_id

        return self._calls.call("CreateMultipartUpload", effect)

    def list_parts(self, key: str, multipart_id: str) -> list[Part] | None:  # noqa: ARG002
        def effect() -> list[Part] | None:
            multipart = self.multiparts.get(multipart_id)
            if multipart is None:
                return None
            return [] if multipart.content is None else [Part(1, multipart.content.size, "part")]

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
            multipart = self.multiparts.get(multipart_id)
            if multipart is None or multipart.content is None or key in self.objects:
                raise UploadExpired
            if crc64nvme not in (None, multipart.content.crc64nvme):
                raise ChecksumMismatch
            del self.multiparts[multipart_id]
            self._store(key, multipart.content)
            return True

        return self._calls.call("CompleteMultipartUpload", effect)

    def abort(self, key: str, multipart_id: str) -> None:  # noqa: ARG002 - the port's
        self._calls.call("AbortMultipartUpload", lambda: self.multiparts.pop(multipart_id, None))

    def head(self, key: str) -> StoredObject | None:
        def effect() -> StoredObject | None:
            if key in self.objects:
                self.last_seen[self._calls.who()] = self.objects[key].content
            return self._head(key)

        return self._calls.call(f"HeadObject {key}", effect, writes=False)

    def _head(self, key: str) -> StoredObject | None:
        item = self.objects.get(key)
        if item is None:
            return None
        return StoredObject(
            item.content.size,
            item.content.etag,
            item.content.crc64nvme,
            "text/plain",
            item.modified,
            unreadable="It is stored as DEEP_ARCHIVE" if item.is_archived else None,
        )

    def read_range(self, key: str, offset: int, size: int, *, etag: str) -> bytes:  # noqa: ARG002
        def effect() -> bytes:
            item = self.objects.get(key)
            if item is None or item.content.etag != etag:
                raise ObjectReplaced(key)
            if item.content.is_forbidden:
                raise Forbidden(key)
            return item.content.first_bytes

        return self._calls.call(f"GetObject {key}", effect, writes=False)

    def tag(self, key: str, *, state: str) -> bool:
        def effect() -> bool:
            item = self.objects.get(key)
            if item is not None:
                item.tags["state"] = str(state)
            return item is not None

        return self._calls.call(f"PutObjectTagging {key} {state}", effect)

    def state_tag(self, key: str) -> str | None:
        def effect() -> str | None:
            item = self.objects.get(key)
            return None if item is None else item.tags.get("state")

        return self._calls.call(f"GetObjectTagging {key}", effect, writes=False)

    def list_objects(self, prefix: str, *, after: str) -> Iterator[tuple[str, StoredObject]]:
        listed: Mapping[str, Any] = self._calls.call(
            "ListObjectsV2",
            lambda: {k: self._head(k) for k in sorted(self.objects) if k.startswith(prefix)},
            writes=False,
        )
        for key, item in listed.items():
            if key > after and item is not None:
                yield key, replace(item, crc64nvme=None, content_type="", unreadable=None)

    def delete(self, key: str) -> None:
        def effect() -> None:
            item = self.objects.pop(key, None)
            if item is not None:
                self._deleted(key, item)

        self._calls.call(f"DeleteObject {key}", effect)
