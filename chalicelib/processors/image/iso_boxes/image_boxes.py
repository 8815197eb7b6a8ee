"""The boxes of ISO media files, for HEIC, AVIF, JPEG 2000, JPEG XL and CR3.

ISO/IEC 14496-12, 4.2. Each box is visited once, within the bounds of the file.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from chalicelib.processors.image.size import SizeUnknown, end_of, exactly

MAX_BOXES = 10_000  # visited in one box
_MAX_CONTENTS = 1024 * 1024  # bytes read of one box


class Box(NamedTuple):
    """`start` and `end` are the offsets of its contents in the file."""

    name: bytes
    start: int
    end: int


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two offsets; an invalid box ends the iteration."""
    for _ in range(MAX_BOXES):
        if end - start < 8:
            return
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, name = struct.unpack(">I4s", head[:8])
        contents = start + 8
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack(">Q", head[8:])
            contents += 8
        after = start + size if size else end
        if after < contents:
            return
        yield Box(name, contents, min(after, end))
        start = after


def in_file(file: BinaryIO) -> Iterator[Box]:
    """The top-level boxes of a file."""
    return boxes(file, 0, end_of(file))


def find(file: BinaryIO, box: Box, *path: bytes, skip: int = 0) -> Box | None:
    """The first box at a path of names below another box; `skip` bytes precede the first child."""
    for name in path:
        child = next(
            (each for each in boxes(file, box.start + skip, box.end) if each.name == name), None
        )
        if child is None:
            return None
        box, skip = child, 0
    return box


def contents(file: BinaryIO, box: Box) -> bytes:
    """The bytes of a box, at most a mebibyte; raises SizeUnknown if the file ends earlier."""
    return exactly(file, min(box.end - box.start, _MAX_CONTENTS), offset=box.start)


def top(file: BinaryIO, name: bytes) -> Box:
    """The first top-level box of this name; raises SizeUnknown."""
    for box in in_file(file):
        if box.name == name:
            return box
    raise SizeUnknown(f"It has no {name.decode('ascii')} box")
