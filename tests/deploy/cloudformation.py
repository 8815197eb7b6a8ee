"""Extends moto's CloudFormation by the resources of our template that it lacks.

moto has no user pool, subscription or alarm as a resource of a stack. It has nothing of CloudFront,
and no policy of a bucket, topic or queue. It creates buckets, tables and roles without half of
their properties. Importing this module changes moto for the whole process.
"""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from moto.cloudformation.models import CloudFormationBackend, Stack
from moto.cloudformation.parsing import ResourceMap
from moto.core.common_models import CloudFormationModel
from moto.dynamodb.models.table import Table
from moto.iam.models import Role
from moto.s3.models import FakeBucket

from tests.support.environment import REGION

ACCOUNT = "123456789012"
Properties = Mapping[str, Any]
# Python would delete a class without a reference.
MODELS: list[type[CloudFormationModel]] = []


@functools.cache
def client(service: str) -> Any:
    """A client in the stacks' region; creating one takes longer than a call."""
    session: Any = boto3.Session(region_name=REGION)
    return session.client(service)


class Created:
    """A resource of a stack: `Ref` returns its name, `Fn::GetAtt` its attributes."""

    def __init__(self, name: str, **attributes: str) -> None:
        self.physical_resource_id = name
        self.attributes = attributes

    def get_cfn_attribute(self, name: str) -> str:
        return self.attributes[name]

    def is_created(self) -> bool:
        return True


def creates(
    kind: str, delete: Callable[[str], Any] = lambda _: None
) -> Callable[[Callable[[str, Properties], Any]], Any]:
    """Register a function that creates resources of a kind from their name and properties.

    The same function creates them again, with their names in AWS as names.
    """

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

            @classmethod
            def update_from_cloudformation_json(  # type: ignore[override]
                cls, original_resource: Any, cloudformation_json: Any, **_: Any
            ) -> Any:
                created = make(
                    original_resource.physical_resource_id, cloudformation_json["Properties"]
                )
                return original_resource if created is None else created

            @classmethod
            def delete_from_cloudformation_json(cls, resource_name: str, *_: Any) -> None:
                delete(resource_name)

        MODELS.append(Model)  # type: ignore[type-abstract]
        return make

    return registered


def create_with_moto(model: Any, name: str, properties: Properties) -> Any:
    """The resource as moto itself creates it."""
    return model.create_from_cloudformation_json(name, {"Properties": properties}, ACCOUNT, REGION)


def delete_bucket(name: str) -> None:
    client("s3").delete_bucket(Bucket=name)


@creates("AWS::S3::Bucket", delete_bucket)
def bucket(name: str, properties: Properties) -> Any:
    s3 = client("s3")
    there = name in [match["Name"] for match in s3.list_buckets()["Buckets"]]
    created = None if there else create_with_moto(FakeBucket, name, properties)
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
    if "VersioningConfiguration" in properties:
        s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"]
        )
    if "CorsConfiguration" in properties:
        api_names = {"ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
        rules = [
            {api_names.get(key, key): value for key, value in rule.items()}
            for rule in properties["CorsConfiguration"]["CorsRules"]
        ]
        s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
    if "LifecycleConfiguration" in properties:
        lifecycle = [
            _lifecycle_rule(rule) for rule in properties["LifecycleConfiguration"]["Rules"]
        ]
        s3.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration={"Rules": lifecycle}
        )
    return created


def _lifecycle_rule(rule: Properties) -> Any:
    """Convert a rule from CloudFormation's form into the API's."""
    (tag,) = rule.get("TagFilters", [None])
    parameter_values = dict(rule)
    expiration = {
        "ExpirationInDays": "Days",
        "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
    }
    created = {"ID": parameter_values.pop("Id"), "Filter": {"Tag": tag} if tag else {"Prefix": ""}}
    parameter_values.pop("TagFilters", None)
    for name, api_name in expiration.items():
        if name in parameter_values:
            created["Expiration"] = {api_name: parameter_values.pop(name)}
    return created | parameter_values


@creates("AWS::S3::BucketPolicy")
def bucket_policy(name: str, properties: Properties) -> Created:
    client("s3").put_bucket_policy(
        Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"])
    )
    return Created(name)


@creates("AWS::CloudFront::ResponseHeadersPolicy")
def response_headers_policy(name: str, _: Properties) -> Created:
    return Created(name)


