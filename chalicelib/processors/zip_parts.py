"""The parts of an office document or a book that is a ZIP: bounded reads of the named entries.

The archive processor lists any ZIP; this reads a few entries of those that are made in an orderly
way, by Python's zipfile. Only Stored and Deflated, which these formats allow.
"""

import zipfile
import zlib
from collections.abc import Collection, Iterator
from typing import IO, cast

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.xml_elements import Element, NotXML, elements
from chalicelib.reader import ObjectReader, ReadTooLarge

MAX_DIRECTORY = 1024 * 1024  # bytes: zipfile makes an object of each entry
MAX_REQUESTED = 16 * 1024 * 1024  # bytes asked of S3 in all
MAX_PART = 1024 * 1024  # bytes of an entry, expanded
_PIECE = 64 * 1024
_ENCRYPTED = 1
DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError,
    RuntimeError, IndexError, OverflowError, DamagedError, ReadTooLarge, NotXML,
)  # fmt: skip


class _SmallReads:
    """A file that gives no more at once than a directory of `MAX_DIRECTORY` bytes takes."""

    def __init__(self, source: ObjectReader) -> None:
        file = source.seekable(limit=MAX_REQUESTED)
        self._read = file.read
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size < 0:  # it reads the last record like this
            return self._read(MAX_DIRECTORY)
        if size > MAX_DIRECTORY:
            raise ReadTooLarge(f"more than {MAX_DIRECTORY} bytes at once")
        return self._read(size)


class Parts:
    """The entries of a ZIP by their names; raises one of `DAMAGED` where it breaks its rules."""

    def __init__(self, source: ObjectReader) -> None:
        self._check_time = source.check_time
        self._zip = zipfile.ZipFile(cast("IO[bytes]", _SmallReads(source)))
        self.names = self._zip.namelist()
        self._by_lower = {name.lower(): name for name in self.names}

    def has(self, name: str) -> bool:
        """Whether there is such a part; OPC compares names without regard to case."""
        return name.lower() in self._by_lower

    def pieces(self, name: str, limit: int = MAX_PART) -> Iterator[bytes]:
        """An entry's first `limit` bytes, expanded; nothing when there is no such entry."""
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
        """The elements of these names in an XML entry's first `limit` bytes."""
        return elements(self.pieces(name, limit), names)
