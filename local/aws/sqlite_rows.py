"""The items of one DynamoDB table in SQLite: an SQL table of JSON, an SQL index for each order.

A table and its secondary indexes are orders of the same items, each by the attributes of its key in
DynamoDB's JSON (`{"pk": {"S": "…"}}`). So a request reads and writes only the rows that it needs.
Supports string and number keys. Only names of the schema become part of the SQL, and values are
bound, so the ignored warnings are safe. Must not know moto, or where a transaction starts and ends.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Attributes = Mapping[str, Any]
# A condition on one attribute of a key: its name, the comparison, DynamoDB's JSON of the values.
Condition = tuple[str, str, Sequence[Attributes]]

TABLE = ""  # the order of the table itself, beside those of its indexes
_COLUMNS = {
    "S": """json_extract(item, '$."{name}".S')""",
    "N": """CAST(json_extract(item, '$."{name}".N') AS NUMERIC)""",
}
_COMPARISONS = {"BETWEEN": "BETWEEN ? AND ?", "BEGINS_WITH": "BETWEEN ? AND ?"}
_LAST_CHARACTER = "\U0010ffff"  # a prefix and this sort after every string with the prefix


@dataclass(frozen=True, slots=True)
class Rows:
    """The items of a table.

    `types` are the types of its key attributes, `S` or `N`. `orders` are the attributes that each
    order sorts by: those of the index, then those of the table, which make it unique.
    """

    database: sqlite3.Connection
    table: str
    types: Mapping[str, str]
    orders: Mapping[str, Sequence[str]]

    def create(self) -> None:
        """Create the SQL table and its indexes, unless they exist."""
        self.database.execute(f'CREATE TABLE IF NOT EXISTS "{self.table}" (item TEXT NOT NULL)')
        for order, names in self.orders.items():
            kind = "UNIQUE INDEX" if order == TABLE else "INDEX"
            self.database.execute(
                f'CREATE {kind} IF NOT EXISTS "{self.table}/{order}"'
                f' ON "{self.table}" ({", ".join(map(self._column, names))})'
            )

    def drop(self) -> None:
        """Delete all items."""
        self.database.execute(f'DROP TABLE IF EXISTS "{self.table}"')

    def count(self) -> int:
        """The number of items."""
        return int(self._execute("SELECT COUNT(*) FROM {}").fetchone()[0])

    def save(self, item: Attributes) -> None:
        """Insert an item, or replace the one with its key."""
        self._execute("INSERT OR REPLACE INTO {} VALUES (?)", json.dumps(item))

    def find(self, key: Attributes) -> Any:
        """The item with a key, or None."""
        where, values = self._is(key)
        row = self._execute(f"SELECT item FROM {{}} WHERE {where}", *values).fetchone()  # noqa: S608
        return None if row is None else json.loads(row[0])

    def delete(self, key: Attributes) -> None:
        """Delete the item with a key, if there is one."""
        where, values = self._is(key)
        self._execute(f"DELETE FROM {{}} WHERE {where}", *values)  # noqa: S608

    def read(
        self,
        order: str = TABLE,
        conditions: Sequence[Condition] = (),
        *,
        after: Attributes | None = None,
        forward: bool = True,
    ) -> Iterator[Any]:
        """The items that have all attributes of an order, in that order or backwards.

        Yields only items that fulfil the conditions and come after the attributes in `after`.
        """
        columns = [self._column(name) for name in self.orders[order]]
        where = [f"{column} IS NOT NULL" for column in columns]
        values: list[Any] = []
        for name, comparison, operands in conditions:
            where.append(f"{self._column(name)} {_COMPARISONS.get(comparison, f'{comparison} ?')}")
            values += map(_value, operands)
            if comparison == "BEGINS_WITH":
                values.append(f"{values[-1]}{_LAST_CHARACTER}")
        if after is not None:
            places = ", ".join("?" * len(columns))
            where.append(f"({', '.join(columns)}) {'>' if forward else '<'} ({places})")
            values += (_value(after[name]) for name in self.orders[order])
        sorting = ", ".join(f"{column} {'ASC' if forward else 'DESC'}" for column in columns)
        sql = f"SELECT item FROM {{}} WHERE {' AND '.join(where)} ORDER BY {sorting}"  # noqa: S608
        for (text,) in self._execute(sql, *values):
            yield json.loads(text)

    def _is(self, key: Attributes) -> tuple[str, list[Any]]:
        """The SQL condition that selects one item, and its values."""
        names = self.orders[TABLE]
        where = " AND ".join(f"{self._column(name)} = ?" for name in names)
        return where, [_value(key[name]) for name in names]

    def _column(self, name: str) -> str:
        return _COLUMNS[self.types[name]].format(name=name)

    def _execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement on the table; its values never become part of the SQL."""
        return self.database.execute(sql.replace("{}", f'"{self.table}"'), values)


def _value(attribute: Attributes) -> Any:
    """The value that SQL compares a key with."""
    ((kind, value),) = attribute.items()
    return float(value) if kind == "N" else value
