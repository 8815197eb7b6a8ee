"""The columns of a table, as all readers of this package report them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.processors.places import printable

SHOWN_COLUMNS = 50
MAX_NAME = 50  # characters of a column's name
MAX_TYPE = 50  # characters of a type's name


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, dotted if it is nested, and its type as the format calls it."""

    name: str
    type: str


def column_fields(columns: Sequence[Column]) -> dict[str, Any]:
    """`{"columns", "column_types", "column_count"}`: the first columns, and the number of all."""
    first = columns[:SHOWN_COLUMNS]
    return {
        "columns": [printable(one.name, MAX_NAME) for one in first],
        "column_types": [printable(one.type, MAX_TYPE) for one in first],
        "column_count": len(columns),
    }
