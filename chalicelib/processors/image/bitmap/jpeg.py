"""JPEG and JPEG-LS: the size is in the frame header, the orientation in an Exif segment before it.

Both may follow megabytes of profiles and previews, whose segments are skipped. ITU-T T.81, annex B.
"""

from collections.abc import Iterator
from typing import BinaryIO

from chalicelib.processors.image.size import Size, SizeUnknown, exactly, unpack
from chalicelib.processors.image.tiff import exif

# Frame headers; 0xF7 is that of JPEG-LS.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_EXIF = 0xE1
_SCAN, _END = 0xDA, 0xD9
_WITHOUT_LENGTH = frozenset(range(0xD0, 0xD9)) | {0x01}
_MAX_GARBAGE = 64 * 1024  # bytes between segments; decoders skip them


def read(file: BinaryIO) -> Size:
    """The size as shown; raises SizeUnknown."""
    size, orientation = read_at(file, 0)
    if size is None:
        raise SizeUnknown("It has no frame header before its first scan")
    if not size.height:
        raise SizeUnknown("Its height is behind its first scan")
    return size.turn(orientation)


def read_at(file: BinaryIO, offset: int) -> tuple[Size | None, int]:
    """The stored size and the orientation of the JPEG at an offset.

    Damage behind the frame header does not matter.
    """
    size, orientation = None, 0
    try:
        for marker, length in _segments(file, offset + 2):
            if marker in _FRAMES and size is None:
                _, height, width = unpack(file, ">BHH")
                size = Size(width, height)
            elif marker == _EXIF and not orientation:
                data = file.read(length)
                orientation = exif.orientation(data) if data.startswith(exif.MARK) else 0
            if size and orientation:
                break
    except SizeUnknown:
        if size is None:
            raise
    return size, orientation or 1


def _segments(file: BinaryIO, position: int) -> Iterator[tuple[int, int]]:
    """Marker and length of each segment before the first scan; the file is then at its contents."""
    while True:
        marker, position = _next_marker(file, position)
        if marker in (_SCAN, _END):
            return
        if marker in _WITHOUT_LENGTH:
            continue
        (length,) = unpack(file, ">H", offset=position)
        if length < 2:
            raise SizeUnknown("One of its segments is damaged")
        yield marker, length - 2
        position += length


def _next_marker(file: BinaryIO, position: int) -> tuple[int, int]:
    """The next marker and the offset behind it; any number of 0xFF bytes may precede it."""
    file.seek(position)
    was_ff = False
    for count in range(_MAX_GARBAGE):
        byte = exactly(file, 1)[0]
        if was_ff and byte not in (0x00, 0xFF):
            return byte, position + count + 1
        was_ff = byte == 0xFF
    raise SizeUnknown("One of its segments is damaged")
