import bz2
import gzip
import io
import lzma
import struct
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import archive
from chalicelib.processors.archive.packed import compressed
from chalicelib.processors.archive.packed.expanding import GZIP_MARK, expand
from tests.processors.archives import FILES, GZIP, MIB, TAR, ZSTD, tarred, zstd_frame
from tests.processors.reading import Reading, reader, reader_of

XZ, BZIP2, ZSTANDARD = "application/x-xz", "application/x-bzip2", "application/zstd"
TEXT = b"".join(b"%d\n" % number for number in range(3000))


def gzipped(data: bytes, name: bytes = b"", *, system: int = 3, comment: bytes = b"") -> bytes:
    """One member with fields in its header."""
    packed = gzip.compress(data)
    flags = 4 | 8 * bool(name) | 16 * bool(comment)
    fields = struct.pack("<H", 5) + b"extra" + b"".join(f + b"\0" for f in (name, comment) if f)
    return packed[:3] + bytes([flags]) + packed[4:9] + bytes([system]) + fields + packed[10:]


def listing(data: bytes, filename: str = "a", content_type: str = GZIP) -> dict[str, Any]:
    assert archive.applies_to(content_type, len(data))
    return archive.run(reader(data, content_type, filename=filename))


@pytest.mark.parametrize(
    ("data", "filename", "name"),
    [
        pytest.param(gzip.compress(TEXT), "report.csv.gz", "report.csv", id="name without suffix"),
        pytest.param(gzip.compress(TEXT), "LOG.GZ", "LOG", id="capitals"),
        pytest.param(gzip.compress(TEXT), "image.svgz", "image.svg", id="svgz"),
        pytest.param(gzip.compress(TEXT), "data", "data", id="no suffix"),
        pytest.param(gzipped(TEXT, b"inner.txt"), "renamed.gz", "inner.txt", id="name of header"),
        pytest.param(gzipped(TEXT, "größe".encode()), "a.gz", "größe", id="name in UTF-8"),
        pytest.param(gzipped(TEXT, "größe".encode("latin-1")), "a.gz", "größe", id="in Latin-1"),
        pytest.param(gzipped(TEXT, b"a") + gzip.compress(b""), "b.gz", "a", id="two members"),
        pytest.param(gzipped(TEXT, b"a") + bytes(1000), "b.gz", "a", id="before zeros"),
        pytest.param(gzipped(TEXT, b"a") + b"garbage" * 9, "b.gz", "a", id="before garbage"),
        pytest.param(
            gzipped(TEXT[:99], b"a") + bytes(9) + gzip.compress(TEXT[99:]),
            "b",
            "a",
            id="zeros between",
        ),
    ],
)
def test_the_name_and_size_of_a_file_in_gzip_are_reported(
    data: bytes, filename: str, name: str
) -> None:
    report = listing(data, filename)
    report.pop("names_encoding", None)

    assert report == {
        "format": "gzip", "entries": 1, "expanded_size": len(TEXT), "names": [name],
        "complete": True,
    }  # fmt: skip


def test_the_comment_in_gzip_is_reported() -> None:
    assert listing(gzipped(TEXT, b"a", comment=b"made by hand"))["comment"] == "made by hand"


@pytest.mark.parametrize(
    ("data", "content_type", "kind"),
    [
        pytest.param(lzma.compress(TEXT), XZ, "xz", id="xz"),
        pytest.param(
            lzma.compress(TEXT[:10]) + bytes(8) + lzma.compress(TEXT[10:]) + bytes(4), XZ, "xz",
            id="two streams of xz",
        ),
        pytest.param(lzma.compress(TEXT, check=lzma.CHECK_NONE), XZ, "xz", id="xz, unchecked"),
        pytest.param(bz2.compress(TEXT), BZIP2, "bzip2", id="bzip2"),
        pytest.param(
            bz2.compress(TEXT[:10]) + bz2.compress(TEXT[10:]), BZIP2, "bzip2", id="two of bzip2"
        ),
        pytest.param(zstd_frame(TEXT), ZSTANDARD, "zstd", id="zstd"),
        pytest.param(zstd_frame(TEXT, checksum=b"1234"), ZSTANDARD, "zstd", id="zstd, checked"),
        pytest.param(
            zstd_frame(TEXT[:999]) + zstd_frame(TEXT[999:]), ZSTANDARD, "zstd", id="two of zstd"
        ),
    ],
)  # fmt: skip
def test_the_expanded_size_of_a_compressed_file_is_reported(
    data: bytes, content_type: str, kind: str
) -> None:
    suffix = {"xz": "xz", "bzip2": "bz2", "zstd": "zst"}[kind]

    assert listing(data, f"a.txt.{suffix}", content_type) == {
        "format": kind, "entries": 1, "expanded_size": len(TEXT), "names": ["a.txt"],
        "complete": True,
    }  # fmt: skip


def test_a_zstd_frame_without_its_size_leaves_the_expanded_size_out() -> None:
    report = listing(zstd_frame(TEXT, has_size=False), "a.tar.zst", ZSTANDARD)

    assert report == {"format": "zstd", "entries": 1, "names": ["a.tar"], "complete": True}


