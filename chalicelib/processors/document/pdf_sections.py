"""The two kinds of cross-reference sections in a PDF: tables of text, and binary streams.

A section maps an object to an offset or to an object stream, or marks it as deleted. ISO 32000-2,
7.5.4 and 7.5.8.
"""

import re
from dataclasses import dataclass, field

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.places import Places

ENTRY_SIZE = 20  # bytes of a table's entry
_ENTRY = re.compile(rb"[\r\n ]*(\d{10}) (\d{5}) ([nf])")


@dataclass(frozen=True, slots=True)
class Packed:
    """An object in an object stream."""

    stream: int
    index: int


@dataclass(slots=True)
class Plain:
    """Subsections of a table: their first numbers, their counts and the offset of their entries."""

    parts: list[tuple[int, int, int]] = field(default_factory=list)

    def place(self, number: int, file: Places) -> int | None:
        """The offset of the object, 0 if it was deleted, None if the section does not list it."""
        for first, count, entries in self.parts:
            if first <= number < first + count:
                entry = _ENTRY.match(file.read(entries + (number - first) * ENTRY_SIZE, 24))
                if not entry:
                    raise DamagedError
                return int(entry[1]) if entry[3] == b"n" else 0
        return None


@dataclass(slots=True)
class Stream:
    """A cross-reference stream; `widths` are the bytes of its three columns."""

    data: bytes
    widths: list[int]
    index: list[int]
    filtered: bool

    def place(self, number: int) -> int | Packed | None:
        """The place of the object, 0 if it was deleted, None if the section does not list it."""
        before = 0
        for first, count in zip(self.index[::2], self.index[1::2], strict=False):
            if first <= number < first + count:
                return self._entry(before + number - first)
            before += count
        return None

    def _entry(self, row: int) -> int | Packed | None:
        width = sum(self.widths)
        cells = _filtered_row(self.data, row, width) if self.filtered else b""
        cells = cells or self.data[row * width : (row + 1) * width]
        if len(cells) < width or not width:
            return None
        kind, second, third = (
            int.from_bytes(cells[sum(self.widths[:at]) :][: self.widths[at]], "big")
            for at in range(3)
        )
        if not self.widths[0]:
            kind = 1
        if kind == 2:
            return Packed(second, third)
        return second if kind == 1 else 0


def _filtered_row(data: bytes, row: int, width: int) -> bytes:
    """A row encoded with PNG's filters None and Up, the only ones that writers use here.

    Up adds the row above, so a cell is the sum of its column since the last unfiltered row.
    """
    stride = width + 1
    tags = data[0 : (row + 1) * stride : stride]
    if len(tags) <= row or tags.strip(b"\0\2"):
        raise DamagedError
    start = max(0, tags.rfind(b"\0")) * stride
    end = (row + 1) * stride
    return bytes(sum(data[start + 1 + at : end : stride]) & 0xFF for at in range(width))
