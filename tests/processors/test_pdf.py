import json
import zlib
from typing import Any

import pytest

from chalicelib.processors import document
from chalicelib.processors.document.pdf_objects import (
    Name,
    Reference,
    SyntaxDamagedError,
    parse,
    text,
)
from chalicelib.reader import OutOfTime
from tests.processors.reading import Reading, reader, reader_of, sparse
from tests.processors.real_files import real

PDF = "application/pdf"
TITLE = "Grüße aus Köln – test"
MIB = 1024 * 1024


def read(data: bytes) -> dict[str, Any]:
    return document.run(reader(data, PDF))


def pdf_of(*, catalog: str = "", tree: str = "/Count 3", trailer: str = "") -> bytes:
    """A document with a cross-reference table, as simple programs write it."""
    data = b"%PDF-1.4\n"
    places = []
    objects = [
        f"<</Type/Catalog/Pages 2 0 R{catalog}>>",
        f"<</Type/Pages/Kids[]{tree}>>",
        "<</Title(A title)>>",
    ]
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode()
    start = len(data)
    data += b"xref\n0 4\n0000000000 65535 f \n"
    data += b"".join(b"%010d 00000 n \n" % place for place in places)
    data += f"trailer\n<</Size 4/Root 1 0 R/Info 3 0 R{trailer}>>\n".encode()
    return data + b"startxref\n%d\n%%%%EOF\n" % start


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("reportlab.pdf", {"version": "1.3", "pages": 7, "title": TITLE}),
        ("qpdf-object-streams.pdf", {"version": "1.5", "pages": 7, "title": TITLE}),
        ("qpdf-linearized.pdf", {"version": "1.5", "pages": 7, "title": TITLE}),
        ("mupdf-incremental.pdf", {"version": "1.7", "pages": 6, "title": "mu"}),
        ("pypdf.pdf", {"version": "1.3", "pages": 3, "title": "日本語"}),
        ("fpdf2.pdf", {"version": "1.3", "pages": 4, "title": "fpdf title"}),
    ],
)
def test_version_pages_and_title_of_a_pdf_are_reported(name: str, expected: dict[str, Any]) -> None:
    assert read(real(name)) == {"format": "pdf", "encrypted": False} | expected


@pytest.mark.parametrize("name", ["qpdf-encrypted.pdf", "qpdf-encrypted-linearized.pdf"])
def test_an_encrypted_pdf_has_pages_but_no_title(name: str) -> None:
    expected = {"format": "pdf", "version": "1.7", "encrypted": True, "pages": 7}

    assert read(real(name)) == expected


def test_an_encrypted_page_tree_has_no_page_count() -> None:
    report = read(real("qpdf-encrypted-object-streams.pdf"))

    assert report == {"format": "pdf", "version": "1.7", "encrypted": True}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xef\xbb\xbf" + pdf_of(), id="after a mark"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + pdf_of(), id="after a header"),
        pytest.param(pdf_of() + b"<html>" * 300, id="before something else"),
        pytest.param(pdf_of() + bytes(5000), id="before zeros"),
        pytest.param(pdf_of().replace(b"\n", b"\r\n"), id="with other line ends"),
        pytest.param(pdf_of().replace(b"startxref\n2", b"startxref\n1"), id="with a wrong place"),
        pytest.param(pdf_of().partition(b"xref")[0] + b"trailer<</Root 1 0 R/Info 3 0 R>>",
                     id="without a table"),
        pytest.param(pdf_of().replace(b"00000 n \n", b"00000 n\r\n"), id="with returns"),
        pytest.param(pdf_of(tree="/Count 4 0 R").replace(b"xref\n0", b"4 0 obj 3 endobj xref\n0"),
                     id="with a count elsewhere"),
    ],
)  # fmt: skip
def test_a_pdf_that_breaks_the_rules_is_read(data: bytes) -> None:
    expected = {"format": "pdf", "version": "1.4", "pages": 3, "encrypted": False}

    assert read(data) == expected | {"title": "A title"}


def test_a_later_version_in_the_catalog_counts() -> None:
    assert read(pdf_of(catalog="/Version/1.7"))["version"] == "1.7"


def test_the_pages_of_a_document_without_a_trailer_are_counted() -> None:
    data = pdf_of().partition(b"xref")[0]

    assert read(data)["pages"] == 3


def test_no_pages_are_zero_pages() -> None:
    data = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    data += b"2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n"

    assert read(data)["pages"] == 0


