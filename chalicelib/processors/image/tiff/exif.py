"""How an image is turned, as its Exif says. CIPA DC-008 (Exif 3.0), 4.6.5.1.7."""

import io

from chalicelib.processors.image.size import SizeUnknown
from chalicelib.processors.image.tiff.tiff_directories import Directories

MARK = b"Exif\0"  # followed by a byte that some writers do not leave zero


def orientation(exif: bytes) -> int:
    """1 to 8; 1 where the Exif is damaged or does not say."""
    if exif.startswith(MARK):
        exif = exif[len(MARK) + 1 :]
    try:
        directories = Directories(io.BytesIO(exif))
        first = directories.at(directories.first_offset)
        return first.orientation() if first else 1
    except SizeUnknown:
        return 1
