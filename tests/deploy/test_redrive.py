"""`make redrive`: uploads and dead letters that it sends again, and those that it cannot."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from chalice.app import SNSEvent
from moto import mock_aws

from chalicelib import records
from chalicelib.config import Settings
from chalicelib.items import SCHEMA
from chalicelib.records import Outcome
from chalicelib.table import table_of
from chalicelib.upload import CHECK_AFTER, State, Upload
from deploy.redrive import Redrive, UnreadableLetterError, dead_letter
from stage.stage import Stage, StageError
from tests.support.environment import BUCKET, HOIST_ENVIRONMENT, REGION, TABLE
from tests.support.payloads import MULTIPART_ID, PUT_ID, event, multipart_upload, put_upload
from tests.support.tables import put_in

pytestmark = pytest.mark.slow

DEAD_LETTERS = f"arn:aws:sqs:{REGION}:123456789012:hoist-test-dead-letters"
EVENT = event("sns_success")
QUEUED = event("sqs_dead_letter_of_sns")


def lambdas(payload: Any) -> str:
    """A dead letter as Lambda writes it."""
    record = event("sqs_dead_letter_of_lambda")
    record["requestContext"]["requestId"] = "r-1"
    return json.dumps(record | {"requestPayload": payload})


def test_a_dead_letter_of_lambda_contains_its_event() -> None:
    assert dead_letter(lambdas(EVENT)) == ("r-1", EVENT)


def test_a_dead_letter_of_sns_becomes_an_event() -> None:
    assert dead_letter(json.dumps(QUEUED)) == (QUEUED["MessageId"], EVENT)


def test_a_message_in_the_form_of_a_queue_becomes_an_event() -> None:
    _, created = dead_letter(lambdas({"Records": [{**EVENT["Records"][0], "Sns": QUEUED}]}))

    assert created == EVENT


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(QUEUED),
        json.dumps(QUEUED | {"Subject": "s", "MessageAttributes": {"a": {"Value": "1"}}}),
        # The form of an event that an earlier version sent to `notify`.
        lambdas({"Records": [{"EventSource": "aws:sns", "Sns": QUEUED}]}),
        lambdas(EVENT),
    ],
    ids=["SNS's", "SNS's with attributes", "SNS's within Lambda's", "Lambda's"],
)
def test_chalice_can_read_the_event(body: str) -> None:
    _, created = dead_letter(body)

    assert SNSEvent(created, None).message == QUEUED["Message"]  # type: ignore[arg-type]


UNREADABLE = {
    "no JSON": "not JSON",
    "nothing": "",
    "half of it": json.dumps(QUEUED)[:-1],
    "too deep": "[" * 100_000,
    "null": "null",
    "a list": "[1]",
    "a text": '"text"',
    "a number": "1",
    "another object": '{"a": 1}',
    "a record without its event": json.dumps({"requestContext": {"requestId": "r"}}),
    "an event of S3": lambdas({"Records": [{"s3": {}}]}),
    "an event without records": lambdas({"Records": []}),
    "an empty event": lambdas(None),
    "a message without text": json.dumps({"MessageId": "1", "Message": {}}),
    "a name that is none": json.dumps(QUEUED | {"MessageId": 1}),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_any_other_message_is_no_dead_letter(body: str) -> None:
    with pytest.raises(UnreadableLetterError):
        dead_letter(body)


class Functions:
    """A client of Lambda that records the events for each function."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.deleted: set[str] = set()
        self.exceptions = boto3.client("lambda", region_name=REGION).exceptions

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> None:  # noqa: N803
        assert InvocationType == "Event"
        if FunctionName in self.deleted:
            error = {"Error": {"Code": "ResourceNotFoundException"}}
            raise self.exceptions.ResourceNotFoundException(error, "Invoke")  # type: ignore[arg-type]
        self.events.append((FunctionName, json.loads(Payload)))


class Account:
    """moto's account with a recording Lambda; `session` creates its clients."""

    def __init__(self, settings: Settings, clients: dict[str, Any]) -> None:
        self._clients = clients
        self.functions = Functions()
        dynamodb = self.client("dynamodb")
        dynamodb.create_table(TableName=TABLE, **SCHEMA)
        self.table = table_of(settings, dynamodb, lambda: datetime.now(UTC))
        self.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        sqs = self.client("sqs")
        self.queue = sqs.create_queue(QueueName="hoist-test-dead-letters")["QueueUrl"]
        environment = {**HOIST_ENVIRONMENT, "HOIST_DEAD_LETTERS_ARN": DEAD_LETTERS}
        session: Any = self
        self.redrive = Redrive(Stage("test", settings, environment), session)

    def client(self, service: str) -> Any:
        return self.functions if service == "lambda" else self._clients[service]

    def put(self, upload: Upload, *, age: timedelta = timedelta()) -> None:
        """Put an upload into the table, with its last change some time ago."""
        changed_at = datetime.now(UTC) - age
        put_in(self.table, replace(upload, created_at=changed_at, updated_at=changed_at))

    def letters(self, *bodies: str) -> None:
        for body in bodies:
            self.client("sqs").send_message(QueueUrl=self.queue, MessageBody=body)

    def waiting(self) -> int:
        output = self.client("sqs").get_queue_attributes(
            QueueUrl=self.queue, AttributeNames=["All"]
        )["Attributes"]
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(int(output[name]) for name in names)


@pytest.fixture(scope="module")
def clients() -> dict[str, Any]:
    session: Any = boto3.Session(region_name=REGION)
    return {service: session.client(service) for service in ("dynamodb", "s3", "sqs")}


