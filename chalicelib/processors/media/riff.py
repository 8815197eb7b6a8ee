"""AVI and WAV, which are RIFF files; RF64 and BW64 are WAV with 64-bit sizes.

https://learn.microsoft.com/windows/win32/directshow/avi-riff-file-reference, EBU Tech 3306.
"""

import struct
from collections.abc import Iterator

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media import codecs
from chalicelib.processors.media.media_facts import Media, Track
from chalicelib.processors.media.media_file import MediaFile
from chalicelib.processors.media.tags import legacy_text

MAX_CHUNKS = 1000  # visited in one file
_OPEN = 0xFFFFFFFF  # a size that a recorder could not fill in later
_EXTENSIBLE, _PCM, _FLOAT = 0xFFFE, 1, 3
_INFO = {b"INAM": "title", b"IART": "artist", b"IPRD": "album"}

Chunk = tuple[bytes, int, int]  # a name, and the offsets of its contents' begin and end


def chunks(file: MediaFile, start: int, end: int) -> Iterator[Chunk]:
    """The chunks between two offsets; a chunk that is too long ends with the file."""
    for _ in range(MAX_CHUNKS):
        header = file.at(start, 8)
        if len(header) < 8 or start + 8 > end:
            return
        name, size = struct.unpack("<4sI", header)
        yield name, start + 8, min(end, start + 8 + size)
        start += 8 + size + size % 2


def read_avi(file: MediaFile, media: Media) -> None:
    """Add the facts in the header list of an AVI."""
    for name, start, end in chunks(file, 12, file.size):
        if name == b"LIST" and file.at(start, 4) == b"hdrl":
            return _read_header_list(file, media, start + 4, end)
    raise DamagedError


def _read_header_list(file: MediaFile, media: Media, begin: int, end: int) -> None:
    seconds: list[float] = []
    frames, frame_time, total = 0, 0.0, 0
    for name, start, stop in chunks(file, begin, end):
        if name == b"avih":
            header = file.exact(start, 40)
            (micro,) = struct.unpack_from("<I", header)
            (frames,) = struct.unpack_from("<I", header, 16)
            frame_time = micro / 1e6
        elif name == b"LIST" and file.at(start, 4) == b"strl":
            seconds.append(_read_stream(file, media, start + 4, stop))
        elif name == b"LIST" and file.at(start, 4) == b"odml":
            # The other headers count only the frames of the first GB.
            for inner, place, _ in chunks(file, start + 4, stop):
                if inner == b"dmlh":
                    (total,) = struct.unpack("<I", file.exact(place, 4))
    duration = max([*seconds, max(frames, total) * frame_time])
    media.duration = duration or None
    if not duration:
        media.error = "It does not contain its duration"


def _read_stream(file: MediaFile, media: Media, begin: int, end: int) -> float:
    """Add a stream to the tracks; returns its duration in seconds."""
    seconds = 0.0
    kind, handler = b"", b""
    for name, start, stop in chunks(file, begin, end):
        if name == b"strh":
            kind, handler, scale, rate, length = struct.unpack(
                "<4s4s12xII4xI", file.exact(start, 36)
            )
            seconds = length * scale / rate if rate else 0.0
        elif name == b"strf" and kind == b"vids":
            width, height, code = struct.unpack("<ii4x4s", file.exact(start + 4, 16))
            codec = codecs.of_fourcc(code if any(code) else handler)
            media.tracks.append(Track("video", codec, abs(width), abs(height)))
        elif name == b"strf" and kind == b"auds":
            media.tracks.append(_sound(file, start, stop)[0])
    return seconds


def _sound(file: MediaFile, start: int, end: int) -> tuple[Track, int, int]:
    """The track in a WAVEFORMATEX, its bytes a second, and its bytes for one sample frame."""
    data = file.exact(start, 16)
    tag, channels, rate, byte_rate, align = struct.unpack_from("<HHIIH", data)
    if tag == _EXTENSIBLE and end - start >= 26:  # up to the GUID of its format
        (tag,) = struct.unpack("<H", file.exact(start + 24, 2))
    track = Track("audio", codecs.of_wave(tag), sample_rate=rate, channels=channels)
    # A PCM header may have wrong bytes a second, but its frame size is right.
    return track, align * rate if tag in (_PCM, _FLOAT) and align else byte_rate, align


def read_wave(file: MediaFile, media: Media) -> None:
    """Add the facts about a WAV. Samples are counted from their size, never read."""
    byte_rate, samples, size, long_size = 0, 0, 0, 0
    for name, start, end in chunks(file, 12, file.size):
        if name == b"ds64":
            (long_size,) = struct.unpack("<Q", file.exact(start + 8, 8))
        elif name == b"fmt ":
            track, byte_rate, _ = _sound(file, start, end)
            media.tracks.append(track)
        elif name == b"fact":
            samples = int.from_bytes(file.at(start, 4), "little")
        elif name == b"data":
            size = _data_size(file, start, long_size)
            if size > end - start:
                break  # the next chunk is not where the 32-bit size says
        elif name == b"LIST":
            _read_texts(file, media, start, end)
    if not media.tracks or not byte_rate:
        raise DamagedError
    _add_wave(media, size, byte_rate, samples)


def _read_texts(file: MediaFile, media: Media, start: int, end: int) -> None:
    if file.at(start, 4) == b"INFO":
        for tag, place, stop in chunks(file, start + 4, end):
            if tag in _INFO:
                text = legacy_text.decode(file.at(place, min(1024, stop - place)))
                media.add_tag(_INFO[tag], text)


def _data_size(file: MediaFile, start: int, long_size: int) -> int:
    """Bytes of samples; the size in the header may never have been filled in."""
    (size,) = struct.unpack("<I", file.exact(start - 4, 4))
    rest = file.size - start
    if size == _OPEN and long_size:
        return min(long_size, rest)
    # Behind an empty data chunk is the end of the file, or another chunk.
    if size == _OPEN or (size == 0 and not file.at(start, 4).strip().isalnum()):
        return rest
    # Above 4 GiB, a 32-bit size has wrapped around: then no chunk is at the end it gives.
    is_wrong = file.size > 1 << 32 and not file.at(start + size + size % 2, 4).strip().isalnum()
    return rest if is_wrong else min(size, rest)


def _add_wave(media: Media, size: int, byte_rate: int, samples: int) -> None:
    track = media.tracks[0]
    media.duration = size / byte_rate
    media.bitrate = byte_rate * 8
    if samples and track.codec not in ("pcm", "alaw", "mulaw") and track.sample_rate:
        media.duration = samples / track.sample_rate
