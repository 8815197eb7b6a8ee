"""Bytes at places of a film or a sound, which never go beyond its end."""

from typing import Protocol

from chalicelib.processors.damaged import DamagedError


class Readable(Protocol):
    """What is needed of an open file."""

    def seek(self, offset: int, /) -> int: ...
    def read(self, size: int, /) -> bytes: ...


class MediaFile:
    """A file of `size` bytes; places are offsets from its beginning."""

    def __init__(self, file: Readable, size: int) -> None:
        self._file = file
        self.size = size

    def at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes; fewer where the file ends."""
        needed = min(size, self.size - offset)
        if needed <= 0:
            return b""
        self._file.seek(offset)
        return self._file.read(needed)

    def exact(self, offset: int, size: int) -> bytes:
        """`size` bytes; raises DamagedError where the file ends before."""
        data = self.at(offset, size)
        if len(data) < size:
            raise DamagedError
        return data

    def tail(self, size: int) -> bytes:
        """The last `size` bytes; all of a smaller file."""
        return self.at(max(0, self.size - size), size)
