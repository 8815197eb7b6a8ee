"""SNS's email locally: moto keeps email subscriptions, but it sends and confirms nothing.

As in AWS, SNS first asks an address to confirm, by an email with a link. Then it sends the messages
that pass the subscription's filter policy, each with a link to unsubscribe. All email goes to the
topic's one HTTP subscription: the bridge, which writes it to files.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, urlencode

import requests
from moto.sns.models import SNSBackend, Subscription, sns_backends

CONFIRM, UNSUBSCRIBE = "/email/confirm", "/email/unsubscribe"
TIMEOUT = 5  # seconds; the bridge only writes a file


def install(url: str) -> None:
    """Make moto's SNS send email; its server is at `url`."""
    subscribe, publish = SNSBackend.subscribe, Subscription.publish

    def subscribe_email(
        self: SNSBackend, topic_arn: str, endpoint: str, protocol: str
    ) -> Subscription:
        subscription = subscribe(self, topic_arn, endpoint, protocol)
        if protocol == "email" and not subscription.confirmed:
            subscription.attributes["PendingConfirmation"] = True
            link = f"{url}{CONFIRM}?{urlencode({'arn': subscription.arn})}"
            text = f"Open this link to be emailed about your uploads:\n\n{link}\n"
            _send(subscription, "AWS Notification - Subscription Confirmation", text)
        return subscription

    def publish_email(
        self: Subscription,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        **others: Any,
    ) -> None:
        publish(self, message, message_id, subject, message_attributes, **others)
        policy = self._filter_policy_matcher
        matches = policy is None or policy.matches(message_attributes, message)
        if self.protocol == "email" and self.confirmed and matches:
            link = f"{url}{UNSUBSCRIBE}?{urlencode({'arn': self.arn})}"
            _send(self, subject, f"{message}\n--\nTo get no more of these, open {link}\n")

    SNSBackend.subscribe = subscribe_email  # type: ignore[method-assign]
    Subscription.publish = publish_email  # type: ignore[assignment, method-assign]


def with_email_links(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """An application that answers the links in email, and passes on all other requests."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path not in (CONFIRM, UNSUBSCRIBE):
            return application(environ, start_response)
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        if environ["REQUEST_METHOD"] != "GET":
            # A HEAD request, as mail scanners send it, does not open the link.
            start_response("200 OK", headers)
            return []
        arn = parse_qs(environ["QUERY_STRING"]).get("arn", [""])[0]
        text = _open(path, arn)
        start_response("200 OK", headers)
        return [text.encode()]

    return answer


def _open(path: str, arn: str) -> str:
    """Confirm or unsubscribe, as the link says; returns the text for the reader."""
    for regions in sns_backends.values():
        for backend in regions.values():
            subscription = backend.subscriptions.get(arn)
            if subscription is None:
                continue
            if path == UNSUBSCRIBE:
                backend.unsubscribe(arn)
                return f"{subscription.endpoint} gets no more email."
            subscription.confirmed = True
            subscription.attributes["PendingConfirmation"] = False
            return f"{subscription.endpoint} will get email about its uploads."
    return "This link is too old: its subscription no longer exists."


def _send(to: Subscription, subject: str | None, text: str) -> None:
    for other in list(to.topic.sns_backend.subscriptions.values()):
        if other.topic.arn == to.topic.arn and other.protocol == "http":
            email = {"Type": "Notification", "Subject": subject, "Message": text}
            requests.post(other.endpoint, json=email | {"To": to.endpoint}, timeout=TIMEOUT)
