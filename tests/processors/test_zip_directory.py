import io
import struct
import zipfile
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import archive
from chalicelib.processors.archive.zip import zip_layout
from tests.processors.archives import FILES, GB, MIB, ZIP, zipped
from tests.processors.reading import reader, sparse


@given(
    st.dictionaries(
        st.text(
            st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20
        ),
        st.binary(max_size=20),
        max_size=8,
    )
)
def test_a_zip_is_listed_as_python_lists_it(files: dict[str, bytes]) -> None:
    data = zipped(files)
    with zipfile.ZipFile(io.BytesIO(data)) as expected:
        entries = expected.infolist()

    report = archive.run(reader(data, ZIP))

    assert report["names"] == [entry.orig_filename for entry in entries]
    assert report["expanded_size"] == sum(entry.file_size for entry in entries)


def test_a_zip_of_100_gb_with_many_entries_costs_a_few_requests() -> None:
    numbers = (45, 45, 0, 0, 0, 0, 0, 5, 0xFFFFFFFF, 8, 12, 0, 0, 0, 0)
    entry = struct.pack("<4s6H3I5HI", b"PK\1\2", *numbers)
    count = 50_000
    directory = b"".join(
        entry + struct.pack("<I8sHHQ", 50 * number, b"%08d" % number, 1, 8, 5 * GB)
        for number in range(count)
    )
    at = 100 * GB
    end = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), at)
    end += struct.pack("<4sIQI", b"PK\6\7", 0, at + len(directory), 1)
    end += struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    data = directory + end
    large, reading = sparse({at: data}, at + len(data), ZIP)

    report = archive.run(large)

    assert (report["entries"], report["expanded_size"]) == (count, count * 5 * GB)
    assert report["names"][:2] == ["00000000", "00000001"]
    assert report["suspicious"] == "It expands to 2499 times its size"
    assert len(reading.requests) <= 3 + len(directory) // MIB + 1


def end_64(
    data: bytes,
    *,
    more: bytes = b"",
    between: bytes = b"",
    before: bytes = b"",
    is_spare: bool = True,
) -> bytes:
    """A ZIP with a 64-bit end record: `more` in it, `between` it and its locator."""
    at = data.rfind(b"PK\5\6")
    *_, entries, size, offset, comment = struct.unpack("<4s4H2IH", data[at : at + 22])
    record = struct.pack(
        "<4sQ2H2I4Q", b"PK\6\6", 44 + len(more), 45, 45, 0, 0, entries, entries, size, offset
    )
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, at, 1)
    numbers = (
        (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF) if is_spare else (entries, entries, size, offset)
    )
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, *numbers, comment)
    return before + data[:at] + record + more + between + locator + end + data[at + 22 :]


SPECIAL = struct.pack("<HI", 0x1234, 4) + b"abcd"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(end_64(zipped(FILES)), id="the shortest"),
        pytest.param(end_64(zipped(FILES), more=SPECIAL), id="with special data"),
        pytest.param(end_64(zipped(FILES), more=b"PK\6\6" * 20), id="with marks in special data"),
        pytest.param(end_64(zipped(FILES), more=bytes(70_000)), id="with much special data"),
        pytest.param(end_64(zipped(FILES), between=bytes(9)), id="with bytes before its locator"),
        pytest.param(end_64(zipped(FILES), is_spare=False), id="with numbers in both ends"),
        pytest.param(
            end_64(zipped(FILES), more=SPECIAL, before=b"#!/bin/sh\n"), id="after a program"
        ),
        pytest.param(
            end_64(zipped(FILES, comment=b"x" * 0xFFFF), more=SPECIAL), id="with a comment"
        ),
        pytest.param(end_64(zipped(FILES), more=SPECIAL) + bytes(100), id="before zeros"),
        pytest.param(zipped(FILES) + bytes(70_000), id="32 bits, before many zeros"),
    ],
)
def test_each_form_of_the_end_record_is_read(data: bytes) -> None:
    report = archive.run(reader(data, ZIP))

    assert report == {
        "format": "zip", "entries": 3, "expanded_size": 1005, "names": list(FILES),
        "encrypted": False, "complete": True,
    }  # fmt: skip


def test_an_empty_zip_has_no_entries() -> None:
    report = archive.run(reader(zipped({}), ZIP))

    assert (report["entries"], report["complete"]) == (0, True)


