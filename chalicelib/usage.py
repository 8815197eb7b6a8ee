"""Each owner's usage of the quota: sums in the table, exact under any concurrency.

The sums change in one transaction with the uploads, so they always equal the sum of the charges.
One item an owner, `usage#{owner}`, has them. Simultaneous transactions on it conflict. An execution
environment that met a conflict uses another of the owner's items from then on, a shard. A shard
borrows a part of the quota from the first item, and then decides alone whether there is room.
Must not know why an upload is charged. IAM: dynamodb:BatchGetItem, PutItem, UpdateItem, DeleteItem.
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

# The reason of a failed write whose condition did not hold.
CONDITION_FAILED = "ConditionalCheckFailed"
_CONFLICT = "TransactionConflict"
# Reasons of failed writes that may succeed a moment later.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_BUSY = frozenset({_CONFLICT, "ThrottlingError", "ProvisionedThroughputExceeded"})
# Tries of a transaction with conflicts, and the longest first pause in seconds.
TRIES = 8
FIRST_WAIT = 0.05
# Items that hold one owner's sums. Each allows about 60 transactions a second.
SHARDS = 16
# A shard borrows the charge of this many uploads at once, where there is room.
BORROWED_AT_ONCE = 64
# The number of owners whose shard an environment remembers.
REMEMBERED = 1000
# Not random(): environments restored from one snapshot share its state.
_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class Quota:
    """The quota of one owner: bytes, and files."""

    max_bytes: int
    max_files: int

    def holds(self, amount: Amount) -> bool:
        """Whether an empty quota has room for an amount."""
        return amount.bytes <= self.max_bytes and amount.files <= self.max_files

    def exceeded(self) -> QuotaExceeded:
        """The error that the owner receives."""
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
        """Make `writes` and add an amount to the sums (or subtract it), all or nothing.

        Returns the reason of each write where one failed ("None" for the others), nothing on
        success. Raises QuotaExceeded, or TryAgain after too many conflicts on the sums.
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
                # A shard may have returned its rest while all were read: try the first item again.
                is_full = not self._make_room(owner, shard, amount)
                continue
            if reasons[-1] == _CONFLICT:
                self._leave(owner)
            self._pause(attempt)
        raise TryAgain("Too many requests at once, try again")

    def transact(self, writes: Sequence[Any]) -> list[str]:
        """Make all writes or none; returns the reasons as `charge` does, nothing on success."""
        for attempt in range(TRIES):
            reasons = self._try(writes)
            if not _BUSY & set(reasons):
                return reasons
            self._pause(attempt)
        raise TryAgain("Too many requests at once, try again")

    def used(self, owner: str) -> Amount:
        """The current sums of an owner's charges."""
        first, *shards = (self._amount(item) for item in self._items(owner))
        return Amount(
            first.bytes - sum(rest.bytes for rest in shards),
            first.files - sum(rest.files for rest in shards),
        )

    def fitting(self, owner: str, amounts: Sequence[Amount]) -> list[bool]:
        """Whether each of some amounts fits after the fitting ones before it.

        The sums may change while they are read: only `charge` decides.
        """
        used = self.used(owner)
        fits = []
        for amount in amounts:
            fits.append(self.quota.holds(used + amount))
            used = used + amount if fits[-1] else used
        return fits

    def _try(self, writes: Sequence[Any]) -> list[str]:
        """One transaction; returns the reason of each write, nothing on success."""
        try:
            self.client.transact_write_items(TransactItems=writes)
        except self.client.exceptions.TransactionCanceledException as error:
            reasons = [r.get("Code", "None") for r in error.response["CancellationReasons"]]
            if not set(reasons) <= {CONDITION_FAILED, "None"} | _BUSY:
                raise
            return reasons
        return []

    def _make_room(self, owner: str, shard: int, amount: Amount) -> bool:
        """Let a shard borrow from the first item, or return the rests of all shards to it.

        Returns whether there was anything to borrow or to return.
        """
        if shard:
            for borrowed in (amount * BORROWED_AT_ONCE, amount):
                if self.quota.holds(borrowed) and self._move(owner, 0, shard, borrowed):
                    return True
            self.shard_of.pop(owner, None)
        return self._return_rests(owner)

    def _return_rests(self, owner: str) -> bool:
        """Move the unused rests of shards to the first item; returns whether there was any."""
        rests = [self._amount(item) for item in self._items(owner)]
        is_any = False
        for shard, rest in enumerate(rests):
            if shard and rest != NOTHING:
                # Where this fails, another request has used some of the rest: the caller retries.
                self._move(owner, shard, 0, rest)
                is_any = True
        return is_any

    def _move(self, owner: str, source: int, target: int, amount: Amount) -> bool:
        """Move a part of the quota from one item to another; returns whether the source had it."""
        writes = [self._change(owner, source, amount), self._change(owner, target, -amount)]
        return not self.transact(writes)

    def _change(self, owner: str, shard: int, amount: Amount) -> Any:
        """The update that takes an amount from an item's room, if there is enough.

        The first item counts the used amount, including the parts of shards. A shard counts its
        unused rest (`left_…`).
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
        """The items of an owner's sums, by shard; an empty one where there is none."""
        names: list[Any] = [_key(owner, shard) for shard in range(SHARDS)]
        by_key: dict[str, Any] = {}
        while names:
            answer: Any = self.client.batch_get_item(
                RequestItems={self.table: {"Keys": names, "ConsistentRead": True}}
            )
            by_key |= {item["pk"]["S"]: item for item in answer["Responses"][self.table]}
            names = answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", [])
        return [by_key.get(_key(owner, shard)["pk"]["S"], {}) for shard in range(SHARDS)]

    def _amount(self, item: Any) -> Amount:
        """The amount in an item: the used amount of the first one, the unused rest of a shard."""
        kind = "used" if "used_bytes" in item else "left"
        zero = _number(0)
        return Amount(*(int(item.get(f"{kind}_{of}", zero)["N"]) for of in ("bytes", "files")))

    def _leave(self, owner: str) -> None:
        """Use another item of the owner's sums from now on, because this one has conflicts."""
        if len(self.shard_of) >= REMEMBERED:
            self.shard_of.clear()
        self.shard_of[owner] = _random.randrange(1, SHARDS)

    def _pause(self, attempt: int) -> None:
        """Wait with full jitter, so that the same transactions do not meet again."""
        self.wait(_random.random() * FIRST_WAIT * 2**attempt)


def _key(owner: str, shard: int) -> dict[str, dict[str, str]]:
    name = f"usage#{owner}" + (f"#{shard}" if shard else "")
    return {"pk": {"S": name}, "sk": {"S": "usage"}}


def _number(count: int) -> dict[str, str]:
    return {"N": str(count)}
