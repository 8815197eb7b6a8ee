import io
import zipfile
from typing import Any

import pytest

from chalicelib.processors import document
from tests.processors.reading import reader
from tests.processors.real_files import real

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
EPUB = "application/epub+zip"
MIB = 1024 * 1024
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
DAMAGED = {"error": "It is damaged, or its end is missing"}


def zipped(files: dict[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive_file:
        for name, data in files.items():
            archive_file.writestr(name, data)
    return packed.getvalue()


def ooxml(
    main: str, main_type: str, parts: dict[str, str | bytes], *, relations: str = RELATIONS
) -> bytes:
    """An office document of these parts, with its relationships."""
    related = {
        "officeDocument": main, "extended-properties": "docProps/app.xml",
        "metadata/core-properties": "docProps/core.xml",
    }  # fmt: skip
    targets = "".join(
        f'<Relationship Id="r{kind[:3]}" Type="{relations}/{kind}" Target="{target}"/>'
        for kind, target in related.items()
    )
    types = f'<Types><Override PartName="/{main}" ContentType="{main_type}"/></Types>'
    return zipped({
        "[Content_Types].xml": types,
        "_rels/.rels": f"<Relationships>{targets}</Relationships>",
        "docProps/core.xml": (
            '<cp:coreProperties xmlns:cp="c" xmlns:dc="d"><dc:title>Größe &amp; mehr</dc:title>'
            "<dc:creator>Somebody</dc:creator></cp:coreProperties>"
        ),
        **parts,
    })  # fmt: skip


WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
APP = "<Properties><Pages>{}</Pages><Words>{}</Words><Characters>{}</Characters></Properties>"


def read(data: bytes, content_type: str = DOCX) -> dict[str, Any]:
    assert document.applies_to(content_type, len(data))
    return document.run(reader(data, content_type))


@pytest.mark.parametrize("relations", [RELATIONS, STRICT])
def test_title_pages_and_words_of_a_text_are_reported_without_its_author(relations: str) -> None:
    parts: dict[str, str | bytes] = {"docProps/app.xml": APP.format(12, 3456, 20000)}
    data = ooxml("word/document.xml", WORD, parts, relations=relations)

    assert read(data) == {
        "format": "docx", "encrypted": False, "title": "Größe & mehr", "pages": 12, "words": 3456,
    }  # fmt: skip


def test_the_numbers_of_an_empty_template_are_ignored() -> None:
    data = ooxml("word/document.xml", WORD, {"docProps/app.xml": APP.format(1, 0, 0)})

    assert read(data) == {"format": "docx", "encrypted": False, "title": "Größe & mehr"}


@pytest.mark.parametrize(
    ("content_type", "main_type"),
    [
        ("application/vnd.ms-word.document.macroEnabled.12",
         "application/vnd.ms-word.document.macroEnabled.main+xml"),
        ("application/vnd.ms-word.template.macroenabled.12",
         "application/vnd.ms-word.template.macroEnabledTemplate.main+xml"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.template",
         "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml"),
    ],
)  # fmt: skip
def test_templates_and_documents_with_macros_are_read(content_type: str, main_type: str) -> None:
    data = ooxml("word/document.xml", main_type, {"word/vbaProject.bin": b"x"})

    report = read(data, content_type)

    assert (report["format"], report["title"], report["macros"]) == ("docx", "Größe & mehr", True)


def test_the_sheets_of_a_workbook_are_reported() -> None:
    assert read(real("openpyxl.xlsx"), XLSX) == {
        "format": "xlsx", "encrypted": False, "title": "Haushalt",
        "sheets": ["Übersicht", "Daten"], "sheet_count": 2,
    }  # fmt: skip


def test_many_sheets_are_counted_and_the_first_are_reported() -> None:
    sheets = "".join(f'<sheet name="Sheet {number}"/>' for number in range(300))
    parts: dict[str, str | bytes] = {
        "xl/workbook.xml": f"<workbook><sheets>{sheets}</sheets></workbook>"
    }
    main_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"

    report = read(ooxml("xl/workbook.xml", main_type, parts), XLSX)

    assert report["sheet_count"] == 300
    assert report["sheets"] == [f"Sheet {number}" for number in range(50)]


def test_the_slides_of_a_presentation_are_counted() -> None:
    slides = "<p:sldIdLst>" + "<p:sldId/>" * 17 + "</p:sldIdLst>"
    sections = f"<p:extLst><p:ext><p:section>{slides}</p:section></p:ext></p:extLst>"
    presentation = f"<p:presentation xmlns:p='p'>{slides}{sections}</p:presentation>"
    parts: dict[str, str | bytes] = {"ppt/presentation.xml": presentation}
    main_type = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"

    assert read(ooxml("ppt/presentation.xml", main_type, parts), PPTX)["slides"] == 17


def test_the_pages_of_a_drawing_are_counted_without_backgrounds() -> None:
    pages = '<Pages><Page ID="0"/><Page ID="1"/><Page ID="2" Background="1"/></Pages>'
    parts: dict[str, str | bytes] = {"visio/pages/pages.xml": pages}
    data = ooxml("visio/document.xml", "application/vnd.ms-visio.drawing.main+xml", parts)

    assert read(data, "application/vnd.ms-visio.drawing")["pages"] == 2


@pytest.mark.parametrize(
    ("name", "content_type", "expected"),
    [
        ("odfpy.ods", ODS,
         {"format": "ods", "title": "ods title", "sheets": ["T1", "T2"], "sheet_count": 2}),
        ("odfpy.odp", "application/vnd.oasis.opendocument.presentation",
         {"format": "odp", "slides": 2}),
    ],
)  # fmt: skip
def test_sheets_and_slides_of_an_open_document_are_reported(
    name: str, content_type: str, expected: dict[str, Any]
) -> None:
    assert read(real(name), content_type) == {"encrypted": False} | expected


def open_text(manifest: str) -> bytes:
    statistic = '<meta:document-statistic meta:page-count="3" meta:word-count="450"/>'
    return zipped({
        "mimetype": "application/vnd.oasis.opendocument.text",
        "META-INF/manifest.xml": f"<m:manifest xmlns:m='m'>{manifest}</m:manifest>",
        "meta.xml": (
            '<o:document-meta xmlns:o="o" xmlns:dc="d" xmlns:meta="m"><o:meta>'
            f"<dc:title>Bericht</dc:title>{statistic}</o:meta></o:document-meta>"
        ),
    })  # fmt: skip


def test_title_pages_and_words_of_an_open_text_are_reported() -> None:
    report = read(open_text(""), "application/vnd.oasis.opendocument.text")

    expected = {"format": "odt", "encrypted": False, "title": "Bericht", "pages": 3, "words": 450}
    assert report == expected


def test_an_open_document_with_a_password_is_encrypted() -> None:
    manifest = "<m:file-entry m:full-path='content.xml'><m:encryption-data/></m:file-entry>"

    report = read(open_text(manifest), "application/vnd.oasis.opendocument.text")

    assert report == {"format": "odt", "encrypted": True}


def test_title_authors_and_language_of_a_book_are_reported() -> None:
    assert read(real("ebooklib.epub"), EPUB) == {
        "format": "epub", "encrypted": False, "title": "Das Buch", "authors": ["A. Autor"],
        "language": "de", "spine_items": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("algorithm", "encrypted"),
    [
        ("http://www.idpf.org/2008/embedding", False),
        ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", True),
    ],
)
def test_obfuscated_fonts_do_not_make_a_book_encrypted(algorithm: str, *, encrypted: bool) -> None:
    rootfile = '<rootfile full-path="a.opf"/>'
    data = zipped({
        "META-INF/container.xml": f"<container><rootfiles>{rootfile}</rootfiles></container>",
        "META-INF/encryption.xml": f'<e><EncryptionMethod Algorithm="{algorithm}"/></e>',
        "a.opf": "<package><metadata><title>A</title></metadata></package>",
    })  # fmt: skip

    assert read(data, EPUB)["encrypted"] is encrypted


def test_another_zip_has_no_report() -> None:
    assert read(zipped({"a.txt": "hello"})) == {}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"PK\3\4" + bytes(500), id="no directory"),
        pytest.param(real("openpyxl.xlsx")[:-100], id="cut"),
        pytest.param(zipped({"[Content_Types].xml": "<a"}).replace(b"PK\1\2", b"PK\0\0"),
                     id="broken"),
        pytest.param(zipped({"[Content_Types].xml": b"\xff\xfe<", "_rels/.rels": "<a"}),
                     id="no XML"),
    ],
)  # fmt: skip
def test_a_damaged_document_is_an_error(data: bytes) -> None:
    assert read(data) in (DAMAGED, {})
    assert read(data[:-1]) == DAMAGED


