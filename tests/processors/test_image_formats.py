"""The formats whose sizes are read, each with the variants in its specification."""

import struct

import pytest

from chalicelib.processors import image
from tests.processors import images
from tests.processors.images import box, fits, png
from tests.processors.reading import reader


def icon(kind: int, *sides: tuple[int, int], data: bytes = b"") -> bytes:
    """An ICO or CUR; all its entries point to `data` behind them."""
    offset = 6 + 16 * len(sides)
    entries = [struct.pack("<BBBBHHII", *side, 0, 0, 1, 32, len(data), offset) for side in sides]
    return struct.pack("<HHH", 0, kind, len(sides)) + b"".join(entries) + data + bytes(40)


def exr(*attributes: tuple[bytes, bytes, bytes]) -> bytes:
    contents = (
        name + b"\0" + kind + b"\0" + struct.pack("<I", len(value)) + value
        for name, kind, value in attributes
    )
    return b"v/1\1\2\0\0\0" + b"".join(contents) + b"\0"


def window(name: bytes, *sides: int) -> tuple[bytes, bytes, bytes]:
    return name, b"box2i", struct.pack("<iiii", *sides)


CHANNELS = (b"channels", b"chlist", b"R\0" + bytes(17))
BMP = b"BM" + bytes(12)
FLIF = b"FLIF\x31\x31"
CODESTREAM = b"\xff\x4f\xff\x51" + struct.pack(">HHIIII", 41, 0, 700, 500, 60, 20) + bytes(20)
RADIANCE = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n"
SMALL_ICONS = b"is32" + struct.pack(">I", 8) + b"ic09" + struct.pack(">I", 8)
TGA = bytes([0, 0, 2]) + bytes(9) + struct.pack("<HHBB", 640, 480, 24, 0)
DJVU = (
    b"AT&TFORM\0\0\0\x20DJVUINFO\0\0\0\x0a" + struct.pack(">HH", 480, 640) + b"\x18\0\x2c\1\x16\5"
)
KTX = b"\xabKTX 11\xbb\r\n\x1a\n"
FORMATS = [
    pytest.param("gif", b"GIF87a" + struct.pack("<HH", 640, 480) + bytes(3), id="GIF"),
    pytest.param("webp", images.webp(640, 480), id="WebP"),
    pytest.param(
        "mng", b"\x8aMNG\r\n\x1a\n" + images.chunk(b"MHDR", struct.pack(">II", 640, 480)), id="MNG"
    ),
    pytest.param("bmp", BMP + struct.pack("<IHH", 12, 640, 480) + bytes(8), id="BMP of OS/2"),
    pytest.param("bmp", BMP + struct.pack("<Iii", 124, 640, -480) + bytes(112), id="BMP, top down"),
    pytest.param("dib", struct.pack("<IiiHH", 40, 640, 480, 1, 24) + bytes(24), id="DIB"),
    pytest.param("ico", icon(1, (16, 16), (0, 0), data=png(640, 480)), id="ICO with a PNG"),
    pytest.param(
        "psd", b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 480, 640, 8, 3), id="PSD"
    ),
    pytest.param(
        "psd", b"8BPS\0\2" + bytes(6) + struct.pack(">HIIHH", 3, 480, 640, 8, 3), id="PSB"
    ),
    pytest.param("xcf", b"gimp xcf v011\0" + struct.pack(">III", 640, 480, 0), id="XCF"),
    pytest.param("dds", b"DDS " + struct.pack("<4I", 124, 0x1007, 480, 640) + bytes(108), id="DDS"),
    pytest.param(
        "ktx",
        KTX + struct.pack("<I", 0x04030201) + bytes(20) + struct.pack("<II", 640, 480),
        id="KTX",
    ),
    pytest.param(
        "ktx",
        KTX + struct.pack(">I", 0x04030201) + bytes(20) + struct.pack(">II", 640, 480),
        id="KTX, other order",
    ),
    pytest.param(
        "ktx", b"\xabKTX 20\xbb\r\n\x1a\n" + struct.pack("<IIII", 37, 1, 640, 480), id="KTX 2"
    ),
    pytest.param("exr", exr(CHANNELS, window(b"displayWindow", 0, 0, 639, 479)), id="EXR"),
    pytest.param(
        "exr",
        exr(window(b"dataWindow", -10, -10, 700, 500), window(b"displayWindow", 10, 10, 649, 489)),
        id="EXR, larger data",
    ),
    pytest.param("exr", exr(window(b"dataWindow", 0, 0, 639, 479)), id="EXR, data only"),
    pytest.param("qoi", b"qoif" + struct.pack(">IIBB", 640, 480, 3, 0), id="QOI"),
    pytest.param("farbfeld", b"farbfeld" + struct.pack(">II", 640, 480), id="Farbfeld"),
    pytest.param("sun", b"Y\xa6j\x95" + struct.pack(">II", 640, 480), id="Sun raster"),
    pytest.param("sgi", b"\1\xda\1\1" + struct.pack(">HHHH", 3, 640, 480, 3), id="SGI"),
    pytest.param(
        "pcx", b"\n\5\1\x08" + struct.pack("<HHHH", 5, 5, 644, 484) + bytes(116), id="PCX"
    ),
    pytest.param("flif", FLIF + bytes([0x84, 0x7F, 0x83, 0x5F]), id="FLIF"),
    pytest.param("bpg", b"BPG\xfb\0\0" + bytes([0x85, 0x00, 0x83, 0x60]), id="BPG"),
    pytest.param("djvu", DJVU, id="DjVu, turned"),
    pytest.param("blp", b"BLP2" + bytes(8) + struct.pack("<II", 640, 480), id="BLP"),
    pytest.param("xwd", struct.pack(">6I", 100, 7, 2, 24, 640, 480), id="XWD"),
    pytest.param(
        "emf", struct.pack("<II4i4i", 1, 88, 0, 0, 639, 479, 0, 0, 9, 9) + b" EMF", id="EMF"
    ),
    pytest.param(
        "wmf", b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<hhhhH", 0, 0, 9600, 7200, 1440), id="WMF"
    ),
    pytest.param("pnm", b"P1 #c\n640#d\n# e\r480\n0 1", id="PBM, comments"),
    pytest.param("pnm", b"P3\n640 480\n255\n", id="PPM"),
    pytest.param("pfm", b"PF\n640 480\n-1.0\n", id="PFM"),
    pytest.param("pam", b"P7\n# c\nHEIGHT 480\nWIDTH 640\nDEPTH 1\nENDHDR\n", id="PAM"),
    pytest.param("xbm", b"/* c */\n#define a_width 640\n#define a_height 480\nstatic", id="XBM"),
    pytest.param("xpm", b'/* XPM */\nstatic char *a[] = {\n"640 480 2 1",\n', id="XPM"),
    pytest.param("hdr", RADIANCE + b"-Y 480 +X 640\n", id="Radiance"),
    pytest.param("hdr", b"#?RGBE\n\n+X 640 -Y 480\n", id="Radiance, by columns"),
    pytest.param("im", b"Image type: L\r\nImage size (x*y): 640*480\r\n", id="IM"),
    pytest.param(
        "fits",
        fits("SIMPLE  =   T", "NAXIS   =  2", "NAXIS1  = 640 / columns", "NAXIS2  = 480"),
        id="FITS",
    ),
    pytest.param(
        "fits",
        fits("SIMPLE  =   T", "NAXIS   =   0")
        + fits("XTENSION= 'IMAGE   '", "NAXIS   =  2", "NAXIS1  = 640", "NAXIS2  = 480"),
        id="FITS, in an extension",
    ),
    pytest.param(
        "fits",
        fits("SIMPLE  =   T", "NAXIS   =   0")
        + fits(
            "XTENSION= 'BINTABLE'",
            "NAXIS   =  2",
            "NAXIS1  = 8",
            "TFIELDS =  1",
            "ZNAXIS1 = 640",
            "ZNAXIS2 = 480",
        ),
        id="FITS, compressed",
    ),
    pytest.param("jp2", CODESTREAM, id="JPEG 2000, naked"),
    pytest.param(
        "jp2", box(b"ftyp", b"jp2 ") + box(b"jp2c", CODESTREAM), id="JPEG 2000, no header"
    ),
    pytest.param("jpeg", images.jpeg(640, 480).replace(b"\xff\xc0", b"\xff\xf7"), id="JPEG-LS"),
]