def delete_access(name: str) -> None:
    client("cloudfront").delete_origin_access_control(Id=name, IfMatch="")


@creates("AWS::CloudFront::OriginAccessControl", delete_access)
def origin_access_control(_: str, properties: Properties) -> Created:
    config = properties["OriginAccessControlConfig"]
    created = client("cloudfront").create_origin_access_control(OriginAccessControlConfig=config)
    return Created(created["OriginAccessControl"]["Id"])


def delete_distribution(name: str) -> None:
    cloudfront = client("cloudfront")
    tag = cloudfront.get_distribution(Id=name)["ETag"]
    cloudfront.delete_distribution(Id=name, IfMatch=tag)


@creates("AWS::CloudFront::Distribution", delete_distribution)
def distribution(name: str, properties: Properties) -> Created:
    cloudfront = client("cloudfront")
    config = properties["DistributionConfig"]
    match = cloudfront.list_distributions()["DistributionList"].get("Items", [])
    ids = [each["Id"] for each in match]
    if name not in ids:
        origins = [
            {"Id": origin["Id"], "DomainName": origin["DomainName"]} for origin in config["Origins"]
        ]
        behaviour = {
            "TargetOriginId": config["DefaultCacheBehavior"]["TargetOriginId"],
            "ViewerProtocolPolicy": config["DefaultCacheBehavior"]["ViewerProtocolPolicy"],
        }
        aliases = config.get("Aliases", [])
        created = cloudfront.create_distribution(
            DistributionConfig={
                "CallerReference": name,
                "Comment": config["Comment"],
                "Enabled": config["Enabled"],
                "Aliases": {"Quantity": len(aliases), "Items": aliases},
                "Origins": {"Quantity": len(origins), "Items": origins},
                "DefaultCacheBehavior": behaviour,
                "ViewerCertificate": _viewer_certificate(config["ViewerCertificate"]),
                "WebACLId": config.get("WebACLId", ""),
            }
        )
        name = created["Distribution"]["Id"]
    domain = cloudfront.get_distribution(Id=name)["Distribution"]["DomainName"]
    return Created(name, DomainName=domain)


def _viewer_certificate(parameter_values: Properties) -> Any:
    """Convert a certificate from CloudFormation's form into the API's."""
    api_names = {"AcmCertificateArn": "ACMCertificateArn", "SslSupportMethod": "SSLSupportMethod"}
    return {api_names.get(name, name): value for name, value in parameter_values.items()}


def delete_budget(name: str) -> None:
    client("budgets").delete_budget(AccountId=ACCOUNT, BudgetName=name)


@creates("AWS::Budgets::Budget", delete_budget)
def budget(name: str, properties: Properties) -> Created:
    budgets = client("budgets")
    there = budgets.describe_budgets(AccountId=ACCOUNT)["Budgets"]
    if name in [match["BudgetName"] for match in there]:
        delete_budget(name)
    budgets.create_budget(
        AccountId=ACCOUNT,
        Budget={"BudgetName": name, **properties["Budget"]},
        NotificationsWithSubscribers=properties["NotificationsWithSubscribers"],
        ResourceTags=properties["ResourceTags"],
    )
    return Created(name)


@creates("AWS::DynamoDB::Table")
def table(name: str, properties: Properties) -> Any:
    dynamodb = client("dynamodb")
    if name in dynamodb.list_tables()["TableNames"]:
        return None
    created = create_with_moto(Table, name, properties)
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"]
    )
    dynamodb.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"],
    )
    return created


@creates("AWS::SNS::TopicPolicy")
def topic_policy(name: str, properties: Properties) -> Created:
    for topic in properties["Topics"]:
        client("sns").set_topic_attributes(
            TopicArn=topic,
            AttributeName="Policy",
            AttributeValue=json.dumps(properties["PolicyDocument"]),
        )
    return Created(name)


def unsubscribe(arn: str) -> None:
    client("sns").unsubscribe(SubscriptionArn=arn)


@creates("AWS::SNS::Subscription", unsubscribe)
def subscription(_: str, properties: Properties) -> Created:
    sns = client("sns")
    return Created(sns.subscribe(**properties, ReturnSubscriptionArn=True)["SubscriptionArn"])


@creates("AWS::SQS::QueuePolicy")
def queue_policy(name: str, properties: Properties) -> Created:
    for queue in properties["Queues"]:
        client("sqs").set_queue_attributes(
            QueueUrl=queue, Attributes={"Policy": json.dumps(properties["PolicyDocument"])}
        )
    return Created(name)


