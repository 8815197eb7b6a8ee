"""WebSocket connections: one-time tickets, who is connected, and pushing to an owner's pages.

A browser cannot send a header with a WebSocket, so the API gives a signed-in page a URL with a
ticket that works once and expires within a minute. Three kinds of item have a time to live: the
ticket under its hash, the connection under its id, and the connection under its owner.
IAM: dynamodb:PutItem, DeleteItem, Query, GetItem; execute-api:ManageConnections.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import NotSignedIn, TooManyPages, TryAgain
from chalicelib.upload import Upload

if TYPE_CHECKING:
    from types_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from types_boto3_dynamodb import DynamoDBClient

log = logging.getLogger(__name__)

TICKET_LIFETIME = timedelta(seconds=60)
# API Gateway ends every WebSocket connection after two hours
# (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
CONNECTION_LIFETIME = timedelta(hours=2)
# A connection is registered by its own $connect, which may take API Gateway's 29 seconds; until it
# has answered, API Gateway reports the connection as gone.
CONNECTING = timedelta(seconds=30)
# Open pages of one owner. Each receives every change, so many pages make every change expensive; a
# person with several tabs on several devices stays far below.
MAX_PAGES = 20


@dataclass(frozen=True, slots=True)
class Browser:
    """The registry of open pages; `gateway` gives the client that posts to a connection."""

    client: DynamoDBClient
    table: str
    gateway: Callable[[], ApiGatewayManagementApiClient]
    url: str
    now: Callable[[], datetime]
    max_pages: int = MAX_PAGES

    def invite(self, owner: str) -> str:
        """A WebSocket URL for one page of an owner; it works once, within a minute."""
        ticket = secrets.token_urlsafe(32)
        self._put(_ticket_key(ticket), TICKET_LIFETIME, owner=owner)
        return f"{self.url}?ticket={ticket}"

    def connect(self, connection_id: str, ticket: str) -> str:
        """Use up a ticket and register the connection; returns its owner.

        Raises NotSignedIn for an unknown or expired ticket, TooManyPages above `max_pages`. The
        connections are counted after this one is registered, so that pages that connect at the same
        time see each other. A connection above the limit is removed again.
        """
        item = self.client.delete_item(
            TableName=self.table, Key=_ticket_key(ticket), ReturnValues="ALL_OLD"
        ).get("Attributes")
        if not item or int(item["expires"]["N"]) < self.now().timestamp():
            raise NotSignedIn("The ticket is used up or too old")
        owner = item["owner"]["S"]
        self._put(_connection_key(connection_id), CONNECTION_LIFETIME, owner=owner)
        self._put(_owner_key(owner, connection_id), CONNECTION_LIFETIME)
        if not self._has_room(owner, connection_id):
            self.disconnect(connection_id)
            log.warning("too many pages", extra={"owner": owner})
            raise TooManyPages
        log.info("connected", extra={"owner": owner})
        return owner

    def disconnect(self, connection_id: str) -> None:
        """Forget a connection; nothing happens when it is not registered."""
        item = self.client.delete_item(
            TableName=self.table, Key=_connection_key(connection_id), ReturnValues="ALL_OLD"
        ).get("Attributes")
        if item:
            self._delete(_owner_key(item["owner"]["S"], connection_id))

    def show(self, upload: Upload) -> None:
        """Send an upload to every open page of its owner; forget closed connections.

        A failure is only logged: a page reads its list when it reconnects.
        """
        message = {"type": "upload", "upload": upload.document()}
        try:
            self._send_all(upload.owner, message)
        except (ClientError, BotoCoreError, TryAgain) as error:
            log.warning("page not updated", extra={**upload.log_fields, "error": str(error)})

    def send(self, connection_id: str, message: Mapping[str, Any]) -> bool:
        """Send one message to one page; returns whether its connection is open."""
        gateway = self.gateway()
        data = json.dumps(message, ensure_ascii=False).encode()
        try:
            gateway.post_to_connection(ConnectionId=connection_id, Data=data)
        except gateway.exceptions.GoneException:
            return False
        return True

    def _has_room(self, owner: str, connection_id: str) -> bool:
        """Whether an owner may have this connection too; closed connections do not count."""
        others = [
            each for each in self._connections(owner, consistent=True) if each[0] != connection_id
        ]
        if len(others) < self.max_pages:
            return True
        return self._send_each(others, {"type": "ping"}, most=self.max_pages) < self.max_pages

    def _send_all(self, owner: str, message: Mapping[str, Any]) -> None:
        """Send to the pages of an owner, and forget closed connections.

        Pages above the limit are registered too, until `connect` removes them. They are the newest,
        so only the oldest `max_pages` pages receive the message.
        """
        self._send_each(self._connections(owner), message, most=self.max_pages)

    def _send_each(
        self, connections: list[tuple[str, datetime]], message: Mapping[str, Any], *, most: int
    ) -> int:
        """Send to the oldest connections until `most` are open; returns how many are open."""
        count = 0
        for connection_id, connected_at in sorted(connections, key=lambda each: each[1]):
            if count == most:
                break
            reached = self.send(connection_id, message)
            if reached or self.now() - connected_at <= CONNECTING:
                count += 1
            else:
                self.disconnect(connection_id)
        return count

    def _connections(self, owner: str, *, consistent: bool = False) -> list[tuple[str, datetime]]:
        """The ids of an owner's connections, and when each was registered."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :connection)",
            ExpressionAttributeValues={
                ":pk": {"S": f"owner#{owner}"},
                ":connection": {"S": "connection#"},
            },
            ConsistentRead=consistent,
        )
        return [
            (item["sk"]["S"].removeprefix("connection#"), _registered_at(item, CONNECTION_LIFETIME))
            for page in pages
            for item in page["Items"]
        ]

    def _put(self, key: dict[str, Any], lifetime: timedelta, **attributes: str) -> None:
        expires = int((self.now() + lifetime).timestamp())
        values = {name: {"S": value} for name, value in attributes.items()}
        item = {**key, **values, "expires": {"N": str(expires)}}
        self.client.put_item(TableName=self.table, Item=item)

    def _delete(self, key: dict[str, Any]) -> None:
        self.client.delete_item(TableName=self.table, Key=key)


def _registered_at(item: Mapping[str, Any], lifetime: timedelta) -> datetime:
    return datetime.fromtimestamp(int(item["expires"]["N"]), UTC) - lifetime


def _ticket_key(ticket: str) -> dict[str, Any]:
    return {"pk": {"S": f"ticket#{sha256(ticket.encode()).hexdigest()}"}, "sk": {"S": "ticket"}}


def _connection_key(connection_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"connection#{connection_id}"}, "sk": {"S": "connection"}}


def _owner_key(owner: str, connection_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"owner#{owner}"}, "sk": {"S": f"connection#{connection_id}"}}
