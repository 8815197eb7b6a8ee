"""Objects for processors to read. They record the requests to S3, and can run out of time."""

from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.reader import ObjectReader


@dataclass
class Reading:
    """S3 and the clock of one reader: `requests` are the ranges that were requested from S3.

    The time is over when the reader has checked it `patience` times. Only the thread of the
    processor checks the time. Threads that read ahead cannot use it up, however fast they are.
    """

    read: Callable[[int, int], bytes]
    patience: int = 10**9
    requests: list[tuple[int, int]] = field(default_factory=list)

    def read_range(self, offset: int, size: int) -> bytes:
        self.requests.append((offset, size))
        return self.read(offset, size)

    def remaining(self) -> float:
        """A minute, until the patience is used up; in seconds."""
        self.patience -= 1
        return 60 if self.patience >= 0 else 0


def reader(
    data: bytes, content_type: str, *, filename: str = "a", patience: int = 10**9
) -> ObjectReader:
    """An object of these bytes; its time is over after `patience` checks of it."""
    reading = Reading(lambda offset, size: data[offset : offset + size], patience)
    return reader_of(reading, len(data), content_type, filename)


def sparse(pieces: dict[int, bytes], size: int, content_type: str) -> tuple[ObjectReader, Reading]:
    """An object of zeros with `pieces` at their offsets, of any size; and its requests."""

    def read(offset: int, length: int) -> bytes:
        inside = {
            place: data
            for place, data in pieces.items()
            if max(place, offset) < min(place + len(data), offset + length)
        }
        if not inside:
            return bytes(length)  # only once in memory: several threads may read at the same time
        content = bytearray(length)
        for place, data in inside.items():
            start, end = max(place, offset), min(place + len(data), offset + length)
            content[start - offset : end - offset] = data[start - place : end - place]
        return bytes(content)

    reading = Reading(read)
    return reader_of(reading, size, content_type), reading


def reader_of(reading: Reading, size: int, content_type: str, filename: str = "a") -> ObjectReader:
    """An object of `size` bytes that `reading` returns."""
    return ObjectReader(
        filename=filename,
        content_type=content_type,
        size=size,
        read_range=reading.read_range,
        remaining=reading.remaining,
    )
