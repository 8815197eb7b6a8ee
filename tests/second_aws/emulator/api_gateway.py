"""API Gateway: its host names, and APIs from an OpenAPI document, as Chalice creates them.

ImportRestApi: https://docs.aws.amazon.com/apigateway/latest/api/API_ImportRestApi.html
PutRestApi: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-import-api-update.html
"""

import http
import json
import re
from typing import Any

from ministack import app
from ministack.services import apigateway, apigateway_v1

from emulator.bridging import assign, replace

# https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-call-api.html
HOST = re.compile(r"^([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?::\d+)?$")


def bridge() -> None:
    assign(app, "_EXECUTE_API_RE", HOST)
    replace(apigateway_v1, "handle_request", _with_documents)
    replace(apigateway_v1, "_import_operation", _with_mock_integrations)
    replace(apigateway, "_create_deployment", _for_stage)


def _for_stage(create: Any) -> Any:
    """CreateDeployment of a WebSocket API that names a stage lets that stage serve it.

    https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-deployments.html
    """

    def create_for_stage(api: str, parameters: dict[str, Any]) -> Any:
        answer = create(api, parameters)
        stage = apigateway._stages.get(api, {}).get(parameters.get("stageName"))
        if stage and answer[0] == http.HTTPStatus.CREATED:
            stage["deploymentId"] = json.loads(answer[2])["deploymentId"]
        return answer

    return create_for_stage


def _with_documents(handle: Any) -> Any:
    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Any:
        match method, *filter(None, path.split("/")):
            case "POST", "restapis" if _one(query, "mode") == "import":
                return _import(json.loads(body), query)
            case "PUT", "restapis", api:
                if _one(query, "mode") != "overwrite":
                    return _error("NotImplementedException", "the tests only overwrite", 501)
                return _overwrite(api, json.loads(body))
        return await handle(method, path, headers, body, query)

    return handle_request


def _import(document: dict[str, Any], query: dict[str, Any]) -> Any:
    base: dict[str, Any] = {}
    if binary := document.get("x-amazon-apigateway-binary-media-types"):
        base["binaryMediaTypes"] = binary
    if kind := _one(query, "endpointConfigurationTypes"):
        base["endpointConfiguration"] = {"types": [kind]}
    api = apigateway_v1._import_rest_api(document, base)
    return _answer(api, 201)


def _overwrite(api: str, document: dict[str, Any]) -> Any:
    """Replace the whole definition.

    Chalice's documents have no gateway responses, and AWS does not document what happens to them.
    Here they are removed, which is the case that a deployment would have to repair.
    """
    if api not in apigateway_v1._rest_apis:
        return _error("NotFoundException", "Invalid API identifier specified", 404)
    root = next(each for each in apigateway_v1._resources[api].values() if each["path"] == "/")
    root["resourceMethods"] = {}
    apigateway_v1._resources[api] = {root["id"]: root}
    for store in (
        apigateway_v1._authorizers_v1,
        apigateway_v1._models,
        apigateway_v1._gateway_responses,
    ):
        store[api] = {}
    if title := document.get("info", {}).get("title"):
        apigateway_v1._rest_apis[api]["name"] = title
    schemes = apigateway_v1._import_security_schemes(api, document)
    for path, item in document.get("paths", {}).items():
        apigateway_v1._import_path_item(api, path, item, schemes, document.get("security"))
    return _answer(api, 200)


def _with_mock_integrations(import_operation: Any) -> Any:
    """Import the responses of a mock integration as well: a preflight has its headers from them.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html
    """

    def import_all(
        api: str, resource: str, method: str, operation: dict[str, Any] | None, *rest: Any
    ) -> None:
        import_operation(api, resource, method, operation, *rest)
        operation = operation or {}
        integration = operation.get("x-amazon-apigateway-integration") or {}
        if str(integration.get("type")).lower() == "mock":
            _put_mock(api, resource, method, integration)
            for status, response in operation.get("responses", {}).items():
                parameters = {
                    f"method.response.header.{name}": False for name in response.get("headers", {})
                }
                apigateway_v1._put_method_response(
                    api, resource, method, str(status), {"responseParameters": parameters}
                )

    return import_all


def _put_mock(api: str, resource: str, method: str, integration: dict[str, Any]) -> None:
    passthrough = str(integration.get("passthroughBehavior", "when_no_match")).upper()
    mock = {
        "type": "MOCK",
        "requestTemplates": integration.get("requestTemplates", {}),
        "passthroughBehavior": passthrough,
    }
    apigateway_v1._put_integration(api, resource, method, mock)
    for pattern, response in integration.get("responses", {}).items():
        apigateway_v1._put_integration_response(
            api,
            resource,
            method,
            str(response["statusCode"]),
            {
                "selectionPattern": "" if pattern == "default" else pattern,
                "responseParameters": response.get("responseParameters", {}),
                "responseTemplates": response.get("responseTemplates", {}),
            },
        )


def _answer(api: str, status: int) -> Any:
    view = apigateway_v1._rest_api_view(apigateway_v1._rest_apis[api])
    return apigateway_v1._v1_response(view, status)


def _error(code: str, message: str, status: int) -> Any:
    return apigateway_v1._v1_error(code, message, status)


def _one(query: dict[str, Any], name: str) -> Any:
    value = query.get(name)
    return value[0] if isinstance(value, list) else value
