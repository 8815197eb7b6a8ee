"""Matroska and WebM: Info, Tracks, and the last cluster of a recording without a duration.

https://www.matroska.org/technical/elements.html, RFC 9559.
"""

import io

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media import codecs
from chalicelib.processors.media.matroska.ebml import Element, Elements, read_number
from chalicelib.processors.media.media_facts import Kind, Media, Track
from chalicelib.processors.media.media_file import MediaFile

MAX_TRIES = 20
TAIL = 4 * 1024 * 1024  # bytes at the end of a recording in which its last cluster is searched
_DOC_TYPE, _SEGMENT = 0x4282, 0x18538067
_SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
_INFO, _SCALE, _DURATION, _TITLE = 0x1549A966, 0x2AD7B1, 0x4489, 0x7BA9
_TRACKS, _ENTRY, _TYPE, _CODEC, _ENABLED = 0x1654AE6B, 0xAE, 0x83, 0x86, 0xB9
_VIDEO, _WIDTH, _HEIGHT, _SHOWN_WIDTH, _SHOWN_HEIGHT = 0xE0, 0xB0, 0xBA, 0x54B0, 0x54BA
_UNIT, _PROJECTION, _ROLL = 0x54B2, 0x7670, 0x7675
_AUDIO, _RATE, _OUTPUT_RATE, _CHANNELS = 0xE1, 0xB5, 0x78B5, 0x9F
_CLUSTER, _TIMESTAMP, _SIMPLE_BLOCK, _GROUP, _BLOCK = 0x1F43B675, 0xE7, 0xA3, 0xA0, 0xA1
_KINDS: dict[int, Kind] = {1: "video", 2: "audio"}
_PIXELS, _SHAPE = 0, 3  # units of the display size
_NANO = 10**9


def read(file: MediaFile, media: Media) -> None:
    """Add the facts before the first cluster, or at the places that the index lists."""
    elements = Elements(file)
    for element in elements.of(0, file.size):
        if element.number == _SEGMENT:
            return _Segment(elements, media, element).read()
        for inner in elements.of(element.start, element.end):
            if inner.number == _DOC_TYPE:
                media.container = elements.text(inner)[:20] or media.container
    raise DamagedError("Its contents are unknown: there is no segment")


