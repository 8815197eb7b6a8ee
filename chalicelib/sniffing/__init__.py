"""Detects the type of a file from its first bytes, not from its name or declared type.

Pure. `signatures` is a table of constants. `structures`, `iso_media` and `zips` parse headers.
`markup` searches for content that a browser would run. Text is never taken for a binary format,
even if its letters equal a signature. The file may continue after the bytes.
"""

import json
import re
from dataclasses import replace

from chalicelib.sniffing.evidence import Evidence
from chalicelib.sniffing.iso_media import find_iso_media
from chalicelib.sniffing.markup import find_markup
from chalicelib.sniffing.signatures import PROGRAMS, SURE, WEAK, find
from chalicelib.sniffing.structures import PERHAPS, STRUCTURES
from chalicelib.sniffing.zips import ZIP, find_zip
from chalicelib.text_encoding import decode, is_text

EMPTY = "application/x-empty"
UNKNOWN = "application/octet-stream"
TEXT = "text/plain"
PDF = "application/pdf"
OLE = "application/x-ole-storage"
# Their signatures are long, and a small file of these types may contain only text bytes.
_LIKE_TEXT = frozenset({"application/x-bzip2", "application/zstd"})
# The header of a PDF may be within so many bytes: Adobe's implementation notes to ISO 32000,
# appendix H.
_PDF_WITHIN = 1024
_PDF = re.compile(rb"%PDF-\d")
_SCRIPT = b"#!"
# Program archives that begin with a script line.
_SCRIPTED = ("application/java-archive", "application/x-python-zipapp")
# A Python zipapp: a line that names the interpreter, then a ZIP
# (https://peps.python.org/pep-0441/).
_ZIPAPP = re.compile(rb"#![^\n]{0,200}\n?PK\x03\x04")
_BLANK = re.compile(rb"(?:\xef\xbb\xbf)?[\0\s]*")


def sniff(head: bytes) -> Evidence:
    """The evidence in the first kilobytes of a file."""
    if not head:
        return Evidence(EMPTY)
    program = find(head, PROGRAMS)
    if program is not None:
        return Evidence(program, is_program=True)
    has_letters = is_text(head)
    text = decode(head)
    markup = find_markup(text)
    if markup is not None and (markup.is_active or has_letters):
        return markup
    if has_letters and find(head, SURE) not in _LIKE_TEXT:
        return _of_text(head, text.lstrip("\ufeff"))
    return _of_bytes(head) or _pdf(head) or _of_few_bits(head)


def _of_text(head: bytes, text: str) -> Evidence:
    pdf = _pdf(head)
    if pdf is not None and pdf.is_sure:
        return replace(pdf, is_text=True)
    if text.startswith(_SCRIPT.decode()):
        return Evidence(TEXT, perhaps=_SCRIPTED, is_text=True, is_program=True)
    if text.startswith("%!PS"):
        return Evidence("application/postscript", is_text=True)
    if text.startswith("{\\rtf"):
        return Evidence("application/rtf", is_text=True)
    if _is_json(text):
        return Evidence("application/json", is_text=True)
    return Evidence(TEXT, perhaps=(PDF,) if pdf else (), is_text=True)


def _of_bytes(head: bytes) -> Evidence | None:
    evidence = find_zip(head) or find_iso_media(head)
    if evidence is not None:
        return evidence
    sure = find(head, SURE)
    if sure is not None:
        return Evidence(sure, sure if sure == OLE else None)
    for look in STRUCTURES:
        evidence = look(head)
        if evidence is not None:
            return evidence
    if _ZIPAPP.match(head):
        return Evidence("application/x-pyz", ZIP, (*_SCRIPTED, ZIP), is_program=True)
    if head.startswith(_SCRIPT):
        # A program with attached data, such as a self-extracting archive.
        return Evidence("application/x-sh", perhaps=_SCRIPTED, is_program=True)
    return None


def _of_few_bits(head: bytes) -> Evidence:
    """Evidence from weak signatures, which other formats may share."""
    weak = find(head, WEAK)
    perhaps = tuple(content_type for content_type, fits in PERHAPS if fits(head))
    return Evidence(weak or UNKNOWN, perhaps=perhaps, is_sure=False)


def _pdf(head: bytes) -> Evidence | None:
    """A PDF. The evidence is sure if only white space precedes the header."""
    header = _PDF.search(head, 0, _PDF_WITHIN)
    if header is None:
        return None
    blank = _BLANK.match(head)
    is_first = blank is not None and blank.end() >= header.start()
    return Evidence(PDF, is_sure=is_first)


def _is_json(text: str) -> bool:
    """Whether the text is one JSON object or array."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
