"""The stand-in for AWS in rehearsals of deploying: moto's server with the features that it lacks.

`python -m tests.rehearsal.aws --port 5555`. Each function adds one missing feature as AWS has it.
`tests/deploy/cloudformation.py` adds the features that stacks need.
"""

import argparse
import json
import os
from itertools import combinations, product
from typing import Any
from uuid import uuid4

from moto.apigateway.models import APIGatewayBackend, RestAPI
from moto.apigatewayv2 import urls
from moto.apigatewayv2.models import Stage
from moto.apigatewayv2.responses import ApiGatewayV2Response
from moto.awslambda import urls as lambda_urls
from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.core.config import default_user_config
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, S3Backend
from moto.s3.responses import S3Response
from moto.sqs.models import sqs_backends
from werkzeug.serving import make_server

from tests.support.environment import AWS_ENVIRONMENT


def accept_filters_of_chalice() -> None:
    """S3 accepts `Prefix` and `prefix`; moto accepts only the latter."""
    read = S3Response._notification_config_from_body

    def read_any_case(self: Any) -> Any:
        whole = self.body
        self.body = whole.replace(b"<Name>Prefix</Name>", b"<Name>prefix</Name>")
        try:
            return read(self)
        finally:
            self.body = whole

    S3Response._notification_config_from_body = read_any_case  # type: ignore[method-assign]


class RulesOverlap(S3ClientError):
    """S3's error for two rules that overlap, https://github.com/aws/chalice/issues/1999."""

    def __init__(self) -> None:
        super().__init__(
            "InvalidArgument",
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules"
            " if the prefixes are overlapping for the same event type.",
        )


class TargetGone(S3ClientError):
    """S3's error for a rule whose target does not exist."""

    def __init__(self) -> None:
        super().__init__(
            "InvalidArgument", "Unable to validate the following destination configurations"
        )


def has_queue(arn: str, account: str) -> bool:
    _, _, _, region, _, name = arn.split(":")
    return name in sqs_backends[account][region].queues


def refuse_rules() -> None:
    """S3 refuses rules that overlap, and rules for a missing queue; moto accepts any rule.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
    """
    put = S3Backend.put_bucket_notification_configuration

    def read(rule: Any) -> tuple[list[str], str, str]:
        key = ((rule.get("Filter") or {}).get("S3Key") or {}).get("FilterRule", [])
        filters = {each["Name"].lower(): each["Value"] or "" for each in key}
        # A family (`s3:ObjectCreated:*`) contains all events that start with its name.
        events = [event.removesuffix("*") for event in rule["Event"]]
        return events, filters.get("prefix", ""), filters.get("suffix", "")[::-1]

    def begin_alike(*texts: str) -> bool:
        shorter, longer = sorted(texts, key=len)
        return longer[: len(shorter)] == shorter

    def put_configuration(self: Any, bucket_name: str, notification_config: Any) -> None:
        kinds = ("TopicConfiguration", "QueueConfiguration", "CloudFunctionConfiguration")
        rules = [read(rule) for kind in kinds for rule in (notification_config or {}).get(kind, [])]
        for (events, *texts), (other_events, *other_texts) in combinations(rules, 2):
            same = any(begin_alike(*pair) for pair in product(events, other_events))
            if same and all(begin_alike(*pair) for pair in zip(texts, other_texts, strict=True)):
                raise RulesOverlap
        queues = [rule["Queue"] for rule in (notification_config or {}).get(kinds[1], [])]
        if not all(has_queue(arn, self.account_id) for arn in queues):
            raise TargetGone
        put(self, bucket_name, notification_config)

    S3Backend.put_bucket_notification_configuration = put_configuration  # type: ignore[method-assign]


def read_conditions() -> None:
    """Statements with conditions apply only when these are true, which never happens here."""
    allows = FakeBucket.get_permission

    def get_permission(self: FakeBucket, action: str, resource: str) -> Any:
        whole = self.policy
        if whole is None:
            return allows(self, action, resource)
        document = json.loads(whole)
        unconditional = [each for each in document["Statement"] if "Condition" not in each]
        self.policy = json.dumps({**document, "Statement": unconditional}).encode()
        try:
            return allows(self, action, resource)
        finally:
            self.policy = whole

    FakeBucket.get_permission = get_permission  # type: ignore[method-assign]


