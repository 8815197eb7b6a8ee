"""Columns, types and rows of a Parquet file, from the footer at its end.

https://parquet.apache.org/docs/file-format/metadata/
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from typing import Any

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.data.columns import Column, column_fields
from chalicelib.processors.data.thrift_compact import (
    BINARY,
    BYTE,
    I32,
    I64,
    LIST,
    STRUCT,
    TRUE,
    Compact,
)
from chalicelib.processors.places import Places, printable
from chalicelib.reader import ReadTooLarge

MAGIC, ENCRYPTED = b"PAR1", b"PARE"
MAX_FOOTER = 2 * 1024 * 1024  # bytes read of a footer: the schema and the row count come first
MAX_SKIPPED = 512 * 1024  # bytes of a footer that are skipped to read the program's name at the end
MAX_NODES = 20_000  # of a schema
MAX_DEPTH = 30  # nested columns
# Field numbers: of the footer, of a schema element, of a logical type.
_SCHEMA, _ROWS, _ROW_GROUPS, _CREATED_BY = 2, 3, 4, 6
_ELEMENT = {1: "type", 2: "length", 5: "children", 6: "converted", 7: "scale", 8: "precision"}
_NAME, _LOGICAL_TYPE = 4, 10
_DECIMAL, _TIME, _TIMESTAMP, _INTEGER = 5, 7, 8, 10
_FIXED_SIZE = 7  # the number of the last physical type
_PHYSICAL = (
    "boolean", "int32", "int64", "int96", "float", "double", "binary", "fixed_len_byte_array",
)  # fmt: skip
_LOGICAL = {
    1: "string", 2: "map", 3: "list", 4: "enum", 5: "decimal", 6: "date", 7: "time",
    8: "timestamp", 11: "null", 12: "json", 13: "bson", 14: "uuid", 15: "float16", 16: "variant",
    17: "geometry", 18: "geography",
}  # fmt: skip
_CONVERTED = {
    0: "string", 4: "enum", 5: "decimal", 6: "date", 7: "time", 8: "time", 9: "timestamp",
    10: "timestamp", 11: "uint8", 12: "uint16", 13: "uint32", 14: "uint64", 15: "int8",
    16: "int16", 17: "int32", 18: "int64", 19: "json", 20: "bson", 21: "interval",
}  # fmt: skip
_UNITS = {1: "ms", 2: "us", 3: "ns"}


def run(file: Places) -> dict[str, Any]:
    """`{"format": "parquet", "columns", "column_types", "column_count", "rows", "row_groups", …}`.

    `created_by` is the program, if the footer is small. Nested columns have dotted paths. The
    report of an encrypted footer is `encrypted` only.
    """
    end = file.exactly(file.size - 8, 8)
    report: dict[str, Any] = {"format": "parquet"}
    if end[4:] == ENCRYPTED:
        return report | {"encrypted": True}
    size = int.from_bytes(end[:4], "little")
    if end[4:] != MAGIC or size > file.size - 12:
        raise DamagedError
    footer = Compact(file.exactly(file.size - 8 - size, min(size, MAX_FOOTER)))
    try:
        return report | _footer(footer, size)
    except DamagedError as error:
        if size > MAX_FOOTER:
            raise ReadTooLarge("the schema is longer than MAX_FOOTER") from error
        raise


def _footer(footer: Compact, size: int) -> dict[str, Any]:
    report: dict[str, Any] = {}
    for field, kind in footer.fields():
        if field == _SCHEMA and kind == LIST:
            report |= column_fields(_schema(footer))
        elif field == _ROWS and kind == I64:
            report["rows"] = footer.number()
        elif field == _ROW_GROUPS and kind == LIST:
            place = footer.at
            report["row_groups"] = footer.list_head()[0]
            footer.at = place
            if size > MAX_SKIPPED or not _is_skipped(footer, kind):
                break  # only the program's name follows
        elif field == _CREATED_BY and kind == BINARY:
            report["created_by"] = printable(footer.text(), 100)
        else:
            footer.skip(kind)
    if "rows" not in report or "columns" not in report:
        raise DamagedError
    return report


def _is_skipped(footer: Compact, kind: int) -> bool:
    try:
        footer.skip(kind)
    except ReadTooLarge:
        return False
    return True


def _schema(footer: Compact) -> list[Column]:
    """The leaves of the schema tree, which is stored depth first."""
    count, _ = footer.list_head()
    if count > MAX_NODES:
        raise ReadTooLarge(f"a schema of more than {MAX_NODES} elements")
    columns: list[Column] = []
    above: list[tuple[str, int]] = []  # names, and the number of children that follow
    for index in range(count):
        node = _node(footer)
        children = node.get("children", 0)
        while above and not above[-1][1]:
            above.pop()
        if above:
            above[-1] = (above[-1][0], above[-1][1] - 1)
        path = ".".join([*(name for name, _ in above[1:]), node.get("name", "")])
        if children or not index:
            if len(above) > MAX_DEPTH:
                raise DamagedError
            above.append((node.get("name", ""), children))
        else:
            columns.append(Column(path, _type(node)))
    return columns


def _node(footer: Compact) -> dict[str, Any]:
    node: dict[str, Any] = {}
    for field, kind in footer.fields():
        if field in _ELEMENT and kind == I32:
            node[_ELEMENT[field]] = footer.number()
        elif field == _NAME and kind == BINARY:
            node["name"] = footer.text()
        elif field == _LOGICAL_TYPE and kind == STRUCT:
            node["logical"] = _logical(footer)
        else:
            footer.skip(kind)
    return node


def _logical(footer: Compact) -> str:
    """The type in a union: the field that is there names it, and its own fields have the unit."""
    name = ""
    for field, kind in footer.fields():
        if kind != STRUCT:
            footer.skip(kind)
        elif field == _INTEGER:
            name = _integer(footer)
        elif field in (_TIME, _TIMESTAMP):
            name = _LOGICAL[field] + _unit(footer)
        else:
            footer.skip(kind)
            name = "" if field == _DECIMAL else _LOGICAL.get(field, "")
    return name


def _integer(footer: Compact) -> str:
    bits, signed = 0, True
    for field, kind in footer.fields():
        if field == 1 and kind == BYTE:
            bits = footer.bytes(1)[0]
        elif field == 2:
            signed = kind == TRUE
        else:
            footer.skip(kind)
    return f"{'int' if signed else 'uint'}{bits}"


def _unit(footer: Compact) -> str:
    unit = ""
    for field, kind in footer.fields():
        if field == 2 and kind == STRUCT:
            for which, inner in footer.fields():
                footer.skip(inner)
                unit = f"[{_UNITS[which]}]" if which in _UNITS else ""
        else:
            footer.skip(kind)
    return unit


def _type(node: dict[str, Any]) -> str:
    if node.get("logical"):
        return str(node["logical"])
    if node.get("converted") == _DECIMAL:
        return f"decimal({node.get('precision', 0)},{node.get('scale', 0)})"
    if node.get("converted") in _CONVERTED:
        return _CONVERTED[node["converted"]]
    kind = node.get("type", -1)
    if kind == _FIXED_SIZE:
        return f"fixed_len_byte_array({node.get('length', 0)})"
    return _PHYSICAL[kind] if 0 <= kind < len(_PHYSICAL) else "unknown"
