"""Everything that each function does, run by its real code under a role's policy.

There is one scenario for each function, with Chalice's name. It contains every call that the
function can make, and those that Lambda makes in its name. A refusal ends it with `Denied`.
"""

import base64
import contextlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit
from uuid import uuid4

from chalice.local import LambdaContext
from chalice.test import Client

import app
from chalicelib import keys
from chalicelib.application import Application
from chalicelib.browser import Browser
from chalicelib.parts import MIB
from chalicelib.table import UploadTable, table_of
from chalicelib.upload import State, Upload, adopted_upload
from stage.destinations import ARNS, read
from tests.support.environment import BUCKET, HOIST_ENVIRONMENT, NOTIFICATIONS_TOPIC, TABLE
from tests.support.iam import DELETED, DENIALS, IN_USE
from tests.support.payloads import event
from tests.support.running import call, part_url
from tests.support.tables import put_in

CONTENT = b"hello world"
LARGE = bytes(6 * MIB)  # two parts: S3 takes no smaller ones than 5 MiB but as the last
DEAD_LETTERS = (
    HOIST_ENVIRONMENT["HOIST_RESULTS_TOPIC_ARN"]
    .replace(":sns:", ":sqs:")
    .replace("results", "dead-letters")
)


# The actions of calls to S3 whose error does not name them.
S3_ACTIONS = {
    "CreateMultipartUpload": {"s3:PutObject"},
    "CompleteMultipartUpload": {"s3:PutObject"},
    "ListParts": {"s3:ListMultipartUploadParts"},
    "AbortMultipartUpload": {"s3:AbortMultipartUpload"},
    # S3's response to HEAD contains neither.
    "HeadObject": {"s3:GetObject", "s3:ListBucket"},
    "GetObject": {"s3:GetObject"},
    "DeleteObject": {"s3:DeleteObject"},
    "GetObjectTagging": {"s3:GetObjectTagging"},
    "PutObjectTagging": {"s3:PutObjectTagging"},
    "ListObjectsV2": {"s3:ListBucket"},
    "PUT": {"s3:PutObject"},
    "GET": {"s3:GetObject"},
}


class Denied(BaseException):
    """IAM refused a call that needs one of `actions`; the code under test must not handle it."""

    def __init__(self, operation: str, message: str) -> None:
        super().__init__(f"{operation}: {message}")
        arns_in = re.search(r"not authorized to perform: (\S+) on", message)
        self.actions = {arns_in[1]} if arns_in else S3_ACTIONS[operation]


