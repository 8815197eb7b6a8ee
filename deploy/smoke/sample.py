"""The files that the smoke test uploads: of a type that the stage accepts, and of any size.

Pure. A large file is computed as it is read, and no two of its parts are equal.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from awscrt import checksums

# Bytes of a block; a file is read block by block.
BLOCK = 1024 * 1024
# Numbers fill a file between its beginning and its end: bytes of one number with its space.
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
        """The whole file, block by block."""
        for start in range(0, self.size, BLOCK):
            yield self.read(start, start + BLOCK)

    def crc64nvme(self) -> str:
        """Its CRC64NVME, as S3 writes it: base64 of eight big-endian bytes."""
        checksum = 0
        for block in self.blocks():
            checksum = checksums.crc64nvme(block, checksum)
        return base64.b64encode(checksum.to_bytes(8, "big")).decode()

    def of_size(self, size: int) -> Sample:
        """A file with the same beginning and end that has at least `size` bytes."""
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
    """A small file of one of the types; of any type if there are none."""
    for sample in SAMPLES:
        if not types or any(fnmatchcase(sample.content_type, pattern) for pattern in types):
            return sample
    return None


def _numbers(start: int, stop: int) -> bytes:
    """The bytes from `start` up to `stop` of the numbers from 0, all with 15 digits."""
    if stop <= start:
        return b""
    first = start // _NUMBER
    numbers = b"".join(b"%015d " % number for number in range(first, -(-stop // _NUMBER)))
    return numbers[start - first * _NUMBER : stop - first * _NUMBER]
