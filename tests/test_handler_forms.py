"""Every handler with every form of its events: whole, with the fewest and with more members.

`test_event_forms.py` has these forms.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

import app
from chalicelib import records
from chalicelib.application import Application, application
from chalicelib.sweep import event_again
from chalicelib.upload import State, Upload
from deploy.redrive import dead_letter, outcome_again
from tests.deploy import test_sign_up as sign_up
from tests.support import aws_forms as forms
from tests.support.environment import BUCKET, NOTIFICATIONS_TOPIC, REGION
from tests.support.fakes import Invocation, MemoryStorage, RecordingGateway
from tests.support.forms import Shape, faults, leanest, with_more
from tests.support.payloads import (
    CONTENT,
    OWNER,
    PUT_ID,
    event,
    multipart_upload,
    put_upload,
    request,
)
from tests.support.tables import put_in

pytestmark = pytest.mark.slow

REQUEST_ID = "e4b46cbf-b738-4a6e-8880-a18cdf61200e"


def forms_of(payload: Any, shape: Shape) -> dict[str, Any]:
    """A payload as it is, with the fewest members that AWS sends, and with unknown ones."""
    lean = leanest(payload, shape)
    assert list(faults(lean, shape)) == []
    return {"whole": payload, "lean": lean, "with more": with_more(payload, shape)}


def each_form(payloads: Mapping[str, Any], shape: Shape) -> list[Any]:
    return [
        pytest.param(variant, id=f"{name}, {form}")
        for name, payload in payloads.items()
        for form, variant in forms_of(payload, shape).items()
    ]


@dataclass
class Stage:
    """The application behind `app.py`, on moto's DynamoDB and SNS and with S3 in memory."""

    application: Application
    storage: MemoryStorage
    gateway: RecordingGateway
    published: list[Any]

    def arrive(self, upload: Upload, content: bytes, **changes: Any) -> None:
        put_in(self.application._table, upload)
        self.storage.receive_object(upload.key, content, **changes)

    def state(self, upload_id: str = PUT_ID) -> Upload:
        upload = self.application._table.get(OWNER, upload_id)
        assert upload is not None
        return upload


@pytest.fixture
def stage(dynamodb: Any) -> Iterator[Stage]:
    application.cache_clear()
    fresh = application()
    storage, gateway = MemoryStorage(), RecordingGateway()
    fresh._dynamodb, fresh._storage, fresh._management = dynamodb, storage, gateway  # type: ignore[assignment]
    boto3.client("sns").create_topic(Name=NOTIFICATIONS_TOPIC.rpartition(":")[2])
    topic = sns_backends[DEFAULT_ACCOUNT_ID][REGION].topics[NOTIFICATIONS_TOPIC]
    yield Stage(fresh, storage, gateway, topic.sent_notifications)
    application.cache_clear()


def versioned(version: str | None) -> Any:
    """A PUT into a bucket with versions, and one into a bucket without, as in the document."""
    payload = event("s3_put")
    payload["Records"][0]["s3"]["object"]["versionId"] = version
    return payload


@pytest.mark.parametrize(
    "payload",
    [
        *each_form({"a PUT": event("s3_put"), "a version": versioned("3/L4kqt")}, forms.S3_EVENT),
        pytest.param(versioned(None), id="no version"),
        pytest.param(event_again(put_upload(), BUCKET), id="sent again"),
    ],
)
def test_process_upload_processes_the_object_of_any_event_of_s3(stage: Stage, payload: Any) -> None:
    stage.arrive(put_upload(state=State.UPLOADED), CONTENT)

    (result,) = app.process_upload(payload, Invocation())["uploads"]

    assert (result["id"], result["state"]) == (PUT_ID, "accepted")


@pytest.mark.parametrize(
    "payload",
    each_form({"of parts": event("s3_complete_multipart_upload")}, forms.S3_EVENT),
)
def test_process_upload_processes_an_object_of_parts(stage: Stage, payload: Any) -> None:
    upload = multipart_upload(state=State.UPLOADED)
    stage.arrive(upload, bytes(upload.size))

    (result,) = app.process_upload(payload, Invocation())["uploads"]

    assert (result["id"], result["size"]) == (upload.id, upload.size)
    assert stage.state(upload.id).state is State.ACCEPTED


@pytest.mark.parametrize(
    "payload", each_form({"test event": event("s3_test_event")}, forms.S3_TEST_EVENT)
)
@pytest.mark.usefixtures("stage")
def test_process_upload_ignores_the_test_event_of_s3(payload: Any) -> None:
    assert app.process_upload(payload, Invocation()) == {"uploads": []}


