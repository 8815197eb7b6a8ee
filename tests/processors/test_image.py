"""Tests for images of every format: their sizes, few requests, and hostile bytes."""

import random
import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import image
from chalicelib.processors.image.size import MAX_SIDE
from chalicelib.reader import OutOfTime
from tests.processors import images
from tests.processors.images import box, exif, heif, jpeg, png, segment, sides, tiff
from tests.processors.reading import reader, sparse

SVG = "image/svg+xml"
SVG_TEXT = b'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480"></svg>'
# Each has 640 x 480 pixels as shown.
IMAGES = [
    pytest.param("png", png(640, 480), id="PNG"),
    pytest.param("jpeg", jpeg(640, 480), id="JPEG"),
    pytest.param("jpeg", jpeg(640, 480, before=300_000), id="JPEG after its previews"),
    pytest.param(
        "jpeg", jpeg(480, 640, segments=segment(0xE1, b"Exif\0\0" + exif(6))), id="upright"
    ),
    pytest.param("gif", b"GIF89a" + struct.pack("<HH", 640, 480) + bytes(3), id="GIF"),
    pytest.param("webp", images.webp(640, 480), id="WebP"),
    pytest.param("svg", SVG_TEXT, id="SVG"),
    pytest.param("svg", images.svgz(SVG_TEXT), id="SVGZ"),
    pytest.param(
        "bmp", b"BM" + bytes(12) + struct.pack("<Iii", 40, 640, -480) + bytes(28), id="BMP"
    ),
    pytest.param("avif", heif(b"avif", 640, 480), id="AVIF"),
    pytest.param("heic", heif(b"heic", 640, 480), id="HEIC"),
    pytest.param("heic", heif(b"heic", 480, 640, images.irot(1)), id="HEIC upright"),
    pytest.param("tiff", tiff(sides("<", 640, 480)), id="TIFF"),
    pytest.param("tiff", tiff(sides(">", 640, 480), order=">", gap=300_000), id="TIFF at its end"),
    pytest.param("pnm", b"P6\n# made by hand\n640 480\n255\n" + bytes(9), id="PPM"),
]


@pytest.mark.parametrize(("name", "data"), IMAGES)
def test_format_and_size_of_an_image_are_reported(name: str, data: bytes) -> None:
    assert image.applies_to("image/any", len(data))
    assert image.run(reader(data, "image/any")) == {"format": name, "width": 640, "height": 480}


