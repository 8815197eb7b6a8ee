"""Which calls to AWS a piece of work makes, and how much of its processor time is theirs.

Processor time, as nothing here waits: other processes of the machine are not in it. A call is from
botocore's event `provide-client-params` to `after-call`: built, signed, sent, its answer parsed.
"""

import time
from collections.abc import Callable
from typing import Any


class Calls:
    """The names of the calls one side makes; processor seconds within and outside them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.within = self.outside = 0.0
        self._began = 0.0

    def watch(self, events: Any) -> None:
        """From now on, of a botocore session or client."""
        events.register("provide-client-params", self._begin)
        events.register("after-call", self._end)

    def spent(self, work: Callable[[], object]) -> float:
        """The processor seconds of all of `work`."""
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
