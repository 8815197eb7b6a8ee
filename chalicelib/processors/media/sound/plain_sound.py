"""Audio formats with a short header: AU, CAF, AMR.

https://pubs.opengroup.org/external/auformat.html,
https://developer.apple.com/library/archive/documentation/MusicAudio/Reference/CAFSpec/,
RFC 4867 §5.
"""

import struct

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media import codecs
from chalicelib.processors.media.media_facts import Media, Track
from chalicelib.processors.media.media_file import MediaFile

MAX_CHUNKS = 1000
WHOLE = 1024 * 1024  # bytes: all frames of a smaller file are counted
_AU = {
    1: ("mulaw", 1), 2: ("pcm", 1), 3: ("pcm", 2), 4: ("pcm", 3), 5: ("pcm", 4), 6: ("pcm", 4),
    7: ("pcm", 8), 27: ("alaw", 1),
}  # fmt: skip
# Bytes of a frame by its mode, with its header; a frame lasts 20 milliseconds.
_AMR = (13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1)
_AMR_WIDE = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1)
_FRAME_SECONDS = 0.02


def read_au(file: MediaFile, media: Media) -> None:
    """Add the facts in an AU header."""
    offset, size, encoding, rate, channels = struct.unpack(">IIIII", file.exact(4, 20))
    codec, width = _AU.get(encoding, (None, 0))
    media.tracks.append(Track("audio", codec, sample_rate=rate, channels=channels))
    rest = max(0, file.size - offset)
    byte_rate = rate * channels * width
    if not byte_rate:
        media.error = "It does not contain its duration"
        return
    media.duration = (rest if size == 0xFFFFFFFF else min(size, rest)) / byte_rate
    media.bitrate = byte_rate * 8


def read_caf(file: MediaFile, media: Media) -> None:
    """Add the facts in the description, the packet table and the size of the data."""
    start, size, packets = 8, 0, 0
    rate, frames, packet_size, channels = 0.0, 0, 0, 0
    for _ in range(MAX_CHUNKS):
        header = file.at(start, 12)
        if len(header) < 12:  # a name and a size
            break
        name, length = struct.unpack(">4sq", header)
        if name == b"desc":
            data = file.exact(start + 12, 32)
            rate, kind, _, packet_size, frames, channels, _ = struct.unpack(">d4s5I", data)
            hertz = round(rate) if 0 < rate < 10**7 else 0
            track = Track("audio", codecs.of_fourcc(kind), sample_rate=hertz, channels=channels)
            media.tracks.append(track)
        elif name == b"pakt":
            packets = struct.unpack(">q", file.exact(start + 12, 8))[0]
        elif name == b"data":
            # The first four bytes are the edit count. A recorder writes -1 as the size.
            size = (file.size - start - 12 if length < 0 else length) - 4
        if length < 0:
            break
        start += 12 + length
    if not media.tracks:
        raise DamagedError
    packets = packets or (size // packet_size if packet_size else 0)
    if packets and frames and media.tracks[0].sample_rate:
        media.duration = packets * frames / rate
        media.bitrate = round(size * 8 / media.duration)
    else:
        media.error = "It does not contain its duration"


def read_amr(file: MediaFile, media: Media) -> None:
    """Count the frames of a phone recording; of a large one, only those at its beginning."""
    is_wide = file.at(0, 9) == b"#!AMR-WB\n"
    sizes, rate = (_AMR_WIDE, 16000) if is_wide else (_AMR, 8000)
    data = file.at(9 if is_wide else 6, WHOLE)
    media.tracks.append(
        Track("audio", "amr-wb" if is_wide else "amr", sample_rate=rate, channels=1)
    )
    place = frames = 0
    while place < len(data):
        size = sizes[data[place] >> 3 & 15]
        if not size:
            raise DamagedError
        place += size
        frames += 1
    seconds = frames * _FRAME_SECONDS
    media.is_estimated = file.size > WHOLE
    media.duration = seconds * file.size / place if media.is_estimated else seconds
