"""Finds the central directory of a ZIP by its end records, of 32 and 64 bits.

The end record is searched from the end of the file, because a comment, padding or other data may
follow it. Offsets in it do not include data before the archive.
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT 4.3.14 to 4.3.16
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.processors.damaged import DamagedError
from chalicelib.reader import MAX_READ, BoundedReader, ObjectReader

ENTRY_MARK = b"PK\1\2"
_MARK, _MARK_64, _LOCATOR_MARK = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_TAILS = (_END.size + 0xFFFF, 1024 * 1024)  # bytes: the longest comment, then appended data
_MAX_CANDIDATES = 64
_BEFORE_LOCATOR = 64 * 1024  # bytes in which the 64-bit record is searched
_SPARE_16, _SPARE_32 = 0xFFFF, 0xFFFFFFFF  # the number is in the 64-bit record
_ENCRYPTED_LIST = 62  # version that reads encrypted lists, and the extra bytes of its record
_MORE_OF_VERSION_2 = 28


class NoEndError(DamagedError):
    """There is no end record: the file is not a ZIP, or its end is missing."""


@dataclass(frozen=True, slots=True)
class Directory:
    """The central directory from byte `start` to `end`; offsets in it count from byte `origin`.

    `origin` is None in archives above 4 GiB without 64-bit fields, as macOS writes them.
    """

    start: int
    end: int
    origin: int | None
    entries: int  # as in the end record, which may be modulo 65,536
    parts: int = 1  # of a split archive; this file is the last part
    is_encrypted: bool = False
    is_ambiguous: bool = False
    is_cut: bool = False  # bytes before the directory are missing


@dataclass(frozen=True, slots=True)
class _End:
    """The values of the end records."""

    start_of_record: int
    disk: int
    entries: int
    size: int
    offset: int
    is_encrypted: bool = False
    is_ambiguous: bool = False


def find(source: ObjectReader) -> Directory:
    """The directory of the last consistent end record; raises DamagedError if there is none."""
    file = source.seekable()
    has_record = False
    for size in _TAILS:
        start = max(0, source.size - size)
        tail = _read_at(source.seekable(page_size=size), start, size)
        places = [place for place in _places(tail) if place + _END.size <= len(tail)]
        has_record |= bool(places)
        whole = [place for place in places if _ends_at(tail, place) == len(tail)]
        for candidates in (whole, places):
            fitting = [
                directory
                for place in candidates
                if (directory := _directory(file, tail, start, place)) is not None
            ]
            if fitting:
                return _choose(fitting)
    raise DamagedError if has_record else NoEndError


def _choose(fitting: list[Directory]) -> Directory:
    """The last directory with entries. Two that end with the file are two archives in one."""
    with_entries = [directory for directory in fitting if directory.end > directory.start]
    return (with_entries or fitting)[0]


def _places(tail: bytes) -> Iterator[int]:
    """The possible places of end records, last first."""
    at = tail.rfind(_MARK)
    for _ in range(_MAX_CANDIDATES):
        if at < 0:
            return
        yield at
        at = tail.rfind(_MARK, 0, at)


def _ends_at(tail: bytes, place: int) -> int:
    comment = place + _END.size
    return comment + int.from_bytes(tail[comment - 2 : comment], "little")


def _directory(file: BoundedReader, tail: bytes, start: int, place: int) -> Directory | None:
    """The directory for the end record at this place of the tail; None if there is none."""
    end = _end(file, tail, start, place)
    if end is None:
        return None
    parts = end.disk + 1 if end.disk != _SPARE_16 else 1
    # The directory is usually right before its end record. A signature may be in between.
    for begin in (end.start_of_record - end.size, end.offset):
        close = begin + end.size
        if not 0 <= begin <= close <= end.start_of_record:
            continue
        is_there = not end.size or _read_at(file, begin, 4) == ENTRY_MARK
        if is_there or end.is_encrypted or parts > 1:
            return Directory(
                begin, close, _origin(begin, end.offset), end.entries, parts,
                is_encrypted=end.is_encrypted and not is_there,
                is_ambiguous=end.is_ambiguous, is_cut=begin < end.offset,
            )  # fmt: skip
    return None


def _origin(begin: int, offset: int) -> int | None:
    before = max(0, begin - offset)
    return None if before and before % (_SPARE_32 + 1) == 0 else before


def _end(file: BoundedReader, tail: bytes, start: int, place: int) -> _End | None:
    _, disk, _, _, entries, size, offset, _ = _END.unpack_from(tail, place)
    is_spare = entries == _SPARE_16 or _SPARE_32 in (size, offset) or disk == _SPARE_16
    at = place - _LOCATOR.size
    if not (at >= 0 and tail.startswith(_LOCATOR_MARK, at)):
        at = tail.rfind(_LOCATOR_MARK, 0, place) if is_spare else -1
    record = _record_64(file, tail, start, at) if at >= 0 else None
    if record is None:
        return _End(start + place, disk, entries, size, offset)
    where, (_, length, _, version, disk_64, _, _, entries_64, size_64, offset_64) = record
    is_other = (
        entries not in (_SPARE_16, entries_64 & _SPARE_16)
        or size not in (_SPARE_32, size_64)
        or offset not in (_SPARE_32, offset_64)
    )
    return _End(
        where, disk_64, entries_64, size_64, offset_64,
        is_encrypted=version >= _ENCRYPTED_LIST
        and length >= _END_64.size - 12 + _MORE_OF_VERSION_2,
        is_ambiguous=is_other,
    )  # fmt: skip


def _record_64(
    file: BoundedReader, tail: bytes, start: int, at: int
) -> tuple[int, tuple[bytes, int, int, int, int, int, int, int, int, int]] | None:
    """The 64-bit record for a locator at this place of the tail, and its offset.

    The record is at the offset in the locator. If data was put before the archive, it is before the
    locator.
    """
    locator = start + at
    _, _, offset, _ = _LOCATOR.unpack_from(tail, at)
    if offset + _END_64.size <= locator:
        data = _window(file, tail, start, offset, _END_64.size)
        if data.startswith(_MARK_64):
            return offset, _END_64.unpack(data)
    first = max(0, locator - _BEFORE_LOCATOR)
    before = _window(file, tail, start, first, locator - first)
    record = None
    place = before.rfind(_MARK_64)
    for _ in range(_MAX_CANDIDATES):
        if place < 0:
            break
        if place + _END_64.size <= len(before):
            fields = _END_64.unpack_from(before, place)
            record = first + place, fields
            if place + 12 + fields[1] == len(before):
                break  # the record ends where the locator begins
        place = before.rfind(_MARK_64, 0, place)
    return record


def _window(file: BoundedReader, tail: bytes, start: int, offset: int, size: int) -> bytes:
    """Bytes of the archive, from its tail if they are there."""
    if offset >= start:
        return tail[offset - start : offset - start + size]
    return _read_at(file, offset, size)


def _read_at(file: BoundedReader, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(min(size, MAX_READ))
