"""Compares a ZIP's directory with its data: entries that overlap, are hidden or have two names.

A program that reads the data sequentially then sees another archive than one that reads the
directory. Attackers make such archives to bypass a check, or to expand kilobytes to terabytes.
https://www.bamsoftware.com/hacks/zipbomb/
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.processors.archive.listing import Listing
from chalicelib.reader import ObjectReader

if TYPE_CHECKING:
    from chalicelib.processors.archive.zip.zip_directory import Entry

OVERLAP = "Its entries overlap"
OTHER_NAME = "An entry has one name in the list and another before its data"
NOT_THERE = "An entry is not where its list says"
HIDDEN = "It holds an entry that is not in its list"
TWICE = "Two entries have the same name"
_MAX_COMPARED_SIZE = 16 * 1024 * 1024  # bytes: larger archives are not compared
_MAX_PLACES = 10_000
_PAGE = 1024 * 1024
_LOCAL = struct.Struct("<4s5H3I2H")  # the header before the data of an entry
_MARK = b"PK\3\4"
# Possible sizes of the data descriptor after an entry: with or without mark, 32 or 64 bits.
_DESCRIPTORS = (0, 12, 16, 20, 24)


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    start: int
    end: int  # minimum: the extra field before the data is not counted
    name_hash: int
    name_size: int
    packed_size: int
    is_masked: bool


class Layout:
    """The places of the entries; the first 10,000 are in memory."""

    def __init__(self, source: ObjectReader, origin: int) -> None:
        self._source = source
        self._origin = origin
        self._places: list[_Place] = []
        self._names: set[int] = set()
        self._is_twice = False
        self._count = 0
        self._total = 0

    def add(self, entry: "Entry") -> None:
        """Add the place of an entry."""
        start = self._origin + entry.offset
        end = start + _LOCAL.size + len(entry.raw_name) + entry.packed_size
        self._count += 1
        self._total += end - start
        if len(self._places) == _MAX_PLACES:
            return
        name_hash = hash(entry.raw_name)
        if not entry.raw_name.endswith(b"/"):
            self._is_twice |= name_hash in self._names
            self._names.add(name_hash)
        self._places.append(
            _Place(start, end, name_hash, len(entry.raw_name), entry.packed_size, entry.is_masked)
        )

    def add_doubts(self, listing: Listing) -> None:
        """Add each kind of suspicious property to the listing, once."""
        for doubt in self._doubts():
            listing.doubt(doubt)

    def _doubts(self) -> Iterator[str]:
        self._places.sort()
        if self._total > self._source.size or any(
            place.end > following.start
            for place, following in zip(self._places, self._places[1:], strict=False)
        ):
            yield OVERLAP
        if self._is_twice:
            yield TWICE
        if self._count > len(self._places):
            return
        if self._places[:1] and self._places[0].start and self._starts_an_entry(0):
            yield HIDDEN
        if self._source.size <= _MAX_COMPARED_SIZE:
            yield from self._compare()

    def _starts_an_entry(self, offset: int) -> bool:
        return self._source.read_range(offset, min(4, self._source.size)) == _MARK

    def _compare(self) -> Iterator[str]:
        """Doubts from comparing the headers before and behind the data of each entry."""
        file = self._source.seekable(page_size=_PAGE)
        starts = {place.start for place in self._places}
        for place in self._places:
            self._source.check_time()
            file.seek(place.start)
            data = file.read(_LOCAL.size)
            if len(data) < _LOCAL.size or not data.startswith(_MARK):
                yield NOT_THERE
                continue
            *_, name_size, extra_size = _LOCAL.unpack(data)
            name = file.read(name_size)
            if not place.is_masked and (
                name_size != place.name_size or hash(name) != place.name_hash
            ):
                yield OTHER_NAME
            after = place.start + _LOCAL.size + name_size + extra_size + place.packed_size
            file.seek(after)
            following = file.read(max(_DESCRIPTORS) + 4)
            if any(
                following.startswith(_MARK, size) and after + size not in starts
                for size in _DESCRIPTORS
            ):
                yield HIDDEN
