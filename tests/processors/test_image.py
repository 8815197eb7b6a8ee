import json
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import image
from chalicelib.reader import OutOfTime
from tests.processors.reading import reader, sparse

UNTOLD = {"error": "Its header does not tell its size"}
SCAN = b"\xff\xda\0\2"
BEGINNINGS = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"P5\n", b"II*\0"]


def png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + crc


def jpeg(width: int, height: int, *, before: int = 0) -> bytes:
    """With `before` bytes of profiles and previews in front of the size."""
    data = b"\xff\xd8"
    while before > 0:
        length = min(before, 65533)
        data += b"\xff\xe2" + struct.pack(">H", length + 2) + bytes(length)
        before -= length
    return data + b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 3) + bytes(3) + SCAN


def box(name: bytes, *contents: bytes) -> bytes:
    data = b"".join(contents)
    return struct.pack(">I4s", 8 + len(data), name) + data


def heif(brand: bytes, width: int, height: int, *, turned: int = 0, more: bytes = b"") -> bytes:
    """Turned by `turned` times 90 degrees, with `more` in its `meta`."""
    size = box(b"ispe", bytes(4), struct.pack(">II", width, height))
    used = box(b"ipma", bytes(4), struct.pack(">IHBBB", 1, 1, 2, 1, 2))
    properties = box(b"iprp", box(b"ipco", size, box(b"irot", bytes([turned]))), used)
    primary = box(b"pitm", bytes(4), b"\0\1")
    meta = box(b"meta", bytes(4), box(b"hdlr", bytes(8), b"pict"), primary, properties, more)
    return box(b"ftyp", brand, bytes(4), b"mif1") + meta + box(b"mdat", bytes(400_000))


def turned_jpeg(width: int, height: int) -> bytes:
    """A camera held upright says so in its Exif."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\1" + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    return jpeg(width, height).replace(
        b"\xff\xc0", b"\xff\xe1" + struct.pack(">H", 2 + len(exif)) + exif + b"\xff\xc0"
    )


IMAGES = [
    pytest.param(png(640, 480), "image/png", id="PNG"),
    pytest.param(jpeg(640, 480), "image/jpeg", id="JPEG"),
    pytest.param(jpeg(640, 480, before=300_000), "image/jpeg", id="JPEG after its previews"),
    pytest.param(b"GIF89a" + struct.pack("<HH", 640, 480) + bytes(3), "image/gif", id="GIF"),
    pytest.param(
        b"RIFF\x1a\0\0\0WEBPVP8X\n\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0", "image/webp", id="WebP"
    ),
    pytest.param(b'<svg xmlns="x" width="640" height="480"></svg>', "image/svg+xml", id="SVG"),
    pytest.param(
        b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 640, 480, 1, 24) + bytes(24),
        "image/bmp",
        id="BMP",
    ),
    pytest.param(heif(b"avif", 640, 480), "image/avif", id="AVIF"),
    pytest.param(heif(b"heic", 640, 480), "image/heic", id="HEIC"),
    pytest.param(heif(b"heic", 480, 640, turned=1), "image/heic", id="HEIC upright"),
    pytest.param(turned_jpeg(480, 640), "image/jpeg", id="JPEG upright"),
]


@pytest.mark.parametrize(("data", "content_type"), IMAGES)
def test_an_image_tells_its_size(data: bytes, content_type: str) -> None:
    assert image.applies_to(content_type, len(data))
    assert image.run(reader(data, content_type)) == {"width": 640, "height": 480}


@pytest.mark.parametrize(("data", "content_type"), IMAGES)
def test_an_image_that_ends_early_says_so_or_tells_its_size(data: bytes, content_type: str) -> None:
    for end in range(1, len(data), max(1, len(data) // 50)):
        found = image.run(reader(data[:end], content_type))

        assert found in (
            UNTOLD,
            {"width": 640, "height": 480},
        )


@given(
    st.sampled_from(BEGINNINGS),
    st.binary(),
)
def test_no_header_makes_it_fail(beginning: bytes, rest: bytes) -> None:
    found = image.run(reader(beginning + rest, "image/png"))

    assert found.keys() in ({"error"}, {"width", "height"})


@pytest.mark.parametrize("beginning", [b"\xff\xd8\xff\xe0", b"P5\n#", b"<svg "])
def test_an_endless_header_is_not_followed(beginning: bytes) -> None:
    endless, seen = sparse({0: beginning}, 10**12, "image/any")

    assert image.run(endless) == UNTOLD
    assert sum(size for _, size in seen.requests) <= image.MAX_HEADER


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'<svg width="' + b"9" * 400 + b'" height="5">', id="SVG"),
        pytest.param(b"P5\n" + b"9" * 4000 + b" 5\n255\n", id="PGM"),
        pytest.param(b"P5\n" + b"9" * 100_000 + b" 5\n255\n", id="PGM, longer"),
    ],
)
def test_a_side_that_no_image_has_is_not_told(data: bytes) -> None:
    assert image.run(reader(data, "image/any")) == UNTOLD


def test_broken_pixels_are_rounded() -> None:
    data = b'<svg width="10mm" height="0.2">'

    assert json.dumps(image.run(reader(data, "image/svg+xml"))) == '{"width": 38, "height": 1}'


def test_places_without_end_take_little_memory() -> None:
    places = b"".join(struct.pack(">HHH", number, 0, 0xFFFF) for number in range(20))
    hostile = heif(b"avif", 640, 480, more=box(b"iloc", bytes(6), struct.pack(">H", 20), places))
    tracemalloc.start()
    try:
        found = image.run(reader(hostile, "image/avif"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found == {"width": 640, "height": 480}
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize(("data", "content_type"), IMAGES)
def test_an_image_of_100_gb_costs_a_few_requests(data: bytes, content_type: str) -> None:
    large, seen = sparse({0: data}, 10**11, content_type)

    assert image.run(large) == {"width": 640, "height": 480}
    assert len(seen.requests) <= 2
    assert max(size for _, size in seen.requests) <= 256 * 1024


def test_an_image_is_not_looked_at_when_time_is_over() -> None:
    with pytest.raises(OutOfTime):
        image.run(reader(png(1, 1), "image/png", patience=0))


@pytest.mark.parametrize(("content_type", "size"), [("image/png", 0), ("text/plain", 5)])
def test_it_applies_to_images_only(content_type: str, size: int) -> None:
    assert not image.applies_to(content_type, size)
