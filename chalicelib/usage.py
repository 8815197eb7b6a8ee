"""What each owner's uploads take of the quota: sums in the table, exact under any concurrency.

The sums change in one transaction with the uploads, so they always equal what is charged. One item
an owner, `usage#{owner}`, holds them. Transactions that meet on it conflict. An environment whose
transaction met another one uses another of the owner's items from then on, a shard. A shard borrows
a part of the quota from the first item, and so decides alone whether there is room.
Must not know why something is charged. IAM: dynamodb:BatchGetItem, PutItem, UpdateItem, DeleteItem.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from chalicelib.errors import QuotaExceeded, TryAgain

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Why a write of a transaction failed, where its condition did not hold.
CONDITION_FAILED = "ConditionalCheckFailed"
_CONFLICT = "TransactionConflict"
# Why one failed that may succeed a moment later.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_BUSY = frozenset({_CONFLICT, "ThrottlingError", "ProvisionedThroughputExceeded"})
# Tries of a transaction that meets others, and the seconds that the first waits at most.
TRIES = 8
FIRST_WAIT = 0.05
# Items that hold one owner's sums. Each takes about 60 transactions a second.
SHARDS = 16
# A shard borrows for so many uploads at once, where there is room.
BORROWED_AT_ONCE = 64
# Owners whose shard an environment remembers.
REMEMBERED = 1000
# Not random(): environments that are restored from one snapshot share its state.
_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class Quota:
    """What one owner may have: bytes in files, of which at most so many."""

    max_bytes: int
    max_files: int

    def holds(self, amount: Amount) -> bool:
        """Whether an empty quota has room for an amount."""
        return amount.bytes <= self.max_bytes and amount.files <= self.max_files

    def exceeded(self) -> QuotaExceeded:
        """The refusal, as its owner reads it."""
        return QuotaExceeded(
            f"You may keep {self.max_bytes} bytes in {self.max_files} files; delete some first",
            max_bytes=self.max_bytes,
            max_files=self.max_files,
        )


@dataclass(frozen=True, slots=True)
class Amount:
    """Bytes and files."""

    bytes: int
    files: int

    def __neg__(self) -> Amount:
        return Amount(-self.bytes, -self.files)

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.bytes + other.bytes, self.files + other.files)

    def __mul__(self, count: int) -> Amount:
        return Amount(self.bytes * count, self.files * count)


NOTHING = Amount(0, 0)


@dataclass(frozen=True, slots=True)
class Usage:
    """The sums of one table; `wait` sleeps for seconds."""

    client: DynamoDBClient
    table: str
    quota: Quota
    wait: Callable[[float], None] = time.sleep
    shard_of: dict[str, int] = field(default_factory=dict)

    def charge(self, owner: str, amount: Amount, writes: Sequence[Any]) -> list[str]:
        """Make `writes` and add to the sums (or take from them), all or nothing.

        Returns why each of the writes failed ("None" where it did not), nothing when all is done.
        Raises QuotaExceeded, or TryAgain when too many meet on the sums.
        """
        if not self.quota.holds(amount):
            raise self.quota.exceeded()
        is_full = False
        for attempt in range(TRIES):
            shard = self.shard_of.get(owner, 0)
            reasons = self._try([*writes, self._change(owner, shard, amount)])
            if not reasons or CONDITION_FAILED in reasons[:-1]:
                return reasons[:-1]
            if reasons[-1] == CONDITION_FAILED:
                if is_full:
                    raise self.quota.exceeded()
                # What a shard gave back while all were read is in the first item: ask that again.
                is_full = not self._make_room(owner, shard, amount)
                continue
            if reasons[-1] == _CONFLICT:
                self._leave(owner)
            self._pause(attempt)
        raise TryAgain("Too many requests at once, try again")

    def transact(self, writes: Sequence[Any]) -> list[str]:
        """All writes or none; returns where a condition did not hold, nothing when all is done."""
        for attempt in range(TRIES):
            reasons = self._try(writes)
            if not _BUSY & set(reasons):
                return reasons
            self._pause(attempt)
        raise TryAgain("Too many requests at once, try again")

    def used(self, owner: str) -> Amount:
        """What an owner's uploads take, as of now."""
        first, *shards = (self._amount(item) for item in self._items(owner))
        return Amount(
            first.bytes - sum(left.bytes for left in shards),
            first.files - sum(left.files for left in shards),
        )

    def fitting(self, owner: str, amounts: Sequence[Amount]) -> list[bool]:
        """Which of some amounts there is room for, each after those before it that fit.

        By sums that may change while they are read: only `charge` decides.
        """
        used = self.used(owner)
        fits = []
        for amount in amounts:
            fits.append(self.quota.holds(used + amount))
            used = used + amount if fits[-1] else used
        return fits

    def _try(self, writes: Sequence[Any]) -> list[str]:
        """One transaction: nothing when it is done, else the reason of each write."""
        try:
            self.client.transact_write_items(TransactItems=writes)
        except self.client.exceptions.TransactionCanceledException as error:
            reasons = [r.get("Code", "None") for r in error.response["CancellationReasons"]]
            if not set(reasons) <= {CONDITION_FAILED, "None"} | _BUSY:
                raise
            return reasons
        return []

    def _make_room(self, owner: str, shard: int, amount: Amount) -> bool:
        """Let a shard borrow, or give back to the first item what shards have left.

        Returns whether there was anything to borrow or to give back.
        """
        if shard:
            for borrowed in (amount * BORROWED_AT_ONCE, amount):
                if self.quota.holds(borrowed) and self._move(owner, 0, shard, borrowed):
                    return True
            self.shard_of.pop(owner, None)
        return self._give_back(owner)

    def _give_back(self, owner: str) -> bool:
        """Move what shards have left to the first item; returns whether there was anything."""
        lefts = [self._amount(item) for item in self._items(owner)]
        found = False
        for shard, left in enumerate(lefts):
            if shard and left != NOTHING:
                # Where it fails somebody has used some of it meanwhile: look again.
                self._move(owner, shard, 0, left)
                found = True
        return found

    def _move(self, owner: str, source: int, target: int, amount: Amount) -> bool:
        """Move a part of the quota from one item to another; returns whether it was there."""
        writes = [self._change(owner, source, amount), self._change(owner, target, -amount)]
        return not self.transact(writes)

    def _change(self, owner: str, shard: int, amount: Amount) -> Any:
        """The update that takes an amount from an item's room, where there is as much.

        The first item says how much is used, or lent to shards; a shard says how much it has left.
        """
        names = ("used_bytes", "used_files") if shard == 0 else ("left_bytes", "left_files")
        limits = (self.quota.max_bytes, self.quota.max_files)
        values: dict[str, Any] = {}
        conditions = []
        for name, limit, count in zip(names, limits, (amount.bytes, amount.files), strict=True):
            values[f":{name}"] = _number(count if shard == 0 else -count)
            if count <= 0:
                continue
            values[f":most_{name}"] = _number(limit - count if shard == 0 else count)
            conditions.append(
                f"(attribute_not_exists({name}) OR {name} <= :most_{name})"
                if shard == 0
                else f"{name} >= :most_{name}"
            )
        update: dict[str, Any] = {
            "TableName": self.table,
            "Key": _key(owner, shard),
            "UpdateExpression": "ADD " + ", ".join(f"{name} :{name}" for name in names),
            "ExpressionAttributeValues": values,
        }
        if conditions:
            update["ConditionExpression"] = " AND ".join(conditions)
        return {"Update": update}

    def _items(self, owner: str) -> list[Any]:
        """The items of an owner's sums, by shard; empty where there is none."""
        names: list[Any] = [_key(owner, shard) for shard in range(SHARDS)]
        found: dict[str, Any] = {}
        while names:
            answer: Any = self.client.batch_get_item(
                RequestItems={self.table: {"Keys": names, "ConsistentRead": True}}
            )
            found |= {item["pk"]["S"]: item for item in answer["Responses"][self.table]}
            names = answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", [])
        return [found.get(_key(owner, shard)["pk"]["S"], {}) for shard in range(SHARDS)]

    def _amount(self, item: Any) -> Amount:
        """What an item says: of the first one what is used, of a shard what is left."""
        kind = "used" if "used_bytes" in item else "left"
        zero = _number(0)
        return Amount(*(int(item.get(f"{kind}_{of}", zero)["N"]) for of in ("bytes", "files")))

    def _leave(self, owner: str) -> None:
        """Use another item of the owner's sums from now on: others meet on this one."""
        if len(self.shard_of) >= REMEMBERED:
            self.shard_of.clear()
        self.shard_of[owner] = _random.randrange(1, SHARDS)

    def _pause(self, attempt: int) -> None:
        """Full jitter, so that those who met do not meet again."""
        self.wait(_random.random() * FIRST_WAIT * 2**attempt)


def _key(owner: str, shard: int) -> dict[str, dict[str, str]]:
    name = f"usage#{owner}" + (f"#{shard}" if shard else "")
    return {"pk": {"S": name}, "sk": {"S": "usage"}}


def _number(count: int) -> dict[str, str]:
    return {"N": str(count)}
