"""Which files may be uploaded: size, name, declared type, and the type the bytes show.

Pure: each rule raises the error the client is told, or says why not in a sentence.
"""

import base64
import binascii
import mimetypes
import re
import unicodedata
from collections.abc import Sequence
from fnmatch import fnmatchcase
from urllib.parse import quote

from chalicelib.errors import FileTooLarge, InvalidRequest, TypeNotAllowed
from chalicelib.keys import MAX_FILENAME_LENGTH, REORDERING

MAX_CONTENT_TYPE_LENGTH = 127  # RFC 6838: 127 characters for a type name
CHECKSUM_SIZE = 8  # bytes of a CRC64NVME
MAX_WAIT = 2  # seconds; with S3's `COMPLETE_PATIENCE` within what API Gateway gives a request
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
DEFAULT_CONTENT_TYPE = "application/octet-stream"
# Python's own list, the same on every machine, and what it lacks.
_TYPES_BY_NAME = mimetypes.MimeTypes()
for _type, _extension in (
    ("application/jsonl", ".jsonl"),
    ("application/x-ndjson", ".ndjson"),
    ("image/heic", ".heic"),
    ("image/avif", ".avif"),
    ("application/x-executable", ".elf"),
    ("application/x-executable", ".so"),
    ("application/x-mach-binary", ".dylib"),
    ("application/java-vm", ".class"),
    ("application/vnd.microsoft.portable-executable", ".exe"),
    ("application/vnd.microsoft.portable-executable", ".dll"),
    ("application/vnd.microsoft.portable-executable", ".sys"),
):
    _TYPES_BY_NAME.add_type(_type, _extension)
# Types that say nothing: no type, and those that browsers give TypeScript for its extension's sake.
_GENERIC = frozenset({
    "", DEFAULT_CONTENT_TYPE, "binary/octet-stream", "video/mp2t", "video/vnd.dlna.mpeg-tts",
})  # fmt: skip
_EMPTY = "application/x-empty"
_PROGRAMS = frozenset({
    "application/x-executable", "application/x-mach-binary", "application/java-vm",
    "application/wasm", "application/vnd.microsoft.portable-executable",
    "application/x-msdownload", "application/x-dosexec", "application/x-msdos-program",
    "application/x-sharedlib", "application/x-elf",
})  # fmt: skip
_TEXTS = frozenset({
    "application/json", "application/xml", "application/jsonl", "application/x-ndjson",
    "application/jsonlines", "application/x-jsonlines", "application/csv", "application/yaml",
    "application/toml", "application/sql", "application/javascript", "application/x-sh",
    "application/x-tex", "application/x-subrip", "application/x-yaml", "application/typescript",
    "application/x-javascript", "application/x-httpd-php",
})  # fmt: skip
_MEDIA = frozenset({"application/ogg", "application/x-matroska", "application/mxf"})
_ZIPS = frozenset({
    "application/zip", "application/x-zip-compressed", "application/java-archive",
    "application/vnd.android.package-archive",
})  # fmt: skip
_OLE = frozenset({
    "application/x-ole-storage", "application/msword", "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint", "application/vnd.ms-outlook", "application/x-msi",
})  # fmt: skip
_OFFICE = ("vnd.openxmlformats-officedocument.", "vnd.oasis.opendocument.")
# Families whose members begin in ways that cannot be taken for another's.
_TELLING = frozenset({"image", "media", "text", "zip", "pdf"})
# What bytes show when they tell the family, or the container, and no more.
_VAGUE = frozenset({
    "text/plain", "application/xml", "application/json", "application/zip", "video/mp4",
    "application/ogg", "application/x-matroska", "video/webm", "video/x-ms-wmv",
    "application/x-ole-storage",
})  # fmt: skip


def check_filename(filename: str) -> None:
    """Refuse a name that is empty, too long, a path, or holds control characters."""
    if not 1 <= len(filename) <= MAX_FILENAME_LENGTH:
        raise InvalidRequest(f"filename takes 1 to {MAX_FILENAME_LENGTH} characters")
    if any(unicodedata.category(c) in ("Cc", "Cs") or c in REORDERING for c in filename):
        raise InvalidRequest("filename holds control characters")
    if "/" in filename or "\\" in filename or filename in (".", ".."):
        raise InvalidRequest("filename is a path; send the name alone")


