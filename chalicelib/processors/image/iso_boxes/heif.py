"""HEIC, AVIF and other HEIF: the size of the primary image, cropped and turned by its properties.

Their Exif is ignored: readers turn by `irot` alone (ISO/IEC 23008-12, 6.5.10). ISO/IEC 23008-12
(HEIF) and 23000-22 (MIAF); `clap` is in ISO/IEC 14496-12, 12.1.4.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from chalicelib.processors.image.iso_boxes import image_boxes
from chalicelib.processors.image.iso_boxes.image_boxes import Box
from chalicelib.processors.image.size import Size, SizeUnknown

_AVIF = frozenset({b"avif", b"avis"})
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_MAX_USED = 64  # properties of one image
BRANDS = _AVIF | _HEIC | {b"mif1", b"mif2", b"mif3", b"msf1", b"miaf", b"jpeg", b"jpgs", b"avci"}


def format_of(brands: list[bytes]) -> str:
    """The short name of a file with these brands, the major brand first."""
    if _AVIF.intersection(brands):
        return "avif"
    return "heic" if _HEIC.intersection(brands) else "heif"


def read(file: BinaryIO) -> Size:
    """The size of the primary image, or of the first track of a sequence; raises SizeUnknown."""
    for box in image_boxes.in_file(file):
        if box.name == b"meta":
            return _primary(file, box)
        if box.name == b"moov":
            # A sequence may have its primary image behind its tracks; both have the same size.
            return _track(file, box)
        if box.name == b"mini":
            raise SizeUnknown("Its compact header of 2025 is not read")
    raise SizeUnknown("It has no meta box")


def _primary(file: BinaryIO, meta: Box) -> Size:
    # Four bytes of version and flags precede the boxes.
    children = {
        box.name: box for box in reversed(list(image_boxes.boxes(file, meta.start + 4, meta.end)))
    }
    if b"iprp" not in children:
        raise SizeUnknown("Its images have no properties")
    item = (
        _primary_item(image_boxes.contents(file, children[b"pitm"]))
        if b"pitm" in children
        else None
    )
    properties: list[Box] = []
    uses: dict[int, list[int]] = {}
    for box in image_boxes.boxes(file, children[b"iprp"].start, children[b"iprp"].end):
        if box.name == b"ipco":
            properties = list(image_boxes.boxes(file, box.start, box.end))
        elif box.name == b"ipma":
            for number, used in _associations(image_boxes.contents(file, box)):
                uses.setdefault(number, []).extend(used)
    if item is None:
        item = next(iter(uses), 0)
    indices = uses.get(item, [])[:_MAX_USED]
    chosen = [properties[index - 1] for index in indices if 0 < index <= len(properties)]
    return _with(file, chosen)


def _primary_item(data: bytes) -> int:
    """`pitm`: the item's number, in two bytes, or in four in later versions."""
    return int.from_bytes(data[4:6] if data[0] == 0 else data[4:8], "big")


def _associations(data: bytes) -> Iterator[tuple[int, list[int]]]:
    """`ipma`: each item's number, and the indices of its properties, which count from 1."""
    version, is_wide = data[0], data[3] & 1
    (count,) = struct.unpack(">I", data[4:8])
    position = 8
    for _ in range(min(count, len(data))):
        width = 4 if version else 2
        number = int.from_bytes(data[position : position + width], "big")
        length = data[position + width]
        position += width + 1
        if is_wide:
            pairs = struct.unpack(f">{length}H", data[position : position + 2 * length])
            yield number, [pair & 0x7FFF for pair in pairs]
            position += 2 * length
        else:
            yield number, [index & 0x7F for index in data[position : position + length]]
            position += length


def _with(file: BinaryIO, properties: list[Box]) -> Size:
    """The size in `ispe`, changed by the other properties in the order of their association."""
    extents = next((box for box in properties if box.name == b"ispe"), None)
    if extents is None:
        raise SizeUnknown("Its primary image does not contain its size")
    width, height = struct.unpack(">II", image_boxes.contents(file, extents)[4:12])
    for box in properties:
        if box.name == b"clap":
            width, height = _clean(width, height, image_boxes.contents(file, box))
        elif box.name == b"irot" and image_boxes.contents(file, box)[0] & 1:
            width, height = height, width
    return Size(width, height)


def _clean(width: int, height: int, data: bytes) -> tuple[int, int]:
    """The size within a clean aperture; an invalid aperture is ignored."""
    numbers = struct.unpack(">IIIIiIiI", data[:32])
    wide = _clean_side(width, numbers[:2], numbers[4:6])
    high = _clean_side(height, numbers[2:4], numbers[6:])
    return (wide, high) if wide > 0 and high > 0 else (width, height)


def _clean_side(side: int, length: tuple[int, ...], offset: tuple[int, ...]) -> int:
    """One side of the aperture, rounded as libheif does; both arguments are ratios.

    The first pixel is rounded toward zero, the length to the nearest. The offset is from the
    image's center to the aperture's.
    """
    top, bottom = length
    offset_top, offset_bottom = offset
    divisor = 2 * bottom * offset_bottom
    if not divisor:
        return 0
    start = 2 * bottom * offset_top + bottom * offset_bottom * side - top * offset_bottom
    first = int(start / divisor)
    last = first + (2 * top + bottom) // (2 * bottom) - 1
    return min(last, side - 1) - max(first, 0) + 1


def _track(file: BinaryIO, movie: Box) -> Size:
    """`tkhd`: its last eight bytes are width and height in 1/65536 pixels, behind a matrix."""
    for track in image_boxes.boxes(file, movie.start, movie.end):
        header = image_boxes.find(file, track, b"tkhd") if track.name == b"trak" else None
        if header is None or header.end - header.start < 84:
            continue
        data = image_boxes.contents(file, header)
        width, height = (side >> 16 for side in struct.unpack(">II", data[-8:]))
        is_turned = data[-44:-40] == bytes(4)
        if width and height:
            return Size(height, width) if is_turned else Size(width, height)
    raise SizeUnknown("None of its tracks has a size")
