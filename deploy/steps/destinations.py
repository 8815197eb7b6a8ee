"""Writes `.chalice/destinations.json` to the functions of a stage, after each `chalice deploy`.

Chalice knows no destinations (https://github.com/aws/chalice/issues/1309).
PutFunctionEventInvokeConfig erases every member that it does not receive. So the whole
configuration of a function is written, and only where it differs.
IAM: lambda:GetFunctionEventInvokeConfig, lambda:PutFunctionEventInvokeConfig. The functions' roles
need sns:Publish and sqs:SendMessage on their destinations.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3

from deploy.changes import Change, show
from deploy.command import arguments, client, run
from stage.destinations import ARNS, CONDITIONS, LIMITS, read
from stage.stage import Stage, enter

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


def event_invoke_config(stage: Stage, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of PutFunctionEventInvokeConfig for one function, without its name."""
    config: dict[str, Any] = {LIMITS[name]: settings[name] for name in LIMITS if name in settings}
    config["DestinationConfig"] = {
        CONDITIONS[condition]: {"Destination": stage.arn(ARNS[settings[condition]])}
        for condition in CONDITIONS
        if condition in settings
    }
    return config


def differences(
    client: LambdaClient, stage: Stage, declared: Mapping[str, Mapping[str, Any]]
) -> list[Change]:
    """The functions whose configuration in AWS is not the declared one."""
    return [
        Change("destinations", name, after=json.dumps(settings))
        for name, settings in declared.items()
        if _current(client, stage.function(name)) != event_invoke_config(stage, settings)
    ]


def apply(
    client: LambdaClient, stage: Stage, declared: Mapping[str, Mapping[str, Any]]
) -> list[Change]:
    """Write what differs; returns the changes. Safe to repeat.

    Raises StageError for a function that is not deployed.
    """
    changes = differences(client, stage, declared)
    for change in changes:
        config = event_invoke_config(stage, declared[change.name])
        try:
            client.put_function_event_invoke_config(
                FunctionName=stage.function(change.name), **config
            )
        except client.exceptions.ResourceNotFoundException as error:
            raise stage.lacks(change.name) from error
        show(change.name, change.result)
    for name in declared:
        if name not in {change.name for change in changes}:
            show(name, "as declared")
    return changes


def _current(client: LambdaClient, function: str) -> dict[str, Any] | None:
    try:
        config: Any = client.get_function_event_invoke_config(FunctionName=function)
    except client.exceptions.ResourceNotFoundException:
        return None
    destinations = config.get("DestinationConfig", {})
    return {name: config[name] for name in LIMITS.values() if name in config} | {
        "DestinationConfig": {
            condition: destinations[condition]
            for condition in CONDITIONS.values()
            if destinations.get(condition, {}).get("Destination")
        }
    }


def main() -> int:
    """Run the command; returns the exit status."""

    def work(options: argparse.Namespace) -> None:
        if options.stage == "local":
            print("Locally `make run` reads the file: there is nothing to apply")
            return
        stage = enter(options.stage)
        session = boto3.Session(region_name=stage.settings.region)
        apply(client(session, "lambda"), stage, read())

    return run(
        arguments("destinations", __doc__, stage="a deployed stage of .chalice/config.json"), work
    )


if __name__ == "__main__":
    sys.exit(main())
