"""SNS's email at home: moto keeps email subscriptions, but sends nothing and confirms nothing.

As in AWS, an address is asked first, by a mail with a link; only then is it told what its filter
policy lets through, each mail with a link to unsubscribe. Mail goes where the operator's does: to
the topic's one HTTP subscription, the bridge, which keeps it in files.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, urlencode

import requests
from moto.sns.models import SNSBackend, Subscription, sns_backends

CONFIRM, UNSUBSCRIBE = "/email/confirm", "/email/unsubscribe"
PATIENCE = 5  # seconds; the bridge only writes a file


def install(url: str) -> None:
    """Let moto's SNS, whose server is at `url`, send email."""
    subscribe, publish = SNSBackend.subscribe, Subscription.publish

    def asking(self: SNSBackend, topic_arn: str, endpoint: str, protocol: str) -> Subscription:
        made = subscribe(self, topic_arn, endpoint, protocol)
        if protocol == "email" and not made.confirmed:
            made.attributes["PendingConfirmation"] = True
            link = f"{url}{CONFIRM}?{urlencode({'arn': made.arn})}"
            text = f"Open this link to be emailed about your uploads:\n\n{link}\n"
            _send(made, "AWS Notification - Subscription Confirmation", text)
        return made

    def telling(
        self: Subscription,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        **others: Any,
    ) -> None:
        publish(self, message, message_id, subject, message_attributes, **others)
        policy = self._filter_policy_matcher
        wanted = policy is None or policy.matches(message_attributes, message)
        if self.protocol == "email" and self.confirmed and wanted:
            link = f"{url}{UNSUBSCRIBE}?{urlencode({'arn': self.arn})}"
            _send(self, subject, f"{message}\n--\nTo get no more of these, open {link}\n")

    SNSBackend.subscribe = asking  # type: ignore[method-assign]
    Subscription.publish = telling  # type: ignore[assignment, method-assign]


def answering(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """The links in mail, before anything else."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path not in (CONFIRM, UNSUBSCRIBE):
            return application(environ, start_response)
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        if environ["REQUEST_METHOD"] != "GET":
            # Whoever only asks whether there is a page has not opened the link.
            start_response("200 OK", headers)
            return []
        arn = parse_qs(environ["QUERY_STRING"]).get("arn", [""])[0]
        text = _open(path, arn)
        start_response("200 OK", headers)
        return [text.encode()]

    return answer


def _open(path: str, arn: str) -> str:
    """What happens when somebody opens a link; returns what they read."""
    for regions in sns_backends.values():
        for backend in regions.values():
            found = backend.subscriptions.get(arn)
            if found is None:
                continue
            if path == UNSUBSCRIBE:
                backend.unsubscribe(arn)
                return f"{found.endpoint} is emailed no more."
            found.confirmed = True
            found.attributes["PendingConfirmation"] = False
            return f"{found.endpoint} will be emailed about its uploads."
    return "This link is too old: there is no such subscription any more."


def _send(to: Subscription, subject: str | None, text: str) -> None:
    for other in list(to.topic.sns_backend.subscriptions.values()):
        if other.topic.arn == to.topic.arn and other.protocol == "http":
            letter = {"Type": "Notification", "Subject": subject, "Message": text}
            requests.post(other.endpoint, json=letter | {"To": to.endpoint}, timeout=PATIENCE)
