"""Every payload in the form that AWS really sends, and every handler with each of these forms.

Each row names a payload, AWS's document of its form, and a recording from AWS. Then it lists the
payloads that must have this form: the files in `events/`, and those that our own code makes.
Unless a row says otherwise, the recordings are the snapshots of LocalStack's tests on AWS:
https://github.com/localstack/localstack/tree/main/tests/aws/services
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from chalice.local import LambdaEventConverter, RouteMatcher

from chalicelib.sweep import event_again
from chalicelib.upload import State
from deploy.redrive import dead_letter, outcome_again
from local.functions import environments
from local.functions.bridge import StoredObject, s3_event
from local.functions.environments import Answer, Function
from local.functions.invoker import invocation_record
from local.functions.schedules import scheduled_event
from local.functions.worker import failure
from local.gateways import socket_events
from local.gateways.socket_events import Connection
from stage import sns
from tests.deploy import test_sign_up as sign_up
from tests.simulation.simulation import QUOTA, SETTINGS
from tests.simulation.world import Faults, World
from tests.support import aws_forms as forms
from tests.support.environment import BUCKET, REGION
from tests.support.forms import ANY, Json, Shape, faults
from tests.support.payloads import (
    OWNER,
    PUT_ID,
    event,
    put_upload,
    request,
)

EVENTS = Path(__file__).parent / "events"
REQUEST_ID = "e4b46cbf-b738-4a6e-8880-a18cdf61200e"
PROCESS = Function("process_upload", "app.process_upload", 900)
RESULT = {"uploads": [{"owner": OWNER, "id": PUT_ID, "state": "accepted"}]}
PAGE = Connection("K0exampleConnId=", 1_772_366_400.0, "127.0.0.1", "Mozilla/5.0")


# --- What our own code makes ----------------------------------------------------------------------


def record_of(answer: Answer, condition: str) -> Any:
    """The record that the local system sends to a destination."""
    return json.loads(
        invocation_record(
            PROCESS, REQUEST_ID, event("s3_put"), answer, condition=condition, count=1
        )
    )


def raised() -> Answer:
    """The answer of a local execution environment whose handler fails."""
    try:
        json.loads("no JSON")
    except ValueError as error:
        return Answer(ok=False, payload=failure(error, REQUEST_ID))
    raise AssertionError


def simulated(error: str) -> Any:
    """The record that the simulation passes to `notify`."""
    world = World(1, SETTINGS, QUOTA, Faults())
    events: list[str] = []
    world.notify = events.append  # type: ignore[assignment, method-assign]
    world._record("process-1", event("s3_put"), None if error else RESULT, error)
    return json.loads(events[0])


def connecting() -> Any:
    http_request = make_mocked_request("GET", "/?ticket=1", headers={"Host": "localhost:8001"})
    return socket_events.connect_event(PAGE, http_request)


def asked_locally() -> Any:
    """The event of a request as `chalice local` and Chalice's test client make it."""
    converter = LambdaEventConverter(RouteMatcher(["/uploads/{upload_id}"]))
    return converter.create_lambda_event("GET", "/uploads/1", {"Host": "x"}, b"")


def of_cognito(sources: Iterable[str]) -> dict[str, Callable[[], Any]]:
    """The events in the tests of sign-up, by Cognito's `triggerSource`."""
    return {
        f"tests, {source}": partial(sign_up.event, source, email="a@b.example")
        for source in sources
    }


