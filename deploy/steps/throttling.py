"""Writes the request limits of both APIs, for each method and each route separately.

IAM: apigateway:GET and apigateway:PATCH.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.changes import Change, show
from stage.throttling import Limit, Throttling

# The key of the settings for all methods that have none of their own; for all routes it is `*`.
ALL = "*/*"
_WEBSOCKET = "WebSocket "
# Rate and burst in a response of API Gateway.
_Limits = Mapping[str, tuple[float | None, int | None]]


def rest_differences(stage: Mapping[str, Any], throttling: Throttling) -> list[Change]:
    """The methods whose limits, in the response of GetStage, are not the declared ones.

    A method that has limits in AWS and none in the file gets the limit of all other methods.
    """
    current = {
        _method(key): (each.get("throttlingRateLimit"), each.get("throttlingBurstLimit"))
        for key, each in stage.get("methodSettings", {}).items()
    }
    desired = {name: throttling.method(name) for name in [ALL, *current, *throttling.methods]}
    return _differences(current, desired)


def limit_rest(client: Any, api: str, stage: str, throttling: Throttling) -> list[Change]:
    """Write the limits of a REST API that differ; returns them."""
    changes = rest_differences(client.get_stage(restApiId=api, stageName=stage), throttling)
    patches = []
    for change in changes:
        limit, path = throttling.method(change.name), f"{_path(change.name)}/throttling"
        for name, value in (("rateLimit", f"{limit.rate:.15g}"), ("burstLimit", str(limit.burst))):
            patches.append({"op": "replace", "path": f"{path}/{name}", "value": value})
    if patches:
        client.update_stage(restApiId=api, stageName=stage, patchOperations=patches)
    for change in changes:
        show(change.name, change.result)
    return changes


def websocket_differences(stage: Mapping[str, Any], throttling: Throttling) -> list[Change]:
    """The routes whose limits, in the response of GetStage, are not the declared ones."""
    settings = {"*": stage.get("DefaultRouteSettings", {}), **stage.get("RouteSettings", {})}
    current = {
        _WEBSOCKET + name: (each.get("ThrottlingRateLimit"), each.get("ThrottlingBurstLimit"))
        for name, each in settings.items()
    }
    routes = {_WEBSOCKET + name: limit for name, limit in throttling.routes.items()}
    return _differences(current, {**dict.fromkeys(current, throttling.websocket), **routes})


def limit_websocket(client: Any, api: str, stage: str, throttling: Throttling) -> list[Change]:
    """Write the limits of a WebSocket API that differ; returns them.

    Other settings of a route, such as its log, stay.
    """
    current = client.get_stage(ApiId=api, StageName=stage)
    changes = websocket_differences(current, throttling)
    routes = dict(current.get("RouteSettings", {}))
    for name in {change.name.removeprefix(_WEBSOCKET) for change in changes} - {"*"}:
        limit = throttling.routes.get(name, throttling.websocket)
        routes[name] = {**routes.get(name, {}), **_route_settings(limit)}
    if changes:
        client.update_stage(
            ApiId=api,
            StageName=stage,
            DefaultRouteSettings={
                **current.get("DefaultRouteSettings", {}),
                **_route_settings(throttling.websocket),
            },
            RouteSettings=routes,
        )
    for change in changes:
        show(change.name, change.result)
    return changes


def _differences(current: _Limits, desired: Mapping[str, Limit]) -> list[Change]:
    changes = []
    for name, limit in desired.items():
        rate, burst = current.get(name, (None, None))
        if (rate, burst) != (limit.rate, limit.burst):
            before = "without a limit"
            if rate is not None and burst is not None:
                before = f"limited to {Limit(rate, burst)}"
            changes.append(Change("api-gateway", name, before, str(limit)))
    return changes


def _route_settings(limit: Limit) -> dict[str, Any]:
    return {"ThrottlingRateLimit": limit.rate, "ThrottlingBurstLimit": limit.burst}


def _path(method: str) -> str:
    """The path of a method's settings: `/~1uploads/POST` for `POST /uploads`."""
    if method == ALL:
        return f"/{ALL}"
    verb, _, path = method.partition(" ")
    return f"/{path.replace('/', '~1')}/{verb}"


def _method(key: str) -> str:
    """The method of a key of the settings, whose path may lack its first slash."""
    if key == ALL:
        return ALL
    path, _, verb = key.rpartition("/")
    return f"{verb} /{path.replace('~1', '/').lstrip('/')}"
