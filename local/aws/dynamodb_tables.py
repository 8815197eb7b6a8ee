"""moto's DynamoDB with its items in SQLite: moto answers the requests, `sqlite_rows` has the items.

moto keeps tables in memory. It copies a whole table for each write of a transaction and sorts a
whole table for each query. `install` replaces moto's table by one that keeps its items in rows.
The server makes each request a transaction of the database. It rolls a failed request back, and
what it has committed survives when the process is killed.
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

TOKEN_LIFETIME = 600  # seconds; DynamoDB's own
Page = tuple[list[Item], int, dict[str, Any] | None]


class StoredTable(Table):
    """A table of moto's with its items in a database."""

    database: ClassVar[sqlite3.Connection]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows.drop()  # the rows of a deleted table with this name
        self.rows.create()

    def __deepcopy__(self, _: Any) -> "StoredTable":
        """The table itself: moto copies it to roll a transaction back, which the database does."""
        return self

    def __len__(self) -> int:
        return self.rows.count()

    @property
    def rows(self) -> Rows:
        """The rows of its items."""
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

    def put_item(self, *args: Any, **kwargs: Any) -> Item:
        """PutItem; moto checks the item and keeps it in memory, so we clear that."""
        item = super().put_item(*args, **kwargs)
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
        attributes = self.rows.find(self._key(hash_key, range_key))
        if attributes is None:
            return None
        item = self._item(attributes)
        return item.project(projection_expression) if projection_expression else item

    def delete_item(self, hash_key: DynamoType, range_key: DynamoType | None) -> Item | None:
        """DeleteItem."""
        item = self.get_item(hash_key, range_key)
        self.rows.delete(self._key(hash_key, range_key))
        return item

    def query(self, *args: Any, **kwargs: Any) -> Page:
        """Query by the hash key and at most one comparison of the range key."""
        query = _arguments(Table.query, self, *args, **kwargs)
        names = self.rows.orders[self._order(query)]
        conditions: list[Condition] = [(names[0], "=", [_plain(query["hash_key"])])]
        if query["range_comparison"]:
            operands = [_plain(value) for value in query["range_objs"]]
            conditions.append((names[1], query["range_comparison"], operands))
        return self._page(query, conditions, query["projection_expressions"])

    def scan(self, *args: Any, **kwargs: Any) -> Page:
        """Scan, in the order of the keys."""
        query = _arguments(Table.scan, self, *args, **kwargs)
        return self._page(query, [], query["projection_expression"])

    def all_items(self) -> list[Item]:
        """Every item, in the order of the keys."""
        return [self._item(attributes) for attributes in self.rows.read()]

    def _order(self, query: Mapping[str, Any]) -> str:
        """The order of the rows that a query or a scan reads."""
        if query["index_name"] is None:
            return TABLE
        index = self.get_index(query["index_name"], error_if_not=True)
        if query["consistent_read"] and index in self.global_indexes:
            raise MockValidationException(
                "Consistent reads are not supported on global secondary indexes"
            )
        return index.name

    def _page(
        self,
        query: Mapping[str, Any],
        conditions: list[Condition],
        projection: list[list[str]] | None,
    ) -> Page:
        """One page: the items that pass the filter, the count of items read, and the last key.

        Limit and 1 MB apply to the items read, before the filter.
        """
        if query.get("filters") or query.get("filter_kwargs") or any(query.get("segments", ())):
            raise NotImplementedError("QueryFilter, ScanFilter and Segment")
        read: list[Item] = []
        size, last = 0, None
        with contextlib.closing(self._read(query, conditions)) as items_in_order:
            for item in items_in_order:
                size += item.size()
                if len(read) == query["limit"] or size > RESULT_SIZE_LIMIT:
                    last = self._get_last_evaluated_key(read[-1], query["index_name"])
                    break
                read.append(item)
        condition = query["filter_expression"]
        items = [item for item in read if condition is None or condition.expr(item)]
        return [i.project(projection) for i in items] if projection else items, len(read), last

    def _read(
        self, query: Mapping[str, Any], conditions: list[Condition]
    ) -> Generator[Item, None, None]:
        order = self._order(query)
        projected = self._projected(order)
        rows = self.rows.read(
            order,
            conditions,
            after=query["exclusive_start_key"],
            forward=query.get("scan_index_forward", True),
        )
        for attributes in rows:
            names = attributes if projected is None else projected & attributes.keys()
            yield self._item({name: attributes[name] for name in names})

    def _projected(self, order: str) -> set[str] | None:
        """The attributes that an index projects; None for all of them."""
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
        """An item for moto; its own constructor measures all attributes again for each one."""
        item = cast("Item", Item.__new__(Item))
        item.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
        for name, value in attributes.items():
            dict.__setitem__(item.attrs, name, DynamoType(_parsed(value)))
        item.hash_key = item.attrs[self.hash_key_attr]
        item.range_key = item.attrs[self.range_key_attr] if self.range_key_attr else None
        return item


