"""The requirements of SnapStart, checked before a deployment, and the cost of a snapshot."""

import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session
from cfnlint.rules.resources.lmbd.SnapStartSupported import SnapStartSupported
from moto import mock_aws

from deploy.preflight import snapshot
from stage.stage import StageError
from tests.support.environment import REGION

ROOT = Path(__file__).parents[2]


class Lambda:
    """A client of Lambda with one function or none; it records its calls."""

    class exceptions:  # noqa: N801 - botocore's name
        class ResourceNotFoundException(Exception):
            pass

    def __init__(self, function: dict[str, Any] | None = None, *qualifiers: str) -> None:
        self._function, self._qualifiers = function, qualifiers
        self.calls: list[str] = []

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803
        self.calls.append(FunctionName)
        if self._function is None:
            raise self.exceptions.ResourceNotFoundException
        return self._function

    def list_provisioned_concurrency_configs(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803
        self.calls.append(FunctionName)
        arn = f"arn:aws:lambda:{REGION}:123456789012:function:{FunctionName}"
        configs = [{"FunctionArn": f"{arn}:{qualifier}"} for qualifier in self._qualifiers]
        return {"ProvisionedConcurrencyConfigs": configs}


def stage(**settings: Any) -> dict[str, Any]:
    return {
        "snap_start": True,
        "region": REGION,
        "lambda_memory_size": 512,
        "lambda_functions": {"process_upload": {"lambda_memory_size": 1769}},
        **settings,
    }


def check(config: dict[str, Any], client: Any = None, *, python: tuple[int, int] = (3, 12)) -> str:
    return snapshot.check(client or Lambda(), "dev", config, python)


@pytest.mark.parametrize("config", [stage(snap_start=False), {"region": "ap-east-2"}])
def test_a_stage_without_snap_start_makes_no_call(config: dict[str, Any]) -> None:
    client = Lambda({"EphemeralStorage": {"Size": 10_240}})

    assert check(config, client, python=(3, 11)) == ""
    assert client.calls == []


@pytest.mark.parametrize("value", ["true", "false", "", "yes", 0, 1, None, [], {}])
def test_a_value_that_is_neither_true_nor_false_is_refused(value: Any) -> None:
    with pytest.raises(StageError, match=r"snap_start of dev .* is true or false, not "):
        check(stage(snap_start=value))


@pytest.mark.parametrize("snap_start", [True, False])
@pytest.mark.parametrize("function", ["api_handler", "process_upload"])
def test_snap_start_of_one_function_is_refused(
    function: str,
    snap_start: bool,  # noqa: FBT001
) -> None:
    config = stage(snap_start=snap_start, lambda_functions={function: {"snap_start": True}})

    with pytest.raises(StageError, match=f"snap_start of {function} has no effect"):
        check(config)


@pytest.mark.parametrize("python", [(3, 12), (3, 13), (3, 14)])
def test_a_python_from_3_12_on_is_accepted(python: tuple[int, int]) -> None:
    assert check(stage(), python=python).startswith("SnapStart is on")


def test_an_older_python_is_refused_with_the_command_for_a_newer_one() -> None:
    with pytest.raises(StageError, match=r"needs Python 3\.12 or later, not 3\.11: .*PYTHON=pyth"):
        check(stage(), python=(3, 11))


@pytest.mark.parametrize("region", snapshot.REGIONS_WITHOUT)
def test_a_region_without_snap_start_is_refused(region: str) -> None:
    with pytest.raises(StageError, match=f"AWS has no SnapStart in {region}, Asia Pacific"):
        check(stage(region=region))


def test_cfn_lint_knows_the_same_regions_without_it() -> None:
    """A new release of cfn-lint shows when AWS has SnapStart there."""
    assert snapshot.REGIONS_WITHOUT.keys() & {*SnapStartSupported().regions} == set()


@pytest.mark.parametrize("region", sorted(SnapStartSupported().regions))
def test_every_region_with_snap_start_is_accepted(region: str) -> None:
    assert check(stage(region=region)).startswith("SnapStart is on")


def test_the_regions_without_it_are_regions() -> None:
    regions_of_aws = get_session().get_available_regions("lambda", "aws")

    assert snapshot.REGIONS_WITHOUT.keys() <= {*regions_of_aws}


@pytest.mark.parametrize(
    "function", [{}, {"EphemeralStorage": {"Size": 512}, "FileSystemConfigs": []}]
)
def test_a_function_as_chalice_creates_it_is_accepted(function: dict[str, Any]) -> None:
    client = Lambda(function)

    assert check(stage(), client).startswith("SnapStart is on")
    assert client.calls == ["hoist-dev", "hoist-dev"]


def test_a_function_that_is_not_deployed_yet_is_accepted() -> None:
    with mock_aws():
        client: Any = boto3.client("lambda", region_name=REGION)

        assert check(stage(), client).startswith("SnapStart is on")


def test_more_than_512_mb_of_ephemeral_storage_are_refused() -> None:
    with pytest.raises(
        StageError,
        match=r"hoist-dev has 513 MB: aws lambda update-function-configuration --function-name"
        rf" hoist-dev --region {REGION} --ephemeral-storage Size=512, or take .snap_start",
    ):
        check(stage(), Lambda({"EphemeralStorage": {"Size": 513}}))


def test_a_file_system_is_refused() -> None:
    with pytest.raises(StageError, match=r"hoist-dev has one: .* --file-system-configs '\[\]', or"):
        check(stage(), Lambda({"FileSystemConfigs": [{"Arn": "arn", "LocalMountPath": "/mnt/x"}]}))


def test_provisioned_concurrency_is_refused() -> None:
    with pytest.raises(
        StageError,
        match=r"hoist-dev:live has it: aws lambda delete-provisioned-concurrency-config"
        rf" --function-name hoist-dev --region {REGION} --qualifier live, or take",
    ):
        check(stage(), Lambda({}, "live"))


def test_a_missing_permission_is_reported_before_the_deployment() -> None:
    class Forbidden(Lambda):
        def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803
            raise ClientError({"Error": {"Code": "AccessDenied"}}, f"GetFunction {FunctionName}")

    with pytest.raises(ClientError):
        check(stage(), Forbidden())


@pytest.mark.parametrize(
    ("config", "cost"),
    [
        # 0.5 GB * 2,592,000 s * $0.0000015046; 0.5 GB * 1,000 * $0.0001397998.
        (stage(), r"\(512 MB\) with about \$1\.95 a month, \$0\.07 for 1,000 starts"),
        (stage(lambda_memory_size=1024), r"\(1024 MB\) with about \$3\.90 a month, \$0\.14 for"),
        (
            stage(lambda_functions={"api_handler": {"lambda_memory_size": 2048}}),
            r"\(2048 MB\) with about \$7\.80 a month, \$0\.28 for",
        ),
    ],
)
def test_the_plan_names_the_cost(config: dict[str, Any], cost: str) -> None:
    assert re.search(cost, check(config))


def test_operations_names_the_regions_and_the_cost() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

    for region, name in snapshot.REGIONS_WITHOUT.items():
        assert f"{name}, `{region}`" in text
    assert f"about {snapshot.CACHED.of(512 * 30 * 86_400):.0f} USD a month" in text
    assert f"{1000 * snapshot.RESTORED.of(512):.2f} USD for 1,000 starts" in text
