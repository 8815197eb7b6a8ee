"""MIDI files: the time of the last event, including all tempo changes.

https://www.midi.org/specifications/file-format-specifications/standard-midi-files
"""

import struct
from collections.abc import Iterator

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media.media_facts import Media, Track
from chalicelib.processors.media.media_file import MediaFile

MAX_SIZE = 1024 * 1024  # bytes; the largest usual ones have a few hundred KB
_TEMPO = 500_000  # microseconds of a quarter note, unless an event sets another tempo
_META, _SYSTEM, _SYSTEM_END = 0xFF, 0xF0, 0xF7
_SET_TEMPO = 0x51


def read(file: MediaFile, media: Media) -> None:
    """Add the duration. Notes have no sample rate and no channels."""
    media.tracks.append(Track("audio", "midi"))
    if file.size > MAX_SIZE:
        raise DamagedError(f"It is larger than {MAX_SIZE} bytes: its duration is not read")
    data = file.at(0, MAX_SIZE)
    size, _, count, division = struct.unpack_from(">IHHH", data, 4)
    place, tempos, last = 8 + size, [(0, _TEMPO)], 0
    for _ in range(count):
        name, length = struct.unpack_from(">4sI", data, place)
        if name == b"MTrk":
            for tick, tempo in _events(data[place + 8 : place + 8 + length]):
                last = max(last, tick)
                tempos += [(tick, tempo)] if tempo else []
        place += 8 + length
    media.duration = _seconds(sorted(tempos), last, division)


def _seconds(tempos: list[tuple[int, int]], last: int, division: int) -> float:
    if division & 0x8000:  # negative frames a second, and ticks of a frame
        return last / ((256 - (division >> 8)) * (division & 0xFF) or 1)
    total = 0
    for index, (tick, tempo) in enumerate(tempos):
        following = tempos[index + 1][0] if index + 1 < len(tempos) else last
        total += max(0, following - tick) * tempo
    return total / (division or 1) / 1e6


def _events(data: bytes) -> Iterator[tuple[int, int]]:
    """The tick of every event of a track, and the tempo that it sets, or 0."""
    place = tick = status = 0
    while place < len(data):
        delta, place = _number(data, place)
        tick += delta
        if data[place] & 0x80:
            status = data[place]
            place += 1
        tempo = 0
        if status == _META:
            kind = data[place]
            length, place = _number(data, place + 1)
            if kind == _SET_TEMPO:
                tempo = int.from_bytes(data[place : place + 3])
            place += length
        elif status in (_SYSTEM, _SYSTEM_END):
            length, place = _number(data, place)
            place += length
        else:
            place += 1 if status & 0xE0 == 0xC0 else 2  # program, pressure
        yield tick, tempo


def _number(data: bytes, place: int) -> tuple[int, int]:
    """A number of up to four bytes with seven bits each, and the offset behind it."""
    value = 0
    for _ in range(4):
        byte = data[place]
        place += 1
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, place
    raise DamagedError