@pytest.mark.parametrize(("name", "data"), IMAGES)
def test_a_truncated_image_has_an_error_or_its_size(name: str, data: bytes) -> None:
    for end in range(1, len(data), max(1, len(data) // 100)):
        part = image.run(reader(data[:end], "image/any"))

        assert "error" in part or part == {"format": name, "width": 640, "height": 480}, end


SMALL = [each.values[1] for each in IMAGES if len(each.values[1]) < 100_000]  # type: ignore[arg-type]


@pytest.mark.parametrize("data", SMALL)
def test_a_small_image_costs_one_request(data: bytes) -> None:
    small, reading = sparse({0: data}, len(data), "image/any")
    image.run(small)

    assert len(reading.requests) == 1


@pytest.mark.parametrize(("name", "data"), IMAGES)
def test_an_image_of_100_gb_costs_a_few_requests(name: str, data: bytes) -> None:
    large, reading = sparse({0: data}, 10**11, "image/any")

    # Bytes behind the end of a compressed file are ignored.
    assert image.run(large) == {"format": name, "width": 640, "height": 480}
    assert len(reading.requests) <= 2
    assert max(size for _, size in reading.requests) <= 256 * 1024


@given(
    st.sampled_from([each.values[1] for each in IMAGES if len(each.values[1]) < 10**5]),  # type: ignore[arg-type]
    st.randoms(),
)
def test_no_damaged_image_makes_a_reader_fail(data: bytes, chance: random.Random) -> None:
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        damaged[chance.randrange(len(damaged))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
    part = image.run(reader(bytes(damaged), "image/any"))

    assert part.keys() in ({"format", "width", "height"}, {"format", "error"}, {"error"}, set())
    assert all(0 < part[side] <= MAX_SIDE for side in ("width", "height") if side in part)


@given(
    st.sampled_from([
        b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"P5\n", b"II*\0", b"MM\0+", b"<svg ",
        b"\0\0\0\x18ftypheic", b"\xff\x0a", b"v/1\1", b"\0\0\1\0", b"icns", b"P7\n",
        b"FUJIFILMCCD-RAW", b"SIMPLE  =", b"\x1f\x8b\x08", b"RIFF\0\0\0\0WEBPVP8X",
    ]),
    st.binary(),
)  # fmt: skip
def test_no_header_makes_a_reader_fail(beginning: bytes, rest: bytes) -> None:
    part = image.run(reader(beginning + rest, "image/png"))

    assert part.keys() in ({"format", "width", "height"}, {"format", "error"}, {"error"}, set())


@pytest.mark.parametrize(
    "beginning", [b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe0\xff\xff", b"P5\n#", b"<svg ", b"<!--"]
)
def test_an_endless_header_is_not_followed(beginning: bytes) -> None:
    endless, reading = sparse({0: beginning}, 10**12, "image/any")

    assert image.run(endless).keys() == {"format", "error"}
    assert sum(size for _, size in reading.requests) <= image.MAX_HEADER


def test_segments_without_end_are_not_followed() -> None:
    endless, reading = sparse(
        {0: b"\xff\xd8" + segment(0xE2, bytes(65000)) * 100}, 10**12, "image/any"
    )

    assert image.run(endless) == {
        "format": "jpeg",
        "error": "Its size is not in its first 4194304 bytes",
    }
    assert sum(size for _, size in reading.requests) <= image.MAX_HEADER


def test_circular_directories_end() -> None:
    page = tiff({0xFE: images.long("<", 1), **sides("<", 160, 120)})
    loop = page[:-4] + struct.pack("<I", 16)

    assert image.run(reader(loop, "image/tiff"))["error"] == "Only its preview has a size"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'<svg width="' + b"9" * 400 + b'" height="5">', id="SVG"),
        pytest.param(b'<svg width="9e400" height="5" viewBox="0 0 1 1"/>', id="SVG, infinite"),
        pytest.param(b"P5\n" + b"9" * 4000 + b" 5\n255\n", id="PGM"),
        pytest.param(b"P5\n" + b"9" * 100_000 + b" 5\n255\n", id="PGM, longer"),
        pytest.param(png(0, 5), id="PNG of nothing"),
        pytest.param(
            b"\n\5\1\x08" + struct.pack("<4H", 9, 9, 0, 0) + bytes(116), id="PCX, negative"
        ),
    ],
)
def test_an_impossible_side_is_not_reported(data: bytes) -> None:
    assert image.run(reader(data, "image/any")).keys() == {"format", "error"}


def test_an_entry_with_a_count_of_a_billion_takes_little_memory() -> None:
    hostile = tiff({0xFE: images.long("<", 1), 0x14A: (4, 10**9, bytes(8)), **sides("<", 9, 9)})

    assert peak_of(hostile) < 2 * 1024 * 1024


def test_endless_associations_take_little_memory() -> None:
    uses = box(
        b"ipma", bytes(4), struct.pack(">I", 0xFFFFFFFF), b"\0\1\xff" + b"\x01" * 255 + bytes(9)
    )
    hostile = heif(b"avif", 640, 480, more=box(b"iloc", b"\xff" * 1000), used=uses * 100)

    assert peak_of(hostile) < 8 * 1024 * 1024


def peak_of(hostile: bytes) -> int:
    """The peak memory in bytes while an image is read."""
    tracemalloc.start()
    try:
        image.run(reader(hostile, "image/any"))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_video_under_an_image_type_has_no_report() -> None:
    assert image.run(reader(box(b"ftyp", b"isom", bytes(4), b"mp42"), "image/heic")) == {}


def test_an_unknown_format_is_an_error() -> None:
    part = image.run(reader(b"\x01\x02\x03\x04 something", "image/x-unknown"))

    assert part == {"error": "It is not an image of a supported format"}


def test_no_image_is_read_after_the_time_is_over() -> None:
    with pytest.raises(OutOfTime):
        image.run(reader(png(1, 1), "image/png", patience=0))


@pytest.mark.parametrize(("content_type", "size"), [("image/png", 0), ("text/plain", 5)])
def test_it_applies_to_images_only(content_type: str, size: int) -> None:
    assert not image.applies_to(content_type, size)
