import itertools
import struct
import tracemalloc
import zlib
from dataclasses import replace

import pytest

from chalicelib.processors import archive
from tests.processors.archives import MIB, SEVEN_ZIPS
from tests.processors.reading import reader

SEVEN_ZIP = "application/x-7z-compressed"
NAMES = ["folder", "Grüße 😀.txt", "a.txt", "folder/b.txt"]
READABLE = ["with LZMA2", "with LZMA", "of one file a folder", "with its list as it is"]


@pytest.mark.parametrize("name", READABLE)
def test_the_entries_of_a_7z_are_listed(name: str) -> None:
    data = SEVEN_ZIPS[name]

    assert archive.applies_to(SEVEN_ZIP, len(data))
    assert archive.run(reader(data, SEVEN_ZIP)) == {
        "format": "7z", "entries": 4, "expanded_size": 1005, "names": NAMES, "encrypted": False,
        "complete": True,
    }  # fmt: skip


def test_a_7z_with_a_password_is_listed_and_reported_as_encrypted() -> None:
    report = archive.run(reader(SEVEN_ZIPS["with a password"], SEVEN_ZIP))

    assert (report["names"], report["encrypted"], report["complete"]) == (NAMES, True, True)


def test_a_7z_with_an_encrypted_list_reports_only_that() -> None:
    assert archive.run(reader(SEVEN_ZIPS["with a password for its list"], SEVEN_ZIP)) == {
        "format": "7z", "entries": 0, "names": [], "encrypted": True,
        "error": "Its list of entries is encrypted", "complete": False,
    }  # fmt: skip


def test_an_empty_7z_has_no_entries() -> None:
    report = archive.run(reader(SEVEN_ZIPS["empty"], SEVEN_ZIP))

    assert (report["entries"], report["complete"]) == (0, True)


def with_header(header: bytes) -> bytes:
    """An archive with only this list."""
    fields = struct.pack("<QQI", 0, len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(fields)) + fields + header


MANY = b"\xf0\xff\xff\xff\x7f"  # a number of 7z


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(SEVEN_ZIPS["with LZMA2"][:-1], id="cut"),
        pytest.param(SEVEN_ZIPS["with LZMA2"][:-3] + b"xyz", id="wrong checksum"),
        pytest.param(with_header(b"\1\5" + MANY), id="many files"),
        pytest.param(with_header(b"\1\4\6\0" + MANY), id="many streams"),
        pytest.param(with_header(b"\1\4\7\x0b" + MANY), id="many folders"),
        pytest.param(with_header(b"\1\4\7\x0b\1\0" + MANY), id="many coders"),
        pytest.param(with_header(b"\1\4\7\x0b\1\0\1\x10" + MANY), id="many outputs"),
        pytest.param(with_header(b"\1\4\7\x0b\1\0\1\0\x0c\xff" + b"\xff" * 8), id="no end"),
        pytest.param(with_header(b"\1\5\1\x11\5\0a\0b\0\0"), id="a name without end"),
        pytest.param(with_header(b"\1\x99"), id="an unknown part"),
        pytest.param(with_header(b"\x55"), id="an unknown list"),
        pytest.param(with_header(b"\x17\0"), id="an empty compressed list"),
    ],
)
def test_a_damaged_7z_is_an_error(data: bytes) -> None:
    report = archive.run(reader(data, SEVEN_ZIP))

    assert "error" in report
    assert report["complete"] is False


def compressed_header(method: bytes, properties: bytes, *, size: int) -> bytes:
    """A list of `size` expanded bytes, compressed by this coder."""
    coder = bytes([0x20 | len(method)]) + method + bytes([len(properties)]) + properties
    number = b"\xf0" + struct.pack("<I", size)
    return b"\x17\6\0\1\x09\1\0\7\x0b\1\0\1" + coder + b"\x0c" + number + b"\0\0"


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (compressed_header(b"\3\1\1", b"\x5d\0\0\0\xff", size=2**31), "too long"),
        (compressed_header(b"\3\4\1", b"\6\0\0\0\1", size=100), "by an unsupported method"),
        (compressed_header(b"\3\1\1", b"\xff\xff\xff\xff\xff", size=100), "damaged"),
        (compressed_header(b"\x21", b"\x28", size=8 * MIB), "damaged"),
    ],
    ids=["huge", "PPMd", "no such properties", "dictionary of 4 GiB"],
)
def test_a_list_that_cannot_be_expanded_is_an_error_and_takes_little_memory(
    header: bytes, error: str
) -> None:
    tracemalloc.start()
    try:
        report = archive.run(reader(with_header(header), SEVEN_ZIP))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert error in report["error"]
    assert peak < 24 * MIB


def test_a_list_of_very_many_folders_is_not_read() -> None:
    report = archive.run(reader(with_header(b"\1\4\7\x0b\xc1\1\0" + bytes(70_000)), SEVEN_ZIP))

    assert report["error"] == "Its list of entries is too long"


def test_the_time_ends_a_long_list() -> None:
    data = with_header(b"\1\4\6\0\xc1\1\0\x09" + b"\1" * 300_000)
    clock = itertools.count(1000, -1)
    source = replace(reader(data, SEVEN_ZIP), remaining=lambda: next(clock))

    report = archive.run(source)

    assert report["complete"] is False
    assert "error" not in report