def import_swagger() -> None:
    """API Gateway imports Swagger 2.0, also without a description, and creates the authorizers."""
    import_, put = APIGatewayBackend.import_rest_api, APIGatewayBackend.put_rest_api
    integrate = APIGatewayBackend.put_integration

    def put_integration(self: Any, *where: Any, **how: Any) -> Any:
        # A mock integration (of OPTIONS) has no URI.
        return integrate(self, *where, **{"uri": None, "integration_method": None, **how})

    def import_rest_api(self: Any, api_doc: Any, fail_on_warnings: bool) -> Any:  # noqa: FBT001
        info = {"description": "", **api_doc["info"]}
        return import_(self, {**api_doc, "info": info}, fail_on_warnings)

    def put_rest_api(self: Any, function_id: str, api_doc: Any, **how: Any) -> Any:
        document = {**api_doc, "openapi": "3.0.1"}
        document.pop("swagger", None)
        api = put(self, function_id, document, **how)
        if how.get("mode") == "overwrite":
            # AWS may or may not keep them; the rehearsal assumes the worse case.
            api.gateway_responses.clear()
        api.authorizers.clear()
        ids = {
            name: self.create_authorizer(
                function_id,
                name=name,
                authorizer_type=scheme["x-amazon-apigateway-authorizer"]["type"].upper(),
                provider_arns=scheme["x-amazon-apigateway-authorizer"]["providerARNs"],
                identity_source="method.request.header.Authorization",
            ).id
            for name, scheme in api_doc.get("securityDefinitions", {}).items()
            if "x-amazon-apigateway-authorizer" in scheme
        }
        for path, methods in api_doc["paths"].items():
            resource = api.get_resource_for_path(path)
            for name, operation in methods.items():
                for requirement in operation.get("security", []):
                    (authorizer,) = requirement
                    method = resource.resource_methods[name.upper()]
                    method.authorization_type = "COGNITO_USER_POOLS"
                    method.authorizer_id = ids[authorizer]
        return api

    APIGatewayBackend.put_integration = put_integration  # type: ignore[method-assign]
    APIGatewayBackend.import_rest_api = import_rest_api  # type: ignore[method-assign]
    APIGatewayBackend.put_rest_api = put_rest_api  # type: ignore[assignment, method-assign]


def compress_responses() -> None:
    """UpdateRestApi sets the size from which responses are compressed; moto ignores it."""
    patch = RestAPI.apply_patch_operations

    def apply_patch_operations(self: RestAPI, patch_operations: list[dict[str, Any]]) -> None:
        patch(self, patch_operations)
        for each in patch_operations:
            if each["path"] == "/minimumCompressionSize":
                self.minimum_compression_size = int(each["value"]) if each["value"] else None

    RestAPI.apply_patch_operations = apply_patch_operations  # type: ignore[method-assign]


def deploy_websocket_apis() -> None:
    """Deployments of WebSocket APIs, and the one that a stage serves; moto lacks both."""
    deployments: dict[str, Any] = {}

    def create_deployment(self: ApiGatewayV2Response) -> Any:
        api = self.apigatewayv2_backend.get_api(self.path.split("/")[-2])
        request = json.loads(self.body or "{}")
        deployment = {
            "deploymentId": uuid4().hex[:6],
            "deploymentStatus": "DEPLOYED",
            "description": request.get("description", ""),
        }
        deployments[deployment["deploymentId"]] = deployment
        if "stageName" in request:
            api.get_stage(request["stageName"]).config["deploymentId"] = deployment["deploymentId"]
        return 201, {}, json.dumps(deployment)

    def get_deployment(self: ApiGatewayV2Response) -> Any:
        return 200, {}, json.dumps(deployments[self.path.split("/")[-1]])

    shape = Stage.to_json

    def to_json(self: Stage) -> Any:
        live = self.config.get("deploymentId")
        return {**shape(self), **({"deploymentId": live} if live else {})}

    Stage.to_json = to_json  # type: ignore[method-assign]
    ApiGatewayV2Response.create_deployment = create_deployment  # type: ignore[attr-defined]
    ApiGatewayV2Response.get_deployment = get_deployment  # type: ignore[attr-defined]
    path = "{0}/v2/apis/(?P<api_id>[^/]+)/deployments"
    urls.url_paths[f"{path}$"] = ApiGatewayV2Response.dispatch
    urls.url_paths[f"{path}/(?P<deployment_id>[^/]+)$"] = ApiGatewayV2Response.dispatch


