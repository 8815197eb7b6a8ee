"""One seed: fifty events with faults, then sweeps without faults, then all invariants must hold."""

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
# Seconds before each sweep without faults: hours for waiting work, then days for lost work.
SWEEP_WAITS = (*[2 * HOUR] * 4, *[2 * 24 * HOUR] * 3, *[2 * HOUR] * 2)


@dataclass(frozen=True)
class Result:
    """The result of a seed: the violated invariants, and the story."""

    seed: int
    broken: list[str]
    story: list[str]


def simulate(
    seed: int, *, events: int = EVENTS, faults: Faults | None = None, with_story: bool = False
) -> Result:
    """Run one seed; the result has a story with `with_story`, or when an invariant is violated.

    Without `faults` the seed chooses them.
    """
    world = World(seed, SETTINGS, QUOTA, faults)
    people = People(world)
    with _seeded(world.random):
        violations = _run(world, people, events)
    return Result(seed, violations, world.story() if with_story or violations else [])


def _run(world: World, people: People, events: int) -> list[str]:
    try:
        _run_events(world, people, events)
        world.calm()
        violations = unfinished(world)
        for seconds in SWEEP_WAITS:
            world.scheduler.later(seconds, world.pass_time)
            world.scheduler.later(seconds, world.start_sweep)
            world.scheduler.run()
        # The check makes calls as well, and only tasks can make calls.
        world.scheduler.start("check", lambda: violations.extend(broken(world, people)))
        world.scheduler.run()
    finally:
        world.scheduler.close()
    return violations


@contextmanager
def _seeded(chance: Random) -> Iterator[None]:
    """Make Hoist's own random values depend on the seed: ids, waits, shards."""
    before = os.urandom, usage._random, patience._random
    os.urandom = chance.randbytes
    usage._random = patience._random = chance  # type: ignore[assignment]
    try:
        yield
    finally:
        os.urandom, usage._random, patience._random = before


def _run_events(world: World, people: People, events: int) -> None:
    chance: Random = world.random
    pace = chance.choice((0.5, 5, 300))
    moment = 0.0
    for _ in range(events):
        moment += chance.random() * pace
        world.scheduler.later(moment, people.act)
    world.scheduler.run()
