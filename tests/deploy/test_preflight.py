"""Checks before anything is changed: region, caller, sign-up, permissions."""

import os
from importlib.metadata import version

import boto3
import pytest
from botocore.exceptions import NoRegionError
from moto import mock_aws

from deploy import preflight
from deploy.__main__ import parse_parameters
from deploy.changes import Change
from deploy.permissions import simulator
from stage.stage import StageError
from tests.support.environment import REGION


@pytest.fixture
def no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_region")
def test_the_region_of_the_command_line_comes_first() -> None:
    assert preflight.session("eu-north-1", "").region_name == "eu-north-1"


def test_the_region_of_the_stage_comes_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")

    assert preflight.session("", "eu-north-1").region_name == "eu-north-1"


@pytest.mark.usefixtures("no_region")
def test_the_region_of_the_environment_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-west-2")

    assert preflight.session("", "").region_name == "us-west-2"


@pytest.mark.usefixtures("no_region")
def test_no_region_at_all_is_an_error() -> None:
    with pytest.raises(NoRegionError):
        preflight.session("", "")


@pytest.mark.parametrize(
    "region", ["Ireland", "eu-west", "eu_west_1", "https://evil.example", "xx-north-1"]
)
def test_an_invalid_region_is_refused(region: str) -> None:
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
def test_a_region_that_lacks_a_service_is_refused(region: str, partition: str) -> None:
    with pytest.raises(
        StageError, match=f"{region} is in the partition {partition}: a stage needs"
    ):
        preflight.session(region, "")


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-2", "ap-southeast-5", "il-central-1"])
def test_every_other_region_is_accepted(region: str) -> None:
    assert preflight.session(region, "").region_name == region


@pytest.mark.parametrize(
    "chosen",
    [
        {"AdminOnlySignUp": "true"},
        {"AdminOnlySignUp": "false"},
        {"SignUpDomains": "example.com"},
        {"AdminOnlySignUp": "false", "SignUpDomains": "example.com"},
    ],
)
@pytest.mark.parametrize("exists", [True, False])
def test_a_chosen_sign_up_needs_no_warning(
    chosen: dict[str, str],
    exists: bool,  # noqa: FBT001
) -> None:
    assert preflight.check_sign_up("dev", chosen, exists=exists) == ""


UNCHOSEN: list[dict[str, str]] = [{}, {"SignUpDomains": ""}, {"Versioning": "Enabled"}]
CHOICES = [
    'make deploy STAGE=dev SET="AdminOnlySignUp=true" ',
    'make deploy STAGE=dev SET="SignUpDomains=example.com" ',
    'make deploy STAGE=dev SET="AdminOnlySignUp=false" ',
]


@pytest.mark.parametrize("chosen", UNCHOSEN)
def test_a_new_stage_without_a_choice_is_refused_with_the_choices(chosen: dict[str, str]) -> None:
    with pytest.raises(StageError, match="Who may have an account in dev") as refused:
        preflight.check_sign_up("dev", chosen, exists=False)

    assert [choice for choice in CHOICES if choice not in str(refused.value)] == []


@pytest.mark.parametrize("chosen", UNCHOSEN)
def test_an_existing_stage_gets_a_warning_with_the_choices(chosen: dict[str, str]) -> None:
    output = preflight.check_sign_up("dev", chosen, exists=True)

    assert output.startswith("Everybody on the Internet may have an account in dev")
    assert [choice for choice in CHOICES if choice not in output] == []


def test_without_credentials_the_error_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(StageError, match="No AWS credentials: name them with AWS_PROFILE"):
        preflight.identity(boto3.Session(region_name=REGION))


def test_the_plan_names_account_steps_and_permissions(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # moto has no IAM simulator.
    monkeypatch.setattr(simulator, "warning", lambda *_: "")
    with mock_aws():
        preflight.report(
            boto3.Session(region_name=REGION),
            "dev",
            [Change("resources", "new")],
            {"page": "uploaded"},
            "On python3.12",
        )

    output = capsys.readouterr().out
    assert f"Stage dev in {REGION}, account 123456789012" in output
    assert f"Chalice {version('chalice')}. On python3.12\n" in output
    assert "The stack hoist-dev: new" in output
    assert "page          uploaded" in output
    assert "make permissions COMMAND=deploy STAGE=dev" in output
    assert "logs: CreateLogGroup" in output
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in output


def test_parameters_of_the_command_line() -> None:
    assert parse_parameters("ops@example.com", "Versioning=Enabled SignUpDomains=a.com,b.com") == {
        "OperationsEmail": "ops@example.com",
        "Versioning": "Enabled",
        "SignUpDomains": "a.com,b.com",
    }


@pytest.mark.parametrize("text", ["Versioning", "=Enabled", "A-B=1"])
def test_an_invalid_parameter_is_refused(text: str) -> None:
    with pytest.raises(StageError, match="is no parameter"):
        parse_parameters("", text)
