"""`make status`: what a stage has deployed, where it drifts from what is declared, what failed.

Changes nothing. `deploy/drift` looks at each piece that a file's journey needs. CloudFormation's
own drift detection (`--drift`: minutes) compares every property of what CloudFormation made.
IAM: beside what `deploy/drift` asks: sts:GetCallerIdentity, cloudformation:DescribeStacks,
GetTemplate and GetTemplateSummary, dynamodb:GetItem, cloudwatch:GetMetricStatistics,
DescribeAlarms, sqs:GetQueueUrl, GetQueueAttributes; with `--drift`
cloudformation:DetectStackDrift, DescribeStackDriftDetectionStatus and DescribeStackResourceDrifts.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.table import table_of
from deploy import permissions, preflight
from deploy.command import run_command
from deploy.drift import checks
from deploy.drift.deployed_stage import DeployedStage
from deploy.errors import explained
from deploy.steps import application, config, policies, resources
from deploy.terminal import readable
from stage import names
from stage.stage import Stage, StageError, check_name, declared, enter

PERIOD = timedelta(hours=24)
# A sweep runs every quarter of an hour, and for as long at most.
SWEEP_LATE = timedelta(hours=1)
UPLOADS = (
    "UploadsCreated", "UploadsCompleted", "UploadsAccepted", "UploadsRejected", "UploadsFailed",
)  # fmt: skip


class Status:
    """A deployed stage and the clients to look at it; every part is lines to print."""

    def __init__(self, session: boto3.Session, stage: Stage) -> None:
        self._stage, self._name = stage, stage.name
        self._deployed = DeployedStage(session, stage)

    def addresses(self) -> Iterator[str]:
        """Where everything is."""
        try:
            api, websocket = application.urls(self._name)
        except StageError:
            api = websocket = "not known: see Drift"
        yield f"page          {self._stage.settings.page_origin}"
        yield f"api           {api}"
        yield f"websocket     {websocket}"
        yield f"bucket        {self._stage.settings.bucket}"
        yield f"table         {self._stage.settings.table}"

    def deployed(self) -> Iterator[str]:
        """What stands, and since when."""
        stack = self._deployed.stack()
        since = stack.get("LastUpdatedTime") or stack["CreationTime"]
        name = f"stack {resources.stack_name(self._name)}"
        yield f"{name:<31} {stack['StackStatus']}, {since:%Y-%m-%d %H:%M}"
        for name in policies.templates():
            function = names.function_name(self._name, name)
            answer = self._deployed.function(name)
            if answer is None:
                yield f"{function:<31} MISSING"
            else:
                found = answer["Configuration"]
                yield (
                    f"{function:<31} {found['Runtime']} {found['MemorySize']} MB"
                    f" {found['Timeout']} s, {found['LastModified'][:16].replace('T', ' ')}"
                )

    def drift(self) -> Iterator[str]:
        """What differs from what is declared, by the step of `make deploy` that mends it."""
        yield from checks.lines(self._deployed)

    def sweep(self) -> Iterator[str]:
        """When the last sweep ran, and what it found."""
        table = table_of(self._stage.settings, self._client("dynamodb"), lambda: datetime.now(UTC))
        yield from sweep_lines(table.sweep(), now=datetime.now(UTC))

    def counts(self) -> Iterator[str]:
        """What happened in the last day, and what waits now."""
        yield from known(self._uploads())
        yield from known(self._invocations())
        yield from known(self._answers())
        yield from known(self._waiting())
        yield from known(self._alarming())

    def _uploads(self) -> Iterator[str]:
        own = {name: self._sum("Hoist", name, Stage=self._name) for name in UPLOADS}
        yield "  ".join(f"{name.removeprefix('Uploads').lower()} {own[name]}" for name in UPLOADS)

    def _invocations(self) -> Iterator[str]:
        for name in policies.templates():
            function = names.function_name(self._name, name)
            errors, throttles = (
                self._sum("AWS/Lambda", metric, FunctionName=function)
                for metric in ("Errors", "Throttles")
            )
            if errors or throttles:
                yield f"{function}: {errors} errors, {throttles} throttled"

    def _answers(self) -> Iterator[str]:
        api = {"ApiName": names.APP, "Stage": self._name}
        yield f"API: {self._sum('AWS/ApiGateway', '5XXError', **api)} answers with 5xx"

    def _waiting(self) -> Iterator[str]:
        yield f"dead letters waiting: {self._dead_letters()}"

    def _alarming(self) -> Iterator[str]:
        yield f"alarms: {', '.join(self._alarms()) or 'none'}"

    def detected(self) -> Iterator[str]:
        """CloudFormation's own look at what it made; takes minutes."""
        client = self._client("cloudformation")
        name = resources.stack_name(self._name)
        detection = client.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
        while True:
            told = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
            if told["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                break
            print("  CloudFormation is looking …", file=sys.stderr)
            time.sleep(5)
        drifts = client.describe_stack_resource_drifts(
            StackName=name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"]
        )["StackResourceDrifts"]
        for each in drifts:
            yield f"resources     {each['LogicalResourceId']} {each['StackResourceDriftStatus']}"

    def _sum(self, namespace: str, metric: str, **dimensions: str) -> int:
        now = datetime.now(UTC)
        points = self._client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - PERIOD,
            EndTime=now,
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return int(sum(point["Sum"] for point in points))

    def _alarms(self) -> list[str]:
        """Those that are on, of all that tell the stage's operators."""
        pages = (
            self._client("cloudwatch")
            .get_paginator("describe_alarms")
            .paginate(ActionPrefix=self._stage.arn("HOIST_OPERATIONS_TOPIC_ARN"))
        )
        return [
            alarm["AlarmName"]
            for page in pages
            for alarm in page["MetricAlarms"]
            if alarm["StateValue"] == "ALARM"
        ]

    def _dead_letters(self) -> str:
        sqs = self._client("sqs")
        queue = self._stage.arn("HOIST_DEAD_LETTERS_ARN").rpartition(":")[2]
        told = sqs.get_queue_attributes(
            QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"],
            AttributeNames=["ApproximateNumberOfMessages"],
        )
        return str(told["Attributes"]["ApproximateNumberOfMessages"])

    def _client(self, service: str) -> Any:
        return self._deployed.client(service)


def known(lines: Iterator[str]) -> Iterator[str]:
    """The lines; where AWS refuses or fails one, a line that says so instead of it and the rest."""
    try:
        yield from lines
    except (BotoCoreError, ClientError) as error:
        yield f"not known: {explained(error)}"


def sweep_lines(last: Mapping[str, Any], *, now: datetime) -> Iterator[str]:
    """The last sweep as people read it; `last` is empty where none has ended yet."""
    if not last:
        yield "none has ended yet: the first one runs within a quarter of an hour"
        return
    at = datetime.fromisoformat(last["at"])
    counts = json.loads(last.get("found") or "{}")
    found = ", ".join(f"{name.removeprefix('Sweep')} {count}" for name, count in counts.items())
    yield f"ended at {at:%Y-%m-%d %H:%M} UTC, found {found or 'nothing'}"
    if now - at > SWEEP_LATE:
        yield "WARNING: that is more than an hour ago; make logs tells why it does not run or end"
    if last.get("cursor"):
        yield "it did not come to the end of the bucket: the next sweep goes on from there"


def _print(title: str, lines: Iterator[str], otherwise: str = "") -> None:
    print(title, flush=True)
    count = 0
    for line in lines:
        print(f"  {readable(line)}", flush=True)
        count += 1
    if not count:
        print(f"  {otherwise}")


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="make status", description=__doc__, epilog=permissions.epilog("status")
    )
    parser.add_argument("--stage", required=True, help="STAGE: a stage of .chalice/config.json")
    parser.add_argument(
        "--drift", action="store_true", help="DRIFT=1: CloudFormation looks as well (minutes)"
    )
    options = parser.parse_args()

    def work() -> None:
        check_name(options.stage)
        declared(options.stage)
        session = preflight.session("", config.recorded_region(options.stage))
        account, _ = preflight.identity(session)
        application.recover(session, options.stage, looking=True)
        status = Status(session, enter(options.stage))
        _print(
            f"Stage {options.stage} in {session.region_name}, account {account}", status.addresses()
        )
        _print("Deployed", known(status.deployed()))
        _print("Drift", status.drift(), "none: all is as declared")
        if options.drift:
            _print("Drift that CloudFormation sees", known(status.detected()), "none")
        _print("Last sweep", known(status.sweep()))
        _print("Last 24 hours", status.counts())

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
