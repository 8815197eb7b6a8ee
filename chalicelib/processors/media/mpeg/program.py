"""MPEG program streams (MPG, VOB): tracks, size, and the time between both ends.

ISO/IEC 13818-1 §2.4.3.6 (PES packets), ISO/IEC 11172-1 §2.4.3.3 for MPEG-1.
"""

import re

from chalicelib.processors.media.media_facts import Media, Track
from chalicelib.processors.media.media_file import MediaFile
from chalicelib.processors.media.mpeg import picture, timestamps

ENDS = 1024 * 1024  # bytes at the beginning and at the end
# A DVD stores AC-3 and PCM in the private stream.
_PACKETS = re.compile(rb"\x00\x00\x01([\xc0-\xef\xbd])", re.DOTALL)


def read(file: MediaFile, media: Media) -> None:
    """Add the facts at both ends. A bare video stream has only its size."""
    head = file.at(0, ENDS)
    size = picture.size_of_mpeg(head) or (0, 0)
    codec = "mpeg2video" if b"\0\0\1\xb5" in head else "mpeg1video"
    if head.startswith(b"\0\0\1\xb3"):
        media.container = codec
        media.tracks.append(Track("video", codec, *size))
        media.error = "It does not contain its duration"
        return
    kinds = [match[1][0] for match in _PACKETS.finditer(head)]
    if any(kind >= 0xE0 for kind in kinds):
        media.tracks.append(Track("video", codec, *size))
    sounds = sorted({kind for kind in kinds if 0xC0 <= kind < 0xE0})
    media.tracks += [Track("audio", "mp2") for _ in sounds]
    if 0xBD in kinds:
        media.tracks.append(Track("audio"))
    media.duration = timestamps.duration(_times(head), _times(file.tail(ENDS)), range(0xE0, 0xF0))
    media.is_estimated = True  # a packet can hold several pictures, with the time of the first one
    if media.duration is None:
        media.error = "It does not contain its duration"


def _times(data: bytes) -> dict[int, list[int]]:
    times: dict[int, list[int]] = {}
    for match in _PACKETS.finditer(data):
        time = timestamps.of_packet(data[match.start() : match.start() + 64])
        if time is not None:
            times.setdefault(match[1][0], []).append(time)
    return times
