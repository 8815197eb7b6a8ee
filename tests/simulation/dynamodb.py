"""DynamoDB in memory, with one table: a stand-in for `boto3.client("dynamodb")`.

It is deterministic and fast, for hundreds of thousands of calls in a simulation. `Hooks` run other
work, or raise errors, around every call. Every read sees all earlier writes, also on an index. The
stand-in refuses parameters and expressions that it does not support.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from tests.simulation.attributes import Item, copy_of
from tests.simulation.indexes import Index, Key, Move, Place, Row, indexes_of
from tests.simulation.meter import Cost, Meter, Partition, write_units
from tests.simulation.pages import (
    QUERY,
    SCAN,
    check_page,
    page_of,
    places_of_query,
    places_of_scan,
    projected,
)
from tests.simulation.plans import plan_of
from tests.simulation.refusals import (
    CONDITION_MESSAGE,
    CONFLICT_MESSAGE,
    THROTTLE_MESSAGE,
    Exceptions,
    Invalid,
    cancellation,
    refusal,
)
from tests.simulation.writes import (
    PARAMETERS,
    Write,
    check_parameters,
    check_returned,
    request_key,
    write_of,
)

Request = Mapping[str, Any]
MAX_TRANSACTION = 100
MAX_GET_BATCH = 100
MAX_WRITE_BATCH = 25
_GET = frozenset({
    "TableName", "Key", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames",
})  # fmt: skip
_OF_BATCH = frozenset(
    {"Keys", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"}
)


class Hooks(Protocol):
    """Runs around a call; `operation` is DynamoDB's name of the call, for example GetItem.

    `begin` runs before the call has any effect, and `done` runs after it. `during` runs inside a
    transaction: until it returns, other writes of the transaction's items are refused. Each may run
    other work, or raise. After an error of `begin` or `during` the call has had no effect; after an
    error of `done` the write has been made, and only its answer is lost.
    """

    def begin(self, operation: str, request: Request) -> None: ...

    def during(self, operation: str, request: Request) -> None: ...

    def done(self, operation: str, request: Request) -> None: ...

    def unprocessed(self, operation: str, count: int) -> int:
        """How many of `count` keys or writes a batch returns as unprocessed."""


class NoHooks:
    """Hooks that do nothing."""

    def begin(self, operation: str, request: Request) -> None:
        """Do nothing."""

    during = done = begin

    def unprocessed(self, operation: str, count: int) -> int:  # noqa: ARG002 - as in Hooks
        return 0


class FakeDynamoDB:
    """A client and its one table; `schema` are CreateTable's parameters, `meter` counts units.

    With a clock, the meter refuses writes over the limit of a partition key in a second.
    """

    exceptions = Exceptions

    def __init__(
        self,
        schema: Mapping[str, Any],
        name: str,
        *,
        hooks: Hooks | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.name = name
        self.hooks: Hooks = hooks or NoHooks()
        self.meter = Meter(clock)
        on_demand = schema.get("BillingMode") == "PAY_PER_REQUEST"
        # The reason of a throttled member of a transaction; it depends on the billing mode.
        self._throttled = "ThrottlingError" if on_demand else "ProvisionedThroughputExceeded"
        self._rows: dict[Key, Row] = {}
        table, *others = indexes_of(schema)
        self._table = table
        self._others = others
        self._named = {index.name: index for index in (table, *others)}
        self._keys = frozenset(key for index in others for key in (index.hash, index.range))
        self._under_way: set[Key] = set()

    # For tests and simulations: no hooks, no units.

    def items(self) -> list[Item]:
        """All items, in the order of their creation."""
        return [copy_of(row.item) for row in self._rows.values()]

    def expire(self, pk: str, sk: str) -> bool:
        """Delete an item as the time to live does; returns whether there was one.

        An item of a running transaction stays.
        """
        key = (pk, sk)
        if key not in self._rows or key in self._under_way:
            return False
        self._commit(key, None, self._moves(self._rows[key], None))
        return True

    # Reads.

    def get_item(self, **request: Any) -> dict[str, Any]:
        return self._run("GetItem", request, self._prepare_get, self._get)

    def _prepare_get(self, _: str, request: Request) -> Any:
        check_parameters(request, _GET, "TableName", "Key")
        return request_key(request), plan_of(request)[0]

    def _get(self, operation: str, request: Request, prepared: Any) -> dict[str, Any]:
        key, plan = prepared
        row = self._rows.get(key)
        consistent = request.get("ConsistentRead", False)
        self.meter.read(operation, 0 if row is None else row.size, consistent=consistent)
        return {} if row is None else {"Item": projected(row.item, plan)}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        return self._run("BatchGetItem", request, self._prepare_batch_get, self._batch_get)

    def _prepare_batch_get(self, operation: str, request: Request) -> Any:
        check_parameters(request, frozenset({"RequestItems"}), "RequestItems")
        batch = self._of_this_table(operation, request["RequestItems"])
        check_parameters(batch, _OF_BATCH, "Keys")
        keys = [request_key({"Key": key}) for key in batch["Keys"]]
        if not 0 < len(keys) <= MAX_GET_BATCH:
            raise Invalid("Too many items requested for the BatchGetItem call")
        if len(set(keys)) < len(keys):
            raise Invalid("Provided list of item keys contains duplicates")
        return keys, plan_of(batch)[0]

    def _batch_get(self, operation: str, request: Request, prepared: Any) -> dict[str, Any]:
        keys, plan = prepared
        batch = request["RequestItems"][self.name]
        count = len(keys) - self.hooks.unprocessed(operation, len(keys))
        consistent = batch.get("ConsistentRead", False)
        responses = []
        for key in keys[:count]:
            row = self._rows.get(key)
            self.meter.read(operation, 0 if row is None else row.size, consistent=consistent)
            if row is not None:
                responses.append(projected(row.item, plan))
        unprocessed = (
            {self.name: {**batch, "Keys": batch["Keys"][count:]}} if count < len(keys) else {}
        )
        return {"Responses": {self.name: responses}, "UnprocessedKeys": unprocessed}

    def query(self, **request: Any) -> dict[str, Any]:
        return self._run("Query", request, self._prepare_query, self._page)

    def _prepare_query(self, operation: str, request: Request) -> Any:
        check_parameters(request, QUERY, "TableName")
        if "KeyConditionExpression" not in request:
            raise Invalid("Either the KeyConditions or KeyConditionExpression parameter must be"
                          " specified in the request.")  # fmt: skip
        return self._prepare_page(operation, request)

    def scan(self, **request: Any) -> dict[str, Any]:
        return self._run("Scan", request, self._prepare_scan, self._page)

    def _prepare_scan(self, operation: str, request: Request) -> Any:
        check_parameters(request, SCAN, "TableName")
        return self._prepare_page(operation, request)

    def _prepare_page(self, operation: str, request: Request) -> Any:
        index = self._named.get(request.get("IndexName"))
        if index is None:
            raise Invalid(f"The table does not have the specified index: {request['IndexName']}")
        check_page(request, index)
        plan, values = plan_of(request)
        places = self._places(operation, request, plan, values, index)
        return index, plan, values, places

    def _places(
        self, operation: str, request: Request, plan: Any, values: Item, index: Index
    ) -> Any:
        if operation == "Scan":
            return places_of_scan(request, index)
        return places_of_query(request, plan, values, index)

    def _page(self, operation: str, request: Request, prepared: Any) -> dict[str, Any]:
        index, plan, values, _ = prepared
        # Computed here: other work may have changed the table since the request was checked.
        places = self._places(operation, request, plan, values, index)
        answer, read = page_of(request, plan, values, index, rows=map(self._row_at, places))
        self.meter.read(operation, read, consistent=request.get("ConsistentRead", False))
        return answer

    def _row_at(self, place: Place) -> Row:
        _, (_, pk, sk) = place
        return self._rows[pk, sk]

    def get_paginator(self, operation_name: str) -> "Paginator":
        return Paginator({"query": self.query, "scan": self.scan}[operation_name])

    # Writes.

    def put_item(self, **request: Any) -> dict[str, Any]:
        return self._run("PutItem", request, self._prepare_write, self._write)

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._run("UpdateItem", request, self._prepare_write, self._write)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        return self._run("DeleteItem", request, self._prepare_write, self._write)

    def _prepare_write(self, operation: str, request: Request) -> Write:
        kind = operation.removesuffix("Item")
        needed = "Item" if kind == "Put" else "Key"
        check_parameters(request, PARAMETERS[kind] | {"ReturnValues"}, "TableName", needed)
        check_returned(kind, request)
        return write_of(kind, request, self._others)

    def _write(self, operation: str, request: Request, write: Write) -> dict[str, Any]:
        key = write.key
        if key in self._under_way:
            raise refusal("TransactionConflictException", operation, CONFLICT_MESSAGE)
        old = self._rows.get(key)
        if not write.is_allowed(old):
            self._take(operation, [((None, key[0]), write_units(old.size if old else 0))])
            more = {"Item": copy_of(old.item)} if old is not None and write.returns_old else {}
            raise refusal("ConditionalCheckFailedException", operation, CONDITION_MESSAGE, **more)
        new = self._new_row(write, old)
        moves = self._moves(old, new)
        self._take(operation, self._costs(key, old, new, moves))
        self._commit(key, new, moves)
        return _returned(request.get("ReturnValues", "NONE"), write, old, new)

    def batch_write_item(self, **request: Any) -> dict[str, Any]:
        return self._run("BatchWriteItem", request, self._prepare_batch, self._batch_write)

    def _prepare_batch(self, operation: str, request: Request) -> list[Write]:
        check_parameters(request, frozenset({"RequestItems"}), "RequestItems")
        batch = self._of_this_table(operation, request["RequestItems"])
        if not 0 < len(batch) <= MAX_WRITE_BATCH:
            raise Invalid("Too many items requested for the BatchWriteItem call")
        writes = []
        for member in batch:
            ((kind, body),) = member.items()
            check_parameters(body, frozenset({"Item", "Key"}))
            writes.append(write_of(kind.removesuffix("Request"), body, self._others))
        _check_once(writes, "Provided list of item keys contains duplicates")
        return writes

    def _batch_write(
        self, operation: str, request: Request, writes: Sequence[Write]
    ) -> dict[str, Any]:
        count = len(writes) - self.hooks.unprocessed(operation, len(writes))
        unprocessed = list(request["RequestItems"][self.name][count:])
        for member, write in zip(request["RequestItems"][self.name], writes[:count], strict=False):
            old = self._rows.get(write.key)
            new = self._new_row(write, old)
            moves = self._moves(old, new)
            full = self.meter.take(operation, self._costs(write.key, old, new, moves))
            if full or write.key in self._under_way:
                unprocessed.append(member)
            else:
                self._commit(write.key, new, moves)
        return {"UnprocessedItems": {self.name: unprocessed} if unprocessed else {}}

    # Transactions.

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        return self._run("TransactWriteItems", request, self._prepare_transaction, self._transact)

    def _prepare_transaction(self, operation: str, request: Request) -> list[Write]:
        check_parameters(request, frozenset({"TransactItems"}), "TransactItems")
        members = request["TransactItems"]
        if not 0 < len(members) <= MAX_TRANSACTION:
            raise Invalid("Member must have length less than or equal to 100 and at least 1")
        writes = []
        for member in members:
            if len(member) != 1:
                raise Invalid("TransactItems can only contain one of Check, Put, Update or Delete")
            ((kind, body),) = member.items()
            needed = {"Put": ("Item",), "Update": ("Key", "UpdateExpression")}.get(kind, ("Key",))
            check_parameters(body, PARAMETERS[kind], "TableName", *needed)
            self._check_table(operation, body)
            writes.append(write_of(kind, body, self._others))
        _check_once(writes, "Transaction request cannot include multiple operations on one item")
        return writes

    def _transact(
        self, operation: str, request: Request, writes: Sequence[Write]
    ) -> dict[str, Any]:
        keys = {write.key for write in writes}
        if conflicts := self._under_way & keys:
            raise cancellation([
                {"Code": "TransactionConflict", "Message": CONFLICT_MESSAGE}
                if write.key in conflicts
                else {"Code": "None"}
                for write in writes
            ])  # fmt: skip
        self._under_way |= keys
        try:
            self.hooks.during(operation, request)
        finally:
            self._under_way -= keys
        self._make_all(operation, writes)
        return {}

    def _make_all(self, operation: str, writes: Sequence[Write]) -> None:
        reasons, changes = [], []
        for write in writes:
            old = self._rows.get(write.key)
            new, reason = self._try(write, old)
            reasons.append(reason)
            changes.append((write.key, old, new, self._moves(old, new)))
        failed = any(reason["Code"] != "None" for reason in reasons)
        costs = [
            self._doubled(write, change, failed)
            for write, change in zip(writes, changes, strict=True)
        ]
        full = self.meter.take(operation, [cost for member in costs for cost in member])
        if full:
            raise cancellation([self._throttling(member, full) for member in costs])
        if failed:
            raise cancellation(reasons)
        for key, _, new, moves in changes:
            self._commit(key, new, moves)

    def _try(self, write: Write, old: Row | None) -> tuple[Row | None, dict[str, Any]]:
        """The row that a member of a transaction makes, and the reason when it fails."""
        if not write.is_allowed(old):
            more = {"Item": copy_of(old.item)} if old is not None and write.returns_old else {}
            return old, {"Code": "ConditionalCheckFailed", "Message": CONDITION_MESSAGE, **more}
        try:
            return self._new_row(write, old), {"Code": "None"}
        except Invalid as error:
            return old, {"Code": "ValidationError", "Message": str(error)}

    def _doubled(self, write: Write, change: Any, failed: bool) -> list[Cost]:  # noqa: FBT001
        key, old, new, moves = change
        if failed or write.kind == "ConditionCheck":
            return [((None, key[0]), 2 * write_units(old.size if old else 0))]
        return [(place, 2 * units) for place, units in self._costs(key, old, new, moves)]

    def _throttling(self, costs: Sequence[Cost], full: frozenset[Partition]) -> dict[str, Any]:
        if any(partition in full for partition, _ in costs):
            return {"Code": self._throttled, "Message": THROTTLE_MESSAGE}
        return {"Code": "None"}

    # Shared by all calls.

    def _run(
        self,
        operation: str,
        request: dict[str, Any],
        prepare: Callable[[str, Request], Any],
        apply: Callable[[str, Request, Any], dict[str, Any]],
    ) -> dict[str, Any]:
        self.meter.calls[operation] += 1
        self._check_table(operation, request)
        hooks = self.hooks
        try:
            prepared = prepare(operation, request)
            hooks.begin(operation, request)
            answer = apply(operation, request, prepared)
        except Invalid as error:
            raise refusal("ValidationException", operation, str(error)) from None
        hooks.done(operation, request)
        return answer

    def _check_table(self, operation: str, request: Request) -> None:
        if request.get("TableName", self.name) != self.name:
            raise refusal("ResourceNotFoundException", operation, "Requested resource not found")

    def _of_this_table(self, operation: str, by_table: Request) -> Any:
        if len(by_table) != 1:
            raise NotImplementedError("There is one table")
        self._check_table(operation, {"TableName": next(iter(by_table))})
        return by_table[self.name]

    def _new_row(self, write: Write, old: Row | None) -> Row | None:
        new = write.new_row(old)
        update = write.plan.update
        if new is not None and update is not None and not self._keys.isdisjoint(update.names):
            for index in self._others:
                index.check(new.item)
        return new

    def _moves(self, old: Row | None, new: Row | None) -> list[Move]:
        """The place of the item in each index, before and after a write."""
        before = None if old is None else old.item
        after = None if new is None else new.item
        return [
            (
                None if before is None else index.place(before),
                None if after is None else index.place(after),
            )
            for index in self._others
        ]

    def _costs(self, key: Key, old: Row | None, new: Row | None, moves: list[Move]) -> list[Cost]:
        """The units of a write for the partition keys of the table and of the indexes."""
        size = max(0 if old is None else old.size, 0 if new is None else new.size)
        costs: list[Cost] = [((None, key[0]), write_units(size))]
        for index, move in zip(self._others, moves, strict=True):
            costs += index.costs(old, new, move)
        return costs

    def _take(self, operation: str, costs: Sequence[Cost]) -> None:
        if full := self.meter.take(operation, costs):
            kind = "Table" if any(index is None for index, _ in full) else "Index"
            raise refusal(
                "ProvisionedThroughputExceededException",
                operation,
                THROTTLE_MESSAGE,
                ThrottlingReasons=[{"reason": f"{kind}WriteKeyRangeThroughputExceeded"}],
            )

    def _commit(self, key: Key, new: Row | None, moves: list[Move]) -> None:
        if new is None:
            if self._rows.pop(key, None) is not None:
                self._table.drop((key[0], (key[1], *key)))
        else:
            if key not in self._rows:
                self._table.put((key[0], (key[1], *key)))
            self._rows[key] = new
        for index, (before, after) in zip(self._others, moves, strict=True):
            if before != after:
                if before is not None:
                    index.drop(before)
                if after is not None:
                    index.put(after)


class Paginator:
    """Reads a query or a scan page by page."""

    def __init__(self, page: Callable[..., dict[str, Any]]) -> None:
        self._page = page

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        """Yield the pages; PaginationConfig is not supported."""
        while True:
            page = self._page(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request = {**request, "ExclusiveStartKey": page["LastEvaluatedKey"]}


def _check_once(writes: Sequence[Write], message: str) -> None:
    if len({write.key for write in writes}) < len(writes):
        raise Invalid(message)


def _returned(return_values: str, write: Write, old: Row | None, new: Row | None) -> dict[str, Any]:
    """The Attributes of an answer, if it has any."""
    row = new if return_values.endswith("NEW") else old
    if return_values == "NONE" or row is None:
        return {}
    item = row.item
    if return_values.startswith("UPDATED"):
        names = () if write.plan.update is None else write.plan.update.names
        item = {name: item[name] for name in names if name in item}
    return {"Attributes": copy_of(item)} if item else {}
