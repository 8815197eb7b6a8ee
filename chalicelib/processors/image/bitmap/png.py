"""PNG, MNG and JNG: the size is in the first chunk, the orientation in an eXIf or text chunk.

https://www.w3.org/TR/png-3/#11Chunks; ImageMagick and exiftool write profiles as texts.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from chalicelib.processors.image.size import Size, SizeUnknown, end_of, unpack
from chalicelib.processors.image.tiff import exif

_HEADERS = (b"IHDR", b"MHDR", b"JHDR")
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_MAX_EXIF = 256 * 1024  # bytes
_TAIL = 64 * 1024  # bytes at the end in which an eXIf chunk is searched
_PROFILE = re.compile(rb"\n(?:exif|APP1)\s{1,20}\d{1,10}\n([0-9a-fA-F\s]*)")


def read(file: BinaryIO) -> Size:
    """The size as shown; raises SizeUnknown."""
    size, orientation = None, 0
    for name, length in _chunks(file):
        if name in _HEADERS and size is None:
            width, height = unpack(file, ">II")
            size = Size(width, height)
        elif name in (b"IDAT", b"IEND"):
            break
        elif not orientation and length <= _MAX_EXIF:
            orientation = _orientation(name, file, length)
    if size is None:
        raise SizeUnknown("It ends before its size")
    return size.turn(orientation or _orientation_at_the_end(file))


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    position = 8
    while True:
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return
        length, name = struct.unpack(">I4s", header)
        yield name, length
        position += 12 + length


def _orientation(name: bytes, file: BinaryIO, length: int) -> int:
    if name == b"eXIf":
        return exif.orientation(file.read(length))
    if name in _TEXTS:
        return _orientation_of_text(name, file.read(length))
    return 0


def _orientation_of_text(name: bytes, data: bytes) -> int:
    """The orientation in a "Raw profile type exif" text, in hexadecimal; 0 for other texts."""
    keyword, _, text = data.partition(b"\0")
    if keyword not in (b"Raw profile type exif", b"Raw profile type APP1"):
        return 0
    if name == b"iTXt":
        compressed, text = text[:1] == b"\1", text[2:].split(b"\0", 2)[-1]
    else:
        compressed, text = name == b"zTXt", text[1:] if name == b"zTXt" else text
    if compressed:
        try:
            text = zlib.decompressobj().decompress(text, _MAX_EXIF)
        except zlib.error:
            return 0
    profile = _PROFILE.match(text)
    digits = b"".join(profile[1].split()) if profile else b""
    return exif.orientation(bytes.fromhex(digits[: len(digits) & ~1].decode("ascii")))


def _orientation_at_the_end(file: BinaryIO) -> int:
    """The orientation in an eXIf chunk behind the image.

    Its checksum excludes a match by chance.
    """
    file.seek(max(0, end_of(file) - _TAIL))
    tail = file.read(_TAIL)
    place = tail.rfind(b"eXIf")
    if place < 4:
        return 1
    (length,) = struct.unpack(">I", tail[place - 4 : place])
    chunk, checksum = tail[place : place + 4 + length], tail[place + 4 + length :][:4]
    if checksum != struct.pack(">I", zlib.crc32(chunk)):
        return 1
    return exif.orientation(chunk[4:])
