import gzip
import json
import tarfile
import tracemalloc
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import archive
from chalicelib.processors.archive.listing import MAX_NAME, SHOWN_NAMES
from tests.processors.archives import (
    AR,
    FILES,
    GB,
    GZIP,
    MIB,
    SEVEN_ZIPS,
    TAR,
    ZIP,
    ZSTD,
    attributes,
    header,
    rar_4,
    rar_5,
    tarred,
    zipped,
)
from tests.processors.reading import Reading, reader, reader_of

pytestmark = pytest.mark.slow

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
def test_the_entries_of_a_zip_are_listed(data: bytes) -> None:
    assert archive.applies_to(ZIP, len(data))
    report = archive.run(reader(data, ZIP))

    assert report == {"format": "zip", "encrypted": False} | LISTED


@pytest.mark.parametrize(
    ("mode", "content_type", "kind"),
    [("w", TAR, "tar"), ("w:gz", GZIP, "tar.gz")],
)
def test_the_entries_of_a_tar_are_listed(mode: str, content_type: str, kind: str) -> None:
    report = archive.run(reader(tarred(FILES, mode), content_type))

    assert report == {"format": kind} | LISTED


@pytest.mark.parametrize(
    "content_type",
    [
        "application/vnd.google-earth.kmz", "application/vnd.comicbook+zip", "model/vnd.usdz+zip",
        "application/x.scratch.sb3", "application/x-xpinstall", "application/epub+zip",
        "application/vnd.oasis.opendocument.text",
    ],
)  # fmt: skip
def test_a_zip_based_format_is_listed_whatever_its_type(content_type: str) -> None:
    source = replace(reader(zipped(FILES), content_type), container=ZIP)

    assert archive.run(source) == {"format": "zip", "encrypted": False} | LISTED


@pytest.mark.parametrize("content_type", [ZIP, TAR, GZIP, "application/vnd.rar"])
def test_the_bytes_choose_the_reader(content_type: str) -> None:
    assert archive.run(reader(tarred(FILES, "w:xz"), content_type))["format"] == "tar.xz"
    assert archive.run(reader(tarred(FILES), content_type))["format"] == "tar"


OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000)
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("data", "content_type"),
    [(OLE, WORD), (OLE, ZIP), (b"<html>" * 100, WORD), (b"text" * 200, "model/vnd.usdz+zip")],
)
def test_another_kind_of_document_has_no_report(data: bytes, content_type: str) -> None:
    assert archive.applies_to(content_type, len(data))
    assert archive.run(reader(data, content_type)) == {}


@pytest.mark.parametrize("content_type", [ZIP, GZIP, "application/x-7z-compressed"])
def test_other_bytes_under_an_archive_type_are_an_error(content_type: str) -> None:
    report = archive.run(reader(b"hello world " * 50, content_type))

    assert report == {"error": "It is not an archive of a supported format"}


def test_a_zip_bomb_is_suspicious() -> None:
    data = zipped({"zeros": bytes(10 * MIB)}, method=zipfile.ZIP_DEFLATED)

    assert "times its size" in archive.run(reader(data, ZIP))["suspicious"]


def test_names_that_lead_out_of_the_folder_are_counted() -> None:
    data = zipped(dict.fromkeys(["../a", "/etc/b", "c/../../d", "C:\\e", "fine/..x", "f"], b""))

    assert archive.run(reader(data, ZIP))["unsafe_names"] == 4


def test_an_encrypted_zip_is_reported_as_encrypted() -> None:
    data = bytearray(zipped({"a": b"b"}))
    data[data.rindex(b"PK\1\2") + 8] |= 1

    assert archive.run(reader(bytes(data), ZIP))["encrypted"] is True


def test_a_long_list_of_long_names_is_cut() -> None:
    data = zipped({"ü" * 200 + str(number): b"" for number in range(100)})

    report = archive.run(reader(data, ZIP))

    assert (report["entries"], len(report["names"])) == (100, SHOWN_NAMES)
    assert {len(name) for name in report["names"]} == {MAX_NAME}


WHOLE = [
    pytest.param(zipped(FILES), ZIP, id="zip"),
    pytest.param(tarred(FILES), TAR, id="tar"),
    *(
        pytest.param(tarred(FILES, f"w:{kind}"), GZIP, id=f"tar.{kind}")
        for kind in ("gz", "bz2", "xz")
    ),
    *(pytest.param(data, GZIP, id=name) for name, data in SEVEN_ZIPS.items()),
    pytest.param(rar_4(), GZIP, id="RAR 4"),
    pytest.param(rar_5(), GZIP, id="RAR 5"),
    pytest.param(ZSTD, GZIP, id="zstd"),
    pytest.param(AR, GZIP, id="ar"),
]


@pytest.mark.parametrize(("data", "content_type"), WHOLE)
def test_an_archive_that_ends_early_never_fails(data: bytes, content_type: str) -> None:
    for end in range(1, len(data), 7):
        report = archive.run(reader(data[:end], content_type))

        assert json.dumps(report)
        assert content_type != ZIP or "error" in report


def test_a_truncated_zip_is_an_error() -> None:
    report = archive.run(reader(zipped(FILES)[:-30], ZIP))

    assert report["error"] == "It is damaged, or its end is missing"
    assert report["complete"] is False


def test_a_tar_with_a_truncated_last_file_is_an_error() -> None:
    report = archive.run(reader(tarred({"a": b"x" * 1000, "b": b"y" * 1000})[:2548], TAR))

    assert report["error"] == "It is damaged, or its end is missing"
    assert report["names"] == ["a", "b"]


@pytest.mark.parametrize(("data", "content_type"), WHOLE)
@given(
    places=st.lists(st.integers(0, 30_000), min_size=1, max_size=4),
    noise=st.binary(min_size=1, max_size=9),
)
def test_no_damage_makes_it_fail(
    data: bytes, content_type: str, places: list[int], noise: bytes
) -> None:
    damaged = data
    for place in places:
        at = place % len(data)
        damaged = damaged[:at] + noise + damaged[at + len(noise) :]

    assert json.dumps(archive.run(reader(damaged, content_type)))


def hostile_tar() -> bytes:
    """A tar whose header claims 10 GiB of attributes."""
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
def test_an_archive_that_claims_to_be_huge_takes_little_memory(
    data: bytes, content_type: str
) -> None:
    huge = Reading(lambda offset, size: data[offset : offset + size].ljust(size, b"\0"))
    size = len(data) if content_type == GZIP else 20 * GB
    tracemalloc.start()
    try:
        archive.run(reader_of(huge, size, content_type))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 24 * MIB


def test_an_archive_that_runs_out_of_time_reports_the_entries_so_far() -> None:
    files = {str(number): bytes(200_000) for number in range(20)}

    report = archive.run(reader(tarred(files), TAR, patience=5))

    assert report["complete"] is False
    assert 0 < report["entries"] < 20
    assert "error" not in report


@pytest.mark.parametrize(("content_type", "size"), [(ZIP, 0), ("text/plain", 5)])
def test_it_applies_to_archives_only(content_type: str, size: int) -> None:
    assert not archive.applies_to(content_type, size)
