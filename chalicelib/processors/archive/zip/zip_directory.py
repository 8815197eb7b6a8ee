"""The entries of a ZIP, from its central directory, one entry in memory at a time.

Python's zipfile holds the whole directory in memory.
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT 4.3.12, 4.5.3 and 4.6.9
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.processors.archive.listing import Listing
from chalicelib.processors.archive.zip import office_macros, zip_end, zip_layout
from chalicelib.processors.damaged import DamagedError
from chalicelib.reader import ObjectReader

_PAGE = 1024 * 1024  # bytes of one request for a directory
_ENTRY = struct.Struct("<4s6H3I5H2I")
_AFTER_ENTRIES = (b"PK\5\5", b"PK\6\6")  # a digital signature, the 64-bit end record
_PART_MARK = b"PK\7\x08"
_ZIP64, _UNICODE_PATH = 1, 0x7075  # extra fields
_NOT_HERE = 0xFFFFFFFF  # the number is in the extra field
_ENCRYPTED, _UTF8, _MASKED = 1, 1 << 11, 1 << 13
_UNIX = (3, 19)  # systems in "version made by": Unix, and macOS
_MANY = 0x10000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the directory; `offset` counts from the origin of the archive."""

    raw_name: bytes
    name: str | bytes  # bytes if nothing declares the encoding
    size: int
    packed_size: int
    offset: int
    method: int
    is_encrypted: bool
    is_masked: bool  # the local header hides the name
    is_unix: bool


def read(source: ObjectReader, listing: Listing) -> None:
    """List a ZIP; raises DamagedError after the entries that could be listed."""
    listing.facts["encrypted"] = False
    directory = _directory(source, listing)
    layout = zip_layout.Layout(source, directory.origin or 0)
    macros = office_macros.Macros()
    for entry in _entries(source, directory):
        source.check_time()
        listing.is_unix |= entry.is_unix
        listing.facts["encrypted"] |= entry.is_encrypted
        listing.add(entry.name, entry.size)
        layout.add(entry)
        macros.add(entry)
    if directory.parts > 1:
        raise DamagedError(f"It is the last of {directory.parts} parts of a split archive")
    if directory.is_cut:
        raise DamagedError("Its beginning is missing")
    if macros.are_in(source, directory.origin or 0):
        listing.facts["macros"] = True
    if directory.is_ambiguous:
        listing.doubt("Its two end records point to different lists of entries")
    if (listing.entries - directory.entries) % _MANY:
        listing.doubt(f"Its end record counts {directory.entries} entries")
    if directory.origin is not None:
        layout.add_doubts(listing)


def _directory(source: ObjectReader, listing: Listing) -> zip_end.Directory:
    """The place of the directory; raises DamagedError if it is not in this file or is encrypted."""
    try:
        directory = zip_end.find(source)
    except zip_end.NoEndError:
        if source.read_range(0, min(4, source.size)) == _PART_MARK:
            raise DamagedError("It is a part of a split archive, and not the last") from None
        raise
    if directory.is_encrypted:
        listing.facts["encrypted"] = True
        raise DamagedError("Its list of entries is encrypted")
    return directory


def _entries(source: ObjectReader, directory: zip_end.Directory) -> Iterator[Entry]:
    file = source.seekable(page_size=_PAGE)
    file.seek(directory.start)
    at = directory.start
    while at < directory.end:
        fields = _ENTRY.unpack(file.read(_ENTRY.size))
        if fields[0] in _AFTER_ENTRIES:
            return
        if fields[0] != zip_end.ENTRY_MARK:
            raise DamagedError
        name_size, extra_size, comment_size = fields[10:13]
        name, extra = file.read(name_size), file.read(extra_size)
        if len(name) + len(extra) < name_size + extra_size:
            raise DamagedError
        file.seek(comment_size, 1)
        at += _ENTRY.size + name_size + extra_size + comment_size
        yield _entry(fields, name, _extra_fields(extra))


def _entry(fields: tuple[int, ...], name: bytes, extra: dict[int, bytes]) -> Entry:
    flags = fields[3]
    size, packed_size, offset = _numbers_64(
        (fields[9], fields[8], fields[16]), extra.get(_ZIP64, b"")
    )
    return Entry(
        raw_name=name,
        name=_name(name, flags, extra.get(_UNICODE_PATH, b"")),
        size=size,
        packed_size=packed_size,
        offset=offset,
        method=fields[4],
        is_encrypted=bool(flags & _ENCRYPTED),
        is_masked=bool(flags & _MASKED),
        is_unix=fields[1] >> 8 in _UNIX,
    )


def _name(name: bytes, flags: int, unicode_path: bytes) -> str | bytes:
    """The name as text, if a flag or Info-ZIP's extra field declares its encoding.

    The field is valid if its checksum matches the name: a program that renames an entry may not
    know the field.
    """
    if unicode_path[:1] == b"\1" and unicode_path[1:5] == zlib.crc32(name).to_bytes(4, "little"):
        return unicode_path[5:].decode("utf-8", "replace")
    if flags & _UTF8:
        try:
            return name.decode()
        except UnicodeDecodeError:
            return name  # some tools set the flag for any encoding
    return name


def _extra_fields(extra: bytes) -> dict[int, bytes]:
    """The extra fields by kind. Only the first of each kind counts."""
    fields: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        fields.setdefault(kind, extra[at + 4 : at + 4 + length])
        at += 4 + length
    return fields


def _numbers_64(numbers: tuple[int, int, int], field: bytes) -> tuple[int, int, int]:
    """Size, packed size and offset. Those that do not fit are in the extra field, in this order."""
    at = 0
    whole = []
    for number in numbers:
        if number == _NOT_HERE and at + 8 <= len(field):
            whole.append(int.from_bytes(field[at : at + 8], "little"))
            at += 8
        else:
            whole.append(number)
    return whole[0], whole[1], whole[2]
