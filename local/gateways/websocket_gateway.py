"""API Gateway's WebSocket API: sockets for pages, and the management API for the functions.

A page that connects, sends a message or disconnects invokes a handler of `app.py`. A function sends
to a page by `POST /@connections/ID`, which returns 410 when the page has disconnected.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api.html
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from local.functions.environments import Answer, Function, Functions
from local.gateways.socket_events import Connection, connect_event, disconnect_event, message_event

log = logging.getLogger("local.gateway")  # the name of its server, and of its log file

IDLE_TIMEOUT = 600  # seconds; API Gateway's
# Code and reason of a disconnect: without a close frame, and after API Gateway closed the socket.
# https://datatracker.ietf.org/doc/html/rfc6455#section-7.4.1
ABNORMAL = (1006, "Connection Closed Abnormally")
IDLE = (1001, "Going away")
NO_CODE = 1005


@dataclass(slots=True)
class WebSocketGateway:
    """The open sockets; `handlers` maps `$connect`, `$default`, `$disconnect` to functions."""

    functions: Functions
    handlers: Mapping[str, Function] = field(default_factory=dict)
    _sockets: dict[str, web.WebSocketResponse] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        """The routes of the sockets and of the management API."""
        return [
            web.get("/", self._serve),
            web.post("/@connections/{id}", self._post),
            web.get("/@connections/{id}", self._get),
            web.delete("/@connections/{id}", self._delete),
        ]

    async def stop(self) -> None:
        """Close every socket, so that pages connect again later."""
        for socket in list(self._sockets.values()):
            await socket.close(code=1001)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(receive_timeout=IDLE_TIMEOUT)
        if not socket.can_prepare(request).ok:
            return web.Response(status=426, headers={"Upgrade": "websocket"})
        connection = Connection.of(request)
        answer = await self._invoke(connect_event(connection, request))
        status = answer.payload.get("statusCode", 200) if answer.ok else 500
        if status != 200:  # noqa: PLR2004 - HTTP's own number
            return web.Response(status=status)
        await socket.prepare(request)
        self._sockets[connection.id] = socket
        log.info("connected %s", connection.id)
        end = ABNORMAL
        try:
            end = await self._receive(socket, connection)
        finally:
            del self._sockets[connection.id]
            log.info("disconnected %s", connection.id)
            await self._invoke(disconnect_event(connection, *end))
        return socket

    async def _receive(
        self, socket: web.WebSocketResponse, connection: Connection
    ) -> tuple[int, str]:
        """Pass messages to the handler until the socket closes; returns the code and reason."""
        while True:
            try:
                message = await socket.receive()
            except TimeoutError:
                await socket.close()
                return IDLE
            if message.type is WSMsgType.TEXT:
                await self._invoke(message_event(connection, message.data))
            elif message.type is WSMsgType.CLOSE:
                return message.data or NO_CODE, message.extra or ""
            elif message.type in (WSMsgType.CLOSING, WSMsgType.CLOSED):
                return (socket.close_code or ABNORMAL[0]), ""

    async def _invoke(self, event: Mapping[str, Any]) -> Answer:
        context = event["requestContext"]
        handler = self.handlers.get(context["routeKey"])
        if handler is None:
            return Answer(ok=False, payload={})
        return await self.functions.invoke(handler, event, request_id=context["requestId"])

    async def _post(self, request: web.Request) -> web.Response:
        socket = self._sockets.get(request.match_info["id"])
        if socket is None or socket.closed:
            return _gone_response()
        try:
            await socket.send_str(await request.text())
        except ConnectionError:
            return _gone_response()
        return web.Response()

    async def _get(self, request: web.Request) -> web.Response:
        return (
            web.json_response({}) if request.match_info["id"] in self._sockets else _gone_response()
        )

    async def _delete(self, request: web.Request) -> web.Response:
        socket = self._sockets.get(request.match_info["id"])
        if socket is None:
            return _gone_response()
        asyncio.get_running_loop().create_task(socket.close()).add_done_callback(lambda _: None)
        return web.Response(status=204)


def _gone_response() -> web.Response:
    return web.json_response(
        {"message": "Gone"}, status=410, headers={"x-amzn-ErrorType": "GoneException"}
    )
