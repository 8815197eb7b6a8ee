"""Title, pages, sheets and slides of office documents in a ZIP, and of EPUB books.

Sheets and slides are counted. Pages and words are the numbers that the program stored when it saved
the document. Authors of office documents are left out: people rarely know that a document names
them. ECMA-376 (OOXML, OPC). OpenDocument 1.3, part 2 and 3. EPUB 3.3.
"""

import posixpath
from typing import Any

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.places import BROKEN, TOO_LARGE, printable
from chalicelib.processors.xml_elements import Element
from chalicelib.processors.zip_parts import DAMAGED, Parts
from chalicelib.reader import ObjectReader, ReadTooLarge

MAX_TITLE = 200  # characters
MAX_NAME = 80  # characters of a sheet's name
SHOWN_NAMES = 50
MAX_CONTENT = 8 * 1024 * 1024  # bytes of content.xml in which sheets and slides are counted
_TYPES = "[Content_Types].xml"
# Formats, by a word in the type of the main part.
_OOXML = {
    "wordprocessingml": "docx", "ms-word": "docx", "spreadsheetml": "xlsx",
    "ms-excel.sheet.binary": "xlsb", "ms-excel": "xlsx", "presentationml": "pptx",
    "ms-powerpoint": "pptx", "ms-visio": "vsdx",
}  # fmt: skip
_ODF = {
    "text": "odt", "spreadsheet": "ods", "presentation": "odp", "graphics": "odg", "chart": "odc",
    "formula": "odf", "image": "odi", "database": "odb", "base": "odb",
}  # fmt: skip
# Publishers obfuscate fonts with these; the book itself is not encrypted.
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def run(source: ObjectReader, /) -> dict[str, Any]:
    """`{"format", "title", "pages" or "sheets" or "slides", "encrypted"…}`, as far as known.

    Empty for another ZIP; `error` for a ZIP that cannot be read.
    """
    try:
        parts = Parts(source)
        if parts.has("META-INF/container.xml"):
            return _epub(parts)
        if parts.has(_TYPES):
            return _ooxml(parts)
        if parts.has("mimetype") or parts.has("META-INF/manifest.xml"):
            return _odf(parts)
    except ReadTooLarge:
        return TOO_LARGE
    except DAMAGED:
        return BROKEN
    return {}


def _ooxml(parts: Parts) -> dict[str, Any]:
    related = {
        one.attributes.get("Type", "").rpartition("/")[2]: one.attributes.get("Target", "")
        for one in parts.elements("_rels/.rels", ["Relationship"])
    }
    main = related.get("officeDocument") or related.get("document", "")
    main = main.lstrip("/")
    kind = _ooxml_kind(parts, main)
    if not kind:
        return {}
    report: dict[str, Any] = {"format": kind, "encrypted": False}
    report |= _each(
        lambda: _core(parts, related.get("core-properties", "docProps/core.xml").lstrip("/")),
        lambda: _contents(parts, kind, main),
        lambda: _stored_counts(parts, kind, related.get("extended-properties", "docProps/app.xml")),
    )
    if any(name.lower().endswith("vbaproject.bin") for name in parts.names):
        report["macros"] = True
    return report


def _ooxml_kind(parts: Parts, main: str) -> str | None:
    for one in parts.elements(_TYPES, ["Override", "Default"]):
        name = one.attributes.get("PartName", "").lstrip("/")
        ending = "." + one.attributes.get("Extension", "\0")
        if main and (name.lower() == main.lower() or (not name and main.endswith(ending))):
            content_type = one.attributes.get("ContentType", "")
            for mark, kind in _OOXML.items():
                if mark in content_type:
                    return kind
    return None


def _each(*readers: Any) -> dict[str, Any]:
    """The fields of all readers. A damaged part does not hide the fields of the others."""
    report: dict[str, Any] = {}
    for read in readers:
        try:
            report |= read()
        except DAMAGED:
            report["error"] = "A part of it is damaged or too large"
    return report


def _core(parts: Parts, name: str) -> dict[str, Any]:
    return _title(parts.elements(name, ["title"]))


def _title(items: list[Element]) -> dict[str, Any]:
    titles = [printable(one.text, MAX_TITLE) for one in items if one.name == "title"]
    return {"title": titles[0]} if titles and titles[0] else {}


