"""ID3 tags: the offsets where the audio begins and ends, and three of their texts.

https://id3.org/id3v2.4.0-structure, https://id3.org/id3v2.3.0, https://id3.org/id3v2-00
"""

import struct

from chalicelib.processors.media.media_facts import Media
from chalicelib.processors.media.media_file import MediaFile
from chalicelib.processors.media.tags import legacy_text

MAX_FRAMES = 200
MAX_TAGS = 5  # at the beginning; some programs write a second one
_HEADER = 10
_TEXTS = {
    b"TIT2": "title", b"TPE1": "artist", b"TALB": "album",
    b"TT2": "title", b"TP1": "artist", b"TAL": "album",
}  # fmt: skip
_ENCODINGS = {1: "utf-16", 2: "utf-16-be"}
_OLD_SIZE = 128  # bytes of an ID3v1 tag, at the end of the file


def begin(file: MediaFile, media: Media | None = None) -> int:
    """The offset behind the tags at the beginning; their texts are added to `media`."""
    start = 0
    for _ in range(MAX_TAGS):
        header = file.at(start, _HEADER)
        if header[:3] != b"ID3" or len(header) < _HEADER:
            break
        end = start + _HEADER + _seven_bits(header[6:])
        if media is not None:
            _read_frames(file, media, start, end)
        # A tag with a footer is ten bytes longer.
        start = end + (_HEADER if header[5] & 0x10 else 0)
    return start


def end(file: MediaFile, media: Media) -> int:
    """The offset of an ID3v1 tag, or the end of the file."""
    data = file.tail(_OLD_SIZE)
    if data[:3] != b"TAG" or len(data) < _OLD_SIZE:
        return file.size
    for name, place in (("title", 3), ("artist", 33), ("album", 63)):
        media.add_tag(name, legacy_text.decode(data[place : place + 30]))
    return file.size - _OLD_SIZE


def _read_frames(file: MediaFile, media: Media, start: int, end: int) -> None:
    version, flags = struct.unpack("3xBxB", file.exact(start, 6))
    place = start + _HEADER
    if flags & 0x40:  # an extended header
        extended = file.exact(place, 4)
        place += _seven_bits(extended) if version == 4 else 4 + int.from_bytes(extended)
    short = version <= 2  # names of three characters, and no flags
    for _ in range(MAX_FRAMES):
        header = file.at(place, 6 if short else 10)
        name = header[:3] if short else header[:4]
        if place >= end or not name.isalnum():
            return
        size_bytes = header[3:6] if short else header[4:8]
        size = _seven_bits(size_bytes) if version == 4 else int.from_bytes(size_bytes)
        place += len(header)
        # A picture is skipped, however large it is.
        if name in _TEXTS and 1 < size <= end - place:
            media.add_tag(_TEXTS[name], _text(file.at(place, min(size, 2048))))
        place += size


def _text(data: bytes) -> str:
    """A text behind its encoding byte; 0 may mean any code page."""
    encoding = _ENCODINGS.get(data[0]) if data else None
    return data[1:].decode(encoding, "replace") if encoding else legacy_text.decode(data[1:])


def _seven_bits(data: bytes) -> int:
    """A number with seven bits in each byte."""
    value = 0
    for byte in data[:4]:
        value = value << 7 | byte & 0x7F
    return value