class _Segment:
    def __init__(self, elements: Elements, media: Media, segment: Element) -> None:
        self._elements = elements
        self._media = media
        self._segment = segment
        self._scale = 1_000_000  # nanoseconds of one time unit
        self._read: set[int] = set()
        self._places: dict[int, int] = {}

    def read(self) -> None:
        has_clusters = False
        for element in self._elements.of(self._segment.start, self._segment.end):
            has_clusters = element.number == _CLUSTER
            if has_clusters or {_INFO, _TRACKS} <= self._read:
                break
            self._read_part(element)
        for number in (_INFO, _TRACKS):
            if number not in self._read and number in self._places:
                self._read_at(number, self._segment.start + self._places[number])
        if _TRACKS not in self._read:
            raise DamagedError("It does not describe its tracks")
        if self._media.duration is None:
            self._add_last_cluster()

    def _read_at(self, number: int, place: int) -> None:
        for element in self._elements.of(place, self._segment.end):
            if element.number == number:
                self._read_part(element)
            return

    def _read_part(self, part: Element) -> None:
        self._read.add(part.number)
        if part.number == _SEEK_HEAD:
            for seek in self._of(part):
                if seek.number == _SEEK:
                    entry = {e.number: e for e in self._of(seek)}
                    if {_SEEK_ID, _SEEK_POSITION} <= entry.keys():
                        target = int.from_bytes(self._elements.bytes(entry[_SEEK_ID], 4))
                        place = self._elements.unsigned(entry[_SEEK_POSITION])
                        self._places.setdefault(target, place)
        elif part.number == _INFO:
            self._read_info(part)
        elif part.number == _TRACKS:
            for entry_element in self._of(part):
                if entry_element.number == _ENTRY:
                    self._read_track(entry_element)

    def _of(self, parent: Element) -> list[Element]:
        return list(self._elements.of(parent.start, parent.end))

    def _read_info(self, info: Element) -> None:
        duration = 0.0
        for element in self._of(info):
            if element.number == _SCALE:
                self._scale = self._elements.unsigned(element)
            elif element.number == _DURATION:
                duration = self._elements.real(element)
            elif element.number == _TITLE:
                self._media.add_tag("title", self._elements.text(element))
        if duration > 0:
            self._media.duration = duration * self._scale / _NANO

    def _read_track(self, entry: Element) -> None:
        parts = {element.number: element for element in self._of(entry)}
        kind = _KINDS.get(self._number(parts, _TYPE, 0))
        if kind is None:
            return
        track = Track(kind, is_enabled=bool(self._number(parts, _ENABLED, 1)))
        if _CODEC in parts:
            track.codec = codecs.of_matroska(self._elements.text(parts[_CODEC]))
        if kind == "video" and _VIDEO in parts:
            self._read_size(track, {e.number: e for e in self._of(parts[_VIDEO])})
        elif kind == "audio" and _AUDIO in parts:
            inner = {e.number: e for e in self._of(parts[_AUDIO])}
            rate = inner.get(_OUTPUT_RATE) or inner.get(_RATE)
            hertz = self._elements.real(rate) if rate else 8000.0
            track.sample_rate = round(hertz) if 0 < hertz < 10**7 else 0
            track.channels = self._number(inner, _CHANNELS, 1)
        self._media.tracks.append(track)

    def _read_size(self, track: Track, parts: dict[int, Element]) -> None:
        """The display size in pixels: the coded size, widened by the aspect ratio."""
        coded = self._number(parts, _WIDTH, 0), self._number(parts, _HEIGHT, 0)
        display_size = self._number(parts, _SHOWN_WIDTH, 0), self._number(parts, _SHOWN_HEIGHT, 0)
        unit = self._number(parts, _UNIT, _PIXELS)
        track.width, track.height = display_size if all(display_size) and unit == _PIXELS else coded
        if all(display_size) and unit == _SHAPE:
            track.width = round(coded[1] * display_size[0] / display_size[1])
        if _PROJECTION in parts:
            for element in self._of(parts[_PROJECTION]):
                # Its degrees count counterclockwise.
                turn = -self._elements.real(element) if element.number == _ROLL else 0.0
                if turn % 90 == 0:
                    track.rotation = round(turn) % 360
        if track.rotation in (90, 270):
            track.width, track.height = track.height, track.width

    def _number(self, parts: dict[int, Element], number: int, default: int) -> int:
        return self._elements.unsigned(parts[number]) if number in parts else default

    def _add_last_cluster(self) -> None:
        """Add the time of the last block; browsers record without knowing the duration."""
        data = self._elements.file.tail(TAIL)
        place = len(data)
        # Picture data can look like a cluster: then the one before it is tried.
        for _ in range(MAX_TRIES):
            place = data.rfind(_CLUSTER.to_bytes(4), 0, place)
            if place < 0:
                break
            last = _last_block(data[place:])
            if last is not None:
                self._media.duration = last * self._scale / _NANO
                return
        self._media.error = "It does not contain its duration"


def _last_block(data: bytes) -> int | None:
    """The latest block time of the cluster that begins here, in the segment's units."""
    elements = Elements(MediaFile(io.BytesIO(data), len(data)))
    cluster = next(iter(elements.of(0, len(data))))
    begin: int | None = None
    latest = 0
    try:
        for element in elements.of(cluster.start, cluster.end):
            if element.number == _TIMESTAMP:
                begin = elements.unsigned(element)
            elif element.number == _SIMPLE_BLOCK:
                latest = max(latest, _relative(elements, element))
            elif element.number == _GROUP:
                blocks = [e for e in elements.of(element.start, element.end) if e.number == _BLOCK]
                latest = max([latest, *(_relative(elements, block) for block in blocks)])
    except DamagedError:
        pass  # a truncated recording: the blocks before are complete
    return None if begin is None else begin + latest


def _relative(elements: Elements, block: Element) -> int:
    """The time of a block relative to its cluster; it is behind the track number."""
    data = elements.bytes(block, 12)
    _, width = read_number(data, keep_marker=False)
    return int.from_bytes(data[width : width + 2], signed=True)
