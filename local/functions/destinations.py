"""Where Lambda sends the records of asynchronous invocations: topics and queues of the stage.

`.chalice/destinations.json` names them `sns:topic` and `sqs:queue`.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from local.names import ACCOUNT, PREFIX, arn
from stage import destinations as declared

Send = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where a function's records go (`sns:topic`, `sqs:queue`) and how its failures are retried."""

    on_success: str | None = None
    on_failure: str | None = None
    maximum_retry_attempts: int = 2
    maximum_event_age_in_seconds: int = 21_600


def read() -> dict[str, Destinations]:
    """The destinations of each function that `.chalice/destinations.json` names."""
    return {name: Destinations(**settings) for name, settings in declared.read().items()}


def sender(client: Callable[[str], Any], aws_url: str) -> Send:
    """A function that delivers a record to a destination, with the client of its service."""

    async def send(destination: str, record: str) -> None:
        service, _, name = destination.partition(":")
        if service == "sqs":
            url = f"{aws_url}/{ACCOUNT}/{PREFIX}-{name}"
            await asyncio.to_thread(client("sqs").send_message, QueueUrl=url, MessageBody=record)
        else:
            topic = arn("sns", f"{PREFIX}-{name}")
            await asyncio.to_thread(client("sns").publish, TopicArn=topic, Message=record)

    return send
