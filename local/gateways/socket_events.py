"""The events that API Gateway's WebSocket API passes to the handlers of connections.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
"""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aiohttp import web

from local.home import HOST

STAGE, DOMAIN = "api", "localhost"


@dataclass(frozen=True, slots=True)
class Connection:
    """A page's connection, as every event describes it; `since` is seconds since 1970."""

    id: str
    since: float
    address: str
    user_agent: str | None

    @classmethod
    def of(cls, request: web.BaseRequest) -> "Connection":
        """The connection that a request opens."""
        return cls(
            secrets.token_urlsafe(11) + "=",
            time.time(),
            request.remote or HOST,
            request.headers.get("User-Agent"),
        )


def connect_event(connection: Connection, request: web.BaseRequest) -> dict[str, Any]:
    """The event of a page that connects; without a query it lacks the members for it."""
    query = request.query
    query_members = {
        "queryStringParameters": dict(query.items()),
        "multiValueQueryStringParameters": {name: query.getall(name) for name in query},
    }
    return {
        "headers": dict(request.headers.items()),
        "multiValueHeaders": {name: request.headers.getall(name) for name in request.headers},
        **(query_members if query else {}),
        **_event("$connect", "CONNECT", connection),
    }


def message_event(connection: Connection, text: str) -> dict[str, Any]:
    """The event of a message that a page sends."""
    message_id = secrets.token_urlsafe(11) + "="
    return {**_event("$default", "MESSAGE", connection, messageId=message_id), "body": text}


def disconnect_event(connection: Connection, code: int, reason: str) -> dict[str, Any]:
    """The event of a page that disconnected; its headers are API Gateway's own."""
    headers = {"Host": DOMAIN, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    closed = {"disconnectStatusCode": code, "disconnectReason": reason}
    return {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        **_event("$disconnect", "DISCONNECT", connection, **closed),
    }


def _event(route: str, kind: str, connection: Connection, **context: Any) -> dict[str, Any]:
    """The members that the events of all routes have."""
    now, request_id = datetime.now(UTC), str(uuid4())
    agent = {} if connection.user_agent is None else {"userAgent": connection.user_agent}
    return {
        "requestContext": {
            "routeKey": route,
            "eventType": kind,
            "extendedRequestId": request_id,
            "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "messageDirection": "IN",
            "stage": STAGE,
            "connectedAt": int(connection.since * 1000),
            "requestTimeEpoch": int(now.timestamp() * 1000),
            "identity": {"sourceIp": connection.address, **agent},
            "requestId": request_id,
            "domainName": DOMAIN,
            "connectionId": connection.id,
            "apiId": "local",
            **context,
        },
        "isBase64Encoded": False,
    }
