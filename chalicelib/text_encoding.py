"""Whether the beginning of a file is text, and in which Unicode encoding.

Pure. It names no code page: a text in Windows-1252 is also valid in twenty other code pages.
"""

import codecs
import re

# Byte order marks: https://www.unicode.org/faq/utf_bom#BOM. UTF-32 is first: its mark starts with
# that of UTF-16. The codecs on the right remove the mark from the decoded text.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings without a mark, recognised by their zero bytes. Each has the bytes of a character, and
# which of them are zero in a Latin letter, a digit, a space and a line end.
_PATTERNS = (
    ("utf-32-le", 4, (1, 2, 3)),
    ("utf-32-be", 4, (0, 1, 2)),
    ("utf-16-le", 2, (1,)),
    ("utf-16-be", 2, (0,)),
)
# At least one in this many characters is one of those: all scripts have spaces and line ends.
_LATIN_SHARE = 8
# Control characters that no text has: all but backspace (manual pages), tab, line feed, vertical
# tab, form feed, carriage return and escape (colours).
_CONTROLS = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f]")
_CONTROL_BYTES = re.compile(rb"[\x00-\x07\x0e-\x1a\x1c-\x1f]")
# Code points that no text has, but two-byte numbers have: https://www.unicode.org/faq/private_use.
_NO_CHARACTERS = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")
# At most one in this many characters of a UTF-8 text is such a control character: separators of
# fields, bells, the protocol of a terminal.
_CONTROL_SHARE = 8
_DOS_END_OF_FILE = b"\x1a"
# Bytes. A longer legacy text has more than two different bytes; erased memory does not.
_FILLED = 16


def encoding_of(head: bytes) -> str | None:
    """The Unicode encoding of a text's beginning, as the name of a Python codec.

    `utf-8-sig`, `utf-16` and `utf-32` where it starts with a mark, which those codecs remove;
    `utf-8`, `utf-16-le`, `utf-16-be`, `utf-32-le`, `utf-32-be` where it has none. Pure ASCII is
    `utf-8`. None where it is no text, or a text in a legacy code page. The last character may be
    cut off.
    """
    candidates = [codec for mark, codec in _MARKS if head.startswith(mark)]
    if not candidates:
        candidates = [
            codec for codec, width, zeros in _PATTERNS if _has_zeros(head, width, zeros)
        ] or ["utf-8"]
    return next((codec for codec in candidates if _decodes(head, codec)), None)


def is_text(head: bytes) -> bool:
    """Whether the beginning of a file is text in any encoding that people use.

    In UTF-8, UTF-16 or UTF-32 every assigned or unassigned character is text. In legacy code pages
    (Windows, DOS, ISO 8859, KOI8, Shift_JIS, EUC, GB18030) every byte is text, except control
    characters. A DOS end of file (0x1A) at the end is allowed.
    """
    if encoding_of(head) is not None:
        return True
    filled = len(head) > _FILLED and len(set(head)) <= 2  # noqa: PLR2004 - see `_FILLED`
    return not filled and not _CONTROL_BYTES.search(head.rstrip(_DOS_END_OF_FILE))


def decode(head: bytes) -> str:
    """The text of a beginning, read in its Unicode encoding; bytes of other encodings as Latin-1.

    For callers that search for markup or keywords, which are ASCII in all of them.
    """
    codec = encoding_of(head) or "latin-1"
    return codecs.getincrementaldecoder(codec)("replace").decode(head)


def _has_zeros(head: bytes, width: int, zeros: tuple[int, ...]) -> bool:
    """Whether enough characters of this width have the zero bytes of Latin letters."""
    characters = len(head) // width
    letters = min(head[index : characters * width : width].count(0) for index in zeros)
    return letters > 1 and letters * _LATIN_SHARE >= characters


def _decodes(head: bytes, codec: str) -> bool:
    is_utf8 = codec.startswith("utf-8")
    try:
        text = codecs.getincrementaldecoder(codec)().decode(
            head.rstrip(_DOS_END_OF_FILE) if is_utf8 else head
        )
    except UnicodeDecodeError:
        return False
    if not is_utf8 and _NO_CHARACTERS.search(text):
        return False
    allowed = len(text) // _CONTROL_SHARE if is_utf8 else text.endswith("\x1a")
    return "\0" not in text and len(_CONTROLS.findall(text)) <= allowed
