"""What each owner's uploads take of the quota: one item an owner, `sk` `usage`, in the table.

It changes in one transaction with the uploads, so that the sums cannot disagree with them and no
number of requests at once gets past the quota. Only what DynamoDB's time to live deletes gives
nothing back; so the sums are made anew when they would refuse, an hour after the last time.
Must not know why something is charged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random
from typing import TYPE_CHECKING, Any

from chalicelib.errors import QuotaExceeded, TryAgain

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Why a write of a transaction failed, where its condition did not hold.
CONDITION_FAILED = "ConditionalCheckFailed"
# Why one failed that may succeed a moment later.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_BUSY = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
RECOUNTED_EVERY = timedelta(hours=1)
# Transactions that meet on one owner's sums: tries, and the seconds that the first waits at most.
TRIES = 8
FIRST_WAIT = 0.05


@dataclass(frozen=True, slots=True)
class Quota:
    """What one owner may have: bytes in files, of which at most so many."""

    max_bytes: int
    max_files: int

    def exceeded(self) -> QuotaExceeded:
        """The refusal, for who is told of it."""
        return QuotaExceeded(
            f"You may keep {self.max_bytes} bytes in {self.max_files} files; delete some first",
            max_bytes=self.max_bytes,
            max_files=self.max_files,
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """The sums of one table; `wait` sleeps for seconds."""

    client: DynamoDBClient
    table: str
    now: Callable[[], datetime]
    quota: Quota
    wait: Callable[[float], None] = time.sleep

    def charge(
        self,
        owner: str,
        size: int,
        files: int,
        *,
        writes: Sequence[Any],
        uploads: Callable[[], dict[str, Any]],
    ) -> list[str]:
        """Make `writes` and add to the sums (or take from them), all or nothing.

        Returns why each of the writes failed ("None" where it did not), nothing when all is done.
        `uploads` gives the query for all that is an owner's, should the sums be made anew. Raises
        QuotaExceeded, or TryAgain when too many meet on the sums.
        """
        if size > self.quota.max_bytes or files > self.quota.max_files:
            raise self.quota.exceeded()
        addition = self._addition(owner, size, files)
        failed = self.transact([*writes, addition])
        if _refuses(failed) and self._recount(owner, uploads()):
            failed = self.transact([*writes, addition])
        if _refuses(failed):
            raise self.quota.exceeded()
        return failed[:-1]

    def transact(self, writes: Sequence[Any]) -> list[str]:
        """All writes or none; returns where a condition did not hold, nothing when all is done."""
        for attempt in range(TRIES):
            try:
                self.client.transact_write_items(TransactItems=writes)
            except self.client.exceptions.TransactionCanceledException as error:
                failed = [r.get("Code", "None") for r in error.response["CancellationReasons"]]
                if set(failed) <= {CONDITION_FAILED, "None"}:
                    return failed
                if not _BUSY & set(failed):
                    raise
                # Full jitter, so that those who met do not meet again.
                self.wait(random() * FIRST_WAIT * 2**attempt)  # noqa: S311 - no secret
            else:
                return []
        raise TryAgain("Too many requests at once, try again")

    def _addition(self, owner: str, size: int, files: int) -> Any:
        """The update that adds to the sums, where that keeps to the quota."""
        added = {"used_bytes": size, "used_files": files}
        most = {"used_bytes": self.quota.max_bytes, "used_files": self.quota.max_files}
        values: dict[str, Any] = {f":{name}": _number(count) for name, count in added.items()}
        conditions = []
        for name, count in added.items():
            if count > 0:
                conditions.append(f"(attribute_not_exists({name}) OR {name} <= :room_{name})")
                values[f":room_{name}"] = _number(most[name] - count)
        update: dict[str, Any] = {
            "TableName": self.table,
            "Key": _key(owner),
            "UpdateExpression": "ADD used_bytes :used_bytes, used_files :used_files, changes :one",
            "ExpressionAttributeValues": values | {":one": _number(1)},
        }
        if conditions:
            update["ConditionExpression"] = " AND ".join(conditions)
        return {"Update": update}

    def _recount(self, owner: str, uploads: dict[str, Any]) -> bool:
        """Make the sums anew from the uploads; returns whether it was time to."""
        found: Any = self.client.get_item(
            TableName=self.table, Key=_key(owner), ConsistentRead=True
        )
        sums, now = found.get("Item", {}), int(self.now().timestamp())
        if int(sums.get("counted_at", _number(0))["N"]) > now - RECOUNTED_EVERY.total_seconds():
            return False
        pages = self.client.get_paginator("query").paginate(**uploads, ConsistentRead=True)
        sizes = [
            int(item["charged"]["N"])
            for page in pages
            for item in page["Items"]
            if "charged" in item
        ]
        values = {":bytes": sum(sizes), ":files": len(sizes), ":now": now, ":one": 1}
        values[":changes"] = int(sums.get("changes", _number(0))["N"])
        try:
            self.client.update_item(
                TableName=self.table,
                Key=_key(owner),
                UpdateExpression="SET used_bytes = :bytes, used_files = :files, counted_at = :now"
                " ADD changes :one",
                # Whatever was charged since the sums were read is not in what was counted.
                ConditionExpression="changes = :changes",
                ExpressionAttributeValues={name: _number(n) for name, n in values.items()},
            )
        except (
            self.client.exceptions.ConditionalCheckFailedException,
            self.client.exceptions.TransactionConflictException,
        ) as error:
            raise TryAgain("Too many requests at once, try again") from error
        return True


def _refuses(failed: Sequence[str]) -> bool:
    """Whether nothing but the quota stood in a transaction's way."""
    return CONDITION_FAILED in failed[-1:] and CONDITION_FAILED not in failed[:-1]


def _key(owner: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"owner#{owner}"}, "sk": {"S": "usage"}}


def _number(count: int) -> dict[str, str]:
    return {"N": str(count)}