@pytest.mark.parametrize(("name", "data"), FORMATS)
def test_the_size_of_each_format_is_reported(name: str, data: bytes) -> None:
    assert image.run(reader(data, "image/any")) == {"format": name, "width": 640, "height": 480}


@pytest.mark.parametrize(("name", "data"), FORMATS)
def test_each_format_truncated_has_an_error_or_its_size(name: str, data: bytes) -> None:
    for end in range(1, min(len(data), 400)):
        part = image.run(reader(data[:end], "image/any"))

        assert "width" not in part or part == {"format": name, "width": 640, "height": 480}, end


@pytest.mark.parametrize(
    ("sample", "size"),
    [
        pytest.param(images.WEBP_LOSSY, (64, 48), id="WebP, lossy"),
        pytest.param(images.WEBP_LOSSLESS, (64, 48), id="WebP, lossless"),
        pytest.param(images.JP2, (64, 48), id="JPEG 2000"),
        pytest.param(images.JXL, (64, 48), id="JPEG XL in a container"),
        pytest.param(images.JXL_NAKED, (137, 101), id="JPEG XL, naked"),
        pytest.param(images.JXR, (64, 48), id="JPEG XR"),
    ],
)
def test_the_size_of_images_by_real_programs_is_reported(
    sample: bytes, size: tuple[int, int]
) -> None:
    part = image.run(reader(sample, "image/any"))

    assert (part.get("width"), part.get("height")) == size


