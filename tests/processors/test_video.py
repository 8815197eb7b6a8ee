import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import video
from tests.processors.reading import reader, sparse

GB = 10**9


def atom(name: bytes, *contents: bytes) -> bytes:
    data = b"".join(contents)
    return struct.pack(">I4s", 8 + len(data), name) + data


def mvhd(scale: int, duration: int, *, version: int = 0) -> bytes:
    times = struct.pack(">QQIQ" if version else ">IIII", 0, 0, scale, duration)
    return atom(b"mvhd", bytes([version, 0, 0, 0]), times, bytes(80))


def trak(kind: bytes, width: int = 0, height: int = 0, *, version: int = 0) -> bytes:
    before = bytes(84 if version else 72)
    size = struct.pack(">II", width << 16, height << 16)
    header = atom(b"tkhd", bytes([version, 0, 0, 0]), before, size)
    return atom(b"trak", header, atom(b"mdia", atom(b"hdlr", bytes(8), kind, bytes(12))))


FTYP = atom(b"ftyp", b"isom", bytes(4), b"isomavc1")
MOOV = atom(b"moov", mvhd(1000, 12_345), trak(b"soun"), trak(b"vide", 1920, 1080))
TOLD = {
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
def test_a_film_tells_its_contents(data: bytes) -> None:
    assert video.applies_to("video/mp4", len(data))
    assert video.run(reader(data, "video/mp4")) == TOLD


def test_quicktime_is_called_by_its_name() -> None:
    found = video.run(reader(atom(b"ftyp", b"qt  ", bytes(4)) + MOOV, "video/quicktime"))

    assert (found["container"], found["brand"]) == ("mov", "qt")


def test_a_duration_that_is_not_known_is_not_told() -> None:
    found = video.run(reader(FTYP + atom(b"moov", mvhd(1000, 0xFFFFFFFF)), "video/mp4"))

    assert found == {"container": "mp4", "brand": "isom", "tracks": []}


def test_a_film_of_100_gb_costs_a_few_requests() -> None:
    start = len(FTYP)
    film = struct.pack(">I4sQ", 1, b"mdat", 100 * GB)
    large, seen = sparse(
        {0: FTYP, start: film, start + 100 * GB: MOOV}, start + 100 * GB + len(MOOV), "video/mp4"
    )

    assert video.run(large) == TOLD
    assert len(seen.requests) <= 4


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
def test_a_damaged_film_says_so(data: bytes) -> None:
    found = video.run(reader(data, "video/mp4"))

    assert found["error"] == "It is damaged, or its end is missing"


@pytest.mark.parametrize("data", [FTYP, FTYP + atom(b"mdat", bytes(9)), b"\0\0\0"])
def test_a_film_without_contents_says_so(data: bytes) -> None:
    assert "moov" in video.run(reader(data, "video/mp4"))["error"]


@given(st.integers(0, len(FTYP + MOOV)), st.binary(max_size=40))
def test_no_bytes_make_it_fail(place: int, noise: bytes) -> None:
    whole = FTYP + MOOV
    damaged = whole[:place] + noise + whole[place + len(noise) :]

    assert "container" in video.run(reader(damaged, "video/mp4"))


@pytest.mark.parametrize(("content_type", "size"), [("video/mp4", 0), ("video/webm", 5)])
def test_it_applies_to_its_containers_only(content_type: str, size: int) -> None:
    assert not video.applies_to(content_type, size)
