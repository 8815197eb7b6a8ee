"""Raw photos that are not TIFF: Fujifilm's RAF, Minolta's MRW, Sigma's X3F.

https://exiftool.org/TagNames/FujiFilm.html#RAF, …/MinoltaRaw.html, …/SigmaRaw.html
"""

import struct
from typing import BinaryIO

from chalicelib.processors.image.bitmap import jpeg
from chalicelib.processors.image.size import Size, SizeUnknown, exactly, unpack

_FULL, _CROPPED = 0x100, 0x111  # RAF: the sensor's size and the cropped size
_MAX_RECORDS = 255
_OLD_X3F = 4  # the X3F version that stores the size elsewhere


def read_fujifilm(file: BinaryIO) -> Size:
    """RAF; its preview has the orientation. Raises SizeUnknown."""
    preview, _, header, length = unpack(file, ">IIII", offset=84)
    records = _records(exactly(file, min(length, 64 * 1024), offset=header))
    sides = records.get(_CROPPED) or records.get(_FULL)
    if not sides or len(sides) < 4:
        raise SizeUnknown("Only its preview has a size")
    height, width = struct.unpack(">HH", sides[:4])
    _, orientation = jpeg.read_at(file, preview)
    return Size(width, height).turn(orientation)


def _records(data: bytes) -> dict[int, bytes]:
    (count,) = struct.unpack(">I", data[:4])
    records: dict[int, bytes] = {}
    position = 4
    for _ in range(min(count, _MAX_RECORDS)):
        if position + 4 > len(data):
            break
        tag, size = struct.unpack(">HH", data[position : position + 4])
        records.setdefault(tag, data[position + 4 : position + 4 + size])
        position += 4 + size
    return records


def read_minolta(file: BinaryIO) -> Size:
    """MRW, whose first block is PRD; raises SizeUnknown."""
    if exactly(file, 4, offset=8) != b"\0PRD":
        raise SizeUnknown("Its first block is damaged")
    height, width = unpack(file, ">HH", offset=28)
    return Size(width, height)


def read_sigma(file: BinaryIO) -> Size:
    """X3F up to version 3; raises SizeUnknown."""
    _, version = unpack(file, "<HH", offset=4)
    if version >= _OLD_X3F:
        raise SizeUnknown("The size in X3F version 4 is not read")
    width, height, degrees = unpack(file, "<III", offset=28)
    return Size(height, width) if degrees in (90, 270) else Size(width, height)
