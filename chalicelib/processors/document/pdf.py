"""Version, pages, title and encryption of a PDF, by a few ranged reads.

If the cross-reference table of a small document is wrong, its objects are searched, as viewers do.
ISO 32000-2.
"""

import re
from collections.abc import Callable
from typing import Any

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.document.pdf_objects import (
    Reference,
    SyntaxDamagedError,
    Unfinished,
    parse,
    text,
)
from chalicelib.processors.document.pdf_table import Tables
from chalicelib.processors.places import BROKEN, Places, printable
from chalicelib.reader import ReadTooLarge

MAX_TITLE = 200  # characters
MAX_SEARCHED = 4 * 1024 * 1024  # bytes of a document whose objects are searched
_HEAD = 1024  # bytes that may precede `%PDF`: ISO 32000-1, implementation note 13
_TAIL = 64 * 1024  # bytes in which the last `startxref` is searched
_HEADER = re.compile(rb"%PDF-(\d\.\d)")
_START = re.compile(rb"startxref[\0\t\n\f\r ]*(\d{1,19})")
_LINEARIZED = re.compile(rb"/Linearized\b")
_WHOLE_SIZE = re.compile(rb"/L[\0\t\n\f\r ]+(\d{1,19})")
_PAGES = re.compile(rb"/N[\0\t\n\f\r ]+(\d{1,10})")
_TRAILER = re.compile(rb"trailer(?=[\0\t\n\f\r ]*<<)")
_OBJECT = re.compile(rb"(?<!\d)(\d{1,10})[\0\t\n\f\r ]+\d{1,5}[\0\t\n\f\r ]+obj")
_MAX_PAGES = 0x7FFFFFFF
_Value = Callable[[Any], Any]


def is_pdf(head: bytes) -> bool:
    """Whether a PDF header is in these first bytes; other bytes may precede it."""
    return b"%PDF-" in head[:_HEAD]


def run(file: Places) -> dict[str, Any]:
    """`{"format": "pdf", "version", "pages", "encrypted", "title"}`, as far as known.

    `error` says why the number of pages is missing.
    """
    head = file.read(0, _HEAD)
    report: dict[str, Any] = {"format": "pdf"}
    if header := _HEADER.search(head):
        report["version"] = header[1].decode()
    try:
        return report | _document(file, head)
    except (DamagedError, SyntaxDamagedError, Unfinished, ReadTooLarge):
        pass
    try:
        return report | _search(file)
    except (DamagedError, SyntaxDamagedError, Unfinished, ReadTooLarge):
        return report | BROKEN


def _document(file: Places, head: bytes) -> dict[str, Any]:
    """The fields that the cross-reference tables lead to."""
    tail = file.read(max(0, file.size - _TAIL), _TAIL)
    starts = _START.findall(tail)
    if not starts:
        raise DamagedError
    tables = Tables(file, max(0, head.find(b"%PDF-")))
    tables.load(int(starts[-1]))
    if "Encrypt" not in tables.trailer:
        return {"encrypted": False} | _trailer_fields(tables.trailer, tables.value)
    try:
        report = _trailer_fields({"Root": tables.trailer.get("Root")}, tables.value)
    except (DamagedError, SyntaxDamagedError, Unfinished):
        # The page tree is in an encrypted stream.
        report = _read_linearized(file)
    return {"encrypted": True} | report


def _trailer_fields(trailer: dict[str, Any], value: _Value) -> dict[str, Any]:
    root = value(trailer.get("Root"))
    tree = value(root.get("Pages")) if isinstance(root, dict) else None
    if not isinstance(root, dict) or not isinstance(tree, dict):
        raise DamagedError
    pages = value(tree.get("Count"))
    if not isinstance(pages, int) or not 0 <= pages <= _MAX_PAGES:
        raise DamagedError
    report: dict[str, Any] = {"pages": pages}
    version = value(root.get("Version"))
    if isinstance(version, str):
        report["version"] = printable(version, 3)
    return report | _title(trailer, value)


def _title(trailer: dict[str, Any], value: _Value) -> dict[str, Any]:
    try:
        about = value(trailer.get("Info"))
        title = value(about.get("Title")) if isinstance(about, dict) else None
    except (DamagedError, SyntaxDamagedError, Unfinished, ReadTooLarge):
        return {}  # the number of pages is still valid
    if not isinstance(title, bytes):
        return {}
    title = printable(text(title[: 8 * MAX_TITLE]), MAX_TITLE)
    return {"title": title} if title else {}


def _read_linearized(file: Places) -> dict[str, Any]:
    """The page count in the first object of a linearized document."""
    head = file.read(0, 2 * _HEAD)
    size, pages = _WHOLE_SIZE.search(head), _PAGES.search(head)
    if _LINEARIZED.search(head) and size and pages and int(size[1]) == file.size:
        return {"pages": int(pages[1])}
    return {}


def _search(file: Places) -> dict[str, Any]:
    """The fields of a small document with wrong tables, from the headers of its objects."""
    if file.size > MAX_SEARCHED:
        raise DamagedError
    data = file.read(0, file.size)
    trailers = [match.end() for match in _TRAILER.finditer(data)][-10:]
    trailer: dict[str, Any] = {}
    for at in trailers:
        number, _ = parse(data, at)
        trailer |= number if isinstance(number, dict) else {}

    def value(item: Any) -> Any:
        for _ in range(20):
            if not isinstance(item, Reference):
                return item
            header = re.compile(rb"(?<!\d)0*%d[\0\t\n\f\r ]+\d{1,5}[\0\t\n\f\r ]+obj" % item.number)
            at = [match.end() for match in header.finditer(data)][-1:]
            if not at:
                return None
            item = parse(data, at[0])[0]
        raise DamagedError

    if "Root" not in trailer:
        trailer["Root"] = _catalog(data)
    encrypted = "Encrypt" in trailer
    if encrypted:
        trailer.pop("Info", None)
    return {"encrypted": encrypted} | _trailer_fields(trailer, value)


def _catalog(data: bytes) -> Any:
    """The last catalog of a document without a trailer."""
    end = max(0, data.rfind(b"/Catalog"))
    at = [match.end() for match in _OBJECT.finditer(data, max(0, end - _HEAD), end)][-1:]
    if not at:
        raise DamagedError
    return parse(data, at[0])[0]
