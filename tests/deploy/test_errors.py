"""AWS's errors for an operator: one line, a remedy, and no secret."""

import re

import pytest
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from deploy.command import run_command
from deploy.errors import explained
from stage.stage import StageError, check_name


def answered(code: str, message: str = "Told by AWS") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateStack")


TABLE: dict[str, tuple[BotoCoreError | ClientError, str]] = {
    "no credentials": (exceptions.NoCredentialsError(), "No AWS credentials"),
    "no profile": (exceptions.ProfileNotFound(profile="work"), r"No AWS credentials.*work"),
    "unknown": (answered("InvalidClientTokenId"), "AWS does not know these credentials here"),
    "expired": (answered("ExpiredToken"), "The AWS credentials have expired"),
    "forbidden": (
        answered("AccessDenied", "User: a is not authorized to perform: s3:CreateBucket"),
        "A permission is missing for CreateStack: User: a is not authorized to perform",
    ),
    "quota": (answered("LimitExceededException"), "A quota is reached .*Service Quotas"),
    "busy": (answered("Throttling"), "AWS is busy"),
    "other": (answered("ValidationError", "two\n lines"), "AWS, CreateStack: two lines"),
    "no message": (answered("Odd", ""), "AWS, CreateStack: Odd"),
    "no region": (exceptions.NoRegionError(), "Which region"),
    "wrong region": (
        exceptions.EndpointConnectionError(endpoint_url="https://sts.eu-west-9.amazonaws.com"),
        "is the region right",
    ),
}


@pytest.mark.parametrize(("error", "explanation"), TABLE.values(), ids=TABLE)
def test_an_error_says_what_to_do_in_one_line(
    error: BotoCoreError | ClientError, explanation: str
) -> None:
    text = explained(error)

    assert re.search(explanation, text)
    assert "\n" not in text


def test_a_message_about_a_signature_is_not_printed() -> None:
    error = answered("SignatureDoesNotMatch", "The Canonical String: x-amz-security-token:SECRET")

    assert "SECRET" not in explained(error)


@pytest.mark.parametrize("name", ["", "local", "Dev", "1dev", "dev_1", "d" * 25, "dév", "a b"])
def test_an_invalid_name_of_a_stage_is_refused(name: str) -> None:
    with pytest.raises(StageError):
        check_name(name)


@pytest.mark.parametrize("name", ["d", "dev", "dev-2", "d" * 24])
def test_a_valid_name_of_a_stage_is_accepted(name: str) -> None:
    check_name(name)


def test_an_interrupted_command_says_how_to_continue(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise KeyboardInterrupt

    assert run_command(work) == 130
    assert capsys.readouterr().err == "Interrupted: run the same command again to continue\n"
