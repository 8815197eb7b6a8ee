"""Reads EBML, the structure of Matroska and WebM. RFC 8794."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media.media_file import MediaFile

MAX_ELEMENTS = 10_000  # visited in one file; usual ones have hundreds
_HEADER = 12  # bytes of the longest header: an id of 4, a size of 8


@dataclass(frozen=True, slots=True)
class Element:
    """`start` and `end` are the offsets of its contents."""

    number: int
    start: int
    end: int


class Elements:
    """The elements of one file."""

    def __init__(self, file: MediaFile) -> None:
        self.file = file
        self._seen = 0

    def of(self, start: int, end: int) -> Iterator[Element]:
        """The elements between two offsets; an element of unknown size ends with its parent."""
        while start < end:
            self._seen += 1
            if self._seen > MAX_ELEMENTS:
                raise DamagedError
            header = self.file.at(start, min(_HEADER, end - start))
            number, length = read_number(header, keep_marker=True)
            size, width = read_number(header[length:], keep_marker=False)
            contents = start + length + width
            is_unknown = size == (1 << (7 * width)) - 1
            # A truncated recording ends within an element.
            yield Element(number, contents, end if is_unknown else min(end, contents + size))
            start = end if is_unknown else contents + size

    def bytes(self, element: Element, size: int = 1024) -> bytes:
        """The first bytes of an element's contents."""
        return self.file.at(element.start, min(size, element.end - element.start))

    def unsigned(self, element: Element) -> int:
        """The contents as an unsigned number."""
        return int.from_bytes(self.bytes(element, 8))

    def real(self, element: Element) -> float:
        """The contents as a float of 4 or 8 bytes; 0 for other sizes."""
        data = self.bytes(element, 8)
        forms = {4: ">f", 8: ">d"}
        return float(struct.unpack(forms[len(data)], data)[0]) if len(data) in forms else 0.0

    def text(self, element: Element) -> str:
        """The contents as text."""
        return self.bytes(element).decode("utf-8", "replace").rstrip("\0")


def read_number(data: bytes, *, keep_marker: bool) -> tuple[int, int]:
    """A variable-width number and its width in bytes; ids keep their marker bit."""
    if not data or not data[0]:
        raise DamagedError
    width = 9 - data[0].bit_length()
    if len(data) < width:
        raise DamagedError
    value = int.from_bytes(data[:width])
    return value if keep_marker else value & ((1 << (7 * width)) - 1), width
