"""The workflows may only read, run actions that nobody can exchange, and run commands of `make`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def jobs(workflow: Path) -> dict[str, dict[str, Any]]:
    declared: dict[str, dict[str, Any]] = yaml.safe_load(workflow.read_text())["jobs"]
    return declared


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    for job in jobs(workflow).values():
        yield from job["steps"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_only(workflow: Path) -> None:
    declared = yaml.safe_load(workflow.read_text())

    assert declared["permissions"] == {"contents": "read"}
    assert not [name for name, job in declared["jobs"].items() if "permissions" in job]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_is_pinned_to_a_commit_and_names_its_version(workflow: Path) -> None:
    actions = re.findall(r"uses: (.*)", workflow.read_text())

    assert actions
    assert [
        action for action in actions if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", action)
    ] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_checkout_leaves_no_token_behind(workflow: Path) -> None:
    checkouts = [step for step in steps(workflow) if "actions/checkout@" in step.get("uses", "")]

    assert checkouts
    assert [
        step for step in checkouts if step["with"].get("persist-credentials") is not False
    ] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_each_job_runs_one_command_of_make_that_exists(workflow: Path) -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)

    for job in jobs(workflow).values():
        (command,) = (step["run"] for step in job["steps"] if "run" in step)
        assert command.removeprefix("make ") in targets


def test_the_check_runs_on_every_python_and_node_that_the_readme_promises() -> None:
    matrix = jobs(ROOT / ".github/workflows/test.yml")["check"]["strategy"]["matrix"]["include"]

    assert {row["python"] for row in matrix} == {"3.11", "3.12", "3.13", "3.14"}
    assert {row["node"] for row in matrix} == {"20", "22", "24"}


def test_make_audit_runs_once_a_week() -> None:
    (audit,) = (path for path in WORKFLOWS if "make audit" in path.read_text())
    # YAML 1.1 takes the key `on` for true.
    (schedule,) = yaml.safe_load(audit.read_text())[True]["schedule"]

    assert re.fullmatch(r"\d+ \d+ \* \* \d", schedule["cron"])