def refuse(http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
    """Raise Denied for a refused call of botocore."""
    error = parsed.get("Error", {})
    if error.get("Code") in DENIALS | {"403"}:
        raise Denied(model.name, str(error.get("Message")))
    assert http_response.status_code != 403, error


@dataclass
class Role:
    """Runs a function under its role; `operator` creates clients with all permissions."""

    application: Application
    client: Client
    operator: Callable[[str], Any]
    owner: str = field(default_factory=lambda: str(uuid4()))
    # Method and path of each request to the API, as the routes have them.
    calls: set[tuple[str, str]] = field(default_factory=set)

    # --- What others do ---------------------------------------------------------------------------

    @property
    def table(self) -> UploadTable:
        return table_of(
            self.application.settings, self.operator("dynamodb"), lambda: datetime.now(UTC)
        )

    def registry(self, *, opened: timedelta = timedelta()) -> Browser:
        """The registry of pages; `opened` is how long ago its pages were opened."""
        dynamodb, gateway = self.operator("dynamodb"), self.operator("apigatewaymanagementapi")
        return Browser(
            dynamodb, TABLE, lambda: gateway, "", lambda: datetime.now(UTC) - opened, max_pages=20
        )

    def closed_page(self) -> str:
        """The id of a connection that is still in the registry."""
        registry, connection_id = self.registry(opened=timedelta(hours=1)), f"{DELETED}{uuid4()}"
        registry.connect(connection_id, registry.invite(self.owner).partition("=")[2])
        return connection_id

    def put_object(self, key: str) -> None:
        self.operator("s3").put_object(Bucket=BUCKET, Key=key, Body=CONTENT)

    def upload(self, state: State) -> str:
        """The key of an announced upload in some state."""
        key = self.key()
        name = keys.parse_key(key)
        assert name is not None
        assert name.upload_id is not None
        new = adopted_upload(name, size=11, content_type="text/plain", now=datetime.now(UTC))
        put_in(self.table, replace(new, id=name.upload_id, state=state))
        return key

    def adopt(self) -> Upload:
        """An accepted upload of an unannounced object."""
        name = keys.parse_key(f"{keys.owner_prefix(self.owner)}{uuid4()}.txt")
        assert name is not None
        new = adopted_upload(name, size=11, content_type="text/plain", now=datetime.now(UTC))
        upload = self.table.adopt(new)
        return self.table.change(
            upload, to=State.ACCEPTED, allowed=set(State), outcome="accepted:2"
        )

    def key(self) -> str:
        """An unused key of the owner."""
        upload_id = keys.new_upload_id(datetime.now(UTC), os.urandom(10))
        return keys.object_key(owner=self.owner, upload_id=upload_id, filename="a.txt")

    def use_whole_quota(self) -> None:
        """Use up the whole quota, including the shares that shards of the sums have reserved."""
        usage = {"pk": {"S": f"usage#{self.owner}"}, "sk": {"S": "usage"}}
        counts = {"used_bytes": {"N": str(2**60)}, "used_files": {"N": str(10**9)}}
        self.operator("dynamodb").put_item(TableName=TABLE, Item={**usage, **counts})

    # --- What the function does -------------------------------------------------------------------

    def ask(self, method: str, path: str, upload_id: str = "", **fields: Any) -> Any:
        """Call the API; a path is one of its routes."""
        self.calls.add((method, path.partition("?")[0]))
        claims = {"sub": self.owner, "email": f"{self.owner}@example.com", "email_verified": True}
        part = base64.urlsafe_b64encode(json.dumps({"cognito:username": "n", **claims}).encode())
        token = f"eyJhbGciOiJSUzI1NiJ9.{part.decode().rstrip('=')}.c2ln"
        answer = self.client.http.request(
            method,
            path.replace("{upload_id}", upload_id),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
            body=json.dumps(fields).encode() if fields else b"",
        )
        assert answer.status_code < 500, answer.body
        return answer

    def fetch(self, method: str, url: str, data: bytes | None = None, headers: Any = None) -> bytes:
        """Use a presigned URL."""
        none = {"Content-Type": ""} if data is not None else {}
        answer = call(method, url, data, none | (headers or {}))
        if answer.status == 403 and b"AccessDenied" in answer.body:
            raise Denied(method, "")
        assert answer.status == 200, answer.body
        return answer.body

    def send(self, created: Any, data: bytes) -> None:
        size = created["part_size"]
        for number in range(1, created["part_count"] + 1):
            part = data[(number - 1) * size : number * size]
            self.fetch("PUT", part_url(created, number), part, created["sheet"]["headers"])

    def invoke(self, function: str, payload: Any) -> Any:
        # Chalice's own test client gives three seconds, which is less than any function has.
        context = LambdaContext(function, 512, max_runtime_ms=900_000)
        return app.app.handler_map[function](payload, context)

    def calls_of_lambda(self, function: str, *, called: str) -> None:
        """Make the calls that Lambda makes with a function's role: its log and its destinations.

        `called` is its name in AWS, which its log group has too.
        """
        logs = self.application._clients.make("logs")
        group = {"logGroupName": f"/aws/lambda/{called}"}
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(**group)
        stream = group | {"logStreamName": str(uuid4())}
        logs.create_log_stream(**stream)
        now = int(datetime.now(UTC).timestamp() * 1000)
        logs.put_log_events(**stream, logEvents=[{"timestamp": now, "message": "START"}])
        declared = read().get(function, {})
        for destination in {declared.get(way) for way in ("on_success", "on_failure")} - {None}:
            if destination == "sqs:dead-letters":
                queue = self.operator("sqs").get_queue_url(QueueName=DEAD_LETTERS.split(":")[-1])
                self.application._clients.make("sqs").send_message(
                    QueueUrl=queue["QueueUrl"], MessageBody="{}"
                )
            else:
                topic = HOIST_ENVIRONMENT[ARNS[destination]]  # type: ignore[index]
                self.application._clients.make("sns").publish(TopicArn=topic, Message="{}")


def api_handler(role: Role) -> None:
    role.closed_page()
    role.ask("GET", "/limits")
    assert role.ask("POST", "/connections").status_code == 201
    issued = role.ask("POST", "/credentials").json_body
    assert issued["bucket"] == BUCKET
    small = role.ask("POST", "/uploads", filename="a.txt", size=11, idempotency_key="k").json_body
    role.ask("POST", "/uploads/{upload_id}/sheet", small["id"])
    early = role.ask("POST", "/uploads/{upload_id}/complete", small["id"])
    assert early.json_body["code"] == "parts_missing", "and no 403 for what is not there"
    role.send(small, CONTENT)
    completed = role.ask("POST", "/uploads/{upload_id}/complete", small["id"])
    assert completed.json_body["state"] == "uploaded"

    large = role.ask("POST", "/uploads", filename="b.bin", size=len(LARGE)).json_body
    assert large["part_count"] == 2
    role.send(large, LARGE)
    assert len(role.ask("GET", "/uploads/{upload_id}/parts", large["id"]).json_body["parts"]) == 2
    completed = role.ask("POST", "/uploads/{upload_id}/complete", large["id"])
    assert completed.json_body["state"] == "uploaded"

    of_table = role.table.get(role.owner, small["id"])
    saved = role.application._storage.head(small["key"])
    assert of_table is not None
    assert saved is not None
    role.table.change(of_table, to=State.ACCEPTED, allowed=set(State), report=saved.identity)
    url = role.ask("GET", "/uploads/{upload_id}/download", small["id"]).json_body["url"]
    assert role.fetch("GET", url) == CONTENT

    given_up = role.ask("POST", "/uploads", filename="c.bin", size=len(LARGE)).json_body
    for created in (given_up, large):
        absent = role.ask("DELETE", "/uploads/{upload_id}", created["id"])
        assert absent.status_code == 204
    assert role.ask("GET", "/uploads/{upload_id}", large["id"]).json_body["state"] == "aborted"
    unannounced = role.adopt()
    assert role.ask("DELETE", "/uploads/{upload_id}", unannounced.id).status_code == 204
    assert len(role.ask("GET", "/uploads").json_body["uploads"]) == 4
    accepted = role.ask("GET", "/uploads?state=accepted").json_body["uploads"]
    assert [each["id"] for each in accepted] == [small["id"]]
    member = {"filename": "e.txt", "size": 11, "idempotency_key": "e"}
    for _ in range(2):  # made, then found again
        (new,) = role.ask("POST", "/uploads/batch", uploads=[member]).json_body["uploads"]
    (several,) = role.ask("POST", "/uploads/complete", ids=[new["upload"]["id"]]).json_body[
        "uploads"
    ]
    assert several["problem"]["code"] == "parts_missing"
    role.use_whole_quota()
    refused = role.ask("POST", "/uploads", filename="d.txt", size=11)
    assert refused.json_body["code"] == "quota_exceeded"

    assert role.ask("PUT", "/email").json_body["state"] == "on"
    assert role.ask("GET", "/email").json_body["state"] == "on"
    assert role.ask("DELETE", "/email").json_body["state"] == "off"
    take_over_an_address(role)


def take_over_an_address(role: Role) -> None:
    """Email somebody whose address belonged to a deleted account."""
    address = f"{IN_USE}{role.owner}@example.com"
    role.operator("sns").subscribe(
        TopicArn=NOTIFICATIONS_TOPIC,
        Protocol="email",
        Endpoint=address,
        Attributes={"FilterPolicy": '{"owner": ["somebody"]}'},
    )
    assert role.application.subscriptions.subscribe(role.owner, address) == "on"


def process_upload(role: Role) -> None:
    role.closed_page()
    unannounced, missing, late = role.key(), role.upload(State.UPLOADED), role.upload(State.ABORTED)
    # Its event arrives before the page calls complete.
    early = role.upload(State.UPLOADING)
    for key in (unannounced, late, early):
        role.put_object(key)

    def outcome(key: str) -> list[str]:
        payload = event("s3_put")
        payload["Records"][0]["s3"]["object"]["key"] = quote_plus(key, safe="/")
        results = role.invoke("process_upload", payload)["uploads"]
        return [result["state"] for result in results]

    outcomes = [outcome(key) for key in (unannounced, missing, late, early)]
    assert outcomes == [["accepted"], ["failed"], [], ["accepted"]]
    remaining = role.operator("s3").list_objects_v2(
        Bucket=BUCKET, Prefix=keys.owner_prefix(role.owner)
    )
    assert {matches["Key"] for matches in remaining["Contents"]} == {unannounced, early}
    role.use_whole_quota()
    too_much = role.key()
    role.put_object(too_much)
    assert outcome(too_much) == ["rejected"]


def notify(role: Role) -> None:
    role.closed_page()
    payload = event("sns_retries_exhausted")
    record = json.loads(payload["Records"][0]["Sns"]["Message"])

    def stop(key: str) -> Upload | None:
        created = record["requestPayload"]["Records"][0]["s3"]["object"]
        created["key"] = quote_plus(key, safe="/")
        payload["Records"][0]["Sns"]["Message"] = json.dumps(record)
        role.invoke("notify", payload)
        name = keys.parse_key(key)
        assert name is not None
        return role.table.of_object(name)

    # The first is unannounced; the page has not completed the second yet.
    for key in (role.key(), role.upload(State.UPLOADING)):
        failed = stop(key)
        assert failed is not None
        assert failed.state is State.FAILED
        assert failed.notified == failed.outcome is not None
    role.use_whole_quota()
    assert stop(role.key()) is None


def sweep(role: Role) -> None:
    role.closed_page()
    table, now = role.table, datetime.now(UTC)
    # Uploads of other scenarios are left out: there would be more and more of them.
    for remaining in table.to_check():
        table.rest(remaining)
    table.keep_sweep(cursor=f"{keys.PREFIX}~")

    def matches(state: State, **attributes: Any) -> Upload:
        """An upload that is due for a check."""
        name = keys.parse_key(role.upload(state))
        assert name is not None
        upload = table.of_object(name)
        assert upload is not None
        upload = table.change(upload, to=state, allowed=set(State), **attributes)
        return table.check_again(upload, now - timedelta(minutes=1))

    # The event of the first was lost. The second is an old unfinished upload.
    lost = matches(State.UPLOADING)
    abandoned = matches(State.UPLOADING, created_at=now - timedelta(days=30), multipart_id="m")
    deleted = matches(State.ABORTED)
    # Its object was deleted without an event.
    absent = table.check_again(role.adopt(), now - timedelta(minutes=1))
    # The next one has no tag, and nobody was notified of it.
    role.put_object(lost.key)
    accepted = matches(State.ACCEPTED, outcome="accepted:1")
    role.put_object(accepted.key)
    role.operator("s3").put_object_tagging(
        Bucket=BUCKET, Key=accepted.key, Tagging={"TagSet": [{"Key": "theirs", "Value": "1"}]}
    )

    counted = role.invoke("sweep", event("scheduled"))

    assert counted["SweepLostEvents"] >= 1
    for upload in (abandoned, deleted, absent):
        current = table.get(role.owner, upload.id)
        assert current is not None
        assert (current.state, current.check_at) == (State.ABORTED, None)
    current = table.get(role.owner, accepted.id)
    assert current is not None
    assert current.notified == "accepted:1"
    tags = role.operator("s3").get_object_tagging(Bucket=BUCKET, Key=accepted.key)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"theirs": "1", "state": "accepted"}


def websocket_connect(role: Role) -> None:
    role.closed_page()
    registry = role.registry()
    connecting = event("websocket_connect")
    ticket = parse_qs(urlsplit(registry.invite(role.owner)).query)["ticket"][0]
    connecting["queryStringParameters"]["ticket"] = ticket
    assert app.connect_page(connecting, None) == {"statusCode": 200}
    ((open_page, _),) = registry._connections(role.owner)
    assert open_page == connecting["requestContext"]["connectionId"]


def websocket_message(role: Role) -> None:
    assert role.owner
    app.answer_page(event("websocket_message"), None)


def websocket_disconnect(role: Role) -> None:
    disconnecting = event("websocket_disconnect")
    disconnecting["requestContext"]["connectionId"] = role.closed_page()
    app.disconnect_page(disconnecting, None)
    assert role.registry()._connections(role.owner) == []


SCENARIOS: dict[str, Callable[[Role], None]] = {
    scenario.__name__: scenario
    for scenario in (
        api_handler,
        process_upload,
        notify,
        sweep,
        websocket_connect,
        websocket_message,
        websocket_disconnect,
    )
}
