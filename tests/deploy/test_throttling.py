"""The limits of both APIs, written to moto's API Gateway, and their sum."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

import app
from deploy.steps import api_gateway, config, throttling
from deploy.steps.throttling import ALL
from stage.api_gateway import read
from stage.apis import RestApi, WebSocketApi
from stage.throttling import Limit, Throttling
from tests.deploy.names import names
from tests.rehearsal.aws import LAMBDA_LIMIT, limit_websocket_apis
from tests.support.environment import REGION

DECLARED = read().throttling
METHODS = [f"{verb} {path}" for path, verbs in app.app.routes.items() for verb in verbs]
ROUTES = {"$connect", "$default", "$disconnect"}
FEW = Throttling(
    Limit(5, 10),
    {"POST /uploads": Limit(50, 60), "GET /uploads/{upload_id}": Limit(0.5, 1)},
    Limit(7, 8),
    {"$connect": Limit(3, 4)},
)


@pytest.fixture(autouse=True)
def in_moto() -> Iterator[None]:
    with mock_aws():
        limit_websocket_apis()
        yield


@pytest.fixture
def rest() -> Any:
    return boto3.client("apigateway", region_name=REGION)


@pytest.fixture
def websocket() -> Any:
    return boto3.client("apigatewayv2", region_name=REGION)


@pytest.fixture
def api(rest: Any) -> str:
    created = rest.create_rest_api(name="hoist")
    call = {
        "restApiId": created["id"],
        "resourceId": created["rootResourceId"],
        "httpMethod": "GET",
    }
    rest.put_method(**call, authorizationType="NONE")
    rest.put_integration(**call, type="MOCK")
    rest.create_deployment(restApiId=created["id"], stageName="dev")
    return str(created["id"])


@pytest.fixture
def websocket_api(websocket: Any) -> str:
    created = websocket.create_api(
        Name="hoist-dev-websocket-api",
        ProtocolType="WEBSOCKET",
        RouteSelectionExpression="$request.body.action",
    )
    websocket.create_stage(ApiId=created["ApiId"], StageName="dev")
    return str(created["ApiId"])


def limits(rest: Any, api: str) -> dict[str, tuple[float, int]]:
    settings = rest.get_stage(restApiId=api, stageName="dev")["methodSettings"]
    return {
        key: (limits_of["throttlingRateLimit"], limits_of["throttlingBurstLimit"])
        for key, limits_of in settings.items()
    }


def test_each_method_has_its_own_limit_or_that_of_the_stage(rest: Any, api: str) -> None:
    throttling.limit_rest(rest, api, "dev", FEW)

    assert limits(rest, api) == {
        "*/*": (5.0, 10),
        "~1uploads/POST": (50.0, 60),
        "~1uploads~1{upload_id}/GET": (0.5, 1),
    }


def test_limiting_the_methods_again_changes_nothing(rest: Any, api: str) -> None:
    assert names(throttling.limit_rest(rest, api, "dev", FEW)) == [ALL, *FEW.methods]

    assert throttling.limit_rest(rest, api, "dev", FEW) == []


def test_a_method_that_the_file_no_longer_names_gets_the_default_limit(rest: Any, api: str) -> None:
    throttling.limit_rest(rest, api, "dev", FEW)
    fewer = Throttling(FEW.rest, {}, FEW.websocket, {})

    assert sorted(names(throttling.limit_rest(rest, api, "dev", fewer))) == sorted(FEW.methods)

    assert {*limits(rest, api).values()} == {(5.0, 10)}
    assert throttling.limit_rest(rest, api, "dev", fewer) == []


@pytest.mark.parametrize("key", ["~1uploads~1{upload_id}/GET", "uploads~1{upload_id}/GET"])
def test_a_methods_key_is_read_with_and_without_its_first_slash(key: str) -> None:
    settings = {
        "*/*": {"throttlingRateLimit": 5.0, "throttlingBurstLimit": 10},
        "~1uploads/POST": {"throttlingRateLimit": 50.0, "throttlingBurstLimit": 60},
        key: {"throttlingRateLimit": 0.5, "throttlingBurstLimit": 1},
    }

    assert throttling.rest_differences({"methodSettings": settings}, FEW) == []


def test_each_route_of_the_websocket_has_its_limit(websocket: Any, websocket_api: str) -> None:
    changes = throttling.limit_websocket(websocket, websocket_api, "dev", FEW)

    result = websocket.get_stage(ApiId=websocket_api, StageName="dev")
    default = result["DefaultRouteSettings"]
    assert (default["ThrottlingRateLimit"], default["ThrottlingBurstLimit"]) == (7.0, 8)
    assert result["RouteSettings"] == {
        "$connect": {"ThrottlingRateLimit": 3.0, "ThrottlingBurstLimit": 4}
    }
    assert names(changes) == ["WebSocket *", "WebSocket $connect"]
    assert throttling.limit_websocket(websocket, websocket_api, "dev", FEW) == []


def test_other_settings_of_the_websocket_api_stay(websocket: Any, websocket_api: str) -> None:
    websocket.update_stage(
        ApiId=websocket_api,
        StageName="dev",
        DefaultRouteSettings={"LoggingLevel": "ERROR"},
        RouteSettings={"$default": {"LoggingLevel": "INFO", "ThrottlingRateLimit": 9999.0}},
    )

    throttling.limit_websocket(websocket, websocket_api, "dev", FEW)

    result = websocket.get_stage(ApiId=websocket_api, StageName="dev")
    assert result["DefaultRouteSettings"]["LoggingLevel"] == "ERROR"
    assert result["RouteSettings"]["$default"] == {
        "LoggingLevel": "INFO",
        "ThrottlingRateLimit": 7.0,
        "ThrottlingBurstLimit": 8,
    }


def test_differences_name_the_limits_that_differ(
    rest: Any, api: str, websocket: Any, websocket_api: str
) -> None:
    session = boto3.Session(region_name=REGION)
    apis = RestApi(api, "dev"), WebSocketApi(websocket_api, "dev")

    def differences() -> list[str]:
        return names(api_gateway.throttling_differences(session, *apis, FEW))

    assert differences() == [ALL, *FEW.methods, "WebSocket *", "WebSocket $connect"]
    throttling.limit_rest(rest, api, "dev", FEW)
    throttling.limit_websocket(websocket, websocket_api, "dev", FEW)
    assert differences() == []
    throttling.limit_websocket(
        websocket, websocket_api, "dev", replace(FEW, websocket=Limit(9999, 9999))
    )
    assert differences() == ["WebSocket *"]


def test_the_file_names_existing_methods_and_routes() -> None:
    assert DECLARED.methods.keys() <= {*METHODS}
    assert DECLARED.routes.keys() <= ROUTES


def test_the_limits_together_fit_the_unreserved_concurrency() -> None:
    """Most requests take a tenth of a second; the API has room even if each takes a second."""
    remaining = LAMBDA_LIMIT - sum(config.RESERVED.values())

    assert DECLARED.requests_a_second(METHODS) <= remaining
    # README says the same.
    assert DECLARED.requests_a_second(METHODS) < 500


def test_methods_without_a_sign_in_have_a_small_share() -> None:
    assert DECLARED.method("GET /limits").rate * 10 < DECLARED.requests_a_second(METHODS)


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_a_burst_of_a_route_fits_the_reservation_of_its_function(route: str) -> None:
    functions = {
        "$connect": "websocket_connect",
        "$default": "websocket_message",
        "$disconnect": "websocket_disconnect",
    }

    burst = DECLARED.routes.get(route, DECLARED.websocket).burst

    assert burst <= config.RESERVED[functions[route]]
