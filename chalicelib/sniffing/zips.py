"""The type of a ZIP-based file: by its content types, its `mimetype` entry or its manifest.

Folder names do not count: any archive may have a folder `word`. Sources: ISO/IEC 29500-2 (Open
Packaging Conventions), OpenDocument 1.3 part 2, EPUB OCF 3.3, the JAR file specification.
"""

import re
import zlib
from collections.abc import Iterator

from chalicelib.families import family
from chalicelib.sniffing.evidence import Evidence
from chalicelib.type_names import canonical

ZIP = "application/zip"
JAR = "application/java-archive"
APK = "application/vnd.android.package-archive"
# An entry, the end of an empty archive, and the mark of a split archive.
_MARKS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04")
# An entry's method, its compressed size, and the lengths of its name and extra field.
_ENTRY = re.compile(rb"PK\x03\x04.{4}(..).{8}(.{4}).{4}(..)(..)", re.DOTALL)
# Behind an entry of unknown size: its data descriptor, or the next entry.
_NEXT = re.compile(rb"PK(?:\x03\x04|\x07\x08)")
_MEDIA_TYPE = re.compile(rb"(?:application|image|model)/[\w.+-]{1,100}")
# The only image format that is a ZIP: https://www.openraster.org/baseline/file-layout-spec.html.
_PICTURE = "image/openraster"
_STORE, _DEFLATE = 0, 8
_DESCRIPTOR = 24  # bytes of a data descriptor, at most
_MAX_CONTENT_TYPES = 64 * 1024  # bytes
_MAIN_TYPE = re.compile(
    rb"""ContentType\s*=\s*["']"""
    rb"(application/vnd\.(?:openxmlformats-officedocument|ms-word|ms-excel|ms-powerpoint|ms-visio)"
    rb"""\.[\w.]{1,80}?)(?:(?<=macroenabled)template)?\.main\+xml["']""",
    re.IGNORECASE,
)
_BINARY_WORKBOOK = b"application/vnd.ms-excel.sheet.binary.macroenabled"
# Packages whose main part has another form of type.
_OTHER_MAIN_TYPES = {
    b"application/vnd.ms-package.xps-fixeddocumentsequence+xml": "application/vnd.ms-xpsdocument",
    b"application/vnd.ms-package.3dmanufacturing-3dmodel+xml": "model/3mf",
    b"application/vnd.openxps": "application/oxps",
}
_PROGRAM_OF_APK = b"classes.dex"
_MANIFEST_OF_APK = b"AndroidManifest.xml"
_BINARY_XML = b"\x03\0\x08\0"  # apps have a binary manifest, libraries one in plain XML
_MANIFEST = b"META-INF/MANIFEST.MF"


def find_zip(head: bytes) -> Evidence | None:
    """The type of the archive that begins here; `application/zip` if nothing is more specific."""
    if not head.startswith(_MARKS):
        return None
    is_jar = False
    for index, (name, content, method) in enumerate(_entries(head)):
        if index == 0 and name == b"mimetype" and method == _STORE:
            media_type = _declared_type(content)
            if media_type:
                return Evidence(media_type, ZIP)
        unpacked = _unpack(content, method)
        if name == b"[Content_Types].xml":
            main = _main_type(unpacked)
            if main:
                return Evidence(main, ZIP)
        is_app = name == _MANIFEST_OF_APK and unpacked.startswith(_BINARY_XML)
        if is_app or name == _PROGRAM_OF_APK:
            return Evidence(APK, ZIP)
        is_jar = is_jar or name == _MANIFEST
    return Evidence(JAR if is_jar else ZIP, ZIP)


def _entries(head: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Name, packed content and method of each entry within these bytes.

    An archive inside an entry is content, and its entries do not count.
    """
    at = head.find(b"PK\x03\x04")
    while entry := _ENTRY.match(head, at):
        method, size, name_size, extra = (int.from_bytes(f, "little") for f in entry.groups())
        name_end = entry.end() + name_size
        start = name_end + extra
        following = None if size else _NEXT.search(head, start)
        end = start + size if size else following.start() if following else len(head)
        yield head[entry.end() : name_end], head[start:end], method
        at = end if head.startswith(b"PK\x03\x04", end) else head.find(b"PK\x03\x04", end)
        if at < 0 or at > end + _DESCRIPTOR:
            return


def _declared_type(content: bytes) -> str | None:
    """The type in a `mimetype` entry; None if that type cannot be a ZIP."""
    match = _MEDIA_TYPE.match(content)
    name = match.group().decode() if match else ""
    fits = name == _PICTURE or family(canonical(name)) in ("zip", None)
    return name if name and fits else None


def _unpack(content: bytes, method: int) -> bytes:
    """The expanded content of an entry, as far as these bytes go."""
    if method != _DEFLATE:
        return content
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, _MAX_CONTENT_TYPES)
    except zlib.error:
        return b""


def _main_type(content_types: bytes) -> str | None:
    """The type of an office document, from the type of its main part."""
    lowered = content_types.lower()
    for mark, content_type in _OTHER_MAIN_TYPES.items():
        if mark in lowered:
            return content_type
    if _BINARY_WORKBOOK in lowered:
        return "application/vnd.ms-excel.sheet.binary.macroEnabled.12"
    main = _MAIN_TYPE.search(content_types)
    if main is None:
        return None
    name = main.group(1).decode()
    return f"{name}.12" if name.lower().endswith(".macroenabled") else name
