"""Which Python runs the functions, its line in the plan, and the refused Pythons."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import distributions, metadata
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from chalice.deploy.packager import LambdaDeploymentPackager
from packaging.specifiers import SpecifierSet

from deploy.preflight import runtime
from deploy.preflight.runtime import PACKAGES, RUNTIMES, WARNED, Python, Runtime
from stage.stage import StageError
from tests.deploy.template import RESOURCES

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 30)
DAY = timedelta(days=1)
# With and without the function that Cognito invokes at a sign-up.
WITH, WITHOUT = {"SignUpDomains": "example.com"}, {"SignUpDomains": ""}


def template(root: Path, text: str) -> Path:
    """A project whose template has this text."""
    (root / ".chalice").mkdir()
    (root / ".chalice" / "resources.yaml").write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def lifecycle() -> dict[str, Any]:
    """AWS's dates from cfn-lint, by the identifier of the runtime."""
    path = Path(cfnlint.__file__).parent / "data/AdditionalSpecs/LmbdRuntimeLifecycle.json"
    dates: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dates


# For every runtime: no message, a warning for half a year, and a refusal.


@pytest.mark.parametrize("python", RUNTIMES)
def test_the_functions_runtime_is_accepted_until_half_a_year_before_its_end(python: Python) -> None:
    assert runtime.check(RUNTIMES[python].deprecated - WARNED - DAY, python) == ""


@pytest.mark.parametrize("python", RUNTIMES)
@pytest.mark.parametrize("event", ["half a year before", "its end", "the last day"])
def test_the_plan_warns_of_a_runtime_in_its_last_half_year(python: Python, event: str) -> None:
    dates = RUNTIMES[python]
    days = {
        "half a year before": dates.deprecated - WARNED,
        "its end": dates.deprecated,
        "the last day": dates.blocked - DAY,
    }

    warning = runtime.check(days[event], python)

    assert f"until {dates.deprecated}" in warning
    assert f"from {dates.blocked} on" in warning


@pytest.mark.parametrize("python", RUNTIMES)
@pytest.mark.parametrize("later", [0 * DAY, 365 * DAY])
def test_a_runtime_is_refused_from_the_day_on_which_aws_blocks_it(
    python: Python, later: timedelta
) -> None:
    blocked = RUNTIMES[python].blocked

    with pytest.raises(StageError, match=f"creates no functions .* since {blocked}"):
        runtime.check(blocked + later, python)


@pytest.mark.parametrize("python", [(3, 10), (3, 15), (4, 0)])
def test_a_python_that_lambda_does_not_run_is_refused(python: Python) -> None:
    with pytest.raises(
        StageError,
        match=r"Lambda runs Python 3\.11, 3\.12, 3\.13, 3\.14, not .*: .* PYTHON=python3\.14$",
    ):
        runtime.check(TODAY, python)


def test_a_warning_says_which_python_to_install() -> None:
    warning = runtime.check(RUNTIMES[3, 11].deprecated, (3, 11))

    assert warning.endswith("rm -r .venv .make; make install PYTHON=python3.14")


def test_a_warning_names_no_python_if_there_is_no_newer_one() -> None:
    warning = runtime.check(RUNTIMES[3, 14].deprecated - WARNED, (3, 14))

    assert warning.endswith("get a newer version of Hoist")


# The plan.


@pytest.mark.parametrize("python", [(3, 11), (3, 12), (3, 13)])
def test_the_plan_names_the_runtime_its_end_and_a_newer_one(python: Python) -> None:
    assert runtime.plan(WITHOUT, TODAY, python) == (
        f"The functions run on python{python[0]}.{python[1]},"
        f" which AWS supports until {RUNTIMES[python].deprecated}; python3.14 (until 2029-06-30)"
        " runs with Chalice and our packages as well:"
        " rm -r .venv .make; make install PYTHON=python3.14"
    )


def test_the_plan_says_that_the_newest_runtime_is_the_newest() -> None:
    assert runtime.plan(WITHOUT, TODAY, (3, 14)) == (
        "The functions run on python3.14, which AWS supports until 2029-06-30;"
        " Lambda, Chalice and our packages all run no newer one"
    )


def test_the_plan_names_no_python_that_our_packages_do_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime, "PACKAGES", ((3, 11), (3, 12), (3, 13)))

    assert runtime.newer((3, 11), TODAY) == (3, 13)


