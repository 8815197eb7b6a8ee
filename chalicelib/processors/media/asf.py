"""ASF, the container of WMV and WMA: the objects of its header.

https://learn.microsoft.com/windows/win32/wmformat/overview-of-the-asf-format
"""

import struct

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media import codecs
from chalicelib.processors.media.media_facts import Media, Track
from chalicelib.processors.media.media_file import MediaFile

MAX_OBJECTS = 200
# GUIDs as stored in a file: their first three numbers are little-endian.
SIGNATURE = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_STREAM = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_DESCRIPTION = bytes.fromhex("3326b2758e66cf11a6d900aa0062ce6c")
_MORE = bytes.fromhex("40a4d0d207e3d21197f000a0c95ea850")
_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_AUDIO = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")
_BROADCAST = 1  # flag: the writer did not know the end


def read(file: MediaFile, media: Media) -> None:
    """Add the facts in the header object."""
    size, count = struct.unpack("<QI", file.exact(16, 12))
    place = 30
    for _ in range(min(count, MAX_OBJECTS)):
        if place + 24 > min(size, file.size):
            break
        name, length = struct.unpack("<16sQ", file.exact(place, 24))
        if length < 24:  # bytes of the object's own header
            raise DamagedError
        data = file.at(place + 24, min(length - 24, 4096))
        if name == _FILE:
            _read_properties(media, data)
        elif name == _STREAM:
            _read_stream(media, data)
        elif name in (_DESCRIPTION, _MORE):
            _read_texts(media, data, is_more=name == _MORE)
        place += length
    if media.duration is None:
        media.error = "It does not contain its duration"


def _read_properties(media: Media, data: bytes) -> None:
    duration, _, preroll, flags = struct.unpack_from("<QQQI", data, 40)
    if not flags & _BROADCAST:
        # In units of 100 nanoseconds. The preroll, in milliseconds, is not shown.
        media.duration = max(0.0, duration / 1e7 - preroll / 1e3)


def _read_stream(media: Media, data: bytes) -> None:
    kind = data[:16]
    if kind == _AUDIO:
        tag, channels, rate, byte_rate = struct.unpack_from("<HHII", data, 54)
        codec = codecs.of_wave(tag)
        media.tracks.append(Track("audio", codec, sample_rate=rate, channels=channels))
        media.bitrate = byte_rate * 8
    elif kind == _VIDEO:
        width, height = struct.unpack_from("<II", data, 54)
        (code,) = struct.unpack_from("<4s", data, 81)
        media.tracks.append(Track("video", codecs.of_fourcc(code), width, height))


def _read_texts(media: Media, data: bytes, *, is_more: bool) -> None:
    if not is_more:
        sizes = struct.unpack_from("<5H", data)
        media.add_tag("title", _text(data[10 : 10 + sizes[0]]))
        media.add_tag("artist", _text(data[10 + sizes[0] : 10 + sizes[0] + sizes[1]]))
        return
    place = 2
    for _ in range(min(struct.unpack_from("<H", data)[0], 50)):
        (length,) = struct.unpack_from("<H", data, place)
        name = _text(data[place + 2 : place + 2 + length])
        place += 2 + length
        kind, size = struct.unpack_from("<HH", data, place)
        if name == "WM/AlbumTitle" and kind == 0:
            media.add_tag("album", _text(data[place + 4 : place + 4 + size]))
        place += 4 + size
        if place + 2 > len(data):
            return


def _text(data: bytes) -> str:
    return data.decode("utf-16-le", "replace").rstrip("\0")
