"""The `esds` box of MPEG-4 audio, because its sample entry is often not filled in.

ISO/IEC 14496-1 §7.2.6 (descriptors), ISO/IEC 14496-3 §1.6.2.1 (AudioSpecificConfig).
"""

from chalicelib.processors.media.media_facts import Track

_STREAM, _DECODER, _SPECIFIC = 3, 4, 5
_MP3 = (0x69, 0x6B)  # object types
_AAC = (0x40, 0x66, 0x67, 0x68)
_DOUBLED = (5, 29)  # AAC with two rates: that of its core, and that of the output
_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)


def read(entry: bytes, track: Track) -> None:
    """Correct the track with the values in a sample entry, as far as they can be read."""
    place = entry.find(b"esds", 36)
    stream = _descriptor(entry[place + 8 :], _STREAM) if place > 0 else b""
    flags = stream[2] if len(stream) > 2 else 0  # behind the stream's number
    start = 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
    if flags & 0x40:
        return  # the stream is elsewhere on the network
    decoder = _descriptor(stream[start:], _DECODER)
    if len(decoder) < 13:  # up to its bitrates
        return
    track.bitrate = int.from_bytes(decoder[9:13])
    if decoder[0] in _MP3:
        track.codec = "mp3"
    elif decoder[0] in _AAC:
        _read_specific(_descriptor(decoder[13:], _SPECIFIC), track)


def _descriptor(data: bytes, tag: int) -> bytes:
    """The contents of the descriptor at the beginning, if it has this tag."""
    if not data or data[0] != tag:
        return b""
    size = 0
    for width, byte in enumerate(data[1:5], 2):
        size = size << 7 | byte & 0x7F
        if not byte & 0x80:
            return data[width : width + size]
    return b""


def _read_specific(data: bytes, track: Track) -> None:
    if len(data) < 2:  # kind, rate and channels
        return
    bits = int.from_bytes(data[:4].ljust(4, b"\0"))
    kind, rate, channels = bits >> 27, bits >> 23 & 15, bits >> 19 & 15
    if kind in _DOUBLED:
        rate = bits >> 15 & 15
    if rate < len(_RATES):
        track.sample_rate = _RATES[rate]
    if 0 < channels < len(_CHANNELS):
        track.channels = 2 if kind == _DOUBLED[1] else _CHANNELS[channels]
