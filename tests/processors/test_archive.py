import gzip
import io
import json
import struct
import tarfile
import tracemalloc
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import archive
from chalicelib.processors.archive import MAX_NAME, SHOWN_NAMES
from tests.processors.reading import Reading, of, reader, sparse

MIB = 1024 * 1024
GB = 10**9
ZIP, TAR, GZIP = "application/zip", "application/x-tar", "application/gzip"


def zipped(files: dict[str, bytes], *, comment: bytes = b"", method: int = 0) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as made:
        for name, data in files.items():
            made.writestr(name, data)
        made.comment = comment
    return packed.getvalue()


def tarred(files: dict[str, bytes], mode: Any = "w") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as made:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            made.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


FILES = {"a.txt": b"hello", "folder/b.txt": b"x" * 1000, "Grüße 😀.txt": b""}
LISTED = {"entries": 3, "expanded_size": 1005, "names": list(FILES), "complete": True}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(zipped(FILES), id="stored"),
        pytest.param(zipped(FILES, method=zipfile.ZIP_DEFLATED), id="deflated"),
        pytest.param(zipped(FILES, comment=b"x" * 0xFFFF), id="with a comment"),
        pytest.param(zipped(FILES, comment=b"no PK\5\6 end" * 9), id="with a mark in its comment"),
        pytest.param(zipped(FILES) + bytes(100), id="before something else"),
        pytest.param(b"#!/bin/sh\n" + zipped(FILES), id="after a program"),
    ],
)
def test_a_zip_tells_its_entries(data: bytes) -> None:
    assert archive.applies_to(ZIP, len(data))
    found = archive.run(reader(data, ZIP))

    assert found == {"format": "zip", "encrypted": False} | LISTED


@pytest.mark.parametrize(
    ("mode", "content_type", "kind"),
    [("w", TAR, "tar"), ("w:gz", GZIP, "tar.gz"), ("w:gz", "application/x-gzip", "tar.gz")],
)
def test_a_tar_tells_its_entries(mode: str, content_type: str, kind: str) -> None:
    found = archive.run(reader(tarred(FILES, mode), content_type))

    assert found == {"format": kind} | LISTED


@pytest.mark.parametrize("data", [b"", b"hello", b"x" * 1000])
def test_gzip_that_holds_no_archive_is_gzip(data: bytes) -> None:
    assert archive.run(reader(gzip.compress(data), GZIP)) == {"format": "gzip"}


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

    found = archive.run(reader(data, ZIP))

    assert found["names"] == [entry.orig_filename for entry in entries]
    assert found["expanded_size"] == sum(entry.file_size for entry in entries)


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
            st.sampled_from([1, 90, 200]),
            st.integers(0, 1200),
            st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE]),
        ),
        max_size=6,
    )
)
def test_a_tar_is_listed_as_python_lists_it(
    kind: int, files: list[tuple[str, int, int, bytes]]
) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=kind) as made:
        for name, times, size, type_ in files:
            # The oldest of the formats has room for 100 bytes.
            long = 1 if kind == tarfile.USTAR_FORMAT else times
            entry = tarfile.TarInfo(
                "a" + "b" * long + name[: 20 if long == 1 else None].rstrip("/")
            )
            entry.type, entry.size = type_, size if type_ == tarfile.REGTYPE else 0
            entry.linkname = "c" * long
            made.addfile(entry, io.BytesIO(bytes(size)))
    packed.seek(0)
    with tarfile.open(fileobj=packed) as read:
        expected = [(entry.name[:MAX_NAME], entry.size) for entry in read]

    found = archive.run(reader(packed.getvalue(), TAR))

    assert found["complete"] is True
    assert found["names"] == [name for name, _ in expected]
    assert found["expanded_size"] == sum(size for _, size in expected)


