"""One file compressed by gzip, xz or bzip2, and the tar that may be in it.

The compressed bytes are expanded in pieces, and a few of them may expand to gigabytes: each piece
looks at the clock. zstd is left to `zstd_frames`, because Python 3.13 cannot expand it.
https://www.rfc-editor.org/rfc/rfc1952 https://tukaani.org/xz/xz-file-format.txt
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

from chalicelib.processors import tar_headers, xz_index
from chalicelib.processors.archive_listing import MAX_NAME, DamagedError, Listing
from chalicelib.reader import PAGE_SIZE, BoundedReader, ObjectReader

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GZIP_MARK, XZ_MARK, BZIP2_MARK = b"\x1f\x8b", b"\xfd7zXZ\0", b"BZh"
# Bytes that one file is expanded to for its size, where nothing else tells it.
MAX_COUNTED = 128 * 1024 * 1024
_MAX_MEMORY = 80 * 1024 * 1024  # bytes; `xz -9` needs 65 MiB to expand
_PIECE = 1024 * 1024
_MAX_GZIP_HEADER = 64 * 1024
_HAS_CHECKSUM, _HAS_EXTRA, _HAS_NAME, _HAS_COMMENT = 2, 4, 8, 16
_OF_UNIX = (3, 7)  # systems in a gzip header: Unix, Macintosh
# What a compressed file is called, and what is in it then.
_SUFFIXES = {
    ".tgz": ".tar", ".txz": ".tar", ".tbz2": ".tar", ".tbz": ".tar", ".tb2": ".tar",
    ".tzst": ".tar", ".svgz": ".svg", ".emz": ".emf", ".wmz": ".wmf",
    ".gz": "", ".xz": "", ".bz2": "", ".bz": "", ".zst": "", ".zstd": "", ".z": "",
}  # fmt: skip


class _Decompressor(Protocol):
    """One compressed stream, as Python's bz2 and lzma read it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _GzipMember:
    """One member of a gzip file, with the interface of bz2's and lzma's decompressors."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


def _xz_stream() -> _Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_MEMORY)


def read_gzip(stored: ObjectReader, listing: Listing) -> None:
    """List a tar in gzip, or tell the name and the size of the one file in it."""
    listing.format = "gzip"
    file = _expanded(stored, GZIP_MARK, _GzipMember)
    if not _read_tar(file, stored, listing):
        name, comment = _gzip_header(stored, listing)
        _count(file, stored, listing, name)
        if comment:
            listing.facts["comment"] = comment.decode("latin-1")[:MAX_NAME]


def read_bzip2(stored: ObjectReader, listing: Listing) -> None:
    """List a tar in bzip2, or tell the name and the size of the one file in it."""
    listing.format = "bzip2"
    file = _expanded(stored, BZIP2_MARK, bz2.BZ2Decompressor)
    if not _read_tar(file, stored, listing):
        _count(file, stored, listing, b"")


def read_xz(stored: ObjectReader, listing: Listing) -> None:
    """List a tar in xz, or tell the name and the size of the one file in it.

    The size is in the index at the end, whatever the size.
    """
    listing.format = "xz"
    try:
        if _read_tar(_expanded(stored, XZ_MARK, _xz_stream), stored, listing):
            return
    except lzma.LZMAError as error:
        if "limit" not in str(error):
            raise DamagedError from error
        listing.facts["error"] = "It needs more memory to expand than there is for it"
        listing.is_complete = False
    listing.add(inner_name(stored.filename), 0)
    listing.size = xz_index.expanded_size(stored)


def inner_name(filename: str) -> str:
    """The name without the suffix of its compression; all of it where it has none."""
    for suffix, inner in _SUFFIXES.items():
        if filename.lower().endswith(suffix) and len(filename) > len(suffix):
            return filename[: -len(suffix)] + inner
    return filename


def _expanded(stored: ObjectReader, mark: bytes, new: Callable[[], _Decompressor]) -> BoundedReader:
    # BufferedReader takes any raw file, which its types do not know.
    return BoundedReader(cast("Any", _Expanded(stored, mark, new)), PAGE_SIZE)


def _read_tar(file: BoundedReader, stored: ObjectReader, listing: Listing) -> bool:
    """List what is expanded if it is a tar; a tar's end is far from damage in the rest."""
    try:
        first = file.peek(tar_headers.BLOCK)
    except (EOFError, OSError, zlib.error) as error:
        listing.add(inner_name(stored.filename), 0)
        raise DamagedError from error
    if not tar_headers.is_header(first):
        return False
    listing.format = {"gzip": "tar.gz", "bzip2": "tar.bz2"}.get(
        listing.format, f"tar.{listing.format}"
    )
    tar_headers.read_file(file, stored, listing)
    return True


