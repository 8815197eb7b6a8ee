"""Shape and type of NumPy arrays: one in an .npy file, several in an .npz file.

The header is a Python literal. It is searched, not evaluated.
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import re
from typing import Any

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.data.columns import Column, column_fields
from chalicelib.processors.places import Places, fitting, printable
from chalicelib.processors.zip_parts import DAMAGED, Parts
from chalicelib.reader import ObjectReader, ReadTooLarge

MAGIC = b"\x93NUMPY"
MAX_HEADER = 64 * 1024  # bytes; NumPy itself accepts 10,000
MAX_NAME = 80  # characters
SHOWN_ARRAYS = 50
MAX_ARRAYS = 8 * 1024  # bytes of JSON
_DTYPE = re.compile(r"'descr':\s*'([^'\\]{1,100})'")
_FIELDS = re.compile(r"'descr':\s*\[(.*)\]\s*,\s*'fortran_order'", re.DOTALL)
# ('name', '<i4') or ('name', '<i4', (3,)).
_FIELD = re.compile(r"\('([^'\\]*)',\s*'([^'\\]*)'(?:,\s*\([\d, ]*\))?\)")
_SHAPE = re.compile(r"'shape':\s*\(([\d, L]*)\)")
_MAX_DIMENSIONS = 64


def run(file: Places) -> dict[str, Any]:
    """`{"format": "npy", "dtype", "shape"}`; also the columns of a structured array."""
    return {"format": "npy"} | _array(file.read(0, MAX_HEADER))


def run_zipped(source: ObjectReader, /) -> dict[str, Any]:
    """`{"format": "npz", "array_count", "arrays"}`, each with `name`, `dtype` and `shape`."""
    try:
        parts = Parts(source)
        names = [name for name in parts.names if name.endswith(".npy")]
        arrays = [_named_array(parts, name) for name in names[:SHOWN_ARRAYS]]
    except ReadTooLarge:
        raise
    except DAMAGED as error:
        raise DamagedError from error
    return {"format": "npz", "array_count": len(names), "arrays": fitting(arrays, MAX_ARRAYS)}


def _named_array(parts: Parts, name: str) -> dict[str, object]:
    report: dict[str, object] = {"name": printable(name.removesuffix(".npy"), MAX_NAME)}
    array = _array(b"".join(parts.pieces(name, MAX_HEADER)))
    return report | {key: array[key] for key in ("dtype", "shape")}


def _array(data: bytes) -> dict[str, Any]:
    if not data.startswith(MAGIC) or len(data) < 12:
        raise DamagedError
    wide = 2 if data[6] == 1 else 4
    size = int.from_bytes(data[8 : 8 + wide], "little")
    raw = data[8 + wide : 8 + wide + size]
    if len(raw) < size:
        raise DamagedError
    header = raw.decode("utf-8" if data[6] >= 3 else "latin-1", "replace")
    shape = _SHAPE.search(header)
    if not shape:
        raise DamagedError
    sides = [int(side.strip(" L")) for side in shape[1].split(",") if side.strip(" L")]
    if len(sides) > _MAX_DIMENSIONS or any(side >= 1 << 63 for side in sides):
        raise DamagedError
    if dtype := _DTYPE.search(header):
        return {"dtype": dtype[1], "shape": sides}
    fields = _FIELDS.search(header)
    columns = [Column(*field) for field in _FIELD.findall(fields[1])] if fields else []
    rows = {"rows": sides[0]} if len(sides) == 1 else {}
    return {"dtype": "structured", "shape": sides} | column_fields(columns) | rows