UNANSWERED = {
    "queue, SNS": lambda: dead_letter(json.dumps(event("sqs_dead_letter_of_sns")))[1],
    "queue, Lambda": lambda: dead_letter(json.dumps(event("sqs_dead_letter_of_lambda")))[1],
    "not notified": lambda: outcome_again(put_upload(state=State.ACCEPTED)),
}


def subject_and_attributes() -> Any:
    payload = event("sns_success")
    payload["Records"][0]["Sns"] |= {
        "Subject": "of somebody",
        "MessageAttributes": {"a": {"Type": "String", "Value": "1"}},
    }
    return payload


@pytest.mark.parametrize(
    "payload",
    [
        *each_form({"success": event("sns_success")}, forms.SNS_EVENT),
        pytest.param(subject_and_attributes(), id="with a subject and attributes"),
        *(pytest.param(make(), id=name) for name, make in UNANSWERED.items()),  # type: ignore[no-untyped-call]
    ],
)
def test_notify_notifies_of_any_success(stage: Stage, payload: Any) -> None:
    stage.arrive(put_upload(state=State.ACCEPTED, outcome="1"), CONTENT)

    app.notify(payload, Invocation())

    assert stage.state().notified == "1"
    ((_, _, subject, _, _),) = stage.published
    assert subject.startswith("Hoist: accepted - ")


def failed(condition: str, count: int, **members: Any) -> Any:
    """The event of a failure record, with Lambda's response or without one."""
    payload = event("sns_timed_out")
    message = payload["Records"][0]["Sns"]
    record = json.loads(message["Message"])
    record["requestContext"] |= {"condition": condition, "approximateInvokeCount": count}
    if not members:
        del record["responseContext"]
    record.pop("responsePayload")
    message["Message"] = json.dumps(record | members)
    assert list(faults(payload, forms.SNS_EVENT)) == []
    return payload


TIMEOUT = f"2026-03-01T12:15:05.321Z {REQUEST_ID} Task timed out after 900.00 seconds"
EXIT = {
    "errorType": "Runtime.ExitError",
    "errorMessage": f"RequestId: {REQUEST_ID} Error: Runtime exited with error: signal: killed",
}
RAISED = {"errorMessage": "no", "errorType": "KeyError", "requestId": REQUEST_ID, "stackTrace": []}
FAILURES = {
    "error": (event("sns_retries_exhausted"), "ClientError"),
    "timeout": (event("sns_timed_out"), "Sandbox.Timedout"),
    "timeout without its type": (
        failed("RetriesExhausted", 3, responsePayload={"errorMessage": TIMEOUT}),
        "Sandbox.Timedout",
    ),
    "out of memory": (failed("RetriesExhausted", 3, responsePayload=EXIT), "Runtime.ExitError"),
    "too old before it ran": (event("sns_event_age_exceeded"), "EventAgeExceeded"),
    "too old after it ran": (failed("EventAgeExceeded", 1, responsePayload=RAISED), "KeyError"),
    "no answer": (failed("RetriesExhausted", 3), "RetriesExhausted"),
}


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        pytest.param(payload, error, id=f"{name}, {form}")
        for name, (whole, error) in FAILURES.items()
        for form, payload in (("whole", whole), ("with more", with_more(whole, forms.SNS_EVENT)))
    ],
)
def test_notify_records_any_failure_and_names_its_error(
    stage: Stage, payload: Any, error: str
) -> None:
    stage.arrive(put_upload(state=State.UPLOADED), CONTENT)

    app.notify(payload, Invocation())

    upload = stage.state()
    assert upload.state is State.FAILED
    assert str(upload.reason).startswith(f"Processing failed ({error}); request ")
    assert len(stage.published) == 1
    # The failed event is kept unchanged, so that it can be sent again.
    assert upload.event is not None
    assert [o.key for o in records.objects_created(upload.event)] == [upload.key]


def test_an_event_from_make_redrive_can_become_a_dead_letter_that_it_sends_again() -> None:
    letter = event("sqs_dead_letter_of_lambda")
    resent = outcome_again(put_upload(state=State.ACCEPTED))
    letter["requestPayload"] = resent

    assert dead_letter(json.dumps(letter))[1] == resent


@pytest.mark.parametrize("payload", each_form({"scheduled": event("scheduled")}, forms.SCHEDULED))
@pytest.mark.usefixtures("stage")
def test_sweep_runs_on_any_scheduled_event(payload: Any) -> None:
    assert app.sweep(payload, Invocation(seconds=900)) == {}


