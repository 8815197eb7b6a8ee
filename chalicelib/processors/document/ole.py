"""Reads OLE compound files: old office documents, Outlook messages, installers.

Office also stores password-protected documents in such a file, whatever their suffix.
[MS-OLEPS], [MS-DOC], [MS-XLS], [MS-PPT], [MS-OXMSG], [MS-OFFCRYPTO]
https://learn.microsoft.com/openspecs/office_file_formats/
"""

import codecs
import struct
from typing import Any

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.document.ole_storage import MAGIC, Storage
from chalicelib.processors.places import Places, printable
from chalicelib.reader import ReadTooLarge

MAX_TITLE = 200  # characters
MAX_NAME = 80  # characters of the name of a sheet or an attachment
SHOWN_NAMES = 50
MAX_SUMMARY = 64 * 1024  # bytes; a preview picture may follow the numbers
MAX_GLOBALS = 256 * 1024  # bytes of a workbook before the cells of its sheets
_SUMMARY = ("\5SummaryInformation",)
_DOCUMENT_SUMMARY = ("\5DocumentSummaryInformation",)
_TITLE, _SUBJECT, _PAGES, _WORDS, _SLIDES, _CODE_PAGE = 2, 3, 14, 15, 7, 1
_KINDS = {
    "WordDocument": "Word", "Workbook": "Excel", "Book": "Excel",
    "PowerPoint Document": "PowerPoint", "VisioDocument": "Visio", "Quill": "Publisher",
    "__properties_version1.0": "Outlook message",
}  # fmt: skip
# {000C1084-…} and the similar ones for transforms and patches.
_INSTALLERS = {
    bytes([kind]) + bytes.fromhex("100c0000000000c000000000000046") for kind in (0x82, 0x84, 0x86)
}
_FILEPASS, _SHEET, _BOF, _EOF, _CODEPAGE_RECORD = 0x2F, 0x85, 0x809, 0x0A, 0x42
_ENCRYPTED_POWERPOINT = 0xF3D1C4DF
_DAMAGED = (DamagedError, struct.error, ReadTooLarge)


def is_ole(head: bytes) -> bool:
    """Whether a compound file begins here."""
    return head.startswith(MAGIC)


def run(file: Places) -> dict[str, Any]:
    """`{"format": "ole", "kind", "encrypted", "title", …}`, as far as known.

    Adds `pages` and `words`, `sheets`, `slides`, or an email's `subject` and `attachments`. `error`
    if its directory cannot be read.
    """
    report: dict[str, Any] = {"format": "ole"}
    try:
        storage = Storage(file)
    except _DAMAGED:
        return report | {"error": "Its directory cannot be read"}
    names = {path[0] for path in storage.entries if len(path) == 1}
    if {"EncryptedPackage", "EncryptionInfo"} & names:
        return report | {"kind": "Office document", "encrypted": True}
    kind = next((kind for name, kind in _KINDS.items() if name in names), None)
    if storage.root_clsid in _INSTALLERS:
        kind = "installer"
    if kind is None:
        return report
    report["kind"] = kind
    try:
        return report | _about(storage, kind)
    except _DAMAGED:
        return report | {"error": "A part of it is damaged, or its end is missing"}


def _about(storage: Storage, kind: str) -> dict[str, Any]:
    if kind == "Outlook message":
        return _message(storage)
    report: dict[str, Any] = {}
    if kind == "Word":
        report["encrypted"] = bool(_number(storage.read(("WordDocument",), 12)[10:12]) & 0x100)
    elif kind == "PowerPoint":
        mark = _number(storage.read(("Current User",), 16)[12:16])
        report["encrypted"] = mark == _ENCRYPTED_POWERPOINT
    elif kind == "Excel":
        report |= _workbook(storage)
    if any(path[-1] == "_VBA_PROJECT" for path in storage.entries):
        report["macros"] = True
    if not report.get("encrypted"):
        report |= _summary(storage, kind)
    return report


def _summary(storage: Storage, kind: str) -> dict[str, Any]:
    values = _properties(storage.read(_SUMMARY, MAX_SUMMARY))
    report: dict[str, Any] = {}
    # An installer's title is "Installation Database"; its subject is the product.
    title = values.get(_SUBJECT if kind == "installer" else _TITLE)
    if isinstance(title, str) and (title := printable(title, MAX_TITLE)):
        report["title"] = title
    for name, key in (("pages", _PAGES), ("words", _WORDS)):
        if kind == "Word" and isinstance(values.get(key), int) and values[key]:
            report[name] = values[key]
    if kind == "PowerPoint":
        slides = _properties(storage.read(_DOCUMENT_SUMMARY, MAX_SUMMARY)).get(_SLIDES)
        report |= {"slides": slides} if isinstance(slides, int) else {}
    return report


