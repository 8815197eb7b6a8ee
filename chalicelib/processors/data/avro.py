"""Columns and rows of an Avro file: the schema in its header, the row counts of its blocks.

https://avro.apache.org/docs/1.12.0/specification/#object-container-files
"""

import json
from typing import Any

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.data.columns import Column, column_fields
from chalicelib.processors.places import Places, printable
from chalicelib.processors.varint import read_varint
from chalicelib.reader import OutOfTime, ReadTooLarge

MAGIC = b"Obj\1"
MAX_HEADER = 1024 * 1024  # bytes
MAX_BLOCKS = 300  # read to count rows
MAX_COLUMNS = 10_000
MAX_DEPTH = 20
_SYNC = 16  # bytes of the marker after the header and after each block


def run(file: Places) -> dict[str, Any]:
    """`{"format": "avro", "columns", "column_types", "column_count", "codec", "rows"}`.

    `rows` is left out above `MAX_BLOCKS` blocks. Fields of records have dotted paths.
    """
    data = file.read(0, MAX_HEADER)
    metadata, at = _metadata(data)
    report: dict[str, Any] = {"format": "avro"}
    try:
        schema = json.loads(metadata.get("avro.schema", b""))
    except (ValueError, RecursionError) as error:
        raise DamagedError from error
    report |= column_fields(_columns(schema))
    report["codec"] = printable(metadata.get("avro.codec", b"null").decode("utf-8", "replace"), 20)
    try:
        rows = _rows(file, at, data[at : at + _SYNC])
    except (ReadTooLarge, OutOfTime):
        rows = None
    return report if rows is None else report | {"rows": rows}


def _metadata(data: bytes) -> tuple[dict[str, bytes], int]:
    """The metadata in the header, and the offset of the marker behind it."""
    metadata: dict[str, bytes] = {}
    at = len(MAGIC)
    while True:
        count, at = _number(data, at)
        if not count:
            return metadata, at
        if count < 0:  # the size of the block follows
            count = -count
            _, at = _number(data, at)
        for _ in range(count):
            key, at = _bytes(data, at)
            metadata[key[:100].decode("utf-8", "replace")], at = _bytes(data, at)


def _rows(file: Places, at: int, sync: bytes) -> int | None:
    rows = 0
    at += _SYNC
    for _ in range(MAX_BLOCKS):
        if at >= file.size:
            return rows
        head = file.read(at, 20)
        count, used = _number(head, 0)
        size, used = _number(head, used)
        at += used + size
        if count < 0 or size < 0 or file.read(at, _SYNC) != sync:
            raise DamagedError
        at += _SYNC
        rows += count
    return rows if at >= file.size else None


def _columns(schema: Any) -> list[Column]:
    """The fields of a record; those of nested records have dotted paths."""
    if not isinstance(schema, dict) or schema.get("type") != "record":
        return [Column("", _type(schema))]
    columns: list[Column] = []
    waiting: list[tuple[str, Any, int]] = [("", schema, 0)]
    while waiting:
        path, kind, depth = waiting.pop()
        fields = _fields(kind)
        if fields is None or depth > MAX_DEPTH:
            columns.append(Column(path.rstrip("."), _type(kind)))
        else:
            waiting += [
                (f"{path}{field.get('name', '')}.", field.get("type"), depth + 1)
                for field in reversed(fields)
                if isinstance(field, dict)
            ]
        if len(columns) + len(waiting) > MAX_COLUMNS:
            raise DamagedError
    return columns


def _fields(kind: Any) -> list[Any] | None:
    """The fields of a record, or of an optional record."""
    if isinstance(kind, list):
        kinds = [one for one in kind if one != "null"]
        return _fields(kinds[0]) if len(kinds) == 1 and not isinstance(kinds[0], list) else None
    fields = kind.get("fields") if isinstance(kind, dict) else None
    return fields if isinstance(fields, list) else None


def _type(kind: Any) -> str:
    if isinstance(kind, list):
        kinds = [one for one in kind if one != "null"]
        return " or ".join(one if isinstance(one, str) else _type_of(one) for one in kinds[:5])
    return _type_of(kind)


def _type_of(kind: Any) -> str:
    if isinstance(kind, dict):
        return str(kind.get("logicalType") or kind.get("type") or "unknown")[:50]
    return str(kind)[:50]


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A signed number, and the offset behind it."""
    value, at = read_varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _bytes(data: bytes, at: int) -> tuple[bytes, int]:
    size, at = _number(data, at)
    if not 0 <= size <= len(data) - at:
        raise DamagedError
    return data[at : at + size], at + size
