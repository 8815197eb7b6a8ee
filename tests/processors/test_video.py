import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import video
from tests.processors.iso import atom, fragment, mvhd, trak, visual
from tests.processors.reading import reader, sparse

GB = 10**9


FTYP = atom(b"ftyp", b"isom", bytes(4), b"isomavc1")
MOOV = atom(b"moov", mvhd(1000, 12_345), trak(b"soun"), trak(b"vide", 1920, 1080))
EXPECTED = {
    "container": "mp4",
    "brand": "isom",
    "duration": 12.345,
    "width": 1920,
    "height": 1080,
    "tracks": ["audio", "video"],
}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(FTYP + MOOV + atom(b"mdat", bytes(100)), id="moov first"),
        pytest.param(FTYP + atom(b"mdat", bytes(100)) + MOOV, id="moov last"),
        pytest.param(
            FTYP + struct.pack(">I4sQ", 1, b"mdat", 116) + bytes(100) + MOOV, id="64-bit size"
        ),
        pytest.param(FTYP + MOOV + struct.pack(">I4s", 0, b"mdat") + bytes(50), id="open end"),
        pytest.param(
            FTYP
            + atom(
                b"moov",
                mvhd(1000, 12_345, version=1),
                trak(b"soun"),
                trak(b"vide", 1920, 1080, version=1),
            ),
            id="version 1",
        ),
        pytest.param(
            FTYP
            + atom(
                b"moov",
                mvhd(1000, 0),
                trak(b"soun"),
                trak(b"vide", 1920, 1080),
                atom(b"mvex", atom(b"mehd", bytes(4), struct.pack(">I", 12_345))),
            ),
            id="fragmented",
        ),
    ],
)
def test_the_contents_of_a_video_are_reported(data: bytes) -> None:
    assert video.applies_to("video/mp4", len(data))
    assert video.run(reader(data, "video/mp4")) == EXPECTED


def test_quicktime_is_reported_as_mov() -> None:
    report = video.run(reader(atom(b"ftyp", b"qt  ", bytes(4)) + MOOV, "video/quicktime"))

    assert (report["container"], report["brand"]) == ("mov", "qt")


def test_an_unknown_duration_is_not_reported() -> None:
    report = video.run(reader(FTYP + atom(b"moov", mvhd(1000, 0xFFFFFFFF)), "video/mp4"))

    assert report == {"container": "mp4", "brand": "isom", "tracks": []}


def test_a_video_of_100_gb_costs_a_few_requests() -> None:
    start = len(FTYP)
    film = struct.pack(">I4sQ", 1, b"mdat", 100 * GB)
    large, reading = sparse(
        {0: FTYP, start: film, start + 100 * GB: MOOV}, start + 100 * GB + len(MOOV), "video/mp4"
    )

    assert video.run(large) == EXPECTED
    assert len(reading.requests) <= 4


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(FTYP + struct.pack(">I4s", 4, b"moov"), id="smaller than its header"),
        pytest.param(FTYP + struct.pack(">I4s", 400, b"moov"), id="beyond the end"),
        pytest.param(FTYP + struct.pack(">I4sQ", 1, b"moov", 2**64 - 1), id="64 bits beyond"),
        pytest.param(FTYP + atom(b"moov", atom(b"mvhd", b"\0")), id="cut header"),
        pytest.param(FTYP + atom(b"moov", atom(b"mvhd")), id="empty header"),
        pytest.param(FTYP + atom(b"moov", atom(b"trak", atom(b"tkhd"))), id="empty track"),
        pytest.param(FTYP + atom(b"moov", atom(b"mvex", atom(b"mehd"))), id="empty fragments"),
        pytest.param(FTYP + atom(b"free") * 20_000, id="a multitude"),
    ],
)
def test_a_damaged_video_is_an_error(data: bytes) -> None:
    report = video.run(reader(data, "video/mp4"))

    assert report["error"] == "It is damaged, or its end is missing"


@pytest.mark.parametrize("data", [FTYP, FTYP + atom(b"mdat", bytes(9)), b"\0\0\0"])
def test_a_video_without_contents_is_an_error(data: bytes) -> None:
    assert "moov" in video.run(reader(data, "video/mp4"))["error"]


@given(st.integers(0, len(FTYP + MOOV)), st.binary(max_size=40))
def test_no_bytes_make_it_fail(place: int, noise: bytes) -> None:
    whole = FTYP + MOOV
    damaged = whole[:place] + noise + whole[place + len(noise) :]

    assert "container" in video.run(reader(damaged, "video/mp4"))


@pytest.mark.parametrize(
    ("content_type", "size"),
    [("video/mp4", 0), ("audio/mp4", 5), ("image/heic", 5), ("application/octet-stream", 5)],
)
def test_it_applies_to_video_only(content_type: str, size: int) -> None:
    assert not video.applies_to(content_type, size)


