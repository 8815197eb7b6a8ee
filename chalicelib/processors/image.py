"""Width and height of an image, from its header; imagesize knows the formats.

It believes what it reads: a few hundred bytes make it fill memory, or count for minutes. So it is
given no more than a header has, and nothing it could be led astray by.
"""

import io
import re
from typing import Any

import imagesize

from chalicelib.reader import ObjectReader

reads_all = False

# Bytes read in search of the size: a JPEG may have profiles and a preview before it.
MAX_HEADER = 4 * 1024 * 1024
# JPEG and TIFF, whose sizes may be anywhere; all others have them at their beginning.
_ANYWHERE = (b"\xff\xd8", b"MM\0*", b"II*\0", b"II+\0")
_BEGINNING = 256 * 1024  # bytes
# How AVIF and HEIC are turned, by so many times 90 degrees: ISO/IEC 23008-12, 6.5.10.
_TURNED = re.compile(rb"\0\0\0\x09irot(.)", re.DOTALL)
_MAX_SIDE = 0xFFFFFFFF  # pixels; no format has room for more, only text claims it


def applies_to(content_type: str, size: int, /) -> bool:
    """To images."""
    return content_type.startswith("image/") and size > 0


def run(stored: ObjectReader, /) -> dict[str, Any]:
    """`{"width", "height"}` in pixels as seen, or `{"error"}` where the header does not tell."""
    file = stored.seekable(page_size=_BEGINNING, limit=MAX_HEADER)
    if file.peek(4).startswith(_ANYWHERE):
        width, height = imagesize.get(file)
    else:
        width, height = _at_the_beginning(file.read(_BEGINNING))
    # It takes whatever goes wrong for an image of no size, the end of our time as well.
    stored.check_time()
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        return {"error": "Its header does not tell its size"}
    # SVG's may be broken numbers.
    return {"width": max(1, round(width)), "height": max(1, round(height))}


def _at_the_beginning(data: bytes) -> tuple[float, float]:
    turned = None
    if data[4:8] == b"ftyp":
        turned = _TURNED.search(data)
        # imagesize follows the places in `iloc` without bounds, and 2.0.1 takes `irot` for four
        # bytes longer than it is, and the image for none. It passes over what has another name.
        data = data.replace(b"iloc", b"free").replace(b"irot", b"free")
    width, height = imagesize.get(io.BytesIO(data))
    return (height, width) if turned and turned[1][0] & 1 else (width, height)
