"""Parses PDF objects from bytes, in bounded time and memory.

It does not know files: `parse` gets the bytes from the object's first byte on. ISO 32000-2, 7.2 and
7.3.
"""

import re
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 50  # nested objects
_SPACE = re.compile(rb"(?:[\0\t\n\f\r ]++|%[^\r\n]*+)*+")
_REFERENCE = re.compile(rb"(\d{1,10})[\0\t\n\f\r ]+(\d{1,5})[\0\t\n\f\r ]+R(?![A-Za-z0-9])")
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)")
_REGULAR = re.compile(rb"[^\0\t\n\f\r ()<>\[\]{}/%]*")
_HEX = re.compile(rb"#([0-9A-Fa-f]{2})")
_NOT_HEX = re.compile(rb"[^0-9A-Fa-f]")
_IN_STRING = re.compile(rb"[^()\\]*")
_ESCAPES = {
    b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f",
}  # fmt: skip
_OCTAL = re.compile(rb"[0-7]{1,3}")
_WORDS = {b"true": True, b"false": False, b"null": None}
# PDFDocEncoding, where it differs from Latin-1: ISO 32000-2, annex D.
_PDF_DOC = {
    code: char
    for start, chars in (
        (0x18, "˘ˇˆ˙˝˛˚˜"),
        (0x80, "•†‡…—–ƒ⁄‹›−‰„“”‘’‚™ﬁﬂŁŒŠŸŽıłœšž"),
        (0xA0, "€"),
    )
    for code, char in enumerate(chars, start)
}


class SyntaxDamagedError(Exception):
    """The bytes are not an object."""


class Unfinished(Exception):
    """The bytes end within the object."""


class Name(str):
    """A name, without its slash."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to another object, by its number."""

    number: int


def parse(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The object at `at`, and the position behind it.

    Dictionaries become dicts, arrays lists, strings bytes. Raises SyntaxDamagedError, or Unfinished
    if the bytes end first.
    """
    return _parse(data, at, 0)


def skip_space(data: bytes, at: int) -> int:
    """The position of the next token."""
    match = _SPACE.match(data, at)
    return match.end() if match else at


def text(value: bytes) -> str:
    """A text string: UTF-16 or UTF-8 with a mark, otherwise PDFDocEncoding."""
    if value.startswith(b"\xfe\xff"):
        return value[2:].decode("utf-16-be", "replace")
    if value.startswith(b"\xff\xfe"):
        return value[2:].decode("utf-16-le", "replace")
    if value.startswith(b"\xef\xbb\xbf"):
        return value[3:].decode("utf-8", "replace")
    return value.decode("latin-1").translate(_PDF_DOC)


def _parse(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        raise SyntaxDamagedError
    at = skip_space(data, at)
    first = data[at : at + 1]
    if not first:
        raise Unfinished
    if first == b"/":
        return _name(data, at + 1)
    if first == b"(":
        return _string(data, at + 1)
    if data.startswith(b"<<", at):
        return _dictionary(data, at + 2, depth)
    if first == b"<":
        return _hex_string(data, at + 1)
    if first == b"[":
        return _array(data, at + 1, depth)
    return _number_or_word(data, at)


def _number_or_word(data: bytes, at: int) -> tuple[Any, int]:
    if match := _REFERENCE.match(data, at):
        return Reference(int(match[1])), match.end()
    word = _REGULAR.match(data, at)
    end = word.end() if word else at
    token = data[at:end]
    if end == len(data):
        raise Unfinished
    if number := _NUMBER.match(token[:40]):
        digits = number[0]
        return (float(digits) if b"." in digits else int(digits)), end
    if token in _WORDS:
        return _WORDS[token], end
    raise SyntaxDamagedError


def _name(data: bytes, at: int) -> tuple[Name, int]:
    match = _REGULAR.match(data, at)
    end = match.end() if match else at
    raw = _HEX.sub(lambda code: bytes([int(code[1], 16)]), data[at:end])
    return Name(raw.decode("utf-8", "replace")), end


def _array(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    while (at := skip_space(data, at)) < len(data):
        if data[at] == ord("]"):
            return items, at + 1
        item, at = _parse(data, at, depth + 1)
        items.append(item)
    raise Unfinished


def _dictionary(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    entries: dict[str, Any] = {}
    while (at := skip_space(data, at)) < len(data):
        if data.startswith(b">>", at):
            return entries, at + 2
        if data[at] != ord("/"):
            raise SyntaxDamagedError
        name, at = _name(data, at + 1)
        entries[name], at = _parse(data, at, depth + 1)
    raise Unfinished


def _hex_string(data: bytes, at: int) -> tuple[bytes, int]:
    end = data.find(b">", at)
    if end < 0:
        raise Unfinished
    digits = _NOT_HEX.sub(b"", data[at:end])
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode()), end + 1


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    pieces: list[bytes] = []
    depth = 1
    while at < len(data):
        match = _IN_STRING.match(data, at)
        end = match.end() if match else at
        pieces.append(data[at:end])
        at = end
        one = data[at : at + 1]
        if one == b"\\":
            piece, at = _escape(data, at + 1)
            pieces.append(piece)
            continue
        depth += {b"(": 1, b")": -1}.get(one, 0)
        at += 1
        if not depth:
            return b"".join(pieces), at
        pieces.append(one)
    raise Unfinished


def _escape(data: bytes, at: int) -> tuple[bytes, int]:
    if octal := _OCTAL.match(data, at):
        return bytes([int(octal[0], 8) & 0xFF]), octal.end()
    one = data[at : at + 1]
    if one in (b"\r", b"\n"):  # a line continuation
        return b"", at + (2 if data.startswith(b"\r\n", at) else 1)
    return _ESCAPES.get(one, one), at + 1