@creates("AWS::Cognito::UserPool")
def user_pool(name: str, properties: Properties) -> Any:
    admin = properties["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"]
    parameter_values = dict(properties) | {
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": admin == "true"}
    }
    cognito = client("cognito-idp")
    if name in [match["Id"] for match in cognito.list_user_pools(MaxResults=60)["UserPools"]]:
        unchangeable = ("UsernameAttributes", "UsernameConfiguration")
        changed = {key: value for key, value in parameter_values.items() if key not in unchangeable}
        cognito.update_user_pool(UserPoolId=name, **changed)
        return None
    created = cognito.create_user_pool(PoolName=name, **parameter_values)["UserPool"]
    return Created(created["Id"], Arn=created["Arn"])


@creates("AWS::Cognito::UserPoolClient")
def user_pool_client(name: str, properties: Properties) -> Any:
    cognito = client("cognito-idp")
    pool = properties["UserPoolId"]
    clients = cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=60)["UserPoolClients"]
    if name in [match["ClientId"] for match in clients]:
        return None
    created = cognito.create_user_pool_client(ClientName=name, **properties)["UserPoolClient"]
    return Created(created["ClientId"])


def delete_role(name: str) -> None:
    iam = client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


@creates("AWS::IAM::Role", delete_role)
def role(name: str, properties: Properties) -> Any:
    iam = client("iam")
    there = name in [match["RoleName"] for match in iam.list_roles()["Roles"]]
    created = None if there else create_with_moto(Role, name, {**properties, "Policies": []})
    for policy in properties["Policies"]:
        iam.put_role_policy(
            RoleName=name,
            PolicyName=policy["PolicyName"],
            PolicyDocument=json.dumps(policy["PolicyDocument"]),
        )
    return created


def delete_alarm(name: str) -> None:
    client("cloudwatch").delete_alarms(AlarmNames=[name])


@creates("AWS::CloudWatch::Alarm", delete_alarm)
def alarm(name: str, properties: Properties) -> Created:
    client("cloudwatch").put_metric_alarm(AlarmName=name, **properties)
    return Created(name)


def delete_dashboard(name: str) -> None:
    client("cloudwatch").delete_dashboards(DashboardNames=[name])


@creates("AWS::CloudWatch::Dashboard", delete_dashboard)
def dashboard(name: str, properties: Properties) -> Created:
    client("cloudwatch").put_dashboard(DashboardName=name, **properties)
    return Created(name)


def _retain_except_on_create() -> None:
    """Keep resources with a retention policy when a stack or an update would delete them.

    Moto knows the first by its older name alone, and nothing of the second.
    """
    delete, delete_resource = ResourceMap.delete, ResourceMap._delete_resource

    def delete_unless_retained(self: ResourceMap, parsed: Any, resource: Any) -> None:
        if resource.get("DeletionPolicy") != "RetainExceptOnCreate":
            delete_resource(self, parsed, resource)

    def delete_without_retained(self: ResourceMap) -> None:
        for resource in self._resource_json_map.values():
            if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
                resource["DeletionPolicy"] = "Retain"
        delete(self)

    ResourceMap.delete = delete_without_retained  # type: ignore[method-assign]
    ResourceMap._delete_resource = delete_unless_retained  # type: ignore[assignment, method-assign]


def _keep_order_of_lists() -> None:
    """DescribeStacks returns a list parameter as one text, in its original order."""

    def parameter_list(self: Stack) -> list[dict[str, str]]:
        return [
            {
                "ParameterKey": name,
                "ParameterValue": ",".join(value) if isinstance(value, list) else str(value),
            }
            for name, value in self.resource_map.resolved_parameters.items()
        ]

    Stack.parameter_list = property(parameter_list)  # type: ignore[assignment]


def _list_only_existing() -> None:
    """Leave out resources whose condition is not met; moto lists them without a name."""
    describe = CloudFormationBackend.describe_stack_resources

    def describe_stack_resources(self: CloudFormationBackend, *which: Any) -> Any:
        stack, match = describe(self, *which)
        return stack, [resource for resource in match if resource is not None]

    CloudFormationBackend.describe_stack_resources = (  # type: ignore[method-assign]
        describe_stack_resources  # type: ignore[assignment]
    )


_list_only_existing()
_keep_order_of_lists()
_retain_except_on_create()
