"""Checks the requirements of SnapStart before a deployment, and computes what a snapshot costs.

`deploy/steps/snap_start.py` switches SnapStart on, after `chalice deploy`.
IAM, with SnapStart: lambda:GetFunctionConfiguration, lambda:ListProvisionedConcurrencyConfigs.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from deploy.cost.bill import DAYS_OF_A_MONTH
from deploy.cost.prices import Price
from deploy.preflight import runtime
from stage.names import function_name
from stage.stage import StageError

SETTING = "snap_start"
# Chalice's name of the API's function, the only one with SnapStart.
_FUNCTION = "api_handler"
LEAST: runtime.Python = (3, 12)
# The commercial regions without SnapStart.
REGIONS_WITHOUT = {
    "ap-southeast-6": "Asia Pacific (New Zealand)",
    "ap-east-2": "Asia Pacific (Taipei)",
}
MAX_EPHEMERAL_STORAGE = 512  # MB
_PAGE = "https://aws.amazon.com/lambda/pricing/#SnapStart_Pricing"
# AWS's list prices of us-east-1, a GB being 1,024 MB of the function's memory.
CACHED = Price(0.0000015046, 1024, "MB-seconds of a snapshot", _PAGE)
RESTORED = Price(0.0001397998, 1024, "MB restored from a snapshot", _PAGE)
_DAY = 86_400  # seconds


def is_enabled(stage: str, config: Mapping[str, Any]) -> bool:
    """Whether a stage's configuration enables SnapStart.

    Raises StageError for a value that is neither true nor false, and for the setting of one
    function.
    """
    for function, own in config.get("lambda_functions", {}).items():
        if SETTING in own:
            raise StageError(
                f"{SETTING} of {function} has no effect: SnapStart is for the API's function only."
                f" Write it into the stage {stage} in .chalice/config.json, not into"
                " lambda_functions"
            )
    value = config.get(SETTING, False)
    if not isinstance(value, bool):
        raise StageError(
            f"{SETTING} of {stage} in .chalice/config.json is true or false, not {value!r}"
        )
    return value


def check(
    client: Any,
    stage: str,
    config: Mapping[str, Any],
    python: runtime.Python = sys.version_info[:2],
) -> str:
    """A line about the cost of the snapshot; empty without SnapStart. `client` is Lambda's.

    Raises StageError if AWS would refuse SnapStart: because of the Python, the region, or a setting
    that somebody gave the function by hand, as Chalice sets none of those.
    """
    if not is_enabled(stage, config):
        return ""
    otherwise = f'or take "{SETTING}": true out of the stage {stage} in .chalice/config.json'
    if python < LEAST:
        raise StageError(
            f"SnapStart needs Python {LEAST[0]}.{LEAST[1]} or later, not {python[0]}.{python[1]}:"
            f" {runtime.install_command(LEAST)}, {otherwise}"
        )
    if name := REGIONS_WITHOUT.get(config["region"], ""):
        raise StageError(
            f"AWS has no SnapStart in {config['region']}, {name}:"
            f" deploy into another region, {otherwise}"
        )
    _check_function(client, function_name(stage, _FUNCTION), config["region"], otherwise)
    return _cost(config)


def _check_function(client: Any, function: str, region: str, otherwise: str) -> None:
    """Refuse the settings of a deployed function that SnapStart does not support."""
    try:
        current = client.get_function_configuration(FunctionName=function)
    except client.exceptions.ResourceNotFoundException:
        return
    target = f"--function-name {function} --region {region}"
    update = f"aws lambda update-function-configuration {target}"
    size = current.get("EphemeralStorage", {}).get("Size", MAX_EPHEMERAL_STORAGE)
    if size > MAX_EPHEMERAL_STORAGE:
        raise StageError(
            f"SnapStart takes {MAX_EPHEMERAL_STORAGE} MB of ephemeral storage, and {function} has"
            f" {size} MB: {update} --ephemeral-storage Size={MAX_EPHEMERAL_STORAGE}, {otherwise}"
        )
    if current.get("FileSystemConfigs"):
        raise StageError(
            f"SnapStart takes no file system, and {function} has one:"
            f" {update} --file-system-configs '[]', {otherwise}"
        )
    provisioned = client.list_provisioned_concurrency_configs(FunctionName=function)
    for each in provisioned["ProvisionedConcurrencyConfigs"]:
        qualifier = each["FunctionArn"].rpartition(":")[2]
        raise StageError(
            f"SnapStart takes no provisioned concurrency, and {function}:{qualifier} has it:"
            f" aws lambda delete-provisioned-concurrency-config {target} --qualifier {qualifier},"
            f" {otherwise}"
        )


def _cost(config: Mapping[str, Any]) -> str:
    own = config.get("lambda_functions", {}).get(_FUNCTION, {})
    memory = int(own.get("lambda_memory_size", config["lambda_memory_size"]))
    month = CACHED.of(memory * DAYS_OF_A_MONTH * _DAY)
    return (
        f"SnapStart is on: AWS bills the snapshot of the API's function ({memory} MB) with about"
        f" ${month:.2f} a month, ${1000 * RESTORED.of(memory):.2f} for 1,000 starts from it, and"
        " three hours at least for each version (list prices of us-east-1)"
    )
