"""AIFF and AIFF-C, from their chunks.

https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/AIFF/AIFF.html
"""

import struct

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media import codecs
from chalicelib.processors.media.media_facts import Media, Track
from chalicelib.processors.media.media_file import MediaFile
from chalicelib.processors.media.tags import legacy_text

MAX_CHUNKS = 1000
_TEXTS = {b"NAME": "title", b"AUTH": "artist"}
_PLAIN = b"NONE"  # plain AIFF, and AIFF-C without compression


def read(file: MediaFile, media: Media) -> None:
    """Add the facts in the common chunk, and the texts."""
    start = 12
    is_compressed = file.at(8, 4) == b"AIFC"
    for _ in range(MAX_CHUNKS):
        header = file.at(start, 8)
        if len(header) < 8:  # a name and a size
            break
        name, size = struct.unpack(">4sI", header)
        if name == b"COMM":
            _read_common(media, file.exact(start + 8, 22 if is_compressed else 18))
        elif name in _TEXTS:
            text = legacy_text.decode(file.at(start + 8, min(size, 1024)))
            media.add_tag(_TEXTS[name], text)
        start += 8 + size + size % 2
    if not media.tracks:
        raise DamagedError


def _read_common(media: Media, data: bytes) -> None:
    channels, frames, bits, exponent, mantissa = struct.unpack_from(">HIHHQ", data)
    # The rate is an 80-bit float: the exponent's bias is 16383, and the mantissa has 63 fraction
    # bits.
    rate = mantissa * 2.0 ** ((exponent & 0x7FFF) - 16383 - 63) if exponent < 0x4100 else 0.0
    codec = codecs.of_fourcc(data[18:22] or _PLAIN)
    media.tracks.append(Track("audio", codec, sample_rate=round(rate), channels=channels))
    if rate >= 1:
        media.duration = frames / rate
        media.bitrate = round(rate) * channels * bits if codec == "pcm" else 0
