"""What AWS hands us, read: S3 event records -> new objects, invocation records -> outcomes. Pure.

A destination gets one invocation record an asynchronous invocation: on success with what the
function returned, on failure with the event it failed on.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from chalicelib import keys
from chalicelib.upload import State


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """One record of an S3 event notification, its key decoded.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """

    key: str
    size: int
    etag: str
    sequencer: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one upload; `reason` is there when it failed."""

    owner: str
    upload_id: str
    state: State
    reason: str | None = None


def objects_created(event: Mapping[str, Any]) -> Iterator[ObjectCreated]:
    """The new objects an S3 event tells of; test events and other events tell of none."""
    for record in event.get("Records", []):
        if not record.get("eventName", "").startswith("ObjectCreated:"):
            continue
        stored = record["s3"]["object"]
        yield ObjectCreated(
            key=unquote_plus(stored["key"]),
            size=stored.get("size", 0),
            etag=stored.get("eTag", ""),
            sequencer=stored.get("sequencer", ""),
        )


def outcomes(message: str) -> list[Outcome]:
    """The outcomes in the text of one invocation record of `process_upload`.

    Raises ValueError when the text is not an invocation record.
    """
    record = json.loads(message)
    if not isinstance(record, dict) or "requestContext" not in record:
        raise ValueError("not an invocation record")
    if record["requestContext"].get("condition") == "Success":
        return [
            Outcome(result["owner"], result["id"], State(result["state"]))
            for result in record["responsePayload"]["uploads"]
        ]
    reason = _reason(record)
    names = [keys.parse_key(created.key) for created in objects_created(record["requestPayload"])]
    return [Outcome(name.owner, name.upload_id, State.FAILED, reason) for name in names if name]


def _reason(record: Mapping[str, Any]) -> str:
    """Why it failed and the request to look for in the logs, in a sentence."""
    payload = record.get("responsePayload") or {}
    error = payload.get("errorType") or record["requestContext"]["condition"]
    request_id = record["requestContext"].get("requestId", "unknown")
    return f"Processing failed ({error}); request {request_id}"
