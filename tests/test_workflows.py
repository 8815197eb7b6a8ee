"""The workflows may only read, and run actions that are pinned by commit."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOWS = sorted((Path(__file__).parent.parent / ".github" / "workflows").glob("*.yml"))


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text())["jobs"]
    yield from (step for job in jobs.values() for step in job["steps"])


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_only(workflow: Path) -> None:
    declared = yaml.safe_load(workflow.read_text())

    assert declared["permissions"] == {"contents": "read"}
    assert not [name for name, job in declared["jobs"].items() if "permissions" in job]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_is_pinned_by_commit_with_its_version_in_a_comment(workflow: Path) -> None:
    used = re.findall(r"uses: (.*)", workflow.read_text())

    assert used
    assert [
        action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", action)
    ] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_checkout_leaves_no_token_behind(workflow: Path) -> None:
    checkouts = [step for step in steps(workflow) if "actions/checkout@" in step.get("uses", "")]

    assert checkouts
    assert [
        step for step in checkouts if step["with"].get("persist-credentials") is not False
    ] == []


def test_make_audit_runs_once_a_week() -> None:
    (audited,) = (path for path in WORKFLOWS if "make audit" in path.read_text())
    # YAML 1.1 reads the key `on` as true.
    (schedule,) = yaml.safe_load(audited.read_text())[True]["schedule"]

    assert re.fullmatch(r"\d+ \d+ \* \* \d", schedule["cron"])
