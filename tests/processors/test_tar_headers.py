import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import archive
from chalicelib.processors.archive.listing import MAX_NAME
from tests.processors.archives import GZIP, TAR, attributes, header
from tests.processors.reading import reader


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
    with tarfile.open(fileobj=packed, mode="w", format=kind) as archive_file:
        for name, times, size, type_ in files:
            # The oldest format has room for 100 bytes.
            long = 1 if kind == tarfile.USTAR_FORMAT else times
            entry = tarfile.TarInfo(
                "a" + "b" * long + name[: 20 if long == 1 else None].rstrip("/")
            )
            entry.type, entry.size = type_, size if type_ == tarfile.REGTYPE else 0
            entry.linkname = "c" * long
            archive_file.addfile(entry, io.BytesIO(bytes(size)))
    packed.seek(0)
    with tarfile.open(fileobj=packed) as read:
        expected = [(entry.name[:MAX_NAME], entry.size) for entry in read]

    report = archive.run(reader(packed.getvalue(), TAR))

    assert report["complete"] is True
    assert report["names"] == [name for name, _ in expected]
    assert report["expanded_size"] == sum(size for _, size in expected)


OLD = header("a", size=5, _257=bytes(8)) + b"hello".ljust(512, b"\0") + bytes(1024)


def test_a_tar_of_the_oldest_kind_is_detected_by_its_checksum() -> None:
    report = archive.run(reader(gzip.compress(OLD), GZIP))

    assert (report["format"], report["names"], report["expanded_size"]) == ("tar.gz", ["a"], 5)


def test_a_sparse_file_counts_with_its_expanded_size() -> None:
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

    report = archive.run(reader(data, TAR))

    assert expected == [("a", 100 * 1024**3), ("holes", 0)]
    assert (report["names"], report["expanded_size"]) == (["a", "holes"], 100 * 1024**3)
    assert report["complete"] is True


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
def test_a_damaged_tar_is_an_error(data: bytes) -> None:
    report = archive.run(reader(data, TAR))

    assert report["error"] == "It is damaged, or its end is missing"
    assert report["expanded_size"] >= 0
    assert report["complete"] is False


@pytest.mark.parametrize(
    ("encoding", "encoding_name"), [("utf-8", None), ("latin-1", "cp1252"), ("cp1251", "cp1251")]
)
@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT])
def test_a_name_is_decoded(kind: int, encoding: str, encoding_name: str | None) -> None:
    name = "Приветствие.txt" if encoding == "cp1251" else "Größenübersicht.txt"
    entry = tarfile.TarInfo(name)

    report = archive.run(reader(entry.tobuf(kind, encoding) + bytes(1024), TAR))  # type: ignore[arg-type]

    assert report["names"] == [name]
    assert report.get("names_encoding") == encoding_name


def test_an_attribute_in_the_encoding_of_its_system_is_decoded() -> None:
    name = "Größenübersicht.txt".encode("latin-1")
    records = b"21 hdrcharset=BINARY\n" + b"%d path=%b\n" % (len(name) + 9, name)

    report = archive.run(reader(attributes(records) + header("x") + bytes(1024), TAR))

    assert (report["names"], report["complete"]) == (["Größenübersicht.txt"], True)