# --- The table ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """A form of a payload: its document, a recording from AWS, and the payloads in this form.

    `examples` are whole; the members of `subsets` all have this form.
    """

    shape: Shape
    document: str
    recorded: str
    files: tuple[str, ...] = ()
    examples: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    subsets: Mapping[str, Callable[[], Any]] = field(default_factory=dict)


GUIDE = "https://docs.aws.amazon.com"
RETAINED = f"{GUIDE}/lambda/latest/dg/invocation-async-retain-records.html"
SOCKETS = (
    f"{GUIDE}/apigateway/latest/developerguide"
    "/apigateway-websocket-api-mapping-template-reference.html"
)
TRIGGERS = f"{GUIDE}/cognito/latest/developerguide"
FORMS = {
    "S3 event": Form(
        forms.S3_EVENT,
        f"{GUIDE}/AmazonS3/latest/userguide/notification-content-structure.html",
        "LocalStack s3/test_s3_notifications_sqs: test_object_created_complete_multipart_upload,"
        " test_key_encoding, test_object_created_put_versioned; awsGeneratedTags of version 2.5:"
        " https://aws.amazon.com/about-aws/whats-new/2026/07/"
        "amazon-s3-event-notifications-system-generated-tags/",
        files=("s3_put", "s3_complete_multipart_upload"),
        examples={
            "local.functions.bridge, a PUT": lambda: s3_event(
                StoredObject("uploads/o/i/a b ü.txt", 5, "5d41402abc4b2a76b9719d911017c592", 1),
                bucket=BUCKET, region=REGION, sequence=1,
            ),
            "local.functions.bridge, parts": lambda: s3_event(
                StoredObject("uploads/o/i/a+b.txt", 5, "5d41402abc4b2a76b9719d911017c592-2", 1),
                bucket=BUCKET, region=REGION, sequence=2,
            ),
        },
    ),
    "S3 event that Hoist sends again": Form(
        forms.S3_EVENT_AGAIN,
        f"{GUIDE}/AmazonS3/latest/userguide/notification-content-structure.html",
        "none: AWS sends no ObjectCreated:Redrive, so that the log shows the sender",
        subsets={
            "chalicelib.sweep": lambda: event_again(put_upload(), BUCKET),
            "chalicelib.sweep, settled": lambda: event_again(
                put_upload(state=State.ACCEPTED, sequencer="5".ljust(64, "0")), BUCKET
            ),
        },
    ),
    "S3 test event": Form(
        forms.S3_TEST_EVENT,
        f"{GUIDE}/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html",
        "the document's own sample",
        files=("s3_test_event",),
    ),
    "SNS event": Form(
        forms.SNS_EVENT,
        f"{GUIDE}/lambda/latest/dg/with-sns.html",
        "LocalStack sns/test_sns: test_python_lambda_subscribe_sns_topic,"
        " test_sns_topic_as_lambda_dead_letter_queue (Subject null, MessageAttributes empty)",
        files=(
            "sns_success", "sns_retries_exhausted", "sns_event_age_exceeded", "sns_timed_out",
        ),
        examples={
            "local.functions.bridge": lambda: sns.event_of(event("sqs_dead_letter_of_sns")),
            "deploy.redrive, SNS's letter": lambda: dead_letter(
                json.dumps(event("sqs_dead_letter_of_sns"))
            )[1],
            "deploy.redrive, Lambda's letter": lambda: dead_letter(
                json.dumps(event("sqs_dead_letter_of_lambda"))
            )[1],
        },
    ),
    "SNS event that Hoist sends again": Form(
        {
            "Records": [
                {
                    "EventSource": "aws:sns",
                    "Sns": {
                        "MessageId": f"redrive-{PUT_ID}",
                        "Message": Json(
                            {
                                "requestContext": {"requestId": "redrive", "condition": "Success"},
                                "responsePayload": RESULT,
                            }
                        ),
                        "Subject": None,
                        "MessageAttributes": {},
                    },
                }
            ]
        },
        f"{GUIDE}/lambda/latest/dg/with-sns.html",
        "none: a subset that `notify` reads, and whose ids name make redrive in the log",
        examples={"deploy.redrive": lambda: outcome_again(put_upload(state=State.ACCEPTED))},
    ),
    "SNS message in a queue or over HTTP": Form(
        forms.SNS_MESSAGE,
        f"{GUIDE}/sns/latest/dg/http-notification-json.html",
        "LocalStack sns/test_sns: test_redrive_policy_lambda_subscription (a dead letter),"
        " test_publish_by_path_parameters (no Subject, no MessageAttributes)",
        files=("sqs_dead_letter_of_sns",),
    ),
    "Record of an invocation of process_upload": Form(
        forms.PROCESSING_RECORD,
        RETAINED,
        "LocalStack lambda_/test_lambda_destinations: test_assess_lambda_destination_invocation,"
        " test_retries, test_maxeventage; lambda_/test_lambda: test_lambda_invoke_with_timeout,"
        " test_lambda_invoke_timed_out_environment_reuse (older), test_lambda_handler_exit",
        examples={
            "local, success": lambda: record_of(Answer(ok=True, payload=RESULT), "Success"),
            "local, error": lambda: record_of(raised(), "RetriesExhausted"),
            "local, too old": lambda: record_of(raised(), "EventAgeExceeded"),
            "local, timeout": lambda: record_of(
                environments.timed_out(REQUEST_ID, 900), "RetriesExhausted"
            ),
            "local, exit": lambda: record_of(environments.exited(REQUEST_ID), "RetriesExhausted"),
        },
    ),
    "Record of the simulation": Form(
        {
            "requestContext": {"requestId": "process-1", "condition": str},
            "requestPayload": forms.S3_EVENT,
            "responsePayload": ({"uploads": [ANY]}, {"errorType": str}),
        },
        RETAINED,
        "none: a subset that `chalicelib.records` reads, whose ids a story can be read by",
        examples={
            "tests.simulation, success": lambda: simulated(""),
            "tests.simulation, error": lambda: simulated("TryAgain"),
        },
    ),
    "Record of an invocation of notify": Form(
        forms.NOTIFYING_RECORD,
        RETAINED,
        "LocalStack lambda_/test_lambda_destinations: test_lambda_destination_default_retries",
        files=("sqs_dead_letter_of_lambda",),
    ),
    "Scheduled event": Form(
        forms.SCHEDULED,
        f"{GUIDE}/eventbridge/latest/userguide/eb-run-lambda-schedule.html",
        "LocalStack events/test_events_schedule: tests_schedule_rate_target_sqs",
        files=("scheduled",),
        examples={
            "local.functions.schedules": lambda: scheduled_event("sweep", REGION, datetime.now(UTC))
        },
    ),
    "WebSocket connect": Form(
        forms.CONNECT,
        SOCKETS,
        "https://github.com/aws/aws-lambda-go events/testdata/apigw-websocket-request.json",
        files=("websocket_connect",),
        examples={"local.gateways.websocket_gateway": connecting},
    ),
    "WebSocket message": Form(
        forms.MESSAGE,
        SOCKETS,
        "https://github.com/aws/aws-lambda-go"
        " events/testdata/apigw-websocket-request-send-message.json",
        files=("websocket_message",),
        examples={
            "local.gateways.websocket_gateway": lambda: socket_events.message_event(PAGE, "ping")
        },
    ),
    "WebSocket disconnect": Form(
        forms.DISCONNECT,
        SOCKETS,
        "https://github.com/aws/aws-lambda-go"
        " events/testdata/apigw-websocket-request-disconnect.json",
        files=("websocket_disconnect",),
        examples={
            "local.gateways.websocket_gateway": lambda: socket_events.disconnect_event(
                PAGE, 1001, ""
            )
        },
    ),
    "Request of the REST API": Form(
        forms.REQUEST,
        f"{GUIDE}/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html",
        "LocalStack apigateway/test_apigateway_lambda: test_lambda_aws_proxy_integration",
        examples={
            "tests.support.payloads": lambda: request(
                "POST", "/uploads/{upload_id}/sheet", {"first": 1}, upload_id=PUT_ID
            )
        },
    ),
    "Request as chalice local hands it on": Form(
        forms.REQUEST | {"stageVariables": {}, "pathParameters": dict, "body": bytes},
        f"{GUIDE}/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html",
        "none: Chalice makes the part that Chalice reads, its body in bytes",
        subsets={"chalice.local": asked_locally},
    ),
    "Cognito sign-up": Form(
        forms.SIGN_UP,
        f"{TRIGGERS}/user-pool-lambda-pre-sign-up.html",
        "https://github.com/aws/aws-lambda-go"
        " events/testdata/cognito-event-userpools-presignup.json",
        examples=of_cognito(sign_up.SIGN_UPS),
    ),
    "Cognito message": Form(
        forms.CUSTOM_MESSAGE,
        f"{TRIGGERS}/user-pool-lambda-custom-message.html",
        "https://github.com/aws/aws-lambda-go"
        " events/testdata/cognito-event-userpools-custommessage.json",
        examples=of_cognito(sign_up.MESSAGES),
    ),
    "Cognito token": Form(
        forms.TOKEN_GENERATION,
        f"{TRIGGERS}/user-pool-lambda-pre-token-generation.html",
        "https://github.com/aws/aws-lambda-go"
        " events/testdata/cognito-event-userpools-pretokengen.json",
        examples=of_cognito(sign_up.TOKENS),
    ),
}  # fmt: skip


def rows() -> list[Any]:
    return list(_rows())


def _rows() -> Iterator[Any]:
    for name, form in FORMS.items():
        for file in form.files:
            yield pytest.param(
                form.shape, lambda file=file: event(file), False, id=f"{name}: {file}"
            )
        for maker, make in form.examples.items():
            yield pytest.param(form.shape, make, False, id=f"{name}: {maker}")
        for maker, make in form.subsets.items():
            yield pytest.param(form.shape, make, True, id=f"{name}: {maker}")


@pytest.mark.parametrize(("shape", "make", "is_subset"), rows())
def test_a_payload_is_in_the_form_that_aws_sends(
    shape: Shape, make: Callable[[], Any], *, is_subset: bool
) -> None:
    assert list(faults(make(), shape, is_subset=is_subset)) == []


def test_every_file_of_an_event_has_its_form() -> None:
    assert sorted(file for form in FORMS.values() for file in form.files) == sorted(
        path.stem for path in EVENTS.iterdir()
    )


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_has_a_document_of_aws_and_a_payload(form: Form) -> None:
    assert form.document.startswith("https://docs.aws.amazon.com/")
    assert form.recorded
    assert form.files or form.examples or form.subsets


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"Type": None}, "$.Type is None, not Notification"),
        ({"Subject": None}, "$.Subject is None, not <class 'str'>"),
        ({"SigningCertUrl": ""}, "$.SigningCertUrl is unknown"),
        ({"MessageAttributes": {"a": {"Type": "String"}}}, "$.MessageAttributes.a lacks Value"),
        ({"Message": "{}"}, "$.Message() lacks version"),
        ({"Message": {}}, f"$.Message is {{}}, not {forms.SNS_MESSAGE['Message']}"),
    ],
    ids=["null", "null for absent", "another name", "lacks one", "in a text", "no text"],
)
def test_a_payload_of_another_form_is_detected(change: dict[str, Any], fault: str) -> None:
    assert next(faults(event("sqs_dead_letter_of_sns") | change, forms.SNS_MESSAGE)) == fault