def movie(*parts: bytes) -> dict[str, Any]:
    """The report on a video of one second with these tracks."""
    return video.run(reader(FTYP + atom(b"moov", mvhd(1000, 1000), *parts), "video/mp4"))


def size_of(report: dict[str, Any]) -> tuple[Any, Any, Any]:
    return report.get("width"), report.get("height"), report.get("rotation")


TURNS = [
    pytest.param((1, 0, 0, 1), (1920, 1080, None), id="upright"),
    pytest.param((0, 1, -1, 0), (1080, 1920, 90), id="right"),
    pytest.param((-1, 0, 0, -1), (1920, 1080, 180), id="upside down"),
    pytest.param((0, -1, 1, 0), (1080, 1920, 270), id="left"),
    pytest.param((-1, 0, 0, 1), (1920, 1080, None), id="mirrored"),
    pytest.param((0, 1, 1, 0), (1080, 1920, None), id="mirrored and turned"),
    pytest.param((0.00002, 1, -1, 0.00002), (1080, 1920, 90), id="with noise"),
    pytest.param((-1, 0.00002, -0.00002, -1), (1920, 1080, 180), id="upside down with noise"),
    pytest.param((0, 0.5, -0.5, 0), (1080, 1920, 90), id="scaled"),
    pytest.param((0, 0, 0, 0), (1920, 1080, None), id="empty"),
]


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize(("turn", "expected"), TURNS)
def test_a_turned_video_has_the_size_that_players_show(
    turn: tuple[float, float, float, float], expected: tuple[int, int, int | None], version: int
) -> None:
    report = movie(trak(b"vide", 1920, 1080, turn=turn, version=version))

    assert size_of(report) == expected


def test_the_movie_can_turn_all_its_tracks() -> None:
    header = mvhd(1000, 1000, turn=(0, 1, -1, 0))
    film = FTYP + atom(b"moov", header, trak(b"vide", 1920, 1080, turn=(0, 1, -1, 0)))

    assert size_of(video.run(reader(film, "video/mp4"))) == (1920, 1080, 180)


@pytest.mark.parametrize(
    ("boxes", "width"),
    [
        pytest.param([], 720, id="square pixels"),
        pytest.param([atom(b"pasp", struct.pack(">II", 64, 45))], 1024, id="wide pixels"),
        pytest.param([atom(b"pasp", struct.pack(">II", 0, 0))], 720, id="pixels without a shape"),
    ],
)
def test_a_track_without_a_size_has_that_of_its_samples(boxes: list[bytes], width: int) -> None:
    report = movie(trak(b"vide", entry=visual(b"avc1", 720, 576, *boxes)))

    assert (report["width"], report["height"], report["codec"]) == (width, 576, "h264")


def test_an_unknown_size_is_left_out() -> None:
    report = movie(trak(b"vide"))

    assert (size_of(report), report["tracks"]) == ((None, None, None), ["video"])


def test_a_track_without_a_size_is_left_out_beside_one_that_has_one() -> None:
    report = movie(trak(b"vide"), trak(b"vide", 640, 480), trak(b"soun"))

    assert (report["width"], report["tracks"]) == (640, ["video", "audio"])


def test_tracks_that_no_player_shows_do_not_give_the_size() -> None:
    cover = trak(b"vide", 1000, 1000, enabled=False, entry=visual(b"jpeg", 1000, 1000))

    assert movie(cover, trak(b"vide", 640, 480))["width"] == 640
    assert "width" not in movie(cover, trak(b"soun"))


def test_flags_do_not_count_if_no_track_is_enabled() -> None:
    assert movie(trak(b"vide", 640, 480, enabled=False))["width"] == 640


WIDE, MDAT = atom(b"wide"), atom(b"mdat", bytes(10))


@pytest.mark.parametrize(
    "before",
    [WIDE + MDAT, MDAT, atom(b"free", bytes(248)), atom(b"pnot", bytes(12)) + MDAT, b"",
     atom(b"skip") + MDAT],
)  # fmt: skip
def test_a_video_without_ftyp_is_quicktime(before: bytes) -> None:
    report = video.run(reader(before + MOOV, "video/quicktime"))

    assert report == {k: v for k, v in EXPECTED.items() if k != "brand"} | {"container": "mov"}


def test_a_ftyp_that_comes_late_counts() -> None:
    assert video.run(reader(atom(b"free", bytes(8)) + FTYP + MOOV, "video/mp4")) == EXPECTED


def compressed(movie_box: bytes, method: bytes = b"zlib") -> bytes:
    data = struct.pack(">I", len(movie_box)) + zlib.compress(movie_box)
    return atom(b"moov", atom(b"cmov", atom(b"dcom", method), atom(b"cmvd", data)))


