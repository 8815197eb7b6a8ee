"""moto's DynamoDB on rows: moto answers the requests, a file holds the items.

moto keeps tables in memory; it copies all of a table for each write of a transaction and sorts all
of it for each query. `install` lets it keep the items in `rows`.
Whoever serves requests makes each one a transaction of the database: a request that fails is rolled
back, and one that is committed outlives a killed process.
"""

import base64
import contextlib
import inspect
import sqlite3
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

from moto.core.serialize import JSONSerializer
from moto.dynamodb import models
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import RESULT_SIZE_LIMIT, Table
from moto.dynamodb.responses import DynamoHandler, DynamoResult

from local.aws.sqlite_rows import TABLE, Condition, Rows

TOKENS_KEPT = 600  # seconds; DynamoDB's own
Page = tuple[list[Item], int, dict[str, Any] | None]


class StoredTable(Table):
    """A table of moto's whose items are in a database."""

    database: ClassVar[sqlite3.Connection]

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.rows.drop()  # of a deleted table with this name
        self.rows.make()

    def __deepcopy__(self, _: Any) -> "StoredTable":
        """Itself: moto wants the copy to roll a transaction back, which the database does."""
        return self

    def __len__(self) -> int:
        return self.rows.count()

    @property
    def rows(self) -> Rows:
        """Its items."""
        orders = {TABLE: self.table_key_attrs}
        for index in self.all_indexes():
            schema = sorted(index.schema, key=lambda key: key["KeyType"])  # HASH, RANGE
            names = [key["AttributeName"] for key in schema] + self.table_key_attrs
            orders[index.name] = list(dict.fromkeys(names))
        types = {each["AttributeName"]: each["AttributeType"] for each in self.attr}
        return Rows(self.database, self.name, types, orders)

    def save(self, item: Item) -> None:
        """Insert an item, or replace the one with its key."""
        self.rows.save({name: _plain(value) for name, value in item.attrs.items()})

    def put_item(self, *given: Any, **named: Any) -> Item:
        """PutItem; moto checks the item and leaves it in memory."""
        item = super().put_item(*given, **named)
        self.items.clear()
        self.save(item)
        return item

    def get_item(
        self,
        hash_key: DynamoType,
        range_key: DynamoType | None = None,
        projection_expression: list[list[str]] | None = None,
    ) -> Item | None:
        """GetItem."""
        found = self.rows.find(self._key(hash_key, range_key))
        if found is None:
            return None
        item = self._item(found)
        return item.project(projection_expression) if projection_expression else item

    def delete_item(self, hash_key: DynamoType, range_key: DynamoType | None) -> Item | None:
        """DeleteItem."""
        item = self.get_item(hash_key, range_key)
        self.rows.delete(self._key(hash_key, range_key))
        return item

    def query(self, *given: Any, **named: Any) -> Page:
        """Query by the hash key, and at most one comparison of the range key."""
        asked = _arguments(Table.query, self, *given, **named)
        names = self.rows.orders[self._order(asked)]
        conditions: list[Condition] = [(names[0], "=", [_plain(asked["hash_key"])])]
        if asked["range_comparison"]:
            operands = [_plain(value) for value in asked["range_objs"]]
            conditions.append((names[1], asked["range_comparison"], operands))
        return self._page(asked, conditions, asked["projection_expressions"])

    def scan(self, *given: Any, **named: Any) -> Page:
        """Scan, in the order of the keys."""
        asked = _arguments(Table.scan, self, *given, **named)
        return self._page(asked, [], asked["projection_expression"])

    def all_items(self) -> list[Item]:
        """Every item, in the order of the keys."""
        return [self._item(attributes) for attributes in self.rows.read()]

    def _order(self, asked: Mapping[str, Any]) -> str:
        """The order of the rows that a query or a scan names."""
        if asked["index_name"] is None:
            return TABLE
        index = self.get_index(asked["index_name"], error_if_not=True)
        if asked["consistent_read"] and index in self.global_indexes:
            raise MockValidationException(
                "Consistent reads are not supported on global secondary indexes"
            )
        return index.name

    def _page(
        self,
        asked: Mapping[str, Any],
        conditions: list[Condition],
        projection: list[list[str]] | None,
    ) -> Page:
        """The items of one answer, how many were read for them, and the key of the last of those.

        Limit and 1 MB are of what is read, before the filter.
        """
        if asked.get("filters") or asked.get("filter_kwargs") or any(asked.get("segments", ())):
            raise NotImplementedError("QueryFilter, ScanFilter and Segment")
        read: list[Item] = []
        size, last = 0, None
        with contextlib.closing(self._read(asked, conditions)) as items_in_order:
            for item in items_in_order:
                size += item.size()
                if len(read) == asked["limit"] or size > RESULT_SIZE_LIMIT:
                    last = self._get_last_evaluated_key(read[-1], asked["index_name"])
                    break
                read.append(item)
        passes = asked["filter_expression"]
        items = [item for item in read if passes is None or passes.expr(item)]
        return [i.project(projection) for i in items] if projection else items, len(read), last

    def _read(
        self, asked: Mapping[str, Any], conditions: list[Condition]
    ) -> Generator[Item, None, None]:
        order = self._order(asked)
        held = self._held(order)
        rows = self.rows.read(
            order,
            conditions,
            after=asked["exclusive_start_key"],
            forward=asked.get("scan_index_forward", True),
        )
        for attributes in rows:
            names = attributes if held is None else held & attributes.keys()
            yield self._item({name: attributes[name] for name in names})

    def _held(self, order: str) -> set[str] | None:
        """The attributes that an index holds of its items; None for all of them."""
        projection = {} if order == TABLE else self.get_index(order).projection or {}
        if projection.get("ProjectionType", "ALL") == "ALL":
            return None
        return {*self.rows.orders[order], *projection.get("NonKeyAttributes", [])}

    def _key(self, hash_key: DynamoType, range_key: DynamoType | None) -> dict[str, Any]:
        if self.range_key_attr is None:
            return {self.hash_key_attr: _plain(hash_key)}
        if range_key is None:
            raise MockValidationException("The provided key element does not match the schema")
        return {self.hash_key_attr: _plain(hash_key), self.range_key_attr: _plain(range_key)}

    def _item(self, attributes: Mapping[str, Any]) -> Item:
        """An item for moto, whose own constructor measures every attribute for every other."""
        item = cast("Item", Item.__new__(Item))
        item.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
        for name, value in attributes.items():
            dict.__setitem__(item.attrs, name, DynamoType(_parsed(value)))
        item.hash_key = item.attrs[self.hash_key_attr]
        item.range_key = item.attrs[self.range_key_attr] if self.range_key_attr else None
        return item


