"""Before anything is changed: who, where, with what, and what may be missing."""

import json
import os
from datetime import date, timedelta
from pathlib import Path

import boto3
import cfnlint
import pytest
from botocore.exceptions import NoRegionError
from moto import mock_aws

from deploy import preflight
from deploy.__main__ import _chosen
from deploy.permissions import simulator
from deploy.stage import StageError
from tests.environment import REGION


@pytest.fixture
def no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_region")
def test_the_region_is_the_one_that_was_named() -> None:
    assert preflight.session("eu-north-1", "").region_name == "eu-north-1"


def test_else_the_one_the_stage_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")

    assert preflight.session("", "eu-north-1").region_name == "eu-north-1"


@pytest.mark.usefixtures("no_region")
def test_else_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-west-2")

    assert preflight.session("", "").region_name == "us-west-2"


@pytest.mark.usefixtures("no_region")
def test_no_region_at_all_is_an_error() -> None:
    with pytest.raises(NoRegionError):
        preflight.session("", "")


@pytest.mark.parametrize(
    "region", ["Ireland", "eu-west", "eu_west_1", "https://evil.example", "xx-north-1"]
)
def test_what_is_no_region_is_refused(region: str) -> None:
    with pytest.raises(StageError, match="is no region"):
        preflight.session(region, "")


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("cn-north-1", "aws-cn"),
        ("cn-northwest-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-gov-east-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_a_region_without_what_a_stage_needs_is_refused(region: str, partition: str) -> None:
    with pytest.raises(
        StageError, match=f"{region} is in the partition {partition}: a stage needs"
    ):
        preflight.session(region, "")


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-2", "ap-southeast-5", "il-central-1"])
def test_every_other_region_is_taken(region: str) -> None:
    assert preflight.session(region, "").region_name == region


TODAY = date(2026, 11, 29)


def runtime(python: tuple[int, int], today: date = TODAY, *, snap_start: bool = False) -> str:
    return preflight.check_runtime(snap_start=snap_start, today=today, python=python)


@pytest.mark.parametrize("python", preflight.RUNTIMES)
def test_a_runtime_is_taken_told_of_in_its_last_half_year_and_refused_in_the_end(
    python: tuple[int, int],
) -> None:
    known, day = preflight.RUNTIMES[python], timedelta(days=1)

    assert runtime(python, known.deprecated - preflight.WARNED - day) == ""
    for told_at in (known.deprecated - preflight.WARNED, known.deprecated, known.blocked - day):
        told = runtime(python, told_at)
        assert f"until {known.deprecated}" in told
        assert f"from {known.blocked} on" in told
        assert "PYTHON=" in told
    for refused_at in (known.blocked, known.blocked + 365 * day):
        with pytest.raises(StageError, match=f"makes no functions .* since {known.blocked}"):
            runtime(python, refused_at)


@pytest.mark.parametrize("python", [(3, 10), (3, 15), (4, 0)])
def test_a_python_that_lambda_does_not_run_is_refused(python: tuple[int, int]) -> None:
    with pytest.raises(StageError, match=r"Lambda runs Python 3\.11, 3\.12, 3\.13, 3\.14, not"):
        runtime(python)


def test_the_dates_are_those_that_cfn_lint_knows() -> None:
    """It takes them from AWS: a new release of it tells when they were moved."""
    path = Path(cfnlint.__file__).parent / "data/AdditionalSpecs/LmbdRuntimeLifecycle.json"
    theirs = json.loads(path.read_text(encoding="utf-8"))

    assert {
        f"python{first}.{second}": (str(known.deprecated), str(known.blocked))
        for (first, second), known in preflight.RUNTIMES.items()
    } == {
        name: (theirs[name]["deprecated"], theirs[name]["create-block"])
        for name in (f"python{first}.{second}" for first, second in preflight.RUNTIMES)
    }


def test_snap_start_is_refused_before_anything_is_deployed() -> None:
    with pytest.raises(StageError, match=r"SnapStart needs Python 3\.12 or later, not 3\.11"):
        runtime((3, 11), snap_start=True)

    assert runtime((3, 12), snap_start=True) == ""


@pytest.mark.parametrize(
    "chosen",
    [
        {"AdminOnlySignUp": "true"},
        {"AdminOnlySignUp": "false"},
        {"SignUpDomains": "example.com"},
        {"AdminOnlySignUp": "false", "SignUpDomains": "example.com"},
    ],
)
@pytest.mark.parametrize("stands", [True, False])
def test_who_may_have_an_account_was_chosen(
    chosen: dict[str, str],
    stands: bool,  # noqa: FBT001
) -> None:
    assert preflight.check_sign_up("dev", chosen, stands=stands) == ""


UNCHOSEN: list[dict[str, str]] = [{}, {"SignUpDomains": ""}, {"Versioning": "Enabled"}]
CHOICES = [
    'make deploy STAGE=dev SET="AdminOnlySignUp=true" ',
    'make deploy STAGE=dev SET="SignUpDomains=example.com" ',
    'make deploy STAGE=dev SET="AdminOnlySignUp=false" ',
]


@pytest.mark.parametrize("chosen", UNCHOSEN)
def test_a_new_stage_without_a_choice_is_refused_with_the_three(chosen: dict[str, str]) -> None:
    with pytest.raises(StageError, match="Who may have an account in dev") as refused:
        preflight.check_sign_up("dev", chosen, stands=False)

    assert [choice for choice in CHOICES if choice not in str(refused.value)] == []


@pytest.mark.parametrize("chosen", UNCHOSEN)
def test_a_stage_that_stands_goes_on_and_is_told_what_it_is(chosen: dict[str, str]) -> None:
    told = preflight.check_sign_up("dev", chosen, stands=True)

    assert told.startswith("Everybody on the Internet may have an account in dev")
    assert [choice for choice in CHOICES if choice not in told] == []


def test_nobody_is_told_to_get_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(StageError, match="No AWS credentials: name them with AWS_PROFILE"):
        preflight.identity(boto3.Session(region_name=REGION))


def test_the_plan_names_account_steps_and_permissions(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # moto has no simulator of IAM's.
    monkeypatch.setattr(simulator, "warning", lambda *_: "")
    with mock_aws():
        preflight.report(boto3.Session(region_name=REGION), "dev", ["new"], {"page": "uploaded"})

    told = capsys.readouterr().out
    assert f"Stage dev in {REGION}, account 123456789012" in told
    assert "The stack hoist-dev: new" in told
    assert "page          uploaded" in told
    assert "make permissions COMMAND=deploy STAGE=dev" in told
    assert "logs: CreateLogGroup" in told
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in told


def test_parameters_of_the_command_line() -> None:
    assert _chosen("ops@example.com", "Versioning=Enabled SignUpDomains=a.com,b.com") == {
        "OperationsEmail": "ops@example.com",
        "Versioning": "Enabled",
        "SignUpDomains": "a.com,b.com",
    }


@pytest.mark.parametrize("text", ["Versioning", "=Enabled", "A-B=1"])
def test_what_is_no_parameter_is_refused(text: str) -> None:
    with pytest.raises(StageError, match="is no parameter"):
        _chosen("", text)
