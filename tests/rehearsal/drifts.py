"""Changes of a deployed stage in AWS, each with the lines that `make status` prints.

Texts have the names of the stage's resources in braces, as `stage_names` returns them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.rehearsal.conftest import Account
from tests.support.environment import REGION
from tests.support.stands import ACCOUNT, Stands

EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
Names = Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """A change by hand: the service, the call, and the lines of `make status` about it."""

    service: str
    make: Callable[[Any, Names], Any]
    lines: tuple[str, ...]

    def __call__(self, account: Account, names: Names) -> list[str]:
        """Make the change; returns the lines that status must print."""
        self.make(account.client(self.service), names)
        return [line.format(**names) for line in self.lines]


def stage_names(account: Account) -> dict[str, str]:
    """The names and ARNs of the stage's resources."""
    stands = Stands(account)
    outputs = stands.outputs()
    (rest,) = stands.rest_apis()
    (websocket,) = account.client("apigatewayv2").get_apis()["Items"]
    (subscription,) = account.client("sns").list_subscriptions_by_topic(
        TopicArn=outputs["ResultsTopicArn"]
    )["Subscriptions"]
    (authorizer,) = account.client("apigateway").get_authorizers(restApiId=rest)["items"]
    return {
        **outputs,
        "Rest": rest,
        "WebSocket": websocket["ApiId"],
        "Subscription": subscription["SubscriptionArn"],
        "Authorizer": authorizer["id"],
        "Functions": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function",
        "Queue": outputs["DeadLettersArn"].rpartition(":")[2],
        "UserPool": outputs["UserPoolArn"].rpartition("/")[2],
        "UploaderRole": outputs["UploaderRoleArn"].rpartition("/")[2],
    }


def refuse(function: str) -> Callable[[Any, Names], None]:
    """Remove all statements of a function's own policy."""

    def remove(client: Any, _: Names) -> None:
        policy = json.loads(client.get_policy(FunctionName=function)["Policy"])
        for statement in policy["Statement"]:
            client.remove_permission(FunctionName=function, StatementId=statement["Sid"])

    return remove


def configure(function: str, **members: Any) -> Callable[[Any, Names], Any]:
    """Change a function's configuration."""
    return lambda client, _: client.update_function_configuration(FunctionName=function, **members)


def filter_messages(client: Any, names: Names) -> None:
    """Filter messages to `notify` by an attribute, and remove the queue for failed messages."""
    for name, value in (("FilterPolicy", '{"kind": ["new"]}'), ("RedrivePolicy", "{}")):
        client.set_subscription_attributes(
            SubscriptionArn=names["Subscription"], AttributeName=name, AttributeValue=value
        )


def replace_rules(client: Any, names: Names) -> None:
    """Replace the bucket's notification configuration by one of another tool."""
    rule = {"QueueArn": names["DeadLettersArn"], "Events": ["s3:ObjectRemoved:*"]}
    client.put_bucket_notification_configuration(
        Bucket=names["Bucket"], NotificationConfiguration={"QueueConfigurations": [rule]}
    )


def delete_route(client: Any, names: Names) -> None:
    """Delete a route of the WebSocket API."""
    for route in client.get_routes(ApiId=names["WebSocket"])["Items"]:
        if route["RouteKey"] == "$disconnect":
            client.delete_route(ApiId=names["WebSocket"], RouteId=route["RouteId"])


def open_method(client: Any, names: Names) -> None:
    """Replace a method by one without authorizer and without function."""
    (resource_id,) = [
        each["id"]
        for each in client.get_resources(restApiId=names["Rest"], limit=500)["items"]
        if each["path"] == "/uploads"
    ]
    method = {"restApiId": names["Rest"], "resourceId": resource_id, "httpMethod": "POST"}
    client.delete_method(**method)
    client.put_method(**method, authorizationType="NONE")


def change_user_pool(client: Any, names: Names) -> None:
    """Let the API's authorizer use another user pool."""
    client.delete_authorizer(restApiId=names["Rest"], authorizerId=names["Authorizer"])
    client.create_authorizer(
        restApiId=names["Rest"],
        name="users",
        type="COGNITO_USER_POOLS",
        providerARNs=[f"{names['UserPoolArn']}2"],
        identitySource="method.request.header.Authorization",
    )


