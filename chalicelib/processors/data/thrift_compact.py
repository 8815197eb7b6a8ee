"""Reads Thrift's compact protocol, the format of a Parquet footer.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from chalicelib.processors.damaged import DamagedError
from chalicelib.reader import ReadTooLarge

MAX_DEPTH = 30  # nested values
MAX_SKIPPED = 300_000  # skipped values
TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(1, 14)


class Compact:
    """A cursor over values of the compact protocol."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0
        self._skipped = 0

    def bytes(self, size: int) -> bytes:
        """The next `size` bytes."""
        if size < 0 or self.at + size > len(self._data):
            raise DamagedError
        self.at += size
        return self._data[self.at - size : self.at]

    def unsigned(self) -> int:
        """An unsigned number."""
        value = shift = 0
        while shift < 70:
            byte = self.bytes(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise DamagedError

    def number(self) -> int:
        """A signed number."""
        value = self.unsigned()
        return (value >> 1) ^ -(value & 1)

    def text(self) -> str:
        """A UTF-8 text."""
        return self.bytes(self.unsigned()).decode("utf-8", "replace")

    def list_head(self) -> tuple[int, int]:
        """The number of items of a list, and their type."""
        head = self.bytes(1)[0]
        count = head >> 4
        return (self.unsigned() if count == 15 else count), head & 15

    def fields(self) -> "_Fields":
        """The fields of a struct. The caller must read or skip the value of each."""
        return _Fields(self)

    def skip(self, kind: int, depth: int = 0) -> None:
        """Skip a value of this type."""
        self._skipped += 1
        if depth > MAX_DEPTH:
            raise DamagedError
        if self._skipped > MAX_SKIPPED:
            raise ReadTooLarge(f"more than {MAX_SKIPPED} values")
        if kind in (I16, I32, I64):
            self.unsigned()
        elif kind == BINARY:
            self.bytes(self.unsigned())
        elif kind in _FIXED:
            self.bytes(_FIXED[kind])
        elif kind in (LIST, SET):
            count, inner = self.list_head()
            self._skip_all(count, [inner], depth)
        elif kind == MAP:
            count = self.unsigned()
            kinds = self.bytes(1)[0] if count else 0
            self._skip_all(count, [kinds >> 4, kinds & 15], depth)
        elif kind == STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        else:
            raise DamagedError

    def _skip_all(self, count: int, kinds: list[int], depth: int) -> None:
        for _ in range(count):
            for kind in kinds:
                # A boolean takes one byte in a list, and none as a field.
                self.skip(BYTE if kind in (TRUE, FALSE) else kind, depth + 1)


_FIXED = {TRUE: 0, FALSE: 0, BYTE: 1, DOUBLE: 8, UUID: 16}


class _Fields:
    """The numbers and types of a struct's fields. The caller must read or skip each value."""

    def __init__(self, reading: Compact) -> None:
        self._reading = reading
        self._last = 0

    def __iter__(self) -> "_Fields":
        return self

    def __next__(self) -> tuple[int, int]:
        head = self._reading.bytes(1)[0]
        if not head:
            raise StopIteration
        self._last = self._last + (head >> 4) if head >> 4 else self._reading.number()
        return self._last, head & 15
