"""Documents: by pandoc, the office libraries, reportlab, fpdf2, pypdf, EbookLib and docutils."""

import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import fpdf
import nbformat
import openpyxl
import pptx
import pypandoc
import xlsxwriter
import xlwt
from docutils.core import publish_string
from ebooklib import epub
from files import File, Files, Names
from msoffcrypto.format.ooxml import OOXMLFile
from odf import chart, draw, opendocument, style, table, text
from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas

TEXTS = {
    "letter": "---\ntitle: A letter\nauthor: Anna\n---\n\n# Hello\n\nThe free version isn't *bad*.\n",
    "Grüße": "# Größe\n\n| a | b |\n|---|---|\n| 1 | ü |\n\n1. eins\n2. zwei\n\n> ‘Zitat’ – 日本語\n",
    "code": "# Record\n\n```html\n<script>alert(1)</script>\n```\n\n[link](https://example.org) $x^2$\n",
}
# Pandoc's writer, our format, the extension, and whether it writes bytes.
PANDOC = [
    ("docx", "docx", "docx"), ("odt", "odt", "odt"), ("epub2", "epub", "epub"),
    ("epub3", "epub", "epub"), ("pptx", "pptx", "pptx"), ("rtf", "rtf", "rtf"),
    ("html5", "html", "html"), ("html4", "html", "htm"), ("slidy", "html", "html"),
    ("revealjs", "html", "html"), ("s5", "xhtml", "xhtml"), ("latex", "tex", "tex"),
    ("beamer", "tex", "latex"), ("context", "context", "tex"), ("rst", "rst", "rst"),
    ("markdown", "markdown", "md"), ("gfm", "markdown", "markdown"), ("org", "org", "org"),
    ("commonmark", "markdown", "md"), ("mediawiki", "wiki", "mediawiki"),
    ("dokuwiki", "wiki", "wiki"), ("jira", "wiki", "wiki"), ("zimwiki", "wiki", "txt"),
    ("textile", "textile", "textile"), ("asciidoc", "asciidoc", "adoc"),
    ("opml", "opml", "opml"), ("ipynb", "ipynb", "ipynb"),
    ("docbook4", "docbook", "dbk"), ("docbook5", "docbook", "docbook"), ("jats", "jats", "xml"),
    ("tei", "tei", "tei"), ("icml", "icml", "icml"), ("typst", "typst", "typ"),
    ("texinfo", "texinfo", "texi"), ("man", "man", "1"), ("ms", "roff", "ms"),
    ("native", "haskell", "hs"), ("json", "pandocjson", "json"), ("fb2", "fb2", "fb2"),
    ("opendocument", "fodt", "fodt"), ("plain", "txt", "txt"), ("muse", "txt", "muse"),
    ("haddock", "txt", "txt"),
]  # fmt: skip
REFERENCES = """@article{a1, author={Anna Müller}, title={Größe}, journal={J}, year={2020}}
@book{b2, author={Ben}, title={A Book}, publisher={P}, year={2001}}
"""


