"""A thousand seeds of fifty events: whatever the order and the faults, all is right in the end."""

from collections import Counter

import pytest

from tests.simulation.runner import failures
from tests.simulation.simulation import simulate

pytestmark = pytest.mark.slow

SEEDS = 1000


def test_whatever_happens_everything_is_right_in_the_end() -> None:
    found = failures(range(SEEDS))

    assert not found, "\n".join(
        [f"seed {result.seed}: {'; '.join(result.broken)}" for result in found]
        + ["", f"make simulate SEED={found[0].seed} tells its story"]
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_seed_tells_the_same_story_each_time(seed: int) -> None:
    first, again = (simulate(seed, tells=True) for _ in range(2))

    assert first == again
    assert first.story


def test_a_story_has_what_the_simulation_is_about() -> None:
    """Seeds that nothing happens in would prove nothing."""
    stories = "\n".join(line for seed in range(30) for line in simulate(seed, tells=True).story)
    words = Counter({
        word: stories.count(word)
        for word in (
            "dies", "the answer is lost", "its event is lost", "runs out of time", "the record of",
            "the lifecycle deletes", "redrive", ":state=rejected", ":state=failed",
            ":state=accepted", ":state=aborted", "CompleteMultipartUpload",
        )
    })  # fmt: skip

    assert min(words.values()) > 0, words
