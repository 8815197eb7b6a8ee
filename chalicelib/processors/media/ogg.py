"""Ogg with Vorbis, Opus, Speex, FLAC or Theora: first pages, comments, and the last page's time.

RFC 3533 (pages), RFC 7845 (Opus), https://www.theora.org/doc/Theora.pdf §A.2.3
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media.media_facts import Media, Track
from chalicelib.processors.media.media_file import MediaFile
from chalicelib.processors.media.tags import vorbis_comment

HEAD = 128 * 1024  # bytes at the beginning with headers and comments
TAILS = (128 * 1024, 2 * 1024 * 1024)  # bytes at the end in which the last pages are searched
_HEADER = 27  # bytes of a page before its segment table
_NOTHING_ENDS = 0xFFFFFFFFFFFFFFFF  # the position of a page in which no packet ends
_FIRST = 2  # flag of the first page of a stream
_COMMENTS = ((b"\x03vorbis", 7), (b"OpusTags", 8), (b"\x81theora", 7))


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream; `seconds` converts the position of a page to a time."""

    track: Track
    seconds: Callable[[int], float]


def read(file: MediaFile, media: Media) -> None:
    """Add the facts about the streams that start at the beginning of the file."""
    head = file.at(0, HEAD)
    streams: dict[int, Stream] = {}
    for place, flags, _, serial in _pages(head):
        if not flags & _FIRST:
            break
        stream = _stream(head[_contents(head, place) :][:128])
        if stream is not None:
            streams[serial] = stream
            media.tracks.append(stream.track)
    if not streams:
        raise DamagedError("It has no stream of a supported format")
    for name, size in _COMMENTS:
        place = head.find(name)
        if place >= 0:
            vorbis_comment.read(head[place + size :], media)
    media.duration = _duration(file, streams)
    if media.duration is None:
        media.error = "It does not contain its duration"
    elif media.duration > 0:
        media.bitrate = round(file.size * 8 / media.duration)


def _duration(file: MediaFile, streams: dict[int, Stream]) -> float | None:
    """The latest time of any stream.

    Pages of unknown streams at the end belong to a second file.
    """
    for size in TAILS:
        times = [
            streams[serial].seconds(position)
            for _, _, position, serial in _pages(file.tail(size))
            if serial in streams and position != _NOTHING_ENDS
        ]
        if times:
            return max(times)
    return None


def _pages(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Offset, flags, position and serial number of the pages in some bytes."""
    place = data.find(b"OggS")
    while 0 <= place <= len(data) - _HEADER:
        version, flags, position, serial = struct.unpack_from("<BBQI", data, place + 4)
        if version == 0:
            yield place, flags, position, serial
        place = data.find(b"OggS", place + _HEADER)


def _contents(data: bytes, place: int) -> int:
    return place + _HEADER + data[place + 26]


def _stream(packet: bytes) -> Stream | None:
    """The stream that its first packet describes."""
    if packet.startswith(b"\x01vorbis"):
        channels, rate = struct.unpack_from("<BI", packet, 11)
        return _sound("vorbis", rate, channels)
    if packet.startswith(b"OpusHead"):
        channels, skipped = struct.unpack_from("<BH", packet, 9)
        # Opus positions count 48,000 a second, whatever the sample rate of the recording.
        return _sound("opus", 48000, channels, skipped)
    if packet.startswith(b"Speex   "):
        rate, _, _, channels = struct.unpack_from("<IIII", packet, 36)
        return _sound("speex", rate, channels)
    if packet.startswith(b"\x7fFLAC"):
        bits = int.from_bytes(packet[27:35])
        return _sound("flac", bits >> 44, (bits >> 41 & 7) + 1)
    return _theora(packet) if packet.startswith(b"\x80theora") else None


def _sound(codec: str, rate: int, channels: int, skipped: int = 0) -> Stream | None:
    if not rate:
        return None
    track = Track("audio", codec, sample_rate=rate, channels=channels)
    return Stream(track, lambda position: max(0, position - skipped) / rate)


def _theora(packet: bytes) -> Stream | None:
    width, height = int.from_bytes(packet[14:17]), int.from_bytes(packet[17:20])
    above, below = struct.unpack_from(">II", packet, 22)
    shift = (packet[40] & 3) << 3 | packet[41] >> 5
    if not above or not below:
        return None
    # The last key frame, and the frames since.
    return Stream(
        Track("video", "theora", width, height),
        lambda position: ((position >> shift) + (position & (1 << shift) - 1)) * below / above,
    )
