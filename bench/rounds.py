"""Rounds in which all contestants take turns, and their medians.

Machines are noisy, so nothing is measured once, and a figure counts only beside that of a peer.
"""

import statistics
import time
from collections.abc import Callable, Mapping


def seconds(work: Callable[[], object]) -> float:
    """The seconds of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def medians(
    contestants: Mapping[str, Callable[[], float]], *, rounds: int, warm: int = 1
) -> dict[str, float]:
    """The median result of each contestant, in turns; the first `warm` rounds do not count."""
    measured: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(warm + rounds):
        for name, measure in contestants.items():
            value = measure()
            if number >= warm:
                measured[name].append(value)
    return {name: statistics.median(values) for name, values in measured.items()}
