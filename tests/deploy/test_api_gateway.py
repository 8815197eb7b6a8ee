"""`.chalice/api-gateway.json`, applied to a REST API of moto's API Gateway."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from jsonschema import Draft202012Validator
from moto import mock_aws

from deploy.steps import api_gateway
from stage import apis
from stage.api_gateway import Declared, read
from stage.apis import RestApi, WebSocketApi
from stage.stage import StageError
from tests.deploy.names import names
from tests.support.environment import PAGE_ORIGIN, REGION
from tests.test_openapi import DOCUMENT, SCHEMAS, title

pytestmark = pytest.mark.slow

DECLARED = read()


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("apigateway", region_name=REGION)


@pytest.fixture
def api(client: Any) -> RestApi:
    """A REST API as `chalice deploy` creates it: a method, a stage, nothing else."""
    created = client.create_rest_api(name="hoist")
    call = {
        "restApiId": created["id"],
        "resourceId": created["rootResourceId"],
        "httpMethod": "GET",
    }
    client.put_method(**call, authorizationType="NONE")
    client.put_integration(**call, type="MOCK")
    client.create_deployment(restApiId=created["id"], stageName="api")
    return RestApi(created["id"], "api")


def apply(client: Any, api: RestApi, declared: Declared = DECLARED) -> list[str]:
    return names(api_gateway.apply(client, api, declared, PAGE_ORIGIN))


def response(client: Any, api: RestApi, kind: str) -> Any:
    return client.get_gateway_response(restApiId=api.id, responseType=kind)


def deployments(client: Any, api: RestApi) -> int:
    return len(client.get_deployments(restApiId=api.id)["items"])


@pytest.mark.parametrize("kind", DECLARED.problems)
def test_gateway_responses_are_problem_documents(client: Any, api: RestApi, kind: str) -> None:
    apply(client, api)

    error, result = DECLARED.problems[kind], response(client, api, kind)
    assert result["statusCode"] == str(error.status)
    # A caller that accepts any type gets the template of `application/json`.
    ((accepted, template),) = result["responseTemplates"].items()
    assert accepted == "application/json"
    assert json.loads(template) == error.problem()
    content_type = result["responseParameters"]["gatewayresponse.header.Content-Type"]
    assert content_type == "'application/problem+json'"
    # API Gateway would replace a name after a dollar sign by a value of the request.
    assert "$" not in template


@pytest.mark.parametrize("kind", DECLARED.problems)
def test_the_page_may_read_gateway_responses(client: Any, api: RestApi, kind: str) -> None:
    apply(client, api)

    parameters = response(client, api, kind)["responseParameters"]
    assert parameters["gatewayresponse.header.Access-Control-Allow-Origin"] == f"'{PAGE_ORIGIN}'"
    assert parameters["gatewayresponse.header.Access-Control-Expose-Headers"] == "'Retry-After'"
    retried = DECLARED.problems[kind].retry_after is not None
    assert ("gatewayresponse.header.Retry-After" in parameters) is retried


@pytest.mark.parametrize("kind", DECLARED.problems)
def test_every_gateway_response_is_in_the_openapi_document(kind: str) -> None:
    problem = DECLARED.problems[kind].problem()
    schema = {"components": DOCUMENT["components"], **SCHEMAS[title(problem["code"])]}

    assert list(Draft202012Validator(schema).iter_errors(problem)) == []


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("UNAUTHORIZED", 401, "not_signed_in"),
        ("EXPIRED_TOKEN", 401, "not_signed_in"),
        ("MISSING_AUTHENTICATION_TOKEN", 404, "route_not_found"),
        ("INVALID_SIGNATURE", 404, "route_not_found"),
        ("REQUEST_TOO_LARGE", 413, "request_too_large"),
        ("THROTTLED", 429, "too_many_requests"),
        ("INTEGRATION_FAILURE", 503, "try_again"),
        ("INTEGRATION_TIMEOUT", 504, "timed_out"),
        ("DEFAULT_4XX", 400, "invalid_request"),
        ("DEFAULT_5XX", 500, "internal_error"),
    ],
)
def test_the_file_declares_status_and_code_of_each_type(kind: str, status: int, code: str) -> None:
    assert (DECLARED.problems[kind].status, DECLARED.problems[kind].code) == (status, code)


LIMITED = ["*/*", *DECLARED.throttling.methods]


def test_responses_and_limits_are_written_and_deployed(client: Any, api: RestApi) -> None:
    changed = apply(client, api)

    assert changed == [*DECLARED.problems, "deployment", *LIMITED]
    assert deployments(client, api) == 2


def test_applying_it_again_changes_nothing(
    client: Any, api: RestApi, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(client, api)
    capsys.readouterr()

    assert apply(client, api) == []

    assert deployments(client, api) == 2
    assert capsys.readouterr().out.split() == [api.id, "as", "declared"]


def test_only_differences_are_written_and_printed(
    client: Any, api: RestApi, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(client, api)
    client.put_gateway_response(
        restApiId=api.id, responseType="THROTTLED", statusCode="429", responseTemplates={}
    )
    capsys.readouterr()

    assert apply(client, api)[:2] == ["THROTTLED", "deployment"]

    assert capsys.readouterr().out.splitlines()[0].split() == (
        ["THROTTLED", "changed:", "429", "too_many_requests"]
    )
    assert deployments(client, api) == 3


def test_a_changed_limit_is_restored_without_a_deployment(client: Any, api: RestApi) -> None:
    apply(client, api)
    path = "/*/*/throttling/burstLimit"
    client.update_stage(
        restApiId=api.id,
        stageName=api.stage,
        patchOperations=[{"op": "replace", "path": path, "value": "7"}],
    )

    assert apply(client, api) == ["*/*"]
    assert deployments(client, api) == 2
    assert apply(client, api) == []


def test_a_response_that_the_file_does_not_name_stays(client: Any, api: RestApi) -> None:
    theirs = {"statusCode": "418", "responseTemplates": {"text/plain": "mine"}}
    client.put_gateway_response(restApiId=api.id, responseType="WAF_FILTERED", **theirs)

    assert "WAF_FILTERED" not in apply(client, api)

    result = response(client, api, "WAF_FILTERED")
    assert {name: result[name] for name in theirs} == theirs


def test_responses_that_were_never_deployed_are_deployed_by_the_next_run(
    client: Any, api: RestApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "CreateDeployment")

    with monkeypatch.context() as broken:
        broken.setattr(client, "create_deployment", refuse)
        with pytest.raises(ClientError):
            apply(client, api)

    assert apply(client, api) == ["deployment", *LIMITED]


def test_a_deployment_by_chalice_is_followed_by_one_of_ours(client: Any, api: RestApi) -> None:
    apply(client, api)
    client.create_deployment(restApiId=api.id, stageName=api.stage)

    assert apply(client, api)[0] == "deployment"
    assert apply(client, api) == []


class DefaultsAsWell:
    """API Gateway's listing, in pages and with its defaults; moto has neither."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_gateway_responses(self, **requested: Any) -> Any:
        if "position" not in requested:
            default = {"responseType": "THROTTLED", "statusCode": "429", "defaultResponse": True}
            return {"items": [default], "position": "next"}
        del requested["position"]
        return self._client.get_gateway_responses(**requested)


