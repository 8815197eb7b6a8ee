"""The calls of CloudFormation to create, update, delete and read each type of resource of a stack.

CloudFormation has no permissions of its own here: it uses those of the operator.
The lists are the `handlers` of the types' schemas, without the calls for properties that
`.chalice/resources.yaml` does not set. A test compares the types with that file.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

Handler = Literal["create", "update", "delete", "read"]

_ROLE_POLICY = ("iam:PutRolePolicy", "iam:GetRolePolicy")

# By type; "update" lists only what "create" does not.
RESOURCES: Mapping[str, Mapping[Handler, tuple[str, ...]]] = {
    # Not in the registry of schemas: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbudgetservice.html
    "AWS::Budgets::Budget": {
        "create": ("budgets:ModifyBudget", "budgets:ViewBudget", "budgets:TagResource"),
        "update": ("budgets:UntagResource", "budgets:ListTagsForResource"),
        "delete": ("budgets:ModifyBudget", "budgets:ViewBudget"),
        "read": ("budgets:ViewBudget", "budgets:ListTagsForResource"),
    },
    "AWS::CloudFront::Distribution": {
        "create": (
            *("cloudfront:CreateDistribution", "cloudfront:CreateDistributionWithTags"),
            *("cloudfront:GetDistribution", "cloudfront:GetDistributionConfig"),
            "cloudfront:TagResource",
        ),
        "update": (
            *("cloudfront:UpdateDistribution", "cloudfront:ListTagsForResource"),
            "cloudfront:UntagResource",
        ),
        "delete": (
            *("cloudfront:DeleteDistribution", "cloudfront:GetDistribution"),
            *("cloudfront:GetDistributionConfig", "cloudfront:UpdateDistribution"),
        ),
        "read": (
            *("cloudfront:GetDistribution", "cloudfront:GetDistributionConfig"),
            "cloudfront:ListTagsForResource",
        ),
    },
    "AWS::CloudFront::OriginAccessControl": {
        "create": ("cloudfront:CreateOriginAccessControl",),
        "update": ("cloudfront:UpdateOriginAccessControl", "cloudfront:GetOriginAccessControl"),
        "delete": ("cloudfront:DeleteOriginAccessControl", "cloudfront:GetOriginAccessControl"),
        "read": ("cloudfront:GetOriginAccessControl",),
    },
    "AWS::CloudFront::ResponseHeadersPolicy": {
        "create": ("cloudfront:CreateResponseHeadersPolicy",),
        "update": (
            *("cloudfront:UpdateResponseHeadersPolicy", "cloudfront:GetResponseHeadersPolicy"),
        ),
        "delete": (
            *("cloudfront:DeleteResponseHeadersPolicy", "cloudfront:GetResponseHeadersPolicy"),
        ),
        "read": ("cloudfront:GetResponseHeadersPolicy",),
    },
    "AWS::CloudWatch::Alarm": {
        "create": (
            *("cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:TagResource"),
        ),
        "update": ("cloudwatch:UntagResource",),
        "delete": ("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms"),
        "read": ("cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"),
    },
    "AWS::CloudWatch::Dashboard": {
        "create": (
            *("cloudwatch:PutDashboard", "cloudwatch:GetDashboard", "cloudwatch:TagResource"),
        ),
        "update": ("cloudwatch:UntagResource", "cloudwatch:ListTagsForResource"),
        "delete": ("cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard"),
        "read": ("cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"),
    },
    "AWS::Cognito::UserPool": {
        "create": (
            *("cognito-idp:CreateUserPool", "cognito-idp:SetUserPoolMfaConfig"),
            *("cognito-idp:DescribeUserPool", "cognito-idp:TagResource"),
            # For mails by SES: https://docs.aws.amazon.com/cognito/latest/developerguide/using-service-linked-roles.html
            "iam:CreateServiceLinkedRole",
        ),
        "update": (
            *("cognito-idp:UpdateUserPool", "cognito-idp:GetUserPoolMfaConfig"),
            *("cognito-idp:ListTagsForResource", "cognito-idp:UntagResource"),
        ),
        "delete": ("cognito-idp:DeleteUserPool",),
        "read": ("cognito-idp:DescribeUserPool", "cognito-idp:GetUserPoolMfaConfig"),
    },
    "AWS::Cognito::UserPoolClient": {
        "create": ("cognito-idp:CreateUserPoolClient", "cognito-idp:DescribeUserPoolClient"),
        "update": ("cognito-idp:UpdateUserPoolClient",),
        "delete": ("cognito-idp:DeleteUserPoolClient",),
        "read": ("cognito-idp:DescribeUserPoolClient",),
    },
    "AWS::DynamoDB::Table": {
        "create": (
            *("dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:TagResource"),
            *("dynamodb:UpdateTimeToLive", "dynamodb:DescribeTimeToLive"),
            *("dynamodb:UpdateContinuousBackups", "dynamodb:DescribeContinuousBackups"),
            *("dynamodb:DescribeContributorInsights", "dynamodb:ListTagsOfResource"),
            *("dynamodb:DescribeKinesisStreamingDestination", "dynamodb:GetResourcePolicy"),
        ),
        "update": ("dynamodb:UpdateTable", "dynamodb:UntagResource"),
        "delete": ("dynamodb:DeleteTable", "dynamodb:DescribeTable"),
        "read": (
            *("dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups"),
            *("dynamodb:DescribeContributorInsights", "dynamodb:DescribeTimeToLive"),
            *("dynamodb:DescribeKinesisStreamingDestination", "dynamodb:GetResourcePolicy"),
            "dynamodb:ListTagsOfResource",
        ),
    },
    # Not in the registry of schemas; it writes an inline policy of the uploader's role.
    "AWS::IAM::Policy": {
        "create": _ROLE_POLICY,
        "update": (),
        "delete": ("iam:DeleteRolePolicy", "iam:GetRolePolicy"),
        "read": ("iam:GetRolePolicy",),
    },
    "AWS::IAM::Role": {
        "create": ("iam:CreateRole", "iam:GetRole", "iam:TagRole", *_ROLE_POLICY),
        "update": (
            *("iam:UpdateRole", "iam:UpdateRoleDescription", "iam:UpdateAssumeRolePolicy"),
            *("iam:DeleteRolePolicy", "iam:UntagRole"),
        ),
        "delete": (
            *("iam:DeleteRole", "iam:DeleteRolePolicy", "iam:GetRole"),
            *("iam:ListAttachedRolePolicies", "iam:ListRolePolicies"),
        ),
        "read": (
            *("iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies"),
            "iam:ListAttachedRolePolicies",
        ),
    },
    "AWS::Lambda::Function": {
        "create": (
            *("lambda:CreateFunction", "lambda:GetFunction", "lambda:TagResource"),
            *("lambda:GetRuntimeManagementConfig", "iam:PassRole"),
        ),
        "update": (
            *("lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"),
            "lambda:UntagResource",
        ),
        "delete": ("lambda:DeleteFunction", "lambda:GetFunction"),
        "read": (
            *("lambda:GetFunction", "lambda:GetFunctionCodeSigningConfig"),
            *("lambda:GetFunctionRecursionConfig", "lambda:GetFunctionScalingConfig"),
            "lambda:GetRuntimeManagementConfig",
        ),
    },
    "AWS::Lambda::Permission": {
        "create": ("lambda:AddPermission",),
        "update": (),
        "delete": ("lambda:RemovePermission",),
        "read": ("lambda:GetPolicy",),
    },
    "AWS::Logs::LogGroup": {
        "create": (
            *("logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DescribeLogGroups"),
            "logs:TagResource",
        ),
        "update": ("logs:UntagResource", "logs:ListTagsForResource"),
        "delete": ("logs:DeleteLogGroup", "logs:DescribeLogGroups"),
        "read": (
            *("logs:DescribeLogGroups", "logs:ListTagsForResource"),
            *("logs:GetDataProtectionPolicy", "logs:DescribeIndexPolicies"),
            "logs:DescribeResourcePolicies",
        ),
    },
    "AWS::S3::Bucket": {
        "create": (
            *("s3:CreateBucket", "s3:PutBucketTagging", "s3:TagResource"),
            *("s3:PutEncryptionConfiguration", "s3:PutBucketCORS", "s3:PutBucketVersioning"),
            *("s3:PutLifecycleConfiguration", "s3:PutBucketPublicAccessBlock"),
            *("s3:PutBucketOwnershipControls", "s3:ListBucket"),
        ),
        "update": ("s3:UntagResource",),
        "delete": ("s3:DeleteBucket", "s3:ListBucket"),
        "read": (
            *("s3:GetAccelerateConfiguration", "s3:GetAnalyticsConfiguration"),
            *("s3:GetBucketAbac", "s3:GetBucketCORS", "s3:GetBucketLogging"),
            *("s3:GetBucketMetadataTableConfiguration", "s3:GetBucketNotification"),
            *("s3:GetBucketObjectLockConfiguration", "s3:GetBucketOwnershipControls"),
            *("s3:GetBucketPublicAccessBlock", "s3:GetBucketTagging", "s3:GetBucketVersioning"),
            *("s3:GetBucketWebsite", "s3:GetEncryptionConfiguration"),
            *("s3:GetIntelligentTieringConfiguration", "s3:GetInventoryConfiguration"),
            *("s3:GetLifecycleConfiguration", "s3:GetMetricsConfiguration"),
            *("s3:GetReplicationConfiguration", "s3:ListBucket", "s3:ListTagsForResource"),
        ),
    },
    "AWS::S3::BucketPolicy": {
        "create": ("s3:GetBucketPolicy", "s3:PutBucketPolicy"),
        "update": (),
        "delete": ("s3:GetBucketPolicy", "s3:DeleteBucketPolicy"),
        "read": ("s3:GetBucketPolicy",),
    },
    "AWS::SNS::Subscription": {
        "create": ("sns:Subscribe",),
        "update": ("sns:SetSubscriptionAttributes",),
        "delete": ("sns:Unsubscribe", "sns:GetSubscriptionAttributes"),
        "read": ("sns:GetSubscriptionAttributes",),
    },
    "AWS::SNS::Topic": {
        "create": ("sns:CreateTopic", "sns:TagResource", "sns:GetTopicAttributes"),
        "update": (
            *("sns:SetTopicAttributes", "sns:UntagResource", "sns:ListTagsForResource"),
            *("sns:ListSubscriptionsByTopic", "sns:GetDataProtectionPolicy"),
        ),
        "delete": ("sns:GetTopicAttributes", "sns:DeleteTopic"),
        "read": (
            *("sns:GetTopicAttributes", "sns:ListTagsForResource"),
            *("sns:ListSubscriptionsByTopic", "sns:GetDataProtectionPolicy"),
        ),
    },
    "AWS::SNS::TopicPolicy": {
        "create": ("sns:SetTopicAttributes",),
        "update": (),
        "delete": ("sns:SetTopicAttributes",),
        "read": ("sns:GetTopicAttributes",),
    },
    "AWS::SQS::Queue": {
        "create": (
            *("sqs:CreateQueue", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
            *("sqs:ListQueueTags", "sqs:TagQueue"),
        ),
        "update": ("sqs:SetQueueAttributes", "sqs:UntagQueue"),
        "delete": ("sqs:DeleteQueue", "sqs:GetQueueAttributes"),
        "read": ("sqs:GetQueueAttributes", "sqs:ListQueueTags"),
    },
    "AWS::SQS::QueuePolicy": {
        "create": ("sqs:SetQueueAttributes",),
        "update": (),
        "delete": ("sqs:SetQueueAttributes",),
        "read": ("sqs:GetQueueAttributes",),
    },
}


def actions(*handlers: Handler) -> Iterator[str]:
    """The actions of some handlers of all types."""
    for lists in RESOURCES.values():
        for handler in handlers:
            yield from lists[handler]
