"""`make smoke` on the running system: two files pass every step and leave nothing."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from deploy.smoke.__main__ import Smoke
from local.names import ACCESS_KEY, REGION, SECRET_KEY
from stage.stage import StageError
from tests.support.environment import CLEAN_ENVIRONMENT
from tests.support.running import ROOT, RunningSystem, call

pytestmark = pytest.mark.system

UPLOAD = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def accounts(system: RunningSystem) -> set[str]:
    config = call("GET", f"{system.url('page')}/config.json").json
    users = cognito(system).list_users(UserPoolId=config["user_pool_id"])["Users"]
    return {user["Username"] for user in users}


def cognito(system: RunningSystem) -> Any:
    session: Any = boto3.Session(ACCESS_KEY, SECRET_KEY)
    return session.client("cognito-idp", region_name=REGION, endpoint_url=system.url("aws"))


def uploads(system: RunningSystem) -> set[str]:
    """The ids of all uploads; those of other tests may still be in progress."""
    client = boto3.client(
        "dynamodb",
        region_name=REGION,
        endpoint_url=system.url("aws"),
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    (name,) = client.list_tables()["TableNames"]
    pages = client.get_paginator("scan").paginate(TableName=name)
    items = [item for page in pages for item in page["Items"] if "state" in item]
    return {item["id"]["S"] for item in items if item["state"]["S"] != "aborted"}


def smoke(system: RunningSystem) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.smoke", "--stage", "local"],
        cwd=ROOT,
        env={**CLEAN_ENVIRONMENT, "HOIST_HOME": str(system.home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_file_passes_every_step_and_leaves_nothing(system: RunningSystem) -> None:
    before = accounts(system), uploads(system)

    done = smoke(system)

    assert done.returncode == 0, done.stderr
    for name in ("hoist-smoke.txt", "hoist-smoke-in-parts.txt"):
        assert f"{name:<32} sent, accepted, downloaded, deleted" in done.stdout
    assert "hoist-smoke-in-parts.txt: part 4 of 4, 16,777,217 bytes" in done.stdout
    assert (accounts(system), uploads(system)) == before
    assert "Signature" not in done.stdout + done.stderr


def test_its_log_lines_name_every_function(system: RunningSystem) -> None:
    upload = UPLOAD.search(smoke(system).stdout)
    assert upload is not None

    done = subprocess.run(
        [sys.executable, "-m", "deploy.logs", "--stage", "local", "--upload", upload[0]],
        cwd=ROOT,
        env={**CLEAN_ENVIRONMENT, "HOIST_HOME": str(system.home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    key, *lines = done.stdout.splitlines()
    assert key.startswith("uploads/")
    assert key.endswith("/hoist-smoke.txt")
    steps = [(line.split()[2], line.split()[4]) for line in lines]
    assert [
        each for each in steps if each[1] in ("created", "uploaded", "accepted", "deleted")
    ] == [
        ("api_handler", "created"),
        ("hoist-local-process_upload", "uploaded"),
        ("hoist-local-process_upload", "accepted"),
        ("api_handler", "deleted"),
    ]
    assert ("hoist-local-notify", "notified") in steps


def test_each_decision_is_counted_once(system: RunningSystem) -> None:
    upload = UPLOAD.search(smoke(system).stdout)
    assert upload is not None
    lines = [
        json.loads(line)
        for name in ("chalice.log", "functions.log")
        for line in (system.home / "log" / name).read_text().splitlines()
        if upload[0] in line and line.startswith("{")
    ]

    counted = Counter(
        metric["Name"]
        for line in lines
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", [])
        for metric in directive["Metrics"]
    )

    assert counted == {
        "UploadsCreated": 1,
        "UploadsCompleted": 1,
        "UploadsAccepted": 1,
        "Bytes": 1,
        "EventToOutcomeSeconds": 1,
    }
    assert all(line["request_id"] and line["function"] for line in lines)


@pytest.fixture(scope="module")
def picky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system that allows only images."""
    home: Path = tmp_path_factory.mktemp("picky")
    system = RunningSystem(home, variables={"HOIST_ALLOWED_TYPES": "image/*"})
    try:
        yield system.start()
    finally:
        system.stop()


def test_it_sends_a_file_that_the_stage_allows(picky: RunningSystem) -> None:
    done = smoke(picky)

    assert done.returncode == 0, done.stderr
    assert "hoist-smoke.png" in done.stdout
    assert "hoist-smoke-in-parts.png" in done.stdout


def test_a_missing_outcome_is_reported(system: RunningSystem) -> None:
    before = accounts(system), uploads(system)
    config = call("GET", f"{system.url('page')}/config.json").json
    impatient = Smoke(config, cognito(system), "make logs STAGE=local", patience=0)

    with pytest.raises(StageError, match=r"no outcome after 0 s.*`make logs STAGE=local UPLOAD="):
        impatient.run()

    assert accounts(system) == before[0]
