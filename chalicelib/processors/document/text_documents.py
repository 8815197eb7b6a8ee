"""RTF, calendars and address books: fields in their first megabytes of text."""

import codecs
import re
from typing import Any

from chalicelib.processors.places import Places, printable
from chalicelib.reader import MAX_READ

MAX_TITLE = 200  # characters
_INFO = 64 * 1024  # bytes of an RTF in which its title and pages are searched
_CODE_PAGE = re.compile(rb"\\ansicpg(\d{3,5})")
_TITLE = re.compile(rb"\{\\title ?((?:[^{}\\]|\\.)*+)\}", re.DOTALL)
_PAGES = re.compile(rb"\\nofpages(\d{1,6})")
_ESCAPED = re.compile(
    rb"\\u(-?\d{1,5}) ?(?:\\'[0-9a-fA-F]{2}|\?)?|\\'([0-9a-fA-F]{2})|\\[a-z]+-?\d* ?|\\(.)"
)
_BEGINNINGS = {
    b"BEGIN:VCALENDAR": ("icalendar", {"events": b"VEVENT", "todos": b"VTODO"}),
    b"BEGIN:VCARD": ("vcard", {"contacts": b"VCARD"}),
}


def run(file: Places, head: bytes) -> dict[str, Any]:
    """`{"format": "rtf", "title", "pages"}`, or the entries of a calendar or an address book.

    `complete` is false for those that are longer than `MAX_READ` bytes.
    """
    if head.startswith(b"{\\rtf"):
        return _rich_text(file.read(0, _INFO))
    start = head.removeprefix(codecs.BOM_UTF8).lstrip().upper()
    for beginning, (name, entries) in _BEGINNINGS.items():
        if start.startswith(beginning):
            data = file.read(0, MAX_READ)
            counts = {key: _count(data, mark) for key, mark in entries.items()}
            return {"format": name} | counts | {"complete": file.size <= MAX_READ}
    return {}


def _count(data: bytes, name: bytes) -> int:
    return sum(1 for _ in re.finditer(rb"(?mi)^(?:\xef\xbb\xbf)?BEGIN:%s[ \t]*\r?$" % name, data))


def _rich_text(data: bytes) -> dict[str, Any]:
    report: dict[str, Any] = {"format": "rtf"}
    page = _CODE_PAGE.search(data)
    encoding = f"cp{int(page[1])}" if page else "cp1252"
    try:
        codecs.lookup(encoding)
    except LookupError:
        encoding = "cp1252"
    if title := _TITLE.search(data):
        text = printable(_unescape(title[1], encoding), MAX_TITLE)
        report |= {"title": text} if text else {}
    if pages := _PAGES.search(data):
        report |= {"pages": int(pages[1])} if int(pages[1]) else {}
    return report


def _unescape(raw: bytes, encoding: str) -> str:
    """A text without RTF escapes, which are bytes in the code page or UTF-16 units."""
    raw = raw[: 8 * MAX_TITLE].replace(b"\r", b"").replace(b"\n", b"")
    text, at, pending = "", 0, bytearray()
    for match in _ESCAPED.finditer(raw):
        pending += raw[at : match.start()]
        at = match.end()
        if match[2]:
            pending.append(int(match[2], 16))
        elif match[3]:
            pending += match[3]
        elif match[1]:
            text += pending.decode(encoding, "replace") + chr(int(match[1]) & 0xFFFF)
            pending.clear()
    text += (pending + raw[at:]).decode(encoding, "replace")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
