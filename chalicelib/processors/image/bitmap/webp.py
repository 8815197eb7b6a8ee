"""WebP: the size is in the first chunk, the orientation in a chunk behind the image.

RFC 9649, section 2; section 3.4 has the bits of lossless images.
"""

import struct
from typing import BinaryIO

from chalicelib.processors.image.size import Size, SizeUnknown, end_of, exactly
from chalicelib.processors.image.tiff import exif

_HAS_EXIF = 0x08
_MAX_CHUNKS = 8  # read in order; a still image has six
_TAIL = 64 * 1024  # bytes at the end in which the Exif chunk of an animation is searched
_MAX_EXIF = 256 * 1024  # bytes


def read(file: BinaryIO) -> Size:
    """The size as shown; raises SizeUnknown."""
    name, data = exactly(file, 4, offset=12), exactly(file, 14)
    if name == b"VP8X":
        # Both sides are stored minus one, in three bytes.
        width = 1 + int.from_bytes(data[8:11], "little")
        height = 1 + int.from_bytes(data[11:14], "little")
        has_exif = bool(data[4] & _HAS_EXIF)
        return Size(width, height).turn(_orientation(file) if has_exif else 1)
    if name == b"VP8L" and data[4] == 0x2F:
        (bits,) = struct.unpack("<I", data[5:9])
        return Size(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if name == b"VP8 " and data[7:10] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", data[10:14])
        return Size(width & 0x3FFF, height & 0x3FFF)
    raise SizeUnknown("Its first chunk is damaged")


def _orientation(file: BinaryIO) -> int:
    position = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return 1
        name, length = struct.unpack("<4sI", header)
        if name == b"EXIF":
            return exif.orientation(file.read(min(length, _MAX_EXIF)))
        position += 8 + length + (length & 1)
    return _orientation_at_the_end(file)


def _orientation_at_the_end(file: BinaryIO) -> int:
    """The orientation of an animation, whose many frames precede its Exif chunk."""
    file.seek(max(0, end_of(file) - _TAIL))
    tail = file.read(_TAIL)
    place = tail.rfind(b"EXIF")
    return exif.orientation(tail[place + 8 :]) if place >= 0 else 1
