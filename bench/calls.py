"""The calls to AWS that a function makes, and their share of its processor time.

It measures processor time, so other processes do not count. A call lasts from botocore's event
`provide-client-params` to `after-call`: build, sign, send, and parse the response.
"""

import time
from collections.abc import Callable
from typing import Any


class Calls:
    """The names of the calls, and the processor seconds within and outside them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.within = self.outside = 0.0
        self._began = 0.0

    def watch(self, events: Any) -> None:
        """Watch a botocore session or client from now on."""
        events.register("provide-client-params", self._begin)
        events.register("after-call", self._end)

    def spent(self, work: Callable[[], object]) -> float:
        """The processor seconds of `work`, with its calls."""
        self.names, self.within = [], 0.0
        began = time.process_time()
        work()
        total = time.process_time() - began
        self.outside = total - self.within
        return total

    def _begin(self, model: Any, **_: Any) -> None:
        self.names.append(model.name)
        self._began = time.process_time()

    def _end(self, **_: Any) -> None:
        self.within += time.process_time() - self._began
