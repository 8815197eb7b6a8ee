"""An object as processors read it: its metadata, its bytes in order, and any place in it.

Memory stays bounded whatever the size: a few ranges are in memory at a time. Every read looks at
the clock first, so whoever reads an object ends in time. Must not know S3: `read_range` is passed
in.
"""

import concurrent.futures  # loads its pools when they are used: the API never does
import io
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_SIZE = 8 * 1024 * 1024  # bytes of one request when an object is read in order
READ_AHEAD = 2  # blocks asked for while another is worked on
PAGE_SIZE = 64 * 1024  # bytes of one request when places in an object are read
# Bytes that may be read from a place at once: a format that claims more is lying or is too large.
MAX_READ = 4 * 1024 * 1024


class OutOfTime(Exception):
    """The time that a processor was given is over."""


class ObjectReplaced(Exception):
    """Another object has the key by now, or none: what was read so far is about neither."""


class ReadTooLarge(Exception):
    """More bytes were asked for at once than an honest header or directory has."""


@dataclass(frozen=True, slots=True)
class ObjectReader:
    """One object; `content_type` is what it was found to be, `size` in bytes.

    `container` is the type of what it is made of, where that is another one: an office document
    is made of a ZIP.

    `read_range(offset, size)` gives that many bytes; `remaining()` the seconds left to the reader,
    below which every read raises OutOfTime.
    """

    filename: str
    content_type: str
    size: int
    read_range: Callable[[int, int], bytes]
    remaining: Callable[[], float]
    container: str | None = None

    def blocks(self) -> Iterator[bytes]:
        """All bytes in order, the next ones fetched while these are worked on."""
        pool = concurrent.futures.ThreadPoolExecutor(READ_AHEAD)
        ahead: deque[Future[bytes]] = deque()
        try:
            for offset in range(0, self.size, BLOCK_SIZE):
                size = min(BLOCK_SIZE, self.size - offset)
                ahead.append(pool.submit(self.read_range, offset, size))
                if len(ahead) > READ_AHEAD:
                    yield self._in_time(ahead.popleft())
            while ahead:
                yield self._in_time(ahead.popleft())
        finally:
            # Without waiting: whoever is out of time has none for a server that is silent.
            pool.shutdown(wait=False, cancel_futures=True)

    def stream(self) -> io.BufferedReader:
        """A file that is read from the beginning to the end; it cannot seek."""
        return io.BufferedReader(_Stream(self.blocks()), PAGE_SIZE)

    def seekable(self, *, page_size: int = PAGE_SIZE, limit: int | None = None) -> "BoundedReader":
        """A file that is read where it is wanted, by ranged requests of `page_size` bytes at least.

        Reading more than `MAX_READ` bytes at once, or `limit` in all, raises ReadTooLarge.
        """
        return BoundedReader(_Ranged(self, limit), page_size)

    def check_time(self) -> None:
        """Raise OutOfTime when the time is over."""
        if self.remaining() <= 0:
            raise OutOfTime

    def _in_time(self, block: Future[bytes]) -> bytes:
        self.check_time()
        try:
            return block.result(self.remaining())
        except TimeoutError as error:
            raise OutOfTime from error


class _Stream(io.RawIOBase):
    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if not self._left:
            self._left = memoryview(next(self._blocks, b""))
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


class _Ranged(io.RawIOBase):
    def __init__(self, stored: ObjectReader, limit: int | None) -> None:
        self._stored = stored
        self._position = 0
        self._left = limit

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._stored.size}
        position = start[whence] + offset
        if position < 0:
            raise ValueError(f"there is no byte {position}")
        self._position = position
        return position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._stored.check_time()
        target = memoryview(buffer).cast("B")
        size = min(len(target), max(0, self._stored.size - self._position))
        if self._left is not None:
            if size and not self._left:
                raise ReadTooLarge("more bytes than a header has")
            size = min(size, self._left)
            self._left -= size
        if size:
            target[:size] = self._stored.read_range(self._position, size)
        self._position += size
        return size


class BoundedReader(io.BufferedReader):
    """A file that never gives more than `MAX_READ` bytes at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_READ:
            raise ReadTooLarge(f"more than {MAX_READ} bytes at once")
        return super().read(size)
