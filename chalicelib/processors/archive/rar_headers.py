"""The entries of a RAR archive, versions 4 and 5, from the headers between the packed data.

It expands nothing. Of an archive with encrypted headers it only reports the encryption.
https://www.rarlab.com/technote.htm https://codedread.github.io/bitjs/docs/unrar.html
"""

import struct

from chalicelib.processors.archive.byte_cursor import Cursor
from chalicelib.processors.archive.listing import Listing
from chalicelib.processors.damaged import DamagedError
from chalicelib.reader import BoundedReader, ObjectReader

MARK_4, MARK_5 = b"Rar!\x1a\7\0", b"Rar!\x1a\7\1\0"
ENCRYPTED_LIST = "Its list of entries is encrypted"
ONE_PART = "It is one part of a split archive"
_MAX_HEADER = 2 * 1024 * 1024  # bytes, as the format limits them
_BLOCK = struct.Struct("<HBHH")  # of version 4: checksum, type, flags, size
_MAIN_4, _FILE_4, _SERVICE_4, _END_4 = 0x73, 0x74, 0x7A, 0x7B
_HAS_DATA_4, _CONTINUES, _ENCRYPTED_4, _LARGE, _UNICODE = 0x8000, 1, 4, 0x100, 0x200
_IS_PART, _ENCRYPTED_HEADERS = 1, 0x80
_UNIX_4 = 3
_MAIN_5, _FILE_5, _SERVICE_5, _ENCRYPTION_5, _END_5 = range(1, 6)
_HAS_MORE, _HAS_DATA, _BEGAN_BEFORE = 1, 2, 8
_HAS_TIME, _HAS_CHECKSUM, _UNKNOWN_SIZE = 2, 4, 8


def read_version_5(source: ObjectReader, listing: Listing) -> None:
    """List an archive of RAR 5 and later."""
    listing.facts["encrypted"] = False
    file = source.seekable()
    file.seek(len(MARK_5))
    is_part = False
    while True:
        source.check_time()
        start = file.read(7)  # a checksum, and the number of bytes of the header
        length = Cursor(start[4:])
        size = length.seven_bit_number()
        if size > _MAX_HEADER:
            raise DamagedError
        file.seek(-length.remaining, 1)
        header = Cursor(file.read(size))
        header.within(size)
        kind, flags = header.seven_bit_number(), header.seven_bit_number()
        more = header.seven_bit_number() if flags & _HAS_MORE else 0
        data_size = header.seven_bit_number() if flags & _HAS_DATA else 0
        if kind == _ENCRYPTION_5:
            listing.facts["encrypted"] = True
            listing.size = None
            raise DamagedError(ENCRYPTED_LIST)
        if kind == _MAIN_5:
            is_part = bool(header.seven_bit_number() & _IS_PART)
        if kind == _END_5:
            break
        if kind == _FILE_5 and not flags & _BEGAN_BEFORE:
            _add_version_5(header, more, listing)
        _skip(file, data_size)
    if is_part:
        raise DamagedError(ONE_PART)


def _add_version_5(header: Cursor, more: int, listing: Listing) -> None:
    flags, size = header.seven_bit_number(), header.seven_bit_number()
    header.seven_bit_number()  # attributes
    header.take(4 * bool(flags & _HAS_TIME) + 4 * bool(flags & _HAS_CHECKSUM))
    header.seven_bit_number()  # compression
    header.seven_bit_number()  # system
    name = header.take(header.seven_bit_number())
    listing.add(name.decode("utf-8", "replace"), 0 if flags & _UNKNOWN_SIZE else size)
    header.take(header.remaining - header.within(more))
    while header.remaining:
        record = header.within_next(header.seven_bit_number())
        if record.seven_bit_number() == 1:
            listing.facts["encrypted"] = True


def read_version_4(source: ObjectReader, listing: Listing) -> None:
    """List an archive of RAR 1.5 to 4."""
    listing.facts["encrypted"] = False
    file = source.seekable()
    file.seek(len(MARK_4))
    is_part = False
    # The end header is newer than the format: an archive may end without one.
    while start := file.read(_BLOCK.size):
        source.check_time()
        _, kind, flags, size = _BLOCK.unpack(start)
        if kind == _END_4:
            break
        if size < _BLOCK.size or not _MAIN_4 - 1 <= kind <= _END_4:
            raise DamagedError
        data = file.read(size - _BLOCK.size)
        header = Cursor(data)
        header.within(size - _BLOCK.size)
        if kind == _MAIN_4 and flags & _ENCRYPTED_HEADERS:
            listing.facts["encrypted"] = True
            listing.size = None
            raise DamagedError(ENCRYPTED_LIST)
        is_part |= kind == _MAIN_4 and bool(flags & _IS_PART)
        data_size = header.little(4) if flags & _HAS_DATA_4 or kind == _FILE_4 else 0
        if kind in (_FILE_4, _SERVICE_4):
            data_size += _read_version_4(header, kind, flags, listing) << 32
        _skip(file, data_size)
    if is_part:
        raise DamagedError(ONE_PART)


def _read_version_4(header: Cursor, kind: int, flags: int, listing: Listing) -> int:
    """Add a file; returns the upper half of its packed size."""
    size, system = header.little(4), header.byte()
    header.take(10)  # checksum, time, version, method
    name_size = header.little(2)
    header.take(4)  # attributes
    packed_high, size_high = (header.little(4), header.little(4)) if flags & _LARGE else (0, 0)
    name = header.take(name_size)
    if kind == _FILE_4 and not flags & _CONTINUES:
        listing.is_unix |= system == _UNIX_4
        listing.facts["encrypted"] |= bool(flags & _ENCRYPTED_4)
        path = _unicode_name(name) if flags & _UNICODE or name.isascii() else name
        # Version 4 separates folders by backslashes on every system.
        listing.add(
            path.replace("\\", "/") if isinstance(path, str) else path, size | size_high << 32
        )
    return packed_high


def _unicode_name(name: bytes) -> str:
    """A name in UTF-8, or a name in a code page with instructions to make UTF-16 of it."""
    plain, is_two, packed = name.partition(b"\0")
    if not is_two:
        return name.decode("utf-8", "replace")
    code = Cursor(packed)
    high = code.byte()
    units = bytearray()
    flags, remaining = 0, 0
    while code.remaining and len(units) < 2 * 0xFFFF:
        if not remaining:
            flags, remaining = code.byte(), 8
            if not code.remaining:
                break
        flags, remaining, kind = flags << 2 & 0xFF, remaining - 2, flags >> 6
        if kind == 3:  # characters copied from the plain name
            length = code.byte()
            shift, page = (code.byte(), high) if length & 0x80 else (0, 0)
            at = len(units) // 2
            for byte in plain[at : at + (length & 0x7F) + 2]:
                units += bytes([byte + shift & 0xFF, page])
        else:
            low = code.byte()
            units += bytes([low, (0, high, code.byte() if kind == 2 else 0)[kind]])
    return units.decode("utf-16-le", "replace")


def _skip(file: BoundedReader, size: int) -> None:
    """Skip packed data; raises DamagedError if it is missing."""
    if size:
        file.seek(size - 1, 1)
        if not file.read(1):
            raise DamagedError
