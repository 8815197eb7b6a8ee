"""The sums of an owner: exact under simultaneous requests, and split into shards."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.errors import QuotaExceeded, TryAgain
from chalicelib.usage import (
    BORROWED_AT_ONCE,
    CONDITION_FAILED,
    FIRST_WAIT,
    SHARDS,
    TRIES,
    Amount,
    Quota,
    Usage,
)
from tests.support.environment import TABLE
from tests.support.fakes import AMPLE
from tests.support.payloads import OTHER_OWNER, OWNER

FILE = Amount(10, 1)
CONFLICT = "TransactionConflict"


class Canceled(ClientError):
    """A transaction that DynamoDB cancelled."""


@dataclass
class Contended:
    """DynamoDB that cancels the next transactions for these reasons, then makes all."""

    reasons: list[list[str]]
    transactions: list[Any] = field(default_factory=list)

    class exceptions:  # noqa: N801 - the name a boto3 client has for it
        TransactionCanceledException = Canceled

    def transact_write_items(self, *, TransactItems: list[Any]) -> None:  # noqa: N803 - boto3's
        if self.reasons:
            codes = [{"Code": code} for code in self.reasons.pop(0)]
            response: Any = {"Error": {"Code": "TransactionCanceledException"}}
            raise Canceled(response | {"CancellationReasons": codes}, "TransactWriteItems")
        self.transactions.append(TransactItems)


@dataclass
class Between:
    """A client with a callback before each call."""

    client: Any
    happen: Callable[[str], object]

    @property
    def exceptions(self) -> Any:
        return self.client.exceptions

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            self.happen(name)
            return getattr(self.client, name)(**request)

        return call


def usage(client: Any, quota: Quota = AMPLE, waits: list[float] | None = None) -> Usage:
    """The sums as one execution environment uses them."""
    return Usage(
        client,
        TABLE,
        quota,
        wait=lambda seconds: waits.append(seconds) if waits is not None else None,
    )


def sharded(client: Any, quota: Quota, shard: int) -> Usage:
    """An environment that had a conflict, and uses a shard of the owner's sums."""
    sums = usage(client, quota)
    sums.shard_of[OWNER] = shard
    return sums


def files(count: int) -> Quota:
    return Quota(max_bytes=2**60, max_files=count)


def charge(sums: Usage, amount: Amount = FILE) -> bool:
    """Charge, with retries; returns whether there was room."""
    while True:
        try:
            sums.charge(OWNER, amount, [])
        except QuotaExceeded:
            return False
        except TryAgain:
            continue
        return True


class TestTransactions:
    """Transactions that DynamoDB cancels."""

    @pytest.mark.parametrize("code", [CONFLICT, "ThrottlingError", "ProvisionedThroughputExceeded"])
    def test_a_transaction_with_a_conflict_is_repeated(self, code: str) -> None:
        waits: list[float] = []
        client = Contended([["None", code], [code, "None"], [code, CONDITION_FAILED]])

        assert usage(client, waits=waits).transact(["one", "two"]) == []

        assert client.transactions == [["one", "two"]]
        assert len(waits) == 3
        assert all(0 <= wait <= FIRST_WAIT * 2**n for n, wait in enumerate(waits))

    def test_a_transaction_that_always_conflicts_raises_try_again(self) -> None:
        waits: list[float] = []
        client = Contended([[CONFLICT]] * (TRIES + 1))

        with pytest.raises(TryAgain):
            usage(client, waits=waits).transact(["one"])

        assert len(waits) == TRIES
        assert FIRST_WAIT * 2**TRIES < 15, "API Gateway waits for 29 seconds"

    def test_a_condition_that_does_not_hold_is_named(self) -> None:
        client = Contended([[CONDITION_FAILED, "None"]])

        assert usage(client).transact(["one", "two"]) == [CONDITION_FAILED, "None"]

    def test_an_unexpected_reason_is_not_taken_for_a_condition(self) -> None:
        client = Contended([["ValidationError", CONDITION_FAILED]])

        with pytest.raises(Canceled):
            usage(client).transact(["one", "two"])

    def test_a_charge_that_always_conflicts_raises_try_again(self) -> None:
        client = Contended([[CONFLICT]] * (TRIES + 1))

        with pytest.raises(TryAgain):
            usage(client).charge(OWNER, FILE, [])

    def test_a_charge_with_failed_writes_says_which(self) -> None:
        client = Contended([["None", CONDITION_FAILED, CONDITION_FAILED]])

        failed = usage(client).charge(OWNER, FILE, ["one", "two"])

        assert failed == ["None", CONDITION_FAILED], "nobody asks for room for it"


