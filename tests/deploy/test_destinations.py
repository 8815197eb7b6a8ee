"""`.chalice/destinations.json`, applied to functions of moto's Lambda."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.config import Settings
from deploy.steps import destinations
from stage import stage
from stage.destinations import read
from stage.stage import Stage, StageError
from tests.deploy.names import names
from tests.support.environment import HOIST_ENVIRONMENT, REGION, RESULTS_TOPIC

FUNCTIONS = ("process_upload", "notify", "sweep")
DEAD_LETTERS = f"arn:aws:sqs:{REGION}:123456789012:hoist-test-dead-letters"


@pytest.fixture
def client() -> Iterator[Any]:
    """moto's Lambda with our functions."""
    with mock_aws():
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
        client = boto3.client("lambda", region_name=REGION)
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", "")
        for name in FUNCTIONS:
            client.create_function(
                FunctionName=f"hoist-test-{name}",
                Runtime="python3.11",
                Role=role["Role"]["Arn"],
                Handler=f"app.{name}",
                Code={"ZipFile": code.getvalue()},
            )
        yield client


@pytest.fixture
def deployed(settings: Settings) -> Stage:
    environment = {**HOIST_ENVIRONMENT, "HOIST_DEAD_LETTERS_ARN": DEAD_LETTERS}
    return Stage("test", settings, environment)


def config(client: Any, name: str) -> Any:
    return client.get_function_event_invoke_config(FunctionName=f"hoist-test-{name}")


def test_outcomes_go_to_the_declared_destinations(client: Any, deployed: Stage) -> None:
    assert names(destinations.apply(client, deployed, read())) == [*FUNCTIONS]

    processing, notify = config(client, "process_upload"), config(client, "notify")
    assert processing["DestinationConfig"]["OnSuccess"] == {"Destination": RESULTS_TOPIC}
    assert processing["DestinationConfig"]["OnFailure"] == {"Destination": RESULTS_TOPIC}
    assert notify["DestinationConfig"]["OnFailure"] == {"Destination": DEAD_LETTERS}
    for result in (processing, notify):
        assert result["MaximumRetryAttempts"] == 2
        assert result["MaximumEventAgeInSeconds"] == 21_600


def test_applying_it_again_changes_nothing(client: Any, deployed: Stage) -> None:
    destinations.apply(client, deployed, read())

    assert destinations.apply(client, deployed, read()) == []


def test_a_changed_configuration_is_replaced_completely(client: Any, deployed: Stage) -> None:
    destinations.apply(client, deployed, read())
    # moto always returns the first configuration: delete it.
    client.delete_function_event_invoke_config(FunctionName="hoist-test-notify")
    client.put_function_event_invoke_config(
        FunctionName="hoist-test-notify", MaximumRetryAttempts=1
    )

    assert names(destinations.apply(client, deployed, read())) == ["notify"]


def test_a_function_that_is_not_deployed_is_an_error_that_says_so(
    client: Any, deployed: Stage
) -> None:
    without = replace(deployed, name="other")

    with pytest.raises(StageError, match="process_upload is not deployed: run `make deploy STAGE="):
        destinations.apply(client, without, read())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ('{"f": {"on_succes": "sns:results"}}', "unknown on_succes"),
        ('{"f": {"on_success": "sns:nowhere"}}', "known are sns:results"),
    ],
)
def test_an_invalid_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "destinations.json"
    path.write_text(text)

    with pytest.raises(StageError, match=message):
        read(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with the stage `dev`, which another machine has deployed."""
    chalice = tmp_path / ".chalice"
    chalice.mkdir()
    environment = HOIST_ENVIRONMENT | {"HOIST_STAGE": "dev"}
    stages = {"dev": {"environment_variables": environment}, "new": {}}
    (chalice / "config.json").write_text(json.dumps({"stages": stages}))
    return tmp_path


def test_a_stage_is_read_from_its_configuration_only(root: Path) -> None:
    environ: dict[str, str] = {}

    entered = stage.enter("dev", root=root, environ=environ)

    assert entered.settings.table == environ["HOIST_TABLE"]
    assert entered.function("notify") == "hoist-dev-notify"
    assert entered.function("api_handler") == "hoist-dev"


@pytest.mark.parametrize(
    ("name", "message"),
    [("prod", "There is no stage prod; .chalice/config.json has dev, new"), ("new", "Stage new: ")],
)
def test_an_unknown_stage_is_an_error_with_a_remedy(root: Path, name: str, message: str) -> None:
    with pytest.raises(StageError, match=message):
        stage.enter(name, root=root, environ={})
