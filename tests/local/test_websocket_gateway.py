"""The WebSocket gateway over real HTTP and WebSockets, with functions that record their events."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from local.functions.environments import Answer, Function
from local.gateways.websocket_gateway import WebSocketGateway
from tests.local.serving import TIMEOUT, serving, wait_until
from tests.support.aws_forms import CONNECT, DISCONNECT, MESSAGE
from tests.support.forms import faults

HANDLERS = {
    "$connect": Function("connect", "app.connect", 60),
    "$default": Function("message", "app.message", 60),
    "$disconnect": Function("disconnect", "app.disconnect", 60),
}
ACCEPTED = Answer(ok=True, payload={"statusCode": 200})


@dataclass
class RecordingFunctions:
    """Returns `answer` to a connect, and records every event."""

    connect: Answer = ACCEPTED
    invoked: list[tuple[str, Any]] = field(default_factory=list)

    async def invoke(self, function: Function, event: Any, *, request_id: str) -> Answer:
        assert event["requestContext"]["requestId"] == request_id
        self.invoked.append((function.name, event))
        return self.connect if function.name == "connect" else ACCEPTED

    def events(self, name: str) -> list[Any]:
        return [event for invoked, event in self.invoked if invoked == name]


@dataclass
class World:
    """A gateway that listens, and a client in place of a page."""

    functions: RecordingFunctions
    gateway: WebSocketGateway
    url: str
    http: ClientSession

    async def connect(self, query: str = "") -> tuple[ClientWebSocketResponse, str]:
        """A page's socket and its connection id."""
        socket = await self.http.ws_connect(f"{self.url}/{query}")
        return socket, self.functions.events("connect")[-1]["requestContext"]["connectionId"]

    async def manage(self, method: str, connection_id: str, data: Any = None) -> tuple[int, Any]:
        """Status and headers of a response of the management API."""
        async with self.http.request(
            method, f"{self.url}/@connections/{connection_id}", data=data
        ) as answer:
            return answer.status, answer.headers

    async def closed(self, connection_id: str) -> None:
        """Wait until the gateway has passed a page's disconnect to the functions."""
        await wait_until(
            lambda: (
                connection_id
                in {
                    event["requestContext"]["connectionId"]
                    for event in self.functions.events("disconnect")
                }
            )
        )


Story = Callable[[World], Coroutine[Any, Any, None]]


def run(story: Story, functions: RecordingFunctions | None = None, **settings: Any) -> None:
    async def run_story() -> None:
        recording = functions or RecordingFunctions()
        gateway = WebSocketGateway(recording, **({"handlers": HANDLERS} | settings))  # type: ignore[arg-type]
        async with (
            asyncio.timeout(TIMEOUT),
            serving(gateway.routes()) as url,
            ClientSession() as http,
        ):
            try:
                await story(World(recording, gateway, url, http))
            finally:
                await gateway.stop()

    asyncio.run(run_story())


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_refused_page_gets_the_status_of_the_handler(status: int) -> None:
    async def story(world: World) -> None:
        with pytest.raises(WSServerHandshakeError) as refused:
            await world.connect()
        assert refused.value.status == status
        assert [name for name, _ in world.functions.invoked] == ["connect"]

    run(story, RecordingFunctions(Answer(ok=True, payload={"statusCode": status})))


def test_a_handler_that_fails_refuses_with_500() -> None:
    async def story(world: World) -> None:
        with pytest.raises(WSServerHandshakeError) as refused:
            await world.connect()
        assert refused.value.status == 500

    run(story, RecordingFunctions(Answer(ok=False, payload={"errorMessage": "no"})))


def test_without_a_handler_every_connect_is_refused() -> None:
    async def story(world: World) -> None:
        with pytest.raises(WSServerHandshakeError) as refused:
            await world.connect()
        assert refused.value.status == 500

    run(story, handlers={})


def test_a_connect_passes_the_request_to_the_handler() -> None:
    async def story(world: World) -> None:
        socket, connection_id = await world.connect("?ticket=a%2Bb%20c&other=%C3%BC")
        (event,) = world.functions.events("connect")
        assert event["queryStringParameters"] == {"ticket": "a+b c", "other": "ü"}
        assert event["isBase64Encoded"] is False
        assert "body" not in event
        context = event["requestContext"]
        assert (context["routeKey"], context["eventType"]) == ("$connect", "CONNECT")
        assert context["connectionId"] == connection_id
        assert context["stage"] == "api"
        assert context["domainName"] == "localhost"
        await socket.close()

    run(story)


def test_the_event_of_a_connect_without_a_query_has_no_query() -> None:
    async def story(world: World) -> None:
        socket, _ = await world.connect()
        (event,) = world.functions.events("connect")
        assert "queryStringParameters" not in event
        await socket.close()

    run(story)


def test_a_message_goes_to_the_default_route() -> None:
    async def story(world: World) -> None:
        socket, connection_id = await world.connect()
        for text in ('{"type":"ping"}', "ü", ""):
            await socket.send_str(text)
        await wait_until(lambda: len(world.functions.events("message")) == 3)
        events = world.functions.events("message")
        assert [event["body"] for event in events] == ['{"type":"ping"}', "ü", ""]
        for event in events:
            context = event["requestContext"]
            assert (context["routeKey"], context["eventType"]) == ("$default", "MESSAGE")
            assert context["connectionId"] == connection_id
        await socket.close()

    run(story)


