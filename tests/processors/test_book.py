import io
import json
import zipfile
from typing import Any

import pytest

from chalicelib.processors import MAX_RESULT_SIZE, book
from chalicelib.reader import OutOfTime
from tests.processors.reading import reader
from tests.processors.real_files import real

EPUB = "application/epub+zip"
DAMAGED = {"error": "It is damaged, or its end is missing"}
FIELDS = {"title", "chapters", "chapter_count", "error", "complete"}
UNREADABLE = {"error": "Its table of contents cannot be read"}
CONTAINER = '<container><rootfiles><rootfile full-path="O/p.opf"/></rootfiles></container>'
NAV_ITEM = '<item id="n" href="toc%201.xhtml" properties="scripted nav"/>'
NCX_ITEM = '<item id="x" href="../toc.ncx" media-type="application/x-dtbncx+xml"/>'
NAMESPACES = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf"'


def zipped(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive_file:
        for name, data in files.items():
            archive_file.writestr(name, data)
    return packed.getvalue()


def package(metadata: str = "", manifest: str = "") -> str:
    return (
        f"<package {NAMESPACES}><metadata>{metadata}</metadata>"
        f"<manifest>{manifest}</manifest></package>"
    )


def epub(opf: str, files: dict[str, str] | None = None) -> bytes:
    mimetype = {"mimetype": EPUB, "META-INF/container.xml": CONTAINER}
    return zipped({**mimetype, "O/p.opf": opf, **(files or {})})


def nav(entries: str, *, behind: str = "") -> str:
    return (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f'<body><nav epub:type="toc"><h1>Contents</h1><ol>{entries}</ol></nav>{behind}'
        "</body></html>"
    )


def ncx(points: str) -> str:
    return f"<ncx><docTitle><text>A book</text></docTitle><navMap>{points}</navMap></ncx>"


def point(title: str, inner: str = "") -> str:
    return f"<navPoint><navLabel><text>{title}</text></navLabel>{inner}</navPoint>"


def with_nav(entries: str, *, behind: str = "") -> bytes:
    return epub(package(manifest=NAV_ITEM), {"O/toc 1.xhtml": nav(entries, behind=behind)})


def with_ncx(text: str) -> bytes:
    return epub(package(manifest=NCX_ITEM), {"toc.ncx": text})


def read(data: bytes) -> dict[str, Any]:
    return book.run(reader(data, EPUB))


def test_it_applies_to_epub_alone() -> None:
    assert book.applies_to(EPUB, 1)
    assert not book.applies_to(EPUB, 0)
    assert not book.applies_to("application/zip", 1)


def test_a_real_book_without_chapters_is_read() -> None:
    assert read(real("ebooklib.epub")) == {
        "title": "Das Buch", "authors": ["A. Autor"], "author_count": 1,
        "chapters": [], "chapter_count": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "chapters"),
    [
        ("pandoc.epub", ["Der erste Tag", "Am Morgen", "Die Nacht & mehr"]),
        ("pandoc-2.epub", ["Das Buch", "Der erste Tag", "Am Morgen", "Die Nacht & mehr"]),
    ],
)
def test_real_books_of_both_versions_have_chapters(name: str, chapters: list[str]) -> None:
    assert read(real(name)) == {
        "title": "Das Buch", "authors": ["A. Autor", "B. Autorin"], "author_count": 2,
        "chapters": chapters, "chapter_count": len(chapters),
    }  # fmt: skip


def test_title_and_authors_are_those_of_the_package_document() -> None:
    metadata = (
        "<dc:title>Größe\n &amp;  mehr</dc:title><dc:title>A subtitle</dc:title>"
        "<dc:creator>Anna</dc:creator><dc:creator>Ben</dc:creator>"
    )

    assert read(epub(package(metadata))) == {
        "title": "Größe & mehr", "authors": ["Anna", "Ben"], "author_count": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    "metadata",
    [
        '<dc:creator opf:role="aut">Anna</dc:creator><dc:creator opf:role="trl">Ben</dc:creator>',
        (
            '<dc:creator id="a">Anna</dc:creator><dc:creator id="b">Ben</dc:creator>'
            '<meta refines="#a" property="role">aut</meta>'
            '<meta refines="#b" property="role">edt</meta>'
        ),
    ],
    ids=["EPUB 2", "EPUB 3"],
)
def test_creators_with_another_role_are_no_authors(metadata: str) -> None:
    assert read(epub(package(metadata))) == {"authors": ["Anna"], "author_count": 1}


def test_chapters_of_a_navigation_document_are_read_at_each_depth() -> None:
    entries = (
        '<li><span>Part <b>One</b></span><ol><li><a href="a#b">The <i>first</i> day</a></li></ol>'
        '</li><li><a href="c"><span class="number">2</span> Night</a></li><li><a> </a></li>'
    )

    assert read(with_nav(entries)) == {
        "chapters": ["Part One", "The first day", "2 Night"], "chapter_count": 3,
    }  # fmt: skip


def test_lists_of_pages_and_landmarks_are_no_chapters() -> None:
    pages = '<nav epub:type="page-list"><ol><li><a href="a">1</a></li></ol></nav>'

    assert read(with_nav("<li><a>One</a></li>", behind=pages))["chapters"] == ["One"]