def by_pandoc(names: Names) -> Files:
    """Pandoc's output: three texts in 43 formats, and a bibliography."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        for source in TEXTS.values():
            for writer, name, extension in PANDOC:
                options = [] if writer in ("plain", "native") else ["--standalone"]
                pypandoc.convert_text(
                    source, writer, "markdown", outputfile=str(out), extra_args=options
                )
                yield File(name, names(extension), out.read_bytes(), f"pandoc {writer}")
    for writer, name, extension in (
        ("csljson", "csljson", "json"), ("bibtex", "bibtex", "bib"), ("biblatex", "bibtex", "bib"),
    ):  # fmt: skip
        text = pypandoc.convert_text(REFERENCES, writer, "bibtex").encode()
        yield File(name, names(extension), text, f"pandoc {writer}")


def _saved(save: Callable[[Any], Any]) -> bytes:
    out = io.BytesIO()
    save(out)
    return out.getvalue()


def office_files(names: Names) -> Files:
    """Texts and slides by python-docx and python-pptx, also as templates and with macros."""
    letter = docx.Document()
    letter.add_heading("Größe")
    letter.add_paragraph("The free version isn’t bad.")
    letter.add_table(2, 2)
    data = _saved(letter.save)
    yield File("docx", names("docx"), data, "python-docx")
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml."
    dotx = _retyped(data, f"{word}document.main+xml", f"{word}template.main+xml")
    yield File("dotx", names("dotx"), dotx, "python-docx, as a template")
    macros = "application/vnd.ms-word.document.macroEnabled.main+xml"
    docm = _retyped(data, f"{word}document.main+xml", macros, vba="word/vbaProject.bin")
    yield File("docm", names("docm"), docm, "python-docx, with a macro part")
    slides = pptx.Presentation()
    slides.slides.add_slide(slides.slide_layouts[0]).shapes.title.text = "Plan"
    data = _saved(slides.save)
    yield File("pptx", names("pptx"), data, "python-pptx")
    power = "application/vnd.openxmlformats-officedocument.presentationml."
    for kind, part in (("potx", "template"), ("ppsx", "slideshow")):
        retyped = _retyped(data, f"{power}presentation.main+xml", f"{power}{part}.main+xml")
        yield File(kind, names(kind), retyped, f"python-pptx, as {part}")


def _retyped(package: bytes, before: str, after: str, *, vba: str | None = None) -> bytes:
    """An OOXML package whose main part has another content type, and perhaps a macro part."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename == "[Content_Types].xml":
                data = data.replace(before.encode(), after.encode())
            new.writestr(info, data, zipfile.ZIP_DEFLATED)
        if vba:
            new.writestr(vba, bytes(600))
    return out.getvalue()


def calculated(names: Names) -> Files:
    """Workbooks, by openpyxl, XlsxWriter and xlwt; some locked with a password."""
    rows = [("Name", "Größe"), ("Anna", 1.5), ("Ben", 2)]
    for kind, extension in ((False, "xlsx"), (True, "xltx")):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.template = kind
        yield File(extension, names(extension), _saved(book.save), "openpyxl")
    with tempfile.TemporaryDirectory() as folder:
        vba = Path(folder, "vbaProject.bin")
        vba.write_bytes(bytes(600))
        for options in ({}, {"in_memory": True}, {"constant_memory": True}):
            for extension in ("xlsx", "xlsm"):
                out = io.BytesIO()
                with xlsxwriter.Workbook(out, options) as book:
                    sheet = book.add_worksheet()
                    for number, row in enumerate(rows):
                        sheet.write_row(number, 0, row)
                    if extension == "xlsm":
                        book.add_vba_project(str(vba))
                yield File(extension, names(extension), out.getvalue(), f"XlsxWriter {options}")
    for encoding in ("utf-8", "cp1252", "cp1251"):
        book = xlwt.Workbook(encoding=encoding)
        sheet = book.add_sheet("Blatt")
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                sheet.write(number, column, value)
        yield File("xls", names("xls"), _saved(book.save), f"xlwt {encoding}")
        yield File("xls", names("xlt"), _saved(book.save), f"xlwt {encoding}")


def locked(names: Names) -> Files:
    """Office files with a password, which Office stores as OLE."""
    letter, slides, book = docx.Document(), pptx.Presentation(), openpyxl.Workbook()
    for document, extension in ((letter, "docx"), (slides, "pptx"), (book, "xlsx")):
        plain = io.BytesIO(_saved(document.save))
        out = io.BytesIO()
        OOXMLFile(plain).encrypt("secret", out)
        yield File("lockedooxml", names(extension), out.getvalue(), "msoffcrypto-tool")


