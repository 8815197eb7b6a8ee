"""SNS's email on the local server: confirmation first, then only messages that match the policy."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.home import free_ports
from tests.local.serving import aws_server, resources_at
from tests.support.running import call

pytestmark = pytest.mark.system

TOPIC = "arn:aws:sns:eu-west-1:123456789012:hoist-local-notifications"
LINK = re.compile(r"http://\S+")


@pytest.fixture
def emails() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The bridge's address, and the emails that it received."""
    received: list[dict[str, Any]] = []

    class Bridge(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(json.loads(text))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bridge)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def sns(tmp_path: Path, emails: tuple[str, list[dict[str, Any]]]) -> Iterator[Any]:
    """SNS with our topics, and with the operator's subscription."""
    (port,) = free_ports(1)
    with aws_server(tmp_path / "aws.state", port):
        resources = resources_at(port, emails[0])
        resources._topic("hoist-local-notifications", f"{emails[0]}/mail")
        yield resources.client("sns")


def subscribe(sns: Any, address: str, owner: str) -> str:
    return str(
        sns.subscribe(
            TopicArn=TOPIC,
            Protocol="email",
            Endpoint=address,
            Attributes={"FilterPolicy": json.dumps({"owner": [owner]})},
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
    )


def publish(sns: Any, owner: str) -> None:
    attributes = {"owner": {"DataType": "String", "StringValue": owner}}
    sns.publish(TopicArn=TOPIC, Subject="News", Message="The news.", MessageAttributes=attributes)


def to(emails: tuple[str, list[dict[str, Any]]], address: str) -> list[str]:
    """The texts of the emails to an address."""
    return [email["Message"] for email in emails[1] if email.get("To") == address]


def link_in(text: str) -> str:
    match = LINK.search(text)
    assert match is not None
    return match[0]


def test_an_address_must_confirm_before_it_gets_messages(sns: Any, emails: Any) -> None:
    arn = subscribe(sns, "ada@example.com", "ada")
    publish(sns, "ada")

    (confirmation,) = to(emails, "ada@example.com")
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == "true"
    assert call("GET", link_in(confirmation)).status == 200
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == "false"


def test_each_address_gets_messages_of_its_own_owner_only(sns: Any, emails: Any) -> None:
    for name in ("ada", "bob"):
        subscribe(sns, f"{name}@example.com", name)
        call("GET", link_in(to(emails, f"{name}@example.com")[0]))
    publish(sns, "ada")

    assert [len(to(emails, f"{name}@example.com")) for name in ("ada", "bob")] == [2, 1]
    operators = [email for email in emails[1] if "To" not in email]
    assert [email["Message"] for email in operators] == ["The news."]


def test_the_link_in_an_email_unsubscribes(sns: Any, emails: Any) -> None:
    subscribe(sns, "ada@example.com", "ada")
    call("GET", link_in(to(emails, "ada@example.com")[0]))
    publish(sns, "ada")

    call("GET", link_in(to(emails, "ada@example.com")[1]))
    publish(sns, "ada")

    assert len(to(emails, "ada@example.com")) == 2


def test_subscribing_again_sends_the_confirmation_again(sns: Any, emails: Any) -> None:
    assert subscribe(sns, "ada@example.com", "ada") == subscribe(sns, "ada@example.com", "ada")

    assert len(to(emails, "ada@example.com")) == 2


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_a_request_without_get_does_not_open_a_link(sns: Any, emails: Any, method: str) -> None:
    subscribe(sns, "ada@example.com", "ada")
    call("GET", link_in(to(emails, "ada@example.com")[0]))
    publish(sns, "ada")
    unsubscribe = link_in(to(emails, "ada@example.com")[1])

    assert call(method, unsubscribe).body == b""

    publish(sns, "ada")
    assert len(to(emails, "ada@example.com")) == 3


@pytest.mark.parametrize("path", ["/email/confirm", "/email/confirm?arn=x", "/email/unsubscribe"])
def test_a_link_that_is_too_old_says_so(sns: Any, path: str) -> None:
    answer = call("GET", sns.meta.endpoint_url + path)

    assert (answer.status, b"too old" in answer.body) == (200, True)


def test_pending_and_confirmed_subscriptions_survive_a_restart(tmp_path: Path, emails: Any) -> None:
    (port,) = free_ports(1)
    resources = resources_at(port, emails[0])
    state = tmp_path / "aws.state"
    with aws_server(state, port) as process:
        resources._topic("hoist-local-notifications", f"{emails[0]}/mail")
        for name in ("ada", "bob"):
            subscribe(resources.client("sns"), f"{name}@example.com", name)
        call("GET", link_in(to(emails, "ada@example.com")[0]))
        process.terminate()
        process.wait()

    with aws_server(state, port):
        sns = resources.client("sns")
        for name in ("ada", "bob"):
            publish(sns, name)
        assert [len(to(emails, f"{name}@example.com")) for name in ("ada", "bob")] == [2, 1]
        call("GET", link_in(to(emails, "bob@example.com")[0]))
        publish(sns, "bob")

    assert len(to(emails, "bob@example.com")) == 2
