"""The stack of a stage: `.chalice/resources.yaml`, made and kept by CloudFormation.

Whatever an earlier run left is taken up: a stack at work is waited for, one that never came to be
is deleted, an update that could not be taken back is taken back again.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deploy.errors import QUOTA
from stage.stage import ROOT, StageError

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cognito_idp import CognitoIdentityProviderClient

# Bytes that CreateStack takes: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_TEMPLATE_SIZE = 51_200
# Seconds between two looks at what CloudFormation does.
_PAUSE = 3.0
# Of stacks that never came to be, or did not quite go.
_BROKEN = frozenset({
    "REVIEW_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED",
})  # fmt: skip
_GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})


def stack_name(stage: str) -> str:
    """What a stage's stack is called."""
    return f"hoist-{stage}"


def template(root: Path = ROOT) -> str:
    """The template, without what only people read: CloudFormation counts its bytes."""
    text = (root / ".chalice" / "resources.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    short = "\n".join(lines) + "\n"
    if len(short.encode()) > MAX_TEMPLATE_SIZE:
        raise StageError(f"resources.yaml is larger than {MAX_TEMPLATE_SIZE} bytes")
    return short


def find(client: CloudFormationClient, stage: str) -> Any:
    """The stack as CloudFormation describes it, or None."""
    try:
        (found,) = client.describe_stacks(StackName=stack_name(stage))["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return found


def stands(client: CloudFormationClient, stage: str) -> bool:
    """Whether there is a stack that came to be; one that never did is made anew."""
    found = find(client, stage)
    return found is not None and found["StackStatus"] not in _BROKEN


def outputs(client: CloudFormationClient, stage: str) -> dict[str, str]:
    """What the stack tells, by the outputs' names; raises StageError where there is none."""
    return {found["OutputKey"]: found["OutputValue"] for found in described(client, stage)}


def described(client: CloudFormationClient, stage: str) -> list[Any]:
    """The stack's outputs with their descriptions; raises StageError where there is none."""
    found = find(client, stage)
    if found is None:
        raise StageError(f"{stage} is not deployed: run `make deploy STAGE={stage}`")
    return list(found.get("Outputs", []))


def differences(
    client: CloudFormationClient, stage: str, parameters: Mapping[str, str], *, root: Path = ROOT
) -> list[str]:
    """What an update would bring: the template, and parameters by their names.

    Raises StageError for a parameter that the template does not have.
    """
    summary = client.get_template_summary(TemplateBody=template(root))
    # A parameter that is not given any more is what it is by default.
    wanted = {each["ParameterKey"]: each.get("DefaultValue", "") for each in summary["Parameters"]}
    if unknown := sorted(parameters.keys() - wanted.keys()):
        raise StageError(
            f"resources.yaml has no parameter {', '.join(unknown)}; it has {', '.join(wanted)}"
        )
    wanted.update(parameters)
    found = find(client, stage)
    if found is None:
        return ["new"]
    given = {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}
    changed = [name for name, value in wanted.items() if given.get(name) != value]
    body = client.get_template(StackName=stack_name(stage), TemplateStage="Original")
    # CloudFormation gives a YAML template back as it was sent, but for white space at its ends.
    if str(body["TemplateBody"]).strip() != template(root).strip():
        changed.insert(0, "template")
    return changed


def apply(
    client: CloudFormationClient,
    cognito: CognitoIdentityProviderClient,
    stage: str,
    parameters: Mapping[str, str],
    *,
    root: Path = ROOT,
) -> list[str]:
    """Make the stack what the template and `parameters` say; returns what was changed.

    Raises StageError with the first resource that could not be made, and why.
    """
    name = stack_name(stage)
    recover(client, cognito, stage)
    changed = differences(client, stage, parameters, root=root)
    if not changed:
        print(f"  {name:<32} as declared")
        return []
    wanted: Any = {
        "StackName": name,
        "TemplateBody": template(root),
        "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
        "Tags": [{"Key": "hoist:stage", "Value": stage}],
    }
    since = datetime.now(UTC) - timedelta(seconds=1)
    if changed == ["new"]:
        print(f"  {name:<32} new: this takes minutes, CloudFront its time")
        client.create_stack(**wanted)
    else:
        print(f"  {name:<32} changed: {', '.join(changed)}")
        try:
            client.update_stack(**wanted)
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
            return []
    follow(client, name, since)
    status = find(client, stage)["StackStatus"]
    if status not in _GOOD:
        raise StageError(_failure(client, name, status, since))
    return changed


def delete(client: CloudFormationClient, stage: str) -> bool:
    """Delete the stack, but for what it retains; returns whether there was one."""
    name = stack_name(stage)
    found = find(client, stage)
    if found is None:
        return False
    since = datetime.now(UTC) - timedelta(seconds=1)
    client.delete_stack(StackName=name)
    # Once it is gone a stack is found by its id alone.
    follow(client, found["StackId"], since)
    left = find(client, stage)
    if left is not None:
        raise StageError(_failure(client, name, left["StackStatus"], since))
    return True


def recover(
    client: CloudFormationClient, cognito: CognitoIdentityProviderClient, stage: str
) -> None:
    """Bring what an earlier run left into a state that can be gone on from."""
    found = find(client, stage)
    if found is None:
        return
    name, status = stack_name(stage), found["StackStatus"]
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        print(f"  {name:<32} {status}: waiting for it")
        follow(client, found["StackId"], datetime.now(UTC))
        recover(client, cognito, stage)
    elif status in _BROKEN:
        print(f"  {name:<32} {status}: deleted, to be made anew")
        _unprotect(client, cognito, name)
        delete(client, stage)
    elif status == "UPDATE_ROLLBACK_FAILED":
        print(f"  {name:<32} {status}: taken back once more")
        client.continue_update_rollback(StackName=name)
        follow(client, name, datetime.now(UTC))


def follow(client: CloudFormationClient, stack: str, since: datetime) -> None:
    """Print the stack's events from then on, until nothing is in progress any more."""
    seen: set[str] = set()
    while True:
        (found,) = client.describe_stacks(StackName=stack)["Stacks"]
        for event in _events(client, stack, since):
            if event["EventId"] not in seen:
                seen.add(event["EventId"])
                print(_line(event), flush=True)
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            return
        time.sleep(_PAUSE)


def _unprotect(
    client: CloudFormationClient, cognito: CognitoIdentityProviderClient, name: str
) -> None:
    """Let the user pool of a stack that never came to be be deleted with it; nobody is in there."""
    for each in client.describe_stack_resources(StackName=name)["StackResources"]:
        pool = each.get("PhysicalResourceId")
        gone = each["ResourceStatus"].startswith("DELETE_COMPLETE")
        if each["ResourceType"] == "AWS::Cognito::UserPool" and pool and not gone:
            cognito.update_user_pool(UserPoolId=pool, DeletionProtection="INACTIVE")


def _events(client: CloudFormationClient, stack: str, since: datetime) -> list[Any]:
    """What happened since then, oldest first."""
    found: list[Any] = []
    for page in client.get_paginator("describe_stack_events").paginate(StackName=stack):
        for event in page["StackEvents"]:
            if event["Timestamp"] < since:
                return found[::-1]
            found.append(event)
    return found[::-1]


def _line(event: Mapping[str, Any]) -> str:
    reason = event.get("ResourceStatusReason", "")
    told = f": {reason}" if event["ResourceStatus"].endswith("FAILED") and reason else ""
    at = f"{event['Timestamp']:%H:%M:%S}"
    return f"  {at} {event['LogicalResourceId']:<23} {event['ResourceStatus']}{told}"


def _failure(client: CloudFormationClient, name: str, status: str, since: datetime) -> str:
    """The first thing that went wrong; what was cancelled because of it is no news."""
    for event in _events(client, name, since):
        reason = event.get("ResourceStatusReason", "")
        if event["ResourceStatus"].endswith("FAILED") and "cancelled" not in reason:
            hint = f"; {QUOTA}" if "imit" in reason or "uota" in reason else ""
            return f"{name} is {status}: {event['LogicalResourceId']}: {reason}{hint}"
    return f"{name} is {status}: see its events in CloudFormation's console"
