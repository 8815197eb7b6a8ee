"""One seed: fifty things happen, with faults. Then it is quiet, and everything must be true."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random

from chalicelib import patience, usage
from chalicelib.config import load_settings
from chalicelib.usage import Quota
from tests.simulation.invariants import broken, unfinished
from tests.simulation.people import People
from tests.simulation.world import HOUR, Faults, World
from tests.support import environment

EVENTS = 50
SETTINGS = replace(
    load_settings(environment.HOIST_ENVIRONMENT),
    put_max_size=30,
    part_size=100,
    upload_days=1,
    rejected_days=1,
    max_in_progress=4,
)
QUOTA = Quota(max_bytes=400, max_files=12)
# Rounds of sweeps in the quiet: enough hours for what waits, then enough days for what was left.
QUIET = (*[2 * HOUR] * 4, *[2 * 24 * HOUR] * 3, *[2 * HOUR] * 2)


@dataclass(frozen=True)
class Result:
    """What a seed came to."""

    seed: int
    broken: list[str]
    story: list[str]


def simulate(
    seed: int, *, events: int = EVENTS, faults: Faults | None = None, tells: bool = False
) -> Result:
    """Run one seed; with `tells`, or when something is broken, its story in plain words.

    `faults` are drawn from the seed unless they are given.
    """
    world = World(seed, SETTINGS, QUOTA, faults)
    people = People(world)
    with _seeded(world.random):
        found = _run(world, people, events)
    return Result(seed, found, world.story() if tells or found else [])


def _run(world: World, people: People, events: int) -> list[str]:
    try:
        _happen(world, people, events)
        world.calm()
        found = unfinished(world)
        for seconds in QUIET:
            world.scheduler.later(seconds, world.pass_time)
            world.scheduler.later(seconds, world.start_sweep)
            world.scheduler.run()
        # The last look makes calls as well, and calls take turns.
        world.scheduler.start("look", lambda: found.extend(broken(world, people)))
        world.scheduler.run()
    finally:
        world.scheduler.close()
    return found


@contextmanager
def _seeded(chance: Random) -> Iterator[None]:
    """The product's own chance is the seed's: ids, waits, shards."""
    before = os.urandom, usage._random, patience._random
    os.urandom = chance.randbytes
    usage._random = patience._random = chance  # type: ignore[assignment]
    try:
        yield
    finally:
        os.urandom, usage._random, patience._random = before


def _happen(world: World, people: People, events: int) -> None:
    chance: Random = world.random
    pace = chance.choice((0.5, 5, 300))
    moment = 0.0
    for _ in range(events):
        moment += chance.random() * pace
        world.scheduler.later(moment, people.act)
    world.scheduler.run()
