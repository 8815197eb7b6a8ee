"""The requests of a piece of work to AWS, counted as AWS bills them.

DynamoDB is moto's, under the real table; its units are worked out of the items as they were before
and after each write. S3 is `MemoryStorage`, whose methods stand for a request each, lists for more.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
"""

from dataclasses import replace
from math import ceil
from typing import Any

from chalicelib.items import SCHEMA
from deploy.cost.consumption import LIST_PAGE, Step
from tests.support.fakes import MemoryStorage, RecordingGateway, RecordingTopic

# S3's two classes of requests; all others are free.
PUTS = {"create_multipart", "complete", "list_parts", "list_objects"}
GETS = {"head", "read_range", "state_tag"}


class Meter:
    """A DynamoDB client, S3, a gateway and a topic; `take` returns the count of requests.

    `quiet` is a client whose requests are not counted.
    """

    def __init__(self, client: Any, quiet: Any, storage: MemoryStorage) -> None:
        self.client = client
        self.storage: Any = MeteredStorage(storage, self)
        self.gateway = RecordingGateway()
        self.topic = RecordingTopic()
        self._quiet = quiet
        self._step = Step()
        client.meta.events.register("provide-client-params.dynamodb", self._before)
        client.meta.events.register("after-call.dynamodb", self._after)

    def take(self) -> Step:
        """The requests since the last call."""
        pushes, publishes = len(self.gateway.sent), len(self.topic.messages)
        self.add(pushes=pushes, publishes=publishes, calls=pushes + publishes)
        step, self._step = self._step, Step()
        self.gateway.sent.clear()
        self.topic.messages.clear()
        return step

    def add(self, **counts: float) -> None:
        added = {name: getattr(self._step, name) + count for name, count in counts.items()}
        self._step = replace(self._step, **added)

    def items(self, table: str) -> list[dict[str, Any]]:
        return list(self._quiet.scan(TableName=table)["Items"])

    def _before(self, params: Any, **_: Any) -> None:
        transacted = [write for item in params.get("TransactItems", []) for write in item.values()]
        self._factor = 2 if transacted else 1
        self._asked = [(request, self._item(request)) for request in transacted or [params]]

    def _after(self, model: Any, **_: Any) -> None:
        request, _ = self._asked[0]
        if model.name == "BatchGetItem":
            (batch,) = request["RequestItems"].values()
            unit = 1 if batch.get("ConsistentRead") else 0.5
            self.add(calls=1, reads=unit * len(batch["Keys"]))  # each item is smaller than a unit
        elif model.name in ("GetItem", "Query"):
            unit = 1 if request.get("ConsistentRead") else 0.5
            self.add(calls=1, reads=unit * max(1, ceil(self._read_size(request) / 4096)))
        else:
            units = sum(write_units(before, self._item(each)) for each, before in self._asked)
            indexed = sum(entries(before, self._item(each)) for each, before in self._asked)
            self.add(calls=1, writes=units * self._factor + indexed)

    def _read_size(self, request: Any) -> int:
        """The bytes that a request reads: of an item, of a partition, or of the table."""
        if "Key" in request:
            return size_of(self._item(request))
        rows = self.items(request["TableName"])
        if "IndexName" in request:
            return sum(map(size_of, rows))
        partition = request["ExpressionAttributeValues"][":pk"]
        return sum(size_of(item) for item in rows if item["pk"] == partition)

    def _item(self, request: Any) -> dict[str, Any]:
        """The current item that a request names."""
        named_by = request.get("Key") or request.get("Item")
        if named_by is None:
            return {}
        key = {name: named_by[name] for name in ("pk", "sk")}
        return dict(self._quiet.get_item(TableName=request["TableName"], Key=key).get("Item", {}))


class MeteredStorage:
    """`MemoryStorage` with counted calls."""

    def __init__(self, storage: MemoryStorage, meter: Meter) -> None:
        self._storage, self._meter = storage, meter

    def __getattr__(self, name: str) -> Any:
        def ask(*args: Any, **kwargs: Any) -> Any:
            answer = getattr(self._storage, name)(*args, **kwargs)
            requests = max(1, ceil(len(answer) / LIST_PAGE)) if name == "list_parts" else 1
            if name == "tag":  # reads the tags, then writes them
                self._meter.add(s3_gets=1, s3_puts=1, calls=2)
                return answer
            self._meter.add(
                s3_puts=requests * (name in PUTS), s3_gets=int(name in GETS), calls=requests
            )
            return answer

        return ask


def write_units(before: dict[str, Any], after: dict[str, Any]) -> int:
    """The units of a write to the table itself; a transaction takes twice as many."""
    return max(_units(before), _units(after))


def entries(before: dict[str, Any], after: dict[str, Any]) -> int:
    """The units of a write in the global indexes, which have keys only.

    DynamoDB writes an entry where its keys change, once for a delete and once for a put.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
    """
    units = 0
    for index in SCHEMA["GlobalSecondaryIndexes"]:
        names = [key["AttributeName"] for key in index["KeySchema"]]
        old, new = (tuple(str(item.get(name)) for name in names) for item in (before, after))
        had, has = (all(name in item for name in names) for item in (before, after))
        if (had, old) != (has, new):
            units += had + has
    return units


def size_of(item: dict[str, Any]) -> int:
    """An item's bytes: names and values; a number takes half its digits, and a little."""
    return sum(
        len(name) + (len(value["N"]) // 2 + 2 if "N" in value else len(value["S"].encode()))
        for name, value in item.items()
    )


def _units(item: dict[str, Any]) -> int:
    return max(1, ceil(size_of(item) / 1024))
