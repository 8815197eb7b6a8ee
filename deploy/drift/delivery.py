"""Topics, queue, accounts, role and distributions, which CloudFormation created.

Checks only what an upload needs. CloudFormation's drift detection compares every property.
IAM: sns:GetTopicAttributes, sqs:GetQueueUrl, sqs:GetQueueAttributes, cognito-idp:DescribeUserPool,
cognito-idp:DescribeUserPoolClient, iam:GetRole, iam:GetRolePolicy,
cloudfront:GetDistributionConfig.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from deploy.changes import Change
from deploy.drift.deployed_stage import (
    BY_HAND,
    DISTRIBUTIONS,
    DeployedStage,
    missing_statements,
)
from deploy.errors import answer
from stage.names import role_name

# The statements of the policies by their names in the template; a test compares them.
TOPICS = {
    "HOIST_RESULTS_TOPIC_ARN": frozenset({"RefusePlainHttp"}),
    "HOIST_NOTIFICATIONS_TOPIC_ARN": frozenset({"RefusePlainHttp"}),
    "HOIST_OPERATIONS_TOPIC_ARN": frozenset({"RefusePlainHttp", "AllowAlarms"}),
}
QUEUE_STATEMENTS = frozenset({"RefusePlainHttp", "AllowTheResultsTopic"})
# The sign-in flows of the page's client in the template.
FLOWS = frozenset({"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"})
TRIGGERS = ("PreSignUp", "CustomMessage", "PreTokenGeneration")
# Seconds that a dead letter is kept: the maximum of SQS.
RETENTION = 1_209_600


def topics(stage: DeployedStage) -> Iterator[Change]:
    """The topics exist, with their policies."""
    sns = stage.client("sns")
    for variable, statements in TOPICS.items():
        arn = stage.stage.arn(variable)
        response = answer(sns.get_topic_attributes, "NotFound", TopicArn=arn)
        if response is None:
            yield Change(BY_HAND, f"the topic {arn} is missing")
        elif missing := missing_statements(response["Attributes"].get("Policy"), statements):
            yield Change(BY_HAND, f"the topic {arn} has a policy without {missing}")


def queue(stage: DeployedStage) -> Iterator[Change]:
    """The queue accepts dead letters of the results' topic, and keeps them."""
    sqs, arn = stage.client("sqs"), stage.stage.arn("HOIST_DEAD_LETTERS_ARN")
    codes = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
    url = answer(sqs.get_queue_url, *codes, QueueName=arn.rpartition(":")[2])
    if url is None:
        yield Change(BY_HAND, f"the queue {arn} is missing: dead letters are lost")
        return
    names = ["Policy", "MessageRetentionPeriod"]
    attributes = sqs.get_queue_attributes(QueueUrl=url["QueueUrl"], AttributeNames=names)[
        "Attributes"
    ]
    if missing := missing_statements(attributes.get("Policy"), QUEUE_STATEMENTS):
        yield Change(BY_HAND, f"the queue of dead letters has a policy without {missing}")
    if int(attributes["MessageRetentionPeriod"]) < RETENTION:
        seconds = attributes["MessageRetentionPeriod"]
        what = f"the queue keeps dead letters for {seconds} seconds, not {RETENTION} (14 days)"
        yield Change(BY_HAND, what)


def accounts(stage: DeployedStage) -> Iterator[Change]:
    """People can sign in, and the sign-up is as open as the parameters say."""
    cognito = stage.client("cognito-idp")
    pool = stage.settings.user_pool_arn.rpartition("/")[2]
    response = answer(cognito.describe_user_pool, "ResourceNotFoundException", UserPoolId=pool)
    if response is None:
        yield Change(BY_HAND, f"the user pool {pool} is missing, with all accounts")
        return
    admin = response["UserPool"].get("AdminCreateUserConfig", {}).get("AllowAdminCreateUserOnly")
    expected = stage.parameter("AdminOnlySignUp") == "true"
    if bool(admin) != expected:
        who = "only operators" if admin else "everybody"
        yield Change(BY_HAND, f"the user pool lets {who} create accounts")
    triggers = response["UserPool"].get("LambdaConfig", {})
    absent = [each for each in TRIGGERS if each not in triggers]
    if stage.parameter("SignUpDomains") and absent:
        yield Change(BY_HAND, f"the user pool lacks {', '.join(absent)} of SignUpDomains")
    client = answer(
        cognito.describe_user_pool_client,
        "ResourceNotFoundException",
        UserPoolId=pool,
        ClientId=stage.stage.arn("HOIST_USER_POOL_CLIENT_ID"),
    )
    flows = client["UserPoolClient"].get("ExplicitAuthFlows", []) if client else []
    if client is None:
        yield Change(BY_HAND, "the page's client of the user pool is missing: nobody can sign in")
    elif missing := sorted(FLOWS - set(flows)):
        yield Change(BY_HAND, f"the page's client of the user pool lacks {', '.join(missing)}")


def uploader_role(stage: DeployedStage) -> Iterator[Change]:
    """The API's function can issue credentials."""
    iam, name = stage.client("iam"), stage.settings.uploader_role_arn.rpartition("/")[2]
    response = answer(iam.get_role, "NoSuchEntity", RoleName=name)
    if response is None:
        yield Change(BY_HAND, f"the role {name} is missing: no credentials can be issued")
        return
    trusted = f"role/{role_name(stage.name, 'api_handler')}"
    if trusted not in json.dumps(response["Role"]["AssumeRolePolicyDocument"]):
        yield Change(BY_HAND, f"the role {name} does not trust {trusted}")
    if answer(iam.get_role_policy, "NoSuchEntity", RoleName=name, PolicyName="uploads") is None:
        yield Change(BY_HAND, f"the role {name} has no policy uploads")


def distributions(stage: DeployedStage) -> Iterator[Change]:
    """CloudFront serves the page and the downloads."""
    cloudfront = stage.client("cloudfront")
    ids = stage.distributions()
    for name in DISTRIBUTIONS:
        response: Any = None
        if name in ids:
            response = answer(
                cloudfront.get_distribution_config, "NoSuchDistribution", Id=ids[name]
            )
        if response is None:
            yield Change(BY_HAND, f"the distribution {name} is missing")
        elif not response["DistributionConfig"]["Enabled"]:
            yield Change(BY_HAND, f"the distribution {name} ({ids[name]}) is not enabled")
