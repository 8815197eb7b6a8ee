"""Both APIs: their existence, what they invoke, their own error responses, their limits.

IAM: apigateway:GET on both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.changes import Change
from deploy.drift.deployed_stage import DeployedStage
from deploy.errors import answer
from deploy.steps import api_gateway, websocket
from deploy.steps.snap_start import ALIAS
from stage import apis as chalice_apis
from stage.api_gateway import read
from stage.names import function_name
from stage.stage import StageError

# The methods without an authorizer; a test compares them with app.py.
OPEN = frozenset({"GET /limits"})
_AGAIN = "run all of make deploy, for its address changes"


def rest_api(stage: DeployedStage) -> Iterator[Change]:
    """The REST API exists, authorizes with Cognito, and invokes the API's function."""
    client, name = stage.client("apigateway"), stage.name
    try:
        api = chalice_apis.rest_api(name)
    except StageError:
        yield Change("application", f"the REST API is missing: {_AGAIN}")
        return
    if answer(client.get_rest_api, "NotFoundException", restApiId=api.id) is None:
        yield Change("application", f"the REST API {api.id} is missing: {_AGAIN}")
        return
    if stage.rest_api is None:
        yield Change("application", f"the REST API {api.id} has no stage {api.stage}")
        return
    pools = {
        arn
        for each in client.get_authorizers(restApiId=api.id)["items"]
        for arn in each.get("providerARNs", [])
    }
    own = stage.settings.user_pool_arn
    if pools != {own}:
        text = ", ".join(sorted(pools)) or "no user pool"
        yield Change("application", f"the REST API's authorizer trusts {text}, not {own}")
    for method in _wrong_methods(stage, api.id):
        yield Change("application", f"the REST API: {method}")


def websocket_api(stage: DeployedStage) -> Iterator[Change]:
    """The WebSocket API exists, and its stage serves the three routes."""
    client, name = stage.client("apigatewayv2"), stage.name
    try:
        api = chalice_apis.websocket_api(name)
    except StageError:
        yield Change("application", f"the WebSocket API is missing: {_AGAIN}")
        return
    if answer(client.get_api, "NotFoundException", ApiId=api.id) is None:
        yield Change("application", f"the WebSocket API {api.id} is missing: {_AGAIN}")
        return
    routes = websocket.routes(client, api.id)
    for route, function in websocket.ROUTES.items():
        invoked = f"{stage.function_arn(function)}/invocations"
        if not routes.get(route, "").endswith(invoked):
            yield Change("application", f"the WebSocket API: {route} does not invoke {function}")
    live = answer(client.get_stage, "NotFoundException", ApiId=api.id, StageName=api.stage)
    if live is None:
        yield Change("api-gateway", f"the WebSocket API {api.id} has no stage {api.stage}")
    elif not websocket.is_deployed(client, api.id, live, websocket.description(routes)):
        yield Change("api-gateway", "the WebSocket API serves routes that make deploy did not make")


def gateway_responses(stage: DeployedStage) -> Iterator[Change]:
    """API Gateway's own error responses are those of the file, and are deployed."""
    api = stage.rest_api
    if api is None:
        return
    client, origin, declared = stage.client("apigateway"), stage.settings.page_origin, read()
    if changes := api_gateway.differences(client, api, declared, origin):
        yield from changes
    elif not api_gateway.is_deployed(client, api, declared, origin):
        yield Change(
            "api-gateway", "the REST API serves a deployment that make deploy did not make"
        )


def limits(stage: DeployedStage) -> Iterator[Change]:
    """The limits of both APIs are those of `.chalice/api-gateway.json`."""
    rest, websocket_one = stage.rest_api, stage.websocket_api
    if rest is None or websocket_one is None:
        return  # another check reports that
    yield from api_gateway.throttling_differences(
        stage.session, rest, websocket_one, read().throttling
    )


def _wrong_methods(stage: DeployedStage, api: str) -> Iterator[str]:
    """The methods that do not require a sign-in, or invoke another function."""
    alias = f":{ALIAS}" if stage.has_snap_start else ""
    function = f":function:{function_name(stage.name, 'api_handler')}{alias}/invocations"
    pages = (
        stage.client("apigateway")
        .get_paginator("get_resources")
        .paginate(restApiId=api, embed=["methods"])
    )
    for page in pages:
        for resource in page["items"]:
            for name, method in resource.get("resourceMethods", {}).items():
                if name != "OPTIONS":
                    yield from _wrong(f"{name} {resource['path']}", method, function)


def _wrong(name: str, method: Mapping[str, Any], function: str) -> Iterator[str]:
    expected = "NONE" if name in OPEN else "COGNITO_USER_POOLS"
    if (actual := method.get("authorizationType") or "NONE") != expected:
        yield f"{name} has the authorization {actual}, not {expected}"
    if not method.get("methodIntegration", {}).get("uri", "").endswith(function):
        yield f"{name} does not invoke {function.removesuffix('/invocations').split(':', 2)[2]}"
