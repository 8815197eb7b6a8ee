"""One system for all hostile tests, two accounts on it, and all secrets that it issues."""

from collections.abc import Iterator

import pytest

from tests.support.running import Client, RunningSystem, running_system


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with running_system(tmp_path_factory.mktemp("hostile") / "hoist") as running:
        yield running


@pytest.fixture(scope="session")
def owner(system: RunningSystem) -> Client:
    """The owner of the files."""
    return system.sign_in()


@pytest.fixture(scope="session")
def stranger(system: RunningSystem) -> Client:
    """Another owner, with their own account."""
    return system.sign_in("stranger@example.com")
