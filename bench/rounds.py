"""What the benches share: rounds in which all contestants take turns, their medians, the last line.

Machines are noisy, so nothing is measured once, and a figure is only good beside its peer's.
"""

import statistics
import time
from collections.abc import Callable, Mapping


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def medians(
    contestants: Mapping[str, Callable[[], float]], *, rounds: int, warm: int = 1
) -> dict[str, float]:
    """The median of what each contestant returns, taken in turns; the first rounds do not count."""
    seen: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(warm + rounds):
        for name, measure in contestants.items():
            value = measure()
            if number >= warm:
                seen[name].append(value)
    return {name: statistics.median(values) for name, values in seen.items()}
