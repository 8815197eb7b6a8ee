import pytest

from chalicelib.processors import archive
from tests.processors.archives import AR, ar_member
from tests.processors.reading import reader

DEB = "application/vnd.debian.binary-package"
MARK = b"!<arch>\n"


def test_the_members_of_a_debian_package_are_listed() -> None:
    data = MARK + ar_member(b"debian-binary", b"2.0\n") + ar_member(b"data.tar.xz", b"x" * 301)

    assert archive.applies_to(DEB, len(data))
    assert archive.run(reader(data, DEB)) == {
        "format": "ar", "entries": 2, "expanded_size": 305,
        "names": ["debian-binary", "data.tar.xz"], "complete": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        ar_member(b"/", b"symbols")
        + ar_member(b"//", b"a very long name.o/\nanother one.o/\n")
        + ar_member(b"/0", b"hello")
        + ar_member(b"/20", b"hi"),
        ar_member(b"#1/20", b"a very long name.o\0\0hello")
        + ar_member(b"#1/13", b"another one.ohi"),
    ],
    ids=["of GNU", "of BSD"],
)
def test_long_names_are_read(data: bytes) -> None:
    report = archive.run(reader(MARK + data, DEB))

    assert report["names"] == ["a very long name.o", "another one.o"]
    assert (report["expanded_size"], report["complete"]) == (7, True)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(AR[:-600], id="cut"),
        pytest.param(AR[:30], id="cut in a header"),
        pytest.param(MARK + b"x" * 60, id="no header"),
        pytest.param(
            MARK + ar_member(b"a", b"")[:48] + b"-99999".ljust(10) + b"`\n", id="negative"
        ),
        pytest.param(MARK + ar_member(b"#1/-5", b"hello"), id="negative name"),
    ],
)
def test_a_damaged_ar_says_so(data: bytes) -> None:
    report = archive.run(reader(data, DEB))

    assert report["error"] == "It is damaged, or its end is missing"
    assert report["complete"] is False