def header(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, **at: bytes) -> bytes:
    """A header as it is, with bytes in places (`_345`), and the sum that makes it right."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.size = kind, size
    block = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    for place, data in at.items():
        start = int(place[1:])
        block[start : start + len(data)] = data
    block[148:156] = b"%06o\0 " % (256 + sum(block[:148]) + sum(block[156:]))
    return bytes(block)


def attributes(data: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    return header("x", kind, len(data)) + data + bytes(-len(data) % 512)


OLD = header("a", size=5, _257=bytes(8)) + b"hello".ljust(512, b"\0") + bytes(1024)


def test_a_tar_of_the_oldest_kind_is_known_by_its_sum() -> None:
    found = archive.run(reader(gzip.compress(OLD), GZIP))

    assert (found["format"], found["names"], found["expanded_size"]) == ("tar.gz", ["a"], 5)


def test_a_file_with_holes_counts_as_large_as_it_becomes() -> None:
    real = b"\x80" + (100 * 1024**3).to_bytes(11, "big")
    place = b"%011o\0%011o\0" % (0, 5)
    more = (place * 21).ljust(512, b"\0")
    data = (
        header("a", tarfile.GNUTYPE_SPARSE, 5, _386=place * 4, _482=b"\1", _483=real)
        + (more[:504] + b"\1").ljust(512, b"\0")
        + more[:504].ljust(512, b"\0")
        + b"hello".ljust(512, b"\0")
        + attributes(b"25 GNU.sparse.name=holes\n")
        + header("b", size=0)
        + bytes(1024)
    )
    with tarfile.open(fileobj=io.BytesIO(data)) as read:
        expected = [(entry.name, entry.size) for entry in read]

    found = archive.run(reader(data, TAR))

    assert expected == [("a", 100 * 1024**3), ("holes", 0)]
    assert (found["names"], found["expanded_size"]) == (["a", "holes"], 100 * 1024**3)
    assert found["complete"] is True


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(header("a", _124=b"\xff" * 12), id="negative size"),
        pytest.param(header("a", _124=b"\xff" * 10 + b"\xfe\0") * 2, id="its own next"),
        pytest.param(attributes(b"11 size=-5\n") + header("a"), id="negative attribute"),
        pytest.param(attributes(b"12 size=1e9\n") + header("a"), id="no number"),
        pytest.param(attributes(b"9" * 4000), id="no record"),
        pytest.param(attributes(b"0 path=a\n") + header("a"), id="record without length"),
        pytest.param(attributes(b"10 path=a\n"), id="nothing after attributes"),
        pytest.param(header("a", size=512), id="no contents"),
        pytest.param(header("a") + b"x" * 512, id="no header"),
        pytest.param(header("a") + header("b")[:100], id="half a header"),
        pytest.param(attributes(b"9" * 128 * 1024), id="digits that a search would get lost in"),
        pytest.param(header("x", tarfile.XHDTYPE) * 5000 + header("a", size=1), id="a long chain"),
    ],
)
def test_a_damaged_tar_says_so(data: bytes) -> None:
    found = archive.run(reader(data, TAR))

    assert found["error"] == "It is damaged, or its end is missing"
    assert found["expanded_size"] >= 0
    assert found["complete"] is False


def test_a_zip_of_100_gb_with_many_entries_costs_a_few_requests() -> None:
    numbers = (45, 45, 0, 0, 0, 0, 0, 5, 0xFFFFFFFF, 8, 12, 0, 0, 0, 0, 0)
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", *numbers)
    count = 50_000
    directory = b"".join(
        entry + b"%08d" % number + struct.pack("<HHQ", 1, 8, 5 * GB) for number in range(count)
    )
    at = 100 * GB
    end = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), at)
    end += struct.pack("<4sIQI", b"PK\6\7", 0, at + len(directory), 1)
    end += struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    data = directory + end
    large, seen = sparse({at: data}, at + len(data), ZIP)

    found = archive.run(large)

    assert (found["entries"], found["expanded_size"]) == (count, count * 5 * GB)
    assert found["names"][:2] == ["00000000", "00000001"]
    assert found["suspicious"] == "It expands to 2499 times its size"
    assert len(seen.requests) <= 3 + len(directory) // MIB + 1


def test_a_zip_bomb_is_called_suspicious() -> None:
    data = zipped({"zeros": bytes(10 * MIB)}, method=zipfile.ZIP_DEFLATED)

    assert "times its size" in archive.run(reader(data, ZIP))["suspicious"]


def test_names_that_lead_out_are_counted() -> None:
    data = zipped(dict.fromkeys(["../a", "/etc/b", "c/../../d", "C:\\e", "fine/..x", "f"], b""))

    assert archive.run(reader(data, ZIP))["unsafe_names"] == 4


def test_an_encrypted_zip_says_so() -> None:
    data = bytearray(zipped({"a": b"b"}))
    data[data.rindex(b"PK\1\2") + 8] |= 1

    assert archive.run(reader(bytes(data), ZIP))["encrypted"] is True


def test_a_long_list_of_long_names_is_cut() -> None:
    data = zipped({"ü" * 200 + str(number): b"" for number in range(100)})

    found = archive.run(reader(data, ZIP))

    assert (found["entries"], len(found["names"])) == (100, SHOWN_NAMES)
    assert {len(name) for name in found["names"]} == {MAX_NAME}


WHOLE = [
    pytest.param(zipped(FILES), ZIP, id="zip"),
    pytest.param(tarred(FILES), TAR, id="tar"),
    pytest.param(tarred(FILES, "w:gz"), GZIP, id="tar.gz"),
]


@pytest.mark.parametrize(("data", "content_type"), WHOLE)
def test_an_archive_that_ends_early_never_fails(data: bytes, content_type: str) -> None:
    for end in range(1, len(data), 7):
        found = archive.run(reader(data[:end], content_type))

        assert json.dumps(found)
        assert content_type != ZIP or "error" in found


def test_a_truncated_zip_says_so() -> None:
    found = archive.run(reader(zipped(FILES)[:-30], ZIP))

    assert found["error"] == "It is damaged, or its end is missing"
    assert found["complete"] is False


def test_a_tar_whose_last_file_is_cut_says_so() -> None:
    found = archive.run(reader(tarred({"a": b"x" * 1000, "b": b"y" * 1000})[:2548], TAR))

    assert found["error"] == "It is damaged, or its end is missing"
    assert found["names"] == ["a", "b"]


@pytest.mark.parametrize(("data", "content_type"), WHOLE)
@given(place=st.integers(0, 3000), noise=st.binary(min_size=1, max_size=30))
def test_no_damage_makes_it_fail(data: bytes, content_type: str, place: int, noise: bytes) -> None:
    at = place % len(data)
    damaged = data[:at] + noise + data[at + len(noise) :]

    assert json.dumps(archive.run(reader(damaged, content_type)))


def hostile_tar() -> bytes:
    """Its header claims 10 GiB of attributes."""
    entry = tarfile.TarInfo("a")
    entry.type, entry.size = tarfile.XHDTYPE, 10 * 1024**3
    return entry.tobuf(tarfile.PAX_FORMAT)


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        pytest.param(hostile_tar() + bytes(4 * MIB), TAR, id="tar"),
        pytest.param(gzip.compress(hostile_tar() + bytes(64 * MIB)), GZIP, id="tar.gz"),
        pytest.param(gzip.compress(bytes(64 * MIB)), GZIP, id="gzip bomb"),
        pytest.param(
            gzip.compress(tarred({"a": b""})[:512] + tarred({"b": bytes(64 * MIB)})),
            GZIP,
            id="bomb",
        ),
        pytest.param(
            gzip.compress(
                b"".join(
                    attributes(b"3000011 %06d=" % n + b"v" * 2999995 + b"\n", tarfile.XGLTYPE)
                    for n in range(20)
                )
                + header("a")
            ),
            GZIP,
            id="attributes of all",
        ),
        pytest.param(
            gzip.compress(
                attributes(b"".join(b"12 %06d=\n\n" % n for n in range(300_000))) + header("a")
            ),
            GZIP,
            id="many attributes",
        ),
        pytest.param(
            gzip.compress(
                header("a", tarfile.GNUTYPE_SPARSE, _482=b"\1")
                + (b"00000000001\0" * 42 + b"\1").ljust(512, b"\0") * 50_000
            ),
            GZIP,
            id="holes without end",
        ),
    ],
)
def test_what_claims_to_be_huge_takes_little_memory(data: bytes, content_type: str) -> None:
    huge = Reading(lambda offset, size: data[offset : offset + size].ljust(size, b"\0"))
    size = len(data) if content_type == GZIP else 20 * GB
    tracemalloc.start()
    try:
        archive.run(of(huge, size, content_type))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 24 * MIB


def test_an_archive_that_is_not_listed_in_time_says_how_far_it_came() -> None:
    files = {str(number): bytes(200_000) for number in range(20)}

    found = archive.run(reader(tarred(files), TAR, patience=5))

    assert found["complete"] is False
    assert 0 < found["entries"] < 20
    assert "error" not in found


@pytest.mark.parametrize(("content_type", "size"), [(ZIP, 0), ("text/plain", 5)])
def test_it_applies_to_archives_only(content_type: str, size: int) -> None:
    assert not archive.applies_to(content_type, size)
