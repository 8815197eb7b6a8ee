"""Functions, their permissions and their logs, compared with `.chalice/config.json`.

IAM: lambda:GetFunction, iam:GetRolePolicy, logs:DescribeLogGroups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from deploy.changes import Change
from deploy.drift.deployed_stage import DeployedStage
from deploy.errors import answer
from deploy.steps import policies
from deploy.steps.functions import configuration_differences
from stage.names import function_name, log_group, role_name

# https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
_REMEDIES = {
    "Pending": "Lambda is creating it: look again in a minute",
    "Failed": "delete it, then deploy: Lambda cannot repair it",
}


def configurations(stage: DeployedStage) -> Iterator[Change]:
    """Each function exists, with the declared settings."""
    yield from states(stage)
    for name in stage.names():
        function = function_name(stage.name, name)
        response = stage.function(name)
        if response is None:
            yield Change("application", f"{function} is missing")
            continue
        current = response["Configuration"]
        for setting, actual, expected in _settings(stage, name, response):
            yield Change("application", f"{function}: {setting}", actual, expected)
        for change in configuration_differences(stage.name, name, current):
            yield replace(change, name=f"{function}: {change.name}")
        snap_start = "PublishedVersions" if stage.has_snap_start else "None"
        if name == "api_handler" and snap_start != (
            actual := current.get("SnapStart", {}).get("ApplyOn", "None")
        ):
            yield Change("functions", f"{function}: SnapStart", actual, snap_start)
        variables = current.get("Environment", {}).get("Variables", {})
        declared = stage.declared(name).environment_variables
        names = sorted(
            each for each in variables | declared if variables.get(each) != declared.get(each)
        )
        if names:
            yield Change("application", f"{function}: {', '.join(names)}")


def states(stage: DeployedStage) -> Iterator[Change]:
    """Lambda can run each function that exists."""
    for name in stage.names():
        response = stage.function(name)
        current = response["Configuration"] if response else {}
        # A function that is older than Lambda's states has none.
        state = current.get("State", "Active")
        if state != "Active":
            reason = current.get("StateReason") or "no reason given"
            text = f"{function_name(stage.name, name)} is {state} ({reason})"
            yield Change("application", f"{text}: {_REMEDIES.get(state, 'deploy')}")


def permissions(stage: DeployedStage) -> Iterator[Change]:
    """The role of each function has exactly the declared policy."""
    iam = stage.client("iam")
    environment = stage.declared("api_handler").environment_variables
    for name, template in policies.templates().items():
        role = role_name(stage.name, name)
        response = answer(iam.get_role_policy, "NoSuchEntity", RoleName=role, PolicyName=role)
        declared = policies.render(template, stage.name, environment)
        if response is None or response["PolicyDocument"] != declared:
            yield Change("policies", role)


def log_groups(stage: DeployedStage) -> Iterator[Change]:
    """The log group of each function exists, with the declared retention."""
    pages = (
        stage.client("logs")
        .get_paginator("describe_log_groups")
        .paginate(logGroupNamePrefix=log_group(function_name(stage.name, "api_handler")))
    )
    retention = {
        each["logGroupName"]: each.get("retentionInDays")
        for page in pages
        for each in page["logGroups"]
    }
    for name in stage.names():
        days = stage.declared(name).log_retention_in_days
        group = log_group(function_name(stage.name, name))
        # Chalice sets the retention of all logs except the API's (deploy/steps/functions.py).
        step = "functions" if name == "api_handler" else "application"
        if days is not None and group not in retention:
            yield Change(step, f"{group} is missing")
        elif days is not None and retention[group] != days:
            yield Change(
                step, f"{group} keeps lines for {retention[group] or 'ever'}, not {days} days"
            )


def _settings(stage: DeployedStage, name: str, response: Any) -> Iterator[tuple[str, str, str]]:
    """The settings of Chalice that differ: name, value in AWS, declared value."""
    declared, current = stage.declared(name), response["Configuration"]
    concurrency = response.get("Concurrency", {}).get("ReservedConcurrentExecutions")
    layers = [each["Arn"] for each in current.get("Layers", [])]
    subnets = current.get("VpcConfig", {}).get("SubnetIds", [])
    role = current.get("Role", "").rpartition("/")[2]
    settings: tuple[tuple[str, object, object], ...] = (
        ("runtime", current.get("Runtime"), declared.lambda_python_version),
        ("memory (MB)", current.get("MemorySize"), declared.lambda_memory_size),
        ("timeout (s)", current.get("Timeout"), declared.lambda_timeout),
        ("architecture", _list(current.get("Architectures")), declared.lambda_architecture),
        ("role", role, role_name(stage.name, name)),
        ("reserved concurrency", concurrency, declared.reserved_concurrency),
        ("VPC", _list(subnets), _list(declared.subnet_ids)),
        ("layers", _list(layers), _list(declared.layers)),
    )
    for setting, actual, expected in settings:
        if actual != expected:
            yield setting, _text(actual), _text(expected)


def _list(values: Sequence[str] | None) -> str:
    return ", ".join(values or [])


def _text(value: object) -> str:
    return "none" if value in (None, "") else str(value)