@pytest.mark.parametrize(
    "core",
    [
        pytest.param(
            '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;">]><a><title>&y;</title></a>',
            id="entities",
        ),
        pytest.param("<a>" + "<title>x" * 50 + "</a>", id="not closed"),
        pytest.param("<a>" * 1000, id="elements in each other"),
    ],
)
def test_a_damaged_part_does_not_hide_the_others(core: str) -> None:
    parts: dict[str, str | bytes] = {
        "docProps/core.xml": core, "docProps/app.xml": APP.format(12, 3456, 20000),
    }  # fmt: skip

    assert read(ooxml("word/document.xml", WORD, parts)) == {
        "format": "docx", "encrypted": False, "pages": 12, "words": 3456,
        "error": "A part of it is damaged or too large",
    }  # fmt: skip


def test_a_part_that_expands_to_gigabytes_is_read_up_to_its_limit() -> None:
    core = "<a><title>The title</title>" + " " * (16 * MIB)
    data = ooxml("word/document.xml", WORD, {"docProps/core.xml": core})

    assert read(data)["title"] == "The title"


def test_a_zip_of_many_entries_is_not_kept_in_memory() -> None:
    data = zipped(
        {f"folder/of/a/document/with/many/entries/{number}": "" for number in range(15000)}
    )

    assert read(data) == {"error": "Its directory is too large to be read"}
