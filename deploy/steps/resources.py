"""The stack of a stage: CloudFormation creates and updates it from `.chalice/resources.yaml`.

After an interrupted run it waits for a stack that is in progress, deletes one whose creation
failed, and continues a rollback that failed.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deploy.changes import Change, show
from deploy.errors import QUOTA
from stage.stage import ROOT, StageError

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cognito_idp import CognitoIdentityProviderClient

# Bytes that CreateStack accepts: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_TEMPLATE_SIZE = 51_200
# Seconds between two requests for the state of a stack.
_PAUSE = 3.0
# The states of a stack whose creation or deletion failed.
_BROKEN = frozenset({
    "REVIEW_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED",
})  # fmt: skip
STEP = "resources"
# The one change of a stage without a stack.
NEW = "new"
_GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})


def stack_name(stage: str) -> str:
    """The name of a stage's stack."""
    return f"hoist-{stage}"


def template(root: Path = ROOT) -> str:
    """The template without its comments, because CloudFormation limits its bytes."""
    text = (root / ".chalice" / "resources.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    short = "\n".join(lines) + "\n"
    if len(short.encode()) > MAX_TEMPLATE_SIZE:
        raise StageError(f"resources.yaml is larger than {MAX_TEMPLATE_SIZE} bytes")
    return short


def find(client: CloudFormationClient, stage: str) -> Any:
    """The stack as CloudFormation describes it, or None."""
    try:
        (stack,) = client.describe_stacks(StackName=stack_name(stage))["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return stack


def exists(client: CloudFormationClient, stage: str) -> bool:
    """Whether there is a stack whose creation succeeded."""
    stack = find(client, stage)
    return stack is not None and stack["StackStatus"] not in _BROKEN


def output_values(client: CloudFormationClient, stage: str) -> dict[str, str]:
    """The values of the stack's outputs, by their names; raises StageError without a stack."""
    return {each["OutputKey"]: each["OutputValue"] for each in outputs(client, stage)}


def outputs(client: CloudFormationClient, stage: str) -> list[Any]:
    """The stack's outputs with their descriptions; raises StageError without a stack."""
    stack = find(client, stage)
    if stack is None:
        raise StageError(f"{stage} is not deployed: run `make deploy STAGE={stage}`")
    return list(stack.get("Outputs", []))


def differences(
    client: CloudFormationClient, stage: str, parameters: Mapping[str, str], *, root: Path = ROOT
) -> list[Change]:
    """The changes that an update would make: to the template, and to parameters.

    Raises StageError for a parameter that the template does not have.
    """
    desired = _desired(client, parameters, root)
    stack = find(client, stage)
    if stack is None:
        return [Change(STEP, NEW)]
    current = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
    changes = [
        Change(STEP, name, current.get(name, "") or "empty", value or "empty")
        for name, value in desired.items()
        if current.get(name) != value
    ]
    body = client.get_template(StackName=stack_name(stage), TemplateStage="Original")
    # CloudFormation returns a YAML template as it received it, without white space at its ends.
    if str(body["TemplateBody"]).strip() != template(root).strip():
        changes.insert(0, Change(STEP, "template"))
    return changes


def _desired(
    client: CloudFormationClient, parameters: Mapping[str, str], root: Path
) -> dict[str, str]:
    """All parameters of the template; one without a value has its default."""
    summary = client.get_template_summary(TemplateBody=template(root))
    desired = {each["ParameterKey"]: each.get("DefaultValue", "") for each in summary["Parameters"]}
    if unknown := sorted(parameters.keys() - desired.keys()):
        raise StageError(
            f"resources.yaml has no parameter {', '.join(unknown)}; it has {', '.join(desired)}"
        )
    return desired | dict(parameters)


def apply(
    client: CloudFormationClient,
    cognito: CognitoIdentityProviderClient,
    stage: str,
    parameters: Mapping[str, str],
    *,
    root: Path = ROOT,
) -> list[Change]:
    """Create or update the stack; returns the changes.

    Raises StageError with the first resource that CloudFormation could not create, and why.
    """
    name = stack_name(stage)
    recover(client, cognito, stage)
    changes = differences(client, stage, parameters, root=root)
    since = datetime.now(UTC) - timedelta(seconds=1)
    if not changes:
        show(name, "as declared")
        return []
    if not _start(client, name, changes, _request(stage, parameters, root)):
        return []
    follow(client, name, since)
    status = find(client, stage)["StackStatus"]
    if status not in _GOOD:
        raise StageError(_failure(client, name, status, since))
    return changes


def _request(stage: str, parameters: Mapping[str, str], root: Path) -> dict[str, Any]:
    return {
        "StackName": stack_name(stage),
        "TemplateBody": template(root),
        "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
        "Tags": [{"Key": "hoist:stage", "Value": stage}],
    }


def _start(
    client: CloudFormationClient, name: str, changes: list[Change], request: dict[str, Any]
) -> bool:
    """Start the creation or the update; returns whether there is anything to wait for."""
    if changes[0].name == NEW:
        show(name, "new: this takes minutes, most of them for CloudFront")
        client.create_stack(**request)
        return True
    for change in changes:
        show(change.name, change.result)
    try:
        client.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise
        return False
    return True


def delete(client: CloudFormationClient, stage: str) -> bool:
    """Delete the stack without the resources that it retains; returns whether there was one."""
    name = stack_name(stage)
    stack = find(client, stage)
    if stack is None:
        return False
    since = datetime.now(UTC) - timedelta(seconds=1)
    client.delete_stack(StackName=name)
    # A deleted stack is known by its id only.
    follow(client, stack["StackId"], since)
    remaining = find(client, stage)
    if remaining is not None:
        raise StageError(_failure(client, name, remaining["StackStatus"], since))
    return True


def recover(
    client: CloudFormationClient, cognito: CognitoIdentityProviderClient, stage: str
) -> None:
    """Bring the stack of an interrupted run into a state that CloudFormation can update."""
    stack = find(client, stage)
    if stack is None:
        return
    name, status = stack_name(stage), stack["StackStatus"]
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        show(name, f"{status}: waiting for it")
        follow(client, stack["StackId"], datetime.now(UTC))
        recover(client, cognito, stage)
    elif status in _BROKEN:
        show(name, f"{status}: deleted, to be created again")
        _unprotect(client, cognito, name)
        delete(client, stage)
    elif status == "UPDATE_ROLLBACK_FAILED":
        show(name, f"{status}: the rollback continues")
        client.continue_update_rollback(StackName=name)
        follow(client, name, datetime.now(UTC))


def follow(client: CloudFormationClient, stack: str, since: datetime) -> None:
    """Print the stack's events since then, until the stack is no longer in progress."""
    printed: set[str] = set()
    while True:
        (current,) = client.describe_stacks(StackName=stack)["Stacks"]
        for event in _events(client, stack, since):
            if event["EventId"] not in printed:
                printed.add(event["EventId"])
                _show(event)
        if not current["StackStatus"].endswith("_IN_PROGRESS"):
            return
        time.sleep(_PAUSE)


def _unprotect(
    client: CloudFormationClient, cognito: CognitoIdentityProviderClient, name: str
) -> None:
    """Let CloudFormation delete the user pool of a failed stack, which has no accounts."""
    for each in client.describe_stack_resources(StackName=name)["StackResources"]:
        pool = each.get("PhysicalResourceId")
        is_deleted = each["ResourceStatus"].startswith("DELETE_COMPLETE")
        if each["ResourceType"] == "AWS::Cognito::UserPool" and pool and not is_deleted:
            cognito.update_user_pool(UserPoolId=pool, DeletionProtection="INACTIVE")


def _events(client: CloudFormationClient, stack: str, since: datetime) -> list[Any]:
    """The stack's events since then, oldest first."""
    events: list[Any] = []
    for page in client.get_paginator("describe_stack_events").paginate(StackName=stack):
        for event in page["StackEvents"]:
            if event["Timestamp"] < since:
                return events[::-1]
            events.append(event)
    return events[::-1]


def _show(event: Mapping[str, Any]) -> None:
    reason = event.get("ResourceStatusReason", "")
    why = f": {reason}" if event["ResourceStatus"].endswith("FAILED") and reason else ""
    show(
        f"{event['Timestamp']:%H:%M:%S} {event['LogicalResourceId']}",
        f"{event['ResourceStatus']}{why}",
    )


def _failure(client: CloudFormationClient, name: str, status: str, since: datetime) -> str:
    """The first failure, without the resources that were cancelled because of it."""
    for event in _events(client, name, since):
        reason = event.get("ResourceStatusReason", "")
        if event["ResourceStatus"].endswith("FAILED") and "cancelled" not in reason:
            hint = f"; {QUOTA}" if "imit" in reason or "uota" in reason else ""
            return f"{name} is {status}: {event['LogicalResourceId']}: {reason}{hint}"
    return f"{name} is {status}: see its events in CloudFormation's console"