@pytest.fixture
def account(settings: Settings, clients: dict[str, Any]) -> Iterator[Account]:
    with mock_aws():
        yield Account(settings, clients)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_an_unreadable_letter_remains_and_the_others_are_sent(
    account: Account, capsys: pytest.CaptureFixture[str], position: int
) -> None:
    bodies = [json.dumps(QUEUED), lambdas(EVENT)]
    bodies.insert(position, "no letter")
    account.letters(*bodies)

    assert account.redrive.dead_letters() == (2, 1)

    assert [name for name, _ in account.functions.events] == ["hoist-test-notify"] * 2
    assert account.waiting() == 1
    printed = capsys.readouterr().out
    assert printed.count("sent again: ") == 2
    assert printed.count("not sent: ") == 1
    assert ", it is not JSON\n" in printed


def test_more_letters_than_one_response_of_sqs_are_all_sent(account: Account) -> None:
    account.letters(*["no letter"] * 12, *[json.dumps(QUEUED)] * 12)

    assert account.redrive.dead_letters() == (12, 12)
    assert account.waiting() == 12


def test_letters_that_sqs_returns_twice_are_sent_once(account: Account) -> None:
    """SQS hides a received letter for a while; this queue does not."""
    account.client("sqs").set_queue_attributes(
        QueueUrl=account.queue, Attributes={"VisibilityTimeout": "0"}
    )
    account.letters("no letter")

    assert account.redrive.dead_letters() == (0, 1)


def test_letters_that_a_killed_run_received_are_counted(account: Account) -> None:
    account.letters(*[json.dumps(QUEUED)] * 2)
    account.client("sqs").receive_message(QueueUrl=account.queue)

    assert account.redrive.dead_letters() == (1, 0)
    assert account.redrive.hidden_letters() == 1


def test_a_letter_stays_if_notify_is_not_deployed(account: Account) -> None:
    account.functions.deleted.add("hoist-test-notify")
    account.letters(json.dumps(QUEUED))

    with pytest.raises(StageError, match="notify is not deployed: run `make deploy STAGE=test`"):
        account.redrive.dead_letters()

    assert account.waiting() == 1


def test_no_letters_are_no_error(account: Account) -> None:
    assert account.redrive.dead_letters() == (0, 0)


@pytest.mark.parametrize("upload", [put_upload(), multipart_upload()], ids=["put", "multipart"])
def test_an_uploading_upload_is_sent_if_its_object_exists(account: Account, upload: Upload) -> None:
    """S3's event is lost, and the page is closed."""
    account.put(upload)
    account.client("s3").put_object(Bucket=BUCKET, Key=upload.key, Body=b"content")

    assert account.redrive.upload(upload.id) == 1

    ((name, invocations),) = account.functions.events
    assert name == "hoist-test-process_upload"
    assert invocations["Records"][0]["s3"]["bucket"]["name"] == BUCKET


def test_an_upload_without_an_object_is_not_sent(account: Account) -> None:
    account.put(multipart_upload())

    with pytest.raises(StageError, match="its object has not arrived yet"):
        account.redrive.upload(MULTIPART_ID)

    assert account.functions.events == []


@pytest.mark.parametrize("state", [State.FAILED, State.UPLOADED, State.PROCESSING])
def test_one_upload_is_sent_even_if_it_is_recent(account: Account, state: State) -> None:
    account.put(put_upload(state=state))

    assert account.redrive.upload(PUT_ID) == 1


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED])
def test_an_upload_with_an_outcome_is_not_sent(account: Account, state: State) -> None:
    account.put(put_upload(state=state))

    with pytest.raises(StageError, match=f"The upload is {state}: there is nothing to send again"):
        account.redrive.upload(PUT_ID)


def test_all_failed_sends_failed_and_stuck_uploads(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.put(put_upload(state=State.FAILED, filename="a\x1b]0;x\x07\nsent again: b"))
    account.put(multipart_upload(state=State.UPLOADED), age=CHECK_AFTER + timedelta(minutes=1))

    assert account.redrive.all_failed() == 2

    printed = capsys.readouterr().out
    assert printed.count("\n") == 2
    assert all(line.isprintable() for line in printed.split("\n"))


def test_all_failed_sends_uploads_whose_event_was_lost(account: Account) -> None:
    old = CHECK_AFTER + timedelta(minutes=1)
    arrived, missing = put_upload(), multipart_upload()
    account.put(arrived, age=old)
    account.put(missing, age=old)
    account.client("s3").put_object(Bucket=BUCKET, Key=arrived.key, Body=b"content")

    assert account.redrive.all_failed() == 1


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED])
def test_an_outcome_of_which_nobody_was_notified_goes_to_notify(
    account: Account, state: State
) -> None:
    account.put(put_upload(state=state, outcome=f"{state}:etag"))

    assert account.redrive.upload(PUT_ID) == 1

    ((name, invocations),) = account.functions.events
    assert name == "hoist-test-notify"
    (outcome,) = records.outcomes(SNSEvent(invocations, None).message)
    assert outcome == Outcome(put_upload().owner, PUT_ID, state)


def test_an_upload_that_another_invocation_holds_is_not_sent(account: Account) -> None:
    until = datetime.now(UTC) + timedelta(minutes=5)
    account.put(put_upload(state=State.PROCESSING, held_until=until), age=timedelta(hours=8))

    assert account.redrive.all_failed() == 0
