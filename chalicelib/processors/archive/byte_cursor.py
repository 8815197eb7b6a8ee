"""A cursor over the bytes of a header. Reading past the end raises DamagedError."""

from collections.abc import Callable

from chalicelib.processors.damaged import DamagedError


class Cursor:
    """A position in bytes, without copying them. `check_time` may end a long list of numbers."""

    def __init__(
        self, data: bytes | memoryview, check_time: Callable[[], None] = lambda: None
    ) -> None:
        self._data = memoryview(data)
        self._check_time = check_time
        self._at = 0

    @property
    def remaining(self) -> int:
        """The number of bytes after the cursor."""
        return len(self._data) - self._at

    def byte(self) -> int:
        """The next byte."""
        if self._at >= len(self._data):
            raise DamagedError
        self._at += 1
        return self._data[self._at - 1]

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        return bytes(self._view(size))

    def within_next(self, size: int) -> "Cursor":
        """A cursor over the next `size` bytes; this one moves behind them."""
        return Cursor(self._view(size), self._check_time)

    def text(self, encoding: str) -> str:
        """All remaining bytes, as text."""
        return str(self._view(self.remaining), encoding, "replace")

    def little(self, size: int) -> int:
        """A little-endian number of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def within(self, count: int) -> int:
        """The count itself, if as many bytes remain: each item of a list has at least one byte."""
        if count > self.remaining:
            raise DamagedError
        return count

    def seven_zip_number(self) -> int:
        """A 7z number: the leading one bits of the first byte give the number of bytes after it."""
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
        """The length of a 7z list; each item has at least one byte."""
        return self.within(self.seven_zip_number())

    def seven_bit_number(self) -> int:
        """A RAR number: seven bits a byte, lowest first."""
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
