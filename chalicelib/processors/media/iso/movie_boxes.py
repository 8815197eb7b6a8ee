"""Walks the boxes of an ISO media file, and reads matrices in their headers."""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media.media_file import MediaFile

MAX_BOXES = 10_000  # visited in one file; usual ones have hundreds

# a, b, c, d of the matrix that turns a picture. The rest moves it, or is constant.
Matrix = tuple[float, float, float, float]
_PLAIN: Matrix = (1.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Box:
    """`start` and `end` are the offsets of its contents."""

    name: bytes
    start: int
    end: int


class Boxes:
    """The boxes of one file; `is_expanded` is true inside a compressed box."""

    def __init__(self, file: MediaFile, *, is_expanded: bool = False) -> None:
        self.file = file
        self.is_expanded = is_expanded
        self._seen = 0

    def of(self, start: int, end: int) -> Iterator[Box]:
        """The boxes between two offsets, one after another."""
        while end - start >= 8:  # a size and a name of four bytes each
            self._seen += 1
            if self._seen > MAX_BOXES:
                raise DamagedError
            size, name = struct.unpack(">I4s", self.file.exact(start, 8))
            contents = start + 8
            if size == 1:
                (size,) = struct.unpack(">Q", self.file.exact(contents, 8))
                contents += 8
            next_start = end if size == 0 else start + size
            if not contents <= next_start <= end:
                raise DamagedError
            yield Box(name, contents, next_start)
            start = next_start

    def bytes(self, box: Box, size: int) -> bytes:
        """The first bytes of a box's contents; all of them if there are fewer."""
        return self.file.at(box.start, min(size, box.end - box.start))


def matrix_of(header: bytes, offset: int) -> Matrix:
    """The rotation part of a header's matrix; without one, the identity."""
    if len(header) < offset + 20:
        return _PLAIN
    a, b, _, c, d = struct.unpack_from(">5i", header, offset)
    # Some writers leave the matrix empty.
    return (a / 65536, b / 65536, c / 65536, d / 65536) if any((a, b, c, d)) else _PLAIN


def product(first: Matrix, second: Matrix) -> Matrix:
    """The matrix that applies `first`, then `second`."""
    a, b, c, d = first
    e, f, g, h = second
    return (a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h)


def turn(matrix: Matrix) -> tuple[bool, int]:
    """Whether width and height are swapped, and the clockwise rotation in degrees.

    Camera matrices are not exact, so the longer axis decides.
    """
    a, b, c, d = matrix
    is_swapped = abs(b) + abs(c) > abs(a) + abs(d)
    if a * d - b * c < 0:  # mirrored
        return is_swapped, 0
    degrees = math.degrees(math.atan2(b, a))
    nearest = round(degrees / 90) * 90
    return is_swapped, nearest % 360 if abs(degrees - nearest) < 1 else 0
