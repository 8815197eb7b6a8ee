"""The permissions in AWS that each command needs, by the step that needs them.

`stack` lists the calls that CloudFormation makes with the permissions of the operator. `policy`
turns the lists into IAM policies, which `make permissions` prints. `simulator` finds out from IAM
which permissions are missing. The lists come from the recorded calls of the commands; comments
explain the actions that AWS requires in addition. A test compares both directions.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from deploy.permissions import stack

Actions = tuple[str, ...]

_CALLER: Actions = ("sts:GetCallerIdentity",)
# The simulator needs the caller's user or role; GetRole names the role of temporary credentials.
_SIMULATE: Actions = ("iam:SimulatePrincipalPolicy", "iam:GetRole")
# `deploy.steps.recovery` searches for the APIs if Chalice's note of them is missing.
_FIND_APIS: Actions = ("apigateway:GET",)
# The smoke test creates an account and deletes it.
_ACCOUNT: Actions = (
    *("cognito-idp:AdminCreateUser", "cognito-idp:AdminSetUserPassword"),
    *("cognito-idp:AdminDeleteUser", "cognito-idp:ListUsers"),
)
_DESTINATIONS: Actions = (
    *("lambda:GetFunctionEventInvokeConfig", "lambda:PutFunctionEventInvokeConfig"),
)
_API_GATEWAY: Actions = ("apigateway:GET", "apigateway:POST", "apigateway:PUT", "apigateway:PATCH")
# For a function with tags, GetFunction requires the permission to list the tags.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
_GET_FUNCTION: Actions = ("lambda:GetFunction", "lambda:ListTags")
_STACK_READ: Actions = (
    *("cloudformation:DescribeStacks", "cloudformation:GetTemplate"),
    "cloudformation:GetTemplateSummary",
)

COMMANDS: Mapping[str, Mapping[str, Actions]] = {
    "deploy": {
        "preflight": (
            *_CALLER,
            *_SIMULATE,
            *("lambda:GetAccountSettings", "lambda:GetFunctionConcurrency"),
            # Only for a stage with SnapStart.
            *("lambda:GetFunctionConfiguration", "lambda:ListProvisionedConcurrencyConfigs"),
        ),
        "resources": (
            *_STACK_READ,
            *("cloudformation:CreateStack", "cloudformation:UpdateStack"),
            *("cloudformation:DescribeStackEvents", "cloudformation:DescribeStackResources"),
            *("cloudformation:DeleteStack", "cloudformation:ContinueUpdateRollback"),
            # CreateStack and UpdateStack tag the stack.
            *("cloudformation:TagResource", "cloudformation:UntagResource"),
            *stack.actions("create", "update", "delete"),
        ),
        # Needed even if there is nothing to copy: it searches for tables of an earlier version.
        "migration": (
            *("dynamodb:ListTables", "dynamodb:DescribeTable", "dynamodb:ListTagsOfResource"),
            *("dynamodb:TagResource", "dynamodb:Scan", "dynamodb:BatchGetItem"),
            # TransactWriteItems and TransactGetItems are allowed by the actions on each item.
            *("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
            *("dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"),
        ),
        # `chalice deploy`. CreateFunction passes the function's role and tags the function.
        "application": (
            *_FIND_APIS,
            *("lambda:CreateFunction", "lambda:TagResource", "lambda:UntagResource"),
            *("lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"),
            *(*_GET_FUNCTION, "lambda:GetFunctionConfiguration"),
            *("lambda:AddPermission", "lambda:RemovePermission", "lambda:GetPolicy"),
            *("lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency"),
            *("iam:CreateRole", "iam:GetRole", "iam:PutRolePolicy", "iam:PassRole"),
            *("iam:UpdateAssumeRolePolicy", "iam:DeleteRolePolicy", "iam:ListRolePolicies"),
            *(*_API_GATEWAY, "apigateway:DELETE"),
            *("s3:GetBucketNotification", "s3:PutBucketNotification", "sns:Subscribe"),
            *("sns:Unsubscribe", "sns:GetSubscriptionAttributes"),
            *("logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DescribeLogGroups"),
            *("events:PutRule", "events:PutTargets", "events:DescribeRule"),
        ),
        "destinations": _DESTINATIONS,
        "functions": (
            *("sns:ListSubscriptionsByTopic", "sns:GetSubscriptionAttributes"),
            "sns:SetSubscriptionAttributes",
            *("logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DescribeLogGroups"),
            *("lambda:GetFunctionConfiguration", "lambda:ListVersionsByFunction"),
            *("lambda:GetAlias", "lambda:CreateAlias", "lambda:UpdateAlias", "lambda:DeleteAlias"),
            *("lambda:PublishVersion", "lambda:UpdateFunctionConfiguration"),
            *("lambda:GetFunction", "lambda:DeleteFunction", "lambda:AddPermission"),
            *_API_GATEWAY,
        ),
        "api-gateway": _API_GATEWAY,
        "page": (
            *("s3:ListBucket", "s3:PutObject", "s3:DeleteObject"),
            "cloudfront:CreateInvalidation",
        ),
        "smoke": _ACCOUNT,
    },
    "destroy": {
        "check": (
            *(*_CALLER, *_SIMULATE),
            *("cloudformation:DescribeStacks", "dynamodb:DescribeTable", "dynamodb:Scan"),
            *("s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts"),
        ),
        "application": (
            *("apigateway:GET", "apigateway:DELETE"),
            *("events:DescribeRule", "events:ListTargetsByRule", "events:RemoveTargets"),
            "events:DeleteRule",
            *(*_GET_FUNCTION, "lambda:GetPolicy", "lambda:RemovePermission"),
            *("lambda:DeleteFunction", "sns:Unsubscribe", "sns:GetSubscriptionAttributes"),
            *("s3:GetBucketNotification", "s3:PutBucketNotification"),
            *("iam:ListRolePolicies", "iam:DeleteRolePolicy", "iam:DeleteRole"),
            *("logs:DeleteLogGroup", "logs:DeleteRetentionPolicy"),
        ),
        "page": (
            *("s3:ListBucketVersions", "s3:DeleteObject", "s3:DeleteObjectVersion"),
            *("s3:ListBucketMultipartUploads", "s3:AbortMultipartUpload"),
        ),
        "stack": (
            *("cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents"),
            *("cloudformation:DeleteStack", *stack.actions("delete")),
        ),
        "data": (
            *("s3:ListBucketVersions", "s3:DeleteObject", "s3:DeleteObjectVersion"),
            *("s3:AbortMultipartUpload", "s3:DeleteBucket"),
            *("dynamodb:ListTables", "dynamodb:DescribeTable", "dynamodb:ListTagsOfResource"),
            "dynamodb:DeleteTable",
            *("cognito-idp:DescribeUserPool", "cognito-idp:UpdateUserPool"),
            "cognito-idp:DeleteUserPool",
        ),
    },
    "status": {
        "deployed": (
            *(*_CALLER, *_FIND_APIS, *_STACK_READ, *_GET_FUNCTION),
            *("dynamodb:GetItem", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
            *("cloudwatch:GetMetricStatistics", "cloudwatch:DescribeAlarms"),
        ),
        # `deploy.drift`: a check for each resource.
        "drift": (
            *("cloudformation:DescribeStackResources", "cloudfront:GetDistributionConfig"),
            *(*_GET_FUNCTION, "lambda:GetPolicy", "lambda:GetFunctionEventInvokeConfig"),
            *("iam:GetRole", "iam:GetRolePolicy", "logs:DescribeLogGroups"),
            *("s3:ListBucket", "s3:GetBucketCORS", "s3:GetBucketNotification"),
            *("s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetBucketVersioning"),
            *("s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration"),
            *("dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"),
            "dynamodb:DescribeContinuousBackups",
            *("sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"),
            *("sns:GetSubscriptionAttributes", "events:DescribeRule"),
            *("events:ListTargetsByRule", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
            *("cognito-idp:DescribeUserPool", "cognito-idp:DescribeUserPoolClient"),
        ),
        # DRIFT=1: CloudFormation reads its resources with the permissions of the caller.
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
        "detection": (
            *("cloudformation:DetectStackDrift", "cloudformation:DetectStackResourceDrift"),
            "cloudformation:DescribeStackDriftDetectionStatus",
            "cloudformation:DescribeStackResourceDrifts",
            *stack.actions("read"),
        ),
    },
    "smoke": {"account": _ACCOUNT},
    "logs": {"lines": ("logs:FilterLogEvents",)},
    "redrive": {
        "uploads": ("dynamodb:Scan", "s3:GetObject", "s3:ListBucket", "lambda:InvokeFunction"),
        "dead-letters": (
            *("sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
            *("sqs:DeleteMessage", "lambda:InvokeFunction"),
        ),
    },
    "destinations": {"destinations": _DESTINATIONS},
    "api-gateway": {"api-gateway": _API_GATEWAY},
}


def actions(command: str) -> list[str]:
    """All actions that a command may need, each once, in alphabetical order."""
    return sorted({action for step in COMMANDS[command].values() for action in step})


def epilog(command: str) -> str:
    """The last line of a command's `--help`."""
    return f"The permissions in AWS that it needs: make permissions COMMAND={command}"


def plan(command: str) -> list[str]:
    """The permissions of each step of a command, as lines to print."""
    lines = []
    for step, needed in COMMANDS[command].items():
        services: dict[str, list[str]] = {}
        for action in sorted(set(needed)):
            service, _, name = action.partition(":")
            services.setdefault(service, []).append(name)
        text = "; ".join(f"{service}: {' '.join(names)}" for service, names in services.items())
        lines += textwrap.wrap(
            text, 100, initial_indent=f"  {step:<13} ", subsequent_indent=" " * 16
        )
    return lines
