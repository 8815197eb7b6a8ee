"""The table and its indexes, each sorted, so that a query takes time for its own page only.

Keys are texts. Python compares them in the order in which DynamoDB compares their bytes.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sortedcontainers import SortedDict, SortedList  # type: ignore[import-untyped] # none

from tests.simulation.attributes import Item, Value, length, size_of
from tests.simulation.meter import Cost, write_units
from tests.simulation.refusals import Invalid

Key = tuple[str, str]
# The entry of an item in an index: its sort key there, and its key in the table.
Entry = tuple[str, str, str]
Place = tuple[str, Entry]
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MAX_HASH = 2048
MAX_RANGE = 1024


class Row:
    """An item and its size in bytes."""

    __slots__ = ("item", "size")

    def __init__(self, item: Item, size: int | None = None) -> None:
        self.item = item
        self.size = size_of(item) if size is None else size


class Index:
    """One order of the table's items; the table itself is the index without a name."""

    def __init__(self, name: str | None, keys: tuple[str, str], projected: frozenset[str] | None):
        self.name = name
        self.hash, self.range = keys
        # The attributes that it projects; None for all.
        self.projected = projected
        self.is_global = name is not None
        self.keys = tuple(dict.fromkeys(("pk", "sk", *keys)))
        self.holds_keys_only = projected is not None and projected == set(self.keys)
        self._names_size = length("".join(self.keys))
        self.partitions: SortedDict = SortedDict()

    def place(self, item: Item) -> Place | None:
        """The place of an item; None when it lacks a key and so is not in the index."""
        try:
            head, tail = item[self.hash]["S"], item[self.range]["S"]
            return head, (tail, item["pk"]["S"], item["sk"]["S"])
        except KeyError:
            return None

    def check(self, item: Item) -> None:
        """Refuse a key that has the wrong type, or is empty or too long; it may be missing."""
        for name, most in ((self.hash, MAX_HASH), (self.range, MAX_RANGE)):
            value = item.get(name)
            if value is not None:
                self._check_key(name, value, most)

    def _check_key(self, name: str, value: Value, most: int) -> None:
        if "S" not in value:
            raise Invalid(
                "One or more parameter values were invalid: Type mismatch for Index Key"
                f" {name} Expected: S Actual: {next(iter(value))} IndexName: {self.name}"
            )
        if not value["S"]:
            raise Invalid(
                "One or more parameter values are not valid. A value specified for a secondary"
                " index key is not supported. The AttributeValue for a key attribute cannot contain"
                f" an empty string value. IndexName: {self.name}, IndexKey: {name}"
            )
        if len(value["S"].encode()) > most:
            raise Invalid(
                f"One or more parameter values were invalid: Size of key {name} too large"
            )

    def put(self, place: Place) -> None:
        head, entry = place
        try:
            self.partitions[head].add(entry)
        except KeyError:
            self.partitions[head] = SortedList((entry,))

    def drop(self, place: Place) -> None:
        head, entry = place
        entries = self.partitions[head]
        entries.remove(entry)
        if not entries:
            del self.partitions[head]

    def projection(self, item: Item) -> Item:
        """The attributes of an item that the index projects."""
        if self.projected is None:
            return item
        if self.holds_keys_only:
            return {name: item[name] for name in self.keys}
        return {name: value for name, value in item.items() if name in self.projected}

    def size(self, row: Row) -> int:
        """The size of an item's projection in bytes."""
        if self.projected is None:
            return row.size
        if self.holds_keys_only:
            item = row.item
            return self._names_size + length("".join([item[name]["S"] for name in self.keys]))
        return size_of(self.projection(row.item))

    def costs(self, old: Row | None, new: Row | None, moved: "Move") -> list[Cost]:
        """The units for updating the index, for each partition key.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
        """
        before, after = moved
        if before is None and after is None:
            return []
        if old is not None and new is not None and before is not None and before == after:
            if self.holds_keys_only or self.projection(old.item) == self.projection(new.item):
                return []
            return [(self._partition(before), write_units(max(self.size(old), self.size(new))))]
        costs = []
        if old is not None and before is not None:
            costs.append((self._partition(before), write_units(self.size(old))))
        if new is not None and after is not None:
            costs.append((self._partition(after), write_units(self.size(new))))
        return costs

    def _partition(self, place: Place) -> tuple[str | None, str]:
        return (self.name if self.is_global else None, place[0])

    def between(self, head: str, low: str, high: str | None) -> tuple[SortedList, int, int]:
        """The entries of a partition from one sort key up to another, as a slice."""
        entries = self.partitions.get(head, _NONE)
        start = entries.bisect_left((low,))
        return entries, start, len(entries) if high is None else entries.bisect_left((high,))


Move = tuple[Place | None, Place | None]
_NONE: SortedList = SortedList()


def after_prefix(prefix: str) -> str | None:
    """The first text that sorts after all texts with a prefix; None when there is none."""
    prefix = prefix.rstrip("\U0010ffff")
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else None


# The range of sort keys for a key condition: from the first, and before the second.
Bounds = tuple[str, str | None]
BOUNDS: dict[str, Callable[..., Bounds]] = {
    "=": lambda key: (key, key + "\0"),
    "<": lambda key: ("", key),
    "<=": lambda key: ("", key + "\0"),
    ">": lambda key: (key + "\0", None),
    ">=": lambda key: (key, None),
    "begins_with": lambda prefix: (prefix, after_prefix(prefix)),
    "between": lambda low, high: (low, high + "\0"),
}


def indexes_of(schema: Mapping[str, Any]) -> Iterator[Index]:
    """The table, then its indexes, from CreateTable's parameters."""
    table = _keys(schema)
    if table != ("pk", "sk"):
        raise NotImplementedError("The table's key is pk and sk")
    yield Index(None, table, None)
    for kind in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        for description in schema.get(kind, ()):
            keys = _keys(description)
            index = Index(description["IndexName"], keys, _projected(description, keys))
            index.is_global = kind == "GlobalSecondaryIndexes"
            yield index


def _keys(description: Mapping[str, Any]) -> tuple[str, str]:
    by_type = {key["KeyType"]: key["AttributeName"] for key in description["KeySchema"]}
    return by_type["HASH"], by_type["RANGE"]


def _projected(description: Mapping[str, Any], keys: tuple[str, str]) -> frozenset[str] | None:
    projection = description["Projection"]
    if projection["ProjectionType"] == "ALL":
        return None
    return frozenset({"pk", "sk", *keys, *projection.get("NonKeyAttributes", ())})