def test_a_compressed_moov_is_read() -> None:
    report = video.run(reader(WIDE + MDAT + compressed(MOOV), "video/quicktime"))

    assert (report["container"], report["width"], report["duration"]) == ("mov", 1920, 12.345)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(compressed(compressed(MOOV)), "damaged", id="twice"),
        pytest.param(compressed(MOOV, b"lzh "), "method", id="by another method"),
        pytest.param(compressed(MOOV)[:-9] + bytes(9), "damaged", id="cut"),
        pytest.param(compressed(atom(b"free", bytes(50_000_000)) + MOOV), "damaged", id="a bomb"),
        pytest.param(atom(b"moov", atom(b"rmra", bytes(20))), "reference movie", id="a reference"),
        pytest.param(atom(b"styp", b"msdh", bytes(4)) + fragment(1, 0, [1]), "segment", id="part"),
    ],
)
def test_a_video_stored_in_another_file_is_an_error(data: bytes, error: str) -> None:
    report = video.run(reader(data, "video/quicktime"))

    assert error in report["error"]
    assert "width" not in report


def test_a_video_without_a_duration_in_its_header_has_that_of_its_longest_track() -> None:
    tracks = trak(b"vide", 640, 480, scale=600, duration=1500), trak(b"soun", scale=8, duration=16)
    film = FTYP + atom(b"moov", mvhd(1000, 0), *tracks)

    assert video.run(reader(film, "video/mp4"))["duration"] == 2.5


def fragmented(*behind: bytes, duration: int = 0) -> dict[str, Any]:
    """The report on a video with one track of 1,000 units a second, and these boxes behind it."""
    track = trak(b"vide", 640, 480, number=7, scale=1000)
    header = mvhd(1000, duration) + track + atom(b"mvex", atom(b"trex", bytes(24)))
    return video.run(reader(FTYP + atom(b"moov", header) + b"".join(behind), "video/mp4"))


def index(units: int, size: int) -> bytes:
    return atom(b"sidx", struct.pack(">IIIIIHHIII", 0, 7, 1000, 0, 0, 0, 1, size, units, 0))


LAST = fragment(7, 4000, [500, 500, 250])


@pytest.mark.parametrize(
    ("behind", "duration"),
    [
        pytest.param([fragment(7, 0, [1000]), LAST], 5.25, id="by the last fragment"),
        pytest.param([fragment(7, 3000, [1000]), LAST], 2.25, id="it does not begin at zero"),
        pytest.param([index(9000, len(LAST)), LAST], 9.0, id="by an index of all"),
        pytest.param([index(9000, len(LAST)), LAST, LAST], 1.25, id="an index of a part does not"),
        pytest.param([LAST, LAST[:-20]], 1.25, id="the end is cut off"),
    ],
)
def test_fragments_give_the_duration(behind: list[bytes], duration: float) -> None:
    assert fragmented(*behind)["duration"] == duration


def test_a_duration_of_the_first_fragment_only_is_ignored() -> None:
    assert fragmented(fragment(7, 0, [1000]), LAST, duration=1000)["duration"] == 5.25


def test_fragments_without_times_have_no_duration_but_an_error() -> None:
    report = fragmented(atom(b"moof", atom(b"mfhd", bytes(8))) + MDAT)

    assert report["error"] == "It is fragmented and does not contain its duration"
    assert (report["width"], "duration" in report) == (640, False)


def test_a_fragmented_video_of_100_gb_costs_a_few_requests() -> None:
    track = trak(b"vide", 640, 480, number=7, scale=1000)
    header = atom(b"moov", mvhd(1000, 0), track, atom(b"mvex", atom(b"trex", bytes(24))))
    start = FTYP + header + fragment(7, 0, [1000])
    large, reading = sparse({0: start, 100 * GB - len(LAST): LAST}, 100 * GB, "video/mp4")

    assert video.run(large)["duration"] == 5.25
    assert len(reading.requests) <= 5


@pytest.mark.parametrize("brand", [b"crx ", b"heic", b"heix", b"mif1", b"avif", b"jp2 "])
def test_a_still_image_is_not_a_video(brand: bytes) -> None:
    picture = atom(b"ftyp", brand, bytes(4), b"isom") + bytes(100)

    assert video.run(reader(picture, "video/mp4")) == {}


@pytest.mark.parametrize(
    "content_type", ["video/x-mjpeg", "video/webm", "video/mp2t", "application/mxf"]
)
@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0\0\x10JFIF", b"const a = 1;\n", b"G"])
def test_bytes_that_are_not_a_video_have_no_report(data: bytes, content_type: str) -> None:
    assert video.run(reader(data, content_type)) == {}
