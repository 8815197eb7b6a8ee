"""`make redrive`: sends an upload to `process_upload` again, or dead letters to `notify`.

It covers the same states as the sweep, without the delay, and failed uploads as well. Safe to
repeat: an upload that has an outcome by then stays as it is, and nobody is notified twice of one
outcome. IAM: dynamodb:Scan, lambda:InvokeFunction.
For an upload that is still uploading: s3:GetObject, s3:ListBucket. For dead letters:
sqs:GetQueueUrl, GetQueueAttributes, ReceiveMessage, DeleteMessage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from chalicelib.keys import is_upload_id
from chalicelib.sweep import event_again
from chalicelib.table import table_of
from chalicelib.upload import CHECK_AFTER, OUTCOMES, UNSETTLED, State, Upload
from deploy.command import arguments, client, run
from deploy.terminal import readable
from stage import sns
from stage.stage import Stage, StageError, enter


class UnreadableLetterError(Exception):
    """A message in the queue of dead letters whose form is neither Lambda's nor SNS's."""


def is_left_behind(upload: Upload, now: datetime) -> bool:
    """Whether an upload failed, or has not changed for as long as the sweep waits."""
    is_held = upload.held_until is not None and upload.held_until > now
    return upload.state is State.FAILED or (not is_held and now - upload.updated_at > CHECK_AFTER)


def outcome_again(upload: Upload) -> Mapping[str, Any]:
    """The event for `notify` of an outcome that nobody was notified of.

    It has only those members of SNS and Lambda that `notify` and Chalice read.
    """
    record = {
        "requestContext": {"requestId": "redrive", "condition": "Success"},
        "responsePayload": {
            "uploads": [{"owner": upload.owner, "id": upload.id, "state": upload.state.value}]
        },
    }
    message = {"Message": json.dumps(record), "MessageId": f"redrive-{upload.id}"}
    return {"Records": [{"EventSource": "aws:sns", "Sns": sns.message_of(message)}]}


def dead_letter(body: str) -> tuple[str, Mapping[str, Any]]:
    """The id of a dead letter, and the event for `notify` in it.

    Lambda writes an invocation record that contains the event. SNS writes the message that it could
    not deliver. Raises UnreadableLetterError for any other form.
    https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    """
    try:
        letter = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableLetterError("it is not JSON") from error
    match letter:
        case {
            "requestContext": {"requestId": str(name)},
            "requestPayload": {"Records": [_, *_] as records},
        }:
            return name, {"Records": [_sns_record(record) for record in records]}
        case {"MessageId": str(name), "Message": str()}:
            return name, sns.event_of(letter)
    raise UnreadableLetterError("it is neither an invocation record nor a message of SNS")


def _sns_record(record: Any) -> Mapping[str, Any]:
    """A record in the form that SNS passes to a function.

    An earlier version of Hoist sent messages in the form of a queue. Raises UnreadableLetterError
    for any other form.
    """
    match record:
        case {"Sns": {"Message": str()} as message}:
            return {**record, "Sns": sns.message_of(message)}
    raise UnreadableLetterError("it holds no message of SNS")


class Redrive:
    """Sends the uploads and dead letters of one stage again."""

    def __init__(self, stage: Stage, session: boto3.Session) -> None:
        self._stage = stage
        self._lambda, self._sqs, self._s3 = (
            client(session, service) for service in ("lambda", "sqs", "s3")
        )
        dynamodb = client(session, "dynamodb")
        self._table = table_of(stage.settings, dynamodb, lambda: datetime.now(UTC))

    def upload(self, upload_id: str) -> int:
        """Send one upload again; raises StageError if that would have no effect."""
        if not is_upload_id(upload_id):
            raise StageError(
                f"{upload_id} is not an upload id: take it from the message or the log"
            )
        upload = next(self._table.scan(upload_id=upload_id), None)
        if upload is None:
            raise StageError(f"There is no upload {upload_id} in {self._stage.name}")
        if upload.state is State.UPLOADING and not self._has_arrived(upload):
            raise StageError("The upload is uploading, and its object has not arrived yet")
        if not self._send(upload):
            raise StageError(f"The upload is {upload.state}: there is nothing to send again")
        return 1

    def all_failed(self) -> int:
        """Send every upload again that failed or does not progress; returns how many."""
        now = datetime.now(UTC)
        return sum(
            self._send(upload)
            for upload in self._table.scan()
            if is_left_behind(upload, now)
            and (upload.state is not State.UPLOADING or self._has_arrived(upload))
        )

    def dead_letters(self) -> tuple[int, int]:
        """Send every dead letter to `notify`; returns how many were sent, and how many remain."""
        url = self._queue_url()
        count = remaining = 0
        for letter in self._letters(url):
            try:
                name, event = dead_letter(letter["Body"])
            except UnreadableLetterError as error:
                print(f"  not sent: {readable(letter['MessageId'])}, {error}", flush=True)
                remaining += 1
                continue
            self._invoke("notify", event)
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
            print(f"  sent again: {readable(name)}", flush=True)
            count += 1
        return count, remaining

    def hidden_letters(self) -> int:
        """How many dead letters SQS hides, because they were received less than 30 seconds ago.

        A redrive that was killed may have received ten letters without deleting them.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
        """
        name = "ApproximateNumberOfMessagesNotVisible"
        response = self._sqs.get_queue_attributes(QueueUrl=self._queue_url(), AttributeNames=[name])
        return int(response["Attributes"][name])

    def _queue_url(self) -> str:
        arn = self._stage.arn("HOIST_DEAD_LETTERS_ARN")
        return str(self._sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"])

    def _letters(self, url: str) -> Iterator[dict[str, Any]]:
        """Every letter once; SQS returns the remaining letters again after a while."""
        received: set[str] = set()
        while letters := self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages"):
            new = [letter for letter in letters if letter["MessageId"] not in received]
            if not new:
                return
            received.update(letter["MessageId"] for letter in new)
            yield from new

    def _has_arrived(self, upload: Upload) -> bool:
        """Whether S3 has an object under the key of an upload."""
        try:
            self._s3.head_object(Bucket=self._stage.settings.bucket, Key=upload.key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return False
            raise
        return True

    def _send(self, upload: Upload) -> bool:
        """Send the event that an upload needs next; returns whether it needs any."""
        if upload.state in UNSETTLED | {State.FAILED}:
            self._invoke("process_upload", event_again(upload, self._stage.settings.bucket))
        elif upload.state in OUTCOMES and upload.outcome != upload.notified:
            self._invoke("notify", outcome_again(upload))
        else:
            return False
        name = readable(upload.filename)
        print(f"  sent again: {upload.id}  {name}  (was {upload.state})", flush=True)
        return True

    def _invoke(self, function: str, event: Mapping[str, Any]) -> None:
        try:
            self._lambda.invoke(
                FunctionName=self._stage.function(function),
                InvocationType="Event",
                Payload=json.dumps(event).encode(),
            )
        except self._lambda.exceptions.ResourceNotFoundException as error:
            raise self._stage.lacks(function) from error


def main() -> int:
    """Run the command; returns the exit status."""
    parser = arguments("redrive", __doc__, stage="a deployed stage, or local")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--upload", metavar="ID", help="one upload")
    choice.add_argument(
        "--all-failed", action="store_true", help="all uploads that failed or do not progress"
    )
    choice.add_argument("--dead-letters", action="store_true", help="the queue of dead letters")

    def work(options: argparse.Namespace) -> None:
        stage = enter(options.stage)
        redrive = Redrive(stage, boto3.Session(region_name=stage.settings.region))
        if options.dead_letters:
            _send_dead_letters(redrive)
        else:
            _print_count(redrive.upload(options.upload) if options.upload else redrive.all_failed())

    return run(parser, work)


def _send_dead_letters(redrive: Redrive) -> None:
    count, unreadable = redrive.dead_letters()
    # This run has received the unreadable letters itself.
    hidden = redrive.hidden_letters() - unreadable
    _print_count(count)
    if hidden > 0:
        print(
            f"SQS hides {hidden} more dead letters: another run received them within the last"
            " 30 seconds; if that run was interrupted, run the same command again in 30 seconds"
        )
    if unreadable:
        raise StageError(
            f"{unreadable} dead letters remain in the queue, because their form is unknown: look at"
            " them in SQS and delete them there"
        )


def _print_count(count: int) -> None:
    print(f"{count} sent again" if count else "Nothing to send again", flush=True)


if __name__ == "__main__":
    sys.exit(main())