def _contents(parts: Parts, kind: str, main: str) -> dict[str, Any]:
    """The sheets, slides or pages in the main part."""
    if kind == "xlsx":
        sheets = [one for one in parts.elements(main, ["sheet"]) if one.parent == "sheets"]
        return _sheets([one.attributes.get("name", "") for one in sheets])
    if kind == "pptx":
        # Sections list the slides again, at a greater depth.
        slides = [one for one in parts.elements(main, ["sldId"]) if one.depth == 2]
        return {"slides": len(slides)}
    if kind == "vsdx":
        pages = parts.elements(posixpath.dirname(main) + "/pages/pages.xml", ["Page"])
        front = [one for one in pages if one.attributes.get("Background") not in ("1", "true")]
        return {"pages": len(front)}
    return {}


def _sheets(names: list[str]) -> dict[str, Any]:
    first = [printable(name, MAX_NAME) for name in names[:SHOWN_NAMES]]
    return {"sheets": first, "sheet_count": len(names)}


def _stored_counts(parts: Parts, kind: str, name: str) -> dict[str, Any]:
    """Pages and words of a text, as stored by the program that saved it."""
    if kind != "docx":
        return {}
    items = parts.elements(name.lstrip("/"), ["Pages", "Words", "Characters"])
    counted = {one.name: number for one in items if (number := _number(one.text)) is not None}
    # Programs that count nothing copy the numbers of an empty template.
    if not counted.get("Characters") and not counted.get("Words"):
        return {}
    return {key.lower(): counted[key] for key in ("Pages", "Words") if counted.get(key)}


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _odf(parts: Parts) -> dict[str, Any]:
    mimetype = b"".join(parts.pieces("mimetype", 200)).decode("ascii", "replace").strip()
    manifest = parts.elements("META-INF/manifest.xml", ["encryption-data", "file-entry"])
    if not mimetype:
        root = [one for one in manifest if one.attributes.get("full-path") == "/"]
        mimetype = root[0].attributes.get("media-type", "") if root else ""
    document = mimetype.removeprefix("application/vnd.oasis.opendocument.")
    if document == mimetype:
        return {}
    kind = _ODF.get(document.partition("-")[0])
    if not kind:
        return {}
    encrypted = any(one.name == "encryption-data" for one in manifest)
    report: dict[str, Any] = {"format": kind, "encrypted": encrypted}
    if encrypted:
        return report
    return report | _each(lambda: _odf_meta(parts, kind), lambda: _odf_contents(parts, kind))


def _odf_meta(parts: Parts, kind: str) -> dict[str, Any]:
    items = parts.elements("meta.xml", ["title", "document-statistic"])
    report = _title(items)
    for one in items:
        if one.name == "document-statistic" and kind == "odt":
            for key in ("page", "word"):
                number = _number(one.attributes.get(f"{key}-count", ""))
                report |= {f"{key}s": number} if number else {}
    return report


def _odf_contents(parts: Parts, kind: str) -> dict[str, Any]:
    """The number of sheets, slides or pages."""
    names = {"ods": ("table", "spreadsheet"), "odp": ("page", "presentation")}
    names["odg"] = ("page", "drawing")
    if kind not in names:
        return {}
    name, parent = names[kind]
    size = sum(map(len, parts.pieces("content.xml", MAX_CONTENT)))
    items = [
        one for one in parts.elements("content.xml", [name], MAX_CONTENT) if one.parent == parent
    ]
    if size == MAX_CONTENT:
        raise DamagedError
    if kind == "ods":
        return _sheets([one.attributes.get("name", "") for one in items])
    return {"slides" if kind == "odp" else "pages": len(items)}


def _epub(parts: Parts) -> dict[str, Any]:
    roots = parts.elements("META-INF/container.xml", ["rootfile"])
    path = roots[0].attributes.get("full-path", "") if roots else ""
    if not parts.has(path):
        return {}
    methods = parts.elements("META-INF/encryption.xml", ["EncryptionMethod"])
    report: dict[str, Any] = {
        "format": "epub",
        "encrypted": any(one.attributes.get("Algorithm") not in _FONTS for one in methods),
    }
    items = parts.elements(path, ["title", "creator", "language", "itemref"])
    report |= _title([one for one in items if one.parent in ("metadata", "dc-metadata")])
    authors = [printable(one.text, MAX_NAME) for one in items if one.name == "creator"]
    languages = [printable(one.text, 20) for one in items if one.name == "language"]
    report |= {"authors": authors[:10]} if any(authors) else {}
    report |= {"language": languages[0]} if languages and languages[0] else {}
    return report | {"spine_items": sum(one.name == "itemref" for one in items)}
