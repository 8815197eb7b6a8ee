"""The resources of a stage in an account, read from its services, and those that remain."""

import json
import re
from typing import Any, Protocol

from stage.destinations import read

ACCOUNT = "123456789012"
FUNCTIONS = {
    "hoist-dev": "api_handler",
    **{
        f"hoist-dev-{name}": name
        for name in (
            "process_upload",
            "notify",
            "sweep",
            "websocket_connect",
            "websocket_message",
            "websocket_disconnect",
        )
    },
}
# The lists of an account: service, operation, member.
LISTS = [
    ("apigateway", "get_rest_apis", "items"),
    ("apigatewayv2", "get_apis", "Items"),
    ("cloudfront", "list_distributions", "DistributionList.Items"),
    ("cloudfront", "list_origin_access_controls", "OriginAccessControlList.Items"),
    ("cloudwatch", "describe_alarms", "MetricAlarms"),
    ("cloudwatch", "list_dashboards", "DashboardEntries"),
    ("cloudformation", "describe_stacks", "Stacks"),
    ("dynamodb", "list_tables", "TableNames"),
    ("events", "list_rules", "Rules"),
    ("iam", "list_roles", "Roles"),
    ("lambda", "list_functions", "Functions"),
    ("logs", "describe_log_groups", "logGroups"),
    ("s3", "list_buckets", "Buckets"),
    ("sns", "list_subscriptions", "Subscriptions"),
    ("sns", "list_topics", "Topics"),
    ("sqs", "list_queues", "QueueUrls"),
]


class Account(Protocol):
    """An account in a stand-in for AWS."""

    def client(self, service: str) -> Any: ...


