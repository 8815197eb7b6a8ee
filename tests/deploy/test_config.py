"""A stage's part of config.json: values that `make deploy` writes, keeps and refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.cost import consumption
from deploy.steps import config, policies
from stage.stage import ROOT, StageError

ADDRESSES = ["https://a.execute-api.eu-west-1.amazonaws.com"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with only the local stage."""
    chalice = tmp_path / ".chalice"
    (chalice / "policies").mkdir(parents=True)
    for name in (
        "config.json",
        "resources.yaml",
        *(f"policies/{n}.json" for n in policies.templates()),
    ):
        (chalice / name).write_bytes((ROOT / ".chalice" / name).read_bytes())
    text = json.loads((chalice / "config.json").read_text())
    text["stages"] = {"local": text["stages"]["local"]}
    (chalice / "config.json").write_text(json.dumps(text))
    return tmp_path


def stages(root: Path) -> Any:
    return json.loads((root / ".chalice" / "config.json").read_text())["stages"]


def change(root: Path, **members: Any) -> None:
    """Write values of an operator into the stage dev."""
    path = root / ".chalice" / "config.json"
    text = json.loads(path.read_text())
    text["stages"].setdefault("dev", {}).update(members)
    path.write_text(json.dumps(text))


def test_a_new_stage_has_every_value_that_chalice_needs(root: Path) -> None:
    config.write("dev", config.stage_config("dev", "eu-west-1", {}, root=root), root=root)

    dev = stages(root)["dev"]
    assert dev["region"] == "eu-west-1"
    assert dev["environment_variables"]["HOIST_STAGE"] == "dev"
    assert policies.unused("dev", dev, root=root) == []
    assert dev["lambda_functions"]["process_upload"]["lambda_timeout"] == 900
    assert dev["api_gateway_stage"] == "dev"
    assert stages(root)["local"]["api_gateway_stage"] == "api"


def test_writing_it_again_changes_nothing(root: Path) -> None:
    config.write("dev", config.stage_config("dev", "eu-west-1", {}, root=root), root=root)
    before = (root / ".chalice" / "config.json").read_bytes()

    assert (
        config.write("dev", config.stage_config("dev", "eu-west-1", {}, root=root), root=root) == []
    )
    assert (root / ".chalice" / "config.json").read_bytes() == before


def test_values_of_an_operator_stay(root: Path) -> None:
    change(
        root,
        environment_variables={"HOIST_MAX_SIZE": "5", "HOIST_XRAY": "true"},
        lambda_memory_size=2048,
        lambda_functions={"process_upload": {"lambda_timeout": 60, "reserved_concurrency": 5}},
        resource_parameters={"Versioning": "Enabled"},
    )

    dev_config = config.stage_config(
        "dev", "eu-west-1", {"OperationsEmail": "ops@example.com"}, root=root
    )

    assert dev_config["environment_variables"]["HOIST_MAX_SIZE"] == "5"
    assert dev_config["lambda_memory_size"] == 2048
    assert dev_config["lambda_functions"]["process_upload"]["lambda_timeout"] == 60
    assert dev_config["lambda_functions"]["process_upload"]["reserved_concurrency"] == 5
    assert dev_config["resource_parameters"] == {
        "Versioning": "Enabled",
        "OperationsEmail": "ops@example.com",
    }
    assert dev_config["xray"] is True


def test_parameters_follow_the_settings(root: Path) -> None:
    change(root, environment_variables={"HOIST_URL_LIFETIME": "900"})
    dev_config = config.stage_config("dev", "eu-west-1", {"Versioning": "Enabled"}, root=root)

    assert config.parameters("dev", dev_config, ADDRESSES) == {
        "Versioning": "Enabled",
        "UrlLifetime": "900",
        "UploadDays": "7",
        "RejectedDays": "7",
        "KmsKeyArn": "",
        "Stage": "dev",
        "PageAddresses": ADDRESSES[0],
    }


def test_a_parameter_of_an_earlier_version_becomes_a_setting(root: Path) -> None:
    change(root, resource_parameters={"RejectedDays": "30"})

    dev_config = config.stage_config("dev", "eu-west-1", {}, root=root)

    assert dev_config["resource_parameters"] == {}
    assert dev_config["environment_variables"]["HOIST_REJECTED_DAYS"] == "30"
    assert config.parameters("dev", dev_config, ADDRESSES)["RejectedDays"] == "30"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("UrlLifetime", "UrlLifetime is HOIST_URL_LIFETIME"),
        ("KmsKeyArn", "KmsKeyArn is HOIST_KMS_KEY_ARN"),
        ("Stage", "Stage is computed by make deploy"),
        ("PageAddresses", "PageAddresses is computed by make deploy"),
    ],
)
def test_a_parameter_that_is_no_choice_is_refused(root: Path, name: str, message: str) -> None:
    with pytest.raises(StageError, match=message):
        config.stage_config("dev", "eu-west-1", {name: "1"}, root=root)


def test_a_stage_cannot_move_to_another_region(root: Path) -> None:
    change(root, region="eu-west-1")

    with pytest.raises(StageError, match="dev is in eu-west-1: a stage cannot move to us-east-1"):
        config.stage_config("dev", "us-east-1", {}, root=root)


def test_outputs_are_stored_in_the_variable_that_they_name() -> None:
    outputs = [
        {"OutputKey": "Bucket", "OutputValue": "b", "Description": "HOIST_BUCKET: the bucket"},
        {"OutputKey": "Region", "OutputValue": "r", "Description": "The region"},
        {"OutputKey": "Bare", "OutputValue": "x"},
    ]

    assert config.variables(outputs) == {"HOIST_BUCKET": "b"}  # type: ignore[arg-type]


def test_forgetting_a_stage_keeps_the_values_of_an_operator(root: Path) -> None:
    change(
        root,
        region="eu-west-1",
        environment_variables={
            "HOIST_STAGE": "dev",
            "HOIST_BUCKET": "b",
            "HOIST_WEBSOCKET_URL": "wss://…",
            "HOIST_MAX_SIZE": "5",
        },
        resource_parameters={"Versioning": "Enabled"},
    )

    config.forget("dev", root=root)

    dev = stages(root)["dev"]
    assert dev["environment_variables"] == {"HOIST_STAGE": "dev", "HOIST_MAX_SIZE": "5"}
    assert dev["resource_parameters"] == {"Versioning": "Enabled"}


def test_the_cost_model_uses_the_sizes_of_a_new_stage() -> None:
    memory = config.DEFAULTS["lambda_memory_size"]
    processing = config.FUNCTION_DEFAULTS["process_upload"]

    assert memory == consumption.API_MEMORY * 1024
    assert processing["lambda_memory_size"] == consumption.PROCESS_MEMORY * 1024
    assert processing["lambda_timeout"] == consumption.PROCESS_TIMEOUT


def test_tracing_is_on_or_off(root: Path) -> None:
    change(root, environment_variables={"HOIST_XRAY": "yes"})

    with pytest.raises(StageError, match="HOIST_XRAY of dev is true or false, not 'yes'"):
        config.stage_config("dev", "eu-west-1", {}, root=root)


def test_a_config_that_is_no_json_is_an_error_with_its_path(root: Path) -> None:
    (root / ".chalice" / "config.json").write_text("{")

    with pytest.raises(StageError, match=r"config\.json cannot be read"):
        config.stage_config("dev", "eu-west-1", {}, root=root)
