"""Width and height of an image, from its header; imagesize knows the formats."""

from typing import Any

import imagesize

from chalicelib.reader import ObjectReader

reads_all = False

# Bytes read in search of the size: a JPEG may have profiles and a preview before it.
MAX_HEADER = 4 * 1024 * 1024


def applies_to(content_type: str, size: int, /) -> bool:
    """To images."""
    return content_type.startswith("image/") and size > 0


def run(stored: ObjectReader, /) -> dict[str, Any]:
    """`{"width", "height"}` in pixels as seen, or `{"error"}` where the header does not tell."""
    width, height = imagesize.get(stored.seekable(limit=MAX_HEADER))
    # It takes whatever goes wrong for an image of no size, the end of our time as well.
    stored.check_time()
    if width <= 0 or height <= 0:
        return {"error": "Its header does not tell its size"}
    return {"width": width, "height": height}
