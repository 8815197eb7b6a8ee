"""What is in an archive: ZIP and what is made of it, tar, and tar in gzip. Nothing is unpacked.

Both are listed in the memory of one entry. Python's zipfile holds the whole directory; its tarfile
holds all attributes, and searches them in quadratic time without letting any other thread run.
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
"""

import gzip
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from chalicelib.reader import BoundedReader, ObjectReader, OutOfTime, ReadTooLarge

reads_all = False

ZIPS = (
    "application/zip", "application/x-zip-compressed", "application/epub+zip",
    "application/java-archive", "application/vnd.android.package-archive",
    "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.",
)  # fmt: skip
TAR = "application/x-tar"
GZIPS = ("application/gzip", "application/x-gzip")
SHOWN_NAMES = 30
MAX_NAME = 80  # characters of a name
# Expanding to this many times its size is no accident.
SUSPICIOUS = 100
_DIRECTORY_PAGE = 1024 * 1024  # bytes of one request for a directory
_END = struct.Struct("<4s4H2IH")  # end of central directory
_END_SIZE = _END.size + 0xFFFF  # with the longest comment
_LOCATOR = struct.Struct("<4sIQI")  # of the next, before the end
_END_64 = struct.Struct("<4sQ2H2I4Q")
_ENTRY = struct.Struct("<4s6H3I5H2I")  # central directory file header
_NOT_HERE = 0xFFFFFFFF  # the size is in the extra field
_ENCRYPTED, _UTF8 = 1, 1 << 11
_BLOCK = tarfile.BLOCKSIZE
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
# These have contents that tell of the entry after them.
_BEFORE = (*_PAX, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_WITHOUT_CONTENTS = (
    tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE,
    tarfile.FIFOTYPE,
)  # fmt: skip
# Attributes of an entry, the first one that is there; GNU's are those of files with holes.
_PATH = (b"GNU.sparse.name", b"path")
_SIZE = (b"GNU.sparse.realsize", b"GNU.sparse.size", b"size")
_MAX_ATTRIBUTE = 4096  # bytes that are kept of one; no system has longer paths
_MAX_SIZE = 1 << 63


def applies_to(content_type: str, size: int, /) -> bool:
    """To ZIP (office documents, EPUB, JAR as well), tar and gzip."""
    return size > 0 and (content_type.startswith(ZIPS) or content_type in (TAR, *GZIPS))


def run(stored: ObjectReader, /) -> dict[str, Any]:
    """`{"format", "entries", "expanded_size", "names", "complete"}`; sizes in bytes.

    `names` are the first; `unsafe_names` counts those that lead out of a folder, `suspicious` says
    what expands beyond reason, `encrypted` is ZIP's. `error` tells of a damaged archive, `complete`
    is false where time ran out before the end.
    """
    if stored.content_type.startswith(ZIPS):
        return _listed("zip", stored, lambda: _zip_entries(stored))
    if stored.content_type == TAR:
        return _listed("tar", stored, lambda: _tar_entries(stored.seekable()))
    try:
        return _listed("tar.gz", stored, lambda: _gzipped_entries(stored))
    except _NotAnArchiveError:
        return {"format": "gzip"}


class _DamagedError(Exception):
    """An archive that breaks its own rules."""


class _NotAnArchiveError(Exception):
    """Compressed, but no archive."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    size: int
    encrypted: bool = False


@dataclass
class _Listing:
    entries: int = 0
    size: int = 0
    encrypted: bool = False
    unsafe: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, entry: _Entry) -> None:
        self.entries += 1
        self.size += entry.size
        self.encrypted |= entry.encrypted
        path = entry.name.replace("\\", "/")
        self.unsafe += path.startswith("/") or ".." in path.split("/") or path[1:2] == ":"
        if len(self.names) < SHOWN_NAMES:
            # Names may be bytes of no encoding; JSON takes characters.
            name = entry.name[:MAX_NAME].encode("utf-8", "replace").decode()
            self.names.append(name)


def _listed(
    kind: str, stored: ObjectReader, entries: Callable[[], Iterator[_Entry]]
) -> dict[str, Any]:
    listing = _Listing()
    told: dict[str, Any] = {"format": kind}
    complete = True
    try:
        for entry in entries():
            listing.add(entry)
            stored.check_time()
    except OutOfTime:
        complete = False
    except (
        _DamagedError, struct.error, tarfile.TarError, EOFError, OSError, zlib.error, ReadTooLarge,
        ValueError, OverflowError,
    ):  # fmt: skip
        complete = False
        told["error"] = "It is damaged, or its end is missing"
    told |= {"entries": listing.entries, "expanded_size": listing.size, "names": listing.names}
    if kind == "zip":
        told["encrypted"] = listing.encrypted
    if listing.unsafe:
        told["unsafe_names"] = listing.unsafe
    if listing.size >= SUSPICIOUS * stored.size:
        told["suspicious"] = f"It expands to {listing.size // stored.size} times its size"
    return told | {"complete": complete}


def _zip_entries(stored: ObjectReader) -> Iterator[_Entry]:
    start, end = _directory(stored)
    file = stored.seekable(page_size=_DIRECTORY_PAGE)
    file.seek(start)
    while start < end:
        fields = _ENTRY.unpack(file.read(_ENTRY.size))
        if fields[0] != b"PK\1\2":
            raise _DamagedError
        flags, size = fields[3], fields[9]
        name_size, extra_size, comment_size = fields[10:13]
        name, extra = file.read(name_size), file.read(extra_size)
        file.seek(comment_size, 1)
        start += _ENTRY.size + name_size + extra_size + comment_size
        yield _Entry(
            name=name.decode("utf-8" if flags & _UTF8 else "cp437", "replace"),
            size=_size_64(extra) if size == _NOT_HERE else size,
            encrypted=bool(flags & _ENCRYPTED),
        )


def _directory(stored: ObjectReader) -> tuple[int, int]:
    """Where the central directory begins and ends."""
    tail_start = max(0, stored.size - _END_SIZE)
    file = stored.seekable(page_size=_END_SIZE)
    file.seek(tail_start)
    tail = file.read(_END_SIZE)
    at = _end_record(tail)
    size = _END.unpack_from(tail, at)[5]
    end = tail_start + at
    located = at - _LOCATOR.size
    if located >= 0 and tail.startswith(b"PK\6\7", located):
        # The offset in it does not count what was put before the archive; its place does.
        end -= _LOCATOR.size + _END_64.size
        file.seek(end)
        fields = _END_64.unpack(file.read(_END_64.size))
        if fields[0] != b"PK\6\6":
            raise _DamagedError
        size = fields[8]
    if size > end:
        raise _DamagedError
    return end - size, end


def _end_record(tail: bytes) -> int:
    """Where the last record begins: a comment after it may hold the same four bytes."""
    last = at = tail.rfind(b"PK\5\6")
    while at >= 0:
        comment = at + _END.size
        if comment + int.from_bytes(tail[comment - 2 : comment], "little") == len(tail):
            return at
        at = tail.rfind(b"PK\5\6", 0, at)
    if last < 0:
        raise _DamagedError
    return last


def _size_64(extra: bytes) -> int:
    """The expanded size in the extra field of a large entry, which comes first there."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            return int(struct.unpack_from("<Q", extra, at + 4)[0])
        at += 4 + length
    return _NOT_HERE


class _Timed:
    """Compressed bytes; each read looks at the clock, because a few may expand to gigabytes."""

    def __init__(self, stored: ObjectReader) -> None:
        self._check_time = stored.check_time
        self._file = stored.stream()

    def read(self, size: int) -> bytes:
        self._check_time()
        return self._file.read(size)


def _gzipped_entries(stored: ObjectReader) -> Iterator[_Entry]:
    unpacked = gzip.GzipFile(fileobj=cast("Any", _Timed(stored)), mode="rb")
    # GzipFile reads into buffers as raw files do, which BufferedReader's types do not know.
    file = BoundedReader(cast("Any", unpacked))
    try:
        first = file.peek(_BLOCK)[:_BLOCK]
    except (EOFError, OSError, zlib.error) as error:
        raise _DamagedError from error
    if first[257:262] != b"ustar" and not _is_header(first):
        raise _NotAnArchiveError
    yield from _tar_entries(file)


def _is_header(block: bytes) -> bool:
    """Whether the sum in it is right, which is all that the oldest format has to be known by."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.HeaderError:
        return False
    return True


def _tar_entries(file: BoundedReader) -> Iterator[_Entry]:
    if not file.peek(1):
        raise _DamagedError
    told: dict[bytes, bytes] = {}
    while (block := file.read(_BLOCK)).strip(b"\0"):
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if header.type in _BEFORE:
            told |= _told(file, header)
            continue
        name = next((_text(told[key]) for key in _PATH if key in told), header.name)
        size = next((int(told[key]) for key in _SIZE if key in told), header.size)
        contents = int(told.get(b"size", header.size))
        holes = header.type == tarfile.GNUTYPE_SPARSE
        if header.type in _WITHOUT_CONTENTS:
            size = contents = 0
        elif holes:
            size = _number(block[483:495])
        if not 0 <= size < _MAX_SIZE:
            raise _DamagedError
        yield _Entry(name, size)
        more = block[482:483].strip(b"\0") if holes else b""
        while more:
            more = file.read(_BLOCK)[504:505].strip(b"\0")
        _skip(file, contents)
        told = {}
    if told:
        raise _DamagedError


def _told(file: BoundedReader, header: tarfile.TarInfo) -> dict[bytes, bytes]:
    """What an entry's attributes say of its name and size."""
    if header.type in _PAX:
        return _attributes(file.read(header.size + -header.size % _BLOCK)[: header.size])
    if header.type == tarfile.GNUTYPE_LONGNAME:
        path = file.read(header.size + -header.size % _BLOCK)
        return {b"path": path.split(b"\0", 1)[0][:_MAX_ATTRIBUTE]}
    _skip(file, header.size)
    return {}


def _attributes(data: bytes) -> dict[bytes, bytes]:
    """Those of use here, from records like `20 path=folder/a.txt` with their lengths in front."""
    found, at = {}, 0
    while at < len(data) and data[at]:
        space = data.index(b" ", at, at + 20)
        end = at + int(data[at:space])
        equals = data.index(b"=", space, end)
        key = data[space + 1 : equals][:_MAX_ATTRIBUTE]
        if key in _PATH + _SIZE:
            found[key] = data[equals + 1 : end - 1][:_MAX_ATTRIBUTE]
        at = end
    return found


def _skip(file: BoundedReader, size: int) -> None:
    """Go to the block after contents of this size; they must be there."""
    size += -size % _BLOCK
    if size < 0:
        raise _DamagedError
    if size:
        file.seek(size - 1, 1)
        if not file.read(1):
            raise _DamagedError


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape").rstrip("/")


def _number(digits: bytes) -> int:
    """A number of a header: octal, or binary after a byte that says so."""
    if digits[0] & 0x80:
        return int.from_bytes(digits[1:], "big")
    return int(digits.strip(b" \0") or b"0", 8)