def opened(names: Names) -> Files:
    """OpenDocument files, by odfpy."""
    kinds: list[tuple[str, str, Callable[[], Any]]] = [
        ("odt", "odt", opendocument.OpenDocumentText),
        ("ods", "ods", opendocument.OpenDocumentSpreadsheet),
        ("odp", "odp", opendocument.OpenDocumentPresentation),
        ("odg", "odg", opendocument.OpenDocumentDrawing),
        ("odc", "odc", opendocument.OpenDocumentChart),
        ("odi", "odi", opendocument.OpenDocumentImage),
        ("odm", "odm", opendocument.OpenDocumentTextMaster),
    ]
    for name, extension, make in kinds:
        for paragraph in ("short", "long " * 300):
            document = make()
            document.styles.addElement(style.Style(name="a", family="paragraph"))
            match name:
                case "odt" | "odm":
                    document.text.addElement(text.P(text=paragraph))
                case "ods":
                    document.spreadsheet.addElement(table.Table(name=paragraph[:5]))
                case "odc":
                    document.chart.addElement(chart.Chart(attributes={"class": "chart:bar"}))
                case "odi":
                    document.image.addElement(draw.Frame())
            yield File(name, names(extension), _saved(document.write), "odfpy")
    for name, make in (
        ("ott", opendocument.OpenDocumentText),
        ("ots", opendocument.OpenDocumentSpreadsheet),
        ("otp", opendocument.OpenDocumentPresentation),
    ):
        document = make()
        document.mimetype += "-template"
        yield File(name, names(name), _saved(document.write), "odfpy, as a template")


def printed(names: Names) -> Files:
    """PDF, by reportlab, fpdf2 and pypdf: plain, compressed, encrypted, old and new."""
    for version in ((1, 2), (1, 4), (1, 7)):
        for compressed in (0, 1):
            out = io.BytesIO()
            page = canvas.Canvas(
                out, A4, pageCompression=compressed, pdfVersion=version, invariant=1
            )
            page.drawString(50, 700, "The free version")
            page.save()
            yield File("pdf", names("pdf"), out.getvalue(), f"reportlab {version} {compressed}")
            yield File("pdf", names("pdf"), b"\r\n" + out.getvalue(), "reportlab, after a line")
    for pages in (1, 3):
        document = fpdf.FPDF()
        for _ in range(pages):
            document.add_page()
        yield File("pdf", names("pdf"), bytes(document.output()), "fpdf2")
    for password in ("", "secret"):
        for version in ("%PDF-1.3", "%PDF-1.7", "%PDF-2.0"):
            writer = PdfWriter(clone_from=PdfReader(io.BytesIO(out.getvalue())))
            writer.pdf_header = version
            if password:
                writer.encrypt(password)
            yield File("pdf", names("pdf"), _saved(writer.write), f"pypdf {version} {password}")


def bound(names: Names) -> Files:
    """Books by EbookLib, notebooks by nbformat, pages by docutils."""
    for language in ("en", "de", "ja"):
        book = epub.EpubBook()
        book.set_title("Buch")
        book.set_language(language)
        chapter = epub.EpubHtml(title="One", file_name="one.xhtml", content="<h1>One</h1>")
        book.add_item(chapter)
        book.toc, book.spine = (chapter,), ["nav", chapter]
        book.add_item(epub.EpubNcx())
        book.add_item(epub.EpubNav())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "book.epub")
            epub.write_epub(path, book)
            yield File("epub", names("epub"), path.read_bytes(), f"EbookLib {language}")
        with zipfile.ZipFile(io.BytesIO(_epub_of(book))) as opened_book:
            page = opened_book.read("EPUB/one.xhtml")
            yield File("xhtml", names("xhtml"), page, "a page of EbookLib's book")
    for cells in (1, 4):
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [
            nbformat.v4.new_code_cell("print('<html>')", id=str(number)) for number in range(cells)
        ]
        yield File("ipynb", names("ipynb"), nbformat.writes(notebook).encode(), "nbformat")
    source = "Title\n=====\n\nThe *free* version.\n"
    for writer, name, extension in (
        ("html5", "html", "html"), ("html4", "html", "html"), ("latex", "tex", "tex"),
        ("manpage", "man", "8"), ("xml", "xml", "xml"), ("odt", "odt", "odt"),
    ):  # fmt: skip
        yield File(name, names(extension), publish_string(source, writer=writer), "docutils")


def _epub_of(book: epub.EpubBook) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "book.epub")
        epub.write_epub(path, book)
        return path.read_bytes()


MAKERS = (by_pandoc, office_files, calculated, locked, opened, printed, bound)
