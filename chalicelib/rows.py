"""Reads items of one table consistently, and builds the puts and deletes of transactions.

An item whose `expires` (seconds since 1970) has passed counts as deleted: DynamoDB deletes it
within days. Must not know what the items mean. IAM: dynamodb:GetItem, BatchGetItem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Keys that BatchGetItem takes.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Rows:
    """One table; `now` is the clock for `expires` (UTC)."""

    client: DynamoDBClient
    name: str
    now: Callable[[], datetime]

    def get(self, key: Mapping[str, Any]) -> Any:
        """The current item, or None."""
        return self.client.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item")

    def get_many(
        self, keys: Sequence[Mapping[str, Any]], *, is_fresh: bool = True
    ) -> Iterator[Any]:
        """The current items of those keys that exist, in their order.

        With `is_fresh=False` the last write to an item may be missing.
        """
        for first in range(0, len(keys), _BATCH):
            batch = list(keys[first : first + _BATCH])
            by_name: dict[tuple[str, str], Any] = {}
            remaining = batch
            while remaining:
                answer: Any = self.client.batch_get_item(
                    RequestItems={self.name: {"Keys": remaining, "ConsistentRead": is_fresh}}
                )
                for item in answer["Responses"][self.name]:
                    by_name[item["pk"]["S"], item["sk"]["S"]] = item
                remaining = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            names = [(key["pk"]["S"], key["sk"]["S"]) for key in batch]
            yield from (by_name[name] for name in names if name in by_name)

    def is_due(self, item: Mapping[str, Any]) -> bool:
        """Whether an item has expired; DynamoDB may take days to delete it."""
        return "expires" in item and int(item["expires"]["N"]) <= self.now().timestamp()

    def put(self, item: Mapping[str, Any], **condition: Any) -> Any:
        """The write of a transaction that puts an item."""
        return {"Put": {"TableName": self.name, "Item": item, **condition}}

    def delete(self, key: Mapping[str, Any], **condition: Any) -> Any:
        """The write of a transaction that deletes an item."""
        return {"Delete": {"TableName": self.name, "Key": key, **condition}}
