"""The duration of a fragmented MP4, which its movie box does not contain.

Sources, in order: the movie extends header, the segment index if it covers the file, the last
fragments. ISO/IEC 14496-12 §8.8 (moof, traf, tfhd, tfdt, trun) and §8.16.3 (sidx).
"""

import io
import struct
from dataclasses import dataclass, field

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media.iso.movie_boxes import Box, Boxes
from chalicelib.processors.media.media_file import MediaFile

TAIL = 4 * 1024 * 1024  # bytes at the end of a file in which the last fragment is searched
MAX_RUN = 100_000  # samples of one fragment


@dataclass(slots=True)
class Extends:
    """`duration` in the movie's units; `defaults` are sample durations by track id."""

    duration: int = 0
    defaults: dict[int, int] = field(default_factory=dict)


def read_extends(boxes: Boxes, box: Box) -> Extends:
    """The values in `mvex` that apply to all fragments."""
    extends = Extends()
    for child in boxes.of(box.start, box.end):
        if child.name == b"mehd":
            header = boxes.bytes(child, 12)
            (extends.duration,) = struct.unpack_from(">Q" if header[0] == 1 else ">I", header, 4)
        elif child.name == b"trex":
            number, default = struct.unpack_from(">I4xI", boxes.bytes(child, 24), 4)
            extends.defaults[number] = default
    return extends


def duration(
    boxes: Boxes, start: int, scales: dict[int, int], defaults: dict[int, int]
) -> float | None:
    """Seconds of the fragments behind the movie box; None if unknown, 0 if there are none."""
    begin, has_fragments = None, False
    size = boxes.file.size
    # If the last fragment is cut off, the ones before it still count.
    try:
        for box in boxes.of(start, size):
            if box.name == b"sidx":
                seconds = _index(boxes, box)
                if seconds is not None:
                    return seconds
            elif box.name == b"moof":
                has_fragments = True
                begin = min(_times(boxes, box, scales, defaults)[0], default=None)
                break
    except DamagedError:
        pass
    if begin is None:
        return None if has_fragments else 0.0
    end = _last(boxes, start, scales, defaults)
    return None if end is None else max(0.0, end - begin)


def _index(boxes: Boxes, box: Box) -> float | None:
    """Seconds of an index that covers the rest of the file; None if it covers only a part."""
    data = boxes.bytes(box, 1024 * 1024)
    (scale,) = struct.unpack_from(">I", data, 8)
    (first,) = struct.unpack_from(">Q" if data[0] else ">I", data, 20 if data[0] else 16)
    offset = 28 if data[0] else 20
    (count,) = struct.unpack_from(">2xH", data, offset)
    entries = [struct.unpack_from(">II4x", data, offset + 4 + 12 * n) for n in range(count)]
    end = box.end + first + sum(size & 0x7FFFFFFF for size, _ in entries)
    is_whole = boxes.file.size - end <= _random_access_size(boxes)
    return sum(units for _, units in entries) / scale if scale and is_whole else None


def _random_access_size(boxes: Boxes) -> int:
    """Bytes of the index at the end of the file, from its last box; 0 if there is none."""
    data = boxes.file.tail(16)
    return int.from_bytes(data[12:]) if data[4:8] == b"mfro" else 0


def _last(
    boxes: Boxes, start: int, scales: dict[int, int], defaults: dict[int, int]
) -> float | None:
    """The latest end of the fragments in the last bytes of the file."""
    offset = max(start, boxes.file.size - TAIL)
    data = boxes.file.at(offset, TAIL)
    inner = Boxes(MediaFile(io.BytesIO(data), len(data)))
    ends: list[float] = []
    place = len(data)
    # Each track may have its own fragments, so the last few are compared.
    for _ in range(8):
        place = data.rfind(b"moof", 0, place)
        if place < 4:  # the size before the name
            break
        (size,) = struct.unpack_from(">I", data, place - 4)
        if data[place + 8 : place + 12] == b"mfhd" and place - 4 + size <= len(data):
            ends += _times(inner, Box(b"moof", place + 4, place - 4 + size), scales, defaults)[1]
    return max(ends, default=None)


def _times(
    boxes: Boxes, fragment: Box, scales: dict[int, int], defaults: dict[int, int]
) -> tuple[list[float], list[float]]:
    """Where the tracks of a fragment begin and end, in seconds."""
    begins: list[float] = []
    ends: list[float] = []
    for box in boxes.of(fragment.start, fragment.end):
        if box.name == b"traf":
            number, begin, units = _track(boxes, box, defaults)
            scale = scales.get(number)
            if scale and begin is not None:
                begins.append(begin / scale)
                ends.append((begin + units) / scale)
    return begins, ends


def _track(boxes: Boxes, track: Box, defaults: dict[int, int]) -> tuple[int, int | None, int]:
    """A track's id, the start of its fragment, and its length, in the track's units."""
    number, default, units = 0, 0, 0
    begin = None
    for box in boxes.of(track.start, track.end):
        if box.name == b"tfhd":
            data = boxes.bytes(box, 40)
            flags, number = struct.unpack_from(">II", data)
            default = defaults.get(number, 0)
            if flags & 8:
                # The base offset and the description index come first, if the flags say so.
                place = 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
                (default,) = struct.unpack_from(">I", data, place)
        elif box.name == b"tfdt":
            data = boxes.bytes(box, 12)
            (begin,) = struct.unpack_from(">Q" if data[0] == 1 else ">I", data, 4)
        elif box.name == b"trun":
            units += _run(boxes, box, default)
    return number, begin, units


def _run(boxes: Boxes, box: Box, default: int) -> int:
    """Units of the samples of one run."""
    flags, count = struct.unpack(">II", boxes.file.exact(box.start, 8))
    flags &= 0xFFFFFF
    if count > MAX_RUN:
        raise DamagedError
    if not flags & 0x100:
        return int(default * count)
    skipped = 8 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
    width = 4 * sum(1 for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit)
    data = boxes.bytes(box, skipped + width * count)
    return sum(
        struct.unpack_from(">I", data, skipped + width * number)[0] for number in range(count)
    )
