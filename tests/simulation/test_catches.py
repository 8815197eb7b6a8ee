"""A few seeds of the simulation catch each fault that Hoist once had, when it is put back."""

import pytest

from tests.simulation.mutations import MUTATIONS, mutated
from tests.simulation.simulation import simulate
from tests.simulation.world import Faults

pytestmark = pytest.mark.slow

# The other faults around each fault, chosen so that few seeds are enough.
FAULTS = {
    "H1": Faults(crash=0.2, twice=0.3, late=0.3),
    "M2": Faults(lost_answer=0.1, twice=0.2),
    "M3": Faults(lost_event=0.3),
}
SEEDS = 100


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_fault_that_is_put_back_is_caught(name: str) -> None:
    with mutated(name):
        caught = next(
            (seed for seed in range(SEEDS) if simulate(seed, faults=FAULTS.get(name)).broken), None
        )

    assert caught is not None


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_same_seeds_pass_without_the_fault(name: str) -> None:
    for seed in range(5):
        assert simulate(seed, faults=FAULTS.get(name)).broken == []
