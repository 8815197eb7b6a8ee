"""Object key <-> owner, upload id and filename; and where upload ids come from.

A key is `uploads/{owner}/{upload id}/{filename}`, so that a prefix is all an owner can reach. The
filename in a key is made safe for every S3 server; the name as the person gave it is kept in the
table. Below their own prefix, owners with temporary credentials choose keys as they like.
Pure: knows no AWS client and no clock.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

PREFIX = "uploads/"
# S3 takes keys of up to 1,024 bytes of UTF-8
# (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html); the rest is prefix.
MAX_FILENAME_BYTES = 255
_SAFE_PUNCTUATION = frozenset("._-()+ ")
_UPLOAD_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_OWNER = re.compile(r"[A-Za-z0-9_:-]{1,128}")
# A key that ends in a slash is a folder that a tool has made, never a file.
_KEY = re.compile(rf"{PREFIX}(?P<owner>{_OWNER.pattern})/(?P<path>.*[^/])", re.DOTALL)
_PLANNED = re.compile(rf"(?P<upload_id>{_UPLOAD_ID.pattern})/[^/]+")


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """A key below an owner's prefix; `path` is what comes after that."""

    owner: str
    path: str

    def __str__(self) -> str:
        return f"{owner_prefix(self.owner)}{self.path}"

    @property
    def upload_id(self) -> str | None:
        """The id in a key of the form that `object_key` gives; None where the owner chose it."""
        found = _PLANNED.fullmatch(self.path)
        return found["upload_id"] if found else None

    @property
    def filename(self) -> str:
        """Its last segment, safe to show wherever a filename is."""
        return safe_filename(self.path.rpartition("/")[2])


def is_owner(text: str) -> bool:
    """Whether a text can be an owner: as Cognito's ids, without a slash or an IAM wildcard."""
    return _OWNER.fullmatch(text) is not None


def owner_prefix(owner: str) -> str:
    """The prefix of all that is an owner's."""
    return f"{PREFIX}{owner}/"


def object_key(*, owner: str, upload_id: str, filename: str) -> str:
    """The key under which an owner's upload is stored; `filename` may be any text."""
    return str(ObjectKey(owner, f"{upload_id}/{safe_filename(filename)}"))


def parse_key(key: str) -> ObjectKey | None:
    """The owner in a decoded key and what follows; None for a key that no upload can have."""
    found = _KEY.fullmatch(key)
    return ObjectKey(**found.groupdict()) if found else None


def safe_filename(filename: str) -> str:
    """Letters and digits of any script and `._-()+ ` stay, the rest becomes `_`; at most 255 bytes.

    A name that is too long loses its middle, not its extension.
    """
    safe = "".join(c if c.isalnum() or c in _SAFE_PUNCTUATION else "_" for c in filename).strip()
    stem, dot, extension = safe.rpartition(".")
    if not stem or len(extension.encode()) > MAX_FILENAME_BYTES // 4:
        stem, dot, extension = safe, "", ""
    ending = dot + extension
    safe = _cut(stem, MAX_FILENAME_BYTES - len(ending.encode())) + ending
    return safe if safe.strip(".") else "_" + safe[1:]


def new_upload_id(now: datetime, randomness: bytes) -> str:
    """A UUID version 7 (RFC 9562): ids sort by the millisecond they were made in.

    `randomness` is ten bytes from the operating system; 74 bits of them are used.
    """
    milliseconds = int(now.timestamp() * 1000)
    value = (milliseconds << 80) | int.from_bytes(randomness[:10], "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return str(UUID(int=value))


def is_upload_id(text: str) -> bool:
    """Whether a text has the form of an upload id."""
    return _UPLOAD_ID.fullmatch(text) is not None


def _cut(text: str, size: int) -> str:
    """The longest beginning of a text that takes at most `size` bytes of UTF-8."""
    return text.encode()[:size].decode(errors="ignore")
