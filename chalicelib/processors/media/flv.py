"""Flash video: its onMetaData, and the time of the last tag if onMetaData has no duration.

https://rtmp.veriskope.com/pdf/video_file_format_spec_v10_1.pdf, Annex E
"""

import struct

from chalicelib.processors.media.media_facts import Media, Track
from chalicelib.processors.media.media_file import MediaFile

_AUDIO, _VIDEO, _SCRIPT = 8, 9, 18
_LOOKED_AT = 20  # tags at the beginning, which show the tracks
_SOUNDS = {2: "mp3", 10: "aac", 11: "speex", 14: "mp3", 7: "alaw", 8: "mulaw", 0: "pcm", 3: "pcm"}
_FILMS = {2: "flv1", 4: "vp6", 5: "vp6", 7: "h264"}
_NUMBER = b"\0"  # the type of a value


def read(file: MediaFile, media: Media) -> None:
    """Add the facts in the first tags and in the last one."""
    place = int.from_bytes(file.exact(5, 4)) + 4
    facts: dict[str, float] = {}
    tracks: dict[int, Track] = {}
    for _ in range(_LOOKED_AT):
        header = file.at(place, 12)
        if len(header) < 12:  # the header of a tag, and its first byte
            break
        kind, size = header[0] & 31, int.from_bytes(header[1:4])
        if kind == _SCRIPT and not facts:
            facts = _facts(file.at(place + 11, min(size, 64 * 1024)))
        elif kind == _AUDIO:
            tracks.setdefault(kind, _sound(header[11]))
        elif kind == _VIDEO:
            tracks.setdefault(kind, Track("video", _FILMS.get(header[11] & 15)))
        place += 11 + size + 4
    media.tracks += tracks.values()
    if _VIDEO in tracks:
        tracks[_VIDEO].width = round(facts.get("width", 0))
        tracks[_VIDEO].height = round(facts.get("height", 0))
    media.duration = facts.get("duration") or _last(file)
    if media.duration is None:
        media.error = "It does not contain its duration"


def _sound(byte: int) -> Track:
    codec = _SOUNDS.get(byte >> 4)
    rate = 5512.5 * 2 ** (byte >> 2 & 3)
    return Track("audio", codec, sample_rate=round(rate), channels=1 + (byte & 1))


def _facts(data: bytes) -> dict[str, float]:
    """The numbers in onMetaData for these names."""
    values = {}
    for name in ("duration", "width", "height"):
        key = struct.pack(">H", len(name)) + name.encode() + _NUMBER
        place = data.find(key)
        if 0 <= place <= len(data) - len(key) - 8:
            (value,) = struct.unpack_from(">d", data, place + len(key))
            if 0 < value < 10**9:
                values[name] = value
    return values


def _last(file: MediaFile) -> float | None:
    """The time of the last tag in seconds; its size is behind it."""
    size = int.from_bytes(file.tail(4))
    header = file.at(file.size - 4 - size, 8) if 11 <= size <= file.size - 4 else b""
    if len(header) < 8 or header[0] not in (_AUDIO, _VIDEO, _SCRIPT):
        return None
    return (int.from_bytes(header[4:7]) | header[7] << 24) / 1000
