"""The AWS that deploying is rehearsed in: moto's server, with what it lacks of what is asked of it.

`python -m tests.rehearsal.aws --port 5555`. Each gap is bridged by itself, with what AWS does
there. What stacks need beyond that is in `tests/deploy/cloudformation.py`.
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


def take_filters_as_chalice_writes_them() -> None:
    """S3 takes `Prefix` as it takes `prefix`; moto the latter alone."""
    read = S3Response._notification_config_from_body

    def read_any_case(self: Any) -> Any:
        whole = self.body
        self.body = whole.replace(b"<Name>Prefix</Name>", b"<Name>prefix</Name>")
        try:
            return read(self)
        finally:
            self.body = whole

    S3Response._notification_config_from_body = read_any_case


class RulesOverlap(S3ClientError):
    """What S3 answers to two rules that overlap, https://github.com/aws/chalice/issues/1999."""

    def __init__(self) -> None:
        super().__init__(
            "InvalidArgument",
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules"
            " if the prefixes are overlapping for the same event type.",
        )


class TargetGone(S3ClientError):
    """What S3 answers to a rule whose target is not there."""

    def __init__(self) -> None:
        super().__init__(
            "InvalidArgument", "Unable to validate the following destination configurations"
        )


def has_queue(arn: str, account: str) -> bool:
    _, _, _, region, _, name = arn.split(":")
    return name in sqs_backends[account][region].queues


def refuse_rules() -> None:
    """S3 refuses rules that overlap, and rules whose queue is gone; moto takes any.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
    """
    put = S3Backend.put_bucket_notification_configuration

    def read(rule: Any) -> tuple[list[str], str, str]:
        key = ((rule.get("Filter") or {}).get("S3Key") or {}).get("FilterRule", [])
        filters = {each["Name"].lower(): each["Value"] or "" for each in key}
        # An event of a family (`s3:ObjectCreated:*`) is all that begin with its name.
        events = [event.removesuffix("*") for event in rule["Event"]]
        return events, filters.get("prefix", ""), filters.get("suffix", "")[::-1]

    def begin_alike(*texts: str) -> bool:
        shorter, longer = sorted(texts, key=len)
        return longer[: len(shorter)] == shorter

    def put_configuration(self: Any, bucket_name: str, notification_config: Any) -> None:
        kinds = ("TopicConfiguration", "QueueConfiguration", "CloudFunctionConfiguration")
        given = [read(rule) for kind in kinds for rule in (notification_config or {}).get(kind, [])]
        for (events, *texts), (other_events, *other_texts) in combinations(given, 2):
            same = any(begin_alike(*pair) for pair in product(events, other_events))
            if same and all(begin_alike(*pair) for pair in zip(texts, other_texts, strict=True)):
                raise RulesOverlap
        queues = [rule["Queue"] for rule in (notification_config or {}).get(kinds[1], [])]
        if not all(has_queue(arn, self.account_id) for arn in queues):
            raise TargetGone
        put(self, bucket_name, notification_config)

    S3Backend.put_bucket_notification_configuration = put_configuration  # type: ignore[method-assign]


def read_conditions() -> None:
    """A bucket's policy refuses under conditions, none of which is met here; moto reads none."""
    allows = FakeBucket.get_permission

    def get_permission(self: FakeBucket, action: str, resource: str) -> Any:
        whole = self.policy
        if whole is None:
            return allows(self, action, resource)
        document = json.loads(whole)
        met = [each for each in document["Statement"] if "Condition" not in each]
        self.policy = json.dumps({**document, "Statement": met}).encode()
        try:
            return allows(self, action, resource)
        finally:
            self.policy = whole

    FakeBucket.get_permission = get_permission  # type: ignore[method-assign]


def import_swagger() -> None:
    """API Gateway takes Swagger 2.0, with or without a description, and makes the authorizers."""
    import_, put = APIGatewayBackend.import_rest_api, APIGatewayBackend.put_rest_api
    integrate = APIGatewayBackend.put_integration

    def put_integration(self: Any, *where: str, **how: Any) -> Any:
        # One that only answers (of OPTIONS) asks nobody.
        return integrate(self, *where, **{"uri": None, "integration_method": None, **how})

    def import_rest_api(self: Any, api_doc: Any, fail_on_warnings: bool) -> Any:  # noqa: FBT001
        info = {"description": "", **api_doc["info"]}
        return import_(self, {**api_doc, "info": info}, fail_on_warnings)

    def put_rest_api(self: Any, function_id: str, api_doc: Any, **how: Any) -> Any:
        document = {**api_doc, "openapi": "3.0.1"}
        document.pop("swagger", None)
        api = put(self, function_id, document, **how)
        if how.get("mode") == "overwrite":
            # Whether AWS keeps them is not known: the rehearsal takes the worse for granted.
            api.gateway_responses.clear()
        api.authorizers.clear()
        ids = {
            name: self.create_authorizer(
                function_id,
                name=name,
                authorizer_type=given["x-amazon-apigateway-authorizer"]["type"].upper(),
                provider_arns=given["x-amazon-apigateway-authorizer"]["providerARNs"],
                identity_source="method.request.header.Authorization",
            ).id
            for name, given in api_doc.get("securityDefinitions", {}).items()
            if "x-amazon-apigateway-authorizer" in given
        }
        for path, methods in api_doc["paths"].items():
            resource = api.get_resource_for_path(path)
            for name, given in methods.items():
                for requirement in given.get("security", []):
                    (authorizer,) = requirement
                    method = resource.resource_methods[name.upper()]
                    method.authorization_type = "COGNITO_USER_POOLS"
                    method.authorizer_id = ids[authorizer]
        return api

    APIGatewayBackend.put_integration = put_integration  # type: ignore[method-assign]
    APIGatewayBackend.import_rest_api = import_rest_api  # type: ignore[method-assign]
    APIGatewayBackend.put_rest_api = put_rest_api  # type: ignore[method-assign]


