import pytest

from chalicelib.processors import archive
from tests.processors.archives import (
    FILES,
    rar_4,
    rar_4_block,
    rar_4_file,
    rar_5,
    rar_5_block,
    seven_bits,
)
from tests.processors.reading import reader

RAR = "application/vnd.rar"
MARK_5 = b"Rar!\x1a\7\1\0"
PART = "It is one part of a split archive"


@pytest.mark.parametrize("data", [rar_4(), rar_5()], ids=["version 4", "version 5"])
def test_the_entries_of_a_rar_are_listed(data: bytes) -> None:
    assert archive.applies_to(RAR, len(data))
    assert archive.run(reader(data, RAR)) == {
        "format": "rar", "entries": 3, "expanded_size": 1005, "names": list(FILES),
        "encrypted": False, "complete": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "flags", "path"),
    [
        pytest.param(b"folder\\a.txt", 0, "folder/a.txt", id="a folder"),
        pytest.param("folder\\ä".encode(), 0x200, "folder/ä", id="UTF-8"),
        pytest.param("Größe".encode("cp437"), 0, "Größe", id="a code page"),
        # After the zero byte: the page, then two bits for each character. They say that the
        # character is
        # on that page (01) or on any page (10), or that characters are copied from the plain name
        # (11).
        pytest.param(b"??.txt\0\4\x5c\x34\x30\2", 0x200, "да.txt", id="one page"),
        pytest.param(b"?.txt\0\0\xb0\x99\x51\2", 0x200, "写.txt", id="any character"),
        pytest.param(b"a.txt\0\0\xc0\x83\1", 0x200, "b/uyu", id="shifted"),
    ],
)
def test_a_name_of_version_4_is_decoded(name: bytes, flags: int, path: str) -> None:
    data = rar_4(rar_4_file(name, b"hello", flags))

    assert archive.run(reader(data, RAR))["names"] == [path]


@pytest.mark.parametrize(
    "data",
    [
        rar_4(main=0x80),
        MARK_5 + rar_5_block(4, bytes(20)) + b"nobody can read this",
    ],
    ids=["version 4", "version 5"],
)
def test_a_rar_with_an_encrypted_list_reports_only_that(data: bytes) -> None:
    assert archive.run(reader(data, RAR)) == {
        "format": "rar", "entries": 0, "names": [], "encrypted": True,
        "error": "Its list of entries is encrypted", "complete": False,
    }  # fmt: skip


def encrypted_5() -> bytes:
    record = seven_bits(1) + bytes(30)
    record = seven_bits(len(record)) + record
    body = seven_bits(len(record)) + seven_bits(0) * 2 + seven_bits(0) * 3 + b"\1a" + record
    return MARK_5 + rar_5_block(1, b"\0") + rar_5_block(2, body, flags=1) + rar_5_block(5, b"\0")


@pytest.mark.parametrize(
    "data",
    [rar_4(rar_4_file(b"a", b"hello", 4)), encrypted_5()],
    ids=["version 4", "version 5"],
)
def test_a_rar_with_a_password_is_reported_as_encrypted(data: bytes) -> None:
    report = archive.run(reader(data, RAR))

    assert (report["names"], report["encrypted"], report["complete"]) == (["a"], True, True)


@pytest.mark.parametrize("data", [rar_4(main=1), rar_5(part=1)], ids=["version 4", "version 5"])
def test_a_part_of_a_split_rar_is_an_error(data: bytes) -> None:
    report = archive.run(reader(data, RAR))

    assert (report["entries"], report["error"], report["complete"]) == (3, PART, False)


def test_a_file_that_begins_in_another_part_is_counted_there() -> None:
    data = rar_4(rar_4_file(b"a", b"hello", 1) + rar_4_file(b"b", b"hello"), main=1)

    assert archive.run(reader(data, RAR))["names"] == ["b"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(rar_5()[:-3], id="cut"),
        pytest.param(rar_5()[:60], id="cut in a header"),
        pytest.param(MARK_5 + bytes(4) + b"\xff" * 20, id="a number without end"),
        pytest.param(MARK_5 + bytes(4) + b"\xff\xff\xff\x7f\2", id="a huge header"),
        pytest.param(rar_4(b"\0" * 100), id="no block"),
        pytest.param(rar_4(rar_4_block(0x74, 0, b"")), id="an empty header"),
        pytest.param(rar_4(rar_4_file(b"a", b"hello"))[:-20], id="no contents"),
    ],
)
def test_a_damaged_rar_is_an_error(data: bytes) -> None:
    report = archive.run(reader(data, RAR))

    assert report["error"] == "It is damaged, or its end is missing"
    assert report["complete"] is False


def test_version_4_may_end_without_an_end_header() -> None:
    report = archive.run(reader(rar_4()[:-7], RAR))

    assert (report["entries"], report["complete"]) == (3, True)
