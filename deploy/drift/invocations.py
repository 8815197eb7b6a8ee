"""What invokes the functions: the bucket's rule, the subscription, the schedule, permissions.

IAM: s3:GetBucketNotification, lambda:GetPolicy, sns:GetTopicAttributes,
sns:ListSubscriptionsByTopic, sns:GetSubscriptionAttributes, events:DescribeRule,
events:ListTargetsByRule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from deploy.changes import Change
from deploy.drift.deployed_stage import DeployedStage
from deploy.errors import answer
from deploy.steps import connections, functions, websocket
from deploy.steps.connections import own_rule
from deploy.steps.snap_start import ALIAS
from stage.names import function_name, schedule_name

# As app.py declares it; a test compares them.
SCHEDULE = "rate(15 minutes)"
# https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
_SAME_ARN = ("ArnLike", "ArnEquals", "StringEquals", "StringLike")


def bucket_rule(stage: DeployedStage) -> Iterator[Change]:
    """S3 invokes `process_upload` for each object that arrives under `uploads/`."""
    own = own_rule(stage.name, stage.settings.results_topic_arn)
    s3 = stage.client("s3")
    yield from connections.differences(s3, stage.settings.bucket, own)


def permissions(stage: DeployedStage) -> Iterator[Change]:
    """The policy of each function allows the service that invokes it."""
    for name, service, source in _invokers(stage):
        if stage.function(name) is None:
            continue  # another check reports that
        function = function_name(stage.name, name)
        if not allows(_policy(stage, function), service, source, stage.account):
            yield Change("application", f"{function} does not let {service} invoke it ({source})")
    if stage.has_snap_start and (api := stage.rest_api):
        function = function_name(stage.name, "api_handler")
        source = stage.arn("execute-api", f"{api.id}/*")
        policy = _policy(stage, function, Qualifier=ALIAS)
        if not allows(policy, "apigateway", source, stage.account):
            what = f"{function}:{ALIAS} does not let apigateway invoke it ({source})"
            yield Change("functions", what)


def subscription(stage: DeployedStage) -> Iterator[Change]:
    """SNS delivers each invocation record to `notify`, and keeps those that it cannot deliver."""
    sns, topic = stage.client("sns"), stage.settings.results_topic_arn
    if answer(sns.get_topic_attributes, "NotFound", TopicArn=topic) is None:
        return  # the check of the topics reports that
    arns = functions.subscriptions(sns, stage.stage)
    if not arns:
        yield Change("application", f"notify is not subscribed to {topic}: nobody is notified")
    for arn in arns:
        response = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        for change in functions.subscription_differences(stage.stage, response):
            text = f"the subscription of notify: {change.name} is not as declared"
            yield Change("functions", text)


def schedule(stage: DeployedStage) -> Iterator[Change]:
    """EventBridge invokes `sweep` every quarter of an hour."""
    events, name = stage.client("events"), schedule_name(stage.name, "sweep")
    response = answer(events.describe_rule, "ResourceNotFoundException", Name=name)
    if response is None:
        yield Change("application", f"the schedule {name} is missing: sweep does not run")
        return
    if response["State"] != "ENABLED":
        yield Change("application", f"the schedule {name}", response["State"], "ENABLED")
    if (current := response.get("ScheduleExpression")) != SCHEDULE:
        yield Change("application", f"the schedule {name}", str(current), SCHEDULE)
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    if stage.function_arn("sweep") not in [each["Arn"] for each in targets]:
        yield Change("application", f"the schedule {name} does not invoke sweep")


def _invokers(stage: DeployedStage) -> Iterator[tuple[str, str, str]]:
    """Each function, the service that invokes it, and the ARN of the invoking resource."""
    partition = stage.settings.results_topic_arn.split(":")[1]
    yield "process_upload", "s3", f"arn:{partition}:s3:::{stage.settings.bucket}"
    yield "notify", "sns", stage.settings.results_topic_arn
    yield "sweep", "events", stage.arn("events", f"rule/{schedule_name(stage.name, 'sweep')}")
    if rest := stage.rest_api:
        yield "api_handler", "apigateway", stage.arn("execute-api", f"{rest.id}/*")
    if api := stage.websocket_api:
        for name in websocket.ROUTES.values():
            yield name, "apigateway", stage.arn("execute-api", f"{api.id}/*")


def _policy(stage: DeployedStage, function: str, **qualifier: str) -> list[Any]:
    """The statements of a function's own policy."""
    response = answer(
        stage.client("lambda").get_policy,
        "ResourceNotFoundException",
        FunctionName=function,
        **qualifier,
    )
    return [] if response is None else list(json.loads(response["Policy"])["Statement"])


def allows(statements: list[Mapping[str, Any]], service: str, source: str, account: str) -> bool:
    """Whether one of the statements allows a service to invoke the function for a source."""
    return any(
        each["Effect"] == "Allow"
        and each["Action"] in ("lambda:InvokeFunction", "lambda:*")
        and _service(each.get("Principal")) == f"{service}.amazonaws.com"
        and _is_met(each.get("Condition", {}), source, account)
        for each in statements
    )


def _service(principal: Any) -> str:
    return str(principal.get("Service", "")) if isinstance(principal, dict) else ""


def _is_met(conditions: Mapping[str, Mapping[str, str]], source: str, account: str) -> bool:
    """Whether a source meets the conditions; a condition with another operator is not met."""
    values = {"aws:sourcearn": source, "aws:sourceaccount": account}
    return all(
        operator in _SAME_ARN
        and key.lower() in values
        and fnmatchcase(values[key.lower()], expected)
        for operator, members in conditions.items()
        for key, expected in members.items()
    )
