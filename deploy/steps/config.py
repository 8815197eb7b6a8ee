"""A stage's part of `.chalice/config.json`: `make deploy` writes it, and Chalice reads it.

Values of an operator stay: settings in `environment_variables`, parameters of the template in
`resource_parameters`, memory sizes and timeouts of functions. The file holds no secret and belongs
into git.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalicelib.config import Settings, aws_domain, load_settings
from deploy.changes import Change, show
from deploy.steps import policies
from stage.stage import ROOT, StageError, config_path, declared, read_json

# Chalice's own defaults are too small (128 MB, 60 s).
DEFAULTS = {
    "lambda_architecture": "arm64",
    "lambda_memory_size": 512,
    "lambda_timeout": 29,  # seconds; API Gateway waits no longer
    "log_retention_in_days": 30,
}
FUNCTION_DEFAULTS = {
    # One whole processor, and the longest timeout of Lambda.
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
    "process_upload": {"lambda_memory_size": 1769, "lambda_timeout": 900},
    "notify": {"lambda_timeout": 60},
    # It repairs the uploads whose events were lost, for as long as Lambda allows.
    "sweep": {"lambda_timeout": 900},
}
# Invocations of a function that may run at once, where the account has room for all of these
# (`deploy/steps/concurrency.py`). The API's function has what remains of the account's 1,000.
RESERVED = {
    # A burst of 500 small files a second, at half a second each, needs 250: none is throttled.
    # One owner's archives, at minutes each, leave two thirds of Lambda to other owners.
    "process_upload": 300,
    # The outcomes of those files, at a fifth of a second each.
    "notify": 100,
    # As many requests at once as `.chalice/api-gateway.json` allows.
    "websocket_connect": 50,
    "websocket_message": 50,
    "websocket_disconnect": 50,
    # Two sweeps at once would do the same work.
    "sweep": 1,
}
# Parameters of the template that follow a setting, with its default.
SETTINGS = {
    "UrlLifetime": ("HOIST_URL_LIFETIME", "3600"),
    "UploadDays": ("HOIST_UPLOAD_DAYS", "7"),
    "RejectedDays": ("HOIST_REJECTED_DAYS", "7"),
    "KmsKeyArn": ("HOIST_KMS_KEY_ARN", ""),
}
# Parameters that `make deploy` computes.
DERIVED = ("Stage", "PageAddresses")
# The address before the WebSocket API exists: policies need one of the right form.
PENDING = "wss://pending.execute-api.{region}.{domain}/{stage}"
# The variables that only AWS can supply, once it has created the stage.
_FROM_AWS = (
    "AWS_REGION", "HOIST_BUCKET", "HOIST_TABLE", "HOIST_RESULTS_TOPIC_ARN",
    "HOIST_NOTIFICATIONS_TOPIC_ARN", "HOIST_USER_POOL_ARN", "HOIST_UPLOADER_ROLE_ARN",
    "HOIST_PAGE_ORIGIN", "HOIST_WEBSOCKET_URL",
)  # fmt: skip
_VARIABLE = re.compile(r"(HOIST_[A-Z0-9_]+): ")


def stage_config(
    stage: str, region: str, parameters: Mapping[str, str], *, root: Path = ROOT
) -> dict[str, Any]:
    """A stage's configuration, new or not, with the region and parameters of the command line.

    Raises StageError if the stage is in another region, or a parameter is a setting.
    """
    config = read_json(config_path(root))["stages"].get(stage, {})
    if config.get("region", region) != region:
        raise StageError(
            f"{stage} is in {config['region']}: a stage cannot move to {region};"
            " docs/operations.md describes how to move the data"
        )
    config["region"] = region
    # The metrics of the APIs differ by this name only.
    config["api_gateway_stage"] = stage
    _set_parameters(config, stage, parameters)
    for name, value in DEFAULTS.items():
        config.setdefault(name, value)
    _set_functions(config, stage, root)
    environment = config.setdefault("environment_variables", {})
    environment["HOIST_STAGE"] = stage
    pending = PENDING.format(region=region, domain=aws_domain(region), stage=stage)
    environment.setdefault("HOIST_WEBSOCKET_URL", pending)
    tracing = environment.get("HOIST_XRAY", "")
    if tracing not in ("", "true", "false"):
        raise StageError(f"HOIST_XRAY of {stage} is true or false, not {tracing!r}")
    config["xray"] = tracing == "true"
    return dict(config)


def _set_parameters(config: dict[str, Any], stage: str, parameters: Mapping[str, str]) -> None:
    chosen = config.setdefault("resource_parameters", {})
    chosen.update(parameters)
    if "RejectedDays" in chosen:
        # An earlier version had it as a parameter only; the functions need it as a setting.
        variables = config.setdefault("environment_variables", {})
        variables["HOIST_REJECTED_DAYS"] = chosen.pop("RejectedDays")
    for name in chosen:
        if name in SETTINGS:
            raise StageError(
                f"{name} is {SETTINGS[name][0]}: set that in environment_variables of {stage}"
            )
        if name in DERIVED:
            raise StageError(f"{name} is computed by make deploy: leave it out")


def _set_functions(config: dict[str, Any], stage: str, root: Path) -> None:
    functions = config.setdefault("lambda_functions", {})
    for name in policies.templates(root):
        function = functions.setdefault(name, {})
        for setting, value in FUNCTION_DEFAULTS.get(name, {}).items():
            function.setdefault(setting, value)
        function["iam_policy_file"] = policies.policy_file(stage, name)


def planned_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of a stage, deployed or not; raises SettingsError as its functions would."""
    return load_settings({**dict.fromkeys(_FROM_AWS, "pending"), **environ})


