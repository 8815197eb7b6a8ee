"""Canon's CR3: an ISO media file whose `moov` box has a TIFF directory with the photo's size.

https://github.com/lclevy/canon_cr3
"""

import io
import struct
from typing import BinaryIO

from chalicelib.processors.image.iso_boxes import image_boxes
from chalicelib.processors.image.iso_boxes.image_boxes import Box
from chalicelib.processors.image.size import Size, SizeUnknown, exactly
from chalicelib.processors.image.tiff.tiff_directories import Directories

_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_SAMPLES = (b"mdia", b"minf", b"stbl", b"stsd")


def read(file: BinaryIO) -> Size:
    """The size as shown; raises SizeUnknown."""
    movie = image_boxes.top(file, b"moov")
    size, orientation = _size_in_directory(file, movie)
    size = size or max(_tracks(file, movie), key=lambda each: each.width, default=None)
    if size is None:
        raise SizeUnknown("None of its tracks has a size")
    return size.turn(orientation)


def _size_in_directory(file: BinaryIO, movie: Box) -> tuple[Size | None, int]:
    """The size and orientation in CMT1, its first directory."""
    for box in image_boxes.boxes(file, movie.start, movie.end):
        if box.name == b"uuid" and exactly(file, 16, offset=box.start) == _CANON:
            inner = image_boxes.find(file, box, b"CMT1", skip=16)
            if inner is None:
                continue
            directories = Directories(io.BytesIO(image_boxes.contents(file, inner)))
            first = directories.at(directories.first_offset)
            if first is None:
                continue
            width, height = first.size()
            size = Size(width, height) if width > 0 and height > 0 else None
            return size, first.orientation()
    return None, 1


def _tracks(file: BinaryIO, movie: Box) -> list[Size]:
    """The sizes of all tracks, from their sample entries."""
    sizes = []
    for track in image_boxes.boxes(file, movie.start, movie.end):
        samples = image_boxes.find(file, track, *_SAMPLES) if track.name == b"trak" else None
        entry = samples and next(image_boxes.boxes(file, samples.start + 8, samples.end), None)
        if entry and entry.name == b"CRAW" and entry.end - entry.start >= 28:
            width, height = struct.unpack(">HH", image_boxes.contents(file, entry)[24:28])
            sizes.append(Size(width, height))
    return sizes
