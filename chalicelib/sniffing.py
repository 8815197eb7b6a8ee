"""The content type that an object's first bytes show, whatever its name says.

puremagic knows the signatures; text has none, so it is told by decoding. Must not know S3.
"""

import codecs

import puremagic

EMPTY = "application/x-empty"
UNKNOWN = "application/octet-stream"
TEXT = "text/plain"
# puremagic's confidence in a signature of one byte, such as JSON's brace: noise starts so too.
_WEAK = 0.1
_TEXT_CONTROLS = frozenset("\t\n\r\f\x1b")


def sniff(head: bytes) -> str:
    """The media type shown by the beginning of an object."""
    if not head:
        return EMPTY
    try:
        matches = puremagic.magic_string(head)
    except puremagic.PureError:
        matches = []
    best = max((match.confidence for match in matches), default=0.0)
    named = [m.mime_type for m in matches if m.confidence == best > _WEAK and m.mime_type]
    if named:
        return str(named[0])
    return TEXT if _is_text(head) else UNKNOWN


def _is_text(head: bytes) -> bool:
    """UTF-8, its mark and a cut off character allowed, without controls but white space."""
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c.isspace() or c in _TEXT_CONTROLS for c in text)
