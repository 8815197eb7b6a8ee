"""MP3, its older layers, and AAC in ADTS: audio frames without a container.

A Xing, LAME or VBRI header counts the frames. Without one, frames at the beginning, the middle and
the end show whether the bitrate is constant. If it is not, the duration is an estimate.
http://gabriel.mp3-tech.org/mp3infotag.html, ISO/IEC 11172-3 §2.4, ISO/IEC 14496-3 §1.A.2.2
"""

from dataclasses import dataclass

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media.media_facts import Media, Track
from chalicelib.processors.media.media_file import MediaFile
from chalicelib.processors.media.tags import id3

SAMPLE = 64 * 1024  # bytes at each of the places where frames are read
WHOLE = 1024 * 1024  # bytes: all frames of a smaller file are counted
_CHAIN = 3  # consecutive frames that exclude a match by chance
_RATES = (44100, 48000, 32000)
_KBITS = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_ADTS_RATES = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
)  # fmt: skip
_BITS_12 = 0xFFF


@dataclass(frozen=True, slots=True)
class Frame:
    """`size` in bytes, `samples` of each channel; `bitrate` is 0 if it is unknown."""

    codec: str
    size: int
    samples: int
    rate: int
    channels: int
    bitrate: int

    def is_like(self, other: "Frame") -> bool:
        """Whether both frames can belong to one stream."""
        return (self.codec, self.rate) == (other.codec, other.rate)


def frame_at(data: bytes, place: int) -> Frame | None:
    """The frame at an offset; None if there is none."""
    header = data[place : place + 7]
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    return _adts(header) if header[1] & 0xF6 == 0xF0 else _mpeg(header)


def _mpeg(header: bytes) -> Frame | None:
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    index, rate_index = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or index in (0, 15) or rate_index == 3:
        return None
    rate = _RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    generation = 1 if version == 3 else 2  # MPEG-1, or 2 and 2.5
    bitrate = _KBITS[generation, layer][index] * 1000
    samples = {1: 384, 2: 1152, 3: 1152 if generation == 1 else 576}[layer]
    padding = (header[2] >> 1 & 1) * (4 if layer == 1 else 1)
    size = samples // 8 * bitrate // rate + padding
    if layer == 1:
        size = 12 * bitrate // rate * 4 + padding
    channels = 1 if header[3] >> 6 == 3 else 2
    return Frame(f"mp{layer}", size, samples, rate, channels, bitrate)


def _adts(header: bytes) -> Frame | None:
    index = header[2] >> 2 & 15
    size = int.from_bytes(header[3:6]) >> 5 & 0x1FFF
    if index >= len(_ADTS_RATES) or size < 7:  # bytes of the header itself
        return None
    layout = (header[2] & 1) << 2 | header[3] >> 6
    samples = 1024 * (1 + (header[6] & 3))
    return Frame("aac", size, samples, _ADTS_RATES[index], 8 if layout == 7 else layout, 0)


def first_frame(data: bytes, like: Frame | None = None) -> int | None:
    """The offset of the first chain of frames; other bytes may precede it."""
    place = data.find(b"\xff")
    while place >= 0:
        frame, end = frame_at(data, place), place
        if frame is not None and (like is None or frame.is_like(like)):
            for _ in range(_CHAIN):
                following = frame_at(data, end)
                if following is None or not following.is_like(frame):
                    break
                end += following.size
            else:
                return place
            # In a file of very few frames, the chain may end with the file.
            if end == len(data):
                return place
        place = data.find(b"\xff", place + 1)
    return None


def matches(head: bytes) -> bool:
    """Whether a file begins with a chain of frames."""
    return frame_at(head, 0) is not None and first_frame(head) == 0


def read(file: MediaFile, media: Media) -> None:
    """Add the facts in the frames and in the tags around them."""
    start = id3.begin(file, media)
    end = id3.end(file, media)
    data = file.at(start, min(SAMPLE, end - start))
    place = first_frame(data)
    frame = None if place is None else frame_at(data, place)
    if place is None or frame is None:
        raise DamagedError("Its contents are unknown: no audio frames are at its beginning")
    # Without a container, the name of the frame format stands in its place.
    media.container = "adts" if frame.codec == "aac" else frame.codec
    track = Track("audio", frame.codec, sample_rate=frame.rate, channels=frame.channels)
    media.tracks.append(track)
    size = end - start - place
    counted = _frame_count(data[place : place + frame.size], frame)
    if counted:
        media.duration = counted * frame.samples / frame.rate
        media.bitrate = round(size * 8 / media.duration)
    else:
        _measure(file, media, frame, start + place, end)


def _frame_count(data: bytes, frame: Frame) -> int:
    """The number of frames in the encoder's header, or 0."""
    if frame.codec != "mp3":
        return 0
    for name in (b"Xing", b"Info"):
        place = data.find(name, 4, 64)
        if place >= 0 and len(data) >= place + 12 and data[place + 7] & 1:
            return int.from_bytes(data[place + 8 : place + 12])
    if data[36:40] == b"VBRI":
        return int.from_bytes(data[50:54])
    return 0


def _measure(file: MediaFile, media: Media, first: Frame, start: int, end: int) -> None:
    """Add the duration, from frames at three places, or from all of a small file."""
    size = end - start
    if size <= WHOLE:
        frames = _frames(file.at(start, size), first)
    else:
        places = (start, start + size // 2, end - SAMPLE)
        frames = [f for place in places for f in _frames(file.at(place, SAMPLE), first)]
    if not frames:
        raise DamagedError
    seconds = sum(f.samples for f in frames) / first.rate
    counted = sum(f.size for f in frames)
    is_constant = len({f.bitrate for f in frames}) == 1 and first.bitrate > 0
    media.bitrate = first.bitrate if is_constant else round(counted * 8 / seconds)
    # The rest of a large file is assumed to be like the frames at the three places.
    media.duration = seconds if size <= WHOLE else seconds * size / counted
    media.is_estimated = size > WHOLE and not is_constant


def _frames(data: bytes, like: Frame) -> list[Frame]:
    """The frames in some bytes, which may begin within a frame."""
    frames: list[Frame] = []
    place = first_frame(data, like)
    while place is not None:
        frame = frame_at(data, place)
        if frame is None or not frame.is_like(like):
            break
        frames.append(frame)
        place += frame.size
    return frames
