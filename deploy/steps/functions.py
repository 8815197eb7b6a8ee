"""Settings of the functions that Chalice does not keep as they are declared.

Chalice sets the log retention, except that for the API's function it sets the retention of a log
group that nothing writes to. It never updates the handler of a function, and it switches X-Ray on
but not off. SnapStart is set in `deploy/steps/snap_start.py`.
IAM: sns:ListSubscriptionsByTopic, sns:GetSubscriptionAttributes, sns:SetSubscriptionAttributes,
lambda:GetFunctionConfiguration, lambda:UpdateFunctionConfiguration, logs:DescribeLogGroups,
logs:CreateLogGroup, logs:PutRetentionPolicy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chalice.config import Config

from deploy.changes import Change, show
from deploy.steps.connections import function_arn
from stage.names import function_name, log_group
from stage.stage import Stage, StageError, config_path, declared, read_json

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

# The handlers of the functions that Chalice names otherwise; a test compares them with app.py.
HANDLERS = {
    "api_handler": "app",
    "websocket_connect": "connect_page",
    "websocket_message": "answer_page",
    "websocket_disconnect": "disconnect_page",
}


def subscriptions(client: SNSClient, stage: Stage) -> list[str]:
    """The ARNs of the subscriptions of `notify` to the topic of results; Chalice creates one.

    The topic must exist.
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


def keep_subscription(client: SNSClient, stage: Stage, subscription: str) -> list[Change]:
    """Let SNS deliver every record to `notify`, and keep a record that it cannot deliver.

    Returns the changes, whose names are the attributes. Safe to repeat.
    """
    current = client.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    changes = subscription_differences(stage, current)
    for change in changes:
        client.set_subscription_attributes(
            SubscriptionArn=subscription, AttributeName=change.name, AttributeValue=change.after
        )
        show("notify", f"{change.name} {change.result}")
    if not changes:
        show("notify", "as declared")
    return changes


def subscription_differences(stage: Stage, current: Mapping[str, str]) -> list[Change]:
    """The attributes of the subscription that differ from the declared ones.

    https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    """
    redrive = {"deadLetterTargetArn": stage.arn("HOIST_DEAD_LETTERS_ARN")}
    changes = []
    if json.loads(current.get("RedrivePolicy") or "{}") != redrive:
        changes.append(Change("functions", "RedrivePolicy", after=json.dumps(redrive)))
    if json.loads(current.get("FilterPolicy") or "{}"):
        # An empty object removes the policy.
        # https://docs.aws.amazon.com/sns/latest/dg/example_sns_SetSubscriptionAttributes_section.html
        changes.append(Change("functions", "FilterPolicy", after="{}"))
    return changes


def declared_function(stage: str, name: str) -> Config:
    """The declaration of a function in `.chalice/config.json`, as Chalice reads it."""
    return Config(stage, name, config_from_disk=read_json(config_path()))


def keep_configuration(client: Any, stage: str, names: Iterable[str]) -> list[Change]:
    """Write the settings that Chalice does not keep; returns the changes. Safe to repeat."""
    changes = []
    for name in names:
        function = function_name(stage, name)
        current = client.get_function_configuration(FunctionName=function)
        if different := configuration_differences(stage, name, current):
            client.update_function_configuration(
                FunctionName=function,
                Handler=_handler(name),
                TracingConfig={"Mode": _tracing(stage, name)},
            )
            client.get_waiter("function_updated_v2").wait(FunctionName=function)
            show(function, ", ".join(f"{each.name} {each.result}" for each in different))
        changes += different
    return changes


def configuration_differences(
    stage: str, name: str, configuration: Mapping[str, Any]
) -> list[Change]:
    """The members of a function's configuration in AWS that differ from the declared ones."""
    changes = []
    if (handler := configuration.get("Handler")) != _handler(name):
        changes.append(Change("functions", "Handler", str(handler), _handler(name)))
    tracing = configuration.get("TracingConfig", {}).get("Mode", "PassThrough")
    if tracing != (mode := _tracing(stage, name)):
        changes.append(Change("functions", "TracingConfig", tracing, mode))
    return changes


def keep_logs(client: Any, stage: str) -> list[Change]:
    """Set the retention of the log of the API's function; returns the changes."""
    days = declared(stage).get("log_retention_in_days")
    group = log_group(function_name(stage, "api_handler"))
    groups = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    current = {each["logGroupName"]: each.get("retentionInDays") for each in groups}
    if days is None or current.get(group) == days:
        return []
    if group not in current:
        client.create_log_group(logGroupName=group)
    client.put_retention_policy(logGroupName=group, retentionInDays=days)
    show(group, f"kept for {days} days")
    return [Change("functions", group, after=f"{days} days")]


def _handler(name: str) -> str:
    return f"app.{HANDLERS.get(name, name)}"


def _tracing(stage: str, name: str) -> str:
    return "Active" if declared_function(stage, name).xray_enabled else "PassThrough"