def with_ticket(stage: Stage) -> Any:
    ticket = stage.application.browser.invite(OWNER).partition("ticket=")[2]
    payload = event("websocket_connect")
    payload["queryStringParameters"]["ticket"] = ticket
    payload["multiValueQueryStringParameters"]["ticket"] = [ticket]
    return payload


@pytest.mark.parametrize("form", ["whole", "with more"])
def test_connect_page_connects_a_page_with_a_ticket(stage: Stage, form: str) -> None:
    payload = forms_of(with_ticket(stage), forms.CONNECT)[form]

    assert app.connect_page(payload, None) == {"statusCode": 200}

    ((connection_id, _),) = stage.application.browser._connections(OWNER)
    assert connection_id == payload["requestContext"]["connectionId"]


def test_connect_page_refuses_a_page_without_a_query(stage: Stage) -> None:
    payload = forms_of(with_ticket(stage), forms.CONNECT)["lean"]

    assert "queryStringParameters" not in payload
    assert app.connect_page(payload, None) == {"statusCode": 401}


@pytest.mark.parametrize("payload", each_form({"ping": event("websocket_message")}, forms.MESSAGE))
def test_answer_page_answers_any_message(stage: Stage, payload: Any) -> None:
    app.answer_page(payload, None)

    assert stage.gateway.sent == [("K0exampleConnId=", b'{"type": "pong"}')]


@pytest.mark.parametrize("form", ["whole", "lean", "with more"])
@pytest.mark.parametrize("reason", ["Going away", "", None])
def test_disconnect_page_forgets_the_page(stage: Stage, form: str, reason: str | None) -> None:
    app.connect_page(with_ticket(stage), None)
    payload = event("websocket_disconnect")
    payload["requestContext"]["disconnectReason"] = reason

    app.disconnect_page(forms_of(payload, forms.DISCONNECT)[form], None)

    assert stage.application.browser._connections(OWNER) == []


def api_request(method: str, path: str, body: Any = None, **changes: Any) -> Any:
    payload = request(method, path, body) | changes
    assert list(faults(payload, forms.REQUEST)) == []
    return payload


NEW_FILE = {"filename": "a.txt", "size": 11}
ENCODED = base64.b64encode(json.dumps(NEW_FILE).encode()).decode()


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        pytest.param(payload, status, id=f"{name}, {form}")
        for name, (whole, status) in {
            "a body": (api_request("POST", "/uploads", NEW_FILE), 201),
            "a body in base64": (
                api_request("POST", "/uploads", body=ENCODED, isBase64Encoded=True), 201,
            ),
            "no body": (api_request("GET", "/uploads"), 200),
            "a query": (
                api_request(
                    "GET", "/uploads", queryStringParameters={"state": "failed"},
                    multiValueQueryStringParameters={"state": ["failed"]},
                ), 200,
            ),
            "no headers": (
                api_request("GET", "/limits", headers=None, multiValueHeaders=None), 200,
            ),
        }.items()
        for form, payload in {"whole": whole, "with more": with_more(whole, forms.REQUEST)}.items()
    ],
)  # fmt: skip
@pytest.mark.usefixtures("stage")
def test_the_api_answers_any_form_of_a_request(payload: Any, status: int) -> None:
    assert app.app(payload, Mock(aws_request_id="1", function_name="hoist"))["statusCode"] == status


@pytest.mark.usefixtures("stage")
def test_the_api_answers_a_request_of_a_method_without_an_authorizer() -> None:
    payload = leanest(api_request("GET", "/limits"), forms.REQUEST)

    assert "authorizer" not in payload["requestContext"]
    assert app.app(payload, Mock(aws_request_id="1", function_name="hoist"))["statusCode"] == 200


@pytest.mark.parametrize(
    ("source", "shape"),
    [
        *((source, forms.SIGN_UP) for source in sign_up.SIGN_UPS),
        *((source, forms.CUSTOM_MESSAGE) for source in sign_up.MESSAGES),
        *((source, forms.TOKEN_GENERATION) for source in sign_up.TOKENS),
    ],
)
@pytest.mark.parametrize("metadata", [None, {"from": "a page"}])
def test_the_sign_up_function_returns_any_form_of_an_event(
    monkeypatch: pytest.MonkeyPatch, source: str, shape: Shape, metadata: Any
) -> None:
    monkeypatch.setenv("DOMAINS", "example.com")
    function: dict[str, Any] = {}
    exec(sign_up.CODE, function)  # noqa: S102 - it is ours
    payload = sign_up.event(source, email="ann@example.com")
    payload["request"]["clientMetadata"] = metadata

    for variant in forms_of(payload, shape).values():
        assert function["handler"](variant, None) == variant
