"""Tickets, connections and pushes: on moto's DynamoDB, with a gateway that records.

`Browser` and the fake `RecordingPages` are held against the port `OpenPages`.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.browser import (
    CONNECTING,
    CONNECTION_LIFETIME,
    TICKET_LIFETIME,
    Browser,
)
from chalicelib.errors import NotSignedIn, TooManyPages
from chalicelib.ports import OpenPages
from tests.support.contracts import uncallable
from tests.support.environment import TABLE
from tests.support.fakes import Clock, RecordingGateway, RecordingPages
from tests.support.payloads import OTHER_OWNER, OWNER, put_upload
from tests.support.tables import real_table

pytestmark = pytest.mark.slow

URL = "wss://socket.example.com/api"


@pytest.fixture
def gateway() -> RecordingGateway:
    return RecordingGateway()


@pytest.fixture
def browser(dynamodb: Any, gateway: RecordingGateway, clock: Clock) -> Browser:
    return Browser(dynamodb, TABLE, lambda: gateway, URL, clock, max_pages=3)  # type: ignore[arg-type, return-value]


def invited(browser: Browser, owner: str = OWNER) -> str:
    """A ticket, taken from the page's URL."""
    (ticket,) = parse_qs(urlsplit(browser.invite(owner)).query)["ticket"]
    return ticket


def connected(browser: Browser, connection_id: str, owner: str = OWNER) -> str:
    browser.connect(connection_id, invited(browser, owner))
    return connection_id


