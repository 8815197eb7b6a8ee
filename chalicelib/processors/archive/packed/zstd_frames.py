"""The expanded size of a zstd file, from the headers of its frames, without expanding them.

Python 3.13 cannot expand zstd, and no small library can.
https://www.rfc-editor.org/rfc/rfc8878 3.1
"""

from chalicelib.processors.archive.listing import Listing
from chalicelib.processors.archive.packed.compressed import inner_name
from chalicelib.processors.damaged import DamagedError
from chalicelib.reader import BoundedReader, ObjectReader, ReadTooLarge

MARK = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"
_SKIPPABLE_FIRST = bytes(range(0x50, 0x60))  # the byte before the mark
_SIZES = (1, 2, 4, 8)  # bytes of the frame's size field, by its code
_MORE_IN_TWO = 256  # added to a two-byte size
_MAX_READ = 64 * 1024 * 1024  # bytes, from the beginning, in which frames are read
_RLE, _RESERVED = 1, 3


def is_skippable(head: bytes) -> bool:
    """Whether a frame without contents begins here; parallel compressors write one first."""
    return head[1:4] == _SKIPPABLE and head[:1] in _SKIPPABLE_FIRST


def read(source: ObjectReader, listing: Listing) -> None:
    """Add the name of the one file in it, and its size if each frame has one."""
    listing.add(inner_name(source.filename), 0)
    file = source.seekable(limit=_MAX_READ)
    try:
        while head := file.read(4):
            source.check_time()
            if is_skippable(head):
                _skip(file, int.from_bytes(_read(file, 4), "little"))
            elif head == MARK:
                _read_frame(file, listing)
            else:
                raise DamagedError
    except ReadTooLarge:
        listing.is_complete = False


def _read_frame(file: BoundedReader, listing: Listing) -> None:
    """Add the size in a frame's header, and skip to the next frame."""
    descriptor = _read(file, 1)[0]
    is_single = bool(descriptor & 0x20)
    file.seek((not is_single) + (0, 1, 2, 4)[descriptor & 3], 1)
    field = descriptor >> 6
    if not field and not is_single:
        listing.size = None
    else:
        size = int.from_bytes(_read(file, _SIZES[field]), "little")
        size += _MORE_IN_TWO if field == 1 else 0
        listing.size = None if listing.size is None else listing.size + size
    _skip_blocks(file)
    if descriptor & 4:
        _skip(file, 4)  # a checksum


def _skip_blocks(file: BoundedReader) -> None:
    is_last = False
    while not is_last:
        header = int.from_bytes(_read(file, 3), "little")
        is_last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
        if kind == _RESERVED:
            raise DamagedError
        _skip(file, 1 if kind == _RLE else size)


def _skip(file: BoundedReader, size: int) -> None:
    """Skip this many bytes; raises DamagedError if they are missing."""
    if size:
        file.seek(size - 1, 1)
        _read(file, 1)


def _read(file: BoundedReader, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise DamagedError
    return data
