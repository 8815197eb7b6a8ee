"""Expands gzip, xz and bzip2 as a stream, in bounded memory.

A few compressed bytes may expand to gigabytes, so each read checks the time.
https://www.rfc-editor.org/rfc/rfc1952 https://tukaani.org/xz/xz-file-format.txt
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

from chalicelib.reader import PAGE_SIZE, BoundedReader, ObjectReader

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GZIP_MARK, XZ_MARK, BZIP2_MARK = b"\x1f\x8b", b"\xfd7zXZ\0", b"BZh"
_MAX_MEMORY = 80 * 1024 * 1024  # bytes; `xz -9` needs 65 MiB to expand
_LEAST = 512  # bytes that a read returns at least, except at the end: the header of a tar


class _Decompressor(Protocol):
    """The interface of Python's bz2 and lzma decompressors."""

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


_NEW: dict[bytes, Callable[[], _Decompressor]] = {
    GZIP_MARK: _GzipMember,
    XZ_MARK: _xz_stream,
    BZIP2_MARK: bz2.BZ2Decompressor,
}


def expand(source: ObjectReader, mark: bytes) -> BoundedReader:
    """The expanded bytes of an object that begins with this mark; the file only seeks forward.

    Reading raises the errors of zlib, bz2 and lzma, and EOFError if the end is missing.
    """
    # BufferedReader accepts any raw file, but its type does not say so.
    return BoundedReader(cast("Any", _Expanded(source, mark, _NEW[mark])), PAGE_SIZE)


class _Expanded(io.RawIOBase):
    """One or more compressed streams in a row; each read checks the time.

    As the command-line tools do, it skips zeros between streams and ignores other data behind them.
    """

    def __init__(self, source: ObjectReader, mark: bytes, new: Callable[[], _Decompressor]) -> None:
        self._source = source
        self._stream = source.stream()
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
        """Seek forward, by expanding the bytes in between."""
        target = offset + (self._position if whence == io.SEEK_CUR else 0)
        if whence == io.SEEK_END or target < self._position:
            raise io.UnsupportedOperation("an expanded stream only seeks forward")
        space = memoryview(bytearray(PAGE_SIZE))
        while self._position < target:
            if not self.readinto(space[: target - self._position]):
                break
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        target = memoryview(buffer).cast("B")
        filled = 0
        while filled < min(len(target), _LEAST):
            self._source.check_time()
            if self._current is None and not self._begin():
                break
            piece = self._next(len(target) - filled)
            target[filled : filled + len(piece)] = piece
            filled += len(piece)
        self._position += filled
        return filled

    def _next(self, size: int) -> bytes:
        """Some expanded bytes; may be empty."""
        assert self._current is not None  # noqa: S101 - `readinto` began it
        data, self._left = self._left, b""
        at_end = False
        if not data and self._current.needs_input:
            data = self._stream.read1(PAGE_SIZE)
            at_end = not data
        piece = self._current.decompress(data, size)
        if self._current.eof:
            self._left, self._current = self._current.unused_data, None
        elif at_end and not piece:
            raise EOFError("the end of the compressed data is missing")
        return piece

    def _begin(self) -> bool:
        """Start the next stream, if there is one."""
        self._left = self._left.lstrip(b"\0")
        while len(self._left) < len(self._mark):
            self._source.check_time()
            more = self._stream.read1(PAGE_SIZE)
            if not more:
                return False
            self._left = (self._left + more).lstrip(b"\0")
        if not self._left.startswith(self._mark):
            return False
        self._current = self._new()
        return True