@pytest.mark.parametrize(
    ("entries", "size"),
    [
        pytest.param([(16, 16), (48, 48), (32, 32)], (48, 48), id="the largest"),
        pytest.param([(48, 48), (0, 0)], (256, 256), id="0 stands for 256"),
    ],
)
@pytest.mark.parametrize(("kind", "name"), [(1, "ico"), (2, "cur")])
def test_the_size_of_an_icon_is_that_of_its_largest_image(
    kind: int, name: str, entries: list[tuple[int, int]], size: tuple[int, int]
) -> None:
    part = image.run(reader(icon(kind, *entries), "image/vnd.microsoft.icon"))

    assert part == {"format": name, "width": size[0], "height": size[1]}


def test_the_size_of_an_apple_icon_is_that_of_its_largest_image() -> None:
    data = b"icns" + struct.pack(">I", 8 + len(SMALL_ICONS)) + SMALL_ICONS

    assert image.run(reader(data, "image/icns")) == {"format": "icns", "width": 512, "height": 512}


def test_the_size_of_an_animated_cursor_is_that_of_its_first_frame() -> None:
    data = b"RIFF\0\0\0\0ACONanih" + bytes(40) + b"icon" + bytes(4) + icon(2, (48, 32))

    assert image.run(reader(data, "image/x-ani")) == {"format": "ani", "width": 48, "height": 32}


@pytest.mark.parametrize("kind", [1, 2, 3, 9, 10, 11])
def test_a_tga_is_read_because_its_type_says_so(kind: int) -> None:
    has_map = kind in (1, 9)
    header = bytes([7, has_map, kind]) + struct.pack("<HHB", 0, 256 * has_map, 24 * has_map)
    data = header + struct.pack("<HHHHBB", 0, 0, 640, 480, 8, 0) + bytes(99)

    assert image.run(reader(data, "image/x-tga")) == {"format": "tga", "width": 640, "height": 480}


def test_a_tga_that_begins_like_a_cursor_is_a_tga() -> None:
    part = image.run(reader(TGA + bytes(99), "image/x-tga"))

    assert part == {"format": "tga", "width": 640, "height": 480}


def test_other_bytes_under_the_tga_type_are_an_error() -> None:
    part = image.run(reader(b"hello, this is no image", "image/x-tga"))

    assert part == {"format": "tga", "error": "Its header is not a TGA header"}


def test_a_wbmp_is_read_because_its_type_says_so() -> None:
    data = bytes([0, 0, 0x85, 0x00, 0x83, 0x60]) + bytes(9)

    assert image.run(reader(data, "image/vnd.wap.wbmp")) == {
        "format": "wbmp", "width": 640, "height": 480,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("dxf", b"  0\nSECTION\n  2\nHEADER\n"),
        ("dxf", b"999\nmade by hand\n  0\r\nSECTION\r\n"),
        ("dwg", b"AC1032\0\0"),
        ("fig", b"#FIG 3.2\nLandscape\n"),
        ("eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    ],
)
def test_a_drawing_reports_that_it_has_no_size_in_pixels(name: str, data: bytes) -> None:
    part = image.run(reader(data, "image/any"))

    assert part == {"format": name, "error": "It is a drawing, which has no size in pixels"}


class Bits:
    """A bit writer for JPEG XL: the lowest bit of each byte comes first."""

    def __init__(self) -> None:
        self.bits = self.count = 0

    def put(self, value: int, count: int) -> "Bits":
        self.bits |= value << self.count
        self.count += count
        return self

    def bytes(self) -> bytes:
        return b"\xff\x0a" + self.bits.to_bytes(self.count // 8 + 1, "little") + bytes(8)


SELECTED = {9: 0, 13: 1, 18: 2, 30: 3}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("length", SELECTED)
def test_jpeg_xl_is_turned_by_its_codestream(length: int, orientation: int) -> None:
    bits = Bits().put(0, 1).put(SELECTED[length], 2).put(480 - 1, length).put(0, 3)
    bits.put(SELECTED[length], 2).put(499, length).put(0, 1).put(1, 1).put(orientation - 1, 3)
    naked = bits.bytes()
    parts = (
        box(b"jxlp", bytes(4), naked[:3]),
        box(b"Exif", bytes(4), images.exif(6)),
        box(b"jxlp", b"\x80\0\0\1", naked[3:]),
    )
    size = (480, 500) if orientation > 4 else (500, 480)
    contents = {"format": "jxl", "width": size[0], "height": size[1]}

    assert image.run(reader(naked, "image/jxl")) == contents
    start = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl ")
    assert image.run(reader(start + b"".join(parts), "image/jxl")) == contents


@pytest.mark.parametrize(
    ("ratio", "width"), [(1, 120), (2, 144), (3, 160), (4, 180), (5, 213), (6, 150), (7, 240)]
)
def test_jpeg_xl_may_store_a_ratio_instead_of_a_width(ratio: int, width: int) -> None:
    small = Bits().put(1, 1).put(120 // 8 - 1, 5).put(ratio, 3).put(1, 1)

    assert image.run(reader(small.bytes(), "image/jxl")) == {
        "format": "jxl", "width": width, "height": 120,
    }  # fmt: skip
