"""IAM policies with exactly what a command needs, on the resources of one stage or of all stages.

Pure: computed from the lists in `deploy.permissions`, without a call to AWS.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from deploy.permissions import actions

# Characters of a managed policy, white space not counted.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_SIZE = 6_144

# The resources of each service. CloudFormation and Chalice put the stage into every name that they
# can choose; API Gateway, Cognito and CloudFront generate random ids.
_ARNS = {
    "apigateway": (
        *("arn:aws:apigateway:{region}::/restapis", "arn:aws:apigateway:{region}::/restapis/*"),
        *("arn:aws:apigateway:{region}::/apis", "arn:aws:apigateway:{region}::/apis/*"),
    ),
    "budgets": ("arn:aws:budgets::*:budget/*",),
    "cloudformation": ("arn:aws:cloudformation:{region}:*:stack/hoist-{stage}/*",),
    "cloudfront": (
        *("arn:aws:cloudfront::*:distribution/*", "arn:aws:cloudfront::*:origin-access-control/*"),
        "arn:aws:cloudfront::*:response-headers-policy/*",
    ),
    "cloudwatch": (
        "arn:aws:cloudwatch:{region}:*:alarm:hoist-{stage}-*",
        "arn:aws:cloudwatch::*:dashboard/*",
    ),
    "cognito-idp": ("arn:aws:cognito-idp:{region}:*:userpool/*",),
    "dynamodb": ("arn:aws:dynamodb:{region}:*:table/hoist-{stage}-*",),
    "events": ("arn:aws:events:{region}:*:rule/hoist-{stage}-*",),
    "iam": ("arn:aws:iam::*:role/hoist-{stage}-*",),
    "lambda": (
        *("arn:aws:lambda:{region}:*:function:hoist-{stage}",),
        *("arn:aws:lambda:{region}:*:function:hoist-{stage}:*",),
        *("arn:aws:lambda:{region}:*:function:hoist-{stage}-*",),
    ),
    "logs": (
        "arn:aws:logs:{region}:*:log-group:/aws/lambda/hoist-{stage}*",
        "arn:aws:logs:{region}:*:log-group:hoist-{stage}-*",
    ),
    "s3": ("arn:aws:s3:::hoist-{stage}-*",),
    "sns": ("arn:aws:sns:{region}:*:hoist-{stage}-*",),
    "sqs": ("arn:aws:sqs:{region}:*:hoist-{stage}-*",),
}
# Actions without a resource, or whose resource has no name yet. GetRole and
# SimulatePrincipalPolicy apply to the operator's own role.
_ANYWHERE = frozenset({
    "cloudformation:DescribeStackDriftDetectionStatus", "cloudformation:GetTemplateSummary",
    "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricStatistics", "cognito-idp:CreateUserPool",
    "dynamodb:ListTables", "iam:GetRole", "iam:SimulatePrincipalPolicy",
    "lambda:GetAccountSettings", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
    "sts:GetCallerIdentity",
})  # fmt: skip
# Actions that are allowed for one service only.
CONDITIONS = {
    "iam:PassRole": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
    "iam:CreateServiceLinkedRole": {
        "StringEquals": {"iam:AWSServiceName": "email.cognito-idp.amazonaws.com"}
    },
}
_SERVICE_LINKED = "arn:aws:iam::*:role/aws-service-role/email.cognito-idp.amazonaws.com/*"


def documents(command: str, stage: str, region: str) -> list[dict[str, Any]]:
    """The policies of a command, each of a size that IAM takes.

    `stage` and `region` may be "*": every stage, every region.
    """
    policies: list[dict[str, Any]] = []
    for statement in statements(command, stage, region):
        if not policies or size(_document([*policies[-1]["Statement"], statement])) > MAX_SIZE:
            policies.append(_document([]))
        policies[-1]["Statement"].append(statement)
    return policies


def size(document: dict[str, Any]) -> int:
    """The characters of a policy as IAM counts them."""
    return len(json.dumps(document, separators=(",", ":")))


def resources(action: str, stage: str, region: str) -> tuple[str, ...]:
    """The ARNs of the resources of an action."""
    if action in _ANYWHERE:
        return ("*",)
    if action == "iam:CreateServiceLinkedRole":
        return (_SERVICE_LINKED,)
    patterns = _ARNS[action.partition(":")[0]]
    return tuple(pattern.format(stage=stage, region=region) for pattern in patterns)


def statements(command: str, stage: str, region: str) -> Iterator[dict[str, Any]]:
    """The statements of a command: one for each set of resources, and each condition."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for action in actions(command):
        if action in CONDITIONS:
            arns = list(resources(action, stage, region))
            yield {**_allow([action], arns), "Condition": CONDITIONS[action]}
        else:
            groups.setdefault(resources(action, stage, region), []).append(action)
    for arns_of_group, allowed in groups.items():
        yield _allow(allowed, list(arns_of_group))


def _allow(allowed: list[str], arns: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": allowed, "Resource": arns}


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
