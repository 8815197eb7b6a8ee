"""Rehearsals of `make destroy`: questions, refusals, interruptions, and no resource remains."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping

import pytest

from tests.rehearsal.conftest import Project
from tests.support.environment import HOIST_ENVIRONMENT
from tests.support.payloads import put_upload
from tests.support.stands import FUNCTIONS, Stands, remaining

pytestmark = pytest.mark.system


def add_upload(project: Project, state: str = "accepted") -> None:
    """Put an upload into the table and its object into the bucket, as the functions do."""
    environment: Mapping[str, str] = project.config()["environment_variables"]
    upload = put_upload()
    code = f"""
import json, sys
from datetime import UTC, datetime, timedelta
import boto3
from chalicelib.config import load_settings
from chalicelib.table import table_of
from chalicelib.upload import State
from tests.support.payloads import put_upload
from tests.support.tables import put_in
settings = load_settings({{**json.loads(sys.argv[1]), "AWS_REGION": "eu-west-1"}})
clock = lambda: datetime.now(UTC)
upload = put_upload(state=State("{state}"), updated_at=clock() + timedelta(minutes=1))
put_in(table_of(settings, boto3.client("dynamodb"), clock), upload)
"""
    subprocess.run(
        [sys.executable, "-c", code, json.dumps({**HOIST_ENVIRONMENT, **environment})],
        env=project.environment,
        check=True,
    )
    project.account.client("s3").put_object(
        Bucket=environment["HOIST_BUCKET"], Key=upload.key, Body=b"content"
    )


def test_only_the_operator_s_choices_remain(project: Project) -> None:
    project.deploy("--email", "ops@example.com", "--set", "SignUpDomains=example.com")
    assert remaining(project.account).keys() >= {
        "list_functions",
        "list_buckets",
        "describe_alarms",
    }

    printed = project.destroy("--yes")

    assert "dev is deleted" in printed
    assert remaining(project.account) == {}
    config = project.config()
    assert config["resource_parameters"] == {
        "AdminOnlySignUp": "false",
        "OperationsEmail": "ops@example.com",
        "SignUpDomains": "example.com",
    }
    assert config["environment_variables"] == {"HOIST_STAGE": "dev"}

    # A second destroy does nothing, and the kept configuration can deploy the stage again.
    project.destroy("--yes")
    project.deploy()
    assert "none: all is as declared" in project.status()


def test_destroy_asks_first_and_keeps_uploads_by_default(project: Project) -> None:
    project.deploy("--set", "Versioning=Enabled")
    add_upload(project)
    before = Stands(project.account).everything()

    refused = project.destroy("--yes", status=1)
    assert "dev holds 1 accepted upload: nothing was deleted; DELETE_UPLOADS=1" in refused

    unanswered = project.destroy("--delete-uploads", status=1)
    assert "Type dev to delete it:" in unanswered
    assert "Nothing was deleted; YES=1 skips the question" in unanswered
    assert Stands(project.account).everything() == before

    # It deletes all versions and all multipart uploads.
    s3, bucket = project.account.client("s3"), Stands(project.account).outputs()["Bucket"]
    for body in (b"one", b"two"):
        s3.put_object(Bucket=bucket, Key="uploads/a/b/c.txt", Body=body)
    s3.delete_object(Bucket=bucket, Key="uploads/a/b/c.txt")
    s3.create_multipart_upload(Bucket=bucket, Key="uploads/a/b/d.txt")
    project.destroy("--yes", "--delete-uploads")
    assert remaining(project.account) == {}


def destroy_meanwhile(project: Project, line: str, happens: Callable[[], None]) -> str:
    """Run `make destroy` and call `happens` after a line; returns the output."""
    process = project.start("deploy.destroy", "--stage", "dev", "--yes")
    assert process.stdout is not None
    printed = ""
    for text in process.stdout:
        printed += text
        if text.strip() == line:
            os.killpg(process.pid, signal.SIGSTOP)
            happens()
            os.killpg(process.pid, signal.SIGCONT)
    process.communicate(timeout=60)
    assert process.returncode == 1, printed
    return printed


@pytest.mark.parametrize(
    ("line", "consequence"),
    [
        (
            "application",
            "the application is deleted, the data is kept; `make deploy` restores the application",
        ),
        ("stack", "application and stack are deleted, bucket and table are kept"),
    ],
)
def test_an_object_that_arrives_meanwhile_stops_destroy_and_stays(
    project: Project, line: str, consequence: str
) -> None:
    project.deploy()
    s3, bucket = project.account.client("s3"), Stands(project.account).outputs()["Bucket"]

    def arrive() -> None:
        s3.put_object(Bucket=bucket, Key="uploads/a/b/late.txt", Body=b"content")

    printed = destroy_meanwhile(project, line, arrive)

    assert f"dev holds 1 object never checked: {consequence}; DELETE_UPLOADS=1" in printed
    assert s3.get_object(Bucket=bucket, Key="uploads/a/b/late.txt")["Body"].read() == b"content"
    # The same command refuses again, and the data still exists.
    assert "nothing was deleted" in project.destroy("--yes", status=1)
    assert s3.head_object(Bucket=bucket, Key="uploads/a/b/late.txt")
    project.destroy("--yes", "--delete-uploads")
    assert remaining(project.account) == {}


def test_deploying_restores_an_application_that_alone_was_deleted(project: Project) -> None:
    project.deploy()
    environment = project.config()["environment_variables"]

    destroy_meanwhile(project, "application", lambda: add_upload(project, state="processing"))
    project.deploy()

    assert project.config()["environment_variables"]["HOIST_BUCKET"] == environment["HOIST_BUCKET"]
    assert "none: all is as declared" in project.status()
    assert "dev holds 1 processing upload" in project.destroy("--yes", status=1)


@pytest.mark.parametrize("begins", ["Deleting Rest API", "Deleting function"])
def test_a_destroy_interrupted_within_chalice_continues(project: Project, begins: str) -> None:
    """Chalice records deletions only at its end, so its next run fails on deleted resources."""
    project.deploy()
    process = project.start("deploy.destroy", "--stage", "dev", "--yes")
    assert process.stdout is not None
    for text in process.stdout:
        if text.strip().startswith(begins):
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.communicate(timeout=60)

    project.destroy("--yes")

    assert remaining(project.account) == {}


def test_an_interrupted_destroy_continues_from_any_point(project: Project) -> None:
    project.deploy()
    # An upload that was not accepted is no reason to stop.
    add_upload(project, state="rejected")

    for line in ("application", "page", "stack", "data", "notes"):
        project.interrupt(line, signal.SIGKILL, "deploy.destroy", "--stage", "dev", "--yes")
    project.destroy("--yes")

    assert remaining(project.account) == {}


def test_stages_share_an_account_and_nothing_else(project: Project) -> None:
    project.deploy(stage="dev")
    outputs = Stands(project.account).outputs()
    project.deploy(stage="dev-2")

    first, second = (project.config(stage)["environment_variables"] for stage in ("dev", "dev-2"))
    assert [name for name, value in first.items() if second[name] == value] == []
    assert Stands(project.account).outputs() == outputs
    for stage in ("dev", "dev-2"):
        assert "none: all is as declared" in project.status(stage)

    # From another machine, without Chalice's record.
    (project.root / ".chalice" / "deployed" / "dev.json").unlink()
    project.destroy("--yes", stage="dev")

    assert "none: all is as declared" in project.status("dev-2")
    names = {each["FunctionName"] for each in remaining(project.account)["list_functions"]}
    assert names == {name.replace("-dev", "-dev-2", 1) for name in FUNCTIONS}


def test_a_missing_stage_is_named(project: Project) -> None:
    printed = project.destroy("--yes", stage="prod", status=1)

    assert printed == "There is no stage prod; .chalice/config.json has local\n"