def recorded_region(stage: str, *, root: Path = ROOT) -> str:
    """The region of a stage; empty if the stage is new."""
    return str(read_json(config_path(root))["stages"].get(stage, {}).get("region", ""))


def parameters(stage: str, config: Mapping[str, Any], addresses: list[str]) -> dict[str, str]:
    """The parameters of the template, from a stage's configuration."""
    environment = config["environment_variables"]
    return {
        **{name: str(value) for name, value in config["resource_parameters"].items()},
        **{
            name: str(environment.get(variable) or default)
            for name, (variable, default) in SETTINGS.items()
        },
        "Stage": stage,
        "PageAddresses": " ".join(addresses),
    }


def variables(outputs: list[Mapping[str, str]]) -> dict[str, str]:
    """The variables of the functions' environment in a stack's outputs, by their names."""
    matches = ((_VARIABLE.match(each.get("Description", "")), each) for each in outputs)
    return {match[1]: each["OutputValue"] for match, each in matches if match}


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = ""
) -> list[Change]:
    """The values that differ between two configurations, by their names in dots."""
    changes = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) or isinstance(new, dict):
            changes += differences(old or {}, new or {}, f"{prefix}{key}.")
        elif old != new:
            name = f"{prefix}{key}".removeprefix("environment_variables.")
            changes.append(Change("environment", name, _text(old), _text(new)))
    return changes


def write(
    stage: str, config: Mapping[str, Any], *, root: Path = ROOT, result: str = "recorded"
) -> list[Change]:
    """Write a stage's configuration where it differs; returns the changes. Safe to repeat."""
    document = read_json(config_path(root))
    changes = differences(document["stages"].get(stage, {}), config)
    if changes:
        document["stages"][stage] = config
        path = config_path(root)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    for change in changes:
        show(change.name, result)
    if not changes:
        show("config.json", "as before")
    return changes


def forget(stage: str, *, root: Path = ROOT) -> list[Change]:
    """Remove the variables that AWS supplied; the values of an operator stay."""
    config = declared(stage, root=root)
    template = (root / ".chalice" / "resources.yaml").read_text(encoding="utf-8")
    from_aws = {"HOIST_WEBSOCKET_URL", *_VARIABLE.findall(template)}
    environment = config.get("environment_variables", {})
    config["environment_variables"] = {
        name: value for name, value in environment.items() if name not in from_aws
    }
    return write(stage, config, root=root, result="removed")


def _text(value: object) -> str:
    return "" if value is None else str(value)
