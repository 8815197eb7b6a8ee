"""Makes calls that wait for a service at the same time, in a few threads.

Must not know what the calls do.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from chalicelib.errors import UploadError

Value = TypeVar("Value")
Result = TypeVar("Result")

# A client of botocore keeps as many connections.
# https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html
AT_ONCE = 10


def at_once(call: Callable[[Value], Result], values: Sequence[Value]) -> list[Result | UploadError]:
    """The result for each value, in order; an UploadError is the result of its value.

    Any other error is raised once no call runs any more. A single call needs no thread.
    """

    def try_call(value: Value) -> Result | UploadError:
        try:
            return call(value)
        except UploadError as error:
            return error

    if len(values) < 2:  # noqa: PLR2004 - one, or none
        return [try_call(value) for value in values]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(try_call, values))
