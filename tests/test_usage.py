"""Transactions that meet: tried again, with waits that grow, and given up with `try_again`."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.errors import TryAgain
from chalicelib.usage import CONDITION_FAILED, FIRST_WAIT, TRIES, Quota, Usage
from tests.fakes import Clock


class Canceled(ClientError):
    """A transaction that DynamoDB did not make."""


@dataclass
class Contended:
    """DynamoDB, which cancels the next transactions for these reasons, then makes them."""

    reasons: list[list[str]]
    made: list[Any] = field(default_factory=list)

    class exceptions:  # noqa: N801 - the name a boto3 client has for it
        TransactionCanceledException = Canceled

    def transact_write_items(self, *, TransactItems: list[Any]) -> None:  # noqa: N803 - boto3's
        if self.reasons:
            codes = [{"Code": code} for code in self.reasons.pop(0)]
            response: Any = {"Error": {"Code": "TransactionCanceledException"}}
            raise Canceled(response | {"CancellationReasons": codes}, "TransactWriteItems")
        self.made.append(TransactItems)


def usage(client: Any, clock: Clock, waits: list[float]) -> Usage:
    return Usage(client, "table", clock, Quota(1, 1), wait=waits.append)


@pytest.mark.parametrize(
    "code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
)
def test_a_transaction_that_meets_another_is_made_again(clock: Clock, code: str) -> None:
    waits: list[float] = []
    client = Contended([["None", code], [code, "None"], [code, CONDITION_FAILED]])

    assert usage(client, clock, waits).transact(["one", "two"]) == []

    assert client.made == [["one", "two"]]
    assert len(waits) == 3
    assert all(0 <= wait <= FIRST_WAIT * 2**n for n, wait in enumerate(waits))


def test_one_that_always_meets_another_is_given_up(clock: Clock) -> None:
    waits: list[float] = []
    client = Contended([["TransactionConflict"]] * (TRIES + 1))

    with pytest.raises(TryAgain):
        usage(client, clock, waits).transact(["one"])

    assert len(waits) == TRIES
    assert FIRST_WAIT * 2**TRIES < 15, "API Gateway waits for 29 seconds"


def test_a_condition_that_does_not_hold_is_told(clock: Clock) -> None:
    client = Contended([[CONDITION_FAILED, "None"]])

    assert usage(client, clock, []).transact(["one", "two"]) == [CONDITION_FAILED, "None"]


def test_what_nobody_expects_is_not_taken_for_a_condition(clock: Clock) -> None:
    client = Contended([["ValidationError", CONDITION_FAILED]])

    with pytest.raises(Canceled):
        usage(client, clock, []).transact(["one", "two"])
