"""Notifies people: outcome -> a readable message to the notifications topic, and to open pages.

`notify` claims the right to announce an outcome, publishes it, then records that it did. The
notifications topic has owners' addresses (and an operator's) subscribed to it. Must not know boto3:
`publish` is the SNS client's own method, passed in.
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
from chalicelib.upload import OUTCOMES, UNSETTLED, State, Upload, adopted

log = logging.getLogger(__name__)

# SNS takes subjects of less than 100 ASCII characters
# (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html).
MAX_SUBJECT = 99
# An invocation that is about to publish keeps others from it for as long as it can run, and this.
HELD_SLACK = timedelta(seconds=5)
# Of a record that nobody can read, what is logged and sent; characters.
EXCERPT = 1000
UNKNOWN_OWNER = "unknown"


@dataclass(frozen=True, slots=True)
class Notifier:
    """What `notify` does; `page` is the address people go to, `now` the clock (UTC).

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

        The retries of an invocation have its request id. Operators are notified of a record that
        nobody can read: to try it again would not help.
        """
        try:
            outcomes = records.outcomes(record)
        except ValueError as error:
            self._notify_operators(record, str(error))
            return
        for outcome in outcomes:
            self.notify_owner(outcome, invocation)

    def notify_owner(self, outcome: Outcome | Failure, invocation: Invocation) -> bool:
        """Notify the owner, once for each outcome; returns whether there was anything to announce.

        What is announced is what the table says: a record may be late, or know less. Raises
        TryAgain while another invocation is about to announce it, which may die before it did.
        """
        work = replace(self, table=patient(self.table, invocation, self.wait))
        return work.notify_owner_now(outcome, invocation)

    def notify_owner_now(self, outcome: Outcome | Failure, invocation: Invocation) -> bool:
        """`notify_owner`, without waiting out what throttles."""
        is_failure = isinstance(outcome, Failure)
        upload = (
            self._fail(outcome)
            if isinstance(outcome, Failure)
            else self.table.get(outcome.owner, outcome.upload_id)
        )
        if upload is None or upload.state not in OUTCOMES:
            return False
        if is_failure and upload.check_at is None:
            # The invocation that gave up may have left an old state on the object's tag.
            upload = self.table.check_again(upload, self.now())
        if upload.outcome == upload.notified:
            return False
        try:
            held = self.table.begin_notifying(
                upload,
                holder=invocation.aws_request_id,
                until=self.now() + time_left(invocation) + HELD_SLACK,
            )
        except (WrongState, UploadNotFound):
            return self._check_notified(upload)
        self.pages.show(held)
        try:
            self.publish(
                TopicArn=self.topic_arn,
                Subject=subject(held),
                Message=message(held, self.page),
                MessageAttributes=_attributes(held.owner, held.state),
            )
        except Exception:
            self._end(held, notified=None, is_done=False)
            raise
        # The message is out. If this fails, to fail as well would only send it again.
        if self._end(held, notified=held.outcome, is_done=not is_failure):
            log.info("notified", extra=held.log_fields)
        return True

    def _check_notified(self, upload: Upload) -> bool:
        """False when its owner was notified, or will be of another outcome; else raise TryAgain."""
        current = self.table.get(upload.owner, upload.id)
        if current is None or current.outcome != upload.outcome:
            return False
        if current.outcome != current.notified:
            raise TryAgain("Another invocation is about to notify the owner")
        return False

    def _fail(self, failure: Failure) -> Upload | None:
        """Record that processing gave up, unless another invocation is at it, or was.

        Nobody may have got as far as making a row for an object that came without one. An object
        for which there is no room is left to the sweep, which sends it to be rejected.
        """
        created = failure.created
        try:
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
        """Let go of an outcome, and record that it was announced; returns whether that worked.

        If not, whoever comes with the same record after that announces it again.
        """
        try:
            self.table.end_notifying(
                upload, holder=upload.notifier or "", notified=notified, is_done=is_done
            )
        except WrongState:
            # The answer of an earlier try was lost, or somebody else took over meanwhile.
            current = self.table.get(upload.owner, upload.id)
            return current is not None and current.notified == notified
        except Exception:
            log.exception("not recorded", extra=upload.log_fields)
            return False
        return True

    def _notify_operators(self, record: str, error: str) -> None:
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
