"""The stage of the WebSocket API, and the deployment of its routes that it serves.

A deployment is a copy of the routes. Chalice makes one with the API and none after that, and makes
no stage again that somebody deleted. So a route that somebody took away and deployed would stay
away. Our deployments say which routes they hold.
IAM: apigateway:GET, apigateway:POST on the API.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-set-up-websocket-deployment.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from deploy.errors import answer

# What each route of app.py is called by Chalice; a test compares them.
ROUTES = {
    "$connect": "websocket_connect",
    "$default": "websocket_message",
    "$disconnect": "websocket_disconnect",
}


def deploy_routes(client: Any, api: str, stage: str) -> list[str]:
    """Let the stage serve the API's routes; returns what was changed. Safe to repeat."""
    live = answer(client.get_stage, "NotFoundException", ApiId=api, StageName=stage)
    described = description(routes(client, api))
    if live is None:
        deployment = client.create_deployment(ApiId=api, Description=described)
        client.create_stage(ApiId=api, StageName=stage, DeploymentId=deployment["DeploymentId"])
        print(f"  {'WebSocket stage':<29} made")
        return ["stage"]
    if is_deployed(client, api, live, described):
        return []
    client.create_deployment(ApiId=api, StageName=stage, Description=described)
    print(f"  {'WebSocket deployment':<29} made, with these routes")
    return ["deployment"]


def is_deployed(client: Any, api: str, stage: Mapping[str, Any], description: str) -> bool:
    """Whether a stage, as GetStage answers it, serves a deployment of that description.

    A stage that deploys each change by itself always does.
    """
    if stage.get("AutoDeploy"):
        return True
    live = stage.get("DeploymentId")
    if not live:
        return False
    response = answer(client.get_deployment, "NotFoundException", ApiId=api, DeploymentId=live)
    return response is not None and response.get("Description") == description


def routes(client: Any, api: str) -> dict[str, str]:
    """The ARN of what each route of the API invokes, and who may use it where that is not all."""
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
    """What a deployment of some routes is described by."""
    digest = hashlib.sha256(json.dumps(targets, sort_keys=True).encode()).hexdigest()
    return f"Routes {digest[:16]}"
