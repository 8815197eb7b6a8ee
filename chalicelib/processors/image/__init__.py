"""Width and height of an image as a viewer shows it, from its header.

`formats` chooses the reader by the first bytes; there is one module for a family of formats. All
readers share a bounded file, so a header takes a few requests at most.
"""

import struct
from typing import TYPE_CHECKING, Any

from chalicelib.processors.image.size import MAX_SIDE, NotAnImage, Size, SizeUnknown
from chalicelib.reader import BoundedReader, ObjectReader, ReadTooLarge

if TYPE_CHECKING:
    from chalicelib.processors.image.formats import Format

reads_all = False

# Bytes read to find the size: a JPEG may have profiles and a preview before it.
MAX_HEADER = 4 * 1024 * 1024
_PAGE_SIZE = 256 * 1024  # bytes of one request
_DAMAGED = (struct.error, IndexError, ValueError, OverflowError)


def applies_to(content_type: str, size: int, /) -> bool:
    """To images."""
    return content_type.startswith("image/") and size > 0


def run(source: ObjectReader, /) -> dict[str, Any]:
    """`{"format", "width", "height"}`: a short name, and pixels as shown, turned and cropped.

    `{"format", "error"}` if the size is not known, `{"error"}` if the format is not supported, and
    an empty report if the object is not an image.
    """
    # Imported here: processing other files does not pay for it.
    from chalicelib.processors.image import formats

    file = source.seekable(page_size=_PAGE_SIZE, limit=MAX_HEADER)
    image_format = formats.find(file.peek()[: formats.HEAD], source.content_type, source.filename)
    if image_format is None:
        return {"error": "It is not an image of a supported format"}
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
        raise SizeUnknown(f"Its size is not in its first {MAX_HEADER} bytes") from error
    except _DAMAGED as error:
        raise SizeUnknown("Its header is damaged") from error
    if not (0 < size.width <= MAX_SIDE and 0 < size.height <= MAX_SIDE):
        raise SizeUnknown("Its header contains an impossible size")
    return size
