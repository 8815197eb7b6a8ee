"""Changes of CloudFormation's resources: `make status` prints them, but no step repairs them."""

import json
from collections.abc import Callable
from typing import Any

from tests.rehearsal.drifts import Change, Names

STATEMENTS = "RefuseOldTls, RefuseOtherSignatures, RefusePlainHttp, RefuseWhatWasPresignedLongAgo"
# A principal that is not the API's function.
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "lambda.amazonaws.com"},
            }
        ],
    }
)


def delete(operation: str, **members: str) -> Callable[[Any, Names], Any]:
    """Call an operation that deletes something; members are names in braces."""
    return lambda client, names: getattr(client, operation)(
        **{name: value.format(**names) for name, value in members.items()}
    )


def disable_page(client: Any, names: Names) -> None:
    """Disable the page's distribution."""
    distribution = client.get_distribution_config(Id=names["PageDistributionId"])
    client.update_distribution(
        Id=names["PageDistributionId"],
        IfMatch=distribution["ETag"],
        DistributionConfig={**distribution["DistributionConfig"], "Enabled": False},
    )


BY_HAND = {
    "CORS": Change(
        "s3",
        delete("delete_bucket_cors", Bucket="{Bucket}"),
        ("by hand       the bucket's CORS does not let {PageOrigin} PUT, POST, GET and HEAD",),
    ),
    "the bucket's policy": Change(
        "s3",
        delete("delete_bucket_policy", Bucket="{Bucket}"),
        (f"by hand       the bucket has a policy without {STATEMENTS}",),
    ),
    "the public access block": Change(
        "s3",
        delete("delete_public_access_block", Bucket="{Bucket}"),
        ("by hand       the bucket can be made public: BlockPublicAcls,",),
    ),
    "the encryption": Change(
        "s3",
        delete("delete_bucket_encryption", Bucket="{Bucket}"),
        ("by hand       the bucket encrypts with nothing",),
    ),
    "versioning": Change(
        "s3",
        lambda client, names: client.put_bucket_versioning(
            Bucket=names["Bucket"], VersioningConfiguration={"Status": "Enabled"}
        ),
        ("by hand       the bucket's versioning is Enabled",),
    ),
    "the lifecycle": Change(
        "s3",
        delete("delete_bucket_lifecycle", Bucket="{Bucket}"),
        (
            "by hand       the bucket's lifecycle rule parts-of-abandoned-uploads is missing",
            "by hand       the bucket's lifecycle rule rejected is missing or off",
        ),
    ),
    "the page's policy": Change(
        "s3",
        delete("delete_bucket_policy", Bucket="{PageBucket}"),
        ("by hand       the page's bucket has a policy without AllowThePage, AllowThePageTo",),
    ),
    "time to live": Change(
        "dynamodb",
        lambda client, names: client.update_time_to_live(
            TableName=names["Table"],
            TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires"},
        ),
        ("by hand       the table's time to live is off: expired items stay",),
    ),
    "recovery": Change(
        "dynamodb",
        lambda client, names: client.update_continuous_backups(
            TableName=names["Table"],
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
        ),
        ("by hand       the table's point-in-time recovery is off: it cannot be restored",),
    ),
    "an index": Change(
        "dynamodb",
        lambda client, names: client.update_table(
            TableName=names["Table"],
            GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "to_check"}}],
        ),
        ("by hand       the table has no index to_check",),
    ),
    "a topic": Change(
        "sns",
        delete("delete_topic", TopicArn="{NotificationsTopicArn}"),
        ("by hand       the topic {NotificationsTopicArn} is missing",),
    ),
    "a topic's policy": Change(
        "sns",
        lambda client, names: client.set_topic_attributes(
            TopicArn=names["OperationsTopicArn"],
            AttributeName="Policy",
            AttributeValue='{"Version": "2012-10-17", "Statement": []}',
        ),
        ("by hand       the topic {OperationsTopicArn} has a policy without AllowAlarms, Refuse",),
    ),
    "the queue": Change(
        "sqs",
        lambda client, names: client.set_queue_attributes(
            QueueUrl=client.get_queue_url(QueueName=names["Queue"])["QueueUrl"],
            Attributes={"Policy": "", "MessageRetentionPeriod": "86400"},
        ),
        (
            "by hand       the queue of dead letters has a policy without AllowTheResultsTopic,",
            "by hand       the queue keeps dead letters for 86400 seconds, not",
        ),
    ),
    "who makes accounts": Change(
        "cognito-idp",
        lambda client, names: client.update_user_pool(
            UserPoolId=names["UserPool"], AdminCreateUserConfig={"AllowAdminCreateUserOnly": True}
        ),
        ("by hand       the user pool lets only operators create accounts",),
    ),
    "how people sign in": Change(
        "cognito-idp",
        lambda client, names: client.update_user_pool_client(
            UserPoolId=names["UserPool"],
            ClientId=names["UserPoolClientId"],
            ExplicitAuthFlows=["ALLOW_REFRESH_TOKEN_AUTH"],
        ),
        ("by hand       the page's client of the user pool lacks ALLOW_USER_PASSWORD_AUTH",),
    ),
    "who may lend credentials": Change(
        "iam",
        lambda client, names: [
            client.update_assume_role_policy(
                RoleName=names["UploaderRole"],
                PolicyDocument=TRUST,
            ),
            client.delete_role_policy(RoleName=names["UploaderRole"], PolicyName="uploads"),
        ],
        (
            "by hand       the role {UploaderRole} does not trust role/hoist-dev-api_handler",
            "by hand       the role {UploaderRole} has no policy uploads",
        ),
    ),
    "the distribution": Change(
        "cloudfront",
        disable_page,
        ("by hand       the distribution Page ({PageDistributionId}) is not enabled",),
    ),
}
MISSING = {
    "the table": Change(
        "dynamodb",
        delete("delete_table", TableName="{Table}"),
        ("by hand       the table {Table} is missing, with all uploads",),
    ),
    "the queue": Change(
        "sqs",
        lambda client, names: client.delete_queue(
            QueueUrl=client.get_queue_url(QueueName=names["Queue"])["QueueUrl"]
        ),
        ("by hand       the queue {DeadLettersArn} is missing: dead letters are lost",),
    ),
    "the role": Change(
        "iam",
        delete("delete_role", RoleName="{UploaderRole}"),
        ("by hand       the role {UploaderRole} is missing: no credentials can be issued",),
    ),
    "the bucket": Change(
        "s3",
        delete("delete_bucket", Bucket="{Bucket}"),
        ("by hand       the bucket {Bucket} is missing, with all files",),
    ),
    "the client of the user pool": Change(
        "cognito-idp",
        delete("delete_user_pool_client", UserPoolId="{UserPool}", ClientId="{UserPoolClientId}"),
        ("by hand       the page's client of the user pool is missing: nobody can sign in",),
    ),
    "the topic of results": Change(
        "sns",
        delete("delete_topic", TopicArn="{ResultsTopicArn}"),
        ("by hand       the topic {ResultsTopicArn} is missing",),
    ),
}
