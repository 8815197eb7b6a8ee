"""Writes `.chalice/api-gateway.json` to the APIs of a stage, after each `chalice deploy`.

Chalice knows neither gateway responses nor throttling. Only what differs is written, and responses
that the file does not name stay as they are.
IAM: apigateway:GET, apigateway:PUT, apigateway:POST and apigateway:PATCH on the APIs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3

from chalicelib.errors import UploadError
from deploy.changes import Change, show, show_applied
from deploy.command import arguments, client, run
from deploy.steps import recovery, throttling, websocket
from stage.api_gateway import Declared, headers, read
from stage.apis import RestApi, WebSocketApi, rest_api, websocket_api
from stage.stage import enter
from stage.throttling import Throttling

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient

# API Gateway uses the template of this type for a caller that accepts any type. It would also name
# this type in its response if the response declared no Content-Type.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
TEMPLATE_TYPE = "application/json"


def differences(
    client: APIGatewayClient, api: RestApi, declared: Declared, page_origin: str
) -> list[Change]:
    """The response types of the file whose response in AWS is another one."""
    current = dict(_responses(client, api))
    return [
        Change("api-gateway", kind, after=f"{error.status} {error.code}")
        for kind, error in declared.problems.items()
        if current.get(kind) != gateway_response(error, page_origin)
    ]


def apply(
    client: APIGatewayClient, api: RestApi, declared: Declared, page_origin: str
) -> list[Change]:
    """Write what differs; returns the changes. Safe to repeat, also after an interruption."""
    changes = differences(client, api, declared, page_origin)
    for change in changes:
        client.put_gateway_response(
            restApiId=api.id,
            responseType=change.name,  # type: ignore[arg-type] # one of TYPES
            **gateway_response(declared.problems[change.name], page_origin),
        )
        show(change.name, change.result)
    if changes or not is_deployed(client, api, declared, page_origin):
        changes.append(_deploy(client, api, declared, page_origin))
    changes += throttling.limit_rest(client, api.id, api.stage, declared.throttling)
    if not changes:
        show_applied(changes, api.id)
    return changes


def gateway_response(error: UploadError, page_origin: str) -> dict[str, Any]:
    """The arguments of PutGatewayResponse for one response type, without its name."""
    return {
        "statusCode": str(error.status),
        "responseParameters": {
            f"gatewayresponse.header.{name}": f"'{value}'"
            for name, value in headers(error, page_origin).items()
        },
        "responseTemplates": {TEMPLATE_TYPE: json.dumps(error.problem())},
    }


def is_deployed(
    client: APIGatewayClient, api: RestApi, declared: Declared, page_origin: str
) -> bool:
    """Whether the stage serves a deployment that `make deploy` made with these responses."""
    live = client.get_stage(restApiId=api.id, stageName=api.stage).get("deploymentId")
    if not live:
        return False
    deployment = client.get_deployment(restApiId=api.id, deploymentId=live)
    return deployment.get("description") == _description(declared, page_origin)


def _responses(client: APIGatewayClient, api: RestApi) -> Iterator[tuple[str, dict[str, Any]]]:
    """The API's own responses by type, without the defaults of API Gateway."""
    position: dict[str, Any] = {}
    while True:
        page = client.get_gateway_responses(restApiId=api.id, limit=500, **position)
        for item in page.get("items", []):
            if not item.get("defaultResponse"):
                yield (
                    item["responseType"],
                    {
                        "statusCode": item.get("statusCode"),
                        "responseParameters": item.get("responseParameters", {}),
                        "responseTemplates": item.get("responseTemplates", {}),
                    },
                )
        if not page.get("position"):
            return
        position = {"position": page["position"]}


def _deploy(client: APIGatewayClient, api: RestApi, declared: Declared, page_origin: str) -> Change:
    """Deploy the stage: a deployment is a copy, and an older one lacks the new responses."""
    client.create_deployment(
        restApiId=api.id,
        stageName=api.stage,
        description=_description(declared, page_origin),
    )
    show("deployment", "created, with these responses")
    return Change("api-gateway", "deployment")


def _description(declared: Declared, page_origin: str) -> str:
    responses = {
        kind: gateway_response(error, page_origin) for kind, error in declared.problems.items()
    }
    digest = hashlib.sha256(json.dumps(responses, sort_keys=True).encode()).hexdigest()
    return f"Gateway responses {digest[:16]}"


def throttling_differences(
    session: boto3.Session, rest: RestApi, websocket: WebSocketApi, declared: Throttling
) -> list[Change]:
    """The methods and routes of a deployed stage whose limits are not those of the file."""
    methods = client(session, "apigateway").get_stage(restApiId=rest.id, stageName=rest.stage)
    routes = client(session, "apigatewayv2").get_stage(
        ApiId=websocket.id, StageName=websocket.stage
    )
    return [
        *throttling.rest_differences(methods, declared),
        *throttling.websocket_differences(routes, declared),
    ]


def apply_to_stage(session: boto3.Session, stage: str, page_origin: str) -> None:
    """Write what differs in both APIs of a deployed stage. Safe to repeat."""
    declared, api, gateway = read(), websocket_api(stage), client(session, "apigatewayv2")
    apply(client(session, "apigateway"), rest_api(stage), declared, page_origin)
    websocket.deploy_routes(gateway, api.id, api.stage)
    throttling.limit_websocket(gateway, api.id, api.stage, declared.throttling)


def main() -> int:
    """Run the command; returns the exit status."""

    def work(options: argparse.Namespace) -> None:
        if options.stage == "local":
            print("Locally `make run` reads the file: there is nothing to apply")
            return
        settings = enter(options.stage).settings
        session = boto3.Session(region_name=settings.region)
        recovery.recover(session, options.stage, read_only=True)
        apply_to_stage(session, options.stage, settings.page_origin)

    return run(
        arguments("api-gateway", __doc__, stage="a deployed stage of .chalice/config.json"), work
    )


if __name__ == "__main__":
    sys.exit(main())