# Changed settings of resources that exist.
CHANGED = {
    "the bucket's rules are replaced": Change(
        "s3",
        replace_rules,
        ("application   the bucket has no rule: S3 invokes process_upload for no file",),
    ),
    "a function's environment": Change(
        "lambda",
        configure("hoist-dev-notify", Environment={"Variables": {"HOIST_STAGE": "prod"}}),
        ("application   hoist-dev-notify: HOIST_BUCKET,",),
    ),
    "a function's size, time and X-Ray": Change(
        "lambda",
        configure(
            "hoist-dev-process_upload",
            MemorySize=128,
            Timeout=3,
            TracingConfig={"Mode": "Active"},
        ),
        (
            "application   hoist-dev-process_upload: memory (MB) is 128, not 1769",
            "application   hoist-dev-process_upload: timeout (s) is 3, not 900",
            "functions     hoist-dev-process_upload: TracingConfig is Active, not PassThrough",
        ),
    ),
    "a function's runtime, handler and role": Change(
        "lambda",
        configure(
            "hoist-dev-sweep",
            Runtime="python3.9",
            Handler="app.notify",
            Role=f"arn:aws:iam::{ACCOUNT}:role/hoist-dev-notify",
        ),
        (
            "application   hoist-dev-sweep: runtime is python3.9, not python3.",
            "application   hoist-dev-sweep: role is hoist-dev-notify, not hoist-dev-sweep",
            "functions     hoist-dev-sweep: Handler is app.notify, not app.sweep",
        ),
    ),
    "a function that somebody throttled": Change(
        "lambda",
        lambda client, _: client.put_function_concurrency(
            FunctionName="hoist-dev", ReservedConcurrentExecutions=0
        ),
        ("application   hoist-dev: reserved concurrency is 0, not none",),
    ),
    "a function's reservation": Change(
        "lambda",
        lambda client, _: client.delete_function_concurrency(
            FunctionName="hoist-dev-websocket_connect"
        ),
        ("application   hoist-dev-websocket_connect: reserved concurrency is none, not 50",),
    ),
    "a policy": Change(
        "iam",
        lambda client, _: client.put_role_policy(
            RoleName="hoist-dev-notify",
            PolicyName="hoist-dev-notify",
            PolicyDocument=json.dumps(EVERYTHING),
        ),
        ("policies      hoist-dev-notify",),
    ),
    "a log group's retention": Change(
        "logs",
        lambda client, _: client.delete_retention_policy(
            logGroupName="/aws/lambda/hoist-dev-notify"
        ),
        ("application   /aws/lambda/hoist-dev-notify keeps lines for ever, not 30 days",),
    ),
    "the API's log group": Change(
        "logs",
        lambda client, _: client.delete_log_group(logGroupName="/aws/lambda/hoist-dev"),
        ("functions     /aws/lambda/hoist-dev is missing",),
    ),
    **{
        f"the permission to invoke {function}": Change(
            "lambda",
            refuse(function),
            (f"application   {function} does not let {service} invoke it ({source})",),
        )
        for function, service, source in (
            ("hoist-dev-process_upload", "s3", "arn:aws:s3:::{Bucket}"),
            ("hoist-dev-notify", "sns", "{ResultsTopicArn}"),
            (
                "hoist-dev-sweep",
                "events",
                f"arn:aws:events:{REGION}:{ACCOUNT}:rule/hoist-dev-sweep-event",
            ),
            ("hoist-dev", "apigateway", f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{{Rest}}/*"),
            (
                "hoist-dev-websocket_message",
                "apigateway",
                f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{{WebSocket}}/*",
            ),
        )
    },
    "destinations": Change(
        "lambda",
        lambda client, _: client.delete_function_event_invoke_config(
            FunctionName="hoist-dev-notify"
        ),
        ("destinations  notify",),
    ),
    "what SNS hands to notify": Change(
        "sns",
        filter_messages,
        (
            "functions     the subscription of notify: RedrivePolicy is not as declared",
            "functions     the subscription of notify: FilterPolicy is not as declared",
        ),
    ),
    "the schedule": Change(
        "events",
        lambda client, _: client.put_rule(
            Name="hoist-dev-sweep-event", ScheduleExpression="rate(1 day)", State="DISABLED"
        ),
        (
            "application   the schedule hoist-dev-sweep-event is DISABLED, not ENABLED",
            "application   the schedule hoist-dev-sweep-event is rate(1 day), not rate(15 minutes)",
        ),
    ),
    "what the schedule invokes": Change(
        "events",
        lambda client, names: client.put_targets(
            Rule="hoist-dev-sweep-event",
            Targets=[{"Id": "1", "Arn": f"{names['Functions']}:hoist-dev-notify"}],
        ),
        ("application   the schedule hoist-dev-sweep-event does not invoke sweep",),
    ),
    "who may call the API": Change(
        "apigateway",
        change_user_pool,
        ("application   the REST API's authorizer trusts {UserPoolArn}2, not {UserPoolArn}",),
    ),
    "a method without an authorizer": Change(
        "apigateway",
        open_method,
        (
            "application   the REST API: POST /uploads has the authorization NONE, not COGNITO",
            "application   the REST API: POST /uploads does not invoke hoist-dev",
        ),
    ),
    "a gateway response": Change(
        "apigateway",
        lambda client, names: client.delete_gateway_response(
            restApiId=names["Rest"], responseType="THROTTLED"
        ),
        ("api-gateway   THROTTLED",),
    ),
    "a route": Change(
        "apigatewayv2",
        delete_route,
        (
            "application   the WebSocket API: $disconnect does not invoke websocket_disconnect",
            "api-gateway   the WebSocket API serves routes that make deploy did not make",
        ),
    ),
    "a limit": Change(
        "apigatewayv2",
        lambda client, names: client.update_stage(
            ApiId=names["WebSocket"],
            StageName="dev",
            DefaultRouteSettings={"ThrottlingRateLimit": 9999.0, "ThrottlingBurstLimit": 5000},
        ),
        ("api-gateway   WebSocket * is limited to 9999 a second, 5000 at once, not 50 a second",),
    ),
    "the page": Change(
        "s3",
        lambda client, names: client.delete_object(Bucket=names["PageBucket"], Key="index.html"),
        ("page          index.html is missing in {PageBucket}",),
    ),
}
# Pieces that are gone.
DELETED = {
    "a function": Change(
        "lambda",
        lambda client, _: client.delete_function(FunctionName="hoist-dev-websocket_message"),
        ("application   hoist-dev-websocket_message is missing",),
    ),
    "the subscription": Change(
        "sns",
        lambda client, names: client.unsubscribe(SubscriptionArn=names["Subscription"]),
        ("application   notify is not subscribed to {ResultsTopicArn}: nobody is notified",),
    ),
    "the schedule": Change(
        "events",
        lambda client, _: [
            client.remove_targets(Rule="hoist-dev-sweep-event", Ids=["1"]),
            client.delete_rule(Name="hoist-dev-sweep-event"),
        ],
        ("application   the schedule hoist-dev-sweep-event is missing: sweep does not run",),
    ),
    "the REST API's stage": Change(
        "apigateway",
        lambda client, names: client.delete_stage(restApiId=names["Rest"], stageName="dev"),
        ("application   the REST API {Rest} has no stage dev",),
    ),
    "the WebSocket API's stage": Change(
        "apigatewayv2",
        lambda client, names: client.delete_stage(ApiId=names["WebSocket"], StageName="dev"),
        ("api-gateway   the WebSocket API {WebSocket} has no stage dev",),
    ),
}
BOTH_APIS = {
    "the REST API": Change(
        "apigateway",
        lambda client, names: client.delete_rest_api(restApiId=names["Rest"]),
        ("application   the REST API {Rest} is missing: run all of make deploy, for its",),
    ),
    "the WebSocket API": Change(
        "apigatewayv2",
        lambda client, names: client.delete_api(ApiId=names["WebSocket"]),
        ("application   the WebSocket API {WebSocket} is missing: run all of make deploy",),
    ),
}
