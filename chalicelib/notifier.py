"""Tells people: outcome -> a readable message to the notifications topic, and to open pages.

The notifications topic has the owner's email (or an operator's) subscribed to it. Must not know
boto3: `publish` is the SNS client's own method, passed in.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.errors import WrongState
from chalicelib.records import Outcome
from chalicelib.upload import OUTCOMES, State, Upload
from chalicelib.uploads import Pages, Transitions

log = logging.getLogger(__name__)

# SNS takes subjects of less than 100 ASCII characters
# (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html).
MAX_SUBJECT = 99


@dataclass(frozen=True, slots=True)
class Notifier:
    """What `notify` does with an outcome."""

    table: Transitions
    pages: Pages
    publish: Callable[..., object]
    topic_arn: str

    def tell(self, outcome: Outcome) -> bool:
        """Tell the owner, once for each outcome; returns whether there was anything to tell.

        What is told is what the table says: a record may be late, or know less.
        """
        upload = self.table.get(outcome.owner, outcome.upload_id)
        if upload is not None and outcome.state is State.FAILED:
            upload = self._fail(upload, outcome)
        if upload is None or upload.state not in OUTCOMES or upload.told == upload.state:
            return False
        self.pages.show(upload)
        self.publish(
            TopicArn=self.topic_arn,
            Subject=subject(upload),
            Message=message(upload),
            MessageAttributes={
                "owner": {"DataType": "String", "StringValue": upload.owner},
                "outcome": {"DataType": "String", "StringValue": upload.state.value},
            },
        )
        self.table.change(upload, to=upload.state, allowed={upload.state}, told=upload.state.value)
        log.info("told", extra=upload.log_fields)
        return True

    def _fail(self, upload: Upload, outcome: Outcome) -> Upload | None:
        """Record that processing gave up, unless the upload is settled or deleted by now."""
        unsettled = {State.UPLOADING, State.UPLOADED, State.PROCESSING}
        try:
            return self.table.change(
                upload, to=State.FAILED, allowed=unsettled, reason=outcome.reason
            )
        except WrongState:
            return self.table.get(outcome.owner, outcome.upload_id)


def subject(upload: Upload) -> str:
    """One line: outcome and file, in ASCII."""
    filename = upload.filename.encode("ascii", "replace").decode()
    return f"Hoist: {upload.state} - {filename}"[:MAX_SUBJECT]


def message(upload: Upload) -> str:
    """What a person reads: what became of which file, why, and what to do next."""
    lines = {
        State.ACCEPTED: "was checked and accepted. You can download it from the page.",
        State.REJECTED: "was rejected and will be deleted. Send a corrected file if you need to.",
        State.FAILED: "could not be processed. It is kept; an operator can run it again.",
    }
    text = f"Your file {upload.filename} ({upload.size:,} bytes) {lines[upload.state]}\n"
    if upload.reason:
        text += f"\nReason: {upload.reason}\n"
    return text + f"\nUpload: {upload.id}\n"
