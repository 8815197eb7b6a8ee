"""The orientation of an image in its Exif. CIPA DC-008 (Exif 3.0), 4.6.5.1.7."""

import io

from chalicelib.processors.image.size import SizeUnknown
from chalicelib.processors.image.tiff.tiff_directories import Directories

MARK = b"Exif\0"  # a byte follows that some writers do not set to zero


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8; 1 if the Exif is damaged or has none."""
    if exif.startswith(MARK):
        exif = exif[len(MARK) + 1 :]
    try:
        directories = Directories(io.BytesIO(exif))
        first = directories.at(directories.first_offset)
        return first.orientation() if first else 1
    except SizeUnknown:
        return 1
