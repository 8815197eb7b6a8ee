"""The expanded size of a zstd file, from the headers of its frames; nothing is expanded.

Python 3.13 cannot expand zstd, and there is no light library that does.
https://www.rfc-editor.org/rfc/rfc8878 3.1
"""

from chalicelib.processors.archive.listing import Listing
from chalicelib.processors.archive.packed.compressed import inner_name
from chalicelib.processors.damaged import DamagedError
from chalicelib.reader import BoundedReader, ObjectReader, ReadTooLarge

MARK = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"
_SKIPPABLE_FIRST = bytes(range(0x50, 0x60))  # one of these is before it
_SIZES = (1, 2, 4, 8)  # bytes of a frame's size, by a field of its header
_MORE_IN_TWO = 256  # is added to a size of two bytes
_MAX_READ = 64 * 1024 * 1024  # bytes in which frames are looked for, from the beginning
_RLE, _RESERVED = 1, 3


def is_skippable(head: bytes) -> bool:
    """Whether a frame without contents begins so, as parallel compressors write first."""
    return head[1:4] == _SKIPPABLE and head[:1] in _SKIPPABLE_FIRST


def read(source: ObjectReader, listing: Listing) -> None:
    """Tell the name of the one file in it, and its size where each frame tells its own."""
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
    """Add the size that a frame tells, and go to the next frame."""
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
    """Go on after this many bytes; they must be there."""
    if size:
        file.seek(size - 1, 1)
        _read(file, 1)


def _read(file: BoundedReader, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise DamagedError
    return data
