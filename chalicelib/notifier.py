"""Tells people: outcome -> a readable message to the notifications topic, and to open pages.

The notifications topic has owners' addresses (and an operator's) subscribed to it. Must not know
boto3: `publish` is the SNS client's own method, passed in.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib import keys, metrics, records
from chalicelib.errors import TryAgain, UploadNotFound, WrongState
from chalicelib.records import Failure, Outcome
from chalicelib.rules import DEFAULT_CONTENT_TYPE
from chalicelib.upload import OUTCOMES, UNSETTLED, State, Upload, adopted
from chalicelib.uploads import Pages, Transitions

log = logging.getLogger(__name__)

# SNS takes subjects of less than 100 ASCII characters
# (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html).
MAX_SUBJECT = 99
# How long a message that is about to be sent keeps others from sending it. Lambda tries an
# invocation three times within six minutes; whoever comes later is an operator.
TELLING = timedelta(minutes=15)
# Of a record that nobody can read, what is logged and sent; characters.
EXCERPT = 1000
UNKNOWN_OWNER = "unknown"


class Table(Transitions, Protocol):
    """What telling needs of the table."""

    def of_object(self, name: keys.ObjectKey) -> Upload | None: ...
    def adopt(self, upload: Upload) -> Upload: ...
    def claim_telling(self, upload: Upload, *, holder: str, until: datetime) -> Upload: ...


@dataclass(frozen=True, slots=True)
class Notifier:
    """What `notify` does; `page` is the address people go to, `now` the clock (UTC)."""

    table: Table
    pages: Pages
    publish: Callable[..., object]
    topic_arn: str
    page: str
    now: Callable[[], datetime]

    def notify(self, record: str, request_id: str) -> None:
        """Tell of every outcome in the text of an invocation record.

        `request_id` is of the invocation that tells; its retries have the same. A record that
        nobody can read is told to operators: to try it again would not help.
        """
        try:
            outcomes = records.outcomes(record)
        except ValueError as error:
            self._tell_operators(record, str(error))
            return
        for outcome in outcomes:
            self.tell(outcome, request_id)

    def tell(self, outcome: Outcome | Failure, request_id: str) -> bool:
        """Tell the owner, once for each outcome; returns whether there was anything to tell.

        What is told is what the table says: a record may be late, or know less.
        """
        upload = (
            self._fail(outcome)
            if isinstance(outcome, Failure)
            else self.table.get(outcome.owner, outcome.upload_id)
        )
        if upload is None or upload.state not in OUTCOMES:
            return False
        try:
            held = self.table.claim_telling(upload, holder=request_id, until=self.now() + TELLING)
        except (WrongState, UploadNotFound):
            self._check_told(upload)
            return False
        self.pages.show(held)
        try:
            self.publish(
                TopicArn=self.topic_arn,
                Subject=subject(held),
                Message=message(held, self.page),
                MessageAttributes=_attributes(held.owner, held.state),
            )
        except Exception:
            self._release(held, told=held.told)
            raise
        # The message is out. If this fails, to fail as well would only send it again.
        if self._release(held, told=held.state.value):
            log.info("told", extra=held.log_fields)
        return True

    def _check_told(self, upload: Upload) -> None:
        """Raise TryAgain while another invocation is about to tell: it may die before it did."""
        current = self.table.get(upload.owner, upload.id)
        if current is not None and current.state is upload.state != current.told:
            raise TryAgain("Another invocation is about to tell of this upload")

    def _fail(self, failure: Failure) -> Upload:
        """Record that processing gave up, unless another invocation is at it, or was.

        Nobody may have got as far as making a row for an object that came without one.
        """
        created = failure.created
        upload = self.table.of_object(failure.name) or self.table.adopt(
            adopted(
                failure.name,
                size=created.size,
                content_type=DEFAULT_CONTENT_TYPE,
                now=self.now(),
            )
        )
        if upload.state not in UNSETTLED:
            return upload
        try:
            failed = self.table.change(
                upload,
                to=State.FAILED,
                allowed={upload.state},
                held_by=failure.request_id if upload.state is State.PROCESSING else None,
                reason=failure.reason,
                event=created.event,
                holder=None,
                held_until=None,
            )
        except WrongState:
            return self.table.get(upload.owner, upload.id) or upload
        log.error(
            "failed",
            extra=failed.log_fields | {"reason": failure.reason, "metrics": metrics.FAILED},
        )
        return failed

    def _release(self, upload: Upload, *, told: str | None) -> bool:
        """Hold it no more, and say what was told; returns whether that could be recorded.

        If not, whoever comes with the same record within `TELLING` tries again.
        """
        try:
            self.table.change(
                upload,
                to=upload.state,
                allowed={upload.state},
                held_by=upload.holder,
                told=told,
                holder=None,
                held_until=None,
            )
        except Exception:
            log.exception("not released", extra=upload.log_fields)
            return False
        return True

    def _tell_operators(self, record: str, error: str) -> None:
        log.error("unreadable record", extra={"error": error, "record": record[:EXCERPT]})
        self.publish(
            TopicArn=self.topic_arn,
            Subject="Hoist: failed - a record that cannot be read",
            Message=(
                "An invocation ended and its record does not say which upload it was about.\n"
                "See whether an upload stays in processing, and run it again (make redrive).\n\n"
                f"Why: {error}\n\nThe record begins: {record[:EXCERPT]}\n"
            ),
            MessageAttributes=_attributes(UNKNOWN_OWNER, State.FAILED),
        )


def _attributes(owner: str, state: State) -> dict[str, dict[str, str]]:
    """What subscriptions filter by."""
    values = {"owner": owner, "outcome": state.value}
    return {name: {"DataType": "String", "StringValue": v} for name, v in values.items()}


def subject(upload: Upload) -> str:
    """One line: outcome and file, in ASCII."""
    filename = upload.filename.encode("ascii", "replace").decode()
    return f"Hoist: {upload.state} - {filename}"[:MAX_SUBJECT]


def message(upload: Upload, page: str) -> str:
    """What a person reads: what became of which file, why, what to do next, and whose it is."""
    outcome, next_step = {
        State.ACCEPTED: ("was checked and accepted.", f"Download it from {page}"),
        State.REJECTED: (
            "was rejected and will be deleted.",
            f"Send a corrected file from {page} if you need to.",
        ),
        State.FAILED: (
            "could not be processed. It is kept, but cannot be downloaded.",
            "There is nothing you need to do: an operator can run it again.",
        ),
    }[upload.state]
    reason = f"Reason: {upload.reason}\n\n" if upload.reason else ""
    return (
        f"Your file {upload.filename} ({upload.size:,} bytes) {outcome}\n\n{reason}{next_step}\n\n"
        f"Upload: {upload.id}\nOwner: {upload.owner}\n"
    )
