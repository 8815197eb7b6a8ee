"""Where the outcomes of asynchronous invocations go: `.chalice/destinations.json`, applied.

Chalice knows no destinations (https://github.com/aws/chalice/issues/1309), so this comes after
`chalice deploy`. PutFunctionEventInvokeConfig erases what it is not told, so the whole is written
each time, and only where it differs. IAM: lambda:GetFunctionEventInvokeConfig,
lambda:PutFunctionEventInvokeConfig, and iam:PassRole for none; the functions' own roles need
sns:Publish and sqs:SendMessage on what they send to.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3

from deploy import permissions
from deploy.command import run_command
from stage.destinations import ARNS, CONDITIONS, LIMITS, read
from stage.stage import Stage, enter

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


def event_invoke_config(stage: Stage, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What PutFunctionEventInvokeConfig takes for one function, beside its name."""
    config: dict[str, Any] = {LIMITS[name]: settings[name] for name in LIMITS if name in settings}
    config["DestinationConfig"] = {
        CONDITIONS[way]: {"Destination": stage.arn(ARNS[settings[way]])}
        for way in CONDITIONS
        if way in settings
    }
    return config


def differences(
    client: LambdaClient, stage: Stage, declared: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """What PutFunctionEventInvokeConfig is to be told, by the functions that have it otherwise."""
    wanted = {name: event_invoke_config(stage, settings) for name, settings in declared.items()}
    return {
        name: config
        for name, config in wanted.items()
        if _current(client, stage.function(name)) != config
    }


def apply(
    client: LambdaClient, stage: Stage, declared: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Write what differs; returns the functions that were changed. Safe to repeat.

    Raises StageError for a function that is not deployed.
    """
    different = differences(client, stage, declared)
    for name, settings in declared.items():
        if name not in different:
            print(f"  {name:<16} as declared")
            continue
        try:
            client.put_function_event_invoke_config(
                FunctionName=stage.function(name), **different[name]
            )
        except client.exceptions.ResourceNotFoundException as error:
            raise stage.lacks(name) from error
        print(f"  {name:<16} changed: {json.dumps(settings)}")
    return list(different)


def _current(client: LambdaClient, function: str) -> dict[str, Any] | None:
    try:
        found: Any = client.get_function_event_invoke_config(FunctionName=function)
    except client.exceptions.ResourceNotFoundException:
        return None
    told = found.get("DestinationConfig", {})
    return {name: found[name] for name in LIMITS.values() if name in found} | {
        "DestinationConfig": {
            way: told[way] for way in CONDITIONS.values() if told.get(way, {}).get("Destination")
        }
    }


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="make destinations", description=__doc__, epilog=permissions.epilog("destinations")
    )
    parser.add_argument("--stage", required=True, help="a deployed stage of .chalice/config.json")
    options = parser.parse_args()
    if options.stage == "local":
        print("At home `make run` reads the file: there is nothing to apply")
        return 0

    def work() -> None:
        stage = enter(options.stage)
        apply(boto3.client("lambda", region_name=stage.settings.region), stage, read())

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