def _properties(data: bytes) -> dict[int, Any]:
    """Numbers and texts in the first section of a property set."""
    if len(data) < 48 or data[:2] != b"\xfe\xff":
        return {}
    section = _number(data[44:48])
    count = min(_number(data[section + 4 : section + 8]), 200)
    places = dict(
        struct.unpack_from("<II", data, section + 8 + 8 * index)
        for index in range(count)
        if section + 16 + 8 * index <= len(data)
    )
    code_page = 1252
    if _CODE_PAGE in places:
        at = section + places[_CODE_PAGE]
        code_page = _number(data[at + 4 : at + 6])
    return {key: _property(data, section + at, code_page) for key, at in places.items()}


def _property(data: bytes, at: int, code_page: int) -> Any:
    kind, size = _number(data[at : at + 2]), _number(data[at + 4 : at + 8])
    if kind == 3:
        return size if size < 0x80000000 else None
    if kind == 30:
        return _decode(data[at + 8 : at + 8 + size], code_page)
    if kind == 31:
        return data[at + 8 : at + 8 + 2 * size].decode("utf-16-le", "replace").split("\0")[0]
    return None


def _decode(raw: bytes, code_page: int) -> str:
    """A text in a Windows code page; 1200 is UTF-16, 65001 is UTF-8."""
    name = {1200: "utf-16-le", 65001: "utf-8", 10000: "mac-roman"}.get(code_page, f"cp{code_page}")
    try:
        codecs.lookup(name)
    except LookupError:
        name = "cp1252"
    return raw.decode(name, "replace").split("\0")[0]


def _workbook(storage: Storage) -> dict[str, Any]:
    """Sheets, and whether a password protects them, from the records before the first sheet."""
    stream = "Workbook" if ("Workbook",) in storage.entries else "Book"
    data = storage.read((stream,), MAX_GLOBALS)
    names: list[str] = []
    code_page, at = 1252, 0
    while at + 4 <= len(data):
        record, size = struct.unpack_from("<HH", data, at)
        body = data[at + 4 : at + 4 + size]
        at += 4 + size
        if record == _FILEPASS:
            return {"encrypted": True}
        if record == _CODEPAGE_RECORD:
            code_page = _number(body[:2])
        if record == _SHEET and len(body) > 7:
            names.append(_sheet_name(body, code_page, new=stream == "Workbook"))
        if record == _EOF:
            break
    first = [printable(name, MAX_NAME) for name in names[:SHOWN_NAMES]]
    return {"encrypted": False, "sheets": first, "sheet_count": len(names)}


def _sheet_name(body: bytes, code_page: int, *, new: bool) -> str:
    size, raw = body[6], body[7:]
    if not new:
        return _decode(raw[:size], code_page)
    if raw[0] & 1:
        return raw[1 : 1 + 2 * size].decode("utf-16-le", "replace")
    return raw[1 : 1 + size].decode("latin-1")


def _message(storage: Storage) -> dict[str, Any]:
    """An email as Outlook saves it: subject, sender, attachments."""
    report: dict[str, Any] = {}
    subject = _field(storage, (), "0037")
    sender = _field(storage, (), "5D01") or _field(storage, (), "0C1F")
    if sender.startswith("/"):  # an internal address of Exchange
        sender = _field(storage, (), "0C1A")
    if subject:
        report["subject"] = printable(subject, MAX_TITLE)
    if sender:
        report["from"] = printable(sender, MAX_TITLE)
    attached = sorted(
        path for path in storage.entries
        if len(path) == 1 and path[0].startswith("__attach_version1.0_#")
    )  # fmt: skip
    names = [
        _field(storage, path, "3707")
        or _field(storage, path, "3704")
        or _field(storage, path, "3001")
        for path in attached[:SHOWN_NAMES]
    ]
    return report | {
        "attachment_count": len(attached),
        "attachments": [printable(name, MAX_NAME) for name in names],
    }


def _field(storage: Storage, above: tuple[str, ...], tag: str) -> str:
    """A text of a message, by its property tag: UTF-16, or eight bits."""
    wide = storage.read((*above, f"__substg1.0_{tag}001F"), 2000)
    if wide:
        return wide.decode("utf-16-le", "replace").strip("\0")
    return storage.read((*above, f"__substg1.0_{tag}001E"), 1000).decode("cp1252", "replace")


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "little")
