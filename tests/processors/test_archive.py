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
