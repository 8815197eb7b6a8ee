"""Subject, sender, date and attachments of an email: RFC 5322, with MIME parts.

It reads the lines once and keeps only the headers of the parts, so memory is bounded by the longest
header. Python's own parser keeps the whole message. RFC 2045 to 2047, 2231.
"""

import contextlib
import email.errors
import email.header
import email.parser
import email.utils
import re
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from chalicelib.processors.places import printable
from chalicelib.reader import ObjectReader, OutOfTime

MAX_MESSAGE = 64 * 1024 * 1024  # bytes that are read; mail servers take less
MAX_HEADERS = 128 * 1024  # bytes of one part's headers
MAX_LINE = 16 * 1024
MAX_DEPTH = 20  # nested parts
MAX_VALUE = 2000  # decoded characters of a header
MAX_TITLE = 200
MAX_NAME = 80
SHOWN_NAMES = 30
_HEADER = re.compile(rb"(?:From .*\r?\n|>From .*\r?\n)?[!-9;-~]+[ \t]*:")


@dataclass(slots=True)
class _Scan:
    """The parts of a message that were read so far."""

    top: Message | None = None
    names: list[str] = field(default_factory=list)
    attachments: int = 0
    boundaries: list[bytes] = field(default_factory=list)


def is_email(head: bytes) -> bool:
    """Whether a header begins here."""
    return bool(_HEADER.match(head.lstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf")))


def run(source: ObjectReader, /) -> dict[str, Any]:
    """`{"format": "email", "subject", "from", "date", "attachment_count", "attachments"}`.

    `date` is ISO 8601. `complete` is false if the message was not read to its end.
    """
    scan = _Scan()
    try:
        complete = _read(source, scan)
    except OutOfTime:
        complete = False
    report: dict[str, Any] = {"format": "email"}
    if scan.top is not None:
        report |= _headers(scan.top)
    return report | {
        "attachment_count": scan.attachments,
        "attachments": scan.names,
        "complete": complete,
    }


def _read(source: ObjectReader, scan: _Scan) -> bool:
    """Read the lines; returns whether the end was reached."""
    # A small message takes one request; a larger one is read ahead.
    stream = source.stream()
    remaining = MAX_MESSAGE
    headers = _Headers()
    reading_headers = True
    while line := stream.readline(MAX_LINE):  # checks the time when it requests a block
        remaining -= len(line)
        if remaining < 0:
            return False
        if reading_headers:
            if line.strip():
                headers.add(line)
                continue
            if not headers.lines and scan.top is None:
                continue  # empty lines before the first header
            reading_headers = False
            _note(headers.parse(), scan)
            if not scan.boundaries:
                return True  # no parts: the rest is the text of the message
        elif line.startswith(b"--") and (ended := _boundary(line, scan.boundaries)) is not None:
            reading_headers = ended
            headers = _Headers()
    if reading_headers and headers.lines:
        _note(headers.parse(), scan)
    return True


class _Headers:
    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self._left = MAX_HEADERS

    def add(self, line: bytes) -> None:
        if not self.lines and line.startswith((b"From ", b">From ")):
            return
        if self._left > 0:
            self.lines.append(line)
            self._left -= len(line)

    def parse(self) -> Message:
        raw = b"".join(self.lines).removeprefix(b"\xef\xbb\xbf")
        try:
            text = raw.decode()
        except UnicodeDecodeError:  # before programs wrote UTF-8
            text = raw.decode("cp1252", "replace")
        return email.parser.HeaderParser().parsestr(text)


def _boundary(line: bytes, boundaries: list[bytes]) -> bool | None:
    """Whether a part begins at this line; None if the line is not a boundary."""
    text = line[2:].rstrip()
    for depth in range(len(boundaries) - 1, -1, -1):
        if text == boundaries[depth]:
            del boundaries[depth + 1 :]
            return True
        if text == boundaries[depth] + b"--":
            del boundaries[depth:]
            return False
    return None


def _note(part: Message, scan: _Scan) -> None:
    """Record a part: the message itself, a container of parts, or an attachment."""
    first = scan.top is None
    if first:
        scan.top = part
    if part.get_content_maintype() == "multipart":
        boundary = part.get_boundary()
        if boundary and len(scan.boundaries) < MAX_DEPTH:
            scan.boundaries.append(boundary.encode("utf-8", "surrogateescape").rstrip())
        return
    name = _name(part)
    inline = part.get_content_disposition() == "inline" or part.get("Content-ID") is not None
    attached = part.get_content_disposition() == "attachment"
    if (
        attached
        or (name and not inline)
        or (part.get_content_type() == "message/rfc822" and not first)
    ):
        scan.attachments += 1
        if len(scan.names) < SHOWN_NAMES:
            scan.names.append(printable(name or part.get_content_type(), MAX_NAME))


def _name(part: Message) -> str:
    try:
        return _decode(part.get_filename() or "")
    except (LookupError, ValueError):  # an unknown encoding
        return ""


def _headers(top: Message) -> dict[str, Any]:
    report: dict[str, Any] = {}
    if subject := printable(_decode(top.get("Subject", "")), MAX_TITLE):
        report["subject"] = subject
    if sender := printable(_decode(top.get("From", "")), MAX_TITLE):
        report["from"] = sender
    date = str(top.get("Date", ""))[:100]
    with contextlib.suppress(ValueError, OverflowError, TypeError):  # no date, or an invalid one
        report["date"] = email.utils.parsedate_to_datetime(date).isoformat()
    return report


def _decode(value: Any) -> str:
    """The text of a header, with its encoded words decoded."""
    text = str(value)[:MAX_VALUE]
    try:
        pieces = email.header.decode_header(text)
    except (email.errors.HeaderParseError, ValueError):
        return text
    return "".join(_piece(data, charset) for data, charset in pieces)


def _piece(data: str | bytes, charset: str | None) -> str:
    if isinstance(data, str):
        return data
    try:
        # Python returns the text between encoded words as bytes.
        return data.decode(charset or "raw-unicode-escape", "replace")
    except (LookupError, ValueError):
        return data.decode("ascii", "replace")
