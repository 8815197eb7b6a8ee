"""Directories (IFDs) of TIFF and of formats based on it: Exif, raw photos, JPEG XR.

Every count in the file is checked against a limit, and values are read only on request. TIFF 6.0,
section 2. BigTIFF: http://bigtiff.org
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from chalicelib.processors.image.size import Size, SizeUnknown, exactly

WIDTH, HEIGHT, ORIENTATION = 0x100, 0x101, 0x112
MAX_ENTRIES = 4096  # in one directory; usual ones have a hundred
MAX_DIRECTORIES = 64  # visited in one file
_MAX_VALUES = 64  # of one entry
_BIG = 43
# Types of values as `struct` layouts; a ratio is two integers.
_TYPES = {
    1: "B", 3: "H", 4: "I", 5: "II", 6: "b", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d",
    13: "I", 16: "Q", 17: "q", 18: "Q",
}  # fmt: skip
_RATIOS = ("II", "ii")


@dataclass(frozen=True, slots=True)
class Directory:
    """One IFD. `entries` are type, count, and the bytes of the value or of its offset, by tag."""

    file: "Directories"
    entries: dict[int, tuple[int, int, bytes]]
    next_offset: int
    is_whole: bool

    def numbers(self, tag: int) -> list[float]:
        """The values of an entry; empty if it is missing, damaged or not numeric."""
        kind, count, inline = self.entries.get(tag, (0, 0, b""))
        layout = _TYPES.get(kind)
        if layout is None or not 0 < count <= _MAX_VALUES:
            return []
        data = self.file.value(inline, struct.calcsize("=" + layout) * count)
        values = list(struct.unpack(self.file.order + layout * count, data))
        if layout in _RATIOS:
            pairs = zip(values[::2], values[1::2], strict=True)
            return [top / bottom if bottom else 0 for top, bottom in pairs]
        return values

    def number(self, tag: int, default: int = 0) -> int:
        """The first value of an entry, as an integer."""
        numbers = self.numbers(tag)
        return int(numbers[0]) if numbers and abs(numbers[0]) < 1 << 64 else default

    def size(self) -> tuple[int, int]:
        """Stored width and height in pixels; 0 if they are missing."""
        return self.number(WIDTH), self.number(HEIGHT)

    def orientation(self) -> int:
        """The Exif orientation, 1 to 8; 1 if it is missing."""
        value = self.number(ORIENTATION, 1)
        return value if 1 <= value <= 8 else 1


@dataclass(slots=True)
class Directories:
    """The directories of a file; raises SizeUnknown if the file is not a TIFF."""

    file: BinaryIO
    order: str = ""
    first_offset: int = 0
    is_big: bool = False
    visited: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        header = exactly(self.file, 8, offset=0)
        self.order = {b"II": "<", b"MM": ">"}.get(header[:2], "")
        if not self.order:
            raise SizeUnknown("Its header is damaged")
        (version,) = struct.unpack(self.order + "H", header[2:4])
        self.is_big = version == _BIG
        (self.first_offset,) = (
            struct.unpack(self.order + "Q", exactly(self.file, 8))
            if self.is_big
            else struct.unpack(self.order + "I", header[4:])
        )

    def at(self, offset: int) -> Directory | None:
        """The directory at an offset; None if there is none, or if it was visited before."""
        if (
            not 0 < offset < 1 << 63
            or offset in self.visited
            or len(self.visited) >= MAX_DIRECTORIES
        ):
            return None
        self.visited.add(offset)
        layout = self.order + ("Q" if self.is_big else "H")
        self.file.seek(offset)
        head = self.file.read(struct.calcsize(layout))
        if len(head) < struct.calcsize(layout):
            return None
        (count,) = struct.unpack(layout, head)
        return self._entries(count) if count <= MAX_ENTRIES else None

    def chain(self) -> Iterator[Directory]:
        """The first directory and those that follow it, as for pages."""
        directory = self.at(self.first_offset)
        while directory is not None:
            yield directory
            directory = self.at(directory.next_offset)

    def below(self, directory: Directory, tag: int) -> Iterator[Directory]:
        """The directories at the offsets in an entry of another directory."""
        for offset in directory.numbers(tag):
            directory_below = self.at(int(offset))
            if directory_below is not None:
                yield directory_below

    def value(self, inline: bytes, size: int) -> bytes:
        """The bytes of a value; a value longer than its offset is stored elsewhere."""
        if size <= len(inline):
            return inline[:size]
        (offset,) = struct.unpack(self.order + ("Q" if self.is_big else "I"), inline)
        if offset >= 1 << 63:
            raise SizeUnknown("Its header is damaged")
        return exactly(self.file, size, offset=offset)

    def _entries(self, count: int) -> Directory:
        layout = struct.Struct(self.order + ("HHQ8s" if self.is_big else "HHI4s"))
        after = struct.Struct(self.order + ("Q" if self.is_big else "I"))
        data = self.file.read(layout.size * count + after.size)
        whole = data[: min(len(data) // layout.size, count) * layout.size]
        entries: dict[int, tuple[int, int, bytes]] = {}
        for tag, kind, number, inline in layout.iter_unpack(whole):
            entries.setdefault(tag, (kind, number, inline))
        end = data[layout.size * count :]
        next_offset = after.unpack(end)[0] if len(end) == after.size else 0
        return Directory(
            self,
            entries,
            next_offset,
            is_whole=len(entries) > 0 and len(whole) == layout.size * count,
        )


def size_of(directory: Directory) -> Size:
    """The stored size; raises SizeUnknown."""
    width, height = directory.size()
    if width <= 0 or height <= 0:
        raise SizeUnknown("Its header does not contain its size")
    return Size(width, height)
