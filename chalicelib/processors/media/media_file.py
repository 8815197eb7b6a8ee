"""Reads at offsets of a video or audio file, never beyond its end."""

from typing import Protocol

from chalicelib.processors.damaged import DamagedError


class Readable(Protocol):
    """The part of a file's interface that is used here."""

    def seek(self, offset: int, /) -> int: ...
    def read(self, size: int, /) -> bytes: ...


class MediaFile:
    """A file of `size` bytes; places are offsets from its beginning."""

    def __init__(self, file: Readable, size: int) -> None:
        self._file = file
        self.size = size

    def at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes; fewer at the end of the file."""
        needed = min(size, self.size - offset)
        if needed <= 0:
            return b""
        self._file.seek(offset)
        return self._file.read(needed)

    def exact(self, offset: int, size: int) -> bytes:
        """`size` bytes; raises DamagedError if the file ends before."""
        data = self.at(offset, size)
        if len(data) < size:
            raise DamagedError
        return data

    def tail(self, size: int) -> bytes:
        """The last `size` bytes; all of a smaller file."""
        return self.at(max(0, self.size - size), size)
