"""SVG, plain or in gzip: the size of its root element when a browser shows it alone.

Expat reads only up to the root element, and loads no other file. It limits the expansion of
entities. https://www.w3.org/TR/SVG2/coords.html#SizingSVGInCSS
"""

import itertools
import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from chalicelib.processors.image.size import NotAnImage, Size, SizeUnknown, round_size

# The beginning of an XML file, in UTF-8 or UTF-16.
XML = rb"(?:\xef\xbb\xbf)?\s*<|(?:\xff\xfe)?(?:\s\x00)*<\x00|(?:\xfe\xff)?(?:\x00\s)*\x00<"
MAX_TEXT = 4 * 1024 * 1024  # bytes read to find the root element
_PIECE = 64 * 1024  # bytes
# CSS pixels of a unit: https://www.w3.org/TR/css-values-4/#absolute-lengths. A font has 16.
_UNITS = {
    "": 1, "px": 1, "pt": 96 / 72, "pc": 16, "in": 96, "cm": 96 / 2.54, "mm": 96 / 25.4,
    "q": 96 / 101.6, "em": 16, "rem": 16,
}  # fmt: skip
_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?"
_LENGTH = re.compile(rf"\s*({_NUMBER})([a-z]*)\s*", re.IGNORECASE)
_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_MULTI_BYTE = re.compile(r"shift|sjis|euc|gb|big5|iso-2022|ks_c|cp9|windows-31j", re.IGNORECASE)
_MAX_LENGTH = 200  # characters of an attribute


class _Root(Exception):
    """Ends the parsing at the root element."""

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        super().__init__(name)
        self.name = name
        self.attributes = attributes


def read(file: BinaryIO) -> Size:
    """The size in CSS pixels; raises SizeUnknown, or NotAnImage for another root element."""
    return _size(_root(_pieces(file)))


def read_gzip(file: BinaryIO) -> Size:
    """The size of an `.svgz` file."""
    pieces = _inflate(file)
    first = next(pieces, b"")
    if not re.match(XML, first):
        error = SizeUnknown("Its compressed content is not an SVG")
        error.format = "gzip"
        raise error
    return _size(_root(itertools.chain([first], pieces)))


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    for _ in range(0, MAX_TEXT, _PIECE):
        piece = file.read(_PIECE)
        if not piece:
            return
        yield piece


def _inflate(file: BinaryIO) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=31)
    remaining = MAX_TEXT
    try:
        for piece in _pieces(file):
            data = piece
            while data and remaining > 0:
                text = inflater.decompress(data, _PIECE)
                remaining -= len(text)
                if text:
                    yield text
                data = inflater.unconsumed_tail
    except zlib.error as error:
        raise SizeUnknown("Its compressed data are damaged") from error


def _root(pieces: Iterator[bytes]) -> dict[str, str]:
    """The attributes of the root element."""
    from xml.parsers import expat  # needed for SVG only

    def begin(name: str, attributes: dict[str, str]) -> None:
        raise _Root(name, attributes)

    first = next(pieces, b"")
    declaration = _ENCODING.search(first[:1024])
    encoding = declaration[1].decode("ascii") if declaration else ""
    parser = expat.ParserCreate(_expat_encoding(encoding))
    parser.StartElementHandler = begin
    try:
        parser.Parse(first)
        for piece in pieces:
            parser.Parse(piece)
    except _Root as root:
        if root.name.rpartition(":")[2] != "svg":
            raise NotAnImage from root
        return root.attributes
    except expat.ExpatError as error:
        raise SizeUnknown("Its XML is damaged before its svg element begins") from error
    raise SizeUnknown("Its svg element does not begin in the first 4 MiB")


def _expat_encoding(encoding: str) -> str | None:
    """The encoding to pass to expat if it does not know the declared one."""
    if encoding.lower() == "utf8":
        return "utf-8"
    # Markup is ASCII in all of them, and other text does not matter.
    return "iso-8859-1" if _MULTI_BYTE.search(encoding) else None


def _size(attributes: dict[str, str]) -> Size:
    view = _view(attributes.get("viewBox", ""))
    width, height = (_length(attributes.get(side, "")) for side in ("width", "height"))
    if width is not None and height is not None:
        return round_size(width, height)
    if not view:
        raise SizeUnknown("It has neither width and height in fixed units nor a viewBox")
    if width is not None:
        return round_size(width, width * view[1] / view[0])
    if height is not None:
        return round_size(height * view[0] / view[1], height)
    return round_size(*view)


def _length(text: str) -> float | None:
    """A side in pixels; None if the page decides, or if the length is invalid."""
    match = _LENGTH.fullmatch(text[:_MAX_LENGTH])
    unit = _UNITS.get(match[2].lower()) if match else None
    return float(match[1]) * unit if match and unit else None


def _view(text: str) -> tuple[float, float] | None:
    """Width and height of a viewBox: four numbers separated by spaces or commas."""
    numbers = re.split(r"\s*,\s*|\s+", text[:_MAX_LENGTH].strip())
    if len(numbers) != 4 or not all(re.fullmatch(_NUMBER, each, re.IGNORECASE) for each in numbers):
        return None
    width, height = float(numbers[2]), float(numbers[3])
    return (width, height) if width > 0 and height > 0 else None
