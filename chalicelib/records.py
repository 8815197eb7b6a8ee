"""Reads AWS's records: S3 event records -> new objects, invocation records -> outcomes. Pure.

A destination receives one invocation record for each asynchronous invocation: on success with the
function's result, on failure with its event.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from chalicelib import keys
from chalicelib.upload import State


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """One record of an S3 event notification, its key decoded.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """

    key: str
    size: int
    # Padded: the sequencers of one key compare as texts.
    sequencer: str
    # The time of the event, where it has one.
    at: datetime | None
    # An event with the record of this object only.
    event: Mapping[str, Any]

    def is_newer_than(self, sequencer: str | None) -> bool:
        """Whether this event came after the one that was last processed."""
        return sequencer is None or self.sequencer > sequencer


# Lambda's message for a function that timed out. Until 2024 it had no error type.
# Recorded from AWS: tests/aws/services/lambda_/test_lambda.snapshot.json of LocalStack.
_TIMED_OUT = "Task timed out after "
# S3's sequencers are hexadecimal and differ in length; the shorter is padded on its right.
SEQUENCER_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one upload."""

    owner: str
    upload_id: str
    state: State


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed invocation: the object, the reason, and the request id to find in the logs."""

    name: keys.ObjectKey
    created: ObjectCreated
    reason: str
    request_id: str


def objects_created(event: Any) -> Iterator[ObjectCreated]:
    """The new objects in an S3 event; none in test events, other events and malformed ones."""
    for record in _list(event, "Records"):
        s3_object = _mapping(_mapping(record, "s3"), "object")
        name = _mapping(record).get("eventName")
        if not str(name).startswith("ObjectCreated:") or "key" not in s3_object:
            continue
        yield ObjectCreated(
            key=unquote_plus(str(s3_object["key"])),
            size=s3_object["size"] if isinstance(s3_object.get("size"), int) else 0,
            sequencer=str(s3_object.get("sequencer", "")).upper().ljust(SEQUENCER_LENGTH, "0"),
            at=_time(record.get("eventTime")),
            event={"Records": [record]},
        )


def event_of(key: str, *, bucket: str, size: int, sequencer: str) -> Mapping[str, Any]:
    """An event of an object, in place of a lost one from S3."""
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Redrive",
        "s3": {
            "bucket": {"name": bucket},
            "object": {"key": quote_plus(key, safe="/"), "size": size, "sequencer": sequencer},
        },
    }
    return {"Records": [record]}


def next_sequencer(sequencer: str | None) -> str:
    """A sequencer that is newer than one, and older than all later ones from S3.

    S3's own sequencers are shorter than `SEQUENCER_LENGTH`, so the last digits are free.
    """
    following = int(sequencer or "0", 16) + 1
    return f"{following:0{SEQUENCER_LENGTH}X}"


def outcomes(message: str) -> list[Outcome] | list[Failure]:
    """The outcomes, or failures, in the text of one invocation record of `process_upload`.

    A success record may lack the function's result, or have a truncated one. Its event then names
    the uploads. They are failures here, but the table keeps the outcome of those that are settled.
    Raises ValueError when the text is no invocation record, or names no object.
    """
    record = json.loads(message)
    context = _mapping(record, "requestContext")
    if not context:
        raise ValueError("not an invocation record")
    returned = _mapping(record, "responsePayload").get("uploads")
    if context.get("condition") == "Success" and isinstance(returned, list):
        results = [outcome for result in returned if (outcome := _outcome(result))]
        if len(results) == len(returned):
            return results
    request_id = str(context.get("requestId", "unknown"))
    reason = _reason(record, context, request_id)
    objects = list(objects_created(record.get("requestPayload")))
    if not objects:
        raise ValueError(f"{reason}; the record names no upload")
    # The sweep deletes objects whose key no upload can have.
    return [
        Failure(name, created, reason, request_id)
        for created in objects
        if (name := keys.parse_key(created.key))
    ]


def _outcome(result: Any) -> Outcome | None:
    try:
        return Outcome(result["owner"], result["id"], State(result["state"]))
    except (KeyError, TypeError, ValueError):
        return None


def _reason(record: Any, context: Mapping[str, Any], request_id: str) -> str:
    """The reason of the failure and the request id, in a sentence."""
    returned = _mapping(record, "responsePayload")
    error = returned.get("errorType") or context.get("condition")
    if "errorType" not in returned and _TIMED_OUT in str(returned.get("errorMessage")):
        error = "Sandbox.Timedout"
    return f"Processing failed ({error}); request {request_id}"


def _time(text: Any) -> datetime | None:
    """S3's time of an event."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo else None


def _mapping(value: Any, name: str | None = None) -> Mapping[str, Any]:
    """A mapping, or the one under `name` in it; empty where there is none."""
    if name is not None:
        value = _mapping(value).get(name)
    return value if isinstance(value, Mapping) else {}


def _list(value: Any, name: str) -> Sequence[Any]:
    """The list under `name` in a mapping; empty where there is none."""
    member = _mapping(value).get(name)
    return member if isinstance(member, list) else []
