"""One track of an ISO media file: its kind, its size as shown, its audio format.

ISO/IEC 14496-12 §8.3.2 (tkhd), §8.4.2 (mdhd), §12.1 and §12.2 (sample entries).
"""

import struct
from dataclasses import dataclass

from chalicelib.processors.media import codecs
from chalicelib.processors.media.iso import esds
from chalicelib.processors.media.iso.movie_boxes import Box, Boxes, Matrix, matrix_of, product, turn
from chalicelib.processors.media.media_facts import Kind, Track

_KINDS: dict[bytes, Kind] = {b"vide": "video", b"soun": "audio"}
_UNKNOWN = (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
_VISUAL = 78  # bytes of a visual sample entry before its boxes
_ENABLED = 1


@dataclass(frozen=True, slots=True)
class Timing:
    """Units in a second, and a duration in these units."""

    scale: int
    duration: int

    @classmethod
    def of_header(cls, header: bytes) -> "Timing":
        """From the contents of `mvhd` or `mdhd`, of both versions."""
        form, offset = (">IQ", 20) if header[0] == 1 else (">II", 12)
        return cls(*struct.unpack_from(form, header, offset))


@dataclass(slots=True)
class TrackBox:
    """`number` is the track's id; `track` is None for subtitles, chapters and data."""

    number: int = 0
    duration: int = 0  # in the movie's units
    timing: Timing = Timing(0, 0)
    track: Track | None = None

    def seconds(self, movie_scale: int) -> float | None:
        """The duration, from the track's own header or in the movie's units."""
        if self.timing.scale and self.timing.duration not in _UNKNOWN:
            return self.timing.duration / self.timing.scale
        if movie_scale and self.duration not in _UNKNOWN:
            return self.duration / movie_scale
        return None


def read_track(boxes: Boxes, track: Box, movie_matrix: Matrix) -> TrackBox:
    """The facts in `tkhd` and `mdia`, turned by the matrices of the track and the movie."""
    track_box = TrackBox()
    header, entry, kind = b"", b"", None
    for box in boxes.of(track.start, track.end):
        if box.name == b"tkhd":
            header = boxes.bytes(box, 96)
            form, offset = (">I4xQ", 20) if header[0] == 1 else (">I4xI", 12)
            track_box.number, track_box.duration = struct.unpack_from(form, header, offset)
        elif box.name == b"mdia":
            kind, track_box.timing, entry = _read_media(boxes, box)
    if kind is not None:
        enabled = bool(header) and bool(header[3] & _ENABLED)
        track_box.track = Track(kind, codecs.of_fourcc(entry[4:8]), is_enabled=enabled)
    if track_box.track is not None and kind == "video":
        _add_size(track_box.track, header, entry, movie_matrix)
    elif track_box.track is not None:
        _add_sound(track_box.track, entry, track_box.timing.scale)
        esds.read(entry, track_box.track)
    return track_box


def _read_media(boxes: Boxes, media: Box) -> tuple[Kind | None, Timing, bytes]:
    """The track's kind, its timing, and its first sample entry."""
    kind, timing, entry = None, Timing(0, 0), b""
    for box in boxes.of(media.start, media.end):
        if box.name == b"hdlr":
            kind = _KINDS.get(boxes.bytes(box, 12)[8:12])
        elif box.name == b"mdhd":
            timing = Timing.of_header(boxes.bytes(box, 32))
        elif box.name == b"minf":
            for table in boxes.of(box.start, box.end):
                if table.name == b"stbl":
                    entry = _sample_entry(boxes, table)
    return kind, timing, entry


def _sample_entry(boxes: Boxes, table: Box) -> bytes:
    for box in boxes.of(table.start, table.end):
        if box.name == b"stsd":
            return boxes.bytes(box, 4096)[8:]
    return b""


def _add_size(track: Track, header: bytes, entry: bytes, movie_matrix: Matrix) -> None:
    version = header[0] if header else 0
    width = height = 0
    if header:
        width, height = struct.unpack_from(">II", header, 88 if version == 1 else 76)
    size = round(width / 65536), round(height / 65536)
    if not all(size):
        size = _size_of_samples(entry)
    is_swapped, degrees = turn(product(matrix_of(header, 52 if version == 1 else 40), movie_matrix))
    track.width, track.height = (size[1], size[0]) if is_swapped else size
    track.rotation = degrees


def _size_of_samples(entry: bytes) -> tuple[int, int]:
    """The coded size, widened by the aspect ratio of its pixels."""
    if len(entry) < 8 + _VISUAL:
        return 0, 0
    width, height = struct.unpack_from(">HH", entry, 32)
    place = entry.find(b"pasp", 8 + _VISUAL)
    if 0 <= place <= len(entry) - 12:
        across, down = struct.unpack_from(">II", entry, place + 4)
        if across and down and across // down < 100 and down // across < 100:
            width = round(width * across / down)
    return width, height


def _add_sound(track: Track, entry: bytes, scale: int) -> None:
    if len(entry) < 36:  # bytes of an audio sample entry
        return
    (version,) = struct.unpack_from(">H", entry, 16)
    track.channels, rate = struct.unpack_from(">H6xI", entry, 24)
    # The field has 16 integer bits: a higher rate is only in the track's units.
    track.sample_rate = rate >> 16 or scale
    if version == 2 and len(entry) >= 52:  # QuickTime's longer form
        precise, track.channels = struct.unpack_from(">dI", entry, 40)
        track.sample_rate = round(precise) if 0 < precise < 10**7 else 0
