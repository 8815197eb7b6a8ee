"""Each piece of a deployed stage is changed by hand: `make status` tells, `make deploy` mends.

The tests share a stage that `make deploy` made in an account of moto's; each leaves it as it was.
"""

from pathlib import Path

import pytest

from tests.rehearsal.conftest import Account, Project, copy
from tests.rehearsal.drifts import BOTH_APIS, CHANGED, GONE, Change, names
from tests.rehearsal.stands import Stands

pytestmark = pytest.mark.system
NONE = "none: all is as declared"


@pytest.fixture(scope="module")
def project(server: Account, tmp_path_factory: pytest.TempPathFactory) -> Project:
    server.reset()
    root: Path = tmp_path_factory.mktemp("deployed") / "project"
    copy(root)
    made = Project(root, server)
    made.deploy("--email", "ops@example.com")
    return made


def drift(project: Project) -> list[str]:
    """The lines of status under Drift."""
    _, _, rest = project.status().partition("\nDrift\n")
    section, _, _ = rest.partition("\nLast sweep")
    return [line.removeprefix("  ") for line in section.splitlines()]


@pytest.mark.parametrize("changes", [CHANGED, GONE, BOTH_APIS], ids=["changed", "gone", "apis"])
def test_what_somebody_changed_is_told_and_mended(
    project: Project, changes: dict[str, Change]
) -> None:
    assert drift(project) == [NONE]
    given = names(project.account)
    wanted = [line for change in changes.values() for line in change(project.account, given)]

    told = drift(project)

    # Nothing more than these, so that each line is of one change.
    assert [line for line in wanted if not any(each.startswith(line) for each in told)] == []
    assert [each for each in told if not any(each.startswith(line) for line in wanted)] == []

    project.deploy()

    assert drift(project) == [NONE]
    assert len(Stands(project.account).rest_apis()) == 1
