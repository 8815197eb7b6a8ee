"""MPEG transport streams, as written by cameras (AVCHD) and broadcasters.

The program map lists the tracks. The duration is the time between the first and the last picture or
sound, read from both ends. ISO/IEC 13818-1 §2.4.3 (packets), §2.4.4 (tables).
"""

from collections.abc import Collection, Iterator

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media.media_facts import Kind, Media, Track
from chalicelib.processors.media.media_file import MediaFile
from chalicelib.processors.media.mpeg import picture, timestamps

HEAD = 1024 * 1024  # bytes at the beginning
TAIL = 1024 * 1024
_SYNC = 0x47
_PACKET = 188
_SIZES = ((188, 0), (192, 4), (204, 0))  # of a packet, and the offset of its sync byte
_STREAMS: dict[int, tuple[Kind, str]] = {
    0x01: ("video", "mpeg1video"), 0x02: ("video", "mpeg2video"), 0x10: ("video", "mpeg4"),
    0x1B: ("video", "h264"), 0x24: ("video", "hevc"), 0xEA: ("video", "vc1"),
    0x03: ("audio", "mp2"), 0x04: ("audio", "mp2"), 0x0F: ("audio", "aac"),
    0x11: ("audio", "aac"), 0x80: ("audio", "pcm"), 0x81: ("audio", "ac3"),
    0x82: ("audio", "dts"), 0x83: ("audio", "truehd"), 0x84: ("audio", "eac3"),
    0x87: ("audio", "eac3"),
}  # fmt: skip
_PRIVATE = 0x06
_DESCRIPTORS = {0x6A: "ac3", 0x7A: "eac3", 0x7B: "dts", 0x7C: "aac"}  # ETSI EN 300 468 §6.2

Packet = tuple[int, bool, bytes]  # the stream's id, whether a unit begins in it, its contents


def shape(head: bytes) -> tuple[int, int] | None:
    """A packet's size, and the offset of its sync byte; None if this is no transport stream."""
    for size, begin in _SIZES:
        places = range(begin, len(head), size)
        if len(places) > 1 and all(head[place] == _SYNC for place in places[:5]):
            return size, begin
    return None


def read(file: MediaFile, media: Media) -> None:
    """Add the facts in the tables and at both ends."""
    head = file.at(0, HEAD)
    layout = shape(head)
    if layout is None:
        raise DamagedError
    packets = list(_packets(head, *layout))
    streams = _streams(packets)
    if not streams:
        raise DamagedError("Its contents are unknown: no program map is at its beginning")
    for number, (kind, codec) in streams.items():
        track = Track(kind, codec)
        if kind == "video":
            _add_size(track, packets, number)
            if not track.width:
                media.error = f"Hoist does not read the size of {codec} in this container"
        media.tracks.append(track)
    tail = list(_packets(*_end(file, layout[0])))
    films = [number for number, (kind, _) in streams.items() if kind == "video"]
    media.duration = timestamps.duration(_times(packets, streams), _times(tail, streams), films)
    if media.duration is None:
        media.error = "It does not contain its duration"


def _end(file: MediaFile, size: int) -> tuple[bytes, int, int]:
    """The last bytes, a packet's size, and the offset of the first packet in them.

    Receivers lose bytes, so packets at the end may have another alignment than those at the
    beginning.
    """
    data = file.tail(TAIL)
    return data, size, max(range(size), key=lambda begin: data[begin::size].count(_SYNC))


def _packets(data: bytes, size: int, begin: int) -> Iterator[Packet]:
    for place in range(begin, len(data) - _PACKET + 1, size):
        packet = data[place : place + _PACKET]
        if packet[0] != _SYNC:
            continue
        offset = 4
        if packet[3] & 0x20:  # an adaptation field precedes the contents
            offset += 1 + packet[4]
        if packet[3] & 0x10:
            number = int.from_bytes(packet[1:3]) & 0x1FFF
            yield number, bool(packet[1] & 0x40), packet[offset:]


def _streams(packets: list[Packet]) -> dict[int, tuple[Kind, str]]:
    """The streams of the first program whose map is there, by id."""
    maps: set[int] = set()
    for number, is_begin, contents in packets:
        section = contents[1 + contents[0] :] if is_begin and contents else b""
        if len(section) < 8:  # the header of a table
            continue
        end = min(3 + (int.from_bytes(section[1:3]) & 0xFFF) - 4, len(section) - 3)
        if number == 0:
            maps |= {
                int.from_bytes(section[place + 2 : place + 4]) & 0x1FFF
                for place in range(8, end - 3, 4)
                if any(section[place : place + 2])
            }
        elif number in maps:
            return _read_map(section, end)
    return {}


def _read_map(section: bytes, end: int) -> dict[int, tuple[Kind, str]]:
    streams = {}
    place = 12 + (int.from_bytes(section[10:12]) & 0xFFF)
    while place + 5 <= end:
        size = int.from_bytes(section[place + 3 : place + 5]) & 0xFFF
        stream = _STREAMS.get(section[place])
        if section[place] == _PRIVATE:
            stream = _stream_in(section[place + 5 : place + 5 + size])
        if stream is not None:
            streams[int.from_bytes(section[place + 1 : place + 3]) & 0x1FFF] = stream
        place += 5 + size
    return streams


def _stream_in(descriptors: bytes) -> tuple[Kind, str] | None:
    """The audio codec that a private stream's descriptors name."""
    place = 0
    while place + 2 <= len(descriptors):
        if descriptors[place] in _DESCRIPTORS:
            return "audio", _DESCRIPTORS[descriptors[place]]
        place += 2 + descriptors[place + 1]
    return None


def _add_size(track: Track, packets: list[Packet], number: int) -> None:
    data = b"".join(contents for other, _, contents in packets if other == number)
    size = None
    if track.codec in ("mpeg1video", "mpeg2video"):
        size = picture.size_of_mpeg(data)
    elif track.codec == "h264":
        size = picture.size_of_h264(data)
    track.width, track.height = size or (0, 0)


def _times(packets: list[Packet], numbers: Collection[int]) -> dict[int, list[int]]:
    """The timestamps of video and audio, by stream."""
    times: dict[int, list[int]] = {}
    for number, is_begin, contents in packets:
        if is_begin and number in numbers and contents.startswith(b"\0\0\1"):
            time = timestamps.of_packet(contents)
            if time is not None:
                times.setdefault(number, []).append(time)
    return times
