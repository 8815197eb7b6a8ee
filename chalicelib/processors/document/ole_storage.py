"""Storages and streams of an OLE compound file, the container of old office documents.

Chains of sectors are followed only as far as needed, so a circular chain ends.
[MS-CFB] https://learn.microsoft.com/openspecs/windows_protocols/ms-cfb/
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.places import Places

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_DIRECTORY = 1024 * 1024  # bytes: 8,192 streams
MAX_CHAIN = 65_536  # sectors followed in one chain: 32 MiB
MAX_TABLES = 500  # sectors of the table of tables
_HEADER = struct.Struct("<8s16sHHHHH6xIIIIIIIII")
_ENTRY = struct.Struct("<64sHBBIII16sIQQIQ")
_LAST_SECTOR = 0xFFFFFFFA  # larger numbers are markers
_IN_HEADER = 109  # sectors of the allocation table that the header lists
_STORAGE, _STREAM, _ROOT = 1, 2, 5


@dataclass(frozen=True, slots=True)
class Entry:
    """A storage or a stream; `path` has the names of its parents, without the root."""

    path: tuple[str, ...]
    is_stream: bool
    clsid: bytes
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class _Node:
    name: str
    kind: int
    left_sibling: int
    right_sibling: int
    child: int
    clsid: bytes
    start: int
    size: int


class Storage:
    """The entries of a compound file, by path; raises DamagedError."""

    def __init__(self, file: Places) -> None:
        self._file = file
        fields = _HEADER.unpack(file.exactly(0, _HEADER.size))
        version, order, shift, small_shift = fields[3], fields[4], fields[5], fields[6]
        if fields[0] != MAGIC or order != 0xFFFE or shift not in (9, 12) or small_shift != 6:
            raise DamagedError
        self._sector_size: int = 1 << shift
        directory, self._small_below, small_tables = fields[9], fields[11], fields[12]
        self._next_table: int = fields[14]
        self._tables: list[int] = list(struct.unpack("<109I", file.exactly(76, 4 * _IN_HEADER)))
        self._small_tables = small_tables
        self._chains: dict[int, list[int]] = {}
        nodes = self._nodes(self._read_chain(directory, 0, MAX_DIRECTORY), version)
        if not nodes or nodes[0].kind != _ROOT:
            raise DamagedError
        self.root_clsid = nodes[0].clsid
        self._small_start, self._small_size = nodes[0].start, nodes[0].size
        self.entries = {entry.path: entry for entry in _walk(nodes)}

    def read(self, path: tuple[str, ...], size: int, offset: int = 0) -> bytes:
        """Up to `size` bytes of a stream from `offset`; empty if there is no such stream."""
        entry = self.entries.get(path)
        if entry is None or not entry.is_stream:
            return b""
        size = min(size, entry.size - offset)
        if size <= 0:
            return b""
        if entry.size < self._small_below:
            return self._small(entry.start, offset, size)
        return self._read_chain(entry.start, offset, size)

    def _nodes(self, data: bytes, version: int) -> list[_Node]:
        nodes = []
        for at in range(0, len(data) - _ENTRY.size + 1, _ENTRY.size):
            (name, length, kind, _color, left_sibling, right_sibling, child, clsid, _bits,
             _created, _changed, start, size) = _ENTRY.unpack_from(data, at)  # fmt: skip
            text = name[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
            # Version 3 leaves the upper half undefined.
            size = size & 0xFFFFFFFF if version == 3 else size
            nodes.append(_Node(text, kind, left_sibling, right_sibling, child, clsid, start, size))
        return nodes

    def _next(self, sector: int) -> int:
        """The sector after this one."""
        per_table = self._sector_size // 4
        table = self._table(sector // per_table)
        place = self._place(table) + sector % per_table * 4
        return int.from_bytes(self._file.exactly(place, 4), "little")

    def _table(self, index: int) -> int:
        """The sector that holds this part of the allocation table."""
        while index >= len(self._tables):
            if self._next_table >= _LAST_SECTOR or len(self._tables) > MAX_TABLES * 127:
                raise DamagedError
            place = self._place(self._next_table)
            numbers = struct.unpack(
                f"<{self._sector_size // 4}I", self._file.exactly(place, self._sector_size)
            )
            self._tables += numbers[:-1]
            self._next_table = numbers[-1]
        return self._tables[index]

    def _place(self, sector: int) -> int:
        if sector >= _LAST_SECTOR:
            raise DamagedError
        return (sector + 1) * self._sector_size

    def _read_chain(self, sector: int, offset: int, size: int) -> bytes:
        """The bytes of a chain of sectors; fewer if the chain ends."""
        index, skipped = divmod(offset, self._sector_size)
        data = bytearray()
        while len(data) < skipped + size:
            number = self._sector(sector, index)
            if number >= _LAST_SECTOR:
                break
            piece = self._file.read(self._place(number), self._sector_size)
            data += piece
            if len(piece) < self._sector_size:
                break
            index += 1
        return bytes(data[skipped : skipped + size])

    def _sector(self, start: int, index: int) -> int:
        """The sector of a chain at this index, or the marker at its end."""
        chain = self._chains.setdefault(start, [start])
        if index > MAX_CHAIN:
            raise DamagedError
        while index >= len(chain) and chain[-1] < _LAST_SECTOR:
            chain.append(self._next(chain[-1]))
        return chain[min(index, len(chain) - 1)]

    def _small(self, sector: int, offset: int, size: int) -> bytes:
        """Bytes of a stream of small sectors, which are in the root entry's chain."""
        data = bytearray()
        at = 0
        while len(data) < size and sector < _LAST_SECTOR and at < offset + size:
            if sector * 64 >= self._small_size:
                raise DamagedError
            if at + 64 > offset:
                piece = self._read_chain(self._small_start, sector * 64, 64)
                data += piece[max(0, offset - at) :]
            at += 64
            number = self._read_chain(self._small_tables, sector * 4, 4)
            sector = int.from_bytes(number, "little") if len(number) == 4 else _LAST_SECTOR
        return bytes(data[:size])


def _walk(nodes: list[_Node]) -> Iterator[Entry]:
    """Every entry with its path. Each node is visited once, so a circular tree ends."""
    waiting: list[tuple[int, tuple[str, ...]]] = [(nodes[0].child, ())]
    visited: set[int] = set()
    while waiting:
        number, above = waiting.pop()
        if number >= len(nodes) or number in visited:
            continue
        visited.add(number)
        node = nodes[number]
        waiting += [(node.left_sibling, above), (node.right_sibling, above)]
        if node.kind not in (_STORAGE, _STREAM) or len(above) > 20:
            continue
        path = (*above, node.name)
        if node.kind == _STORAGE:
            waiting.append((node.child, path))
        yield Entry(path, node.kind == _STREAM, node.clsid, node.start, node.size)
