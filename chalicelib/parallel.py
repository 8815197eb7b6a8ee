"""Calls that are made at once, since each waits for somebody else: a few threads, answers in order.

Must not know what is called.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from chalicelib.errors import UploadError

Value = TypeVar("Value")
Answer = TypeVar("Answer")

# As many as a client of botocore keeps connections.
# https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html
AT_ONCE = 10


def at_once(call: Callable[[Value], Answer], values: Sequence[Value]) -> list[Answer | UploadError]:
    """The answer for each value, or the error that a client is told about it.

    Any other error is raised, when no call runs any more. A single call needs no thread.
    """

    def ask(value: Value) -> Answer | UploadError:
        try:
            return call(value)
        except UploadError as error:
            return error

    if len(values) < 2:  # noqa: PLR2004 - one, or none
        return [ask(value) for value in values]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(ask, values))
