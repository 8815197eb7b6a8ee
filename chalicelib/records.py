"""What AWS hands us, read: S3 event records -> new objects, invocation records -> outcomes. Pure.

A destination gets one invocation record an asynchronous invocation: on success with what the
function returned, on failure with the event it failed on.
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
    # Padded: those of one key compare as texts.
    sequencer: str
    # When it was there, where the event says so.
    at: datetime | None
    # The event that tells of this object only.
    event: Mapping[str, Any]

    def is_newer_than(self, sequencer: str | None) -> bool:
        """Whether it came after the event that an upload was last processed for."""
        return sequencer is None or self.sequencer > sequencer


# What Lambda says of a function that ran out of time. Until 2024 it did not name the error.
# Recorded from AWS: tests/aws/services/lambda_/test_lambda.snapshot.json of LocalStack.
_TIMED_OUT = "Task timed out after "
# S3's sequencers are hexadecimal and of different lengths; the shorter is padded on its right.
SEQUENCER_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an invocation made of one upload."""

    owner: str
    upload_id: str
    state: State


@dataclass(frozen=True, slots=True)
class Failure:
    """An invocation that gave up on an object: which, why, and the request to look for in logs."""

    name: keys.ObjectKey
    created: ObjectCreated
    reason: str
    request_id: str


def objects_created(event: Any) -> Iterator[ObjectCreated]:
    """The new objects an S3 event tells of; test events, other events and nonsense tell of none."""
    for record in _list(event, "Records"):
        stored = _mapping(_mapping(record, "s3"), "object")
        name = _mapping(record).get("eventName")
        if not str(name).startswith("ObjectCreated:") or "key" not in stored:
            continue
        yield ObjectCreated(
            key=unquote_plus(str(stored["key"])),
            size=stored["size"] if isinstance(stored.get("size"), int) else 0,
            sequencer=str(stored.get("sequencer", "")).upper().ljust(SEQUENCER_LENGTH, "0"),
            at=_time(record.get("eventTime")),
            event={"Records": [record]},
        )


def event_of(key: str, *, bucket: str, size: int, sequencer: str) -> Mapping[str, Any]:
    """An event that tells of an object, for one that S3 sent and that was lost."""
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
    """The order of an event that is newer than one, and older than all that S3 will send.

    S3's own sequencers are shorter than `SEQUENCER_LENGTH`, so the last digits are free.
    """
    following = int(sequencer or "0", 16) + 1
    return f"{following:0{SEQUENCER_LENGTH}X}"


def outcomes(message: str) -> list[Outcome] | list[Failure]:
    """The outcomes, or failures, in the text of one invocation record of `process_upload`.

    Where a success says no more what was returned (cut short, absent, of another shape) the event
    tells which uploads it was about; they count as failed unless they turn out to be settled.
    Raises ValueError when the text is not an invocation record, or tells of no object.
    """
    record = json.loads(message)
    context = _mapping(record, "requestContext")
    if not context:
        raise ValueError("not an invocation record")
    returned = _mapping(record, "responsePayload").get("uploads")
    if context.get("condition") == "Success" and isinstance(returned, list):
        told = [outcome for result in returned if (outcome := _outcome(result))]
        if len(told) == len(returned):
            return told
    request_id = str(context.get("requestId", "unknown"))
    reason = _reason(record, context, request_id)
    objects = list(objects_created(record.get("requestPayload")))
    if not objects:
        raise ValueError(f"{reason}; the record names no upload")
    # Nobody waits for an object whose key no upload can have: the sweep deletes it.
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
    """Why it failed and the request to look for in the logs, in a sentence."""
    returned = _mapping(record, "responsePayload")
    error = returned.get("errorType") or context.get("condition")
    if "errorType" not in returned and _TIMED_OUT in str(returned.get("errorMessage")):
        error = "Sandbox.Timedout"
    return f"Processing failed ({error}); request {request_id}"


def _time(text: Any) -> datetime | None:
    """S3's time of an event."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None


def _mapping(value: Any, name: str | None = None) -> Mapping[str, Any]:
    """A mapping, or the one under `name` in it; empty where there is none."""
    if name is not None:
        value = _mapping(value).get(name)
    return value if isinstance(value, Mapping) else {}


def _list(value: Any, name: str) -> Sequence[Any]:
    """The list under `name` in a mapping; empty where there is none."""
    found = _mapping(value).get(name)
    return found if isinstance(found, list) else []
