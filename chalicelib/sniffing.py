"""The content type that an object's first bytes show, whatever its name says.

puremagic knows the signatures. What it confuses, because many formats begin alike (ZIP, MP4) or
because the signature is a few letters that a text may begin with, is told here. Must not know S3.
"""

import codecs
import re
import struct

import puremagic

EMPTY = "application/x-empty"
UNKNOWN = "application/octet-stream"
TEXT = "text/plain"
ZIP = "application/zip"
OLE = "application/x-ole-storage"
PE = "application/vnd.microsoft.portable-executable"
# puremagic's confidence in a signature of one byte: noise starts so too.
_WEAK = 0.1
_TEXT_CONTROLS = frozenset("\t\n\r\f\x1b")
# Programs: puremagic knows them without a media type.
_PROGRAMS = {
    b"\x7fELF": "application/x-executable",
    b"\xfe\xed\xfa\xce": "application/x-mach-binary",
    b"\xfe\xed\xfa\xcf": "application/x-mach-binary",
    b"\xce\xfa\xed\xfe": "application/x-mach-binary",
    b"\xcf\xfa\xed\xfe": "application/x-mach-binary",
    b"\xca\xfe\xba\xbe": "application/java-vm",
    b"\0asm": "application/wasm",
}
# How HTML may begin: https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type
_HTML = re.compile(
    rb"[\t\n\f\r ]*<(!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body"
    rb"|br|p|!--)[\t\n\f\r />-]",
    re.IGNORECASE,
)
_SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml[\s?]")
# The types of puremagic's that are text; others it finds in a text are letters taken for numbers.
_TEXTS = re.compile(r"text/.*|application/(json|xml|pdf|rtf|postscript)|image/svg\+xml")
# What the names in a ZIP say of it, in the order of trust.
_IN_ZIP = {
    b"word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    b"AndroidManifest.xml": "application/vnd.android.package-archive",
    b"META-INF/": "application/java-archive",
}
# An entry's compressed size, and the lengths of its name and extra field.
_ZIP_ENTRY = re.compile(rb"PK\x03\x04.{14}(.{4}).{4}(..)(..)", re.DOTALL)
_MEDIA_TYPE = re.compile(rb"application/[\w.+-]{1,100}")
# puremagic's names where browsers, and so lists of allowed types, have others.
_NAMES = {
    "application/x-gzip": "application/gzip",
    "audio/wave": "audio/wav",
    "image/x-icon": "image/vnd.microsoft.icon",
    "image/x-ms-bmp": "image/bmp",
    "video/avi": "video/x-msvideo",
    "video/dvd": "video/mpeg",
}
# Major brands of ISO media files: https://mp4ra.org/registered-types/brands
_BRANDS = {
    b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic",
    b"mif1": "image/heif", b"msf1": "image/heif", b"M4A ": "audio/mp4", b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}  # fmt: skip


def sniff(head: bytes) -> str:
    """The media type shown by the beginning of an object, its first kilobytes."""
    if not head:
        return EMPTY
    if _is_text(head):
        return _text_type(head)
    return _program_type(head) or _container_type(head) or _known_type(head) or UNKNOWN


def _program_type(head: bytes) -> str | None:
    return PE if _is_windows_program(head) else _PROGRAMS.get(head[:4])


def _container_type(head: bytes) -> str | None:
    """The formats that many others are made of."""
    if head.startswith(b"PK\x03\x04"):
        return _zip_type(head)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return OLE
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/3gpp" if head[8:10] == b"3g" else "video/mp4")
    return None


def _known_type(head: bytes) -> str | None:
    """What puremagic is surest of, among the formats that have a media type."""
    try:
        matches = puremagic.magic_string(head)
    except puremagic.PureError:
        return None
    named = [match for match in matches if match.mime_type and match.confidence > _WEAK]
    best = max(named, key=lambda match: match.confidence, default=None)
    return _NAMES.get(best.mime_type, str(best.mime_type)) if best is not None else None


def _text_type(head: bytes) -> str:
    if _HTML.match(head):
        return "text/html"
    if _SVG.search(head) and (_XML.match(head) or head.lstrip().startswith(b"<")):
        return "image/svg+xml"
    if _XML.match(head):
        return "application/xml"
    known = _known_type(head)
    return known if known is not None and _TEXTS.fullmatch(known) else TEXT


def _is_windows_program(head: bytes) -> bool:
    """A DOS header that points to a PE one, or to beyond what is here."""
    pointer = 0x3C
    if not head.startswith(b"MZ") or len(head) < pointer + 4:
        return False
    (start,) = struct.unpack_from("<I", head, pointer)
    return start >= len(head) or head[start : start + 2] in (b"PE", b"NE", b"LE", b"LX")


def _zip_type(head: bytes) -> str:
    """By the names of its first entries; `mimetype`, stored first, says it in its content."""
    names = []
    for entry in _ZIP_ENTRY.finditer(head):
        size, length, extra = (int.from_bytes(field, "little") for field in entry.groups())
        content = entry.end() + length + extra
        names.append(head[entry.end() : entry.end() + length])
        if names == [b"mimetype"] and _MEDIA_TYPE.fullmatch(head[content : content + size]):
            return head[content : content + size].decode()
    for beginning, content_type in _IN_ZIP.items():
        if any(name.startswith(beginning) for name in names):
            return content_type
    return ZIP


def _is_text(head: bytes) -> bool:
    """UTF-8, its mark and a cut off character allowed, without controls but white space."""
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c.isspace() or c in _TEXT_CONTROLS for c in text)
