"""`make status`: the deployed stage, its differences from the declaration, and failures.

Changes nothing. `deploy/drift` compares the resources that an upload needs. CloudFormation's own
drift detection (`--drift`, takes minutes) compares every property of its resources.
IAM, in addition to that of `deploy/drift`: sts:GetCallerIdentity, cloudformation:DescribeStacks,
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
from chalicelib.version import VERSION
from deploy import preflight
from deploy.changes import STEP, row
from deploy.command import arguments, run
from deploy.drift import checks
from deploy.drift.deployed_stage import DeployedStage
from deploy.errors import explained
from deploy.steps import application, config, policies, recovery, resources
from deploy.terminal import readable
from stage import names
from stage.stage import Stage, StageError, check_name, declared, enter

PERIOD = timedelta(hours=24)
# A sweep runs every quarter of an hour, and takes a quarter of an hour at most.
SWEEP_LATE = timedelta(hours=1)
UPLOADS = (
    "UploadsCreated", "UploadsCompleted", "UploadsAccepted", "UploadsRejected", "UploadsFailed",
)  # fmt: skip


class Status:
    """A deployed stage; every public method yields lines to print."""

    def __init__(self, session: boto3.Session, stage: Stage) -> None:
        self._stage, self._name = stage, stage.name
        self._deployed = DeployedStage(session, stage)

    def addresses(self) -> Iterator[str]:
        """The addresses and names that an operator needs."""
        try:
            api, websocket = application.urls(self._name)
        except StageError:
            api = websocket = "not known: see Drift"
        settings = self._stage.settings
        yield row("hoist", VERSION, STEP)
        yield row("page", settings.page_origin, STEP)
        yield row("api", api, STEP)
        yield row("websocket", websocket, STEP)
        yield row("bucket", settings.bucket, STEP)
        yield row("table", settings.table, STEP)

    def deployed_lines(self) -> Iterator[str]:
        """The stack and the functions, with the time of their last change."""
        stack = self._deployed.stack()
        since = stack.get("LastUpdatedTime") or stack["CreationTime"]
        name = f"stack {resources.stack_name(self._name)}"
        yield row(name, f"{stack['StackStatus']}, {since:%Y-%m-%d %H:%M}")
        for name in policies.templates():
            function = names.function_name(self._name, name)
            response = self._deployed.function(name)
            if response is None:
                yield row(function, "MISSING")
            else:
                current = response["Configuration"]
                yield row(
                    function,
                    f"{current['Runtime']} {current['MemorySize']} MB {current['Timeout']} s,"
                    f" {current['LastModified'][:16].replace('T', ' ')}",
                )

    def drift(self) -> Iterator[str]:
        """The differences from the declaration, each with the step that repairs it."""
        yield from checks.lines(self._deployed)

    def sweep(self) -> Iterator[str]:
        """When the last sweep ran, and what it repaired."""
        table = table_of(self._stage.settings, self._client("dynamodb"), lambda: datetime.now(UTC))
        yield from sweep_lines(table.sweep(), now=datetime.now(UTC))

    def counts(self) -> Iterator[str]:
        """The events of the last day, the dead letters that wait, and the alarms that are on."""
        yield from or_error(self._uploads())
        yield from or_error(self._invocations())
        yield from or_error(self._responses())
        yield from or_error(self._waiting())
        yield from or_error(self._alarming())

    def _uploads(self) -> Iterator[str]:
        counts = {name: self._sum("Hoist", name, Stage=self._name) for name in UPLOADS}
        yield "  ".join(
            f"{name.removeprefix('Uploads').lower()} {count}" for name, count in counts.items()
        )

    def _invocations(self) -> Iterator[str]:
        for name in policies.templates():
            function = names.function_name(self._name, name)
            errors, throttles = (
                self._sum("AWS/Lambda", metric, FunctionName=function)
                for metric in ("Errors", "Throttles")
            )
            if errors or throttles:
                yield f"{function}: {errors} errors, {throttles} throttled"

    def _responses(self) -> Iterator[str]:
        api = {"ApiName": names.APP, "Stage": self._name}
        yield f"API: {self._sum('AWS/ApiGateway', '5XXError', **api)} responses with 5xx"

    def _waiting(self) -> Iterator[str]:
        yield f"dead letters waiting: {self._dead_letters()}"

    def _alarming(self) -> Iterator[str]:
        yield f"alarms: {', '.join(self._alarms()) or 'none'}"

    def cloudformation_drift(self) -> Iterator[str]:
        """The result of CloudFormation's own drift detection, which takes minutes."""
        client = self._client("cloudformation")
        name = resources.stack_name(self._name)
        detection = client.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
        while True:
            state = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
            if state["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                break
            print("  CloudFormation is still comparing …", file=sys.stderr)
            time.sleep(5)
        drifts = client.describe_stack_resource_drifts(
            StackName=name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"]
        )["StackResourceDrifts"]
        for each in drifts:
            text = f"{each['LogicalResourceId']} {each['StackResourceDriftStatus']}"
            yield row("resources", text, STEP)

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
        """The alarms of the stage that are on."""
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
        response = sqs.get_queue_attributes(
            QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"],
            AttributeNames=["ApproximateNumberOfMessages"],
        )
        return str(response["Attributes"]["ApproximateNumberOfMessages"])

    def _client(self, service: str) -> Any:
        return self._deployed.client(service)


def or_error(lines: Iterator[str]) -> Iterator[str]:
    """The lines; if AWS refuses a call, one line with the error ends them."""
    try:
        yield from lines
    except (BotoCoreError, ClientError) as error:
        yield f"not known: {explained(error)}"


def sweep_lines(last: Mapping[str, Any], *, now: datetime) -> Iterator[str]:
    """The last sweep for people; `last` is empty if none has ended yet."""
    if not last:
        yield "none has ended yet: the first one runs within a quarter of an hour"
        return
    at = datetime.fromisoformat(last["at"])
    counts = json.loads(last.get("found") or "{}")
    items = ", ".join(f"{name.removeprefix('Sweep')} {count}" for name, count in counts.items())
    yield f"ended at {at:%Y-%m-%d %H:%M} UTC, found {items or 'nothing'}"
    if now - at > SWEEP_LATE:
        yield "WARNING: that is more than an hour ago; make logs shows why it does not run or end"
    if last.get("cursor"):
        yield "it did not reach the end of the bucket: the next sweep continues from there"


def _print(title: str, lines: Iterator[str], otherwise: str = "") -> None:
    print(title, flush=True)
    count = 0
    for line in lines:
        print(f"  {readable(line)}", flush=True)
        count += 1
    if not count:
        print(f"  {otherwise}")


def main() -> int:
    """Run the command; returns the exit status."""
    parser = arguments("status", __doc__, stage="STAGE: a stage of .chalice/config.json")
    parser.add_argument(
        "--drift", action="store_true", help="DRIFT=1: CloudFormation compares too (minutes)"
    )

    def work(options: argparse.Namespace) -> None:
        check_name(options.stage)
        declared(options.stage)
        session = preflight.session("", config.recorded_region(options.stage))
        account, _ = preflight.identity(session)
        recovery.recover(session, options.stage, read_only=True)
        status = Status(session, enter(options.stage))
        title = f"Stage {options.stage} in {session.region_name}, account {account}"
        _print(title, status.addresses())
        _print("Deployed", or_error(status.deployed_lines()))
        _print("Drift", status.drift(), "none: all is as declared")
        if options.drift:
            _print("Drift by CloudFormation", or_error(status.cloudformation_drift()), "none")
        _print("Last sweep", or_error(status.sweep()))
        _print("Last 24 hours", status.counts())

    return run(parser, work)


if __name__ == "__main__":
    sys.exit(main())
