"""Which files may be uploaded, decided before their bytes arrive: size, name and declared type.

Pure: each rule raises the error that the client receives.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import quote

from chalicelib.errors import FileTooLarge, InvalidRequest, TypeNotAllowed
from chalicelib.keys import MAX_FILENAME_LENGTH, REORDERING
from chalicelib.type_names import OCTET_STREAM, claimed_types, is_allowed

MAX_CONTENT_TYPE_LENGTH = 127  # RFC 6838: 127 characters for a type name
CHECKSUM_SIZE = 8  # bytes of a CRC64NVME
MAX_WAIT = 2  # seconds; with S3's `COMPLETE_PATIENCE` less than API Gateway's 29
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
DEFAULT_CONTENT_TYPE = OCTET_STREAM


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


def check_content_type(content_type: str, filename: str, *, allowed: Sequence[str]) -> None:
    """Refuse a file whose type no pattern (such as `video/*`) allows; no patterns allow all.

    The type is the declared one, or that of the name where the declared one says nothing.
    """
    printable = content_type.isascii() and content_type.isprintable()
    if len(content_type) > MAX_CONTENT_TYPE_LENGTH or not printable:
        raise InvalidRequest("content_type is not a media type")
    if not allowed:
        return
    claims = claimed_types(content_type, filename)
    if not any(is_allowed(claim, allowed=allowed) for claim in claims):
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


def check_strategy(strategy: str | None, *, crc64nvme: str | None) -> None:
    """Refuse an unknown strategy, and a form without a checksum."""
    if strategy not in (None, "put", "post"):
        raise InvalidRequest("strategy is put or post")
    if strategy == "post" and crc64nvme is None:
        raise InvalidRequest("The strategy post needs crc64nvme")


def check_member_count(count: int, *, most: int) -> None:
    """Refuse a request without members, and one with too many."""
    if not 1 <= count <= most:
        raise InvalidRequest(f"A request takes 1 to {most} members")


def check_wait(wait: int) -> None:
    """Refuse a wait for missing parts that is negative or too long."""
    if not 0 <= wait <= MAX_WAIT:
        raise InvalidRequest(f"wait takes 0 to {MAX_WAIT} seconds")


def check_idempotency_key(key: str | None) -> None:
    """Refuse a key that is not 1 to 64 letters, digits, `-` and `_`."""
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidRequest("idempotency_key is 1 to 64 letters, digits, - and _")


def content_disposition(filename: str) -> str:
    """The `Content-Disposition` that saves a download under exactly this name (RFC 6266, 8187)."""
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
