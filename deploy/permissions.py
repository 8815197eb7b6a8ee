"""What whoever deploys may have to do in AWS, by the step that does it.

Printed before anything is changed, and asked of IAM's simulator, which knows them as well. What
CloudFormation makes, it makes with the rights of who deploys.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

ACTIONS: dict[str, tuple[str, ...]] = {
    "preflight": (
        *("sts:GetCallerIdentity", "iam:SimulatePrincipalPolicy", "iam:GetRole"),
        *("lambda:GetAccountSettings", "lambda:GetFunctionConcurrency"),
    ),
    "resources": (
        *("cloudformation:CreateStack", "cloudformation:UpdateStack"),
        *("cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents"),
        *("cloudformation:GetTemplate", "cloudformation:GetTemplateSummary"),
        "cloudformation:DeleteStack",
        *("s3:CreateBucket", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock"),
        *("s3:PutEncryptionConfiguration", "s3:PutBucketVersioning", "s3:PutBucketCORS"),
        *("s3:PutLifecycleConfiguration", "s3:PutBucketOwnershipControls", "s3:PutBucketTagging"),
        *("dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:UpdateTimeToLive"),
        *("dynamodb:UpdateContinuousBackups", "dynamodb:TagResource"),
        *("sns:CreateTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource"),
        *("sqs:CreateQueue", "sqs:SetQueueAttributes", "sqs:TagQueue"),
        *("cognito-idp:CreateUserPool", "cognito-idp:CreateUserPoolClient"),
        *("cloudfront:CreateDistribution", "cloudfront:CreateResponseHeadersPolicy"),
        *("cloudfront:CreateOriginAccessControl", "cloudfront:TagResource"),
        *("cloudwatch:PutMetricAlarm", "cloudwatch:PutDashboard"),
        *("iam:CreateRole", "iam:PutRolePolicy", "iam:TagRole"),
    ),
    # Also where there is nothing to copy: it looks for tables of an earlier version.
    "migration": (
        *("dynamodb:ListTables", "dynamodb:DescribeTable", "dynamodb:ListTagsOfResource"),
        *("dynamodb:TagResource", "dynamodb:Scan", "dynamodb:BatchGetItem"),
        *("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"),
        "dynamodb:ConditionCheckItem",
    ),
    "application": (
        *("lambda:CreateFunction", "lambda:UpdateFunctionCode", "lambda:GetFunction"),
        *("lambda:UpdateFunctionConfiguration", "lambda:AddPermission", "lambda:GetPolicy"),
        *("lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency"),
        *("iam:CreateRole", "iam:GetRole", "iam:PutRolePolicy", "iam:PassRole"),
        *("apigateway:GET", "apigateway:POST", "apigateway:PUT", "apigateway:PATCH"),
        *("s3:GetBucketNotification", "s3:PutBucketNotification", "sns:Subscribe"),
        *("logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DescribeLogGroups"),
        *("events:PutRule", "events:PutTargets"),
    ),
    "destinations": (
        *("lambda:GetFunctionEventInvokeConfig", "lambda:PutFunctionEventInvokeConfig"),
    ),
    "functions": (
        *("sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes"),
        *("logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DescribeLogGroups"),
        *("lambda:GetFunctionConfiguration", "lambda:ListVersionsByFunction", "lambda:GetAlias"),
    ),
    "api-gateway": ("apigateway:GET", "apigateway:POST", "apigateway:PUT", "apigateway:PATCH"),
    "page": ("s3:ListBucket", "s3:PutObject", "s3:DeleteObject", "cloudfront:CreateInvalidation"),
    "smoke": (
        *("cognito-idp:AdminCreateUser", "cognito-idp:AdminSetUserPassword"),
        "cognito-idp:AdminDeleteUser",
    ),
}


def plan() -> list[str]:
    """The permissions of each step, in lines."""
    lines = []
    for step, actions in ACTIONS.items():
        services: dict[str, list[str]] = {}
        for action in actions:
            service, _, name = action.partition(":")
            services.setdefault(service, []).append(name)
        told = "; ".join(f"{service}: {' '.join(names)}" for service, names in services.items())
        lines += textwrap.wrap(
            told, 100, initial_indent=f"  {step:<13} ", subsequent_indent=" " * 16
        )
    return lines


def denied(iam: Any, caller: str) -> list[str]:
    """What IAM's simulator denies `caller`, an ARN, on every resource.

    A policy that names resources is denied here and may still do: a warning, not a verdict. Raises
    ClientError where the simulator may not be asked.
    """
    principal = _principal(iam, caller)
    if principal is None:
        return []
    wanted = sorted({action for actions in ACTIONS.values() for action in actions})
    found = []
    for some in (wanted[:50], wanted[50:]):
        results = iam.simulate_principal_policy(PolicySourceArn=principal, ActionNames=some)
        found += [
            result["EvalActionName"]
            for result in results["EvaluationResults"]
            if result["EvalDecision"] != "allowed"
        ]
    return found


def warning(iam: Any, caller: str) -> str:
    """What to say of the permissions beforehand; nothing where all is well."""
    try:
        missing = denied(iam, caller)
    except (BotoCoreError, ClientError) as error:
        return f"IAM's simulator was not asked ({_code(error)}): a missing permission shows later"
    return _told(missing) if missing else ""


def _told(missing: Iterable[str]) -> str:
    return (
        f"IAM's simulator denies {', '.join(missing)}: fine where a policy names resources;"
        " else the step that needs it will fail, and can be run again"
    )


def _principal(iam: Any, caller: str) -> str | None:
    """The user or role behind a caller; None for the account's root, who may all."""
    kind, _, name = caller.rpartition(":")[2].partition("/")
    if kind == "assumed-role":
        return str(iam.get_role(RoleName=name.partition("/")[0])["Role"]["Arn"])
    return caller if kind == "user" else None


def _code(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "no code"))
    return type(error).__name__