def test_chapters_of_an_ncx_are_read_at_each_depth() -> None:
    points = point("One", point("One and a half")) + "<navPoint/>" + point("Two")
    pages = "<pageList><pageTarget><navLabel><text>7</text></navLabel></pageTarget></pageList>"
    doctype = '<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://a.example/ncx.dtd">'

    assert read(with_ncx(doctype + ncx(points).replace("</ncx>", pages + "</ncx>"))) == {
        "chapters": ["One", "One and a half", "Two"], "chapter_count": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("navigation", "old", "report"),
    [
        (nav("<li><a>New</a></li>"), ncx(point("Old")), {"chapters": ["New"], "chapter_count": 1}),
        (nav(""), ncx(point("Old")), {"chapters": ["Old"], "chapter_count": 1}),
        ("<html>&nbsp;", ncx(point("Old")), {"chapters": ["Old"], "chapter_count": 1}),
        (None, ncx(point("Old")), {"chapters": ["Old"], "chapter_count": 1}),
        ("<html>&nbsp;", ncx(""), UNREADABLE),
        (nav(""), None, {"chapters": [], "chapter_count": 0}),
        (None, None, UNREADABLE),
        ("\0encrypted", "\0encrypted", UNREADABLE),
        ("", "<html/>", UNREADABLE),
    ],
)
def test_the_ncx_is_read_where_the_navigation_document_has_no_chapters(
    navigation: str | None, old: str | None, report: dict[str, Any]
) -> None:
    entries = {"O/toc 1.xhtml": navigation, "toc.ncx": old}
    files = {name: text for name, text in entries.items() if text is not None}

    assert read(epub(package(manifest=NCX_ITEM + NAV_ITEM), files)) == report


def test_an_unreadable_table_of_contents_hides_no_title() -> None:
    opf = package("<dc:title>A</dc:title>", NAV_ITEM)

    assert read(epub(opf)) == {"title": "A", **UNREADABLE}


def test_long_lists_and_texts_are_cut_and_the_report_stays_small() -> None:
    long = "\U0001f4d6" * 3000
    metadata = f"<dc:title>{long}</dc:title>" + f"<dc:creator>{long}</dc:creator>" * 20
    navigation = nav(f"<li><a>{long}</a></li>" * 60)

    report = read(epub(package(metadata, NAV_ITEM), {"O/toc 1.xhtml": navigation}))

    assert (len(report["title"]), len(report["authors"][0])) == (200, 80)
    assert (len(report["authors"]), report["author_count"]) == (10, 20)
    assert (len(report["chapters"]), report["chapter_count"]) == (31, 60)
    assert len(json.dumps(report, ensure_ascii=False).encode()) < MAX_RESULT_SIZE


def test_fifty_chapters_are_shown() -> None:
    report = read(with_ncx(ncx("".join(point(f"Chapter {one}") for one in range(51)))))

    assert report["chapters"] == [f"Chapter {one}" for one in range(50)]
    assert report["chapter_count"] == 51
    assert "complete" not in report


@pytest.mark.parametrize(
    "text", [ncx(point("One") * 5000), ncx(point("One") + "<!--" + " " * 1024 * 1024 + "-->")]
)
def test_a_table_of_contents_above_the_limits_is_incomplete(text: str) -> None:
    report = read(with_ncx(text))

    assert report["chapters"][0] == "One"
    assert report["complete"] is False


def test_a_package_document_above_the_limits_is_incomplete() -> None:
    assert read(epub(package("<dc:title>A</dc:title>", "<item/>" * 5000))) == {
        "title": "A", "complete": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    "opf",
    [
        '<!DOCTYPE a [<!ENTITY a "aaaa">]><package><title>&a;</title></package>',
        "<a>" * 300,
        "<package><metadata>",
        "no XML",
    ],
    ids=["entities", "deep", "short", "text"],
)
def test_a_hostile_package_document_has_no_facts(opf: str) -> None:
    assert read(epub(opf)) in (DAMAGED, {})


def test_too_many_entries_are_refused() -> None:
    files = {f"{one:0100}": "" for one in range(8000)}

    assert read(epub(package("<dc:title>A</dc:title>"), files)) == {
        "error": "Its directory is too large to be read",
    }  # fmt: skip


@pytest.mark.parametrize(
    "files",
    [
        {"word/document.xml": "<a/>"},
        {"META-INF/container.xml": CONTAINER},
        {"META-INF/container.xml": "<container/>", "O/p.opf": package()},
    ],
    ids=["another ZIP", "no package document", "no path"],
)
def test_a_zip_that_is_no_book_has_no_part(files: dict[str, str]) -> None:
    assert read(zipped(files)) == {}


@pytest.mark.parametrize("data", [b"P", b"%PDF-1.7\n", b"\0" * 100, b"<html></html>"])
def test_another_file_has_no_part(data: bytes) -> None:
    assert read(data) == {}


def test_a_book_that_ends_early_is_damaged() -> None:
    data = real("ebooklib.epub")

    assert [read(data[:size]) for size in range(1, 4)] == [{}] * 3
    assert all(read(data[:size]) == DAMAGED for size in range(4, len(data)))


def test_no_damage_makes_it_fail() -> None:
    data = epub(
        package("<dc:title>A</dc:title>", NAV_ITEM + NCX_ITEM),
        {"O/toc 1.xhtml": nav("<li><a>One</a></li>"), "toc.ncx": ncx(point("One"))},
    )
    for place in range(len(data)):
        for change in (1, 255):
            damaged = bytearray(data)
            damaged[place] ^= change
            assert set(read(bytes(damaged))) <= FIELDS


def test_it_stops_when_the_time_is_over() -> None:
    with pytest.raises(OutOfTime):
        book.run(reader(real("ebooklib.epub"), EPUB, patience=1))