def test_the_plan_names_no_python_that_chalice_does_not_support(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    newest = Runtime(date(2036, 6, 30), date(2036, 7, 31))
    monkeypatch.setattr(runtime, "RUNTIMES", {**RUNTIMES, (3, 99): newest})
    monkeypatch.setattr(runtime, "PACKAGES", (*PACKAGES, (3, 99)))

    assert runtime.newer((3, 14), TODAY) is None


@pytest.mark.parametrize(("days", "newer"), [(-1, (3, 14)), (0, None), (1, None)])
def test_the_plan_names_no_python_whose_support_has_ended(days: int, newer: Python | None) -> None:
    assert runtime.newer((3, 11), RUNTIMES[3, 14].deprecated + days * DAY) == newer


# The function that Cognito invokes at a sign-up.


def test_the_plan_names_the_runtime_of_the_sign_up_function() -> None:
    _, line = runtime.plan(WITH, TODAY, (3, 14)).splitlines()

    assert line == (
        "The function that Cognito invokes at a sign-up runs on python3.13,"
        " which AWS supports until 2029-06-30"
    )


def test_the_runtime_is_that_of_the_template() -> None:
    major, minor = runtime.declared()

    assert RESOURCES["SignUpFunction"]["Properties"]["Runtime"] == f"python{major}.{minor}"


def test_the_template_has_no_other_function() -> None:
    """Otherwise `declared` would return the oldest runtime of all functions."""
    functions = [
        name for name, each in RESOURCES.items() if each["Type"] == "AWS::Lambda::Function"
    ]

    assert functions == ["SignUpFunction"]


def test_aws_supports_the_sign_up_functions_runtime_for_half_a_year_yet() -> None:
    """Fails half a year before AWS deprecates it: then write a newer one into the template."""
    until = RUNTIMES[runtime.declared()].deprecated - WARNED

    assert datetime.now(UTC).date() < until


@pytest.mark.parametrize(
    ("days", "outcome"),
    [
        (-1, ""),
        (0, "write Runtime: python3.14 into SignUpFunction in .chalice/resources.yaml"),
        (1, "write Runtime: python3.14 into SignUpFunction in .chalice/resources.yaml"),
    ],
)
def test_the_plan_warns_of_the_sign_up_functions_runtime(
    tmp_path: Path, days: int, outcome: str
) -> None:
    root = template(tmp_path, "      Runtime: python3.12\n")
    today = RUNTIMES[3, 12].deprecated - WARNED + days * DAY

    warning = runtime.check_sign_up_function(WITH, today, root=root)

    assert warning.endswith(outcome)
    assert bool(warning) is bool(outcome)


@pytest.mark.parametrize("days", [0, 1])
def test_the_sign_up_functions_runtime_is_refused_once_aws_blocks_it(
    tmp_path: Path, days: int
) -> None:
    root = template(tmp_path, "      Runtime: python3.12\n")

    with pytest.raises(StageError, match=r"Python 3\.12 since 2028-11-30: write Runtime: python3"):
        runtime.check_sign_up_function(WITH, RUNTIMES[3, 12].blocked + days * DAY, root=root)


def test_a_stage_without_a_sign_up_function_gets_no_warning_about_it(tmp_path: Path) -> None:
    root = template(tmp_path, "      Runtime: python3.8\n")

    assert runtime.check_sign_up_function(WITHOUT, TODAY, root=root) == ""
    assert len(runtime.plan(WITHOUT, TODAY, root=root).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("      Runtime: nodejs24.x\n", "The sign-up function has no Python: write Runtime: p"),
        ("      Runtime: python3.8\n", r"Lambda runs Python .*, not 3\.8: write Runtime: python3"),
    ],
)
def test_a_template_with_another_runtime_is_refused(
    tmp_path: Path, text: str, refusal: str
) -> None:
    with pytest.raises(StageError, match=refusal):
        runtime.check_sign_up_function(WITH, TODAY, root=template(tmp_path, text))


# Comparison with other sources.


def test_the_dates_are_those_of_cfn_lint(
    lifecycle: dict[str, Any],
) -> None:
    """cfn-lint copies them from AWS, so a new release has new dates and runtimes."""
    theirs = {
        (3, int(match[1])): (dates["deprecated"], dates["create-block"])
        for name, dates in lifecycle.items()
        if (match := re.fullmatch(r"python3\.(\d+)", name)) and int(match[1]) >= 11
    }

    assert theirs == {
        python: (str(dates.deprecated), str(dates.blocked)) for python, dates in RUNTIMES.items()
    }


@pytest.mark.parametrize("python", PACKAGES)
def test_every_locked_package_accepts_the_pythons_of_the_list(python: Python) -> None:
    """Compares only the packages' metadata, offline; `make lock` checks their wheels."""
    version = f"{python[0]}.{python[1]}.0"
    packages = {each.name: each.metadata["Requires-Python"] for each in distributions()}

    refusals = {
        name: required
        for name, required in packages.items()
        if required and version not in SpecifierSet(required)
    }

    assert refusals == {}


@pytest.mark.parametrize("python", [*RUNTIMES, (3, 99)])
def test_chalice_packs_for_the_pythons_that_its_classifiers_name(python: Python) -> None:
    packs = runtime.identifier(python) in LambdaDeploymentPackager._RUNTIME_TO_ABI

    assert runtime.is_run_by_chalice(python) is packs


def test_make_lock_checks_the_wheels() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert re.search(r"^lock:(?:.*\n\t)+.*scripts/wheels\.py$", makefile, re.MULTILINE)


def test_chalices_own_requirement_has_no_upper_bound() -> None:
    """With one, it would say better than the classifiers what Chalice supports."""
    assert metadata("chalice")["Requires-Python"] == ">=3.10"
