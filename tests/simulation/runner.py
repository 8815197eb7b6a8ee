"""Many seeds on all processors, and `make simulate`.

- `make simulate SEEDS=100000` runs as many seeds, from 0 or from FROM=.
- `make simulate SEED=17` prints the story of one seed.
- `make simulate SEEDS=400 FAULT=H1` puts back a fault that Hoist once had.
"""

import argparse
import logging
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context

from tests.simulation.mutations import MUTATIONS, mutated
from tests.simulation.simulation import Result, simulate

CHUNK = 10


def results(seeds: Iterable[int], fault: str = "") -> Iterator[Result]:
    """The results of many seeds, in the order of the seeds."""
    # Spawned, not forked, because the parent may have threads.
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=_quiet) as pool:
        yield from pool.map(_run, seeds, [fault] * len(list(seeds)), chunksize=CHUNK)


def failures(seeds: Iterable[int]) -> list[Result]:
    """The results of the seeds that violate an invariant."""
    return [result for result in results(seeds) if result.broken]


def _quiet() -> None:
    logging.disable(logging.CRITICAL)


def _run(seed: int, fault: str) -> Result:
    with mutated(fault) if fault else nullcontext():
        return simulate(seed)


def print_story(seed: int, fault: str) -> int:
    """Print the story of a seed; returns the exit status."""
    _quiet()
    with mutated(fault) if fault else nullcontext():
        result = simulate(seed, with_story=True)
    print("\n".join(result.story))
    print(
        "\n".join(f"BROKEN: {violation}" for violation in result.broken) or "All invariants hold."
    )
    return 1 if result.broken else 0


def search(seeds: range, fault: str) -> int:
    """Run seeds until one violates an invariant, and print its story; returns the exit status."""
    start = time.monotonic()
    for count, result in enumerate(results(seeds, fault), start=1):
        if result.broken:
            print("\n".join(result.story))
            print(f"\nSeed {result.seed}, after {count} seeds:")
            print("\n".join(f"BROKEN: {violation}" for violation in result.broken))
            return 1
        if count % 1000 == 0 or count == len(seeds):
            rate = count / (time.monotonic() - start)
            print(
                f"{count} of {len(seeds)} seeds, {rate:.0f} a second, all invariants hold",
                flush=True,
            )
    return 0


def main() -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="SEEDS: the number of seeds")
    parser.add_argument("--from", dest="first", type=int, default=0, help="FROM: the first seed")
    parser.add_argument("--seed", type=int, help="SEED: print the story of this seed")
    parser.add_argument(
        "--fault", choices=["", *MUTATIONS], default="", help="FAULT: a fault to put back"
    )
    options = parser.parse_args()
    if options.seed is not None:
        return print_story(options.seed, options.fault)
    return search(range(options.first, options.first + options.seeds), options.fault)


if __name__ == "__main__":
    sys.exit(main())
