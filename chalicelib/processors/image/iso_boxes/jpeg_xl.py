"""JPEG XL: the bits at the beginning of its codestream. ISO/IEC 18181-1, annex D."""

import io
from typing import BinaryIO

from chalicelib.processors.image.iso_boxes import image_boxes
from chalicelib.processors.image.size import Size, SizeUnknown, exactly

_ENOUGH = 64  # bytes: the size and the orientation take less than twenty
_RATIOS = ((1, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_LENGTHS = (9, 13, 18, 30)  # bits of a side


def read(file: BinaryIO) -> Size:
    """A container; its codestream may be in several boxes. Raises SizeUnknown."""
    codestream = b""
    for box in image_boxes.in_file(file):
        if box.name == b"jxlc":
            return _size(
                image_boxes.contents(file, box._replace(end=min(box.end, box.start + _ENOUGH)))
            )
        if box.name == b"jxlp":
            part = box._replace(start=box.start + 4, end=min(box.end, box.start + 4 + _ENOUGH))
            codestream += image_boxes.contents(file, part)
            if len(codestream) >= _ENOUGH:
                break
    return _size(codestream)


def read_codestream(file: BinaryIO) -> Size:
    """A bare codestream; raises SizeUnknown."""
    file.seek(0)
    return _size(file.read(_ENOUGH))


class _Bits:
    """A bit reader: the lowest bit of each byte comes first."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise SizeUnknown("It ends before its size")
        value = self._bits & (1 << count) - 1
        self._bits >>= count
        return value


def _size(data: bytes) -> Size:
    if exactly(io.BytesIO(data), 2) != b"\xff\x0a":
        raise SizeUnknown("Its codestream is damaged")
    bits = _Bits(data[2:])
    is_small = bits.take(1)
    height = _side(bits, is_small=is_small)
    ratio = bits.take(3)
    width = (
        height * _RATIOS[ratio][0] // _RATIOS[ratio][1] if ratio else _side(bits, is_small=is_small)
    )
    all_default = bits.take(1)
    has_more = 0 if all_default else bits.take(1)
    return Size(width, height).turn(1 + bits.take(3) if has_more else 1)


def _side(bits: _Bits, *, is_small: int) -> int:
    if is_small:
        return 8 * (1 + bits.take(5))
    return 1 + bits.take(_LENGTHS[bits.take(2)])
