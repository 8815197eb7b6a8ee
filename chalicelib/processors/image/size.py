"""Shared by all readers of images: the size, the errors, and reads of exact length.

Must not know any format.
"""

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

MAX_SIDE = 0xFFFFFFFF  # pixels; no binary format has room for more
_TURNED = range(5, 9)  # orientations of EXIF whose rows are columns: Exif 3.0, 4.6.5.1.7


class SizeUnknown(Exception):
    """The size of an image cannot be read; the message is a sentence that says why.

    `format` replaces the name that the first bytes gave.
    """

    format: str | None = None


class NotAnImage(Exception):
    """The bytes are not an image."""


@dataclass(frozen=True, slots=True)
class Size:
    """A size in pixels; `format` replaces the name that the first bytes gave."""

    width: int
    height: int
    format: str | None = None

    def turn(self, orientation: int) -> "Size":
        """The size as shown with this Exif orientation (1 to 8)."""
        if orientation in _TURNED:
            return Size(self.height, self.width, self.format)
        return self


def round_size(width: float, height: float) -> Size:
    """The size nearest to two numbers, which may be fractional or infinite; raises SizeUnknown."""
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise SizeUnknown("Its header contains an impossible size")
    return Size(max(1, int(width + 0.5)), max(1, int(height + 0.5)))


def exactly(file: BinaryIO, size: int, *, offset: int | None = None) -> bytes:
    """`size` bytes from here or from `offset`; raises SizeUnknown if the file ends earlier."""
    if offset is not None:
        file.seek(offset)
    data = file.read(size)
    if len(data) < size:
        raise SizeUnknown("It ends before its size")
    return data


def unpack(file: BinaryIO, layout: str, *, offset: int | None = None) -> tuple[int, ...]:
    """Integers of a `struct` layout, from here or from `offset`; raises SizeUnknown."""
    return struct.unpack(layout, exactly(file, struct.calcsize(layout), offset=offset))


def end_of(file: BinaryIO) -> int:
    """The size of the file. It does not seek, because that would discard the buffer."""
    raw = getattr(file, "raw", file)
    here = raw.tell()
    end = int(raw.seek(0, io.SEEK_END))
    raw.seek(here)
    return end