def items(dynamodb: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = dynamodb.scan(TableName=TABLE)["Items"]
    return rows


def receivers(gateway: RecordingGateway) -> set[str]:
    return {connection_id for connection_id, _ in gateway.sent}


@pytest.mark.parametrize("adapter", [Browser, RecordingPages])
def test_an_adapter_takes_every_call_of_its_port(adapter: type) -> None:
    assert uncallable(adapter, OpenPages) == []


def test_an_invitation_is_the_url_with_a_ticket(browser: Browser) -> None:
    url = browser.invite(OWNER)

    assert url.startswith(f"{URL}?ticket=")
    assert len(invited(browser)) >= 43


def test_every_ticket_is_different(browser: Browser) -> None:
    assert len({invited(browser) for _ in range(10)}) == 10


def test_only_the_hash_of_a_ticket_is_stored(browser: Browser, dynamodb: Any) -> None:
    ticket = invited(browser)

    assert ticket not in json.dumps(items(dynamodb))


def test_a_ticket_connects_its_owner(browser: Browser) -> None:
    assert browser.connect("c1", invited(browser)) == OWNER


def test_a_ticket_works_once(browser: Browser) -> None:
    ticket = invited(browser)
    browser.connect("c1", ticket)

    with pytest.raises(NotSignedIn):
        browser.connect("c2", ticket)


@pytest.mark.parametrize("ticket", ["", "x", "ü😀", "a" * 10_000])
def test_an_unknown_ticket_is_refused(browser: Browser, dynamodb: Any, ticket: str) -> None:
    with pytest.raises(NotSignedIn):
        browser.connect("c1", ticket)

    assert items(dynamodb) == []


@pytest.mark.parametrize("early", [1, 0], ids=["-1", "at"])
def test_a_ticket_works_for_a_minute(browser: Browser, clock: Clock, early: int) -> None:
    clock.time = clock.time.replace(microsecond=0)
    ticket = invited(browser)
    clock.advance(TICKET_LIFETIME.total_seconds() - early)

    assert browser.connect("c1", ticket) == OWNER


def test_an_expired_ticket_is_refused(browser: Browser, clock: Clock) -> None:
    ticket = invited(browser)
    clock.advance(TICKET_LIFETIME.total_seconds() + 1)

    with pytest.raises(NotSignedIn):
        browser.connect("c1", ticket)


def test_an_upload_is_shown_on_every_page_of_its_owner(
    browser: Browser, gateway: RecordingGateway
) -> None:
    connected(browser, "c1")
    connected(browser, "c2")
    connected(browser, "other", OTHER_OWNER)

    browser.show(put_upload())

    assert receivers(gateway) == {"c1", "c2"}
    for _, data in gateway.sent:
        assert json.loads(data) == {"type": "upload", "upload": put_upload().document()}


def test_an_upload_is_shown_on_more_pages_than_one_query_returns(
    browser: Browser, gateway: RecordingGateway, dynamodb: Any
) -> None:
    browser = replace(browser, max_pages=4)
    # A query returns 1 MB at a time; with this ballast three connections fill it.
    for connection_id in ("c1", "c2", "c3", "c4"):
        item = {
            "pk": {"S": f"owner#{OWNER}"},
            "sk": {"S": f"connection#{connection_id}"},
            "expires": {"N": "2000000000"},
            "ballast": {"S": "x" * 390_000},
        }
        dynamodb.put_item(TableName=TABLE, Item=item)

    browser.show(put_upload())

    assert receivers(gateway) == {"c1", "c2", "c3", "c4"}


def test_showing_without_open_pages_does_nothing(
    browser: Browser, gateway: RecordingGateway
) -> None:
    browser.show(put_upload())

    assert gateway.sent == []


def test_a_disconnected_page_receives_nothing(
    browser: Browser, gateway: RecordingGateway, dynamodb: Any
) -> None:
    browser.disconnect(connected(browser, "c1"))

    browser.show(put_upload())

    assert gateway.sent == []
    assert items(dynamodb) == []


def test_disconnecting_twice_does_nothing_the_second_time(browser: Browser, dynamodb: Any) -> None:
    connected(browser, "c2")
    browser.disconnect(connected(browser, "c1"))
    remaining = items(dynamodb)

    browser.disconnect("c1")

    assert items(dynamodb) == remaining


def test_a_closed_page_is_forgotten_and_the_others_receive_the_upload(
    browser: Browser, gateway: RecordingGateway, dynamodb: Any, clock: Clock
) -> None:
    gateway.gone = {connected(browser, "c1")}
    connected(browser, "c2")
    clock.advance(CONNECTING.total_seconds() + 1)

    browser.show(put_upload())

    assert receivers(gateway) == {"c2"}
    assert '#c1"' not in json.dumps(items(dynamodb))


def test_a_connecting_page_is_not_forgotten(
    browser: Browser, gateway: RecordingGateway, clock: Clock
) -> None:
    gateway.gone = {connected(browser, "c1")}
    clock.advance(CONNECTING.total_seconds() - 1)
    browser.show(put_upload())
    gateway.gone = set()

    browser.show(put_upload())

    assert receivers(gateway) == {"c1"}


def test_a_failure_of_the_gateway_is_only_logged(
    browser: Browser, gateway: RecordingGateway, dynamodb: Any
) -> None:
    connected(browser, "c1")
    gateway.broken = True

    browser.show(put_upload())

    assert '#c1"' in json.dumps(items(dynamodb)), "it may be reached later"


def test_a_message_is_sent_to_one_page(browser: Browser, gateway: RecordingGateway) -> None:
    connected(browser, "c1")
    connected(browser, "c2")

    browser.send("c1", {"type": "pong", "text": "ü"})

    assert gateway.sent == [("c1", '{"type": "pong", "text": "ü"}'.encode())]


def test_the_items_of_a_connection_expire_with_it(
    browser: Browser, dynamodb: Any, clock: Clock
) -> None:
    connected(browser, "c1")

    expected = int((clock() + CONNECTION_LIFETIME).timestamp())
    assert [int(item["expires"]["N"]) for item in items(dynamodb)] == [expected, expected]


def test_connections_are_not_listed_as_uploads(
    browser: Browser, dynamodb: Any, clock: Clock
) -> None:
    connected(browser, "c1")
    table = real_table(dynamodb, clock)

    assert table.newest(OWNER, state=None, cursor=None, limit=5) == ([], None)


@pytest.mark.parametrize(("open_before", "refused"), [(1, False), (2, False), (3, True)])
def test_an_owner_has_at_most_the_allowed_number_of_pages(
    browser: Browser, *, open_before: int, refused: bool
) -> None:
    for number in range(open_before):
        connected(browser, f"c{number}")
    connected(browser, "another's", OTHER_OWNER)

    if refused:
        with pytest.raises(TooManyPages):
            connected(browser, "one more")
    else:
        assert connected(browser, "one more")


def test_closed_pages_make_room(browser: Browser, gateway: RecordingGateway, clock: Clock) -> None:
    for number in range(3):
        connected(browser, f"c{number}")
    clock.advance(CONNECTING.total_seconds() + 1)
    gateway.gone = {"c1"}

    assert connected(browser, "one more")
    assert [to for to, _ in gateway.sent] == ["c0", "c2"], "only the oldest pages received the ping"


class Interleaved:
    """DynamoDB's client, which does something else before a chosen query."""

    def __init__(self, client: Any, meanwhile: Callable[[], None], *, query: int = 1) -> None:
        self._client, self._meanwhile, self._left = client, meanwhile, query

    def __getattr__(self, name: str) -> Any:
        if name == "get_paginator":
            self._left -= 1
            if self._left == 0:
                self._meanwhile()
        return getattr(self._client, name)


def registered(dynamodb: Any) -> set[str]:
    """The connections in the table, each of which has two items."""
    own = {item["pk"]["S"] for item in items(dynamodb) if item["sk"]["S"] == "connection"}
    owners = {item["sk"]["S"] for item in items(dynamodb) if item["pk"]["S"].startswith("owner#")}
    assert {pk.partition("#")[2] for pk in own} == {sk.partition("#")[2] for sk in owners}
    return {pk.partition("#")[2] for pk in own}


def test_a_refused_page_is_not_registered(browser: Browser, dynamodb: Any) -> None:
    for number in range(3):
        connected(browser, f"c{number}")

    with pytest.raises(TooManyPages):
        connected(browser, "one more")

    assert registered(dynamodb) == {"c0", "c1", "c2"}


def test_of_two_pages_that_connect_at_once_the_later_count_keeps_its_place(
    browser: Browser, dynamodb: Any
) -> None:
    """The first page registers, the second registers and is counted, then the first is counted."""
    for number in range(2):
        connected(browser, f"c{number}")

    def second() -> None:
        with pytest.raises(TooManyPages):
            connected(browser, "second")

    client: Any = Interleaved(dynamodb, second)
    connected(replace(browser, client=client), "first")

    assert registered(dynamodb) == {"c0", "c1", "first"}


def test_of_two_pages_that_connect_one_after_the_other_the_first_keeps_its_place(
    browser: Browser, dynamodb: Any
) -> None:
    for number in range(2):
        connected(browser, f"c{number}")

    connected(browser, "first")
    with pytest.raises(TooManyPages):
        connected(browser, "second")

    assert registered(dynamodb) == {"c0", "c1", "first"}


def test_a_burst_of_pages_never_opens_more_than_allowed(browser: Browser, dynamodb: Any) -> None:
    """Each page registers before the one before it is counted."""
    opened: list[str] = []

    def connect(number: int) -> None:
        client: Any = Interleaved(dynamodb, lambda: connect(number + 1) if number < 9 else None)
        with suppress(TooManyPages):
            opened.append(connected(replace(browser, client=client), f"c{number}"))

    connect(0)

    assert registered(dynamodb) == set(opened)
    assert len(opened) == 3


def test_pages_are_counted_with_consistent_reads(browser: Browser, dynamodb: Any) -> None:
    """A count that is eventually consistent may not see pages that have just connected."""
    reads: list[bool] = []

    class Noting:
        def get_paginator(self, name: str) -> Any:
            real = dynamodb.get_paginator(name)

            class Paginator:
                def paginate(self, **request: Any) -> Any:
                    reads.append(request.get("ConsistentRead", False))
                    return real.paginate(**request)

            return Paginator()

        def __getattr__(self, name: str) -> Any:
            return getattr(dynamodb, name)

    client: Any = Noting()
    connected(replace(browser, client=client), "c1")

    assert reads == [True]


def test_an_upload_is_shown_on_no_more_pages_than_allowed(
    browser: Browser, gateway: RecordingGateway, clock: Clock
) -> None:
    """The pages of a burst are all registered until each is counted and refused."""
    crowded = replace(browser, max_pages=1000)
    for number in range(3):
        connected(browser, f"c{number}")
    clock.advance(1)
    for number in range(200):
        connected(crowded, f"burst{number}")

    browser.show(put_upload())

    assert receivers(gateway) == {"c0", "c1", "c2"}


def test_closed_pages_of_a_burst_do_not_hide_the_open_ones(
    browser: Browser, gateway: RecordingGateway, clock: Clock, dynamodb: Any
) -> None:
    crowded = replace(browser, max_pages=1000)
    gateway.gone = {connected(crowded, f"gone{number}") for number in range(50)}
    clock.advance(CONNECTING.total_seconds() + 1)
    connected(crowded, "c1")

    browser.show(put_upload())

    assert receivers(gateway) == {"c1"}
    assert registered(dynamodb) == {"c1"}