def test_default_responses_of_api_gateway_do_not_count(client: Any, api: RestApi) -> None:
    real = DefaultsAsWell(client)

    assert "THROTTLED" in apply(real, api)
    assert apply(real, api) == []


REST = {
    "DEFAULT_4XX": {"code": "invalid_request", "detail": "No"},
    "DEFAULT_5XX": {"code": "internal_error", "detail": "No"},
}


def file(responses: Any, rate: Any = 1, burst: Any = 1, **others: Any) -> str:
    limits = {"rate": rate, "burst": burst, "websocket": {"rate": 1, "burst": 1}, **others}
    return json.dumps({"throttling": limits, "responses": responses})


NO = {"rate": 0, "burst": 1}


def test_a_type_that_the_file_does_not_name_has_the_default_error(tmp_path: Path) -> None:
    path = tmp_path / "api-gateway.json"
    path.write_text(file(REST))

    declared = read(path)

    assert declared.problem("UNAUTHORIZED").code == "invalid_request"
    assert declared.problem("INTEGRATION_TIMEOUT").code == "internal_error"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("{}", r"takes throttling \(rate, burst, methods, websocket\) and responses"),
        (file(REST, rate="x"), "takes throttling"),
        (file([]), "takes throttling"),
        (file({}), "responses lacks DEFAULT_4XX, DEFAULT_5XX"),
        (file(REST, rate=0), "let nothing through"),
        (file(REST, burst=0), "let nothing through"),
        (file(REST, methods={"GET /limits": NO}), "let nothing through"),
        (file(REST, methods={"GET /limits": 5}), "takes throttling"),
        (file(REST, websocket=None), "takes throttling"),
        (file(REST, websocket=NO), "let nothing through"),
        (file(REST, websocket={"rate": 1, "burst": 1, "routes": {"$connect": NO}}), "let nothing"),
        (file(REST | {"SLOW": {}}), "has no SLOW"),
        (file(REST | {"THROTTLED": {"code": "slow", "detail": "No"}}), "needs a code of"),
        (file(REST | {"THROTTLED": {"code": "try_again"}}), "THROTTLED needs .* a detail"),
    ],
)
def test_an_invalid_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "api-gateway.json"
    path.write_text(text)

    with pytest.raises(StageError, match=message):
        read(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in which the stage `dev` is deployed."""
    folder = tmp_path / ".chalice" / "deployed"
    folder.mkdir(parents=True)
    resources = [
        {"name": "notify", "resource_type": "lambda_function", "lambda_arn": "arn:notify"},
        {
            "name": "rest_api",
            "resource_type": "rest_api",
            "rest_api_id": "a1b2c3d4e5",
            "rest_api_url": f"https://a1b2c3d4e5.execute-api.{REGION}.amazonaws.com/v1/",
        },
    ]
    websocket = {
        "name": "websocket_api",
        "resource_type": "websocket_api",
        "websocket_api_id": "f6g7h8i9j0",
        "websocket_api_url": f"wss://f6g7h8i9j0.execute-api.{REGION}.amazonaws.com/v1/",
    }
    (folder / "dev.json").write_text(json.dumps({"resources": [*resources, websocket]}))
    (folder / "bare.json").write_text(json.dumps({"resources": resources[:1]}))
    return tmp_path


def test_the_apis_are_read_from_chalices_note(root: Path) -> None:
    assert apis.rest_api("dev", root=root) == RestApi("a1b2c3d4e5", "v1")
    assert apis.websocket_api("dev", root=root) == WebSocketApi("f6g7h8i9j0", "v1")


@pytest.mark.parametrize(
    ("stage", "message"), [("bare", "bare has no REST API"), ("prod", "prod is not deployed")]
)
def test_a_stage_without_its_apis_says_what_to_do(root: Path, stage: str, message: str) -> None:
    with pytest.raises(StageError, match=f"{message}: run `make deploy STAGE={stage}`"):
        apis.rest_api(stage, root=root)
    with pytest.raises(StageError, match=message.replace("REST", "WebSocket")):
        apis.websocket_api(stage, root=root)
