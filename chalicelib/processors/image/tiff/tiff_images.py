"""TIFF, BigTIFF, JPEG XR and TIFF-based raw photos: chooses the image that is the photo.

Raw photos begin with a thumbnail. The photo is the largest image that is not marked as reduced.
TIFF 6.0. Adobe DNG 1.7, chapters 2 and 4. https://exiftool.org/TagNames/EXIF.html
"""

from typing import BinaryIO

from chalicelib.processors.image.size import Size, SizeUnknown, round_size
from chalicelib.processors.image.tiff.tiff_directories import Directories, Directory, size_of

_KIND, _OLD_KIND, _BELOW = 0xFE, 0xFF, 0x14A
# Bits of NewSubfileType: a reduced image, a mask, a depth map.
_NOT_THE_IMAGE = 0b1101
_REDUCED = 2  # of the older SubfileType
_EXIF, _EXIF_WIDTH, _EXIF_HEIGHT = 0x8769, 0xA002, 0xA003
_CROP_SIZE, _ACTIVE_AREA, _DNG_VERSION = 0xC620, 0xC68D, 0xC612
# A raw photo's first image is a thumbnail, even if it is not marked, up to this many pixels.
_MAX_THUMBNAIL = 640 * 480
# The smallest share of a sensor's width or height that a camera keeps.
_LEAST_SHARE = 0.9


def read(file: BinaryIO, *, raw: str | None = None) -> Size:
    """The size as shown; `raw` is the raw format that the media type says. Raises SizeUnknown."""
    directories = Directories(file)
    has_preview = False
    for page in directories.chain():
        images = [page, *directories.below(page, _BELOW)]
        if not all(image.is_whole for image in images):
            raise SizeUnknown("It ends before its size")
        with_size = [image for image in images if all(side > 0 for side in image.size())]
        if _DNG_VERSION in page.entries:
            raw = "dng"
        full = [image for image in with_size if _is_full(image, is_raw=bool(raw))]
        has_preview = has_preview or bool(with_size)
        if full:
            best = max(full, key=_area)
            size = _crop(best, page) if raw else size_of(best)
            return Size(size.width, size.height, raw).turn(page.orientation())
    reason = (
        "Only its preview has a size" if has_preview else "Its header does not contain its size"
    )
    raise SizeUnknown(reason)


def read_jpeg_xr(file: BinaryIO) -> Size:
    """JPEG XR, a TIFF with its own tags. ITU-T T.832, annex A."""
    directories = Directories(file)
    first = directories.at(directories.first_offset)
    if first is None or not first.is_whole:
        raise SizeUnknown("It ends before its size")
    return round_size(first.number(0xBC80), first.number(0xBC81))


def read_canon(file: BinaryIO) -> Size:
    """CR2: Exif has the photo's size, because the first image may be a smaller preview."""
    directories = Directories(file)
    first = directories.at(directories.first_offset)
    if first is None or not first.is_whole:
        raise SizeUnknown("It ends before its size")
    width, height = _exif_size(first)
    size = Size(width, height) if width > 0 and height > 0 else size_of(first)
    return size.turn(first.orientation())


def read_panasonic(file: BinaryIO) -> Size:
    """RW2: the sensor's size without its borders.

    https://exiftool.org/TagNames/PanasonicRaw.html
    """
    directories = Directories(file)
    first = directories.at(directories.first_offset)
    if first is None or not first.is_whole:
        raise SizeUnknown("It ends before its size")
    width, height, first_row, first_column, last_row, last_column = (
        first.number(tag) for tag in range(2, 8)
    )
    if last_column > first_column and last_row > first_row:
        width, height = last_column - first_column, last_row - first_row
    return round_size(width, height).turn(first.orientation())


def _is_full(image: Directory, *, is_raw: bool) -> bool:
    if _KIND in image.entries:
        return not image.number(_KIND) & _NOT_THE_IMAGE
    if is_raw and _area(image) <= _MAX_THUMBNAIL:
        return False
    return image.number(_OLD_KIND) != _REDUCED


def _area(image: Directory) -> int:
    width, height = image.size()
    return width * height


def _crop(image: Directory, page: Directory) -> Size:
    """The size of a sensor's picture without its borders."""
    stored_size = size_of(image)
    crop, area = image.numbers(_CROP_SIZE), image.numbers(_ACTIVE_AREA)
    least_share = 0.0
    if len(crop) == 2:
        width, height = crop
    elif len(area) == 4:
        width, height = area[3] - area[1], area[2] - area[0]
    else:
        width, height = _exif_size(page)
        least_share = _LEAST_SHARE
    is_likely = all(
        0 < part <= whole and part >= whole * least_share
        for part, whole in ((width, stored_size.width), (height, stored_size.height))
    )
    return round_size(width, height) if is_likely else stored_size


def _exif_size(page: Directory) -> tuple[int, int]:
    for exif in page.file.below(page, _EXIF):
        return exif.number(_EXIF_WIDTH), exif.number(_EXIF_HEIGHT)
    return 0, 0
