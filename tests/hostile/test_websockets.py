"""WebSockets: a ticket works once, for its owner; nothing else opens a connection."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.support.running import Client, RunningSystem

pytestmark = pytest.mark.system


async def opened(url: str) -> int:
    """101 where a WebSocket opens, else the status it is refused with."""
    async with aiohttp.ClientSession() as http:
        try:
            async with http.ws_connect(url):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status


def invitation(client: Client) -> str:
    return str(client.request("POST", "/connections").json["url"])


def test_a_ticket_cannot_be_replayed(owner: Client) -> None:
    url = invitation(owner)

    assert [asyncio.run(opened(url)) for _ in range(3)] == [101, 401, 401]


def test_one_of_many_simultaneous_connections_with_one_ticket_succeeds(owner: Client) -> None:
    url = invitation(owner)

    async def storm() -> list[int]:
        return await asyncio.gather(*(opened(url) for _ in range(20)))

    assert sorted(asyncio.run(storm())) == [101, *[401] * 19]


@pytest.mark.parametrize(
    "query",
    [
        "", "?ticket=", "?ticket=guess", "?ticket=%00", f"?ticket={'a' * 5000}", "?token=x",
        "?ticket=a&ticket=b",
    ],
    ids=["none", "empty", "guessed", "null", "long", "another name", "two"],
)  # fmt: skip
def test_no_invalid_ticket_opens_a_connection(system: RunningSystem, query: str) -> None:
    url = system.ports.url("gateway", "ws")

    assert asyncio.run(opened(f"{url}/{query}")) == 401


def test_an_id_token_is_no_ticket(system: RunningSystem, owner: Client) -> None:
    url = system.ports.url("gateway", "ws")

    assert asyncio.run(opened(f"{url}/?ticket={owner.id_token}")) == 401


@pytest.mark.parametrize(
    "text",
    [
        '{"action": "subscribe", "owner": "%s"}',
        '{"type": "upload", "upload": {"id": "x"}}',
        '{"connectionId": "another"}',
        "nonsense",
        "{" * 1000,
    ],
    ids=["subscribe", "an upload", "a connection", "nonsense", "depth"],
)
def test_a_page_receives_only_its_owners_uploads_whatever_it_sends(
    owner: Client, stranger: Client, text: str
) -> None:
    async def talk() -> list[Any]:
        url = invitation(stranger)
        received: list[Any] = []
        async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
            await socket.send_str(text.replace("%s", owner.owner))
            mine = await asyncio.to_thread(owner.upload, b"x", "theirs.txt")
            await asyncio.to_thread(owner.outcome, mine)
            await socket.send_str("ping")
            while len([each for each in received if each == {"type": "pong"}]) < 2:
                received.append(json.loads((await socket.receive(timeout=60)).data))
        return received

    assert asyncio.run(talk()) == [{"type": "pong"}] * 2
