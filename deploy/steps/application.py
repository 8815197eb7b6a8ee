"""The application of a stage: `chalice deploy`, unchanged, and what it remembers of it.

Chalice notes what it made only at its very end, on the machine it ran on. Where that note is
missing (an interrupted run, another machine) it would make the APIs anew and leave the old ones
behind; so they are looked for first.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from chalicelib.config import aws_domain, load_settings
from deploy.errors import PERMISSIONS, QUOTA
from stage.names import APP
from stage.page import cognito_endpoint
from stage.stage import ROOT, StageError, deployed, note_path

# A route that every version has, to see whose function answers it.
_ROUTE = "/limits"


def deploy(session: boto3.Session, stage: str, *, root: Path = ROOT) -> None:
    """Run `chalice deploy`; raises StageError with what it said."""
    recover(session, stage, root=root)
    told = _chalice(session, root, "deploy", "--stage", stage)
    if told:
        raise StageError(f"chalice deploy failed: {told}")
    packages = (root / ".chalice" / "deployments").glob("*.zip")
    newest = max(packages, key=lambda path: path.stat().st_mtime)
    print(f"  {newest.name} has {newest.stat().st_size:,} bytes")


def delete(session: boto3.Session, stage: str, *, root: Path = ROOT) -> None:
    """Run `chalice delete`; raises StageError with what it said."""
    told = _chalice(session, root, "delete", "--stage", stage)
    if told:
        raise StageError(f"chalice delete failed: {told}")


def urls(stage: str, *, root: Path = ROOT) -> tuple[str, str]:
    """The addresses of the API and of the WebSocket, without a slash at the end."""
    by_type = {found["resource_type"]: found for found in deployed(stage, root=root)}
    if not {"rest_api", "websocket_api"} <= by_type.keys():
        raise StageError(f"{stage} has no API: run `make deploy STAGE={stage}`")
    api, websocket = by_type["rest_api"], by_type["websocket_api"]
    return api["rest_api_url"].rstrip("/"), websocket["websocket_api_url"].rstrip("/")


def addresses(stage: str, begun: Mapping[str, Any]) -> list[str]:
    """The origins that the page may talk to, once all are known."""
    environment = begun["environment_variables"]
    if "HOIST_BUCKET" not in environment:
        return []
    try:
        api, websocket = urls(stage)
    except StageError:
        return []
    settings = load_settings({**environment, "AWS_REGION": begun["region"]})
    downloads = [settings.download_url] if settings.download_url else []
    return [
        *(_origin(url) for url in (api, websocket, *settings.bucket_urls, *downloads)),
        cognito_endpoint(settings.region),
    ]


def recover(
    session: boto3.Session, stage: str, *, root: Path = ROOT, looking: bool = False
) -> None:
    """Note the APIs of the stage that Chalice does not know of.

    A half made one is deleted, to be made anew; not by who is only `looking`.
    """
    path = note_path(stage, root)
    known = deployed(stage, root=root) if path.exists() else []
    types = {resource["resource_type"] for resource in known}
    found = []
    if "rest_api" not in types:
        found += _rest_api(session, stage, looking=looking)
    if "websocket_api" not in types:
        found += _websocket_api(session, stage, looking=looking)
    if found:
        for resource in found:
            print(f"  {resource['name']:<32} found in AWS, taken up")
        path.parent.mkdir(exist_ok=True)
        noted = {"resources": known + found, "schema_version": "2.0", "backend": "api"}
        path.write_text(json.dumps(noted, indent=2), encoding="utf-8")


def rest_apis(session: boto3.Session, stage: str) -> list[str]:
    """The ids of the REST APIs that ask the stage's function; all stages' have one name."""
    client = session.client("apigateway")
    # With an alias where the stage has SnapStart.
    function = re.compile(rf".*:function:{APP}-{stage}(:[\w-]+)?/invocations")
    return [
        api["id"]
        for page in client.get_paginator("get_rest_apis").paginate()
        for api in page["items"]
        if api["name"] == APP and _asks(client, api["id"], function)
    ]


def websocket_apis(session: boto3.Session, stage: str) -> list[str]:
    """The ids of the stage's WebSocket APIs."""
    client = session.client("apigatewayv2")
    return [
        api["ApiId"]
        for page in client.get_paginator("get_apis").paginate()
        for api in page["Items"]
        if api["Name"] == f"{APP}-{stage}-websocket-api"
    ]


