"""How an image is turned: by Exif in every format that has it, and by HEIF's own properties."""

import struct
import zlib
from collections.abc import Callable

import pytest

from chalicelib.processors import image
from tests.processors import images
from tests.processors.images import (
    box,
    chunk,
    clap,
    exif,
    heif,
    irot,
    jpeg,
    long,
    png,
    riff_chunk,
    segment,
    short,
    sides,
    tiff,
    webp,
)
from tests.processors.reading import reader

HAS_EXIF = 0x08
PROFILE = b"Raw profile type exif\0"


def size_of(data: bytes) -> tuple[int | None, int | None]:
    part = image.run(reader(data, "image/any"))
    return part.get("width"), part.get("height")


def in_jpeg(order: str, orientation: int) -> bytes:
    marked = b"Exif\0\0" + exif(orientation, order=order)
    others = segment(0xE0, b"JFIF\0" + bytes(9)) + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0")
    return jpeg(120, 80, segments=others + segment(0xE1, marked))


def behind_the_frame_header(order: str, orientation: int) -> bytes:
    marked = segment(0xE1, b"Exif\0\0" + exif(orientation, order=order))
    return jpeg(120, 80).removesuffix(images.SCAN) + marked + images.SCAN


def in_png(order: str, orientation: int) -> bytes:
    return png(120, 80, chunk(b"eXIf", exif(orientation, order=order)))


def behind_the_image(order: str, orientation: int) -> bytes:
    return png(120, 80, after=chunk(b"eXIf", exif(orientation, order=order)))


def in_compressed_text(order: str, orientation: int) -> bytes:
    text = images.text_profile(b"Exif\0\0" + exif(orientation, order=order))
    return png(120, 80, chunk(b"zTXt", PROFILE + b"\0" + zlib.compress(text)))


def in_text(order: str, orientation: int) -> bytes:
    return png(
        120, 80, chunk(b"tEXt", PROFILE + images.text_profile(exif(orientation, order=order)))
    )


def in_international_text(order: str, orientation: int) -> bytes:
    text = zlib.compress(images.text_profile(exif(orientation, order=order)))
    return png(120, 80, chunk(b"iTXt", PROFILE + b"\1\0\0\0" + text))


def in_webp(order: str, orientation: int) -> bytes:
    exif_part = riff_chunk(b"EXIF", exif(orientation, order=order))
    return webp(120, 80, riff_chunk(b"VP8 ", bytes(99)), exif_part, flags=HAS_EXIF)


def in_animated_webp(order: str, orientation: int) -> bytes:
    exif_part = riff_chunk(b"EXIF", b"Exif\0\0" + exif(orientation, order=order))
    return webp(120, 80, riff_chunk(b"ANMF", bytes(99)) * 50, exif_part, flags=HAS_EXIF)


def in_tiff(order: str, orientation: int) -> bytes:
    return tiff({**sides(order, 120, 80), 0x112: short(order, orientation)}, order=order)


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "write",
    [
        in_jpeg, behind_the_frame_header, in_png, behind_the_image, in_text, in_compressed_text,
        in_international_text, in_webp, in_animated_webp, in_tiff,
    ],
)  # fmt: skip
def test_exif_turns_an_image(
    write: Callable[[str, int], bytes], order: str, orientation: int
) -> None:
    is_turned = orientation in (5, 6, 7, 8)

    assert size_of(write(order, orientation)) == ((80, 120) if is_turned else (120, 80))


def test_an_orientation_of_four_bytes_is_understood() -> None:
    exif_part = tiff({0x112: long("<", 6)})

    assert size_of(png(120, 80, chunk(b"eXIf", exif_part))) == (80, 120)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"II",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        b"Exif\0\0",
        b"xxxxxxxx" * 9,
    ],
)
def test_a_damaged_exif_turns_nothing(damaged: bytes) -> None:
    assert size_of(png(120, 80, chunk(b"eXIf", damaged))) == (120, 80)
    assert size_of(jpeg(120, 80, segments=segment(0xE1, b"Exif\0\0" + damaged))) == (120, 80)


@pytest.mark.parametrize(
    "text",
    [b"\nexif\n    9\n" + b" " * 200_000 + b"x", b"\nexif" + b" " * 200_000, b"\nexif\n 9\nabc"],
)
def test_a_damaged_profile_turns_nothing(text: bytes) -> None:
    assert size_of(png(120, 80, chunk(b"tEXt", PROFILE + text))) == (120, 80)


