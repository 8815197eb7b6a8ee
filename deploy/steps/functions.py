"""What Chalice cannot set of the functions it made.

Chalice sets reserved concurrency (`deploy/steps/concurrency.py`) and log retention. But for the
API's function it sets the retention of a log group that nobody writes to. It never writes the
handler of a function again, and it switches X-Ray on but not off. SnapStart is
`deploy/steps/snap_start.py`. IAM: sns:ListSubscriptionsByTopic, sns:GetSubscriptionAttributes,
sns:SetSubscriptionAttributes, lambda:GetFunctionConfiguration, lambda:UpdateFunctionConfiguration,
logs:DescribeLogGroups, logs:CreateLogGroup, logs:PutRetentionPolicy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chalice.config import Config

from deploy.steps.connections import function_arn
from stage.names import function_name, log_group
from stage.stage import Stage, StageError, config_path, declared, read_json

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

# The functions of app.py that Chalice calls by names of its own; a test compares them.
HANDLERS = {
    "api_handler": "app",
    "websocket_connect": "connect_page",
    "websocket_message": "answer_page",
    "websocket_disconnect": "disconnect_page",
}


def subscriptions(client: SNSClient, stage: Stage) -> list[str]:
    """The ARNs of the subscriptions of `notify` to the topic of results: one, as Chalice makes it.

    The topic must be there.
    """
    topic = stage.settings.results_topic_arn
    notify = function_arn(topic, stage.function("notify"))
    pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    return [
        each["SubscriptionArn"]
        for page in pages
        for each in page["Subscriptions"]
        if each["Endpoint"] == notify
    ]


def subscription(client: SNSClient, stage: Stage) -> str:
    """The ARN of the subscription of `notify`; raises StageError where there is none."""
    for arn in subscriptions(client, stage):
        return arn
    raise StageError(
        f"notify of {stage.name} is subscribed to nothing: run `make deploy STAGE={stage.name}`"
    )


def keep_subscription(client: SNSClient, stage: Stage, subscribed: str) -> list[str]:
    """Let SNS hand every record to `notify`, and keep what it cannot hand over.

    Returns the attributes that were changed. Safe to repeat.
    """
    found = client.get_subscription_attributes(SubscriptionArn=subscribed)["Attributes"]
    different = subscription_differences(stage, found)
    for name, value in different.items():
        client.set_subscription_attributes(
            SubscriptionArn=subscribed, AttributeName=name, AttributeValue=value
        )
        print(f"  {'notify':<32} {name} changed: {value}")
    if not different:
        print(f"  {'notify':<32} as declared")
    return list(different)


def subscription_differences(stage: Stage, found: Mapping[str, str]) -> dict[str, str]:
    """The attributes of the subscription to write, by name; `found` are those that it has.

    https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    """
    wanted = {"deadLetterTargetArn": stage.arn("HOIST_DEAD_LETTERS_ARN")}
    different = {}
    if json.loads(found.get("RedrivePolicy") or "{}") != wanted:
        different["RedrivePolicy"] = json.dumps(wanted)
    if json.loads(found.get("FilterPolicy") or "{}"):
        # An empty object takes the policy away.
        # https://docs.aws.amazon.com/sns/latest/dg/example_sns_SetSubscriptionAttributes_section.html
        different["FilterPolicy"] = "{}"
    return different


def declared_function(stage: str, name: str) -> Config:
    """What `.chalice/config.json` says of a function, as Chalice reads it."""
    return Config(stage, name, config_from_disk=read_json(config_path()))


def keep_configuration(client: Any, stage: str, names: Iterable[str]) -> list[str]:
    """Set what Chalice leaves as it is; returns the functions that were changed. Safe to repeat."""
    changed = []
    for name in names:
        function = function_name(stage, name)
        found = client.get_function_configuration(FunctionName=function)
        if different := configuration_differences(stage, name, found):
            client.update_function_configuration(FunctionName=function, **different)
            client.get_waiter("function_updated_v2").wait(FunctionName=function)
            changed.append(name)
            print(f"  {function:<32} {', '.join(different)} changed")
    return changed


def configuration_differences(stage: str, name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """What to tell UpdateFunctionConfiguration of a function; `found` is its configuration."""
    tracing = "Active" if declared_function(stage, name).xray_enabled else "PassThrough"
    different: dict[str, Any] = {}
    if found.get("Handler") != (handler := f"app.{HANDLERS.get(name, name)}"):
        different["Handler"] = handler
    if found.get("TracingConfig", {}).get("Mode", "PassThrough") != tracing:
        different["TracingConfig"] = {"Mode": tracing}
    return different


def keep_logs(client: Any, stage: str) -> list[str]:
    """Let the log of the API's function be as old as the others; returns what was changed."""
    days = declared(stage).get("log_retention_in_days")
    group = log_group(function_name(stage, "api_handler"))
    found = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    current = {each["logGroupName"]: each.get("retentionInDays") for each in found}
    if days is None or current.get(group) == days:
        return []
    if group not in current:
        client.create_log_group(logGroupName=group)
    client.put_retention_policy(logGroupName=group, retentionInDays=days)
    print(f"  {group:<32} kept for {days} days")
    return [group]