def with_names(names: Sequence[bytes], *, system: int = 0, extra: bytes = b"") -> bytes:
    """A ZIP with these names as bytes, without the UTF-8 flag."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive_file:
        for index, name in enumerate(names):
            entry = zipfile.ZipInfo(f"{index:02}".ljust(len(name), "#"))
            entry.create_system, entry.extra = system, extra
            archive_file.writestr(entry, b"hi")
    data = packed.getvalue()
    for index, name in enumerate(names):
        data = data.replace(f"{index:02}".ljust(len(name), "#").encode(), name)
    return data


def unicode_path(name: str, raw: bytes, *, version: int = 1) -> bytes:
    data = name.encode()
    return struct.pack("<HHBL", 0x7075, 5 + len(data), version, zlib.crc32(raw)) + data


@pytest.mark.parametrize(
    ("raw", "extra", "name", "encoding"),
    [
        pytest.param("Größe 写真.txt".encode(), b"", "Größe 写真.txt", None, id="UTF-8"),
        pytest.param("Gro\u0308ße".encode(), b"", "Gro\u0308ße", None, id="UTF-8 of macOS"),
        pytest.param(
            b"???.txt", unicode_path("写真.txt", b"???.txt"), "写真.txt", None, id="field"
        ),
        pytest.param(b"b.txt", unicode_path("写真.txt", b"a.txt"), "b.txt", None, id="old field"),
        pytest.param(
            b"a.txt", unicode_path("写真", b"a.txt", version=2), "a.txt", None, id="unknown field"
        ),
        pytest.param(
            b"???.txt",
            struct.pack("<HHI", 0x5455, 4, 0) + unicode_path("写真.txt", b"???.txt"),
            "写真.txt",
            None,
            id="field after another",
        ),
        pytest.param("Größe.txt".encode("cp437"), b"", "Größe.txt", "cp437", id="DOS"),
        pytest.param("日本語.txt".encode("cp932"), b"", "日本語.txt", "shift_jis", id="Japanese"),
    ],
)
def test_a_name_is_decoded(raw: bytes, extra: bytes, name: str, encoding: str | None) -> None:
    report = archive.run(reader(with_names([raw], extra=extra), ZIP))

    assert report["names"] == [name]
    assert report.get("names_encoding") == encoding
    assert "suspicious" not in report


def test_an_invalid_name_under_the_utf_8_flag_is_in_a_code_page() -> None:
    data = bytearray(with_names(["Größe.txt".encode("cp437")]))
    data[6 + 1] |= 8
    data[data.rindex(b"PK\1\2") + 8 + 1] |= 8

    assert archive.run(reader(bytes(data), ZIP))["names"] == ["Größe.txt"]


def test_names_of_two_systems_are_each_decoded() -> None:
    names = ["Größe.txt".encode(), "Öl.txt".encode("cp437"), "übung.txt".encode("cp437")]

    report = archive.run(reader(with_names(names), ZIP))

    assert report["names"] == ["Größe.txt", "Öl.txt", "übung.txt"]


def test_names_by_unix_are_in_the_code_page_of_its_locale() -> None:
    report = archive.run(reader(with_names(["Ä.txt".encode("latin-1")], system=3), ZIP))

    assert (report["names"], report["names_encoding"]) == (["Ä.txt"], "cp1252")


def test_sizes_that_do_not_fit_are_in_the_extra_field() -> None:
    data = zipped({"a": b"hello"})
    at = data.find(b"PK\1\2")
    entry = bytearray(data[at : at + 47])
    struct.pack_into("<2I", entry, 20, 5, 0xFFFFFFFF)
    struct.pack_into("<H", entry, 30, 12 + 6)
    entry += struct.pack("<HHH", 0x5455, 2, 0) + struct.pack("<HHQ", 1, 8, 5 * GB)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(entry), at, 0)

    assert archive.run(reader(data[:at] + entry + end, ZIP))["expanded_size"] == 5 * GB


def entry_at(place: int, name: bytes, size: int) -> bytes:
    numbers = (20, 20, 0, 0, 0, 0, 0, size, size, len(name), 0, 0, 0, 0, 0, place)
    return struct.pack("<4s6H3I5H2I", b"PK\1\2", *numbers) + name


def with_list(data: bytes, entries: Sequence[bytes], *, entry_count: int | None = None) -> bytes:
    """These bytes with a central directory after them."""
    listed = b"".join(entries)
    count = len(entries) if entry_count is None else entry_count
    return (
        data
        + listed
        + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(listed), len(data), 0)
    )


def test_more_entries_than_a_record_of_32_bits_counts_are_all_counted() -> None:
    entries = [entry_at(40 * number, b"%05d" % number, 0) for number in range(65_537)]

    report = archive.run(reader(with_list(bytes(40 * 65_537), entries, entry_count=1), ZIP))

    assert (report["entries"], report["complete"]) == (65_537, True)
    assert "suspicious" not in report


TWO = zipped({"a": b"x" * 500, "b": b"y" * 500})
DATA = TWO[: TWO.find(b"PK\1\2")]
SECOND = DATA.rfind(b"PK\3\4")
A, B = entry_at(0, b"a", 500), entry_at(SECOND, b"b", 500)


@pytest.mark.parametrize(
    ("data", "doubt"),
    [
        pytest.param(with_list(DATA, [A, A]), zip_layout.OVERLAP, id="one entry twice"),
        pytest.param(
            with_list(DATA, [B, entry_at(0, b"a", 900)]), zip_layout.OVERLAP, id="overlapping"
        ),
        pytest.param(
            with_list(DATA, [A, entry_at(SECOND, b"c", 500)]),
            zip_layout.OTHER_NAME,
            id="other name",
        ),
        pytest.param(with_list(DATA, [A]), zip_layout.HIDDEN, id="not in the list"),
        pytest.param(with_list(DATA, [B]), zip_layout.HIDDEN, id="first not in the list"),
        pytest.param(
            zipped({"a": b"x"}) + zipped({"b": b"y"}), zip_layout.HIDDEN, id="two archives"
        ),
        pytest.param(
            with_list(DATA, [A, B], entry_count=1),
            "Its end record counts 1 entries",
            id="other number",
        ),
        pytest.param(
            with_list(DATA, [A, entry_at(SECOND + 3, b"b", 400)]),
            zip_layout.NOT_THERE,
            id="nowhere",
        ),
        pytest.param(
            with_list(DATA, [A, entry_at(SECOND, b"a", 500)]), zip_layout.TWICE, id="one name"
        ),
        pytest.param(
            with_list(DATA, [A, entry_at(9 * GB & 0xFFFF, b"b", 3 * GB)]),
            zip_layout.OVERLAP,
            id="huge",
        ),
    ],
)
def test_an_archive_with_two_readings_is_suspicious(data: bytes, doubt: str) -> None:
    report = archive.run(reader(data, ZIP))

    assert doubt in report["suspicious"]
    assert report["complete"] is True


def test_two_end_records_that_differ_are_suspicious() -> None:
    data = bytearray(end_64(zipped(FILES), is_spare=False))
    data[data.rfind(b"PK\5\6") + 10] = 2

    assert "two end records" in archive.run(reader(bytes(data), ZIP))["suspicious"]


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


def test_a_streamed_zip_is_not_suspicious() -> None:
    """The data descriptors are not hidden entries."""
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive_file:
        for name, data in FILES.items():
            archive_file.writestr(name, data)

    report = archive.run(reader(pipe.getvalue(), ZIP))

    assert (report["entries"], report["complete"]) == (3, True)
    assert "suspicious" not in report


TYPES = b'<Types><Override ContentType="application/vnd.ms-office.%s" PartName="/x"/></Types>'
ODT = b"application/vnd.oasis.opendocument.text"


@pytest.mark.parametrize(
    ("files", "has_macros"),
    [
        ({"[Content_Types].xml": b"", "word/vbaProject.bin": b""}, True),
        ({"[Content_Types].xml": b"", "elsewhere/VBAPROJECT.BIN": b""}, True),
        ({"[Content_Types].xml": TYPES % b"vbaProject", "word/x.bin": b""}, True),
        ({"[Content_Types].xml": (TYPES % b"vbaProject").decode().encode("utf-16")}, True),
        ({"[Content_Types].xml": b"application/vnd.ms-excel.macrosheet+xml"}, True),
        ({"[Content_Types].xml": TYPES % b"other", "word/document.xml": b""}, False),
        ({"vbaProject.bin": b""}, False),
        ({"mimetype": ODT, "Basic/Standard/Module1.xml": b""}, True),
        ({"mimetype": ODT, "content.xml": b""}, False),
        ({"mimetype": b"application/epub+zip", "scripts/a.js": b""}, False),
    ],
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_macros_are_not_hidden(files: dict[str, bytes], has_macros: bool, method: int) -> None:  # noqa: FBT001
    report = archive.run(reader(zipped(files, method=method), ZIP))

    assert report.get("macros", False) is has_macros


def test_a_part_of_a_split_zip_is_an_error() -> None:
    data = bytearray(zipped(FILES))
    end = data.rfind(b"PK\5\6")
    struct.pack_into("<2H", data, end + 4, 3, 3)

    last = archive.run(reader(bytes(data), ZIP))
    first = archive.run(reader(b"PK\7\x08" + bytes(zipped(FILES)[:200]), ZIP))

    assert (last["entries"], last["error"]) == (3, "It is the last of 4 parts of a split archive")
    assert first["error"] == "It is a part of a split archive, and not the last"
    assert last["complete"] is first["complete"] is False


def test_a_zip_without_its_beginning_is_an_error() -> None:
    report = archive.run(reader(zipped(FILES)[40:], ZIP))

    assert (report["entries"], report["error"]) == (3, "Its beginning is missing")


def test_an_encrypted_list_is_an_error() -> None:
    data = bytearray(end_64(zipped(FILES), more=bytes(28)))
    record, listed = data.rfind(b"PK\6\6"), data.find(b"PK\1\2")
    struct.pack_into("<2H", data, record + 12, 62, 62)
    data[listed : listed + 4] = b"\x91\x17\x42\x99"

    report = archive.run(reader(bytes(data), ZIP))

    assert (report["encrypted"], report["error"]) == (True, "Its list of entries is encrypted")


def test_an_archive_of_macos_above_4_gib_is_not_suspicious() -> None:
    """Without 64-bit fields, offsets and sizes are modulo 4 GiB."""
    entries = [entry_at(0, b"a", 100), entry_at(100, b"b", 500)]
    data = with_list(bytes(904), entries)[904:]
    before = 4 * 1024 * MIB + 904
    large, _ = sparse({0: b"PK\3\4", before: data}, before + len(data), ZIP)

    report = archive.run(large)

    assert (report["entries"], report["complete"]) == (2, True)
    assert "suspicious" not in report
