"""Functions, their rights and their logs, compared with `.chalice/config.json` and the policies.

IAM: lambda:GetFunction, iam:GetRolePolicy, logs:DescribeLogGroups.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deploy import policies
from deploy.drift.deployed_stage import DeployedStage, Drift
from deploy.errors import answer
from deploy.functions import configuration_differences
from deploy.names import function_name, log_group, role_name

# https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
_REMEDIES = {
    "Pending": "Lambda is making it: look again in a minute",
    "Failed": "delete it, then deploy: Lambda cannot mend it",
}


def configurations(stage: DeployedStage) -> Iterator[Drift]:
    """Each function is there, and is set as it is declared."""
    yield from states(stage)
    for name in stage.names():
        function = function_name(stage.name, name)
        response = stage.function(name)
        if response is None:
            yield Drift("application", f"{function} is missing")
            continue
        current = response["Configuration"]
        for setting, actual, expected in _settings(stage, name, response):
            yield Drift("application", f"{function}: {setting} is {actual}, not {expected}")
        for setting in configuration_differences(stage.name, name, current):
            yield Drift("functions", f"{function}: {setting} is not as declared")
        if name == "api_handler" and (expected := _snap_start(stage)) != (
            actual := current.get("SnapStart", {}).get("ApplyOn", "None")
        ):
            yield Drift("functions", f"{function}: SnapStart is {actual}, not {expected}")
        variables = current.get("Environment", {}).get("Variables", {})
        declared = stage.declared(name).environment_variables
        names = sorted(
            each for each in variables | declared if variables.get(each) != declared.get(each)
        )
        if names:
            yield Drift("application", f"{function}: {', '.join(names)}")


def states(stage: DeployedStage) -> Iterator[Drift]:
    """Lambda runs each function that is there."""
    for name in stage.names():
        response = stage.function(name)
        current = response["Configuration"] if response else {}
        # Functions of before Lambda had states have none.
        state = current.get("State", "Active")
        if state != "Active":
            reason = current.get("StateReason") or "no reason given"
            text = f"{function_name(stage.name, name)} is {state} ({reason})"
            yield Drift("application", f"{text}: {_REMEDIES.get(state, 'deploy')}")


def rights(stage: DeployedStage) -> Iterator[Drift]:
    """The role of each function has its policy and no other text in it."""
    iam = stage.client("iam")
    environment = stage.declared("api_handler").environment_variables
    for name, template in policies.templates().items():
        role = role_name(stage.name, name)
        response = answer(iam.get_role_policy, "NoSuchEntity", RoleName=role, PolicyName=role)
        declared = policies.render(template, stage.name, environment)
        if response is None or response["PolicyDocument"] != declared:
            yield Drift("policies", role)


def log_groups(stage: DeployedStage) -> Iterator[Drift]:
    """The log group of each function is there, and keeps lines as long as is declared."""
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
        # Chalice keeps the logs of the functions but for the API's (deploy/functions.py).
        step = "functions" if name == "api_handler" else "application"
        if days is not None and group not in retention:
            yield Drift(step, f"{group} is missing")
        elif days is not None and retention[group] != days:
            yield Drift(
                step, f"{group} keeps lines for {retention[group] or 'ever'}, not {days} days"
            )


def _settings(
    stage: DeployedStage, name: str, response: Any
) -> Iterator[tuple[str, object, object]]:
    """The settings that Chalice writes and that differ: name, what AWS has, what is declared."""
    declared, current = stage.declared(name), response["Configuration"]
    actual = {
        "runtime": current.get("Runtime"),
        "memory (MB)": current.get("MemorySize"),
        "timeout (s)": current.get("Timeout"),
        "architecture": ", ".join(current.get("Architectures", [])),
        "role": current.get("Role", "").rpartition("/")[2],
        "reserved concurrency": response.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
        "VPC": ", ".join(current.get("VpcConfig", {}).get("SubnetIds", [])),
        "layers": ", ".join(each["Arn"] for each in current.get("Layers", [])),
    }
    expected = {
        "runtime": declared.lambda_python_version,
        "memory (MB)": declared.lambda_memory_size,
        "timeout (s)": declared.lambda_timeout,
        "architecture": declared.lambda_architecture,
        "role": role_name(stage.name, name),
        "reserved concurrency": declared.reserved_concurrency,
        "VPC": ", ".join(declared.subnet_ids or []),
        "layers": ", ".join(declared.layers or []),
    }
    for setting, value in actual.items():
        if value != expected[setting]:
            yield setting, _text(value), _text(expected[setting])


def _text(value: object) -> object:
    return "none" if value in (None, "") else value


def _snap_start(stage: DeployedStage) -> str:
    return "PublishedVersions" if stage.config.get("snap_start") is True else "None"
