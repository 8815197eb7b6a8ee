"""Retries calls to a service that throttles or fails, for as long as an invocation has time.

Lambda tries an asynchronous invocation three times. A service that is busy for a minute must not
use up all three. Pure: the port, the clock of the invocation and the sleep are passed in.
"""

import functools
from collections.abc import Callable
from datetime import timedelta
from random import SystemRandom
from typing import Any, TypeVar, cast

from chalicelib.errors import TryAgain
from chalicelib.ports import Invocation

Port = TypeVar("Port")

# Seconds between two tries: the first wait, and the longest.
FIRST_WAIT = 0.2
MAX_WAIT = 10.0
# Seconds of an invocation below which no call is retried.
LAST_TRY = 5.0
_random = SystemRandom()


def time_left(invocation: Invocation, *, but: timedelta = timedelta()) -> timedelta:
    """How long an invocation may still run, less a reserve (`but`) for its last steps."""
    return timedelta(milliseconds=invocation.get_remaining_time_in_millis()) - but


def is_over(invocation: Invocation, *, but: timedelta) -> bool:
    """Whether an invocation has no more time than a reserve (`but`) for its last steps."""
    return time_left(invocation, but=but) <= timedelta()


def patient(port: Port, invocation: Invocation, wait: Callable[[float], None]) -> Port:
    """A port whose calls are retried while they raise TryAgain and there is time.

    Only for calls that are safe to repeat; `wait` sleeps for seconds.
    """
    return cast("Port", _Patient(port, invocation, wait))


class _Patient:
    def __init__(self, port: Any, invocation: Invocation, wait: Callable[[float], None]) -> None:
        self._port, self._invocation, self._wait = port, invocation, wait

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return functools.partial(self._call, getattr(self._port, name))

    def _call(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        pause = FIRST_WAIT
        while True:
            try:
                return call(*args, **kwargs)
            except TryAgain:
                if time_left(self._invocation).total_seconds() < LAST_TRY + pause:
                    raise
            # Half of the pause is random, so that throttled invocations do not retry together.
            self._wait(pause * _random.uniform(0.5, 1))
            pause = min(MAX_WAIT, 2 * pause)
