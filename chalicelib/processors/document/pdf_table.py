"""Finds the objects of a PDF by its cross-reference tables and streams, and its object streams.

Sections stay in the file and are searched for one object at a time. A document of a million objects
costs as much as one of ten. ISO 32000-2, 7.5.4 to 7.5.8.
"""

import re
import zlib
from dataclasses import dataclass, field
from typing import Any

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.document.pdf_objects import (
    Reference,
    SyntaxDamagedError,
    Unfinished,
    parse,
    skip_space,
)
from chalicelib.processors.document.pdf_sections import ENTRY_SIZE, Packed, Plain, Stream
from chalicelib.processors.places import Places

MAX_SECTIONS = 1000  # each time a document is saved, it may get another section
MAX_SUBSECTIONS = 20_000
MAX_STREAM = 4 * 1024 * 1024  # bytes of one stream, packed and expanded
MAX_EXPANDED = 12 * 1024 * 1024  # bytes of all cross-reference streams
MAX_PACKED = 100_000  # objects in one object stream
MAX_HOPS = 20  # references to references
_WINDOWS = (4 * 1024, 64 * 1024, 512 * 1024)  # bytes tried for one object
_SUBSECTION = re.compile(rb"[\0\t\n\f\r ]*(\d{1,10})[\0\t\n\f\r ]+(\d{1,10})[\0\t\n\f\r ]*?[\r\n ]")
_OBJECT = re.compile(rb"[\0\t\n\f\r ]*(\d{1,10})[\0\t\n\f\r ]+\d{1,5}[\0\t\n\f\r ]+obj")
_STREAM = re.compile(rb"[\0\t\n\f\r ]*stream(?:\r\n|\n|\r)")


