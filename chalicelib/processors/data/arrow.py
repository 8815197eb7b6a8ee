"""Columns and rows of Arrow files: IPC files (Feather 2), IPC streams and Feather 1.

It reads only the FlatBuffers that this needs.
https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
https://flatbuffers.dev/internals/
"""

import struct
from typing import Any

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.data.columns import Column, column_fields
from chalicelib.processors.places import Places
from chalicelib.reader import ReadTooLarge

MAGIC, FEATHER, CONTINUED = b"ARROW1", b"FEA1", b"\xff\xff\xff\xff"
MAX_FOOTER = 2 * 1024 * 1024  # bytes
MAX_FIELDS = 10_000
MAX_DEPTH = 30
MAX_BATCHES = 200  # whose rows are summed
_BLOCK = struct.Struct("<qi4xq")
_RECORD_BATCH, _SCHEMA = 3, 1
_TYPES = (
    "none", "null", "int", "float", "binary", "string", "bool", "decimal", "date", "time",
    "timestamp", "interval", "list", "struct", "union", "fixed_size_binary", "fixed_size_list",
    "map", "duration", "large_binary", "large_string", "large_list", "run_end_encoded",
    "binary_view", "string_view", "list_view", "large_list_view",
)  # fmt: skip
_STRUCT = _TYPES.index("struct")
_UNITS = ("s", "ms", "us", "ns")
_FLOATS = ("float16", "float", "double")
_FEATHER_TYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float",
    "double", "string", "binary", "category", "timestamp", "date", "time", "large_string",
    "large_binary",
)  # fmt: skip


def run(file: Places) -> dict[str, Any]:
    """`{"format", "columns", "column_types", "column_count", "rows", "record_batches"}`.

    `format` is "arrow" for an IPC file, "arrow-stream" for a stream and "feather" for Feather 1.
    The rows of a stream are not counted. Fields of structs have dotted paths.
    """
    head = file.read(0, 8)
    try:
        if head.startswith(MAGIC):
            return {"format": "arrow"} | _file(file)
        if head.startswith(FEATHER):
            return {"format": "feather"} | _feather(file)
        return _stream(file)
    except (struct.error, IndexError) as error:
        raise DamagedError from error


def _file(file: Places) -> dict[str, Any]:
    end = file.exactly(file.size - 10, 10)
    size = int.from_bytes(end[:4], "little")
    if end[4:] != MAGIC or not 0 < size <= file.size - 10:
        raise DamagedError
    if size > MAX_FOOTER:
        raise ReadTooLarge(f"a footer of more than {MAX_FOOTER} bytes")
    footer = _Table.root(file.exactly(file.size - 10 - size, size))
    schema = footer.table(1)
    if schema is None:
        raise DamagedError
    start, count = footer.vector(3)
    report = _columns(schema) | {"record_batches": count}
    if count <= MAX_BATCHES:
        blocks = [_BLOCK.unpack_from(footer.data, start + 24 * index) for index in range(count)]
        report["rows"] = sum(_rows(file, offset) for offset, _, _ in blocks)
    return report


def _rows(file: Places, offset: int) -> int:
    """The rows of the record batch whose message is at this offset."""
    message = _message(file, offset)
    batch = message.table(2)
    if message.byte(1) != _RECORD_BATCH or batch is None:
        raise DamagedError
    rows = batch.number(0, "<q")
    if rows < 0:
        raise DamagedError
    return rows


def _message(file: Places, offset: int) -> "_Table":
    head = file.exactly(offset, 8)
    continued = head.startswith(CONTINUED)
    start = offset + (8 if continued else 4)
    size = int.from_bytes(head[4:] if continued else head[:4], "little")
    if not 0 < size <= MAX_FOOTER:
        raise DamagedError
    return _Table.root(file.exactly(start, size))


def _stream(file: Places) -> dict[str, Any]:
    message = _message(file, 0)
    schema = message.table(2)
    if message.byte(1) != _SCHEMA or schema is None:
        raise DamagedError
    return {"format": "arrow-stream"} | _columns(schema)