def pack_answers() -> None:
    """UpdateRestApi sets from how many bytes on answers are packed; moto forgets it."""
    patch = RestAPI.apply_patch_operations

    def apply_patch_operations(self: RestAPI, operations: list[dict[str, str]]) -> None:
        patch(self, operations)
        for each in operations:
            if each["path"] == "/minimumCompressionSize":
                self.minimum_compression_size = int(each["value"]) if each["value"] else None

    RestAPI.apply_patch_operations = apply_patch_operations  # type: ignore[method-assign]


def deploy_websocket_apis() -> None:
    """Deployments of WebSocket APIs, which moto lacks, and which of them a stage serves."""
    made: dict[str, Any] = {}

    def create_deployment(self: ApiGatewayV2Response) -> Any:
        api = self.apigatewayv2_backend.get_api(self.path.split("/")[-2])
        told = json.loads(self.body or "{}")
        deployment = {
            "deploymentId": uuid4().hex[:6],
            "deploymentStatus": "DEPLOYED",
            "description": told.get("description", ""),
        }
        made[deployment["deploymentId"]] = deployment
        if "stageName" in told:
            api.get_stage(told["stageName"]).config["deploymentId"] = deployment["deploymentId"]
        return 201, {}, json.dumps(deployment)

    def get_deployment(self: ApiGatewayV2Response) -> Any:
        return 200, {}, json.dumps(made[self.path.split("/")[-1]])

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
    """UpdateStage of WebSocket APIs, which moto lacks: settings that are told replace the old."""

    def update_stage(self: ApiGatewayV2Response) -> Any:
        _, _, _, api, _, stage = self.path.rstrip("/").split("/")
        found = self.apigatewayv2_backend.get_stage(api, stage)
        told = json.loads(self.body)
        found.default_route_settings = told.get(
            "defaultRouteSettings", found.default_route_settings
        )
        found.route_settings = told.get("routeSettings", found.route_settings)
        return 200, {}, json.dumps(found.to_json())

    ApiGatewayV2Response.update_stage = update_stage  # type: ignore[attr-defined]


LAMBDA_LIMIT = 1000


def tell_what_lambda_has_left() -> None:
    """GetAccountSettings of Lambda, which moto lacks: as many functions at once as by default."""

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
    """UpdateFunctionConfiguration sets X-Ray, GetFunction tells a reservation of none at all."""
    update, describe = LambdaFunction.update_configuration, LambdaFunction.get_code

    def update_configuration(self: LambdaFunction, config_updates: dict[str, Any]) -> Any:
        self.tracing_config = config_updates.get("TracingConfig", self.tracing_config)
        return update(self, config_updates)

    def get_code(self: LambdaFunction) -> Any:
        told = describe(self)
        if self.reserved_concurrency == 0:
            told["Concurrency"] = {"ReservedConcurrentExecutions": 0}
        return told

    LambdaFunction.update_configuration = update_configuration  # type: ignore[method-assign]
    LambdaFunction.get_code = get_code  # type: ignore[method-assign]


def simulate_for_nobody() -> None:
    """IAM's simulator, which moto lacks: here nobody has the right to ask it."""

    def simulate_principal_policy(_: IamResponse) -> ActionResult:
        raise IAMAccessDenied

    IamResponse.simulate_principal_policy = simulate_principal_policy  # type: ignore[attr-defined]


class IAMAccessDenied(ServiceException):
    """What AWS answers to who may not."""

    code = "AccessDenied"
    message = "not authorized to perform: iam:SimulatePrincipalPolicy"


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    # What the stacks' resources are made by asks this very server.
    os.environ.update(AWS_ENVIRONMENT, AWS_ENDPOINT_URL=f"http://127.0.0.1:{options.port}")
    from tests.deploy import cloudformation  # noqa: F401 - teaches moto its resources

    # Functions are kept, not run: nothing of AWS invokes them here.
    default_user_config["lambda"]["use_docker"] = False
    take_filters_as_chalice_writes_them()
    refuse_rules()
    read_conditions()
    import_swagger()
    pack_answers()
    deploy_websocket_apis()
    limit_websocket_apis()
    tell_what_lambda_has_left()
    configure_functions()
    simulate_for_nobody()
    server = make_server(
        "127.0.0.1",
        options.port,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
    )
    server.serve_forever()


if __name__ == "__main__":
    main()
