"""The bytes of a header, read in order; whoever reads past their end finds the archive damaged."""

from collections.abc import Callable

from chalicelib.processors.damaged import DamagedError


class Cursor:
    """A place in bytes, which are not copied; `check_time` may end a long list of numbers."""

    def __init__(
        self, data: bytes | memoryview, check_time: Callable[[], None] = lambda: None
    ) -> None:
        self._data = memoryview(data)
        self._check_time = check_time
        self._at = 0

    @property
    def remaining(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    def byte(self) -> int:
        """The next byte."""
        if self._at >= len(self._data):
            raise DamagedError
        self._at += 1
        return self._data[self._at - 1]

    def take(self, size: int) -> bytes:
        """So many bytes."""
        return bytes(self._view(size))

    def within_next(self, size: int) -> "Cursor":
        """A cursor in so many bytes, which this one goes past."""
        return Cursor(self._view(size), self._check_time)

    def text(self, encoding: str) -> str:
        """All bytes that are left, as text."""
        return str(self._view(self.remaining), encoding, "replace")

    def little(self, size: int) -> int:
        """A number of so many bytes, the lowest first."""
        return int.from_bytes(self.take(size), "little")

    def within(self, count: int) -> int:
        """A number, if there are as many bytes left: a list is as long as its items at least."""
        if count > self.remaining:
            raise DamagedError
        return count

    def seven_zip_number(self) -> int:
        """A number of 7z: the ones that the first byte begins with count the bytes after it."""
        self._check_time()
        first = self.byte()
        mask, value = 0x80, 0
        for place in range(8):
            if not first & mask:
                return value | (first & (mask - 1)) << (8 * place)
            value |= self.byte() << (8 * place)
            mask >>= 1
        return value

    def seven_zip_count(self) -> int:
        """The length of a list of 7z, each item of which has a byte at least."""
        return self.within(self.seven_zip_number())

    def seven_bit_number(self) -> int:
        """A number of RAR: seven bits a byte, the lowest first."""
        value = 0
        for place in range(10):
            byte = self.byte()
            value |= (byte & 0x7F) << (7 * place)
            if not byte & 0x80:
                return value
        raise DamagedError

    def _view(self, size: int) -> memoryview:
        self.within(size)
        self._at += size
        return self._data[self._at - size : self._at]
