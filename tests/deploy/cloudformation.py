"""What moto's CloudFormation lacks of our template, made by the calls that CloudFormation makes.

moto knows no user pool, no subscription, nothing of CloudFront and no policy of a bucket, topic or
queue as a resource of a stack, and makes buckets, tables and roles without half of their
properties. Importing this module teaches it; botocore checks the names and types of what is asked.
Stacks are made, not updated.
"""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from moto.core.common_models import CloudFormationModel
from moto.dynamodb.models.table import Table
from moto.iam.models import Role
from moto.s3.models import FakeBucket

from tests.environment import REGION

ACCOUNT = "123456789012"
Properties = Mapping[str, Any]
# Python would forget a class that nobody holds.
MODELS: list[type[CloudFormationModel]] = []


@functools.cache
def client(service: str) -> Any:
    """A client of the stacks' region; to make one takes longer than to ask it."""
    session: Any = boto3.Session(region_name=REGION)
    return session.client(service)


class Made:
    """A resource that was made: `Ref` tells its name, `Fn::GetAtt` its attributes."""

    def __init__(self, name: str, **attributes: str) -> None:
        self.physical_resource_id = name
        self.attributes = attributes

    def get_cfn_attribute(self, name: str) -> str:
        return self.attributes[name]

    def is_created(self) -> bool:
        return True


def makes(kind: str) -> Callable[[Callable[[str, Properties], Any]], Any]:
    """Let stacks have resources of a kind, made by a function of their name and properties."""

    def registered(make: Callable[[str, Properties], Any]) -> Any:
        class Model(CloudFormationModel):
            @staticmethod
            def cloudformation_name_type() -> str:
                return ""

            @staticmethod
            def cloudformation_type() -> str:
                return kind

            @classmethod
            def create_from_cloudformation_json(
                cls, resource_name: str, cloudformation_json: Any, *_: Any, **__: Any
            ) -> Any:
                return make(resource_name, cloudformation_json["Properties"])

        MODELS.append(Model)
        return make

    return registered


def half_made(model: Any, name: str, properties: Properties) -> Any:
    """What moto itself makes of it."""
    return model.create_from_cloudformation_json(name, {"Properties": properties}, ACCOUNT, REGION)


@makes("AWS::S3::Bucket")
def bucket(name: str, properties: Properties) -> Any:
    made = half_made(FakeBucket, name, properties)
    s3 = client("s3")
    encryption = [
        {
            "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
            "BucketKeyEnabled": rule.get("BucketKeyEnabled", False),
        }
        for rule in properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    ]
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": encryption})
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"],
    )
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=properties["OwnershipControls"])
    s3.put_bucket_versioning(
        Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"]
    )
    api_names = {"ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
    rules = [
        {api_names.get(key, key): value for key, value in rule.items()}
        for rule in properties["CorsConfiguration"]["CorsRules"]
    ]
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
    lifecycle = [_lifecycle_rule(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": lifecycle})
    return made


def _lifecycle_rule(rule: Properties) -> Any:
    """CloudFormation's form of a rule in the API's."""
    (tag,) = rule.get("TagFilters", [None])
    given = dict(rule)
    expiration = {
        "ExpirationInDays": "Days",
        "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
    }
    made = {"ID": given.pop("Id"), "Filter": {"Tag": tag} if tag else {"Prefix": ""}}
    given.pop("TagFilters", None)
    for name, api_name in expiration.items():
        if name in given:
            made["Expiration"] = {api_name: given.pop(name)}
    return made | given


@makes("AWS::S3::BucketPolicy")
def bucket_policy(name: str, properties: Properties) -> Made:
    client("s3").put_bucket_policy(
        Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"])
    )
    return Made(name)


@makes("AWS::CloudFront::ResponseHeadersPolicy")
def response_headers_policy(name: str, _: Properties) -> Made:
    return Made(name)


@makes("AWS::CloudFront::Distribution")
def distribution(name: str, _: Properties) -> Made:
    return Made(name, DomainName=f"{name.lower()}.cloudfront.net")


@makes("AWS::DynamoDB::Table")
def table(name: str, properties: Properties) -> Any:
    made = half_made(Table, name, properties)
    dynamodb = client("dynamodb")
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"]
    )
    dynamodb.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"],
    )
    return made


@makes("AWS::SNS::TopicPolicy")
def topic_policy(name: str, properties: Properties) -> Made:
    for topic in properties["Topics"]:
        client("sns").set_topic_attributes(
            TopicArn=topic,
            AttributeName="Policy",
            AttributeValue=json.dumps(properties["PolicyDocument"]),
        )
    return Made(name)


@makes("AWS::SNS::Subscription")
def subscription(_: str, properties: Properties) -> Made:
    sns = client("sns")
    return Made(sns.subscribe(**properties, ReturnSubscriptionArn=True)["SubscriptionArn"])


@makes("AWS::SQS::QueuePolicy")
def queue_policy(name: str, properties: Properties) -> Made:
    for queue in properties["Queues"]:
        client("sqs").set_queue_attributes(
            QueueUrl=queue, Attributes={"Policy": json.dumps(properties["PolicyDocument"])}
        )
    return Made(name)


@makes("AWS::Cognito::UserPool")
def user_pool(name: str, properties: Properties) -> Made:
    admin = properties["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"]
    given = dict(properties) | {
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": admin == "true"}
    }
    cognito = client("cognito-idp")
    made = cognito.create_user_pool(PoolName=name, **given)["UserPool"]
    return Made(made["Id"], Arn=made["Arn"])


@makes("AWS::Cognito::UserPoolClient")
def user_pool_client(name: str, properties: Properties) -> Made:
    cognito = client("cognito-idp")
    made = cognito.create_user_pool_client(ClientName=name, **properties)["UserPoolClient"]
    return Made(made["ClientId"])


@makes("AWS::IAM::Role")
def role(name: str, properties: Properties) -> Any:
    made = half_made(Role, name, {**properties, "Policies": []})
    iam = client("iam")
    for policy in properties["Policies"]:
        iam.put_role_policy(
            RoleName=name,
            PolicyName=policy["PolicyName"],
            PolicyDocument=json.dumps(policy["PolicyDocument"]),
        )
    return made
