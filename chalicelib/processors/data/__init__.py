"""Columns and rows of data files: Parquet, Arrow, ORC, SQLite, Avro, NumPy.

The first bytes choose the reader. It reads schemas and footers, never the data.
"""

from typing import Any

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.places import BROKEN, TOO_LARGE, Places
from chalicelib.reader import ObjectReader, ReadTooLarge

reads_all = False

# Types of files that no program declared: one small read decides.
_VAGUE = frozenset({"application/octet-stream", "application/zip"})
TYPES = _VAGUE | frozenset({
    "application/vnd.apache.parquet", "application/vnd.apache.arrow.file",
    "application/vnd.apache.arrow.stream", "application/vnd.sqlite3", "application/x-sqlite3",
    "application/geopackage+sqlite3", "application/vnd.mapbox-vector-tile+sqlite3",
    "application/vnd.apache.orc", "application/x-orc", "application/avro",
    "application/vnd.apache.avro", "application/x-npy", "application/x-npz",
})  # fmt: skip


def applies_to(content_type: str, size: int, /) -> bool:
    """To Parquet, Arrow, ORC, SQLite, Avro and NumPy, and to generic types."""
    return content_type in TYPES and size > 0


def run(source: ObjectReader, /) -> dict[str, Any]:
    """`{"format", "columns", "column_types", "column_count", "rows"}` and fields of each format.

    See `parquet`, `arrow`, `orc`, `sqlite`, `avro` and `numpy_arrays`. Empty if the bytes are none
    of these; `error` if the file is damaged and its type says that it is one of them.
    """
    try:
        return _read(source)
    except ReadTooLarge:
        return TOO_LARGE
    except DamagedError:
        # Under a generic type, the mark may belong to another format.
        return {} if source.content_type in _VAGUE else BROKEN


def _read(source: ObjectReader) -> dict[str, Any]:
    zipped = source.filename.lower().endswith(".npz")
    if source.content_type == "application/zip" and not zipped:
        return {}
    # Imported here: processing other files does not pay for it.
    from chalicelib.processors.data import arrow, avro, numpy_arrays, orc, parquet, sqlite

    file = Places(source)
    head = file.read(0, 16)
    if zipped and head.startswith(b"PK\3\4"):
        return numpy_arrays.run_zipped(source)
    readers = {
        parquet.MAGIC: parquet.run, parquet.ENCRYPTED: parquet.run, arrow.MAGIC: arrow.run,
        arrow.FEATHER: arrow.run, sqlite.MAGIC: sqlite.run, avro.MAGIC: avro.run,
        numpy_arrays.MAGIC: numpy_arrays.run, orc.MAGIC: orc.run,
    }  # fmt: skip
    for magic, read in readers.items():
        if head.startswith(magic):
            return read(file)
    if source.content_type.startswith("application/vnd.apache.arrow."):
        return arrow.run(file)
    return {}
