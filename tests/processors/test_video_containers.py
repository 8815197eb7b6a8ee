"""Video that is neither MP4 nor QuickTime: cases that the real files in `media` do not cover."""

import struct
from typing import Any

import pytest

from chalicelib.processors import video
from tests.processors.reading import reader, sparse

GB = 10**9


def run(data: bytes, content_type: str = "video/x") -> dict[str, Any]:
    return video.run(reader(data, content_type))


def element(number: int, *contents: bytes, is_open: bool = False) -> bytes:
    """An EBML element; an open one has an unknown size."""
    data = b"".join(contents)
    size = b"\x01" + b"\xff" * 7 if is_open else (1 << 56 | len(data)).to_bytes(8)
    return number.to_bytes((number.bit_length() + 7) // 8) + size + data


def number(identifier: int, value: int) -> bytes:
    return element(identifier, value.to_bytes(4))


EBML = element(0x1A45DFA3, element(0x4282, b"webm"))
INFO = element(0x1549A966, number(0x2AD7B1, 1_000_000), element(0x4489, struct.pack(">d", 9500.0)))
LIVE = element(0x1549A966, number(0x2AD7B1, 1_000_000))


def picture(*parts: bytes) -> bytes:
    size = number(0xB0, 1280) + number(0xBA, 720)
    return element(0xAE, number(0x83, 1), element(0x86, b"V_VP9"), element(0xE0, size, *parts))


SOUND = element(
    0xAE,
    number(0x83, 2),
    element(0x86, b"A_OPUS"),
    element(0xE1, element(0xB5, struct.pack(">f", 48000.0)), number(0x9F, 2)),
)


def tracks(*entries: bytes) -> bytes:
    return element(0x1654AE6B, *entries)


def cluster(time: int, *relative: int, is_open: bool = False) -> bytes:
    blocks = [element(0xA3, b"\x81", struct.pack(">h", at), bytes(20)) for at in relative]
    return element(0x1F43B675, number(0xE7, time), *blocks, is_open=is_open)


def segment(*parts: bytes) -> bytes:
    return EBML + element(0x18538067, *parts)


EXPECTED = {"container": "webm", "width": 1280, "height": 720, "codec": "vp9"}


@pytest.mark.parametrize(
    ("data", "duration"),
    [
        pytest.param(segment(INFO, tracks(picture(), SOUND)), 9.5, id="in its header"),
        pytest.param(
            EBML + element(0x18538067, LIVE, tracks(picture(), SOUND), cluster(0, 0, 40),
                           cluster(7000, 0, 40, 20, is_open=True), is_open=True),
            7.04, id="a recording in a browser",
        ),
        pytest.param(
            segment(LIVE, tracks(picture(), SOUND), cluster(7000, 0, 40))[:-30], 7.0, id="cut off"
        ),
        pytest.param(
            segment(LIVE, tracks(picture(), SOUND),
                    element(0x1F43B675, number(0xAB, 9), number(0xE7, 100),
                            element(0xA0, element(0xA1, b"\x81\0\x05")))),
            0.105, id="blocks in groups",
        ),
    ],
)  # fmt: skip
def test_the_duration_of_a_webm_is_reported(data: bytes, duration: float) -> None:
    assert run(data) == EXPECTED | {"tracks": ["video", "audio"], "duration": duration}


def test_a_webm_without_any_time_is_an_error() -> None:
    report = run(segment(LIVE, tracks(picture())))

    assert report == EXPECTED | {"tracks": ["video"], "error": "It does not contain its duration"}


def test_an_index_leads_to_tracks_behind_the_pictures() -> None:
    def seek(target: int, place: int) -> bytes:
        return element(0x4DBB, element(0x53AB, target.to_bytes(4)), number(0x53AC, place))

    start = len(element(0x114D9B74, seek(0x1654AE6B, 0)))
    pictures = cluster(0, 0)
    head = element(0x114D9B74, seek(0x1654AE6B, start + len(INFO) + len(pictures)))

    report = run(segment(head, INFO, pictures, tracks(picture())))

    assert report == EXPECTED | {"tracks": ["video"], "duration": 9.5}


@pytest.mark.parametrize(
    ("parts", "size"),
    [
        pytest.param([number(0x54B0, 1440), number(0x54BA, 720)], (1440, 720), id="shown larger"),
        pytest.param(
            [number(0x54B0, 4), number(0x54BA, 3), number(0x54B2, 3)], (960, 720), id="a shape"
        ),
        pytest.param(
            [number(0x54B0, 10), number(0x54BA, 9), number(0x54B2, 1)], (1280, 720), id="in cm"
        ),
        pytest.param(
            [element(0x7670, element(0x7675, struct.pack(">f", -90.0)))], (720, 1280), id="turned"
        ),
    ],
)
def test_matroska_has_the_size_that_players_show(parts: list[bytes], size: tuple[int, int]) -> None:
    report = run(segment(INFO, tracks(picture(*parts))))

    assert (report["width"], report["height"]) == size


def test_matroska_with_audio_only_has_no_video_track() -> None:
    report = run(segment(INFO, tracks(SOUND)), "video/matroska")

    assert report == {"container": "webm", "tracks": ["audio"], "duration": 9.5}


def test_a_recording_of_100_gb_costs_a_few_requests() -> None:
    start = EBML + element(0x18538067, is_open=True) + LIVE + tracks(picture())
    start += element(0x1F43B675, is_open=True)[:12]
    end = cluster(3_600_000, 0, 40)
    large, reading = sparse({0: start, 100 * GB - len(end): end}, 100 * GB, "video/webm")

    assert video.run(large)["duration"] == 3600.04
    assert len(reading.requests) <= 3


def chunk(name: bytes, *contents: bytes) -> bytes:
    data = b"".join(contents)
    return name + struct.pack("<I", len(data)) + data


def test_the_duration_of_a_large_avi_includes_all_its_parts() -> None:
    stream = struct.pack("<4s4s12xII4xI", b"vids", b"XVID", 1, 25, 100)
    pictures = chunk(
        b"LIST",
        b"strl",
        chunk(b"strh", stream),
        chunk(b"strf", struct.pack("<Iii4x4s", 40, 720, -576, b"XVID")),
    )
    whole = chunk(b"LIST", b"odml", chunk(b"dmlh", struct.pack("<I", 250_000)))
    header = chunk(b"avih", struct.pack("<I12xI20x", 40_000, 100))
    data = chunk(b"RIFF", b"AVI ", chunk(b"LIST", b"hdrl", header, pictures, whole))

    assert run(data, "video/x-msvideo") == {
        "container": "avi",
        "width": 720,
        "height": 576,
        "codec": "mpeg4",
        "tracks": ["video"],
        "duration": 10_000.0,
    }


def packet(identifier: int, payload: bytes, *, begins: bool = True) -> bytes:
    """A packet of a transport stream, padded by its adaptation field."""
    stuffing = 183 - len(payload)
    field = bytes([stuffing]) + (b"\0" + b"\xff" * (stuffing - 1) if stuffing else b"")
    return bytes([0x47, begins << 6 | identifier >> 8, identifier & 0xFF, 0x30]) + field + payload


def table(identifier: int, number_: int, contents: bytes) -> bytes:
    head = struct.pack(">BH", identifier, 0xB000 | 5 + len(contents) + 4)
    return b"\0" + head + struct.pack(">HBBB", number_, 0xC1, 0, 0) + contents + bytes(4)


def pes(seconds: float, data: bytes = b"") -> bytes:
    ticks = round(seconds * 90_000) % (1 << 33)
    time = (0x21 | ticks >> 29 & 14) << 32 | (ticks >> 15 & 0x7FFF) << 17 | 1 << 16
    time |= (ticks & 0x7FFF) << 1 | 1
    return b"\0\0\1\xe0\0\0\x80\x80\5" + time.to_bytes(5) + data


PROGRAM = packet(0, table(0, 1, struct.pack(">HH", 1, 0xE100)))
PROGRAM += packet(
    0x100,
    table(2, 1, struct.pack(">HHBHHBHHBBB", 0xE101, 0xF000, 2, 0xE101, 0xF000, 6, 0xE102,
                            0xF003, 0x6A, 1, 0)),
)  # fmt: skip
SEQUENCE = b"\0\0\1\xb3\x2d\x02\x40\x33" + bytes(8)


@pytest.mark.parametrize("begin", [10.0, 2**33 / 90_000 - 5], ids=["plain", "times begin anew"])
@pytest.mark.parametrize("before", [b"", bytes(4)], ids=["broadcast", "camera"])
def test_a_transport_stream_of_20_gb_costs_a_few_requests(before: bytes, begin: float) -> None:
    def stream(*packets: bytes) -> bytes:
        return b"".join(before + packets[i] for i in range(len(packets)))

    size = len(before) + 188
    start = stream(PROGRAM[:188], PROGRAM[188:], packet(0x101, pes(begin, SEQUENCE)))
    start += stream(*[packet(0x101, b"", begins=False)] * 10)
    end = stream(packet(0x101, pes(begin + 3599.96)), packet(0x101, pes(begin + 3600)))
    whole = 20 * GB // size * size
    large, reading = sparse({0: start, whole - len(end): end}, whole, "video/mp2t")

    assert video.run(large) == {
        "container": "mpegts",
        "width": 720,
        "height": 576,
        "codec": "mpeg2video",
        "tracks": ["video", "audio"],
        "duration": 3600.04,
    }
    assert len(reading.requests) <= 5


def test_a_transport_stream_without_a_program_is_an_error() -> None:
    report = run((b"G\x40\x11\x10" + bytes(184)) * 5, "video/mp2t")

    assert report["container"] == "mpegts"
    assert "no program map" in report["error"]


def test_a_codec_whose_size_is_not_read_is_an_error() -> None:
    contents = struct.pack(">HHBHH", 0xE101, 0xF000, 0x24, 0xE101, 0xF000)
    program = PROGRAM[:188] + packet(0x100, table(2, 1, contents))

    report = run(program + packet(0x101, pes(1)) * 4, "video/mp2t")

    assert (report["codec"], "width" in report) == ("hevc", False)
    assert report["error"] == "Hoist does not read the size of hevc in this container"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(EBML, id="no segment"),
        pytest.param(segment(INFO), id="no tracks"),
        pytest.param(EBML + b"\x18\x53\x80\x67\xff" + bytes(9), id="not an element"),
        pytest.param(EBML + element(0x18538067, element(0xEC) * 20_000), id="a multitude"),
        pytest.param(b"RIFF\0\0\0\0AVI ", id="an AVI of nothing"),
        pytest.param(b"FLV\1\5\0\0\0\x09" + bytes(4), id="an FLV of nothing"),
        pytest.param(b"\0\0\1\xba" + bytes(99), id="a pack of nothing"),
        pytest.param(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(99), id="ASF"),
    ],
)
def test_a_damaged_video_is_an_error(data: bytes) -> None:
    report = run(data)

    assert "error" in report
    assert "width" not in report
