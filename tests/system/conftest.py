from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running import RunningSystem, end, running_system


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """One local system for all tests that do not stop it."""
    with running_system(tmp_path_factory.mktemp("shared") / "hoist") as running:
        yield running


@pytest.fixture
def own_system(tmp_path: Path) -> Iterator[RunningSystem]:
    """The test's own system, not started yet."""
    mine = RunningSystem(tmp_path / "hoist")
    yield mine
    end(mine)
