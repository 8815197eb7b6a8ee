"""A message of SNS as a function is given it, made from what SNS writes into queues and over HTTP.

There a member that the message lacks is absent, and URLs have names of their own. A function's
event has every member, and Chalice reads them.
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

_NAMES = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}


def event_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """The event of a function that is subscribed to the topic of a message."""
    given = message_of(message)
    query = parse_qs(urlsplit(str(given.get("UnsubscribeUrl", ""))).query)
    subscription = query.get("SubscriptionArn", [""])[0].rpartition(":")[2]
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": f"{given.get('TopicArn', '')}:{subscription}",
        "Sns": given,
    }
    return {"Records": [record]}


def message_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as it is in such an event; one that is in this form already stays as it is."""
    named = {_NAMES.get(name, name): value for name, value in message.items()}
    return {"Subject": None, "MessageAttributes": {}, **named}