def test_skippable_zstd_frames_are_skipped() -> None:
    assert listing(ZSTD, "a.zst", ZSTANDARD)["expanded_size"] == 1500


@pytest.mark.parametrize(
    ("mode", "kind"), [("w:gz", "tar.gz"), ("w:bz2", "tar.bz2"), ("w:xz", "tar.xz")]
)
@pytest.mark.parametrize("content_type", [GZIP, XZ, BZIP2, TAR])
def test_a_compressed_tar_is_listed(mode: str, kind: str, content_type: str) -> None:
    report = listing(tarred(FILES, mode), "a", content_type)

    assert report == {
        "format": kind, "entries": 3, "expanded_size": 1005, "names": list(FILES),
        "complete": True,
    }  # fmt: skip


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.integers(0, 3))
def test_the_index_of_xz_has_the_size_of_its_streams(parts: list[bytes], fours: int) -> None:
    data = b"".join(lzma.compress(part) + bytes(4 * fours) for part in parts)

    assert listing(data, "a", XZ)["expanded_size"] == sum(map(len, parts))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(gzip.compress(TEXT)[:-12], id="gzip"),
        pytest.param(gzip.compress(TEXT)[:-8] + bytes(8), id="gzip with a wrong checksum"),
        pytest.param(gzip.compress(TEXT)[:12], id="a header of gzip"),
        pytest.param(bz2.compress(TEXT)[:-12], id="bzip2"),
        pytest.param(lzma.compress(TEXT)[:-12], id="xz"),
        pytest.param(lzma.compress(TEXT) + b"more", id="xz and more"),
        pytest.param(zstd_frame(TEXT)[:-12], id="zstd"),
        pytest.param(zstd_frame(TEXT) + b"more", id="zstd and more"),
        pytest.param(tarred(FILES, "w:xz")[:-100], id="tar.xz"),
    ],
)
def test_a_truncated_compressed_file_is_an_error(data: bytes) -> None:
    report = listing(data, "a.txt.gz")

    assert report["error"] == "It is damaged, or its end is missing"
    assert report["complete"] is False


@pytest.mark.parametrize(
    ("limit", "data"),
    [
        ("MAX_COUNTED", gzip.compress(bytes(10 * MIB))),
        ("MAX_COUNTED_BZIP2", bz2.compress(bytes(10 * MIB))),
    ],
)
def test_a_large_file_is_counted_up_to_a_limit(
    limit: str, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compressed, limit, 2 * MIB)

    report = listing(data)

    assert (report["expanded_size"], report["complete"]) == (2 * MIB, False)
    assert "error" not in report


def test_xz_that_needs_much_memory_reports_only_its_size() -> None:
    packed = lzma.compress(TEXT)
    # The dictionary size in the header of the block, and the checksum of that header.
    head = bytearray(packed[12:24])
    head[4] = 39
    head[8:12] = struct.pack("<I", zlib.crc32(head[:8]))
    report = listing(packed[:12] + bytes(head) + packed[24:], "a.txt.xz", XZ)

    assert report["error"] == "Expanding it needs too much memory"
    assert (report["names"], report["expanded_size"]) == (["a.txt"], len(TEXT))


def hostile_xz() -> bytes:
    """An xz file whose footer claims an index of gigabytes."""
    packed = lzma.compress(b"a")
    fields = b"\xff\xff\xff\x7f" + packed[-4:-2]
    return packed[:-12] + struct.pack("<I", zlib.crc32(fields)) + fields + b"YZ"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bz2.compress(bytes(64 * MIB)), id="bzip2"),
        pytest.param(lzma.compress(bytes(64 * MIB), preset=0), id="xz"),
        pytest.param(gzip.compress(bytes(64 * MIB)), id="gzip"),
        pytest.param(bz2.compress(b"") * 2000, id="many streams of bzip2"),
        pytest.param(gzip.compress(b"") * 3000, id="many members of gzip"),
        pytest.param(b"\x28\xb5\x2f\xfd\0\x58" + bytes(300_000), id="blocks of zstd without end"),
        pytest.param(hostile_xz(), id="index of xz"),
    ],
)
def test_a_file_that_expands_to_gigabytes_takes_little_memory(data: bytes) -> None:
    tracemalloc.start()
    try:
        archive.run(reader(data, GZIP))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 24 * MIB


def test_the_time_ends_an_endless_file() -> None:
    data = gzip.compress(b"")
    huge = Reading(lambda _, size: data * (size // len(data)), patience=3)

    report = archive.run(reader_of(huge, 10**12 // len(data) * len(data), GZIP))

    assert report["complete"] is False


def test_an_expanded_stream_only_seeks_forward() -> None:
    file = expand(reader(gzip.compress(TEXT), GZIP), GZIP_MARK)
    file.seek(10_000)

    assert file.read(10) == TEXT[10_000:10_010]
    with pytest.raises(io.UnsupportedOperation):
        file.raw.seek(0)  # type: ignore[call-arg]