def connect(path: Path) -> sqlite3.Connection:
    """A database for items, in autocommit mode: the caller starts and ends transactions."""
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    # Commits survive when the process is killed; only a power cut may lose the last ones.
    database.execute("PRAGMA synchronous = NORMAL")
    return database


def install(database: sqlite3.Connection) -> None:
    """Replace moto's table by one that keeps its items in a database."""
    StoredTable.database = database
    models.Table = StoredTable  # type: ignore[attr-defined] # create_table looks it up there
    update = models.DynamoDBBackend.update_item
    models.DynamoDBBackend.update_item = _save_updates(update)  # type: ignore[method-assign]
    database.execute("CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, at REAL)")
    transact = DynamoHandler.transact_write_items
    DynamoHandler.transact_write_items = _run_once(transact)  # type: ignore[method-assign]
    serialize = JSONSerializer._serialize_type_structure  # noqa: SLF001 - no other way
    JSONSerializer._serialize_type_structure = serialize_items(  # type: ignore[method-assign] # noqa: SLF001
        serialize
    )


def take_over(table: Table) -> None:
    """Move the items of a saved table into rows; earlier versions pickled them with the table."""
    items = [] if isinstance(table, StoredTable) else table.all_items()
    table.items.clear()
    table.__class__ = StoredTable  # type: ignore[type-abstract] # moto's own is
    table_of_rows = cast("StoredTable", table)
    table_of_rows.rows.create()
    for item in items:
        table_of_rows.save(item)


def _save_updates(update: Callable[..., Item]) -> Callable[..., Item]:
    """UpdateItem: moto changes an item in memory, then we save it."""

    def update_item(
        self: models.DynamoDBBackend, table_name: str, *args: Any, **kwargs: Any
    ) -> Item:
        item = update(self, table_name, *args, **kwargs)
        cast("StoredTable", self.get_table(table_name)).save(item)
        return item

    return update_item


def _run_once(transact: Callable[..., Any]) -> Callable[..., Any]:
    """TransactWriteItems: executes a request once that botocore retries with the same token.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """

    def transact_write_items(self: DynamoHandler) -> Any:
        token, now = self.body.get("ClientRequestToken"), time.time()
        database = StoredTable.database
        database.execute("DELETE FROM tokens WHERE at < ?", (now - TOKEN_LIFETIME,))
        if token is not None:
            if database.execute("SELECT 1 FROM tokens WHERE token = ?", (token,)).fetchone():
                return DynamoResult({})
            database.execute("INSERT INTO tokens VALUES (?, ?)", (token, now))
        return transact(self)

    return transact_write_items


def serialize_items(serialize: Callable[..., None]) -> Callable[..., None]:
    """Responses: writes a value as JSON; moto tries five names for each type it could have."""

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


def _arguments(function: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    """The arguments of a call, by name."""
    call = inspect.signature(function).bind(*args, **kwargs)
    call.apply_defaults()
    return call.arguments


def _plain(value: DynamoType) -> dict[str, Any]:
    """A value as DynamoDB's JSON."""
    if value.is_map():
        return {value.type: {name: _plain(part) for name, part in value.value.items()}}
    if value.is_list():
        return {value.type: [_plain(part) for part in value.value]}
    if value.is_set():
        return {value.type: [_text(part) for part in value.value]}
    return {value.type: _text(value.value)}


def _parsed(value: Mapping[str, Any]) -> dict[str, Any]:
    """A value from DynamoDB's JSON, as moto parses it: with decoded bytes."""
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
