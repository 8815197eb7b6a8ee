"""Sends again what failed: the event of an upload to `process_upload`, dead letters to `notify`.

It covers the states that the sweep does, at once and by name, and what failed besides. Safe to
repeat: an upload that was settled meanwhile is left alone, and nobody is notified twice of one
outcome. IAM: dynamodb:Scan, lambda:InvokeFunction; s3:GetObject and s3:ListBucket for an upload
that is still uploading; sqs:GetQueueUrl, GetQueueAttributes, ReceiveMessage and DeleteMessage
for dead letters.
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
from deploy import permissions
from deploy.command import run_command
from deploy.terminal import readable
from stage import sns
from stage.stage import Stage, StageError, enter


class UnreadableLetterError(Exception):
    """A message in the queue of dead letters that neither Lambda nor SNS writes so."""


def is_left_behind(upload: Upload, now: datetime) -> bool:
    """Whether an upload failed, or nobody has been at it for as long as the sweep waits."""
    is_held = upload.held_until is not None and upload.held_until > now
    return upload.state is State.FAILED or (not is_held and now - upload.updated_at > CHECK_AFTER)


def outcome_again(upload: Upload) -> Mapping[str, Any]:
    """The event of an outcome of which nobody was notified.

    Of what SNS and Lambda write it has the members that `notify` and Chalice read.
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
    """What a dead letter is called, and the event that `notify` was, or would have been, given.

    Lambda's is an invocation record with the event; SNS's is the message that it could not hand on.
    Raises UnreadableLetterError for anything else.
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
    """A record as SNS gives it to a function; an earlier version sent messages as a queue has them.

    Raises UnreadableLetterError for any other record.
    """
    match record:
        case {"Sns": {"Message": str()} as message}:
            return {**record, "Sns": sns.message_of(message)}
    raise UnreadableLetterError("it holds no message of SNS")


class Redrive:
    """The clients of a stage, and what can be sent again."""

    def __init__(self, stage: Stage, session: boto3.Session) -> None:
        self._stage = stage
        client: Any = session.client
        self._lambda, self._sqs, self._s3 = client("lambda"), client("sqs"), client("s3")
        self._table = table_of(stage.settings, client("dynamodb"), lambda: datetime.now(UTC))

    def upload(self, upload_id: str) -> int:
        """One upload; raises StageError when there is nothing to send again."""
        if not is_upload_id(upload_id):
            raise StageError(
                f"{upload_id} is not an upload id: take it from the message or the log"
            )
        found = next(self._table.scan(upload_id=upload_id), None)
        if found is None:
            raise StageError(f"There is no upload {upload_id} in {self._stage.name}")
        if found.state is State.UPLOADING and not self._has_arrived(found):
            raise StageError("The upload is uploading, and its object has not arrived yet")
        if not self._send(found):
            raise StageError(f"The upload is {found.state}: there is nothing to send again")
        return 1

    def all_failed(self) -> int:
        """Every upload that failed, was left behind or not notified of; returns how many."""
        now = datetime.now(UTC)
        return sum(
            self._send(upload)
            for upload in self._table.scan()
            if is_left_behind(upload, now)
            and (upload.state is not State.UPLOADING or self._has_arrived(upload))
        )

    def dead_letters(self) -> tuple[int, int]:
        """Every event that `notify` gave up on; returns how many were sent, and how many left."""
        url = self._queue_url()
        sent = left = 0
        for letter in self._letters(url):
            try:
                name, event = dead_letter(letter["Body"])
            except UnreadableLetterError as error:
                print(f"  left: {readable(letter['MessageId'])}, {error}", flush=True)
                left += 1
                continue
            self._invoke("notify", event)
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
            print(f"  sent again: {readable(name)}", flush=True)
            sent += 1
        return sent, left

    def hidden_letters(self) -> int:
        """How many dead letters SQS hides, as somebody received them less than 30 seconds ago.

        A redrive that was killed has received up to ten and deleted none of them.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
        """
        name = "ApproximateNumberOfMessagesNotVisible"
        found = self._sqs.get_queue_attributes(QueueUrl=self._queue_url(), AttributeNames=[name])
        return int(found["Attributes"][name])

    def _queue_url(self) -> str:
        arn = self._stage.arn("HOIST_DEAD_LETTERS_ARN")
        return str(self._sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"])

    def _letters(self, url: str) -> Iterator[dict[str, Any]]:
        """Every letter once; SQS offers the letters that are left again after a while."""
        known: set[str] = set()
        while letters := self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages"):
            new = [letter for letter in letters if letter["MessageId"] not in known]
            if not new:
                return
            known.update(letter["MessageId"] for letter in new)
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
        """Send what brings an upload to its end; returns whether there is anything."""
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
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="make redrive", description=__doc__, epilog=permissions.epilog("redrive")
    )
    parser.add_argument("--stage", required=True, help="a deployed stage, or local")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--upload", metavar="ID", help="one upload")
    what.add_argument(
        "--all-failed", action="store_true", help="all that failed or were left behind"
    )
    what.add_argument(
        "--dead-letters", action="store_true", help="the messages that could not be sent"
    )
    options = parser.parse_args()

    def work() -> None:
        stage = enter(options.stage)
        redrive = Redrive(stage, boto3.Session(region_name=stage.settings.region))
        left = hidden = 0
        if options.upload:
            count = redrive.upload(options.upload)
        elif options.all_failed:
            count = redrive.all_failed()
        else:
            count, left = redrive.dead_letters()
            # This run has received the unreadable letters itself.
            hidden = redrive.hidden_letters() - left
        print(f"{count} sent again" if count else "Nothing to send again", flush=True)
        if hidden > 0:
            print(
                f"SQS hides {hidden} more dead letters: another run received them within the last"
                " 30 seconds; if that run was interrupted, run the same command again in 30 seconds"
            )
        if left:
            raise StageError(
                f"{left} dead letters are left in the queue, as nobody can read them: look at them"
                " in SQS and delete them there"
            )

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