def _whole(
    kind: str,
    apis: list[str],
    *,
    has_stage: Callable[[str], bool],
    delete: Callable[[str], Any],
    looking: bool,
) -> list[str]:
    """The first API that has its stage; half made ones before it are deleted."""
    for api in apis:
        if has_stage(api):
            return [api]
        if not looking:
            print(f"  {kind:<32} half made: deleted")
            delete(api)
    return []


def _rest_api(session: boto3.Session, stage: str, *, looking: bool) -> list[dict[str, Any]]:
    client = session.client("apigateway")
    found = _whole(
        "rest_api",
        rest_apis(session, stage),
        has_stage=lambda api: any(
            each["stageName"] == stage for each in client.get_stages(restApiId=api)["item"]
        ),
        delete=lambda api: client.delete_rest_api(restApiId=api),
        looking=looking,
    )
    url = f"https://{{}}.{_execute_api(session)}/{stage}/"
    return [_resource("rest_api", rest_api_id=api, rest_api_url=url.format(api)) for api in found]


def _websocket_api(session: boto3.Session, stage: str, *, looking: bool) -> list[dict[str, Any]]:
    client = session.client("apigatewayv2")
    found = _whole(
        "websocket_api",
        websocket_apis(session, stage),
        has_stage=lambda api: any(
            each["StageName"] == stage for each in client.get_stages(ApiId=api)["Items"]
        ),
        delete=lambda api: client.delete_api(ApiId=api),
        looking=looking,
    )
    url = f"wss://{{}}.{_execute_api(session)}/{stage}/"
    return [
        _resource("websocket_api", websocket_api_id=api, websocket_api_url=url.format(api))
        for api in found
    ]


def _execute_api(session: boto3.Session) -> str:
    region = str(session.region_name)
    return f"execute-api.{region}.{aws_domain(region)}"


def _resource(kind: str, **values: str) -> dict[str, Any]:
    """As Chalice notes it; both APIs are called as their type."""
    return {"name": kind, "resource_type": kind, **values}


def _asks(client: Any, api: str, function: re.Pattern[str]) -> bool:
    for page in client.get_paginator("get_resources").paginate(restApiId=api):
        for resource in page["items"]:
            if resource["path"] == _ROUTE and "GET" in resource.get("resourceMethods", {}):
                integration = client.get_integration(
                    restApiId=api, resourceId=resource["id"], httpMethod="GET"
                )
                return function.fullmatch(integration["uri"]) is not None
    return False


def _chalice(session: boto3.Session, root: Path, *arguments: str) -> str:
    """Run Chalice, its lines shown as they come; returns nothing, or what it failed with."""
    region = session.region_name
    environment = {**os.environ, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    command = [str(Path(sys.executable).parent / "chalice"), *arguments]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(  # noqa: S603 - nothing of it comes from outside
            command, cwd=root, env=environment, text=True, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                print(f"  {line.rstrip()}", flush=True)
            process.wait()
        finally:  # Ctrl-C may pass it by in the middle of a request: nothing of it goes on unseen
            process.kill()
            process.wait()
        errors.seek(0)
        said = errors.read()
    if process.returncode == 0:
        return ""
    # Its last paragraph says it; what stands before is a trace of its own code.
    said = " ".join(said.rpartition("ERROR - ")[2].split())[-600:]
    hint = ""
    if "imitExceeded" in said or "uota" in said:
        hint = f"; {QUOTA}"
    elif "AccessDenied" in said:
        hint = f"; {PERMISSIONS}"
    return f"{said}{hint}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