def _columns(schema: "_Table") -> dict[str, Any]:
    columns: list[Column] = []
    waiting = [(field, "", 0) for field in reversed(schema.tables(1))]
    while waiting:
        field, above, depth = waiting.pop()
        if depth > MAX_DEPTH or len(columns) > MAX_FIELDS:
            raise DamagedError
        path = above + field.text(0)
        children = field.tables(5)
        if field.byte(2) == _STRUCT and children:
            waiting += [(child, f"{path}.", depth + 1) for child in reversed(children)]
        else:
            columns.append(Column(path, _type(field, children)))
    return column_fields(columns)


def _type(field: "_Table", children: list["_Table"]) -> str:
    kind = field.byte(2)
    name = _TYPES[kind] if kind < len(_TYPES) else "unknown"
    about = field.table(3)
    if field.has(4):
        return "dictionary"
    return name if about is None else _detailed_type(name, about, children)


def _detailed_type(name: str, about: "_Table", children: list["_Table"]) -> str:
    """A type with its width, its unit or the type of its items."""
    if name == "int":
        return f"{'int' if about.byte(1) else 'uint'}{about.number(0, '<i')}"
    if name == "float":
        return _FLOATS[about.number(0, "<h") % 3]
    if name in ("timestamp", "duration", "time"):
        # A missing unit is the default of its type.
        default = {"timestamp": 0, "duration": 1, "time": 1}[name]
        return f"{name}[{_UNITS[about.number(0, '<h', default) % 4]}]"
    if name == "decimal":
        return f"decimal({about.number(0, '<i')},{about.number(1, '<i')})"
    if "list" in name and children and children[0].byte(2) != _STRUCT:
        return f"{name}<{_type(children[0], [])}>"
    return name


def _feather(file: Places) -> dict[str, Any]:
    end = file.exactly(file.size - 8, 8)
    size = int.from_bytes(end[:4], "little")
    if end[4:] != FEATHER or not 0 < size <= min(MAX_FOOTER, file.size - 12):
        raise DamagedError
    table = _Table.root(file.exactly(file.size - 8 - size, size))
    columns = []
    for column in table.tables(2):
        values = column.table(1)
        kind = values.byte(0) if values else 255
        type_name = _FEATHER_TYPES[kind] if kind < len(_FEATHER_TYPES) else "unknown"
        columns.append(Column(column.text(0), type_name))
    return column_fields(columns) | {"rows": table.number(1, "<q")}


class _Table:
    """A FlatBuffer table: fields by number, each with a default if it is absent."""

    def __init__(self, data: bytes, at: int) -> None:
        if not 0 <= at <= len(data) - 4:
            raise DamagedError
        self.data = data
        self._at = at
        self._fields = at - struct.unpack_from("<i", data, at)[0]
        if not 0 <= self._fields <= len(data) - 4:
            raise DamagedError
        self._size = struct.unpack_from("<H", data, self._fields)[0]

    @classmethod
    def root(cls, data: bytes) -> "_Table":
        return cls(data, struct.unpack_from("<I", data, 0)[0])

    def _place(self, field: int) -> int:
        """The offset of a field, 0 if it is absent."""
        if 4 + 2 * field + 2 > self._size:
            return 0
        offset = int(struct.unpack_from("<H", self.data, self._fields + 4 + 2 * field)[0])
        return self._at + offset if offset else 0

    def has(self, field: int) -> bool:
        return bool(self._place(field))

    def number(self, field: int, form: str, default: int = 0) -> int:
        place = self._place(field)
        return int(struct.unpack_from(form, self.data, place)[0]) if place else default

    def byte(self, field: int) -> int:
        return self.number(field, "<B")

    def table(self, field: int) -> "_Table | None":
        place = self._place(field)
        return _Table(self.data, self._follow(place)) if place else None

    def vector(self, field: int) -> tuple[int, int]:
        """The offset of its first item, and the number of items."""
        place = self._place(field)
        if not place:
            return 0, 0
        start = self._follow(place)
        count = struct.unpack_from("<I", self.data, start)[0]
        if count > len(self.data):
            raise DamagedError
        return start + 4, count

    def tables(self, field: int) -> list["_Table"]:
        start, count = self.vector(field)
        if count > MAX_FIELDS:
            raise DamagedError
        places = range(start, start + 4 * count, 4)
        return [_Table(self.data, self._follow(place)) for place in places]

    def text(self, field: int) -> str:
        start, size = self.vector(field)
        return self.data[start : start + size].decode("utf-8", "replace")

    def _follow(self, place: int) -> int:
        return place + int(struct.unpack_from("<I", self.data, place)[0])