def connect(path: Path) -> sqlite3.Connection:
    """A database for items, in autocommit mode: transactions are the caller's."""
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    # Whatever is committed outlives the process; only a power cut may take the last of it.
    database.execute("PRAGMA synchronous = NORMAL")
    return database


def install(database: sqlite3.Connection) -> None:
    """Let moto keep items in a database."""
    StoredTable.database = database
    models.Table = StoredTable  # type: ignore[attr-defined] # create_table looks it up there
    update = models.DynamoDBBackend.update_item
    models.DynamoDBBackend.update_item = _saving(update)  # type: ignore[method-assign]
    database.execute("CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, at REAL)")
    transact = DynamoHandler.transact_write_items
    DynamoHandler.transact_write_items = _once(transact)  # type: ignore[method-assign]
    whole = JSONSerializer._serialize_type_structure  # noqa: SLF001 - no other way
    JSONSerializer._serialize_type_structure = _answering(  # type: ignore[method-assign] # noqa: SLF001
        whole
    )


def take_over(table: Table) -> None:
    """Let a table that was saved by moto find its items; they were saved with it once."""
    items = [] if isinstance(table, StoredTable) else table.all_items()
    table.items.clear()
    table.__class__ = StoredTable  # type: ignore[type-abstract] # moto's own is
    stored = cast("StoredTable", table)
    stored.rows.make()
    for item in items:
        stored.save(item)


def _saving(update: Callable[..., Item]) -> Callable[..., Item]:
    """UpdateItem: moto changes an item in memory; then it is saved."""

    def update_item(
        self: models.DynamoDBBackend, table_name: str, *given: Any, **named: Any
    ) -> Item:
        item = update(self, table_name, *given, **named)
        cast("StoredTable", self.get_table(table_name)).save(item)
        return item

    return update_item


def _once(transact: Callable[..., Any]) -> Callable[..., Any]:
    """TransactWriteItems: botocore repeats a request that got no answer; it is made once.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """

    def transact_write_items(self: DynamoHandler) -> Any:
        token, now = self.body.get("ClientRequestToken"), time.time()
        database = StoredTable.database
        database.execute("DELETE FROM tokens WHERE at < ?", (now - TOKENS_KEPT,))
        if token is not None:
            if database.execute("SELECT 1 FROM tokens WHERE token = ?", (token,)).fetchone():
                return DynamoResult({})
            database.execute("INSERT INTO tokens VALUES (?, ?)", (token, now))
        return transact(self)

    return transact_write_items


def _answering(serialize: Callable[..., None]) -> Callable[..., None]:
    """Answers: an attribute's value is JSON; moto tries five names for each type it could have."""

    def structure(self: JSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and key:
            serialized[self.get_serialized_name(shape, key)] = _json(value)
        else:
            serialize(self, serialized, value, shape, key)

    return structure


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _json(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_json(part) for part in value]
    return _text(value)


def _arguments(function: Callable[..., Any], *given: Any, **named: Any) -> dict[str, Any]:
    """The arguments of a call by their names."""
    call = inspect.signature(function).bind(*given, **named)
    call.apply_defaults()
    return call.arguments


def _plain(value: DynamoType) -> dict[str, Any]:
    """DynamoDB's JSON of a value."""
    if value.is_map():
        return {value.type: {name: _plain(part) for name, part in value.value.items()}}
    if value.is_list():
        return {value.type: [_plain(part) for part in value.value]}
    if value.is_set():
        return {value.type: [_text(part) for part in value.value]}
    return {value.type: _text(value.value)}


def _parsed(value: Mapping[str, Any]) -> dict[str, Any]:
    """A value of DynamoDB's JSON as moto parses it: its bytes are bytes."""
    ((kind, content),) = value.items()
    if kind == "M":
        return {kind: {name: _parsed(part) for name, part in content.items()}}
    if kind == "L":
        return {kind: [_parsed(part) for part in content]}
    if kind in ("B", "BS"):
        return {
            kind: base64.b64decode(content) if kind == "B" else [*map(base64.b64decode, content)]
        }
    return {kind: content}


def _text(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
