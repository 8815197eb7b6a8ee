"""Bitmaps whose size is at a fixed offset of their header, or close to it.

Each function takes the file and raises SizeUnknown. Its docstring names its specification.
"""

import io
import struct
from collections.abc import Callable
from typing import BinaryIO

from chalicelib.processors.image.size import Size, SizeUnknown, exactly, unpack

_TGA_DEPTHS = (8, 15, 16, 24, 32)


def at(layout: str, offset: int, *, height_first: bool = False) -> Callable[[BinaryIO], Size]:
    """A reader of two adjacent sides at an offset; `layout` is that of `struct`."""

    def read(file: BinaryIO) -> Size:
        first, second = unpack(file, layout, offset=offset)
        return Size(second, first) if height_first else Size(first, second)

    return read


def read_bmp(file: BinaryIO) -> Size:
    """A negative height means that the first row is at the top.

    MS-WMF, 2.2.2.3 and 2.2.2.9.
    """
    return _dib(file, 14)


def read_dib(file: BinaryIO) -> Size:
    """A BMP without file header, as on a clipboard."""
    return _dib(file, 0)


def _dib(file: BinaryIO, offset: int) -> Size:
    (header,) = unpack(file, "<I", offset=offset)
    if header == 12:  # OS/2's first header has two-byte sides
        return at("<HH", offset + 4)(file)
    width, height = unpack(file, "<ii")
    return Size(abs(width), abs(height))


def read_pcx(file: BinaryIO) -> Size:
    """The header has the first and the last column and row.

    https://www.fileformat.info/format/pcx/egff.htm
    """
    x_min, y_min, x_max, y_max = unpack(file, "<HHHH", offset=4)
    return Size(x_max - x_min + 1, y_max - y_min + 1)


def read_sgi(file: BinaryIO) -> Size:
    """A one-dimensional image is one row.

    https://paulbourke.net/dataformats/sgirgb/
    """
    dimensions, width, height = unpack(file, ">HHH", offset=4)
    return Size(width, 1 if dimensions == 1 else height)


def read_tga(file: BinaryIO) -> Size:
    """A TGA has no signature, so its header must be plausible.

    Truevision TGA 2.0.
    """
    _, has_map, kind, _, map_length, map_depth, _, _, width, height, depth, _ = unpack(
        file, "<BBBHHBHHHHBB", offset=0
    )
    has_kind = kind & ~8 in (1, 2, 3) or kind in (32, 33)
    has_honest_map = map_depth in (15, 16, 24, 32) and map_length if has_map else not map_length
    if has_map > 1 or not has_kind or not has_honest_map or depth not in _TGA_DEPTHS:
        raise SizeUnknown("Its header is not a TGA header")
    return Size(width, height)


def read_exr(file: BinaryIO) -> Size:
    """The display window, which a viewer shows.

    https://openexr.com/en/latest/OpenEXRFileLayout.html
    """
    windows: dict[bytes, Size] = {}
    head = io.BytesIO(_from(file, 8, 64 * 1024))
    while b"displayWindow" not in windows:
        name = _zero_ended(head)
        if not name:
            break
        kind = _zero_ended(head)
        (length,) = unpack(head, "<I")
        value = exactly(head, length)
        if kind == b"box2i" and length == 16:
            x_min, y_min, x_max, y_max = struct.unpack("<iiii", value)
            windows[name] = Size(x_max - x_min + 1, y_max - y_min + 1)
    size = windows.get(b"displayWindow") or windows.get(b"dataWindow")
    if size is None:
        raise SizeUnknown("It has no window")
    return size


def read_flif(file: BinaryIO) -> Size:
    """Both sides minus one, as variable-length numbers.

    https://flif.info/spec.html
    """
    head = io.BytesIO(_from(file, 6, 64))
    return Size(1 + _of_any_length(head), 1 + _of_any_length(head))


def read_bpg(file: BinaryIO) -> Size:
    """Both sides, as variable-length numbers.

    https://bellard.org/bpg/bpg_spec.txt
    """
    head = io.BytesIO(_from(file, 6, 64))
    return Size(_of_any_length(head), _of_any_length(head))


def read_wbmp(file: BinaryIO) -> Size:
    """Two zeros, then both sides.

    WAP-190, 6
    """
    if exactly(file, 2, offset=0) != bytes(2):
        raise SizeUnknown("Its header is not a WBMP header")
    return Size(_of_any_length(file), _of_any_length(file))


def read_ktx(file: BinaryIO) -> Size:
    """A one-dimensional texture has height 0.

    https://registry.khronos.org/KTX/
    """
    is_second = exactly(file, 12, offset=0)[5:7] == b"20"
    order = "<" if is_second or exactly(file, 4, offset=12) == b"\1\2\3\4" else ">"
    width, height = unpack(file, order + "II", offset=20 if is_second else 36)
    return Size(width, height or 1)


def read_djvu(file: BinaryIO) -> Size:
    """The first page, with its rotation.

    DjVu 3, 8.3.5 (INFO)
    """
    head = _from(file, 0, 256 * 1024)
    place = head.find(b"DJVUINFO")
    if place < 0 or len(head) < place + 22:
        raise SizeUnknown("Its first page is not at its beginning")
    width, height = struct.unpack(">HH", head[place + 12 : place + 16])
    return Size(height, width) if head[place + 21] & 7 in (5, 6) else Size(width, height)


def _from(file: BinaryIO, offset: int, size: int) -> bytes:
    """The bytes at an offset, or fewer at the end of the file."""
    file.seek(offset)
    return file.read(size)


def _zero_ended(file: io.BytesIO) -> bytes:
    rest = file.getbuffer()[file.tell() :][:256].tobytes()
    text, zero, _ = rest.partition(b"\0")
    if not zero:
        raise SizeUnknown("It ends before its size")
    file.seek(len(text) + 1, io.SEEK_CUR)
    return text


def _of_any_length(file: BinaryIO) -> int:
    """A number of seven bits a byte, highest first; the eighth bit is clear in the last byte."""
    value = 0
    for _ in range(5):
        byte = exactly(file, 1)[0]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value
    raise SizeUnknown("Its header is damaged")
