"""Converts a message of SNS from the form of queues and HTTP into the form of a function's event.

The two forms name the URLs differently. An event has every member, because Chalice reads them; in
the other form a member without a value is absent.
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

_NAMES = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}


def event_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """The event that a function receives for a message."""
    converted = message_of(message)
    query = parse_qs(urlsplit(str(converted.get("UnsubscribeUrl", ""))).query)
    subscription = query.get("SubscriptionArn", [""])[0].rpartition(":")[2]
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": f"{converted.get('TopicArn', '')}:{subscription}",
        "Sns": converted,
    }
    return {"Records": [record]}


def message_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message in the form of an event; one that has this form already stays as it is."""
    renamed = {_NAMES.get(name, name): value for name, value in message.items()}
    return {"Subject": None, "MessageAttributes": {}, **renamed}
