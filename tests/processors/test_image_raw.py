"""Raw photos: the report has the photo's size, never that of the preview."""

import struct

import pytest

from chalicelib.processors import image
from tests.processors import images
from tests.processors.images import Entries, box, exif, jpeg, long, segment, short, sides, tiff
from tests.processors.reading import reader

NEF = "image/x-nikon-nef"
ONLY_PREVIEW = "Only its preview has a size"
KIND, BELOW, EXIF_IFD, DNG_VERSION = 0xFE, 0x14A, 0x8769, 0xC612
RATIOS = struct.pack("<4I", 12000, 2, 4000, 1)  # 6000 and 4000
CROP_SIZE, ACTIVE_AREA, ORIENTATION = 0xC620, 0xC68D, 0x112


def photo(order: str, width: int, height: int, *, kind: int = 0) -> Entries:
    return {KIND: long(order, kind), **sides(order, width, height)}


def report(data: bytes, content_type: str = NEF, filename: str = "a") -> dict[str, object]:
    return image.run(reader(data, content_type, filename=filename))


def size(name: str, width: int, height: int) -> dict[str, object]:
    return {"format": name, "width": width, "height": height}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("content_type", "filename", "name"),
    [
        (NEF, "a.nef", "nef"),
        ("image/x-sony-arw", "a", "arw"),
        ("image/tiff", "DSC_1.NEF", "nef"),
        ("image/tiff", "a.tif", "tiff"),
    ],
)
def test_the_photo_is_the_image_below_that_is_not_reduced(
    order: str, content_type: str, filename: str, name: str
) -> None:
    below = [photo(order, 1620, 1080, kind=1), photo(order, 6000, 4000)]
    data = tiff({**photo(order, 160, 120, kind=1), BELOW: below}, order=order)

    assert report(data, content_type, filename) == size(name, 6000, 4000)


def test_the_first_directory_turns_the_photo() -> None:
    first = {**photo("<", 160, 120, kind=1), ORIENTATION: short("<", 8)}

    assert report(tiff({**first, BELOW: [photo("<", 6000, 4000)]})) == size("nef", 4000, 6000)


def test_the_photo_may_follow_its_preview() -> None:
    data = tiff(photo("<", 160, 120, kind=1), photo("<", 3000, 2000))

    assert report(data) == size("nef", 3000, 2000)


@pytest.mark.parametrize("kind", [1, 4, 5, 8, 0x10001, 0x10004])
def test_a_preview_a_mask_or_a_depth_map_is_not_the_photo(kind: int) -> None:
    data = tiff({**photo("<", 256, 171, kind=1), BELOW: [photo("<", 9000, 9000, kind=kind)]})

    assert report(data) == {"format": "nef", "error": ONLY_PREVIEW}


def test_a_preview_alone_is_not_reported_as_the_photo() -> None:
    assert report(tiff(photo("<", 160, 120, kind=1))) == {"format": "nef", "error": ONLY_PREVIEW}


def test_a_small_first_image_of_a_raw_photo_is_its_thumbnail() -> None:
    assert report(tiff(sides("<", 640, 480)))["error"] == ONLY_PREVIEW
    assert report(tiff(sides("<", 640, 481))) == size("nef", 640, 481)


def test_a_small_tiff_is_not_a_thumbnail() -> None:
    assert report(tiff(sides("<", 64, 48)), "image/tiff") == size("tiff", 64, 48)


def test_the_size_of_a_tiff_is_that_of_its_first_page() -> None:
    data = tiff(photo("<", 640, 480, kind=2), photo("<", 6400, 4800, kind=2))

    assert report(data, "image/tiff") == size("tiff", 640, 480)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({}, (6048, 4024), id="nothing cut off"),
        pytest.param({CROP_SIZE: long("<", 6000, 4000)}, (6000, 4000), id="crop"),
        pytest.param({CROP_SIZE: (5, 2, RATIOS)}, (6000, 4000), id="ratios"),
        pytest.param({ACTIVE_AREA: long("<", 8, 16, 4008, 6016)}, (6000, 4000), id="active area"),
        pytest.param({CROP_SIZE: long("<", 9000, 9000)}, (6048, 4024), id="impossible crop"),
        pytest.param({CROP_SIZE: (5, 2, bytes(16))}, (6048, 4024), id="crop of nothing"),
    ],
)  # fmt: skip
def test_a_dng_is_cropped_by_its_tags(more: Entries, expected: tuple[int, int]) -> None:
    first: Entries = {**photo("<", 256, 171, kind=1), DNG_VERSION: (1, 4, b"\1\4\0\0")}
    data = tiff({**first, BELOW: [{**photo("<", 6048, 4024), **more}]})

    assert report(data, "image/x-adobe-dng") == size("dng", *expected)


@pytest.mark.parametrize(
    ("in_exif", "expected"),
    [((6000, 4000), (6000, 4000)), ((1616, 1080), (6048, 4024)), ((7000, 5000), (6048, 4024))],
)
def test_exif_crops_the_borders_of_a_sensor(
    in_exif: tuple[int, int], expected: tuple[int, int]
) -> None:
    below: Entries = {0xA002: long("<", in_exif[0]), 0xA003: long("<", in_exif[1])}
    first: Entries = {**photo("<", 1616, 1080, kind=1), EXIF_IFD: [below]}
    data = tiff({**first, BELOW: [photo("<", 6048, 4024)]})

    assert report(data, "image/x-sony-arw") == size("arw", *expected)


