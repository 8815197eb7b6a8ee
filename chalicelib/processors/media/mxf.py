"""MXF: the descriptors of its video and audio, in the metadata at its beginning.

SMPTE ST 377-1 annexes F and G (local tags), ST 336 (keys and lengths).
"""

import struct
from collections.abc import Iterator

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media.media_facts import Media, Track
from chalicelib.processors.media.media_file import MediaFile

# The beginning of the keys of partition packs; the metadata sets have another one.
PARTITION = bytes.fromhex("060e2b34020501010d0102010102")
_SET = bytes.fromhex("060e2b34025301010d010101010101")
HEAD = 2 * 1024 * 1024  # bytes in which the metadata usually ends
MAX_SETS = 5000
_RATE, _DURATION = 0x3001, 0x3002
_STORED_WIDTH, _STORED_HEIGHT = 0x3203, 0x3202
_SHOWN_WIDTH, _SHOWN_HEIGHT = 0x3209, 0x3208
_TIMECODE, _LENGTH = 0x1502, 0x0202
_LAYOUT = 0x320C  # 1: each field of a picture is stored separately
_SAMPLE_RATE, _CHANNELS = 0x3D03, 0x3D07


def read(file: MediaFile, media: Media) -> None:
    """Add the facts in the descriptors."""
    seconds: list[float] = []
    data = file.at(0, HEAD)
    timeline, rate = 0, 0.0
    for tags in _sets(data):
        if _TIMECODE in tags:
            timeline = max(timeline, _units(tags, _LENGTH))
        length = _seconds(tags)
        if _STORED_WIDTH in tags and _STORED_HEIGHT in tags:
            media.tracks.append(_film(tags))
            seconds.append(length)
            rate = rate or _ratio(tags.get(_RATE, b""))
        elif _SAMPLE_RATE in tags:
            hertz, count = _ratio(tags[_SAMPLE_RATE]), _number(tags, _CHANNELS)
            media.tracks.append(Track("audio", sample_rate=round(hertz), channels=count))
            seconds.append(length)
    if not media.tracks:
        raise DamagedError("Its contents are unknown: no descriptors are at its beginning")
    # Many writers store only the length of the timeline, in pictures.
    seconds.append(timeline / rate if rate else 0.0)
    media.duration = max(seconds) or None
    if media.duration is None:
        media.error = "It does not contain its duration"


def _film(tags: dict[int, bytes]) -> Track:
    width = _number(tags, _SHOWN_WIDTH) or _number(tags, _STORED_WIDTH)
    height = _number(tags, _SHOWN_HEIGHT) or _number(tags, _STORED_HEIGHT)
    return Track("video", width=width, height=height * (2 if _number(tags, _LAYOUT) == 1 else 1))


def _sets(data: bytes) -> Iterator[dict[int, bytes]]:
    """The values of every metadata set, by local tag."""
    place = 0
    for _ in range(MAX_SETS):
        if place + 17 > len(data):
            return
        key = data[place : place + 16]
        size, width = data[place + 16], 1
        if size & 0x80:
            width += size & 0x7F
            size = int.from_bytes(data[place + 17 : place + 16 + width])
        start = place + 16 + width
        if key[:5] == _SET[:5] and key[8:14] == _SET[8:14]:
            yield _values(data[start : start + size])
        place = start + size


def _values(data: bytes) -> dict[int, bytes]:
    values: dict[int, bytes] = {}
    place = 0
    while place + 4 <= len(data):
        tag, size = struct.unpack_from(">HH", data, place)
        values[tag] = data[place + 4 : place + 4 + size]
        place += 4 + size
    return values


def _number(tags: dict[int, bytes], tag: int) -> int:
    return int.from_bytes(tags.get(tag, b"")[:8])


def _ratio(data: bytes) -> float:
    if len(data) < 8:  # two numbers of four bytes
        return 0.0
    above, below = struct.unpack_from(">II", data)
    return above / below if below else 0.0


def _seconds(tags: dict[int, bytes]) -> float:
    rate = _ratio(tags.get(_RATE, b""))
    return _units(tags, _DURATION) / rate if rate else 0.0


def _units(tags: dict[int, bytes], tag: int) -> int:
    """A length; recorders write -1 if they do not know it."""
    units = _number(tags, tag)
    return units if units < 1 << 62 else 0
