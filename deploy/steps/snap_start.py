"""SnapStart for the API's function, where a stage asks for it: `"snap_start": true`.

It holds for published versions only, and Chalice's API asks none; so a version is published after
each `chalice deploy`, named by an alias, and the API's integrations ask the alias. Costs for every
version that is kept, so that one alone is.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import ClientError

from stage.apis import RestApi
from stage.names import function_name

ALIAS = "live"
_PERMISSION = "api-gateway"


class SnapStart:
    """The API's function of a stage, and the API that asks it."""

    def __init__(self, session: boto3.Session, stage: str, api: RestApi) -> None:
        make: Any = session.client
        self._lambda, self._gateway = make("lambda"), make("apigateway")
        self._function = function_name(stage, "api_handler")
        self._api = api

    def apply(self, *, wanted: bool) -> list[str]:
        """Switch it on, for the code as it is now, or off; returns what was changed."""
        found = self._lambda.get_function_configuration(FunctionName=self._function)
        if not wanted:
            return self._off(found)
        changed = self._set(found, "PublishedVersions")
        version = self._lambda.publish_version(FunctionName=self._function)["Version"]
        self._lambda.get_waiter("published_version_active").wait(
            FunctionName=self._function, Qualifier=version
        )
        changed += self._name(version)
        self._let_api_gateway_in(found["FunctionArn"])
        changed += self._point(f"{self._function}:{ALIAS}")
        self._drop_versions(keep=version)
        if not changed:
            print(f"  {self._function:<32} version {version}, as before")
        return changed

    def _off(self, found: Any) -> list[str]:
        changed = self._point(self._function)
        if self._alias() is not None:
            self._lambda.delete_alias(FunctionName=self._function, Name=ALIAS)
            changed.append("alias")
        changed += self._set(found, "None")
        self._drop_versions(keep="")
        if changed:
            print(f"  {self._function:<32} SnapStart is off")
        return changed

    def _set(self, found: Any, applied: str) -> list[str]:
        if found.get("SnapStart", {}).get("ApplyOn", "None") == applied:
            return []
        self._lambda.update_function_configuration(
            FunctionName=self._function, SnapStart={"ApplyOn": applied}
        )
        self._lambda.get_waiter("function_updated_v2").wait(FunctionName=self._function)
        return ["configuration"]

    def _name(self, version: str) -> list[str]:
        """Let the alias be the name of a version."""
        names = {"FunctionName": self._function, "Name": ALIAS, "FunctionVersion": version}
        current = self._alias()
        if current == version:
            return []
        if current is None:
            self._lambda.create_alias(**names)
        else:
            self._lambda.update_alias(**names)
        print(f"  {self._function:<32} version {version} is {ALIAS}")
        return ["alias"]

    def _alias(self) -> str | None:
        try:
            found = self._lambda.get_alias(FunctionName=self._function, Name=ALIAS)
        except self._lambda.exceptions.ResourceNotFoundException:
            return None
        return str(found["FunctionVersion"])

    def _let_api_gateway_in(self, arn: str) -> None:
        """An alias has a policy of its own."""
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

    def _point(self, function: str) -> list[str]:
        """Let the API ask a function, with or without an alias; a deployment makes it known."""
        changed = []
        for resource, method, uri in self._integrations():
            pointed = re.sub(r":function:[^/]+/", f":function:{function}/", uri)
            if pointed != uri:
                self._gateway.update_integration(
                    restApiId=self._api.id,
                    resourceId=resource,
                    httpMethod=method,
                    patchOperations=[{"op": "replace", "path": "/uri", "value": pointed}],
                )
                changed.append(f"{method} {resource}")
        if changed:
            # The description is how api_gateway.py knows its own deployments: kept.
            live = self._gateway.get_stage(restApiId=self._api.id, stageName=self._api.stage)
            before = self._gateway.get_deployment(
                restApiId=self._api.id, deploymentId=live["deploymentId"]
            )
            self._gateway.create_deployment(
                restApiId=self._api.id,
                stageName=self._api.stage,
                description=before.get("description", ""),
            )
            print(f"  {'api':<32} {len(changed)} methods ask {function}")
        return changed

    def _integrations(self) -> Iterator[tuple[str, str, str]]:
        """Resource, method and address of each integration with the function."""
        pages = self._gateway.get_paginator("get_resources").paginate(restApiId=self._api.id)
        for page in pages:
            for resource in page["items"]:
                for method in resource.get("resourceMethods", {}):
                    if method != "OPTIONS":
                        found = self._gateway.get_integration(
                            restApiId=self._api.id, resourceId=resource["id"], httpMethod=method
                        )
                        yield resource["id"], method, found["uri"]

    def _drop_versions(self, *, keep: str) -> None:
        pages = self._lambda.get_paginator("list_versions_by_function").paginate(
            FunctionName=self._function
        )
        for page in pages:
            for version in page["Versions"]:
                if version["Version"] not in ("$LATEST", keep):
                    self._lambda.delete_function(
                        FunctionName=self._function, Qualifier=version["Version"]
                    )
