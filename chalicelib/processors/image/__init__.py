"""Width and height of an image as a viewer shows it, from its header.

One module reads one family of formats, and `formats` chooses it by the first bytes. All read from
the same bounded file, so that no header costs more than a few requests.
"""

import struct
from typing import TYPE_CHECKING, Any

from chalicelib.processors.image.size import MAX_SIDE, NotAnImage, Size, SizeUnknown
from chalicelib.reader import BoundedReader, ObjectReader, ReadTooLarge

if TYPE_CHECKING:
    from chalicelib.processors.image.formats import Format

reads_all = False

# Bytes read in search of the size: a JPEG may have profiles and a preview before it.
MAX_HEADER = 4 * 1024 * 1024
_PAGE_SIZE = 256 * 1024  # bytes of one request
_DAMAGED = (struct.error, IndexError, ValueError, OverflowError)


def applies_to(content_type: str, size: int, /) -> bool:
    """To images."""
    return content_type.startswith("image/") and size > 0


def run(source: ObjectReader, /) -> dict[str, Any]:
    """`{"format", "width", "height"}`: a short name, and pixels as seen, turned and cropped.

    `{"format", "error"}` where the header does not tell the size, `{"error"}` where the format is
    not known, and nothing for what is no image.
    """
    # Loaded where they are used: whoever processes other files does not wait for them.
    from chalicelib.processors.image import formats

    file = source.seekable(page_size=_PAGE_SIZE, limit=MAX_HEADER)
    image_format = formats.find(file.peek()[: formats.HEAD], source.content_type, source.filename)
    if image_format is None:
        return {"error": "Its first bytes are of no image format whose header is read"}
    try:
        size = _size(image_format, file)
    except NotAnImage:
        return {}
    except SizeUnknown as error:
        return {"format": error.format or image_format.name, "error": str(error)}
    return {"format": size.format or image_format.name, "width": size.width, "height": size.height}


def _size(image_format: "Format", file: BoundedReader) -> Size:
    try:
        size = image_format.read(file)
    except ReadTooLarge as error:
        raise SizeUnknown(
            f"Its size is not in the first {MAX_HEADER} bytes that are read"
        ) from error
    except _DAMAGED as error:
        raise SizeUnknown("Its header is damaged") from error
    if not (0 < size.width <= MAX_SIDE and 0 < size.height <= MAX_SIDE):
        raise SizeUnknown("It tells a size that no image has")
    return size