def _count(file: BoundedReader, stored: ObjectReader, listing: Listing, name: bytes) -> None:
    """Add the one file that is in it, with its size; a large one is counted to a limit."""
    listing.add(name or inner_name(stored.filename), 0)
    listing.size = 0
    while piece := file.read(_PIECE):
        listing.size += len(piece)
        if listing.size >= MAX_COUNTED:
            listing.is_complete = False
            return


def _gzip_header(stored: ObjectReader, listing: Listing) -> tuple[bytes, bytes]:
    """The name and the comment in the header, without their ends."""
    head = stored.read_range(0, min(_MAX_GZIP_HEADER, stored.size))
    flags, at = head[3], 10
    listing.is_unix = head[9] in _OF_UNIX
    if flags & _HAS_EXTRA:
        at += 2 + int.from_bytes(head[at : at + 2], "little")
    name = head[at:].partition(b"\0")[0] if flags & _HAS_NAME else b""
    at += len(name) + 1 if flags & _HAS_NAME else 0
    comment = head[at:].partition(b"\0")[0] if flags & _HAS_COMMENT else b""
    return name, comment


class _Expanded(io.RawIOBase):
    """Streams of one compression, one after the other; each read looks at the clock.

    As with the tools, zeros may lie between the streams, and what follows them is left alone.
    """

    def __init__(self, stored: ObjectReader, mark: bytes, new: Callable[[], _Decompressor]) -> None:
        self._stored = stored
        self._source = stored.stream()
        self._mark = mark
        self._new = new
        self._current: _Decompressor | None = new()
        self._left = b""
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go forward, by expanding what lies between."""
        target = offset + (self._position if whence == io.SEEK_CUR else 0)
        if whence == io.SEEK_END or target < self._position:
            raise io.UnsupportedOperation("compressed bytes have one direction")
        space = memoryview(bytearray(PAGE_SIZE))
        while self._position < target:
            if not self.readinto(space[: target - self._position]):
                break
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        target = memoryview(buffer).cast("B")
        filled = 0
        while filled < min(len(target), tar_headers.BLOCK):
            self._stored.check_time()
            if self._current is None and not self._begin():
                break
            piece = self._next(len(target) - filled)
            target[filled : filled + len(piece)] = piece
            filled += len(piece)
        self._position += filled
        return filled

    def _next(self, size: int) -> bytes:
        """Some expanded bytes, or none yet."""
        assert self._current is not None  # noqa: S101 - `readinto` began it
        data, self._left = self._left, b""
        at_end = False
        if not data and self._current.needs_input:
            data = self._source.read1(PAGE_SIZE)
            at_end = not data
        piece = self._current.decompress(data, size)
        if self._current.eof:
            self._left, self._current = self._current.unused_data, None
        elif at_end and not piece:
            raise EOFError("the end of the compressed data is missing")
        return piece

    def _begin(self) -> bool:
        """Begin the next stream, if one follows."""
        self._left = self._left.lstrip(b"\0")
        while len(self._left) < len(self._mark):
            self._stored.check_time()
            more = self._source.read1(PAGE_SIZE)
            if not more:
                return False
            self._left = (self._left + more).lstrip(b"\0")
        if not self._left.startswith(self._mark):
            return False
        self._current = self._new()
        return True
