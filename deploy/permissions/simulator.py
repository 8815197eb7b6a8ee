"""Finds out from IAM's simulator which permissions the caller lacks, before anything is changed.

IAM: iam:SimulatePrincipalPolicy on the caller, iam:GetRole where the caller is a role.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy.permissions.policy import CONDITIONS, statements

# Actions in one request: IAM returns a result for each, and the caller waits for all of them.
_AT_ONCE = 50


def warning(iam: Any, caller: str, command: str, stage: str, region: str) -> str:
    """A warning about the caller's permissions; empty if none is missing."""
    try:
        missing = denied(iam, caller, command, stage, region)
    except (BotoCoreError, ClientError) as error:
        return (
            f"IAM's simulator is not available ({_code(error)}): a missing permission shows later"
        )
    if not missing:
        return ""
    return (
        f"IAM's simulator denies {', '.join(missing)}; make permissions COMMAND={command}"
        f" STAGE={stage} prints a policy that allows it"
    )


def denied(iam: Any, caller: str, command: str, stage: str, region: str) -> list[str]:
    """The actions of a command that IAM denies `caller`, an ARN, on the resources of a stage.

    The names of the resources are examples. Raises ClientError if the caller may not use the
    simulator.
    """
    principal = _principal(iam, caller)
    if principal is None:
        return []
    account = caller.split(":")[4]
    missing = set()
    for statement in statements(command, stage, region):
        context = _context(statement["Action"])
        names = [_example(arn, account) for arn in statement["Resource"]]
        for start in range(0, len(statement["Action"]), _AT_ONCE):
            batch = statement["Action"][start : start + _AT_ONCE]
            pages = iam.get_paginator("simulate_principal_policy").paginate(
                PolicySourceArn=principal,
                ActionNames=batch,
                ResourceArns=names,
                ContextEntries=context,
            )
            for page in pages:
                missing |= {
                    result["EvalActionName"]
                    for result in page["EvaluationResults"]
                    if result["EvalDecision"] != "allowed"
                }
    return sorted(missing)


def _example(arn: str, account: str) -> str:
    """An example of a resource that a pattern matches, in the caller's account."""
    if arn == "*":
        return arn
    head, _, name = arn.rpartition(":")
    return f"{head}:{name}".replace(":*:", f":{account}:").replace("*", "example")


def _context(actions: list[str]) -> list[dict[str, Any]]:
    """The values of the conditions under which actions are allowed."""
    return [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for action in actions
        for operator in CONDITIONS.get(action, {}).values()
        for key, value in operator.items()
    ]


def _principal(iam: Any, caller: str) -> str | None:
    """The user or role of a caller; None for the account's root user, who has all permissions."""
    kind, _, name = caller.rpartition(":")[2].partition("/")
    if kind == "assumed-role":
        return str(iam.get_role(RoleName=name.partition("/")[0])["Role"]["Arn"])
    return caller if kind == "user" else None


def _code(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "no code"))
    return type(error).__name__