def test_the_stream_of_a_hybrid_file_lists_objects_that_its_table_marks_as_deleted() -> None:
    data = pdf_of()
    places = [data.index(b"%d 0 obj" % number) for number in (1, 2)]
    packed = zlib.compress(b"".join(b"\1" + place.to_bytes(2, "big") + b"\0" for place in places))
    at = data.index(b"xref\n0 4")
    stream = b"9 0 obj\n<</Type/XRef/W[1 2 1]/Index[1 2]/Size 3/Filter/FlateDecode/Length %d>>"
    stream = stream % len(packed) + b"stream\n" + packed + b"\nendstream endobj\n"
    data = data[:at] + stream + data[at:].replace(b"n \n", b"f \n")
    data = data.replace(b"/Size 4", b"/Size 4/XRefStm %d" % at)
    data = data.replace(b"startxref\n%d" % at, b"startxref\n%d" % (at + len(stream)))

    assert read(data) == {"format": "pdf", "version": "1.4", "encrypted": False, "pages": 3}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"%PDF-1.7\n", id="a header only"),
        pytest.param(real("reportlab.pdf")[:1500], id="cut"),
        pytest.param(pdf_of(tree=""), id="no count"),
        pytest.param(pdf_of(tree="/Count -1"), id="a negative count"),
        pytest.param(pdf_of(catalog="/A " + "[" * 5000), id="arrays in each other"),
        pytest.param(pdf_of().replace(b"/Pages 2 0 R", b"/Pages 1 0 R"), id="a catalog of itself"),
        pytest.param(b"%PDF-1.4\n1 0 obj 1 0 R endobj trailer<</Root 1 0 R>>", id="a circle"),
    ],
)
def test_a_damaged_pdf_is_an_error(data: bytes) -> None:
    report = read(data)

    assert report["error"] == "It is damaged, or its end is missing"
    assert "pages" not in report


def test_circular_tables_end() -> None:
    data = pdf_of(trailer="/Prev 0")
    at = data.index(b"xref")

    assert read(data.replace(b"/Prev 0", b"/Prev %d" % at))["pages"] == 3


def test_a_large_pdf_costs_a_few_requests() -> None:
    head, tail = pdf_of()[:9], pdf_of()[9:]
    size = 9 * 1024 * MIB
    moved = size - len(tail) - 9
    for number in (1, 2, 3):
        place = tail.index(b"%d 0 obj" % number) + 9
        tail = tail.replace(b"%010d" % place, b"%010d" % (moved + place))
    table = tail.index(b"xref\n0") + 9
    tail = tail.replace(b"startxref\n%d" % table, b"startxref %d" % (moved + table))[: len(tail)]
    source, reading = sparse({0: head, size - len(tail): tail}, size, PDF)

    assert document.run(source)["pages"] == 3
    assert len(reading.requests) <= 4
    assert sum(length for _, length in reading.requests) <= MIB


def test_a_small_stream_that_expands_to_gigabytes_is_bounded() -> None:
    packed = zlib.compress(bytes(16 * MIB), 1)
    data = b"%PDF-1.5\n"
    at = len(data)
    data += b"1 0 obj<</W[1 2 1]/Size 9/Root 2 0 R/Filter/FlateDecode/Length %d>>stream\n" % len(
        packed
    )
    data += packed + b"\nendstream endobj\nstartxref\n%d\n%%%%EOF" % at

    assert "error" in read(data)


def test_no_pdf_is_read_after_the_time_is_over() -> None:
    data = real("reportlab.pdf")
    reading = Reading(lambda offset, size: data[offset : offset + size], patience=0)

    with pytest.raises(OutOfTime):
        document.run(reader_of(reading, len(data), PDF))


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (b"[1 -2.5 /A#20b (x\\(y\\)\\101) <414> true null 7 0 R]",
         [1, -2.5, "A b", b"x(y)A", b"A@", True, None, Reference(7)]),
        (b"<</A<</B[]>>/C(a(b)c)>>", {"A": {"B": []}, "C": b"a(b)c"}),
        (b"% a comment\n/Name ", Name("Name")),
        (b"(line\\\nend\\n)", b"lineend\n"),
    ],
)  # fmt: skip
def test_objects_are_parsed(source: bytes, value: Any) -> None:
    assert parse(source)[0] == value


@pytest.mark.parametrize("source", [b"]", b">> ", b"<<1 2>>", b"foo ", b"[" * 100])
def test_bytes_that_are_not_an_object_are_refused(source: bytes) -> None:
    with pytest.raises(SyntaxDamagedError):
        parse(source)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"\xfe\xff\x00G\x00r", "Gr"),
        (b"\xff\xfeG\x00", "G"),
        (b"\xef\xbb\xbf\xc3\xbc", "ü"),
        (b"\x85 \xa0 \xfc", "– € ü"),
    ],
)
def test_a_text_string_is_decoded(raw: bytes, expected: str) -> None:
    assert text(raw) == expected


def test_a_report_of_a_long_title_is_short() -> None:
    data = pdf_of().replace(b"A title", b"x" * 30_000)

    assert len(json.dumps(read(data))) < 500