class Stands:
    """A stage in an account."""

    def __init__(self, account: Account, stage: str = "dev") -> None:
        self.account, self.stage = account, stage

    def stack(self) -> Any:
        client = self.account.client("cloudformation")
        (stack,) = client.describe_stacks(StackName=f"hoist-{self.stage}")["Stacks"]
        return stack

    def outputs(self) -> dict[str, str]:
        return {each["OutputKey"]: each["OutputValue"] for each in self.stack()["Outputs"]}

    def environment(self) -> dict[str, str]:
        """The environment of the API's function."""
        configuration = self.account.client("lambda").get_function_configuration(
            FunctionName=f"hoist-{self.stage}"
        )
        variables: dict[str, str] = configuration["Environment"]["Variables"]
        return variables

    def functions(self) -> dict[str, Any]:
        listed = self.account.client("lambda").list_functions()["Functions"]
        mine = re.compile(rf"hoist-{self.stage}(-[a-z_]+)?")
        names = ("Runtime", "MemorySize", "Timeout", "Handler", "Environment", "CodeSha256", "Role")
        return {
            each["FunctionName"]: {name: each[name] for name in (*names, "Architectures")}
            | {"Tracing": each["TracingConfig"]["Mode"]}
            for each in listed
            if mine.fullmatch(each["FunctionName"])
        }

    def policies(self) -> dict[str, Any]:
        iam = self.account.client("iam")
        roles = [f"hoist-{self.stage}-{name}" for name in FUNCTIONS.values()]
        policies = {}
        for role in roles:
            (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
            policy = iam.get_role_policy(RoleName=role, PolicyName=name)
            policies[role] = policy["PolicyDocument"]
        return policies

    def rules(self) -> Any:
        configuration = self.account.client("s3").get_bucket_notification_configuration(
            Bucket=self.outputs()["Bucket"]
        )
        configuration.pop("ResponseMetadata")
        for rule in configuration.get("LambdaFunctionConfigurations", []):
            del rule["Id"]  # S3 chooses one each time Chalice sets the rule
        return configuration

    def subscriptions(self) -> dict[str, Any]:
        sns = self.account.client("sns")
        listed = sns.list_subscriptions_by_topic(TopicArn=self.outputs()["ResultsTopicArn"])
        return {
            each["Endpoint"]: json.loads(
                sns.get_subscription_attributes(SubscriptionArn=each["SubscriptionArn"])[
                    "Attributes"
                ].get("RedrivePolicy", "{}")
            )
            for each in listed["Subscriptions"]
        }

    def schedules(self) -> dict[str, Any]:
        """The functions that EventBridge invokes, and how often."""
        events = self.account.client("events")
        return {
            target["Arn"]: (rule["Name"], rule["ScheduleExpression"], rule["State"])
            for rule in events.list_rules(NamePrefix=f"hoist-{self.stage}-")["Rules"]
            for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        }

    def destinations(self) -> dict[str, Any]:
        client = self.account.client("lambda")
        configurations = {}
        for name in read():
            configuration = client.get_function_event_invoke_config(
                FunctionName=f"hoist-{self.stage}-{name}"
            )
            configurations[name] = {
                key: configuration[key]
                for key in ("DestinationConfig", "MaximumRetryAttempts", "MaximumEventAgeInSeconds")
            }
        return configurations

    def packed_from(self) -> int:
        """The size in bytes above which the API compresses its answers."""
        (api,) = self.account.client("apigateway").get_rest_apis()["items"]
        return int(api["minimumCompressionSize"])

    def rest_apis(self) -> list[str]:
        listed = self.account.client("apigateway").get_rest_apis()["items"]
        return [each["id"] for each in listed]

    def routes(self) -> dict[str, Any]:
        """Authorization and function of each method of the REST API."""
        client, (api,) = self.account.client("apigateway"), self.rest_apis()
        routes = {}
        for resource in client.get_resources(restApiId=api, limit=500)["items"]:
            for method in resource.get("resourceMethods", {}):
                where = {
                    "restApiId": api,
                    "resourceId": resource["id"],
                    "httpMethod": method,
                }
                declared = client.get_method(**where)
                integration = client.get_integration(**where)
                routes[f"{method} {resource['path']}"] = (
                    declared.get("authorizationType"),
                    integration.get("uri"),
                )
        return routes

    def authorizers(self) -> Any:
        client, (api,) = self.account.client("apigateway"), self.rest_apis()
        return [
            (each["name"], each["type"], each["providerARNs"])
            for each in client.get_authorizers(restApiId=api)["items"]
        ]

    def gateway_responses(self) -> dict[str, Any]:
        client, (api,) = self.account.client("apigateway"), self.rest_apis()
        return {
            each["responseType"]: (
                each["statusCode"],
                each["responseParameters"],
                each["responseTemplates"],
            )
            for each in client.get_gateway_responses(restApiId=api)["items"]
        }

    def websocket_routes(self) -> dict[str, Any]:
        client = self.account.client("apigatewayv2")
        (api,) = [
            each["ApiId"]
            for each in client.get_apis()["Items"]
            if each["Name"] == f"hoist-{self.stage}-websocket-api"
        ]
        integrations = {
            each["IntegrationId"]: each["IntegrationUri"]
            for each in client.get_integrations(ApiId=api)["Items"]
        }
        return {
            each["RouteKey"]: integrations[each["Target"].rpartition("/")[2]]
            for each in client.get_routes(ApiId=api)["Items"]
        }

    def concurrency(self) -> dict[str, int]:
        """The reserved concurrency of each function that has one."""
        client = self.account.client("lambda")
        reserved = {}
        for name in self.functions():
            answer = client.get_function_concurrency(FunctionName=name)
            if "ReservedConcurrentExecutions" in answer:
                reserved[name] = int(answer["ReservedConcurrentExecutions"])
        return reserved

    def limits(self) -> dict[str, Any]:
        """The throttling limits of both APIs."""
        rest, websocket = (self.account.client(name) for name in ("apigateway", "apigatewayv2"))
        (api,) = self.rest_apis()
        (other,) = [
            each["ApiId"]
            for each in websocket.get_apis()["Items"]
            if each["Name"] == f"hoist-{self.stage}-websocket-api"
        ]
        methods = rest.get_stage(restApiId=api, stageName=self.stage)["methodSettings"]
        socket_stage = websocket.get_stage(ApiId=other, StageName=self.stage)
        routes = {"*": socket_stage["DefaultRouteSettings"], **socket_stage["RouteSettings"]}
        return {
            **{
                key: (m["throttlingRateLimit"], m["throttlingBurstLimit"])
                for key, m in methods.items()
            },
            **{
                key: (r["ThrottlingRateLimit"], r["ThrottlingBurstLimit"])
                for key, r in routes.items()
            },
        }

    def page(self) -> dict[str, Any]:
        s3, bucket = self.account.client("s3"), self.outputs()["PageBucket"]
        return {
            each["Key"]: s3.head_object(Bucket=bucket, Key=each["Key"])["CacheControl"]
            for each in s3.list_objects_v2(Bucket=bucket)["Contents"]
        }

    def logs(self) -> dict[str, int | None]:
        listed = self.account.client("logs").describe_log_groups()["logGroups"]
        return {each["logGroupName"]: each.get("retentionInDays") for each in listed}

    def everything(self) -> dict[str, Any]:
        """All resources, to see whether something changed."""
        stack = self.stack()
        return {
            "parameters": {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]},
            "functions": self.functions(),
            "policies": self.policies(),
            "rules": self.rules(),
            "subscriptions": self.subscriptions(),
            "destinations": self.destinations(),
            "schedules": self.schedules(),
            "routes": self.routes(),
            "responses": self.gateway_responses(),
            "websocket": self.websocket_routes(),
            "concurrency": self.concurrency(),
            "limits": self.limits(),
            "page": self.page(),
            "logs": self.logs(),
        }


def remaining(account: Account) -> dict[str, Any]:
    """The resources that remain in an account, by the operation that lists them."""
    holdings = {}
    for service, operation, path in LISTS:
        answer: Any = getattr(account.client(service), operation)()
        for name in path.split("."):
            answer = answer.get(name) or {}
        if answer:
            holdings[operation] = answer
    pools = account.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
    return holdings | ({"list_user_pools": pools} if pools else {})
