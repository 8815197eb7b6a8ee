"""JPEG 2000: its header box, or the first marker of a bare codestream.

ITU-T T.800, A.5.1 and I.5.3.
"""

from typing import BinaryIO

from chalicelib.processors.image.iso_boxes import image_boxes
from chalicelib.processors.image.size import Size, SizeUnknown, unpack


def read(file: BinaryIO) -> Size:
    """JP2, JPX, JPM; raises SizeUnknown."""
    for box in image_boxes.in_file(file):
        if box.name == b"jp2h":
            header = image_boxes.find(file, box, b"ihdr")
            if header is not None:
                height, width = unpack(file, ">II", offset=header.start)
                return Size(width, height)
        if box.name == b"jp2c":
            return _codestream(file, box.start)
    raise SizeUnknown("It has no header box")


def read_codestream(file: BinaryIO) -> Size:
    """J2K, J2C, HTJ2K; raises SizeUnknown."""
    return _codestream(file, 0)


def _codestream(file: BinaryIO, offset: int) -> Size:
    marker, _, _, x_max, y_max, x_min, y_min = unpack(file, ">IHHIIII", offset=offset)
    if marker != 0xFF4FFF51:
        raise SizeUnknown("Its codestream does not begin with its size")
    return Size(x_max - x_min, y_max - y_min)
