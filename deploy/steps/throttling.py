"""How many requests both APIs of a stage let through, each method and each route by itself.

API Gateway throttles no stage as a whole: a limit of the stage is a limit for each of its methods.
So what reaches Lambda is the sum over the methods. IAM: apigateway:GET and apigateway:PATCH.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stage.throttling import Limit, Throttling

# What the settings of a stage call all methods that have no settings of their own.
ALL = "*/*"


def rest_differences(stage: Mapping[str, Any], throttling: Throttling) -> dict[str, Limit]:
    """The limits that GetStage tells otherwise than declared, by method.

    A method that has limits in AWS and none in the file is to have those of all others.
    """
    current = {
        _method(key): (told.get("throttlingRateLimit"), told.get("throttlingBurstLimit"))
        for key, told in stage.get("methodSettings", {}).items()
    }
    wanted = {ALL: throttling.rest, **dict.fromkeys(current, throttling.rest), **throttling.methods}
    return _differing(current, wanted)


def limit_rest(client: Any, api: str, stage: str, throttling: Throttling) -> list[str]:
    """Limit the methods of a stage of a REST API; returns those whose limits were changed."""
    changed = rest_differences(client.get_stage(restApiId=api, stageName=stage), throttling)
    patches = [
        {"op": "replace", "path": f"{_path(name)}/throttling/{part}", "value": value}
        for name, limit in changed.items()
        for part, value in (("rateLimit", f"{limit.rate:.15g}"), ("burstLimit", str(limit.burst)))
    ]
    if patches:
        client.update_stage(restApiId=api, stageName=stage, patchOperations=patches)
    for name, limit in changed.items():
        print(f"  {name:<29} changed: {limit}")
    return list(changed)


def websocket_differences(stage: Mapping[str, Any], throttling: Throttling) -> dict[str, Limit]:
    """The limits that GetStage of a WebSocket API tells otherwise than declared, by route.

    `*` stands for all routes without limits of their own.
    """
    settings = {"*": stage.get("DefaultRouteSettings", {}), **stage.get("RouteSettings", {})}
    current = {
        name: (told.get("ThrottlingRateLimit"), told.get("ThrottlingBurstLimit"))
        for name, told in settings.items()
    }
    wanted = {**dict.fromkeys(current, throttling.websocket), **throttling.routes}
    return _differing(current, wanted)


def limit_websocket(client: Any, api: str, stage: str, throttling: Throttling) -> list[str]:
    """Limit the routes of a stage of a WebSocket API; returns those whose limits were changed.

    What else somebody set of a route, such as its log, is kept.
    """
    found = client.get_stage(ApiId=api, StageName=stage)
    changed = websocket_differences(found, throttling)
    routes = dict(found.get("RouteSettings", {}))
    for name in changed.keys() - {"*"}:
        routes[name] = {**routes.get(name, {}), **_route_settings(changed[name])}
    if changed:
        client.update_stage(
            ApiId=api,
            StageName=stage,
            DefaultRouteSettings={
                **found.get("DefaultRouteSettings", {}),
                **_route_settings(throttling.websocket),
            },
            RouteSettings=routes,
        )
    for name, limit in changed.items():
        print(f"  {'WebSocket ' + name:<29} changed: {limit}")
    return [f"WebSocket {name}" for name in changed]


def _differing(
    current: Mapping[str, tuple[Any, Any]], wanted: Mapping[str, Limit]
) -> dict[str, Limit]:
    return {
        name: limit
        for name, limit in wanted.items()
        if current.get(name) != (limit.rate, limit.burst)
    }


def _route_settings(limit: Limit) -> dict[str, Any]:
    return {"ThrottlingRateLimit": limit.rate, "ThrottlingBurstLimit": limit.burst}


def _path(method: str) -> str:
    """Where the settings of a method are: `/~1uploads/POST` for `POST /uploads`."""
    if method == ALL:
        return f"/{ALL}"
    verb, _, path = method.partition(" ")
    return f"/{path.replace('/', '~1')}/{verb}"


def _method(key: str) -> str:
    """The method of a key in the settings, which has its path with or without its first slash."""
    if key == ALL:
        return ALL
    path, _, verb = key.rpartition("/")
    return f"{verb} /{path.replace('~1', '/').lstrip('/')}"
