"""The package that `chalice deploy` built, unpacked alone: it answers as the functions do in AWS.

The interpreter has only the packages of Lambda's runtime: boto3 and its dependencies.
"""

import copy
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import boto3
import pytest

from tests.rehearsal.conftest import Account, Project, project_in
from tests.support.environment import AWS_ENVIRONMENT, REGION
from tests.support.payloads import event, request
from tests.support.stands import Stands

pytestmark = pytest.mark.system

MAX_SIZE = 2_000_000  # bytes
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")
CONTENT = b"Hello, Hoist\n"
INVOKE = """
import json, sys
package, runtime, handler = sys.argv[1:]
sys.path[:0] = [package]
sys.path.append(runtime)
import app

class Context:
    aws_request_id = "e4b46cbf-b738-4a6e-8880-a18cdf61200e"
    function_name = "hoist"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:hoist"
    def get_remaining_time_in_millis(self):
        return 60_000

answer = getattr(app, handler)(json.load(sys.stdin), Context())
assert all(path.startswith((package, runtime, sys.base_prefix)) for path in sys.path), sys.path
print(json.dumps(answer))
"""

Invoke = Callable[[str, Any], Any]


@pytest.fixture(scope="module")
def project(server: Account, tmp_path_factory: pytest.TempPathFactory) -> Project:
    server.reset()
    deployed = project_in(tmp_path_factory.mktemp("package") / "project", server)
    deployed.deploy()
    return deployed


@pytest.fixture(scope="module")
def package(project: Project) -> Path:
    (package_zip,) = (project.root / ".chalice" / "deployments").glob("*.zip")
    return package_zip


@pytest.fixture(scope="module")
def invoke(project: Project, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Invoke:
    """Run a handler of the package in an interpreter without other packages."""
    unpacked, runtime = tmp_path_factory.mktemp("unpacked"), tmp_path_factory.mktemp("runtime")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(unpacked)
    site = Path(boto3.__file__).parents[1]
    for name in RUNTIME:
        (runtime / name).symlink_to(site / name)
    functions = Stands(project.account).functions()
    environment = {
        **functions["hoist-dev"]["Environment"]["Variables"],
        **AWS_ENVIRONMENT,
        "AWS_REGION": REGION,
        # Outside AWS the bucket is a part of the path.
        "AWS_ENDPOINT_URL": project.account.url,
        "HOIST_BUCKET_URLS": f"{project.account.url}/bucket",
    }

    def run(handler: str, event: Any) -> Any:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", INVOKE, str(unpacked), str(runtime), handler],
            input=json.dumps(event),
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_the_package_is_small(package: Path) -> None:
    assert package.stat().st_size < MAX_SIZE


def test_the_package_has_only_the_application(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = {name.partition("/")[0] for name in archive.namelist()}

    assert names == {"app.py", "chalice", "chalicelib"} | {
        name for name in names if name.endswith(".dist-info")
    }


def test_every_function_has_the_package(project: Project) -> None:
    functions = Stands(project.account).functions()

    assert len({function["CodeSha256"] for function in functions.values()}) == 1
    assert {function["Handler"] for function in functions.values()} == {
        "app.app",
        "app.process_upload",
        "app.notify",
        "app.sweep",
        "app.connect_page",
        "app.answer_page",
        "app.disconnect_page",
    }


def test_the_api_answers_a_request(invoke: Invoke) -> None:
    answer = invoke("app", request("GET", "/limits"))

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["max_parts"] == 10_000


def test_a_file_is_uploaded_processed_and_reported(invoke: Invoke, project: Project) -> None:
    announcement = {"filename": "Grüße 1+1.txt", "size": len(CONTENT), "content_type": "text/plain"}
    answer = invoke("app", request("POST", "/uploads", announcement))
    assert answer["statusCode"] == 201, answer
    upload = json.loads(answer["body"])
    bucket = Stands(project.account).outputs()["Bucket"]
    stored_object = project.account.client("s3").put_object(
        Bucket=bucket, Key=upload["key"], Body=CONTENT, ContentType="text/plain"
    )

    s3_event = event("s3_put")
    s3_event["Records"][0]["s3"]["bucket"]["name"] = bucket
    s3_event["Records"][0]["s3"]["object"] |= {
        "key": quote_plus(upload["key"], safe="/"),
        "size": len(CONTENT),
        "eTag": stored_object["ETag"].strip('"'),
    }
    report = invoke("process_upload", s3_event)

    assert [each["state"] for each in report["uploads"]] == ["accepted"]
    sns_event = event("sns_success")
    record = json.loads(sns_event["Records"][0]["Sns"]["Message"])
    record |= {"requestPayload": s3_event, "responsePayload": report}
    sns_event["Records"][0]["Sns"]["Message"] = json.dumps(record)
    assert invoke("notify", copy.deepcopy(sns_event)) is None
    response = invoke("app", request("GET", "/uploads/{upload_id}", upload_id=upload["id"]))
    assert json.loads(response["body"])["state"] == "accepted"


def test_a_page_connects_and_disconnects(invoke: Invoke) -> None:
    invited = invoke("app", request("POST", "/connections"))
    assert invited["statusCode"] == 201
    (ticket,) = parse_qs(urlsplit(json.loads(invited["body"])["url"]).query)["ticket"]
    connect = event("websocket_connect")
    connect["queryStringParameters"] = {"ticket": ticket}

    assert invoke("connect_page", connect)["statusCode"] == 200
    assert invoke("connect_page", connect)["statusCode"] == 401  # a ticket works once
    assert invoke("disconnect_page", event("websocket_disconnect"))["statusCode"] == 200
