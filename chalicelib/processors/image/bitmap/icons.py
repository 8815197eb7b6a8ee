"""Files with several images: Windows' ICO and CUR, Apple's ICNS. The largest image counts.

MS-ICO: https://learn.microsoft.com/previous-versions/ms997538 ICNS:
https://en.wikipedia.org/wiki/Apple_Icon_Image_format
"""

import struct
from typing import BinaryIO

from chalicelib.processors.image.size import Size, SizeUnknown, exactly, unpack

_MAX_ICONS = 1000  # in one file
_ENTRY = struct.Struct("<BBBBHHII")
_PNG = b"\x89PNG\r\n\x1a\n"
# Side lengths in pixels, by the type of an ICNS entry.
_APPLE = {
    b"ics#": 16, b"ics4": 16, b"ics8": 16, b"is32": 16, b"icp4": 16, b"ic04": 16,
    b"ic05": 32, b"ICON": 32, b"ICN#": 32, b"icl4": 32, b"icl8": 32, b"il32": 32, b"icp5": 32,
    b"ic11": 32, b"SB24": 48, b"icsb": 18, b"icsB": 36, b"sb24": 24,
    b"ich#": 48, b"ich4": 48, b"ich8": 48, b"ih32": 48, b"icp6": 64, b"ic12": 64, b"it32": 128,
    b"ic07": 128, b"ic08": 256, b"ic13": 256, b"ic09": 512, b"ic14": 512, b"ic10": 1024,
}  # fmt: skip


def read_windows(file: BinaryIO) -> Size:
    """ICO and CUR; a side of 0 means 256 or more. Raises SizeUnknown."""
    (count,) = unpack(file, "<H", offset=4)
    data = exactly(file, min(count, _MAX_ICONS) * _ENTRY.size)
    sizes = []
    for width, height, *_, offset in _ENTRY.iter_unpack(data):
        if width and height:
            sizes.append(Size(width, height))
        else:
            sizes.append(_of_png(file, offset) or Size(width or 256, height or 256))
    return _largest(sizes)


def read_animated(file: BinaryIO) -> Size:
    """ANI: its first frame is an icon file. Raises SizeUnknown."""
    file.seek(0)
    head = file.read(64 * 1024)
    place = head.find(b"icon", 12)
    if place < 0 or len(head) < place + 16:
        raise SizeUnknown("Its first frame is not at its beginning")
    return Size(head[place + 14] or 256, head[place + 15] or 256)


def _of_png(file: BinaryIO, offset: int) -> Size | None:
    """The size of a PNG at an offset, which may exceed the largest size of an entry."""
    header = exactly(file, 24, offset=offset)
    if not header.startswith(_PNG):
        return None
    return Size(*struct.unpack(">II", header[16:]))


def read_apple(file: BinaryIO) -> Size:
    """ICNS; raises SizeUnknown."""
    (end,) = unpack(file, ">I", offset=4)
    position, sizes = 8, []
    for _ in range(_MAX_ICONS):
        file.seek(position)
        header = file.read(8)
        if position >= end or len(header) < 8:
            break
        name, length = struct.unpack(">4sI", header)
        if name in _APPLE:
            sizes.append(Size(_APPLE[name], _APPLE[name]))
        position += max(8, length)
    return _largest(sizes)


def _largest(sizes: list[Size]) -> Size:
    if not sizes:
        raise SizeUnknown("It has no icon of a known size")
    return max(sizes, key=lambda size: size.width * size.height)
