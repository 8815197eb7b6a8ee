"""The stage of the WebSocket API and the deployment of its routes, on a recording API Gateway."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy.steps.websocket import deploy_routes, description, routes
from tests.deploy.names import names

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:hoist-dev-websocket_connect"
URI = f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"


class Gateway:
    """One WebSocket API with one route; `stage` is the response of GetStage."""

    def __init__(self, stage: dict[str, Any] | None = None, described: str = "") -> None:
        self.stage, self.described = stage, described
        self.route: dict[str, Any] = {"RouteKey": "$connect", "Target": "integrations/i1"}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def get_paginator(self, operation: str) -> Any:
        items = {
            "get_routes": [self.route],
            "get_integrations": [{"IntegrationId": "i1", "IntegrationUri": URI}],
        }[operation]

        class Paginator:
            def paginate(self, **which: str) -> Any:
                assert which == {"ApiId": "abc"}
                return [{"Items": items}, {"Items": []}]

        return Paginator()

    def get_stage(self, **_: str) -> Any:
        if self.stage is None:
            raise ClientError({"Error": {"Code": "NotFoundException"}}, "GetStage")
        return self.stage

    def get_deployment(self, **_: str) -> Any:
        return {"Description": self.described}

    def create_deployment(self, **members: str) -> Any:
        self.calls.append(("create_deployment", members))
        return {"DeploymentId": "d2"}

    def create_stage(self, **members: str) -> None:
        self.calls.append(("create_stage", members))


OURS = description({"$connect": URI})


@pytest.mark.parametrize(
    ("stage", "described"),
    [({"DeploymentId": "d1"}, OURS), ({"DeploymentId": "d1", "AutoDeploy": True}, "")],
    ids=["ours", "deploys by itself"],
)
def test_a_stage_that_serves_these_routes_stays(stage: dict[str, Any], described: str) -> None:
    gateway = Gateway(stage, described)

    assert deploy_routes(gateway, "abc", "dev") == []
    assert gateway.calls == []


@pytest.mark.parametrize(
    ("stage", "described"),
    [({"DeploymentId": "d1"}, ""), ({"DeploymentId": "d1"}, "Routes 0"), ({}, OURS)],
    ids=["Chalice's", "other routes", "no deployment"],
)
def test_a_stage_that_serves_other_routes_gets_a_deployment(
    stage: dict[str, Any], described: str
) -> None:
    gateway = Gateway(stage, described)

    assert names(deploy_routes(gateway, "abc", "dev")) == ["WebSocket deployment"]
    members = {"ApiId": "abc", "StageName": "dev", "Description": OURS}
    assert gateway.calls == [("create_deployment", members)]


def test_a_deleted_stage_is_created_again() -> None:
    gateway = Gateway()

    assert names(deploy_routes(gateway, "abc", "dev")) == ["WebSocket stage"]
    assert gateway.calls == [
        ("create_deployment", {"ApiId": "abc", "Description": OURS}),
        ("create_stage", {"ApiId": "abc", "StageName": "dev", "DeploymentId": "d2"}),
    ]


def test_a_route_with_an_authorizer_is_another_route() -> None:
    gateway = Gateway({"DeploymentId": "d1"}, OURS)
    gateway.route["AuthorizationType"] = "AWS_IAM"

    assert routes(gateway, "abc") == {"$connect": f"{URI} AWS_IAM"}
    assert names(deploy_routes(gateway, "abc", "dev")) == ["WebSocket deployment"]
