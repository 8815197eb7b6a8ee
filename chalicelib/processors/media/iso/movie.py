"""MP4, QuickTime, 3GPP and M4A, from their boxes, which Apple calls atoms.

Boxes are walked by ranged reads, so a film of 100 GB costs a few requests wherever its `moov` is.
ISO/IEC 14496-12, https://developer.apple.com/documentation/quicktime-file-format
"""

import io
import zlib
from contextlib import suppress

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media.iso import fragments, movie_tags
from chalicelib.processors.media.iso.movie_boxes import Box, Boxes, Matrix, matrix_of
from chalicelib.processors.media.iso.track import Timing, TrackBox, read_track
from chalicelib.processors.media.media_facts import Media
from chalicelib.processors.media.media_file import MediaFile

# Boxes that a file may begin with.
FIRST = frozenset({
    b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"moof", b"sidx",
    b"uuid", b"pdin",
})  # fmt: skip
# Brands of still images, which have the same boxes but no video.
PICTURES = frozenset({
    b"crx ", b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"jp2 ", b"jpx ", b"jpm ",
})  # fmt: skip
MAX_MOVIE = 4 * 1024 * 1024  # bytes of a compressed movie box, expanded
_UNKNOWN = (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)  # durations that mean unknown
_FRAGMENTS = (b"moof", b"styp", b"sidx")


def matches(head: bytes) -> bool:
    """Whether a file begins with a box that video files begin with."""
    return head[4:8] in FIRST


def is_picture(head: bytes) -> bool:
    """Whether the major brand is that of a still image."""
    return head[4:8] == b"ftyp" and head[8:12] in PICTURES


def read(file: MediaFile, media: Media) -> None:
    """Add the facts in the movie box; raises DamagedError for invalid boxes."""
    boxes = Boxes(file)
    media.container = "mov"  # a file without ftyp is older than MP4
    segment = False
    for box in boxes.of(0, file.size):
        if box.name in (b"ftyp", b"styp"):
            brand = boxes.bytes(box, 4)
            media.container = "mov" if brand == b"qt  " else "mp4"
            media.brand = brand.decode("ascii", "replace").strip()
        if box.name == b"moov":
            _Movie(boxes, media).read(box)
            return
        segment = segment or box.name in _FRAGMENTS
    if segment:
        media.container = "mp4"
        raise DamagedError("It is a segment of a film: the film's moov atom is in another file")
    raise DamagedError("Its contents are unknown: there is no moov atom")


class _Movie:
    """One movie box."""

    def __init__(self, boxes: Boxes, media: Media) -> None:
        self._boxes = boxes
        self._media = media
        self._timing = Timing(0, 0)
        self._matrix: Matrix = (1.0, 0.0, 0.0, 1.0)
        self._tracks: list[TrackBox] = []
        self._extends: Box | None = None

    def read(self, movie: Box) -> None:
        for box in self._boxes.of(movie.start, movie.end):
            if box.name == b"cmov":
                return _expand(self._boxes, box, self._media)
            if box.name == b"rmra":
                raise DamagedError("It is a QuickTime reference movie: its film is in other files")
            if box.name == b"mvhd":
                self._read_header(box)
            elif box.name == b"trak":
                self._read_track(box)
            elif box.name == b"mvex":
                self._extends = box
            elif box.name == b"udta":
                with suppress(DamagedError):  # damaged tags alone do not hide the other facts
                    movie_tags.read(self._boxes, box, self._media)
        self._add_duration(movie.end)
        return None

    def _read_header(self, box: Box) -> None:
        header = self._boxes.bytes(box, 120)
        self._timing = Timing.of_header(header)
        self._matrix = matrix_of(header, 48 if header[0] == 1 else 36)

    def _read_track(self, box: Box) -> None:
        track_box = read_track(self._boxes, box, self._matrix)
        self._tracks.append(track_box)
        if track_box.track is not None:
            self._media.tracks.append(track_box.track)

    def _add_duration(self, end: int) -> None:
        scale, duration = self._timing.scale, self._timing.duration
        seconds = [duration / scale] if scale and duration not in _UNKNOWN else []
        if not seconds:
            seconds = [s for s in (t.seconds(scale) for t in self._tracks) if s]
        if self._extends is not None:
            self._add_fragments(self._extends, end, scale, max(seconds, default=0.0))
        elif seconds:
            self._media.duration = max(seconds)

    def _add_fragments(self, box: Box, end: int, scale: int, known_duration: float) -> None:
        extends = fragments.read_extends(self._boxes, box)
        scales = {t.number: t.timing.scale for t in self._tracks}
        if extends.duration and scale:
            self._media.duration = extends.duration / scale
            return
        seconds = fragments.duration(self._boxes, end, scales, extends.defaults)
        if seconds is None or not max(seconds, known_duration):
            self._media.error = "It is fragmented and does not contain its duration"
        else:
            self._media.duration = max(seconds, known_duration)


def _expand(boxes: Boxes, compressed: Box, media: Media) -> None:
    """Read a movie box compressed by zlib, the only method in use."""
    for box in boxes.of(compressed.start, compressed.end):
        if box.name == b"dcom" and boxes.bytes(box, 4) != b"zlib":
            raise DamagedError("Its moov atom is compressed by an unsupported method")
        if box.name == b"cmvd":
            data = boxes.bytes(box, box.end - box.start)[4:]
            try:
                movie = zlib.decompressobj().decompress(data, MAX_MOVIE)
            except zlib.error as error:
                raise DamagedError from error
            # The expanded data must be a plain moov box; otherwise nesting would never end.
            inner = Boxes(MediaFile(io.BytesIO(movie), len(movie)), is_expanded=True)
            for moov in inner.of(0, len(movie)):
                if moov.name == b"moov" and not boxes.is_expanded:
                    return _Movie(inner, media).read(moov)
    raise DamagedError
