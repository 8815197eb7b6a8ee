"""The stage of the WebSocket API, and the deployment of its routes that the stage serves.

A deployment is a copy of the routes. Chalice creates one together with the API and no later one,
and it does not recreate a stage that somebody deleted. So a route that somebody deleted and
deployed would stay deleted. The description of our deployments names the routes in them.
IAM: apigateway:GET, apigateway:POST on the API.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-set-up-websocket-deployment.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from deploy.changes import Change, show
from deploy.errors import answer

# The function of each route, as Chalice names them; a test compares them with app.py.
ROUTES = {
    "$connect": "websocket_connect",
    "$default": "websocket_message",
    "$disconnect": "websocket_disconnect",
}


def deploy_routes(client: Any, api: str, stage: str) -> list[Change]:
    """Make the stage serve the API's routes; returns the changes. Safe to repeat."""
    live = answer(client.get_stage, "NotFoundException", ApiId=api, StageName=stage)
    described = description(routes(client, api))
    if live is None:
        deployment = client.create_deployment(ApiId=api, Description=described)
        client.create_stage(ApiId=api, StageName=stage, DeploymentId=deployment["DeploymentId"])
        show("WebSocket stage", "created")
        return [Change("api-gateway", "WebSocket stage")]
    if is_deployed(client, api, live, described):
        return []
    client.create_deployment(ApiId=api, StageName=stage, Description=described)
    show("WebSocket deployment", "created, with these routes")
    return [Change("api-gateway", "WebSocket deployment")]


def is_deployed(client: Any, api: str, stage: Mapping[str, Any], description: str) -> bool:
    """Whether a stage, a response of GetStage, serves a deployment with this description.

    A stage with automatic deployment always does.
    """
    if stage.get("AutoDeploy"):
        return True
    live = stage.get("DeploymentId")
    if not live:
        return False
    response = answer(client.get_deployment, "NotFoundException", ApiId=api, DeploymentId=live)
    return response is not None and response.get("Description") == description


def routes(client: Any, api: str) -> dict[str, str]:
    """The ARN that each route of the API invokes, followed by its authorization if it has one."""
    integrations = {
        each["IntegrationId"]: each.get("IntegrationUri", "")
        for page in client.get_paginator("get_integrations").paginate(ApiId=api)
        for each in page["Items"]
    }
    targets = {}
    for page in client.get_paginator("get_routes").paginate(ApiId=api):
        for each in page["Items"]:
            target = integrations.get(each.get("Target", "").rpartition("/")[2], "")
            authorization = each.get("AuthorizationType") or "NONE"
            targets[each["RouteKey"]] = (
                target if authorization == "NONE" else f"{target} {authorization}"
            )
    return targets


def description(targets: Mapping[str, str]) -> str:
    """The description of a deployment of these routes."""
    digest = hashlib.sha256(json.dumps(targets, sort_keys=True).encode()).hexdigest()
    return f"Routes {digest[:16]}"
