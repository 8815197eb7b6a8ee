"""Whether an office document in a ZIP contains macros, whatever its name and type say.

Office programs find macros by content type, not by name:
https://learn.microsoft.com/openspecs/office_standards/ms-offmacro/
"""

import struct
import zlib
from typing import TYPE_CHECKING

from chalicelib.reader import ObjectReader

if TYPE_CHECKING:
    from chalicelib.processors.archive.zip.zip_directory import Entry

_CONTENT_TYPES = b"[content_types].xml"
_PROJECT = b"vbaproject.bin"
_MARKS = (b"vnd.ms-office.vbaproject", b"macrosheet+xml")  # Visual Basic, and Excel's older macros
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument."
_FOLDERS = (b"basic/", b"scripts/")  # folders in an OpenDocument file
_LOCAL_SIZE = 30
_MAX_TYPES = 1024 * 1024  # bytes of the entry with the content types
_STORE, _DEFLATE = 0, 8


class Macros:
    """Collects what the names of the entries say about macros."""

    def __init__(self) -> None:
        self._types: Entry | None = None
        self._mimetype: Entry | None = None
        self._has_project = False
        self._has_folder = False

    def add(self, entry: "Entry") -> None:
        """Look at the name of an entry."""
        name = entry.raw_name.replace(b"\\", b"/").lower()
        if name == _CONTENT_TYPES:
            self._types = entry
        elif name == b"mimetype":
            self._mimetype = entry
        self._has_project |= name.rpartition(b"/")[2] == _PROJECT
        self._has_folder |= name.startswith(_FOLDERS) and not name.endswith(b"/")

    def are_in(self, source: ObjectReader, origin: int) -> bool:
        """Whether this is an office document with macros."""
        if self._mimetype and self._has_folder:
            return _contents(source, origin, self._mimetype).startswith(_OPEN_DOCUMENT)
        if self._types is None:
            return False
        if self._has_project:
            return True
        # Zeros are removed, because the list may be in UTF-16.
        types = _contents(source, origin, self._types).replace(b"\0", b"").lower()
        return any(mark in types for mark in _MARKS)


def _contents(source: ObjectReader, origin: int, entry: "Entry") -> bytes:
    """The beginning of an entry's contents; empty if they cannot be read."""
    file = source.seekable(limit=2 * _MAX_TYPES)
    file.seek(origin + entry.offset)
    header = file.read(_LOCAL_SIZE)
    if len(header) < _LOCAL_SIZE or entry.is_encrypted:
        return b""
    file.seek(sum(struct.unpack("<2H", header[26:])), 1)
    packed = file.read(min(entry.packed_size, _MAX_TYPES))
    if entry.method == _STORE:
        return packed
    if entry.method != _DEFLATE:
        return b""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, _MAX_TYPES)
    except zlib.error:
        return b""