@pytest.mark.parametrize("mark", [b"IIRO", b"IIRS"])
def test_the_size_of_an_orf_is_reported(mark: bytes) -> None:
    assert report(tiff(sides("<", 4608, 3456), mark=mark)) == size("orf", 4608, 3456)


def test_the_size_of_a_big_endian_orf_is_reported() -> None:
    assert report(tiff(sides(">", 4608, 3456), mark=b"MMOR", order=">")) == size("orf", 4608, 3456)


def canon(entries: Entries) -> bytes:
    data = tiff(entries)
    return data[:8] + b"CR\2\0" + data[12:]


def test_the_size_of_a_cr2_is_that_in_exif() -> None:
    below: Entries = {0xA002: short("<", 3456), 0xA003: short("<", 2304)}
    data = canon({**sides("<", 1536, 1024), EXIF_IFD: [below], ORIENTATION: short("<", 6)})

    assert report(data, "image/x-canon-cr2") == size("cr2", 2304, 3456)


def test_the_size_of_a_cr2_without_exif_is_that_of_its_first_image() -> None:
    assert report(canon(sides("<", 5472, 3648)), "image/tiff") == size("cr2", 5472, 3648)


def cr3(*children: bytes) -> bytes:
    return box(b"ftyp", b"crx ", bytes(4), b"crx isom") + box(b"moov", *children) + bytes(100_000)


def test_the_size_of_a_cr3_is_that_in_its_first_directory() -> None:
    first = tiff({**sides("<", 6000, 4000), ORIENTATION: short("<", 8)})
    canon_box = box(b"uuid", bytes.fromhex("85c0b687820f11e08111f4ce462b6a48"), box(b"CMT1", first))

    assert report(cr3(canon_box), "image/x-canon-cr3") == size("cr3", 4000, 6000)


def test_the_size_of_a_cr3_without_directory_is_that_of_its_largest_track() -> None:
    def track(width: int, height: int) -> bytes:
        entry = box(b"CRAW", bytes(24), struct.pack(">HH", width, height), bytes(50))
        samples = box(b"stbl", box(b"stsd", bytes(8), entry))
        return box(b"trak", box(b"mdia", box(b"minf", samples)))

    data = cr3(track(1620, 1080), track(6288, 4056), track(10, 10))

    assert report(data, "image/x-canon-cr3") == size("cr3", 6288, 4056)


def test_the_size_of_an_rw2_excludes_its_borders() -> None:
    numbers = (4816, 3464, 4, 8, 3460, 4800)
    entries: Entries = {tag: short("<", number) for tag, number in enumerate(numbers, 2)}
    data = tiff(entries, mark=b"IIU\0")

    assert report(data, "image/x-panasonic-rw2") == size("rw2", 4792, 3456)


def raf(*records: bytes, orientation: int = 1) -> bytes:
    preview = jpeg(1920, 1280, segments=segment(0xE1, b"Exif\0\0" + exif(orientation)))
    crops = struct.pack(">I", len(records)) + b"".join(records)
    place = 200 + len(preview)
    header = struct.pack(">4I", 200, len(preview), place, len(crops))
    return (b"FUJIFILMCCD-RAW ".ljust(84, b"0") + header).ljust(200, b"\0") + preview + crops


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_raf_is_turned_like_its_preview(orientation: int) -> None:
    data = raf(
        struct.pack(">HHHH", 0x100, 4, 4038, 6032),
        struct.pack(">HHHH", 0x110, 4, 10, 10),
        struct.pack(">HHHH", 0x111, 4, 4000, 6000),
        orientation=orientation,
    )
    sides_as_seen = (4000, 6000) if orientation == 6 else (6000, 4000)

    assert report(data, "image/x-fuji-raf") == size("raf", *sides_as_seen)


def test_a_raf_without_a_size_does_not_report_its_preview() -> None:
    assert report(raf(struct.pack(">HH", 0x200, 0))) == {"format": "raf", "error": ONLY_PREVIEW}


def test_the_size_of_an_mrw_is_reported() -> None:
    block = (
        b"\0PRD" + struct.pack(">I", 24) + b"21810002" + struct.pack(">4H", 2008, 3016, 2000, 3008)
    )

    assert report(b"\0MRM\0\0\0\0" + block) == size("mrw", 3008, 2000)


@pytest.mark.parametrize(("degrees", "expected"), [(0, (2268, 1512)), (90, (1512, 2268))])
def test_the_size_of_an_x3f_is_reported(degrees: int, expected: tuple[int, int]) -> None:
    data = b"FOVb" + struct.pack("<HH", 1, 2) + bytes(20) + struct.pack("<III", 2268, 1512, degrees)

    assert report(data) == size("x3f", *expected)


@pytest.mark.parametrize(
    ("name", "data"),
    [("x3f", b"FOVb\0\0\4\0" + bytes(90)), ("crw", b"II\x1a\0\0\0HEAPCCDR" + bytes(90))],
)
def test_a_raw_photo_of_an_unsupported_version_is_an_error(name: str, data: bytes) -> None:
    assert report(data).keys() == {"format", "error"}
    assert report(data)["format"] == name


def test_a_tiff_by_pillow_is_not_a_raw_photo() -> None:
    assert report(images.TIFF_TURNED, "image/tiff") == size("tiff", 64, 48)
