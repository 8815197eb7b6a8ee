"""Sends again what failed: the event of an upload to `process_upload`, dead letters to `notify`.

Safe to repeat: an upload that was settled meanwhile is left alone, and what was told is not told
again. IAM: dynamodb:Scan, lambda:InvokeFunction; sqs:GetQueueUrl, ReceiveMessage and DeleteMessage
for dead letters.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import boto3

from chalicelib.keys import is_upload_id
from chalicelib.table import table_of
from chalicelib.upload import State, Upload
from deploy.stage import Stage, StageError, enter, succeeds

# An event that was not worked on for this long will not be: Lambda keeps one for six hours at most.
LOST_AFTER = timedelta(hours=7)
STATES = {State.FAILED, State.UPLOADED, State.PROCESSING}


def is_left_behind(upload: Upload, now: datetime) -> bool:
    """Whether an upload failed, or nobody is at it or will be."""
    if upload.state is State.FAILED:
        return True
    return upload.state in STATES and now - upload.updated_at > LOST_AFTER


def s3_event(upload: Upload, bucket: str) -> Mapping[str, Any]:
    """The event that failed; where it was never seen, one that says the same."""
    if upload.event is not None:
        return upload.event
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Redrive",
        "s3": {
            "bucket": {"name": bucket},
            "object": {
                "key": quote_plus(upload.key, safe="/"),
                "size": upload.size,
                "sequencer": upload.sequencer or "",
            },
        },
    }
    return {"Records": [record]}


def dead_letter(letter: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """What a dead letter is called, and the event that `notify` was, or would have been, given.

    Lambda's is an invocation record with the event; SNS's is the message that it could not hand on.
    https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    """
    if "requestPayload" in letter:
        return letter["requestContext"]["requestId"], letter["requestPayload"]
    record = {"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": dict(letter)}
    return letter["MessageId"], {"Records": [record]}


class Redrive:
    """The clients of a stage, and what can be sent again."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        region = stage.settings.region
        self._lambda: Any = boto3.client("lambda", region_name=region)
        self._sqs: Any = boto3.client("sqs", region_name=region)
        self._table = table_of(
            stage.settings,
            boto3.client("dynamodb", region_name=region),
            lambda: datetime.now(UTC),
        )

    def upload(self, upload_id: str) -> int:
        """One upload; raises StageError when there is nothing to send again."""
        if not is_upload_id(upload_id):
            raise StageError(
                f"{upload_id} is not an upload id: take it from the message or the log"
            )
        found = next(self._table.scan(upload_id=upload_id), None)
        if found is None:
            raise StageError(f"There is no upload {upload_id} in {self._stage.name}")
        if found.state not in STATES:
            raise StageError(f"The upload is {found.state}: there is nothing to send again")
        self._send(found)
        return 1

    def all_failed(self) -> int:
        """Every upload that failed or was left behind; returns how many."""
        now = datetime.now(UTC)
        count = 0
        for upload in self._table.scan():
            if is_left_behind(upload, now):
                self._send(upload)
                count += 1
        return count

    def dead_letters(self) -> int:
        """Every event that `notify` gave up on; returns how many."""
        arn = self._stage.arn("HOIST_DEAD_LETTERS_ARN")
        url = self._sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        count = 0
        for letter in self._letters(url):
            name, event = dead_letter(json.loads(letter["Body"]))
            self._invoke("notify", event)
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
            print(f"  sent again: {name}")
            count += 1
        return count

    def _letters(self, url: str) -> Iterator[dict[str, Any]]:
        while letters := self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages"):
            yield from letters

    def _send(self, upload: Upload) -> None:
        self._invoke("process_upload", s3_event(upload, self._stage.settings.bucket))
        print(f"  sent again: {upload.id}  {upload.filename}  (was {upload.state})", flush=True)

    def _invoke(self, function: str, event: Mapping[str, Any]) -> None:
        self._lambda.invoke(
            FunctionName=self._stage.function(function),
            InvocationType="Event",
            Payload=json.dumps(event).encode(),
        )


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make redrive", description=__doc__)
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
        redrive = Redrive(enter(options.stage))
        if options.upload:
            count = redrive.upload(options.upload)
        else:
            count = redrive.all_failed() if options.all_failed else redrive.dead_letters()
        print(f"{count} sent again" if count else "Nothing to send again")

    return succeeds(work)


if __name__ == "__main__":
    sys.exit(main())
