"""Notifies owners of outcomes: a readable message to the notifications topic, and to open pages.

For each outcome `notify` takes a claim in the table, publishes a message, and then records it as
notified. Owners, and operators, subscribe their addresses to the notifications topic. Must not know
boto3: `publish` is the SNS client's own method, passed in.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib import metrics, records
from chalicelib.errors import QuotaExceeded, TryAgain, UploadNotFound, WrongState
from chalicelib.patience import patient, time_left
from chalicelib.ports import Invocation, Notifications, OpenPages
from chalicelib.records import Failure, Outcome
from chalicelib.rules import DEFAULT_CONTENT_TYPE
from chalicelib.upload import OUTCOMES, UNSETTLED, State, Upload, adopted_upload

log = logging.getLogger(__name__)

# SNS takes subjects of less than 100 ASCII characters
# (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html).
MAX_SUBJECT = 99
# A claim outlives its invocation by this, so that no other publishes at the same time.
CLAIM_SLACK = timedelta(seconds=5)
# Characters of an unreadable record that are logged and sent.
EXCERPT = 1000
UNKNOWN_OWNER = "unknown"


@dataclass(frozen=True, slots=True)
class Notifier:
    """The use case of `notify`; `page` is the page's address, `now` the clock (UTC).

    `wait` sleeps for seconds.
    """

    table: Notifications
    pages: OpenPages
    publish: Callable[..., object]
    topic_arn: str
    page: str
    now: Callable[[], datetime]
    wait: Callable[[float], None]

    def notify(self, record: str, invocation: Invocation) -> None:
        """Notify owners of every outcome in the text of an invocation record.

        Operators are notified of an unreadable record: a retry would not help.
        """
        try:
            outcomes = records.outcomes(record)
        except ValueError as error:
            self._notify_operators(record, str(error))
            return
        for outcome in outcomes:
            self.notify_owner(outcome, invocation)

    def notify_owner(self, outcome: Outcome | Failure, invocation: Invocation) -> bool:
        """Notify the owner, once for each outcome; returns whether there was one to notify of.

        The message has the outcome in the table: the record may be late or incomplete. Raises
        TryAgain while another invocation has the claim, because it may fail before it publishes.
        """
        work = replace(self, table=patient(self.table, invocation, self.wait))
        return work.notify_owner_now(outcome, invocation)

    def notify_owner_now(self, outcome: Outcome | Failure, invocation: Invocation) -> bool:
        """`notify_owner`, without retries of throttled calls."""
        is_failure = isinstance(outcome, Failure)
        upload = (
            self._fail(outcome)
            if isinstance(outcome, Failure)
            else self.table.get(outcome.owner, outcome.upload_id)
        )
        if upload is None or upload.state not in OUTCOMES:
            return False
        if is_failure and upload.check_at is None:
            # The failed invocation may have left an old state in the object's tag.
            upload = self.table.check_again(upload, self.now())
        if upload.outcome == upload.notified:
            return False
        try:
            claimed = self.table.begin_notifying(
                upload,
                holder=invocation.aws_request_id,
                until=self.now() + time_left(invocation) + CLAIM_SLACK,
            )
        except (WrongState, UploadNotFound):
            return self._check_notified(upload)
        self.pages.show(claimed)
        try:
            self.publish(
                TopicArn=self.topic_arn,
                Subject=subject(claimed),
                Message=message(claimed, self.page),
                MessageAttributes=_attributes(claimed.owner, claimed.state),
            )
        except Exception:
            self._end(claimed, notified=None, is_done=False)
            raise
        # The message is sent. A failure from here on would only make Lambda send it again.
        if self._end(claimed, notified=claimed.outcome, is_done=not is_failure):
            log.info("notified", extra=claimed.log_fields)
        return True

    def _check_notified(self, upload: Upload) -> bool:
        """False when the owner was notified, or there is a newer outcome; else raise TryAgain."""
        current = self.table.get(upload.owner, upload.id)
        if current is None or current.outcome != upload.outcome:
            return False
        if current.outcome != current.notified:
            raise TryAgain("Another invocation is about to notify the owner")
        return False

    def _fail(self, failure: Failure) -> Upload | None:
        """Record that processing failed, unless another invocation is processing or has settled it.

        An object that nobody announced may have no row yet: then it is adopted here. Without room
        for it, the sweep sends its event again, and the upload is rejected.
        """
        created = failure.created
        try:
            upload = self.table.of_object(failure.name) or self.table.adopt(
                adopted_upload(
                    failure.name,
                    size=created.size,
                    content_type=DEFAULT_CONTENT_TYPE,
                    now=self.now(),
                )
            )
            if upload.state not in UNSETTLED:
                return upload
            failed = self.table.fail(upload, failure)
        except WrongState:
            return self.table.of_object(failure.name)
        except (QuotaExceeded, UploadNotFound) as error:
            log.warning("left to the sweep", extra={"key": created.key, "reason": str(error)})
            return None
        log.error(
            "failed",
            extra=failed.log_fields | {"reason": failure.reason, "metrics": metrics.FAILED},
        )
        return failed

    def _end(self, upload: Upload, *, notified: str | None, is_done: bool) -> bool:
        """Release the claim and record the notified outcome; returns whether it is recorded.

        If it is not, a retry with the same record notifies the owner again.
        """
        try:
            self.table.end_notifying(
                upload, holder=upload.notifier or "", notified=notified, is_done=is_done
            )
        except WrongState:
            # The answer of an earlier try was lost, or another invocation took over the claim.
            current = self.table.get(upload.owner, upload.id)
            return current is not None and current.notified == notified
        except Exception:
            log.exception("notification not recorded", extra=upload.log_fields)
            return False
        return True

    def _notify_operators(self, record: str, error: str) -> None:
        log.error("unreadable record", extra={"error": error, "record": record[:EXCERPT]})
        self.publish(
            TopicArn=self.topic_arn,
            Subject="Hoist: failed - an unreadable record",
            Message=(
                "An invocation ended, but its record does not say which upload it processed.\n"
                "If an upload stays in processing, process it again with `make redrive`.\n\n"
                f"Reason: {error}\n\nThe record starts with: {record[:EXCERPT]}\n"
            ),
            MessageAttributes=_attributes(UNKNOWN_OWNER, State.FAILED),
        )


def _attributes(owner: str, state: State) -> dict[str, dict[str, str]]:
    """The attributes that subscriptions filter by."""
    values = {"owner": owner, "outcome": state.value}
    return {name: {"DataType": "String", "StringValue": v} for name, v in values.items()}


def subject(upload: Upload) -> str:
    """One line: outcome and file, in ASCII."""
    filename = upload.filename.encode("ascii", "replace").decode()
    return f"Hoist: {upload.state} - {filename}"[:MAX_SUBJECT]


def message(upload: Upload, page: str) -> str:
    """The message to a person: the file and its outcome, the reason, the next step, the owner."""
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
