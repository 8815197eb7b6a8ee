"""Tables, columns and rows of an SQLite database, from its pages.

The SQLite library needs a file on a disk, and would run code from the schema of a hostile database.
Rows are counted from the leaves of a table's B-tree, if there are few enough pages.
https://www.sqlite.org/fileformat2.html
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.data.sqlite_schema import columns_of, is_without_rowid
from chalicelib.processors.places import BROKEN, TOO_LARGE, Places, fitting, printable
from chalicelib.reader import OutOfTime, ReadTooLarge

MAGIC = b"SQLite format 3\0"
SHOWN_TABLES = 40
SHOWN_COLUMNS = 50
MAX_TABLES = 5000
MAX_NAME = 50  # characters
MAX_SQL = 64 * 1024  # bytes of one table's definition
MAX_COUNTED = 8 * 1024 * 1024  # bytes of pages that are read for the tables and their rows
MIN_PAGES = 100  # read of any database
MAX_DETAILS = 10 * 1024  # bytes of JSON about tables
_ENCODINGS = {0: "UTF-8", 1: "UTF-8", 2: "UTF-16LE", 3: "UTF-16BE"}
_LEAF, _INTERIOR, _INDEX_LEAF, _INDEX_INTERIOR = 13, 5, 10, 2
_WAL = 2
_SIZES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8}  # bytes of numbers, by serial type


def run(file: Places) -> dict[str, Any]:
    """`{"format": "sqlite", "page_size", "encoding", "table_count", "tables", "complete"}`.

    Each table has its `name`, `columns`, `column_count`, and its `rows` if they could be counted.
    `journal_mode` "wal" warns that the newest rows may be in another file, the write-ahead log.
    `complete` is false if a table or its row count is missing.
    """
    database = _Database(file)
    report = database.header_fields()
    try:
        tables, whole = database.tables()
        views = sum(table.kind == "view" for table in tables)
    except (DamagedError, ReadTooLarge) as error:
        reason = TOO_LARGE if isinstance(error, ReadTooLarge) else BROKEN
        return report | reason | {"complete": False}
    tables = [
        table for table in tables
        if table.kind == "table" and not table.name.lower().startswith("sqlite_")
    ]  # fmt: skip
    details: list[dict[str, object]] = []
    for table in tables[:SHOWN_TABLES]:
        columns = columns_of(table.sql)
        detail: dict[str, object] = {
            "name": printable(table.name, MAX_NAME),
            "columns": [printable(name, MAX_NAME) for name in columns[:SHOWN_COLUMNS]],
            "column_count": len(columns),
        }
        rows = database.rows(table)
        if rows is None:
            whole = False
        else:
            detail["rows"] = rows
        details.append(detail)
    listed_tables = fitting(details, MAX_DETAILS)
    return report | {
        "table_count": len(tables),
        "tables": listed_tables,
        **({"view_count": views} if views else {}),
        "complete": whole and len(listed_tables) == len(tables),
    }


@dataclass(frozen=True, slots=True)
class _Table:
    kind: str
    name: str
    root: int
    sql: str


class _Database:
    def __init__(self, file: Places) -> None:
        self._file = file
        self._header = header = file.exactly(0, 100)
        size = int.from_bytes(header[16:18], "big")
        self._page_size = 65536 if size == 1 else size
        if self._page_size < 512 or self._page_size & (self._page_size - 1):
            raise DamagedError
        self._usable = self._page_size - header[20]
        self._encoding = _ENCODINGS.get(int.from_bytes(header[56:60], "big"), "UTF-8")
        self._left = max(MIN_PAGES, MAX_COUNTED // self._page_size)

    def header_fields(self) -> dict[str, Any]:
        report = {"format": "sqlite", "page_size": self._page_size, "encoding": self._encoding}
        return report | ({"journal_mode": "wal"} if self._header[18] == _WAL else {})

    def tables(self) -> tuple[list[_Table], bool]:
        """The tables of the schema, and whether these are all of them."""
        tables = list(itertools.islice(self._list_tables(), MAX_TABLES + 1))
        return tables[:MAX_TABLES], len(tables) <= MAX_TABLES

    def rows(self, table: _Table) -> int | None:
        """The number of rows; None if the table has too many pages, or is damaged."""
        if not table.root:  # a virtual table stores its rows elsewhere
            return None
        by_key = is_without_rowid(table.sql)
        leaf, interior = (_INDEX_LEAF, _INDEX_INTERIOR) if by_key else (_LEAF, _INTERIOR)
        rows = 0
        try:
            for kind, cells in self._pages(table.root, leaf, interior):
                rows += len(cells) if kind == leaf or by_key else 0
        except (DamagedError, ReadTooLarge, OutOfTime):
            return None
        return rows

    def _list_tables(self) -> Iterator[_Table]:
        for kind, cells in self._pages(1, _LEAF, _INTERIOR):
            if kind != _LEAF:
                continue
            for place in cells:
                values = self._record(place)
                if len(values) >= 5 and values[0] in ("table", "view"):
                    kind_of, name, _, root, sql = values[:5]
                    number = root if isinstance(root, int) else 0
                    yield _Table(str(kind_of), str(name), number, str(sql or ""))

    def _pages(self, root: int, leaf: int, interior: int) -> Iterator[tuple[int, list[int]]]:
        """Each page of a B-tree: its kind, and the offsets of its cells in the file."""
        waiting, visited = [root], set()
        while waiting:
            number = waiting.pop()
            if number in visited or number < 1 or self._left <= 0:
                raise DamagedError
            visited.add(number)
            self._left -= 1
            start = (number - 1) * self._page_size
            page = self._file.exactly(start, self._page_size)
            head = 100 if number == 1 else 0
            kind, count = page[head], int.from_bytes(page[head + 3 : head + 5], "big")
            first = head + (12 if kind == interior else 8)
            if kind not in (leaf, interior) or first + 2 * count > len(page):
                raise DamagedError
            cells = [
                int.from_bytes(page[at : at + 2], "big")
                for at in range(first, first + 2 * count, 2)
            ]
            if kind == interior:
                below = [page[cell : cell + 4] for cell in cells] + [page[head + 8 : head + 12]]
                # A stack: the first child is read next.
                waiting += [int.from_bytes(child, "big") for child in reversed(below)]
            yield kind, [start + cell for cell in cells]

    def _record(self, place: int) -> list[Any]:
        """The values of a row."""
        head = self._file.read(place, 20)
        size, at = _varint(head, 0)
        _, at = _varint(head, at)
        data = self._payload(place + at, size)
        end, at = _varint(data, 0)
        kinds = []
        while at < min(end, len(data)):
            kind, at = _varint(data, at)
            kinds.append(kind)
        values = []
        at = end
        for kind in kinds[:10]:
            value, at = self._value(data, at, kind)
            values.append(value)
        return values

    def _payload(self, place: int, size: int) -> bytes:
        """The bytes of a row, including those on overflow pages, up to `MAX_SQL`."""
        most = self._usable - 35
        if size <= most:
            return self._file.read(place, size)
        least = (self._usable - 12) * 32 // 255 - 23
        here = least + (size - least) % (self._usable - 4)
        here = here if here <= most else least
        data = self._file.exactly(place, here + 4)
        number = int.from_bytes(data[-4:], "big")
        data = data[:-4]
        while number and len(data) < min(size, MAX_SQL):
            page = self._file.exactly((number - 1) * self._page_size, self._usable)
            number = int.from_bytes(page[:4], "big")
            data += page[4:]
        return data[:size]

    def _value(self, data: bytes, at: int, kind: int) -> tuple[Any, int]:
        if kind in _SIZES:
            raw = data[at : at + _SIZES[kind]]
            return int.from_bytes(raw, "big", signed=True), at + _SIZES[kind]
        if kind in (8, 9):
            return kind - 8, at
        if kind >= 13 and kind % 2:
            size = (kind - 13) // 2
            return data[at : at + size].decode(self._encoding, "replace"), at + size
        return None, at + max(0, (kind - 12) // 2)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of up to nine bytes; the ninth has eight bits."""
    value = 0
    for index in range(9):
        if at >= len(data):
            raise DamagedError
        byte = data[at]
        at += 1
        if index == 8:
            return value << 8 | byte, at
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return value, at
