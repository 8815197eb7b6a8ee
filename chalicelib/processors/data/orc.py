"""Columns and rows of an ORC file, from the postscript and the footer at its end.

Both are Protocol Buffers messages. https://orc.apache.org/specification/ORCv1/
https://protobuf.dev/programming-guides/encoding/
"""

import zlib
from collections.abc import Iterator
from typing import Any

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.data.columns import Column, column_fields
from chalicelib.processors.places import Places
from chalicelib.processors.varint import read_varint
from chalicelib.reader import ReadTooLarge

MAGIC = b"ORC"
MAX_FOOTER = 2 * 1024 * 1024  # bytes, packed and expanded
MAX_TYPES = 20_000
MAX_DEPTH = 30
_FOOTER_SIZE, _COMPRESSION = 1, 2  # of the postscript
_STRIPES, _TYPES, _ROWS = 3, 4, 6  # of the footer
_COMPRESSIONS = ("none", "zlib", "snappy", "lzo", "lz4", "zstd", "brotli")
_STRUCT = 12
_KINDS = (
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "string", "binary",
    "timestamp", "array", "map", "struct", "uniontype", "decimal", "date", "varchar", "char",
    "timestamp with local time zone",
)  # fmt: skip


def run(file: Places) -> dict[str, Any]:
    """`{"format": "orc", "compression", "stripes", "columns", "column_types", "rows", …}`.

    Only `compression` if Python cannot expand the footer.
    """
    size = file.exactly(file.size - 1, 1)[0]
    postscript = file.exactly(file.size - 1 - size, size)
    footer_size, compression = 0, 0
    for field, value in _fields(postscript):
        if field == _FOOTER_SIZE and isinstance(value, int):
            footer_size = value
        elif field == _COMPRESSION and isinstance(value, int):
            compression = value
    if not postscript.endswith(MAGIC) or not 0 < footer_size < file.size - size:
        raise DamagedError
    if footer_size > MAX_FOOTER:
        raise ReadTooLarge(f"a footer of more than {MAX_FOOTER} bytes")
    name = _COMPRESSIONS[compression] if compression < len(_COMPRESSIONS) else "unknown"
    report: dict[str, Any] = {"format": "orc", "compression": name}
    footer = file.exactly(file.size - 1 - size - footer_size, footer_size)
    if name == "zlib":
        footer = _expand(footer)
    return report | _footer(footer) if name in ("none", "zlib") else report


def _footer(footer: bytes) -> dict[str, Any]:
    types: list[tuple[int, list[int], list[str]]] = []
    stripes, rows = 0, 0
    for field, value in _fields(footer):
        if field == _STRIPES:
            stripes += 1
        elif field == _TYPES and isinstance(value, bytes) and len(types) < MAX_TYPES:
            types.append(_type(value))
        elif field == _ROWS and isinstance(value, int):
            rows = value
    return {"stripes": stripes} | column_fields(_columns(types)) | {"rows": rows}


def _type(message: bytes) -> tuple[int, list[int], list[str]]:
    """The kind of a type, the numbers of its child types, and their names if it is a struct."""
    kind, below, names = 0, [], []
    for field, value in _fields(message):
        if field == 1 and isinstance(value, int):
            kind = value
        elif field == 2:
            below += [value] if isinstance(value, int) else list(_read_packed(value))
        elif field == 3 and isinstance(value, bytes):
            names.append(value.decode("utf-8", "replace"))
    return kind, below, names


def _columns(types: list[tuple[int, list[int], list[str]]]) -> list[Column]:
    if not types:
        raise DamagedError
    columns: list[Column] = []
    waiting = [(0, "", 0)]
    while waiting:
        number, path, depth = waiting.pop()
        kind, below, names = types[number]
        if kind != _STRUCT:
            name = _KINDS[kind] if kind < len(_KINDS) else "unknown"
            columns.append(Column(path.rstrip("."), name))
            continue
        # A child type has a higher number than its parent, so no type contains itself.
        if depth > MAX_DEPTH or any(not number < child < len(types) for child in below):
            raise DamagedError
        pairs = [*zip(below, names, strict=False)]
        waiting += [(child, f"{path}{name}.", depth + 1) for child, name in reversed(pairs)]
        if len(columns) + len(waiting) > MAX_TYPES:
            raise DamagedError
    return columns


def _expand(data: bytes) -> bytes:
    """Expand a footer, whose compressed pieces each have their size in front."""
    whole = b""
    while data and len(whole) < MAX_FOOTER:
        head = int.from_bytes(data[:3], "little")
        piece, data = data[3 : 3 + (head >> 1)], data[3 + (head >> 1) :]
        try:
            whole += piece if head & 1 else zlib.decompressobj(-15).decompress(piece, MAX_FOOTER)
        except zlib.error as error:
            raise DamagedError from error
    return whole


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: numbers, or bytes."""
    at = 0
    while at < len(message):
        tag, at = read_varint(message, at)
        value: int | bytes
        if tag & 7 == 0:
            value, at = read_varint(message, at)
        elif tag & 7 == 2:
            size, at = read_varint(message, at)
            value, at = message[at : at + size], at + size
        elif tag & 7 in (1, 5):
            size = 8 if tag & 7 == 1 else 4
            value, at = message[at : at + size], at + size
        else:
            raise DamagedError
        if at > len(message):
            raise DamagedError
        yield tag >> 3, value


def _read_packed(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        number, at = read_varint(data, at)
        yield number