class TestShards:
    """Owners with conflicts on the first item."""

    def test_an_environment_with_a_conflict_uses_a_shard_from_then_on(self) -> None:
        client = Contended([[CONFLICT], [CONFLICT]])
        sums = usage(client)

        sums.charge(OWNER, FILE, [])
        sums.charge(OTHER_OWNER, FILE, [])

        assert 0 < sums.shard_of[OWNER] < SHARDS
        keys = [writes[-1]["Update"]["Key"]["pk"]["S"] for writes in client.transactions]
        assert keys == [f"usage#{OWNER}#{sums.shard_of[OWNER]}", f"usage#{OTHER_OWNER}"]

    def test_a_throttled_environment_keeps_its_shard(self) -> None:
        sums = usage(Contended([["ThrottlingError"]]))

        sums.charge(OWNER, FILE, [])

        assert sums.shard_of == {}

    def test_a_shard_borrows_for_many_uploads_at_once(self, dynamodb: Any) -> None:
        calls: list[str] = []
        sums = sharded(Between(dynamodb, calls.append), AMPLE, 3)

        for _ in range(BORROWED_AT_ONCE):
            assert charge(sums)

        # The first is refused, then it borrows.
        assert calls == ["transact_write_items"] * (BORROWED_AT_ONCE + 2)
        assert sums.used(OWNER) == FILE * BORROWED_AT_ONCE

    def test_the_used_amount_is_the_sum_of_all_shards(self, dynamodb: Any) -> None:
        everybody = [usage(dynamodb), *(sharded(dynamodb, AMPLE, n) for n in (1, 7, SHARDS - 1))]
        for number, sums in enumerate(everybody, start=1):
            assert charge(sums, Amount(number, 1))
        assert charge(everybody[2], -Amount(1, 1))

        assert {str(sums.used(OWNER)) for sums in everybody} == {str(Amount(9, 3))}
        assert everybody[0].used(OTHER_OWNER) == Amount(0, 0)

    def test_the_rest_of_a_shard_is_available_to_others(self, dynamodb: Any) -> None:
        quota = files(BORROWED_AT_ONCE + 1)
        assert charge(sharded(dynamodb, quota, 3))
        others = usage(dynamodb, quota)

        fitting = [charge(others) for _ in range(BORROWED_AT_ONCE + 2)]

        assert fitting == [True] * BORROWED_AT_ONCE + [False] * 2
        assert others.used(OWNER).files == quota.max_files

    @pytest.mark.parametrize("most", [1, 5])
    def test_an_owner_without_sums_borrows_no_more_than_the_quota(
        self, dynamodb: Any, most: int
    ) -> None:
        sums = sharded(dynamodb, files(most), 3)

        fitting = [charge(sums) for _ in range(most + 1)]

        assert fitting == [True] * most + [False]

    def test_a_shard_borrows_no_more_bytes_than_the_quota(self, dynamodb: Any) -> None:
        sums = sharded(dynamodb, Quota(max_bytes=100, max_files=1000), 3)

        assert [charge(sums, Amount(60, 1)) for _ in range(2)] == [True, False]

    def test_a_rest_that_is_returned_meanwhile_does_not_cause_a_refusal(
        self, dynamodb: Any
    ) -> None:
        quota = files(2)
        first, other = usage(dynamodb, quota), sharded(dynamodb, quota, 3)
        assert charge(other)
        assert charge(other)
        other.charge(OWNER, -FILE, [])  # the shard's rest is one file

        def give_back(name: str) -> None:
            if name == "batch_get_item":
                other._return_rests(OWNER)

        assert charge(usage(Between(dynamodb, give_back), quota))
        assert not charge(first)


class TestExactness:
    """As many as fit, whichever requests meet."""

    @pytest.mark.parametrize("quota", [Quota(0, 0), Quota(10, 0), Quota(9, 1)], ids=str)
    def test_an_amount_above_an_empty_quota_is_refused(self, dynamodb: Any, quota: Quota) -> None:
        assert not charge(usage(dynamodb, quota))
        assert not charge(sharded(dynamodb, quota, 1))

    @pytest.mark.parametrize("seed", range(3))
    def test_environments_that_take_turns_fill_the_quota_exactly(
        self, dynamodb: Any, seed: int
    ) -> None:
        chance = random.Random(seed)  # noqa: S311 - no secret
        quota = Quota(max_bytes=chance.randrange(100, 300), max_files=1000)
        everybody = [usage(dynamodb, quota), *(sharded(dynamodb, quota, n) for n in (1, 2, 3))]

        fitting = [charge(chance.choice(everybody)) for _ in range(35)]

        assert fitting.count(True) == quota.max_bytes // FILE.bytes
        assert everybody[0].used(OWNER) == FILE * fitting.count(True)

    def test_of_fifty_simultaneous_requests_as_many_succeed_as_fit_the_quota(
        self, dynamodb: Any
    ) -> None:
        turn = threading.Lock()  # moto is not thread-safe

        class Turns(Between):
            def __getattr__(self, name: str) -> Any:
                def call(**request: Any) -> Any:
                    with turn:
                        return getattr(self.client, name)(**request)

                return call

        client = Turns(dynamodb, lambda _: None)
        quota = files(30)
        everybody = [usage(client, quota), *(sharded(client, quota, n) for n in (1, 2, 3, 4))]

        with ThreadPoolExecutor(10) as pool:
            fitting = list(pool.map(charge, everybody * 10))

        assert fitting.count(True) == 30
        assert everybody[0].used(OWNER) == FILE * 30
