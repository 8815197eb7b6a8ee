"""Finds the APIs of a stage that Chalice's note does not name.

Chalice writes its note at the very end of a deployment, on the machine that deployed. Without the
note (after an interruption, or on another machine) Chalice would create both APIs again and leave
the old ones behind. IAM: apigateway:GET; apigateway:DELETE for half-created APIs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import boto3

from chalicelib.config import aws_domain
from deploy.changes import show
from deploy.command import client
from stage.names import APP
from stage.stage import ROOT, deployed, note_path

# A route that every version of Hoist has: its integration names the function of the API.
_ROUTE = "/limits"


class _Apis(Protocol):
    """The APIs of one kind; `kind` is Chalice's name for it."""

    kind: str
    scheme: str

    def ids(self, stage: str) -> Iterator[str]:
        """The ids of the stage's APIs, complete or not."""

    def stages(self, api: str) -> list[str]:
        """The names of an API's stages."""

    def delete(self, api: str) -> None:
        """Delete an API."""


class _RestApis:
    kind, scheme = "rest_api", "https"

    def __init__(self, session: boto3.Session) -> None:
        self._client = client(session, "apigateway")

    def ids(self, stage: str) -> Iterator[str]:
        """The REST APIs that call the stage's function: those of all stages have one name."""
        # The function has an alias where the stage has SnapStart.
        function = re.compile(rf".*:function:{APP}-{stage}(:[\w-]+)?/invocations")
        for page in self._client.get_paginator("get_rest_apis").paginate():
            for api in page["items"]:
                if api["name"] == APP and self._calls(api["id"], function):
                    yield api["id"]

    def stages(self, api: str) -> list[str]:
        return [each["stageName"] for each in self._client.get_stages(restApiId=api)["item"]]

    def delete(self, api: str) -> None:
        self._client.delete_rest_api(restApiId=api)

    def _calls(self, api: str, function: re.Pattern[str]) -> bool:
        for page in self._client.get_paginator("get_resources").paginate(restApiId=api):
            for resource in page["items"]:
                if resource["path"] == _ROUTE and "GET" in resource.get("resourceMethods", {}):
                    integration = self._client.get_integration(
                        restApiId=api, resourceId=resource["id"], httpMethod="GET"
                    )
                    return function.fullmatch(integration["uri"]) is not None
        return False


class _WebSocketApis:
    kind, scheme = "websocket_api", "wss"

    def __init__(self, session: boto3.Session) -> None:
        self._client = client(session, "apigatewayv2")

    def ids(self, stage: str) -> Iterator[str]:
        for page in self._client.get_paginator("get_apis").paginate():
            for api in page["Items"]:
                if api["Name"] == f"{APP}-{stage}-websocket-api":
                    yield api["ApiId"]

    def stages(self, api: str) -> list[str]:
        return [each["StageName"] for each in self._client.get_stages(ApiId=api)["Items"]]

    def delete(self, api: str) -> None:
        self._client.delete_api(ApiId=api)


def recover(
    session: boto3.Session, stage: str, *, root: Path = ROOT, read_only: bool = False
) -> None:
    """Write the stage's APIs into Chalice's note where it lacks them.

    Deletes half-created APIs, so that Chalice can create them again. With `read_only` nothing is
    deleted in AWS.
    """
    path = note_path(stage, root)
    noted = deployed(stage, root=root) if path.exists() else []
    kinds = {resource["resource_type"] for resource in noted}
    new = [
        _resource(session, apis, api, stage)
        for apis in _both(session)
        if apis.kind not in kinds
        for api in _complete(apis, stage, read_only=read_only)
    ]
    for resource in new:
        show(resource["name"], "found in AWS, added to Chalice's note")
    if new:
        path.parent.mkdir(exist_ok=True)
        note = {"resources": noted + new, "schema_version": "2.0", "backend": "api"}
        path.write_text(json.dumps(note, indent=2), encoding="utf-8")


def rest_apis(session: boto3.Session, stage: str) -> list[str]:
    """The ids of the stage's REST APIs."""
    return list(_RestApis(session).ids(stage))


def websocket_apis(session: boto3.Session, stage: str) -> list[str]:
    """The ids of the stage's WebSocket APIs."""
    return list(_WebSocketApis(session).ids(stage))


def _both(session: boto3.Session) -> tuple[_Apis, _Apis]:
    return _RestApis(session), _WebSocketApis(session)


def _complete(apis: _Apis, stage: str, *, read_only: bool) -> list[str]:
    """The first API that has its stage; half-created APIs before it are deleted."""
    for api in list(apis.ids(stage)):
        if stage in apis.stages(api):
            return [api]
        if not read_only:
            show(apis.kind, "half created: deleted")
            apis.delete(api)
    return []


def _resource(session: boto3.Session, apis: _Apis, api: str, stage: str) -> dict[str, Any]:
    """The entry that Chalice would have written; it names an API like its type."""
    region = str(session.region_name)
    url = f"{apis.scheme}://{api}.execute-api.{region}.{aws_domain(region)}/{stage}/"
    return {
        "name": apis.kind,
        "resource_type": apis.kind,
        f"{apis.kind}_id": api,
        f"{apis.kind}_url": url,
    }
