"""What API Gateway does before a function is asked: `.chalice/api-gateway.json`, applied.

Chalice knows neither gateway responses nor throttling, so this comes after each `chalice deploy`.
Only what differs is written; responses that the file does not name are left alone. `make run` reads
the same file. How requests are throttled is `deploy/steps/throttling.py`.
IAM: apigateway:GET, apigateway:PUT, apigateway:POST and apigateway:PATCH on the APIs.
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import boto3

from chalicelib.errors import UploadError
from deploy import permissions
from deploy.command import run_command
from deploy.steps import application, throttling, websocket
from stage.api_gateway import Declared, headers, read
from stage.apis import RestApi, WebSocketApi, rest_api, websocket_api
from stage.stage import enter
from stage.throttling import Throttling

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient

# API Gateway takes the template of this type for a caller who accepts anything, and would name this
# type in its answer if the response named none.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
TEMPLATE_TYPE = "application/json"


def differences(
    client: APIGatewayClient, api: RestApi, wanted: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """The response types that are answered otherwise than `wanted`."""
    current = dict(_responses(client, api))
    return [kind for kind, response in wanted.items() if current.get(kind) != response]


def apply(
    client: APIGatewayClient, api: RestApi, declared: Declared, page_origin: str
) -> list[str]:
    """Write what differs; returns what was changed. Safe to repeat, and after half of it failed."""
    wanted = gateway_responses(declared, page_origin)
    changed = differences(client, api, wanted)
    for kind in changed:
        client.put_gateway_response(
            restApiId=api.id,
            responseType=kind,  # type: ignore[arg-type] # one of TYPES
            **wanted[kind],
        )
        print(f"  {kind:<29} changed: {wanted[kind]['statusCode']} {declared.problems[kind].code}")
    if _deploy(client, api, wanted, anew=bool(changed)):
        changed.append("deployment")
    changed += throttling.limit_rest(client, api.id, api.stage, declared.throttling)
    if not changed:
        print(f"  {api.id:<29} as declared")
    return changed


def gateway_responses(declared: Declared, page_origin: str) -> dict[str, dict[str, Any]]:
    """What each type that is declared is answered with."""
    return {kind: gateway_response(error, page_origin) for kind, error in declared.problems.items()}


def gateway_response(error: UploadError, page_origin: str) -> dict[str, Any]:
    """What PutGatewayResponse takes for one type, beside its name."""
    return {
        "statusCode": str(error.status),
        "responseParameters": {
            f"gatewayresponse.header.{name}": f"'{value}'"
            for name, value in headers(error, page_origin).items()
        },
        "responseTemplates": {TEMPLATE_TYPE: json.dumps(error.problem())},
    }


def _responses(client: APIGatewayClient, api: RestApi) -> Iterator[tuple[str, dict[str, Any]]]:
    """The API's own responses by type; API Gateway lists its defaults as well."""
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


def _deploy(
    client: APIGatewayClient, api: RestApi, wanted: Mapping[str, Any], *, anew: bool
) -> bool:
    """Deploy the stage, `anew` or unless its deployment says that it holds these responses.

    A deployment is a copy: one made before the responses were written does not have them.
    """
    if not anew and is_deployed(client, api, wanted):
        return False
    client.create_deployment(
        restApiId=api.id, stageName=api.stage, description=_description(wanted)
    )
    print(f"  {'deployment':<29} made, with these responses")
    return True


def is_deployed(client: APIGatewayClient, api: RestApi, wanted: Mapping[str, Any]) -> bool:
    """Whether the stage serves a deployment of ours, with these responses."""
    live = client.get_stage(restApiId=api.id, stageName=api.stage).get("deploymentId")
    if not live:
        return False
    found = client.get_deployment(restApiId=api.id, deploymentId=live)
    return found.get("description") == _description(wanted)


def _description(wanted: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
    return f"Gateway responses {digest[:16]}"


def throttling_differences(
    session: boto3.Session, rest: RestApi, websocket: WebSocketApi, declared: Throttling
) -> list[str]:
    """The methods and routes of a deployed stage whose limits are not those of the file."""
    make: Any = session.client
    methods = make("apigateway").get_stage(restApiId=rest.id, stageName=rest.stage)
    routes = make("apigatewayv2").get_stage(ApiId=websocket.id, StageName=websocket.stage)
    return [
        *throttling.rest_differences(methods, declared),
        *(f"WebSocket {name}" for name in throttling.websocket_differences(routes, declared)),
    ]


def apply_to_stage(session: boto3.Session, stage: str, page_origin: str) -> None:
    """Write what differs, of both APIs of a deployed stage. Safe to repeat."""
    make: Any = session.client
    declared, api = read(), websocket_api(stage)
    apply(make("apigateway"), rest_api(stage), declared, page_origin)
    websocket.deploy_routes(make("apigatewayv2"), api.id, api.stage)
    throttling.limit_websocket(make("apigatewayv2"), api.id, api.stage, declared.throttling)


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="make api-gateway", description=__doc__, epilog=permissions.epilog("api-gateway")
    )
    parser.add_argument("--stage", required=True, help="a deployed stage of .chalice/config.json")
    options = parser.parse_args()
    if options.stage == "local":
        print("At home `make run` reads the file: there is nothing to apply")
        return 0

    def work() -> None:
        settings = enter(options.stage).settings
        session = boto3.Session(region_name=settings.region)
        application.recover(session, options.stage, looking=True)
        apply_to_stage(session, options.stage, settings.page_origin)

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
