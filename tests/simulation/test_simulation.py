"""A thousand seeds of fifty events: all invariants hold in the end, with any order and faults."""

from collections import Counter

import pytest

from tests.simulation.runner import failures
from tests.simulation.simulation import simulate

pytestmark = pytest.mark.slow

SEEDS = 1000


@pytest.mark.timeout(900)  # 200 s of processor time
def test_all_invariants_hold_in_the_end() -> None:
    failed = failures(range(SEEDS))

    assert not failed, "\n".join(
        [f"seed {result.seed}: {'; '.join(result.broken)}" for result in failed]
        + ["", f"make simulate SEED={failed[0].seed} prints its story"]
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_seed_always_has_the_same_story(seed: int) -> None:
    first, again = (simulate(seed, with_story=True) for _ in range(2))

    assert first == again
    assert first.story


def test_the_stories_contain_every_kind_of_event() -> None:
    """The stories must contain these events, or else passing seeds prove nothing."""
    stories = "\n".join(
        line for seed in range(30) for line in simulate(seed, with_story=True).story
    )
    words = Counter({
        word: stories.count(word)
        for word in (
            "dies", "the answer is lost", "its event is lost", "times out", "the record of",
            "the lifecycle rule deletes", "redrive", ":state=rejected", ":state=failed",
            ":state=accepted", ":state=aborted", "CompleteMultipartUpload",
        )
    })  # fmt: skip

    assert min(words.values()) > 0, words
