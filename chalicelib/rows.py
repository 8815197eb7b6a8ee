"""Items of one table, read as they stand now, and the members of a transaction that put or delete.

What is due by its `expires`, in seconds, is not seen any more: DynamoDB deletes it within days.
Must not know what the items say. IAM: dynamodb:GetItem, BatchGetItem.
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
    """One table; `now` is the clock of what is due (UTC)."""

    client: DynamoDBClient
    name: str
    now: Callable[[], datetime]

    def get(self, key: Mapping[str, Any]) -> Any:
        """One item as it stands now, or None."""
        return self.client.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item")

    def get_many(
        self, keys: Sequence[Mapping[str, Any]], *, is_fresh: bool = True
    ) -> Iterator[Any]:
        """Many items as they stand now, those that there are, in the order of their keys.

        Where they need not be fresh, the last write to them may be missing.
        """
        for first in range(0, len(keys), _BATCH):
            batch = list(keys[first : first + _BATCH])
            found: dict[tuple[str, str], Any] = {}
            asked = batch
            while asked:
                answer: Any = self.client.batch_get_item(
                    RequestItems={self.name: {"Keys": asked, "ConsistentRead": is_fresh}}
                )
                for item in answer["Responses"][self.name]:
                    found[item["pk"]["S"], item["sk"]["S"]] = item
                asked = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            names = [(key["pk"]["S"], key["sk"]["S"]) for key in batch]
            yield from (found[name] for name in names if name in found)

    def is_due(self, item: Mapping[str, Any]) -> bool:
        """Whether its time to live is over; DynamoDB itself may take days to delete it."""
        return "expires" in item and int(item["expires"]["N"]) <= self.now().timestamp()

    def put(self, item: Mapping[str, Any], **condition: Any) -> Any:
        """The member of a transaction that puts an item."""
        return {"Put": {"TableName": self.name, "Item": item, **condition}}

    def delete(self, key: Mapping[str, Any], **condition: Any) -> Any:
        """The member of a transaction that deletes an item."""
        return {"Delete": {"TableName": self.name, "Key": key, **condition}}
