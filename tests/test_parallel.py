"""Calls at once: results and errors in order; a defect is raised after all calls have ended."""

import threading

import pytest

from chalicelib.errors import TryAgain, UploadError
from chalicelib.parallel import AT_ONCE, at_once


def test_results_have_the_order_of_the_values() -> None:
    both = threading.Barrier(2)

    def call(number: int) -> int:
        if number < 2:
            both.wait(timeout=60)  # neither returns before the other has started
        return -number

    assert at_once(call, range(3 * AT_ONCE)) == [-number for number in range(3 * AT_ONCE)]


@pytest.mark.parametrize("count", [1, 2, 3 * AT_ONCE])
def test_an_error_for_the_client_is_a_result(count: int) -> None:
    def call(number: int) -> int:
        if number == count - 1:
            raise TryAgain("busy")
        return number

    *answers, last = at_once(call, range(count))

    assert answers == list(range(count - 1))
    assert isinstance(last, UploadError)


@pytest.mark.parametrize("count", [1, 2 * AT_ONCE])
def test_a_defect_is_raised_when_no_call_runs_any_more(count: int) -> None:
    started, ended, is_raised = [], [], threading.Event()

    def call(number: int) -> None:
        started.append(number)
        if number == 0:
            is_raised.set()
            raise KeyError(number)
        is_raised.wait(timeout=60)
        ended.append(number)

    with pytest.raises(KeyError):
        at_once(call, range(count))

    assert sorted(started) == [0, *sorted(ended)]


def test_one_call_needs_no_thread() -> None:
    threads = at_once(lambda _: threading.current_thread(), [1])

    assert threads == [threading.current_thread()]


def test_no_value_has_no_result() -> None:
    assert at_once(lambda value: value, []) == []
