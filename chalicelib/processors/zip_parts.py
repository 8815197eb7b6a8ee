"""Bounded reads of named entries in a ZIP, for office documents and e-books.

It uses Python's zipfile and reads Stored and Deflated entries, the only methods that these formats
allow. `archive` lists any ZIP; this module reads a few entries of well-formed ones.
"""

import zipfile
import zlib
from collections.abc import Collection, Iterator
from typing import IO, cast

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.xml_elements import Element, NotXML, elements
from chalicelib.reader import ObjectReader, ReadTooLarge

MAX_DIRECTORY = 1024 * 1024  # bytes: zipfile makes an object of each entry
MAX_REQUESTED = 16 * 1024 * 1024  # bytes requested from S3 in all
MAX_PART = 1024 * 1024  # bytes of an expanded entry
_PIECE = 64 * 1024
_ENCRYPTED = 1
DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError,
    RuntimeError, IndexError, OverflowError, DamagedError, ReadTooLarge, NotXML,
)  # fmt: skip


class _SmallReads:
    """A file that refuses single reads above `MAX_DIRECTORY` bytes."""

    def __init__(self, source: ObjectReader) -> None:
        file = source.seekable(limit=MAX_REQUESTED)
        self._read = file.read
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size < 0:  # zipfile reads the end record like this
            return self._read(MAX_DIRECTORY)
        if size > MAX_DIRECTORY:
            raise ReadTooLarge(f"more than {MAX_DIRECTORY} bytes at once")
        return self._read(size)


class Parts:
    """The entries of a ZIP by name; raises one of `DAMAGED` if the ZIP is damaged."""

    def __init__(self, source: ObjectReader) -> None:
        self._check_time = source.check_time
        self._zip = zipfile.ZipFile(cast("IO[bytes]", _SmallReads(source)))
        self.names = self._zip.namelist()
        self._by_lower = {name.lower(): name for name in self.names}

    def has(self, name: str) -> bool:
        """Whether this entry exists. Case is ignored, as in the Open Packaging Conventions."""
        return name.lower() in self._by_lower

    def pieces(self, name: str, limit: int = MAX_PART) -> Iterator[bytes]:
        """The first `limit` expanded bytes of an entry; nothing if there is no such entry."""
        if not self.has(name):
            return
        info = self._zip.getinfo(self._by_lower[name.lower()])
        if info.flag_bits & _ENCRYPTED or info.compress_type not in (
            zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED,
        ):  # fmt: skip
            raise DamagedError
        with self._zip.open(info) as file:
            while limit > 0 and (piece := file.read(min(_PIECE, limit))):
                self._check_time()
                limit -= len(piece)
                yield piece

    def elements(self, name: str, names: Collection[str], limit: int = MAX_PART) -> list[Element]:
        """The elements of these names in the first `limit` bytes of an XML entry."""
        return elements(self.pieces(name, limit), names)
