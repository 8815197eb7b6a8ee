"""What Chalice cannot set of the functions it made.

Reserved concurrency (`deploy/concurrency.py`), log retention and X-Ray are Chalice's own, but it
sets the retention of a log that nobody writes for the
API's function. SnapStart is `deploy/snap_start.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deploy.application import function_name, log_group
from deploy.stage import Stage, StageError, declared, deployed

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient


def subscription(stage: str) -> str:
    """The ARN of the subscription that Chalice made of `notify`."""
    for resource in deployed(stage):
        if resource["resource_type"] == "sns_event":
            return str(resource["subscription_arn"])
    raise StageError(f"notify of {stage} is subscribed to nothing: run `make deploy` again")


def keep_dead_letters(client: SNSClient, stage: Stage, subscribed: str) -> list[str]:
    """Let SNS keep what it cannot hand to `notify`; returns what was changed. Safe to repeat.

    https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    """
    wanted = {"deadLetterTargetArn": stage.arn("HOIST_DEAD_LETTERS_ARN")}
    found = client.get_subscription_attributes(SubscriptionArn=subscribed)["Attributes"]
    if json.loads(found.get("RedrivePolicy") or "{}") == wanted:
        print(f"  {'notify':<32} as declared")
        return []
    client.set_subscription_attributes(
        SubscriptionArn=subscribed, AttributeName="RedrivePolicy", AttributeValue=json.dumps(wanted)
    )
    print(f"  {'notify':<32} dead letters go to {wanted['deadLetterTargetArn']}")
    return ["notify"]


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