def check_size(size: int, *, max_size: int) -> None:
    """Refuse a size that is negative or above the limit, both in bytes."""
    if size < 0:
        raise InvalidRequest("size is negative")
    if size > max_size:
        raise FileTooLarge(f"The limit is {max_size} bytes", max_size=max_size)


def check_content_type(content_type: str, *, allowed: Sequence[str]) -> None:
    """Refuse a declared type that no pattern (such as `video/*`) allows; no patterns allow all."""
    printable = content_type.isascii() and content_type.isprintable()
    if len(content_type) > MAX_CONTENT_TYPE_LENGTH or not printable:
        raise InvalidRequest("content_type is not a media type")
    if not is_allowed(content_type, allowed=allowed):
        raise TypeNotAllowed(f"Allowed are {', '.join(allowed)}", allowed_types=list(allowed))


def check_crc64nvme(checksum: str | None) -> None:
    """Refuse a checksum that is not the base64 of eight bytes, written as S3 writes it."""
    if checksum is None:
        return
    try:
        decoded = base64.b64decode(checksum, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != CHECKSUM_SIZE or base64.b64encode(decoded).decode() != checksum:
        raise InvalidRequest("crc64nvme is the base64 of eight bytes")


def check_wait(wait: int) -> None:
    """Refuse more seconds than complete waits for what is on its way."""
    if not 0 <= wait <= MAX_WAIT:
        raise InvalidRequest(f"wait takes 0 to {MAX_WAIT} seconds")


def check_idempotency_key(key: str | None) -> None:
    """Refuse a key that is not 1 to 64 letters, digits, `-` and `_`."""
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidRequest("idempotency_key is 1 to 64 letters, digits, - and _")


def is_allowed(content_type: str, *, allowed: Sequence[str]) -> bool:
    """Whether a type, its parameters aside, matches one of the patterns; no patterns allow all."""
    essence = _essence(content_type)
    return not allowed or any(fnmatchcase(essence, pattern.lower()) for pattern in allowed)


def settled_type(declared: str, filename: str, shown: str) -> str | None:
    """What an object is, from the type it was declared as, its name, and the type its bytes show.

    The bytes decide the family, and what was declared decides where they show no more than that: a
    text declared as CSV is CSV. None when they contradict: HTML that calls itself an image, a
    program that calls itself a document.
    """
    claimed, by_name = _essence(declared), _type_by_name(filename)
    if shown in _PROGRAMS:
        honest = {claimed, by_name} <= _PROGRAMS | _GENERIC
        return shown if honest else None
    if claimed in _GENERIC or (claimed, by_name) == ("application/vnd.ms-excel", "text/csv"):
        claimed = by_name
    if claimed in _GENERIC | _PROGRAMS:
        return shown
    if shown == _EMPTY:
        return claimed if _family(claimed) == "text" else _EMPTY
    if shown in _GENERIC:
        return claimed
    families = {_family(claimed), _family(shown)}
    if len(families) > 1 and families <= _TELLING:
        return None
    return claimed if shown in _VAGUE else shown


def _type_by_name(filename: str) -> str:
    content_type, encoding = _TYPES_BY_NAME.guess_type(filename)
    return f"application/{encoding}" if encoding else content_type or DEFAULT_CONTENT_TYPE


def _family(content_type: str) -> str:
    """Formats that can be told apart from those of other families, not always from each other."""
    kind, _, name = content_type.partition("/")
    if kind in ("audio", "video") or content_type in _MEDIA:
        return "media"
    if kind == "text" or content_type in _TEXTS or name.endswith(("+xml", "+json", "+yaml")):
        return "text"
    if content_type in _ZIPS or name.endswith("+zip") or name.startswith(_OFFICE):
        return "zip"
    if content_type in _OLE:
        return "ole"
    return kind if kind in ("image", "font") else name.removeprefix("x-")


def _essence(content_type: str) -> str:
    """A media type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def content_disposition(filename: str) -> str:
    """The `Content-Disposition` that saves a download under exactly this name (RFC 6266, 8187)."""
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
