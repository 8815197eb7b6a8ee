"""A stage's part of `.chalice/config.json`, which Chalice reads: what `make deploy` writes there.

What an operator wrote is kept: settings in `environment_variables`, parameters of the template in
`resource_parameters`, sizes and times of functions. Holds no secret; made to be committed.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalicelib.config import Settings, aws_domain, load_settings
from deploy.steps import policies
from stage.stage import ROOT, StageError, config_path, declared, read_json

# Of the page and of uploads: what Chalice would choose is too little (128 MB, 60 s).
DEFAULTS = {
    "lambda_architecture": "arm64",
    "lambda_memory_size": 512,
    "lambda_timeout": 29,  # seconds: API Gateway waits no longer
    "log_retention_in_days": 30,
}
FUNCTION_DEFAULTS = {
    # One whole processor; as long as Lambda lets it.
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
    "process_upload": {"lambda_memory_size": 1769, "lambda_timeout": 900},
    "notify": {"lambda_timeout": 60},
    # Scheduled: it repairs what events lost, for as long as Lambda lets it.
    "sweep": {"lambda_timeout": 900},
}
# Invocations of a function that may run at once, where the account has room for all of these
# (`deploy/steps/concurrency.py`). The API's function has what remains of the account's 1,000.
RESERVED = {
    # A burst of 500 small files a second, at half a second each, keeps 250 at work: none of them
    # is throttled. One owner's archives, at minutes each, leave two thirds of Lambda to others.
    "process_upload": 300,
    # The outcomes of those files, at a fifth of a second each.
    "notify": 100,
    # As many as `.chalice/api-gateway.json` lets through at once.
    "websocket_connect": 50,
    "websocket_message": 50,
    "websocket_disconnect": 50,
    # Two sweeps at once would do the same work.
    "sweep": 1,
}
# Parameters of the template that say what a setting says; one place for both.
SETTINGS = {
    "UrlLifetime": ("HOIST_URL_LIFETIME", "3600"),
    "UploadDays": ("HOIST_UPLOAD_DAYS", "7"),
    "RejectedDays": ("HOIST_REJECTED_DAYS", "7"),
    "KmsKeyArn": ("HOIST_KMS_KEY_ARN", ""),
}
# Parameters that nobody chooses.
DERIVED = ("Stage", "PageAddresses")
# Until the WebSocket API is there; its policy and its pages need an address of the right form.
PENDING = "wss://pending.execute-api.{region}.{domain}/{stage}"
# What the settings need beside what an operator chose, and only AWS can tell.
_TOLD_LATER = (
    "AWS_REGION", "HOIST_BUCKET", "HOIST_TABLE", "HOIST_RESULTS_TOPIC_ARN",
    "HOIST_NOTIFICATIONS_TOPIC_ARN", "HOIST_USER_POOL_ARN", "HOIST_UPLOADER_ROLE_ARN",
    "HOIST_PAGE_ORIGIN", "HOIST_WEBSOCKET_URL",
)  # fmt: skip
_VARIABLE = re.compile(r"(HOIST_[A-Z0-9_]+): ")


def begin(
    stage: str, region: str, parameters: Mapping[str, str], *, root: Path = ROOT
) -> dict[str, Any]:
    """A stage as it is or is to be, with the region and the parameters of the command line.

    Raises StageError for another region than it is in, and for a parameter that is a setting.
    """
    config = read_json(config_path(root))["stages"].get(stage, {})
    if config.get("region", region) != region:
        raise StageError(
            f"{stage} is in {config['region']}: a stage cannot move to {region};"
            " docs/operations.md tells how to go there"
        )
    config["region"] = region
    chosen = config.setdefault("resource_parameters", {})
    chosen.update(parameters)
    if "RejectedDays" in chosen:
        # It was a parameter alone, until the functions had to know it too.
        variables = config.setdefault("environment_variables", {})
        variables["HOIST_REJECTED_DAYS"] = chosen.pop("RejectedDays")
    for name in chosen:
        if name in SETTINGS:
            raise StageError(
                f"{name} is {SETTINGS[name][0]}: set that in environment_variables of {stage}"
            )
        if name in DERIVED:
            raise StageError(f"{name} is known by itself: leave it out")
    # The API's metrics are told apart by this name alone.
    config["api_gateway_stage"] = stage
    for name, value in DEFAULTS.items():
        config.setdefault(name, value)
    functions = config.setdefault("lambda_functions", {})
    for function in policies.templates(root):
        chosen = functions.setdefault(function, {})
        for name, value in FUNCTION_DEFAULTS.get(function, {}).items():
            chosen.setdefault(name, value)
        chosen["iam_policy_file"] = policies.policy_file(stage, function)
    environment = config.setdefault("environment_variables", {})
    environment["HOIST_STAGE"] = stage
    pending = PENDING.format(region=region, domain=aws_domain(region), stage=stage)
    environment.setdefault("HOIST_WEBSOCKET_URL", pending)
    tracing = environment.get("HOIST_XRAY", "")
    if tracing not in ("", "true", "false"):
        raise StageError(f"HOIST_XRAY of {stage} is true or false, not {tracing!r}")
    config["xray"] = tracing == "true"
    return dict(config)


def planned_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of a stage that need not be deployed; raises SettingsError as a stage would."""
    return load_settings({**dict.fromkeys(_TOLD_LATER, "pending"), **environ})


def recorded_region(stage: str, *, root: Path = ROOT) -> str:
    """The region that a stage is in; nothing where it is new."""
    return str(read_json(config_path(root))["stages"].get(stage, {}).get("region", ""))


def parameters(stage: str, config: Mapping[str, Any], addresses: list[str]) -> dict[str, str]:
    """The parameters of the template, as a stage's configuration has them."""
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
    """The variables of the functions' environment that a stack's outputs tell, by their names."""
    named = ((_VARIABLE.match(found.get("Description", "")), found) for found in outputs)
    return {match[1]: found["OutputValue"] for match, found in named if match}


def write(
    stage: str, config: Mapping[str, Any], *, root: Path = ROOT, done: str = "recorded"
) -> list[str]:
    """Write a stage where it differs; returns what was changed. Safe to repeat."""
    whole = read_json(config_path(root))
    changed = _changed(whole["stages"].get(stage, {}), config)
    if changed:
        whole["stages"][stage] = config
        path = config_path(root)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    for name in changed:
        print(f"  {name:<32} {done}")
    if not changed:
        print("  config.json as before")
    return changed


def forget(stage: str, *, root: Path = ROOT) -> list[str]:
    """Take out of a stage what only AWS could tell; what an operator chose is kept."""
    config = declared(stage, root=root)
    template = (root / ".chalice" / "resources.yaml").read_text(encoding="utf-8")
    told = {"HOIST_WEBSOCKET_URL", *_VARIABLE.findall(template)}
    environment = config.get("environment_variables", {})
    config["environment_variables"] = {
        name: value for name, value in environment.items() if name not in told
    }
    return write(stage, config, root=root, done="forgotten")


def _changed(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The names of what differs, in dots."""
    names = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) or isinstance(new, dict):
            names += _changed(old or {}, new or {}, f"{prefix}{name}.")
        elif old != new:
            names.append(f"{prefix}{name}".removeprefix("environment_variables."))
    return names
