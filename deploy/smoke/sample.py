"""The files that the smoke test sends: of a type that the stage takes, and of any size.

Pure. A large file is made as it is read, and no two of its parts are alike.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from awscrt import checksums

# Bytes that are looked at, at a time, of a file of any size.
BLOCK = 1024 * 1024
# What is between a file's beginning and its end: numbers of this many bytes, a space included.
_NUMBER = 16
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of `size` bytes; numbers fill it between its beginning and its end."""

    content_type: str
    filename: str
    beginning: bytes
    end: bytes
    size: int

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from `start` up to `stop`, or up to the end of the file."""
        filled = self.size - len(self.end)
        first, last = (min(max(at, len(self.beginning)), filled) for at in (start, stop))
        return (
            self.beginning[start:stop]
            + _numbers(first - len(self.beginning), last - len(self.beginning))
            + self.end[max(start - filled, 0) : max(stop - filled, 0)]
        )

    def blocks(self) -> Iterator[bytes]:
        """All of it, piece by piece."""
        for start in range(0, self.size, BLOCK):
            yield self.read(start, start + BLOCK)

    def crc64nvme(self) -> str:
        """Its CRC64NVME, as S3 writes it: base64 of eight big-endian bytes."""
        checksum = 0
        for block in self.blocks():
            checksum = checksums.crc64nvme(block, checksum)
        return base64.b64encode(checksum.to_bytes(8, "big")).decode()

    def of_size(self, size: int) -> Sample:
        """A file that begins and ends alike and has at least `size` bytes."""
        stem, _, extension = self.filename.rpartition(".")
        least = len(self.beginning) + len(self.end)
        return replace(self, filename=f"{stem}-in-parts.{extension}", size=max(size, least))


def _small(content_type: str, filename: str, beginning: bytes, end: bytes) -> Sample:
    return Sample(content_type, filename, beginning, end, len(beginning) + len(end))


SAMPLES = (
    _small(
        "text/plain", "hoist-smoke.txt", b"Hoist sends this to see whether all is well.\n", b"\n"
    ),
    _small("image/png", "hoist-smoke.png", _PIXEL, b""),
    _small("text/csv", "hoist-smoke.csv", b"name,numbers\nhoist,", b"\n"),
    _small("application/json", "hoist-smoke.json", b'{"hoist": "smoke", "numbers": "', b'"}\n'),
)


def sample_of(types: Sequence[str]) -> Sample | None:
    """A small file of a type that a stage takes; all types where it names none."""
    for sample in SAMPLES:
        if not types or any(fnmatchcase(sample.content_type, pattern) for pattern in types):
            return sample
    return None


def _numbers(start: int, stop: int) -> bytes:
    """The bytes from `start` up to `stop` of the numbers from 0, each with as many digits."""
    if stop <= start:
        return b""
    first = start // _NUMBER
    numbers = b"".join(b"%015d " % number for number in range(first, -(-stop // _NUMBER)))
    return numbers[start - first * _NUMBER : stop - first * _NUMBER]