def test_bytes_that_look_like_a_chunk_turn_nothing() -> None:
    exif_part = chunk(b"eXIf", exif(6))

    assert size_of(png(120, 80, after=exif_part[:-1] + bytes([exif_part[-1] ^ 1]))) == (120, 80)


def test_the_first_exif_of_a_jpeg_turns_it() -> None:
    both = b"".join(segment(0xE1, b"Exif\0\0" + exif(each)) for each in (1, 6))

    assert size_of(jpeg(120, 80, segments=both)) == (120, 80)


@pytest.mark.parametrize("sample", [images.WEBP_TURNED, images.TIFF_TURNED, images.AVIF_TURNED])
def test_an_image_by_pillow_is_turned(sample: bytes) -> None:
    assert size_of(sample) == (64, 48)


@pytest.mark.parametrize("times", range(4))
def test_a_heic_is_turned_by_its_property(times: int) -> None:
    assert size_of(heif(b"heic", 120, 80, irot(times))) == ((80, 120) if times % 2 else (120, 80))


def test_exif_does_not_turn_a_heic() -> None:
    data = heif(b"heic", 120, 80, more=box(b"idat", b"Exif\0\0" + exif(6)))

    assert size_of(data) == (120, 80)


def test_properties_of_other_images_are_not_the_primary_ones() -> None:
    uses = box(b"ipma", bytes(4), struct.pack(">I", 2), b"\0\7\2\1\2", b"\0\1\1\3")
    both = (irot(1), box(b"ispe", bytes(4), struct.pack(">II", 60, 40)))

    assert size_of(heif(b"heic", 4000, 3000, *both, used=uses)) == (60, 40)


@pytest.mark.parametrize(
    "uses",
    [
        pytest.param(b"\0\0\0\0" + struct.pack(">IHB", 1, 1, 2) + b"\x01\x82", id="narrow"),
        pytest.param(b"\0\0\0\1" + struct.pack(">IHBHH", 1, 1, 2, 1, 0x8002), id="wide indices"),
        pytest.param(b"\1\0\0\0" + struct.pack(">IIB", 1, 1, 2) + b"\x01\x82", id="wide numbers"),
        pytest.param(b"\1\0\0\1" + struct.pack(">IIBHH", 1, 1, 2, 1, 0x8002), id="all wide"),
    ],
)
def test_associations_of_every_version_are_read(uses: bytes) -> None:
    assert size_of(heif(b"heic", 120, 80, irot(1), used=box(b"ipma", uses))) == (80, 120)


def test_a_clean_aperture_crops_an_image() -> None:
    assert size_of(images.HEIC_51X37) == (51, 37)


@pytest.mark.parametrize(
    ("aperture", "size"),
    [
        pytest.param((101, 1, 77, 1, -1, 2, -1, 2), (101, 77), id="one row and one column less"),
        pytest.param((100, 1, 76, 1, 0, 1, 0, 1), (100, 76), id="in the middle"),
        pytest.param((203, 2, 77, 1, 0, 1, -1, 2), (102, 77), id="half a column is rounded up"),
        pytest.param((500, 1, 500, 1, 0, 1, 0, 1), (102, 78), id="larger than the image"),
        pytest.param((50, 1, 50, 1, 40, 1, 0, 1), (36, 50), id="partly outside"),
        pytest.param((50, 0, 50, 0, 0, 1, 0, 1), (102, 78), id="impossible"),
        pytest.param((50, 1, 50, 1, 900, 1, 0, 1), (102, 78), id="outside"),
    ],
)
def test_a_clean_aperture_is_rounded_as_libheif_does(
    aperture: tuple[int, ...], size: tuple[int, int]
) -> None:
    assert size_of(heif(b"heic", 102, 78, clap(*aperture))) == size


def test_cropping_and_turning_apply_in_the_order_of_association() -> None:
    cut = clap(100, 1, 70, 1, 0, 1, 0, 1)

    assert size_of(heif(b"heic", 120, 80, cut, irot(1))) == (70, 100)
    assert size_of(heif(b"heic", 120, 80, irot(1), cut)) == (80, 70)


def test_the_size_of_a_sequence_is_that_of_its_track() -> None:
    header = box(b"tkhd", bytes(84 - 8), struct.pack(">II", 640 << 16, 480 << 16))
    plain = header[: 8 + 40] + struct.pack(">I", 1 << 16) + header[8 + 44 :]
    start = box(b"ftyp", b"msf1", bytes(4), b"hevc")

    assert size_of(start + box(b"moov", box(b"trak", plain))) == (640, 480)
    assert size_of(start + box(b"moov", box(b"trak", header))) == (480, 640)
