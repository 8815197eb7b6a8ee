"""SnapStart, switched on and off for moto's Lambda and API Gateway."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.apigateway.responses import APIGatewayResponse
from moto.awslambda.models import LambdaFunction, LambdaStorage

from deploy.steps.snap_start import ALIAS, SnapStart
from stage.apis import RestApi
from tests.deploy.names import names
from tests.support.environment import REGION

pytestmark = pytest.mark.slow

FUNCTION = "hoist-dev"
URI = (
    f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/"
    f"arn:aws:lambda:{REGION}:123456789012:function:{{}}/invocations"
)


class Account:
    """Lambda with the function of a stage, and a REST API that calls it."""

    def __init__(self, runtime: str) -> None:
        self.session = boto3.Session(region_name=REGION)
        make: Any = self.session.client
        self.lambda_, self.gateway = make("lambda"), make("apigateway")
        role = make("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]
        self.lambda_.create_function(
            FunctionName=FUNCTION,
            Runtime=runtime,
            Role=role["Arn"],
            Handler="app.app",
            Code={"ZipFile": code("1")},
        )
        created = self.gateway.create_rest_api(name="hoist")
        self.call = {
            "restApiId": created["id"],
            "resourceId": created["rootResourceId"],
            "httpMethod": "GET",
        }
        self.gateway.put_method(**self.call, authorizationType="NONE")
        self.gateway.put_integration(
            **self.call,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=URI.format(FUNCTION),
        )
        self.gateway.create_deployment(
            restApiId=created["id"], stageName="dev", description="Gateway responses 1"
        )
        self.snap_start = SnapStart(self.session, "dev", RestApi(created["id"], "dev"))

    def called(self) -> str:
        return str(self.gateway.get_integration(**self.call)["uri"])

    def versions(self) -> list[str]:
        result = self.lambda_.list_versions_by_function(FunctionName=FUNCTION)["Versions"]
        return [version["Version"] for version in result]

    def applied(self) -> str:
        result = self.lambda_.get_function_configuration(FunctionName=FUNCTION)
        return str(result["SnapStart"]["ApplyOn"])

    def new_code(self, text: str) -> None:
        self.lambda_.update_function_code(FunctionName=FUNCTION, ZipFile=code(text))


def code(text: str) -> bytes:
    created = io.BytesIO()
    with zipfile.ZipFile(created, "w") as archive:
        archive.writestr("app.py", text)
    return created.getvalue()


def update_integration(self: APIGatewayResponse) -> str:
    """UpdateIntegration for the URI, which moto lacks."""
    _, _, api, _, resource, _, method, _ = self.path.split("/")
    integration = self.backend.get_integration(api, resource, method)
    for patch in json.loads(self.body)["patchOperations"]:
        assert (patch["op"], patch["path"]) == ("replace", "/uri")
        integration.uri = patch["value"]
    return json.dumps(integration.to_json())


@pytest.fixture(autouse=True)
def extended_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds what moto lacks: UpdateIntegration, SnapStart, and the number of a first version."""
    update, record = LambdaFunction.update_configuration, LambdaFunction.get_configuration
    publish = LambdaStorage.publish_version

    def update_configuration(self: Any, updates: dict[str, Any]) -> Any:
        self.snap_start = updates.get("SnapStart", {"ApplyOn": "None"})
        return update(self, updates)

    def get_configuration(self: Any, *args: Any, **kwargs: Any) -> Any:
        recorded = record(self, *args, **kwargs)
        return recorded | {"SnapStart": getattr(self, "snap_start", {"ApplyOn": "None"})}

    def publish_version(self: Any, name: str, *args: Any) -> Any:
        created = publish(self, name, *args)
        self.get_function_by_name_or_arn_forbid_qualifier(name).code_or_config_updated = False
        return created

    monkeypatch.setattr(LambdaFunction, "update_configuration", update_configuration)
    monkeypatch.setattr(LambdaFunction, "get_configuration", get_configuration)
    monkeypatch.setattr(LambdaStorage, "publish_version", publish_version)
    monkeypatch.setattr(APIGatewayResponse, "update_integration", update_integration, raising=False)


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield Account("python3.13")


def test_the_api_calls_an_alias_of_a_published_version(account: Account) -> None:
    assert account.snap_start.apply(enabled=True)

    assert account.called() == URI.format(f"{FUNCTION}:{ALIAS}")
    alias = account.lambda_.get_alias(FunctionName=FUNCTION, Name=ALIAS)
    assert account.versions() == ["$LATEST", alias["FunctionVersion"]]
    assert account.applied() == "PublishedVersions"


def test_api_gateway_may_invoke_the_alias(account: Account) -> None:
    account.snap_start.apply(enabled=True)

    policy = json.loads(
        account.lambda_.get_policy(FunctionName=FUNCTION, Qualifier=ALIAS)["Policy"]
    )

    (statement,) = policy["Statement"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    api = account.call["restApiId"]
    assert statement["Condition"]["ArnLike"]["AWS:SourceArn"] == (
        f"arn:aws:execute-api:{REGION}:123456789012:{api}/*"
    )


def test_applying_it_again_changes_nothing(account: Account) -> None:
    account.snap_start.apply(enabled=True)

    assert account.snap_start.apply(enabled=True) == []


def test_new_code_gets_a_version_and_the_old_one_is_deleted(account: Account) -> None:
    account.snap_start.apply(enabled=True)
    before = account.versions()
    account.new_code("2")

    assert names(account.snap_start.apply(enabled=True)) == ["alias"]

    assert len(account.versions()) == len(before) == 2
    assert account.versions() != before


def test_switching_it_off_leaves_no_trace(account: Account) -> None:
    account.snap_start.apply(enabled=True)

    assert account.snap_start.apply(enabled=False)

    assert account.called() == URI.format(FUNCTION)
    assert account.versions() == ["$LATEST"]
    assert account.applied() == "None"
    assert account.snap_start.apply(enabled=False) == []


def test_the_deployment_keeps_the_description_of_ours(account: Account) -> None:
    account.snap_start.apply(enabled=True)

    api = account.call["restApiId"]
    live = account.gateway.get_stage(restApiId=api, stageName="dev")["deploymentId"]
    result = account.gateway.get_deployment(restApiId=api, deploymentId=live)
    assert result["description"] == "Gateway responses 1"
