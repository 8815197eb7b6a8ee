"""SNS's email at home, on the real server: asked first, told what the policy lets through."""

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
def letters() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The bridge's address, and what it was handed."""
    handed: list[dict[str, Any]] = []

    class Bridge(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            handed.append(json.loads(text))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bridge)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handed
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def sns(tmp_path: Path, letters: tuple[str, list[dict[str, Any]]]) -> Iterator[Any]:
    """SNS with our topics, the operator's subscription among them."""
    (port,) = free_ports(1)
    with aws_server(tmp_path / "aws.state", port):
        resources = resources_at(port, letters[0])
        resources._topic("hoist-local-notifications", f"{letters[0]}/mail")
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
    sns.publish(TopicArn=TOPIC, Subject="News", Message="It is so.", MessageAttributes=attributes)


def to(letters: tuple[str, list[dict[str, Any]]], address: str) -> list[str]:
    """The texts of the letters to an address."""
    return [letter["Message"] for letter in letters[1] if letter.get("To") == address]


def link_in(text: str) -> str:
    found = LINK.search(text)
    assert found is not None
    return found[0]


def test_an_address_is_asked_first_and_told_nothing_before(sns: Any, letters: Any) -> None:
    arn = subscribe(sns, "ada@example.com", "ada")
    publish(sns, "ada")

    (asked,) = to(letters, "ada@example.com")
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == "true"
    assert call("GET", link_in(asked)).status == 200
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == "false"


def test_everybody_is_told_of_their_own_only(sns: Any, letters: Any) -> None:
    for name in ("ada", "bob"):
        subscribe(sns, f"{name}@example.com", name)
        call("GET", link_in(to(letters, f"{name}@example.com")[0]))
    publish(sns, "ada")

    assert [len(to(letters, f"{name}@example.com")) for name in ("ada", "bob")] == [2, 1]
    operators = [letter for letter in letters[1] if "To" not in letter]
    assert [letter["Message"] for letter in operators] == ["It is so."]


def test_the_link_in_a_letter_unsubscribes(sns: Any, letters: Any) -> None:
    subscribe(sns, "ada@example.com", "ada")
    call("GET", link_in(to(letters, "ada@example.com")[0]))
    publish(sns, "ada")

    call("GET", link_in(to(letters, "ada@example.com")[1]))
    publish(sns, "ada")

    assert len(to(letters, "ada@example.com")) == 2


def test_to_ask_again_sends_the_question_again(sns: Any, letters: Any) -> None:
    assert subscribe(sns, "ada@example.com", "ada") == subscribe(sns, "ada@example.com", "ada")

    assert len(to(letters, "ada@example.com")) == 2


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_a_link_that_is_only_asked_for_does_nothing(sns: Any, letters: Any, method: str) -> None:
    subscribe(sns, "ada@example.com", "ada")
    call("GET", link_in(to(letters, "ada@example.com")[0]))
    publish(sns, "ada")
    unsubscribe = link_in(to(letters, "ada@example.com")[1])

    assert call(method, unsubscribe).body == b""

    publish(sns, "ada")
    assert len(to(letters, "ada@example.com")) == 3


@pytest.mark.parametrize("path", ["/email/confirm", "/email/confirm?arn=x", "/email/unsubscribe"])
def test_a_link_that_is_too_old_says_so(sns: Any, path: str) -> None:
    answer = call("GET", sns.meta.endpoint_url + path)

    assert (answer.status, b"too old" in answer.body) == (200, True)


def test_who_was_asked_and_who_confirmed_outlive_the_server(tmp_path: Path, letters: Any) -> None:
    (port,) = free_ports(1)
    resources = resources_at(port, letters[0])
    state = tmp_path / "aws.state"
    with aws_server(state, port) as process:
        resources._topic("hoist-local-notifications", f"{letters[0]}/mail")
        for name in ("ada", "bob"):
            subscribe(resources.client("sns"), f"{name}@example.com", name)
        call("GET", link_in(to(letters, "ada@example.com")[0]))
        process.terminate()
        process.wait()

    with aws_server(state, port):
        sns = resources.client("sns")
        for name in ("ada", "bob"):
            publish(sns, name)
        assert [len(to(letters, f"{name}@example.com")) for name in ("ada", "bob")] == [2, 1]
        call("GET", link_in(to(letters, "bob@example.com")[0]))
        publish(sns, "bob")

    assert len(to(letters, "bob@example.com")) == 2
