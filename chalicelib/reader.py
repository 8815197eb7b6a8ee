"""An object as processors read it: its metadata, its bytes in order, and any range of them.

Memory stays bounded for any size: a few ranges are in memory at a time. Every read checks the clock
first, so that a processor ends in time. Must not know S3: `read_range` is passed in.
"""

import concurrent.futures  # loads its pools on first use: the API never uses them
import io
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_SIZE = 8 * 1024 * 1024  # bytes of one request when an object is read in order
READ_AHEAD = 2  # blocks that are requested while a processor works on another one
PAGE_SIZE = 64 * 1024  # bytes of one request when ranges of an object are read
# The most bytes of one read of a range: a format that needs more is malformed or too large.
MAX_READ = 4 * 1024 * 1024


class OutOfTime(Exception):
    """The time of the processor is over."""


class ObjectReplaced(Exception):
    """Another object has the key by now, or none: the bytes read so far belong to neither."""


class ReadTooLarge(Exception):
    """A read of more bytes at once than a valid header or directory has."""


@dataclass(frozen=True, slots=True)
class ObjectReader:
    """One object; `content_type` is the decided type, `size` in bytes.

    `container` is the type of the container that it uses, if any: an office document uses a ZIP.

    `read_range(offset, size)` returns that many bytes. `remaining()` returns the seconds that the
    processor has; at zero every read raises OutOfTime.
    """

    filename: str
    content_type: str
    size: int
    read_range: Callable[[int, int], bytes]
    remaining: Callable[[], float]
    container: str | None = None

    def blocks(self) -> Iterator[bytes]:
        """All bytes in order; the next blocks are fetched while the caller works on one."""
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
            # Without waiting: a processor out of time cannot wait for a silent server.
            pool.shutdown(wait=False, cancel_futures=True)

    def stream(self) -> io.BufferedReader:
        """A file that can only be read from start to end."""
        return io.BufferedReader(_Stream(self.blocks()), PAGE_SIZE)

    def seekable(self, *, page_size: int = PAGE_SIZE, limit: int | None = None) -> "BoundedReader":
        """A file that can seek; each ranged request reads at least `page_size` bytes.

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
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


class _Ranged(io.RawIOBase):
    def __init__(self, reader: ObjectReader, limit: int | None) -> None:
        self._reader = reader
        self._position = 0
        self._unread = limit

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._reader.size}
        position = start[whence] + offset
        if position < 0:
            raise ValueError(f"there is no byte {position}")
        self._position = position
        return position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._reader.check_time()
        target = memoryview(buffer).cast("B")
        size = min(len(target), max(0, self._reader.size - self._position))
        if self._unread is not None:
            if size and not self._unread:
                raise ReadTooLarge("more bytes than a header has")
            size = min(size, self._unread)
            self._unread -= size
        if size:
            target[:size] = self._reader.read_range(self._position, size)
        self._position += size
        return size


class BoundedReader(io.BufferedReader):
    """A file that never returns more than `MAX_READ` bytes at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_READ:
            raise ReadTooLarge(f"more than {MAX_READ} bytes at once")
        return super().read(size)
