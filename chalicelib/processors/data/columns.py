"""The columns of a table as all readers of tables tell them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.processors.places import printable

SHOWN_COLUMNS = 50
MAX_NAME = 50  # characters of a column's name
MAX_TYPE = 50  # characters of a type's name


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, dotted where it is nested, and its type in the format's own words."""

    name: str
    type: str


def column_fields(columns: Sequence[Column]) -> dict[str, Any]:
    """`{"columns", "column_types", "column_count"}`; the first are told, all are counted."""
    first = columns[:SHOWN_COLUMNS]
    return {
        "columns": [printable(one.name, MAX_NAME) for one in first],
        "column_types": [printable(one.type, MAX_TYPE) for one in first],
        "column_count": len(columns),
    }
