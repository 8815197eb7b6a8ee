"""Writes OLE compound files: storages and streams, in sectors of 512 bytes."""

import struct

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SMALL_BELOW = 4096

Tree = dict[str, "bytes | Tree"]


def compound(tree: Tree, *, clsid: bytes = bytes(16)) -> bytes:
    """A compound file; in the tree, a dictionary is a storage and bytes are a stream."""
    return _Writing(clsid).file(tree)


class _Writing:
    def __init__(self, clsid: bytes) -> None:
        self._clsid = clsid
        self._sectors: list[bytes] = []
        self._fat: list[int] = []
        self._small = b""
        self._small_fat: list[int] = []
        self._entries: list[list[object]] = []

    def file(self, tree: Tree) -> bytes:
        self._entry("Root Entry", 5)
        self._storage(0, tree)
        small = self._chain(self._small)
        self._entries[0][5:] = [small, len(self._small)]
        small_fat = self._chain(_numbers(self._small_fat))
        directory = self._chain(b"".join(map(self._packed, self._entries)))
        tables = -(-len(self._fat) // 127)
        first = len(self._sectors)
        self._fat += [_FAT] * tables
        self._sectors += [
            _numbers(self._fat)[at : at + 512].ljust(512, b"\xff")
            for at in range(0, 512 * tables, 512)
        ]
        header = struct.pack(
            "<8s16xHHHHH6xIIIIIIIII", bytes.fromhex("d0cf11e0a1b11ae1"), 0x3E, 3, 0xFFFE, 9, 6,
            0, tables, directory, 0, _SMALL_BELOW, small_fat, len(self._small_fat) and 1, _END, 0,
        )  # fmt: skip
        listed = [*range(first, first + tables)]
        header += struct.pack("<109I", *listed, *[_FREE] * (109 - tables))
        return header + b"".join(self._sectors)

    def _storage(self, number: int, tree: Tree) -> None:
        """The entries form a tree of right siblings only, which is not balanced."""
        previous = None
        for name, content in tree.items():
            child = self._entry(name, 1 if isinstance(content, dict) else 2)
            if previous is None:
                self._entries[number][4] = child
            else:
                self._entries[previous][3] = child
            previous = child
            if isinstance(content, dict):
                self._storage(child, content)
            else:
                self._entries[child][5:] = [self._stream(content), len(content)]

    def _entry(self, name: str, kind: int) -> int:
        self._entries.append([name, kind, _FREE, _FREE, _FREE, _END, 0])
        return len(self._entries) - 1

    def _stream(self, data: bytes) -> int:
        if len(data) >= _SMALL_BELOW:
            return self._chain(data)
        if not data:
            return _END
        start = len(self._small_fat)
        count = -(-len(data) // 64)
        self._small += data.ljust(64 * count, b"\0")
        self._small_fat += [*range(start + 1, start + count), _END]
        return start

    def _chain(self, data: bytes) -> int:
        if not data:
            return _END
        start, count = len(self._sectors), -(-len(data) // 512)
        padded = data.ljust(512 * count, b"\0")
        self._sectors += [padded[at : at + 512] for at in range(0, len(padded), 512)]
        self._fat += [*range(start + 1, start + count), _END]
        return start

    def _packed(self, entry: list[object]) -> bytes:
        name, kind, left_sibling, right_sibling, child, start, size = entry
        raw = str(name).encode("utf-16-le")
        clsid = self._clsid if kind == 5 else bytes(16)
        return struct.pack(
            "<64sHBBIII16sI16xIQ", raw, len(raw) + 2, kind, 1, left_sibling, right_sibling, child,
            clsid, 0, start, size,
        )  # fmt: skip


def _numbers(values: list[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def property_set(values: dict[int, int | str], *, code_page: int = 1252) -> bytes:
    """A stream such as SummaryInformation: numbers, and texts in a code page."""
    packed: dict[int, bytes] = {1: struct.pack("<HHHH", 2, 0, code_page, 0)}
    for key, value in values.items():
        if isinstance(value, int):
            packed[key] = struct.pack("<HHi", 3, 0, value)
        else:
            encoding = "utf-8" if code_page == 65001 else f"cp{code_page}"
            raw = value.encode(encoding) + b"\0"
            packed[key] = struct.pack("<HHI", 30, 0, len(raw)) + raw + bytes(-len(raw) % 4)
    places, body = b"", b""
    start = 8 + 8 * len(packed)
    for key, raw in packed.items():
        places += struct.pack("<II", key, start + len(body))
        body += raw
    section = struct.pack("<II", start + len(body), len(packed)) + places + body
    return struct.pack("<HHI16xI16xI", 0xFFFE, 0, 0, 1, 48) + section
