"""Objects for processors to read, which count what is asked of S3."""

from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.reader import ObjectReader


@dataclass
class Reading:
    """S3 under a reader: the requests, and the seconds that are left after each."""

    read: Callable[[int, int], bytes]
    requests: list[tuple[int, int]] = field(default_factory=list)
    seconds: float = 60
    # How many requests are answered in time.
    patience: int = 10**9

    def read_range(self, offset: int, size: int) -> bytes:
        self.requests.append((offset, size))
        if len(self.requests) > self.patience:
            self.seconds = 0
        return self.read(offset, size)


def reader(
    data: bytes, content_type: str, *, filename: str = "a", patience: int = 10**9
) -> ObjectReader:
    """An object of these bytes; after `patience` requests its time is over."""
    reading = Reading(lambda offset, size: data[offset : offset + size], patience=patience)
    return of(reading, len(data), content_type, filename)


def sparse(pieces: dict[int, bytes], size: int, content_type: str) -> tuple[ObjectReader, Reading]:
    """An object of zeros with some bytes in places, however large, and what is asked of it."""

    def read(offset: int, wanted: int) -> bytes:
        found = bytearray(wanted)
        for place, data in pieces.items():
            start, end = max(place, offset), min(place + len(data), offset + wanted)
            if start < end:
                found[start - offset : end - offset] = data[start - place : end - place]
        return bytes(found)

    reading = Reading(read)
    return of(reading, size, content_type), reading


def of(reading: Reading, size: int, content_type: str, filename: str = "a") -> ObjectReader:
    return ObjectReader(
        filename=filename,
        content_type=content_type,
        size=size,
        read_range=reading.read_range,
        remaining=lambda: reading.seconds,
    )
