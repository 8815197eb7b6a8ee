"""Throttled calls are retried while the invocation has time, and no longer."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import TryAgain, WrongState
from chalicelib.patience import FIRST_WAIT, LAST_TRY, MAX_WAIT, is_over, patient, time_left
from tests.support.fakes import Invocation


@dataclass
class Port:
    """Fails a number of times, then answers."""

    failures: int
    error: type[Exception] = TryAgain
    calls: list[Any] = field(default_factory=list)

    def ask(self, what: str, *, how: str) -> str:
        self.calls.append((what, how))
        if len(self.calls) <= self.failures:
            raise self.error
        return f"{what} {how}"


@dataclass
class Running:
    """An invocation with a number of seconds, which waiting uses up."""

    seconds: float
    aws_request_id: str = "request-1"
    waits: list[float] = field(default_factory=list)

    def get_remaining_time_in_millis(self) -> int:
        return int((self.seconds - sum(self.waits)) * 1000)


@pytest.mark.parametrize("failures", [0, 1, 5])
def test_a_call_is_made_until_it_succeeds(failures: int) -> None:
    port, invocation = Port(failures), Running(600)

    answer = patient(port, invocation, invocation.waits.append).ask("a", how="b")

    assert answer == "a b"
    assert port.calls == [("a", "b")] * (failures + 1)
    assert len(invocation.waits) == failures


def test_each_wait_is_about_twice_as_long_up_to_a_limit() -> None:
    port, invocation = Port(12), Running(600)

    patient(port, invocation, invocation.waits.append).ask("a", how="b")

    longest = [min(MAX_WAIT, FIRST_WAIT * 2**n) for n in range(12)]
    waits = zip(invocation.waits, longest, strict=True)
    assert all(most / 2 <= wait <= most for wait, most in waits)


def test_calls_are_retried_through_a_minute_of_throttling() -> None:
    # Each wait is at least half of its longest: 17 waits are always more than a minute.
    port, invocation = Port(17), Running(900)

    patient(port, invocation, invocation.waits.append).ask("a", how="b")

    assert sum(invocation.waits) > 60


@pytest.mark.parametrize(
    ("seconds", "calls"),
    [(LAST_TRY + FIRST_WAIT - 0.01, 1), (LAST_TRY + FIRST_WAIT, 2), (0, 1)],
    ids=["-1", "at", "none"],
)
def test_an_invocation_without_time_does_not_wait(seconds: float, calls: int) -> None:
    port, invocation = Port(1000), Running(seconds)

    with pytest.raises(TryAgain):
        patient(port, invocation, invocation.waits.append).ask("a", how="b")

    assert len(port.calls) == calls


def test_retries_end_before_the_invocation_does() -> None:
    port, invocation = Port(1000), Running(60)

    with pytest.raises(TryAgain):
        patient(port, invocation, invocation.waits.append).ask("a", how="b")

    assert 0 < invocation.get_remaining_time_in_millis() < (LAST_TRY + MAX_WAIT) * 1000


def test_another_error_is_raised_at_once() -> None:
    port, invocation = Port(1, WrongState), Running(600)

    with pytest.raises(WrongState):
        patient(port, invocation, invocation.waits.append).ask("a", how="b")

    assert invocation.waits == []


@pytest.mark.parametrize(("reserve", "over"), [(59.9, False), (60, True), (61, True)])
def test_time_is_over_when_only_the_reserve_remains(*, reserve: float, over: bool) -> None:
    invocation = Invocation(seconds=60)

    assert is_over(invocation, but=timedelta(seconds=reserve)) is over
    assert time_left(invocation) == timedelta(seconds=60)
