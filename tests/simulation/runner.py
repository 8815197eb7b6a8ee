"""Many seeds on all processors, and `make simulate`.

make simulate SEEDS=100000          as many seeds, from 0 or FROM=
make simulate SEED=17               the story of one seed, in plain words
make simulate SEEDS=400 FAULT=H1    with a fault that Hoist once had, to see that it is found
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
    """The results of many seeds, in their order."""
    # Started anew, not forked: the parent may have threads.
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=_quiet) as pool:
        yield from pool.map(_run, seeds, [fault] * len(list(seeds)), chunksize=CHUNK)


def failures(seeds: Iterable[int]) -> list[Result]:
    """The seeds in which something is broken."""
    return [result for result in results(seeds) if result.broken]


def _quiet() -> None:
    logging.disable(logging.CRITICAL)


def _run(seed: int, fault: str) -> Result:
    with mutated(fault) if fault else nullcontext():
        return simulate(seed)


def tell(seed: int, fault: str) -> int:
    """Print the story of a seed; returns the exit status."""
    _quiet()
    with mutated(fault) if fault else nullcontext():
        result = simulate(seed, tells=True)
    print("\n".join(result.story))
    print("\n".join(f"BROKEN: {each}" for each in result.broken) or "Everything is right.")
    return 1 if result.broken else 0


def search(seeds: range, fault: str) -> int:
    """Run seeds until one is broken, and print its story; returns the exit status."""
    began = time.monotonic()
    for count, result in enumerate(results(seeds, fault), start=1):
        if result.broken:
            print("\n".join(result.story))
            print(f"\nSeed {result.seed}, after {count} seeds:")
            print("\n".join(f"BROKEN: {each}" for each in result.broken))
            return 1
        if count % 1000 == 0 or count == len(seeds):
            pace = count / (time.monotonic() - began)
            print(f"{count} of {len(seeds)} seeds, {pace:.0f} a second, all right", flush=True)
    return 0


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="SEEDS: how many")
    parser.add_argument("--from", dest="first", type=int, default=0, help="FROM: the first")
    parser.add_argument("--seed", type=int, help="SEED: tell the story of this one")
    parser.add_argument("--fault", choices=["", *MUTATIONS], default="", help="FAULT: put it back")
    options = parser.parse_args()
    if options.seed is not None:
        return tell(options.seed, options.fault)
    return search(range(options.first, options.first + options.seeds), options.fault)


if __name__ == "__main__":
    sys.exit(main())
