"""The application of a stage: runs the unchanged `chalice deploy` and `chalice delete`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from chalicelib.config import load_settings
from deploy.changes import show
from deploy.errors import PERMISSIONS, QUOTA
from deploy.steps import recovery
from stage.page import cognito_endpoint
from stage.stage import ROOT, StageError, deployed


def deploy(session: boto3.Session, stage: str, *, root: Path = ROOT) -> None:
    """Run `chalice deploy`; raises StageError with Chalice's message."""
    recovery.recover(session, stage, root=root)
    if error := _chalice(session, root, "deploy", "--stage", stage):
        raise StageError(f"chalice deploy failed: {error}")
    packages = (root / ".chalice" / "deployments").glob("*.zip")
    newest = max(packages, key=lambda path: path.stat().st_mtime)
    show(newest.name, f"{newest.stat().st_size:,} bytes")


def delete(session: boto3.Session, stage: str, *, root: Path = ROOT) -> None:
    """Run `chalice delete`; raises StageError with Chalice's message."""
    if error := _chalice(session, root, "delete", "--stage", stage):
        raise StageError(f"chalice delete failed: {error}")


def urls(stage: str, *, root: Path = ROOT) -> tuple[str, str]:
    """The addresses of the REST and the WebSocket API, without a slash at the end."""
    by_type = {resource["resource_type"]: resource for resource in deployed(stage, root=root)}
    if not {"rest_api", "websocket_api"} <= by_type.keys():
        raise StageError(f"{stage} has no API: run `make deploy STAGE={stage}`")
    api, websocket = by_type["rest_api"], by_type["websocket_api"]
    return api["rest_api_url"].rstrip("/"), websocket["websocket_api_url"].rstrip("/")


def addresses(stage: str, config: Mapping[str, Any]) -> list[str]:
    """The origins that the page may connect to; empty until all of them are known."""
    environment = config["environment_variables"]
    if "HOIST_BUCKET" not in environment:
        return []
    try:
        api, websocket = urls(stage)
    except StageError:
        return []
    settings = load_settings({**environment, "AWS_REGION": config["region"]})
    downloads = [settings.download_url] if settings.download_url else []
    return [
        *(_origin(url) for url in (api, websocket, *settings.bucket_urls, *downloads)),
        cognito_endpoint(settings.region),
    ]


def _chalice(session: boto3.Session, root: Path, *arguments: str) -> str:
    """Run Chalice and print its lines as they come; returns its error, empty if it succeeds."""
    region = session.region_name
    environment = {**os.environ, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    command = [str(Path(sys.executable).parent / "chalice"), *arguments]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(  # noqa: S603 - the arguments are ours
            command, cwd=root, env=environment, text=True, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                print(f"  {line.rstrip()}", flush=True)
            process.wait()
        finally:  # Chalice may ignore Ctrl-C in the middle of a request: it must not keep running
            process.kill()
            process.wait()
        errors.seek(0)
        output = errors.read()
    if process.returncode == 0:
        return ""
    # The last paragraph is the message; a traceback of Chalice's own code stands before it.
    message = " ".join(output.rpartition("ERROR - ")[2].split())[-600:]
    hint = ""
    if "imitExceeded" in message or "uota" in message:
        hint = f"; {QUOTA}"
    elif "AccessDenied" in message:
        hint = f"; {PERMISSIONS}"
    return f"{message}{hint}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
