"""SnapStart for the API's function, where a stage declares `"snap_start": true`.

SnapStart works only on published versions, but Chalice's API calls `$LATEST`. So after each
`chalice deploy` this step publishes a version, points the alias `live` at it, and points the API at
the alias. Stored versions cost money, so older ones are deleted.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import ClientError

from deploy.changes import Change, show
from deploy.command import client
from stage.apis import RestApi
from stage.names import function_name

ALIAS = "live"
_PERMISSION = "api-gateway"


class SnapStart:
    """The API's function of a stage, and the API that calls it."""

    def __init__(self, session: boto3.Session, stage: str, api: RestApi) -> None:
        self._lambda, self._gateway = client(session, "lambda"), client(session, "apigateway")
        self._function = function_name(stage, "api_handler")
        self._api = api

    def apply(self, *, enabled: bool) -> list[Change]:
        """Switch SnapStart on for the current code, or off; returns the changes."""
        current = self._lambda.get_function_configuration(FunctionName=self._function)
        if not enabled:
            return self._switch_off(current)
        changes = self._configure(current, "PublishedVersions")
        version = self._lambda.publish_version(FunctionName=self._function)["Version"]
        self._lambda.get_waiter("published_version_active").wait(
            FunctionName=self._function, Qualifier=version
        )
        changes += self._set_alias(version)
        self._allow_api_gateway(current["FunctionArn"])
        changes += self._point_api_at(f"{self._function}:{ALIAS}")
        self._delete_versions(except_for=version)
        if not changes:
            show(self._function, f"version {version}, as before")
        return changes

    def _switch_off(self, current: Any) -> list[Change]:
        changes = self._point_api_at(self._function)
        if self._alias() is not None:
            self._lambda.delete_alias(FunctionName=self._function, Name=ALIAS)
            changes.append(Change("functions", "alias"))
        changes += self._configure(current, "None")
        self._delete_versions(except_for="")
        if changes:
            show(self._function, "SnapStart is off")
        return changes

    def _configure(self, current: Any, applied: str) -> list[Change]:
        before = current.get("SnapStart", {}).get("ApplyOn", "None")
        if before == applied:
            return []
        self._lambda.update_function_configuration(
            FunctionName=self._function, SnapStart={"ApplyOn": applied}
        )
        self._lambda.get_waiter("function_updated_v2").wait(FunctionName=self._function)
        return [Change("functions", "SnapStart", before, applied)]

    def _set_alias(self, version: str) -> list[Change]:
        """Point the alias at a version."""
        names = {"FunctionName": self._function, "Name": ALIAS, "FunctionVersion": version}
        current = self._alias()
        if current == version:
            return []
        if current is None:
            self._lambda.create_alias(**names)
        else:
            self._lambda.update_alias(**names)
        show(self._function, f"version {version} is {ALIAS}")
        return [Change("functions", "alias", current or "missing", version)]

    def _alias(self) -> str | None:
        try:
            alias = self._lambda.get_alias(FunctionName=self._function, Name=ALIAS)
        except self._lambda.exceptions.ResourceNotFoundException:
            return None
        return str(alias["FunctionVersion"])

    def _allow_api_gateway(self, arn: str) -> None:
        """Let API Gateway invoke the alias, which has a policy of its own."""
        partition, _, region, account = arn.split(":")[1:5]
        try:
            self._lambda.add_permission(
                FunctionName=self._function,
                Qualifier=ALIAS,
                StatementId=_PERMISSION,
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn=f"arn:{partition}:execute-api:{region}:{account}:{self._api.id}/*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceConflictException":
                raise

    def _point_api_at(self, function: str) -> list[Change]:
        """Let the API call a function, with or without an alias, and deploy that change."""
        changes = []
        for resource, method, uri in self._integrations():
            new_uri = re.sub(r":function:[^/]+/", f":function:{function}/", uri)
            if new_uri != uri:
                self._gateway.update_integration(
                    restApiId=self._api.id,
                    resourceId=resource,
                    httpMethod=method,
                    patchOperations=[{"op": "replace", "path": "/uri", "value": new_uri}],
                )
                changes.append(Change("functions", f"{method} {resource}", after=function))
        if changes:
            # api_gateway.py recognizes its own deployments by their description: it is kept.
            live = self._gateway.get_stage(restApiId=self._api.id, stageName=self._api.stage)
            before = self._gateway.get_deployment(
                restApiId=self._api.id, deploymentId=live["deploymentId"]
            )
            self._gateway.create_deployment(
                restApiId=self._api.id,
                stageName=self._api.stage,
                description=before.get("description", ""),
            )
            show("api", f"{len(changes)} methods call {function}")
        return changes

    def _integrations(self) -> Iterator[tuple[str, str, str]]:
        """Resource, method and URI of each integration with the function."""
        pages = self._gateway.get_paginator("get_resources").paginate(restApiId=self._api.id)
        for page in pages:
            for resource in page["items"]:
                for method in resource.get("resourceMethods", {}):
                    if method != "OPTIONS":
                        integration = self._gateway.get_integration(
                            restApiId=self._api.id, resourceId=resource["id"], httpMethod=method
                        )
                        yield resource["id"], method, integration["uri"]

    def _delete_versions(self, *, except_for: str) -> None:
        pages = self._lambda.get_paginator("list_versions_by_function").paginate(
            FunctionName=self._function
        )
        for page in pages:
            for version in page["Versions"]:
                if version["Version"] not in ("$LATEST", except_for):
                    self._lambda.delete_function(
                        FunctionName=self._function, Qualifier=version["Version"]
                    )
