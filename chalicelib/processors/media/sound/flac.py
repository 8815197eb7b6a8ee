"""FLAC: its stream information and its comments. RFC 9639 §8."""

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media.media_facts import Media, Track
from chalicelib.processors.media.media_file import MediaFile
from chalicelib.processors.media.tags import id3, vorbis_comment

MAX_BLOCKS = 100
_STREAM_INFO, _COMMENTS = 0, 4
_MAX_COMMENTS = 64 * 1024  # bytes that are read


def read(file: MediaFile, media: Media) -> None:
    """Add the facts in the metadata blocks before the audio."""
    place = id3.begin(file, media) + 4
    for _ in range(MAX_BLOCKS):
        header = file.exact(place, 4)
        kind, size = header[0] & 0x7F, int.from_bytes(header[1:])
        if kind == _STREAM_INFO:
            read_stream_info(media, file.exact(place + 4, 34))
        elif kind == _COMMENTS:
            vorbis_comment.read(file.at(place + 4, min(size, _MAX_COMMENTS)), media)
        place += 4 + size
        if header[0] & 0x80:  # the last block
            break
    if not media.tracks:
        raise DamagedError
    if media.duration:
        media.bitrate = round(max(0, file.size - place) * 8 / media.duration)
    else:
        media.error = "It does not contain its duration"


def read_stream_info(media: Media, data: bytes) -> None:
    """Rate, channels and number of samples; encoders that write to a pipe leave out the number."""
    bits = int.from_bytes(data[10:18])
    rate, channels, samples = bits >> 44, (bits >> 41 & 7) + 1, bits & (1 << 36) - 1
    media.tracks.append(Track("audio", "flac", sample_rate=rate, channels=channels))
    if rate and samples:
        media.duration = samples / rate