def test_a_close_is_one_disconnect() -> None:
    async def story(world: World) -> None:
        socket, connection_id = await world.connect()
        await socket.close()
        await world.closed(connection_id)
        (event,) = world.functions.events("disconnect")
        context = event["requestContext"]
        assert (context["routeKey"], context["eventType"]) == ("$disconnect", "DISCONNECT")

    run(story)


@pytest.mark.parametrize(
    ("closing", "code", "reason"),
    [({"code": 1001, "message": b"bye"}, 1001, "bye"), ({"code": 4000}, 4000, "")],
)
def test_a_disconnect_has_the_code_and_reason_of_the_page(
    closing: dict[str, Any], code: int, reason: str
) -> None:
    async def story(world: World) -> None:
        socket, connection_id = await world.connect()
        await socket.close(**closing)
        await world.closed(connection_id)
        (event,) = world.functions.events("disconnect")
        context = event["requestContext"]
        assert (context["disconnectStatusCode"], context["disconnectReason"]) == (code, reason)

    run(story)


def test_every_event_of_a_connection_has_api_gateway_s_form() -> None:
    async def story(world: World) -> None:
        socket, connection_id = await world.connect("?ticket=1&ticket=2")
        await socket.send_str("ping")
        await wait_until(lambda: world.functions.events("message"))
        await socket.close()
        await world.closed(connection_id)
        for name, shape in (("connect", CONNECT), ("message", MESSAGE), ("disconnect", DISCONNECT)):
            (event,) = world.functions.events(name)
            assert list(faults(event, shape)) == []
        (event,) = world.functions.events("connect")
        assert event["queryStringParameters"] == {"ticket": "2"}
        assert event["multiValueQueryStringParameters"] == {"ticket": ["1", "2"]}

    run(story)


def test_a_page_that_breaks_the_connection_is_one_disconnect() -> None:
    async def story(world: World) -> None:
        socket, connection_id = await world.connect()
        transport = socket.get_extra_info("socket")
        assert transport is not None
        transport.shutdown(2)
        await world.closed(connection_id)
        assert (await world.manage("POST", connection_id, "x"))[0] == 410
        (event,) = world.functions.events("disconnect")
        assert event["requestContext"]["disconnectStatusCode"] == 1006
        await socket.close()

    run(story)


def test_a_message_to_a_page_reaches_no_other() -> None:
    async def story(world: World) -> None:
        mine, my_id = await world.connect()
        theirs, their_id = await world.connect()
        assert my_id != their_id
        assert (await world.manage("POST", my_id, '{"state":"ü"}'.encode()))[0] == 200
        assert (await world.manage("POST", their_id, b"second"))[0] == 200
        assert await mine.receive_str() == '{"state":"ü"}'
        assert await theirs.receive_str() == "second"
        await mine.close()
        await theirs.close()

    run(story)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_connection_is_gone(method: str) -> None:
    async def story(world: World) -> None:
        status, headers = await world.manage(method, "bm9ib2R5=")
        assert status == 410
        assert headers["x-amzn-ErrorType"] == "GoneException"

    run(story)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_closed_connection_is_gone(method: str) -> None:
    async def story(world: World) -> None:
        socket, connection_id = await world.connect()
        assert (await world.manage("GET", connection_id))[0] == 200
        await socket.close()
        await world.closed(connection_id)
        status, headers = await world.manage(method, connection_id)
        assert status == 410
        assert headers["x-amzn-ErrorType"] == "GoneException"

    run(story)


def test_a_delete_closes_the_page() -> None:
    async def story(world: World) -> None:
        socket, connection_id = await world.connect()
        assert (await world.manage("DELETE", connection_id))[0] == 204
        assert (await socket.receive()).type is WSMsgType.CLOSE
        await world.closed(connection_id)
        assert len(world.functions.events("disconnect")) == 1

    run(story)


def test_boto3_s_client_works_with_the_management_api() -> None:
    async def story(world: World) -> None:
        client: Any = boto3.client(
            "apigatewaymanagementapi", endpoint_url=world.url, region_name="eu-west-1"
        )
        with closing(client):
            socket, connection_id = await world.connect()
            posted = {"ConnectionId": connection_id, "Data": b"from a function"}
            await asyncio.to_thread(client.post_to_connection, **posted)
            assert await socket.receive_str() == "from a function"
            await asyncio.to_thread(client.get_connection, ConnectionId=connection_id)
            await asyncio.to_thread(client.delete_connection, ConnectionId=connection_id)
            assert (await socket.receive()).type is WSMsgType.CLOSE
            await world.closed(connection_id)
            with pytest.raises(client.exceptions.GoneException):
                await asyncio.to_thread(client.post_to_connection, **posted)

    run(story)


def test_stop_closes_every_page_so_that_it_connects_again() -> None:
    async def story(world: World) -> None:
        sockets = [(await world.connect())[0] for _ in range(3)]
        stopping = asyncio.create_task(world.gateway.stop())
        for socket in sockets:
            assert (await socket.receive()).data == 1001
        await stopping
        await wait_until(lambda: len(world.functions.events("disconnect")) == 3)

    run(story)