@dataclass(slots=True)
class Tables:
    """All sections, newest first, and the merged trailer; newer values win."""

    file: Places
    shift: int  # bytes before the document begins
    trailer: dict[str, Any] = field(default_factory=dict)
    _sections: list[Plain | Stream] = field(default_factory=list)
    _expanded: int = 0

    def load(self, start: int) -> None:
        """Read the sections from the newest one at `start` to the oldest."""
        at: Any = start
        visited: set[int] = set()
        while isinstance(at, int) and at not in visited and len(visited) < MAX_SECTIONS:
            visited.add(at)
            position = len(self._sections)
            try:
                trailer = self._section(at)
                if isinstance(trailer.get("XRefStm"), int):
                    self._section(trailer["XRefStm"])
            except DamagedError:
                if "Root" in self.trailer:
                    return  # the newer sections may be enough
                raise
            # In a hybrid file, the table marks objects as deleted that only the stream lists.
            self._sections[position:] = reversed(self._sections[position:])
            self.trailer = trailer | self.trailer
            at = trailer.get("Prev")

    def value(self, item: Any) -> Any:
        """The value itself, or the object if it is a reference; None if there is no such object."""
        for _ in range(MAX_HOPS):
            if not isinstance(item, Reference):
                return item
            place = self._place(item.number)
            if place is None:
                return None
            if isinstance(place, Packed):
                item = self._read_packed(place, item.number)
            else:
                item = self.object_at(place, item.number)[0]
        raise DamagedError

    def object_at(self, offset: int, number: int | None = None) -> tuple[Any, int]:
        """The object at an offset of the file, and the offset behind it."""
        for size in _WINDOWS:
            data = self.file.read(offset, size)
            header = _OBJECT.match(data)
            if not header or number not in (None, int(header[1])):
                raise DamagedError
            try:
                value, end = parse(data, header.end())
            except Unfinished:
                continue
            except SyntaxDamagedError as error:
                raise DamagedError from error
            return value, offset + end
        raise DamagedError

    def stream_at(self, offset: int, number: int | None = None) -> tuple[dict[str, Any], bytes]:
        """A stream's dictionary and its expanded bytes."""
        dictionary, end = self.object_at(offset, number)
        mark = _STREAM.match(self.file.read(end, 64))
        if not mark or not isinstance(dictionary, dict):
            raise DamagedError
        length = self.value(dictionary.get("Length"))
        if not isinstance(length, int) or not 0 <= length <= MAX_STREAM:
            raise DamagedError
        return dictionary, _expand(
            self.file.read(end + mark.end(), length), dictionary.get("Filter")
        )

    def _section(self, at: int) -> dict[str, Any]:
        """Store one section; returns its trailer."""
        for offset in dict.fromkeys((at + self.shift, at)):
            head = self.file.read(offset, 64)
            start = skip_space(head, 0)
            if head.startswith(b"xref", start):
                return self._plain(offset + start + 4)
            if _OBJECT.match(head):
                return self._stream(offset)
        raise DamagedError

    def _plain(self, offset: int) -> dict[str, Any]:
        section = Plain()
        self._sections.append(section)
        for _ in range(MAX_SUBSECTIONS):
            head = self.file.read(offset, 64)
            start = skip_space(head, 0)
            if head.startswith(b"trailer", start):
                return self._trailer(offset + start + 7)
            match = _SUBSECTION.match(head)
            if not match:
                raise DamagedError
            first, count = int(match[1]), int(match[2])
            entries = offset + skip_space(head, match.end())
            section.parts.append((first, count, entries))
            offset = entries + count * ENTRY_SIZE
        raise DamagedError

    def _trailer(self, offset: int) -> dict[str, Any]:
        for size in _WINDOWS:
            try:
                trailer, _ = parse(self.file.read(offset, size))
            except Unfinished:
                continue
            except SyntaxDamagedError as error:
                raise DamagedError from error
            if isinstance(trailer, dict):
                return trailer
            break
        raise DamagedError

    def _stream(self, offset: int) -> dict[str, Any]:
        dictionary, data = self.stream_at(offset)
        self._expanded += len(data)
        widths: Any = dictionary.get("W")
        index: Any = dictionary.get("Index", [0, dictionary.get("Size")])
        if self._expanded > MAX_EXPANDED or not _are_numbers(widths, 3) or max(widths) > 8:
            raise DamagedError
        if not _are_numbers(index, None):
            raise DamagedError
        options = dictionary.get("DecodeParms")
        options = options[0] if isinstance(options, list) and options else options
        filtered = isinstance(options, dict) and options.get("Predictor", 1) != 1
        self._sections.append(Stream(data, widths, index, filtered=filtered))
        return dictionary

    def _place(self, number: int) -> int | Packed | None:
        for section in self._sections:
            if isinstance(section, Plain):
                place = section.place(number, self.file)
                if place is None:
                    continue
                return self._check_place(place, number) if place else None
            entry = section.place(number)
            if entry is not None:
                return (
                    self._check_place(entry, number) if isinstance(entry, int) and entry else entry
                )
        return None

    def _check_place(self, place: int, number: int) -> int:
        """The real offset of the object: it may count from `%PDF` or from the start of the file."""
        for offset in dict.fromkeys((place + self.shift, place)):
            header = _OBJECT.match(self.file.read(offset, 64))
            if header and int(header[1]) == number:
                return offset
        raise DamagedError

    def _read_packed(self, place: Packed, number: int) -> Any:
        data, first, count = self._object_stream(place.stream)
        at = 0
        for _ in range(count):
            entry, at = parse(data, at)
            offset, at = parse(data, at)
            if entry == number and isinstance(offset, int):
                return parse(data + b" ", first + offset)[0]
        return None

    def _object_stream(self, number: int) -> tuple[bytes, int, int]:
        offset = self._place(number)
        if not isinstance(offset, int):
            raise DamagedError
        dictionary, data = self.stream_at(offset, number)
        first, count = self.value(dictionary.get("First")), self.value(dictionary.get("N"))
        if not _are_numbers([first, count], 2):
            raise DamagedError
        return data, first, min(count, MAX_PACKED)


def _expand(data: bytes, filters: Any) -> bytes:
    if isinstance(filters, list):
        filters = filters[0] if len(filters) == 1 else (filters or None)
    if filters is None:
        return data
    if filters not in ("FlateDecode", "Fl"):
        raise DamagedError
    try:
        return zlib.decompressobj().decompress(data, MAX_STREAM)
    except zlib.error as error:
        raise DamagedError from error


def _are_numbers(values: Any, count: int | None) -> bool:
    return (
        isinstance(values, list)
        and (count is None or len(values) == count)
        and all(isinstance(value, int) and value >= 0 for value in values)
    )
