"""One system for all that is hostile, two accounts on it, and everything secret it hands out."""

from collections.abc import Iterator

import pytest

from tests.support.running import Client, RunningSystem, running_system


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with running_system(tmp_path_factory.mktemp("hostile") / "hoist") as running:
        yield running


@pytest.fixture(scope="session")
def owner(system: RunningSystem) -> Client:
    """Whose files they are."""
    return system.sign_in()


@pytest.fixture(scope="session")
def stranger(system: RunningSystem) -> Client:
    """Somebody with an account of their own."""
    return system.sign_in("stranger@example.com")
