"""Object key <-> owner, upload id and filename; new upload ids.

A key is `uploads/{owner}/{upload id}/{filename}`, so that all objects of an owner have one prefix.
The filename in a key is safe for every S3 server; the table has the name as the person chose it.
Owners with temporary credentials choose keys below their own prefix: the filename is then the last
segment of the key.
Pure: knows no AWS client and no clock.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

PREFIX = "uploads/"
# S3 takes keys of up to 1,024 bytes of UTF-8
# (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html); the rest is prefix.
MAX_FILENAME_BYTES = 255
# Characters; file systems and pages show names of this length well.
MAX_FILENAME_LENGTH = 255
# Characters that reverse text, so that `exe.jpg` may read `gpj.exe`
# (https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters).
REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SAFE_PUNCTUATION = frozenset("._-()+ ")
# Control characters, surrogates, line and paragraph separators.
_UNSHOWABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_UPLOAD_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_OWNER = re.compile(r"[A-Za-z0-9_:-]{1,128}")
# A key that ends in a slash is a folder that a tool created, never a file.
_KEY = re.compile(rf"{PREFIX}(?P<owner>{_OWNER.pattern})/(?P<path>.*[^/])", re.DOTALL)
# Browsers and HTTP libraries resolve these segments before they send a request, even where they are
# percent-encoded: nobody could download the object.
# https://url.spec.whatwg.org/#double-dot-path-segment
_DOT_SEGMENTS = frozenset({".", ".."})
# How tools name and type a folder whose key does not end in a slash.
_FOLDER_ENDING = "_$folder$"
_FOLDER_TYPES = frozenset({"application/x-directory", "httpd/unix-directory"})
_PLANNED = re.compile(rf"(?P<upload_id>{_UPLOAD_ID.pattern})/[^/]+")


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """A key below an owner's prefix; `path` is the rest of the key."""

    owner: str
    path: str

    def __str__(self) -> str:
        return f"{owner_prefix(self.owner)}{self.path}"

    @property
    def upload_id(self) -> str | None:
        """The id in a key that `object_key` built; None in one that the owner chose."""
        match = _PLANNED.fullmatch(self.path)
        return match["upload_id"] if match else None

    @property
    def filename(self) -> str:
        """The filename of an adopted object: the last segment, safe to show."""
        return shown_filename(self.path.rpartition("/")[2])

    def is_folder_marker(self, *, size: int, content_type: str) -> bool:
        """Whether a tool stored an object of this key so that an empty folder can be listed."""
        is_named = self.path.endswith(_FOLDER_ENDING)
        return size == 0 and (is_named or content_type.partition(";")[0] in _FOLDER_TYPES)


def is_owner(text: str) -> bool:
    """Whether a text can be an owner: like Cognito's ids, without a slash or an IAM wildcard."""
    return _OWNER.fullmatch(text) is not None


def owner_prefix(owner: str) -> str:
    """The prefix of all keys of an owner."""
    return f"{PREFIX}{owner}/"


def object_key(*, owner: str, upload_id: str, filename: str) -> str:
    """The key under which an owner's upload is stored; `filename` may be any text."""
    return str(ObjectKey(owner, f"{upload_id}/{safe_filename(filename)}"))


def parse_key(key: str) -> ObjectKey | None:
    """The owner and the path in a decoded key; None for a key that no upload can have."""
    match = _KEY.fullmatch(key)
    if match is None or _DOT_SEGMENTS & set(match["path"].split("/")):
        return None
    return ObjectKey(**match.groupdict())


def safe_filename(filename: str) -> str:
    """Letters and digits of any script and `._-()+ ` stay, the rest becomes `_`; at most 255 bytes.

    Combining marks stay with their letter. A longer name loses its middle, not its extension.
    """
    safe = short_filename("".join(c if _is_safe(c) else "_" for c in filename).strip())
    return safe if safe.strip(".") else "_" + safe[1:]


def short_filename(filename: str) -> str:
    """A name of at most 255 bytes, the limit of most file systems."""
    return _shortened(
        filename, MAX_FILENAME_BYTES, size_of=lambda text: len(text.encode()), cut=_cut
    )


def shown_filename(segment: str) -> str:
    """The last segment of a key as a filename that `rules.check_filename` accepts.

    Only misleading characters become `_`: control characters, line ends, characters that reverse
    text, and the backslash, which would make the name a path. At most 255 characters.
    """
    name = "".join("_" if _misleads(c) else c for c in segment)
    return _shortened(name, MAX_FILENAME_LENGTH, size_of=len, cut=lambda text, size: text[:size])


def new_upload_id(now: datetime, randomness: bytes) -> str:
    """A UUID version 7 (RFC 9562): ids sort by the millisecond of their creation.

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


def _is_safe(character: str) -> bool:
    """Whether a character of a filename may stand in a key."""
    is_mark = unicodedata.category(character).startswith("M")
    return character.isalnum() or is_mark or character in _SAFE_PUNCTUATION


def _misleads(character: str) -> bool:
    """Whether a character makes a name look different from what it is."""
    is_unshowable = unicodedata.category(character) in _UNSHOWABLE
    return is_unshowable or character in REORDERING or character == "\\"


def _shortened(
    name: str, most: int, *, size_of: Callable[[str], int], cut: Callable[[str, int], str]
) -> str:
    """A name of at most `most` units, cut in the middle; a short extension stays.

    `size_of` counts the units of a text; `cut` returns the longest beginning within a size.
    """
    stem, dot, extension = name.rpartition(".")
    if not stem or size_of(extension) > most // 4:
        stem, dot, extension = name, "", ""
    ending = dot + extension
    return cut(stem, most - size_of(ending)) + ending


def _cut(text: str, size: int) -> str:
    """The longest beginning of a text that takes at most `size` bytes of UTF-8."""
    return text.encode()[:size].decode(errors="ignore")