def limit_websocket_apis() -> None:
    """UpdateStage of WebSocket APIs, which moto lacks; it replaces the settings in the request."""

    def update_stage(self: ApiGatewayV2Response) -> Any:
        _, _, _, api, _, stage = self.path.rstrip("/").split("/")
        item = self.apigatewayv2_backend.get_stage(api, stage)
        settings = json.loads(self.body)
        item.default_route_settings = settings.get(
            "defaultRouteSettings", item.default_route_settings
        )
        item.route_settings = settings.get("routeSettings", item.route_settings)
        return 200, {}, json.dumps(item.to_json())

    ApiGatewayV2Response.update_stage = update_stage  # type: ignore[attr-defined]


LAMBDA_LIMIT = 1000


def report_lambda_limits() -> None:
    """Lambda's GetAccountSettings, which moto lacks, with AWS's default concurrency."""

    def get_account_settings(self: LambdaResponse) -> Any:
        functions = self.backend.list_functions()
        reserved = sum(int(each.reserved_concurrency or 0) for each in functions)
        limits = {
            "ConcurrentExecutions": LAMBDA_LIMIT,
            "UnreservedConcurrentExecutions": LAMBDA_LIMIT - reserved,
        }
        return 200, {}, json.dumps({"AccountLimit": limits})

    LambdaResponse.get_account_settings = get_account_settings  # type: ignore[attr-defined]
    path = r"{0}/2016-08-19/account-settings/?$"
    lambda_urls.url_paths[path] = LambdaResponse.dispatch


def configure_functions() -> None:
    """UpdateFunctionConfiguration sets X-Ray; GetFunction returns a reservation of 0 as well."""
    update, describe = LambdaFunction.update_configuration, LambdaFunction.get_code

    def update_configuration(self: LambdaFunction, config_updates: dict[str, Any]) -> Any:
        self.tracing_config = config_updates.get("TracingConfig", self.tracing_config)
        return update(self, config_updates)

    def get_code(self: LambdaFunction) -> Any:
        description = describe(self)
        if self.reserved_concurrency == 0:
            description["Concurrency"] = {"ReservedConcurrentExecutions": 0}
        return description

    LambdaFunction.update_configuration = update_configuration  # type: ignore[method-assign]
    LambdaFunction.get_code = get_code  # type: ignore[method-assign]


def deny_simulation() -> None:
    """IAM's simulator, which moto lacks; here nobody may call it."""

    def simulate_principal_policy(_: IamResponse) -> ActionResult:
        raise IAMAccessDenied

    IamResponse.simulate_principal_policy = simulate_principal_policy  # type: ignore[attr-defined]


class IAMAccessDenied(ServiceException):
    """AWS's error for a caller without permission."""

    code = "AccessDenied"
    message = "not authorized to perform: iam:SimulatePrincipalPolicy"


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    # The code that makes the stacks' resources calls this server.
    os.environ.update(AWS_ENVIRONMENT, AWS_ENDPOINT_URL=f"http://127.0.0.1:{options.port}")
    from tests.deploy import cloudformation  # noqa: F401 - adds resource types to moto

    # Functions are stored, not run: no AWS service invokes them here.
    default_user_config["lambda"]["use_docker"] = False
    accept_filters_of_chalice()
    refuse_rules()
    read_conditions()
    import_swagger()
    compress_responses()
    deploy_websocket_apis()
    limit_websocket_apis()
    report_lambda_limits()
    configure_functions()
    deny_simulation()
    server = make_server(
        "127.0.0.1",
        options.port,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
    )
    server.serve_forever()


if __name__ == "__main__":
    main()
