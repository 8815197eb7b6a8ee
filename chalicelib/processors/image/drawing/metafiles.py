"""Metafiles and other drawings; most have no size in pixels. SVG has a module of its own."""

from collections.abc import Callable
from typing import BinaryIO

from chalicelib.processors.image.size import Size, SizeUnknown, round_size, unpack


def without(reason: str) -> Callable[[BinaryIO], Size]:
    """A reader that raises SizeUnknown with this reason."""

    def read(_: BinaryIO) -> Size:
        raise SizeUnknown(reason)

    return read


def read_emf(file: BinaryIO) -> Size:
    """The bounds, in pixels of the reference device.

    MS-EMF, 2.3.4.2
    """
    x_min, y_min, x_max, y_max = unpack(file, "<iiii", offset=8)
    return Size(x_max - x_min + 1, y_max - y_min + 1)


def read_wmf(file: BinaryIO) -> Size:
    """The bounds, at 96 pixels an inch.

    MS-WMF, 2.3.2.3
    """
    x_min, y_min, x_max, y_max, inch = unpack(file, "<hhhhH", offset=6)
    if not inch:
        raise SizeUnknown("Its units are damaged")
    return round_size(abs(x_max - x_min) * 96 / inch, abs(y_max - y_min) * 96 / inch)
