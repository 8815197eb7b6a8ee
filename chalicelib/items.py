"""An upload as items of the table, and back; the keys of all items and the table's schema. Pure.

Every upload has its own partition key, so that an owner's uploads do not share DynamoDB's limit of
1,000 write units a second. Two sparse indexes find them: `by_owner` lists an owner's uploads by id,
which sorts by time; `to_check` lists the uploads that the sweep must check, by due time.
Times are texts of one form and length, so that they compare as times do. Documents are JSON.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.errors import InvalidRequest
from chalicelib.keys import is_upload_id
from chalicelib.upload import State, Upload

Value = dict[str, Any]

BY_OWNER = "by_owner"
TO_CHECK = "to_check"
# Shards of the index of the sweep, named by the last digit of an upload's id, which is random.
CHECK_SHARDS = tuple("0123456789abcdef")
# The arguments of CreateTable, without the name.
SCHEMA: Any = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"}
        for name in ("pk", "sk", "owner", "id", "check_shard", "check_at")
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": index,
            "KeySchema": [
                {"AttributeName": partition, "KeyType": "HASH"},
                {"AttributeName": sort, "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
        for index, partition, sort in (
            (BY_OWNER, "owner", "id"),
            (TO_CHECK, "check_shard", "check_at"),
        )
    ],
}

# Bytes of JSON up to which the processors' results stay in the upload's own item. Larger ones have
# their own item, so that a change of state does not pay for them.
INLINE_REPORT_SIZE = 512

_NUMBERS = frozenset({"size", "part_size", "part_count", "charged", "version"})
_TIMES = frozenset({
    "created_at", "updated_at", "held_until", "notifying_until", "check_at",
    "deletion_began_at",
})  # fmt: skip
_TEXTS = frozenset({
    "id", "owner", "filename", "content_type", "key", "multipart_id", "crc64nvme", "reason",
    "outcome", "notified", "fingerprint", "sequencer", "holder", "notifier",
})  # fmt: skip
_DOCUMENTS = frozenset({"report", "event"})


def upload_key(owner: str, upload_id: str) -> dict[str, Value]:
    """The key of an upload."""
    return {"pk": {"S": f"upload#{owner}#{upload_id}"}, "sk": {"S": "upload"}}


def report_key(owner: str, upload_id: str) -> dict[str, Value]:
    """The key of the processors' results for an upload, where they are large."""
    return {"pk": {"S": f"upload#{owner}#{upload_id}"}, "sk": {"S": "report"}}


def in_progress_key(owner: str, upload_id: str) -> dict[str, Value]:
    """The key of the mark of an announced upload in progress."""
    return {"pk": {"S": f"uploading#{owner}"}, "sk": {"S": f"upload#{upload_id}"}}


def refusals_key(owner: str) -> dict[str, Value]:
    """The key of an item that counts how often an owner had too many uploads in progress."""
    return {"pk": {"S": f"uploading#{owner}#refusals"}, "sk": {"S": "refusals"}}


def idempotency_key(owner: str, key: str) -> dict[str, Value]:
    """The key of an item that names the upload created under an idempotency key."""
    return {"pk": {"S": f"idempotency#{owner}#{key}"}, "sk": {"S": "idempotency"}}


def object_key(owner: str, key: str) -> dict[str, Value]:
    """The key of an item that names the upload of an adopted object.

    A partition key takes 2,048 bytes; the digest keeps it short.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()
    return {"pk": {"S": f"object#{owner}#{digest}"}, "sk": {"S": "object"}}


def cursor(upload_id: str | None) -> str | None:
    """The cursor of the page that follows an upload, opaque to clients; None after the last one."""
    return base64.urlsafe_b64encode(upload_id.encode()).decode() if upload_id else None


def cursor_id(cursor: str | None) -> str | None:
    """The id of the upload in a cursor; raises InvalidRequest for a text that is no cursor."""
    if not cursor:
        return None
    try:
        upload_id = base64.urlsafe_b64decode(cursor).decode()
    except (binascii.Error, ValueError):
        upload_id = ""
    if not is_upload_id(upload_id):
        raise InvalidRequest("cursor is not one of an earlier answer")
    return upload_id


def expires(moment: datetime) -> Value:
    """The time to live: seconds since 1970."""
    return {"N": str(int(moment.timestamp()))}


def time_value(moment: datetime) -> Value:
    """A time as a text of one form and length, so that texts compare as times do."""
    return {"S": moment.astimezone(UTC).isoformat(timespec="microseconds")}


def values(attributes: Mapping[str, Any]) -> dict[str, Value]:
    """DynamoDB's form of attributes; those that are None are left out."""
    result: dict[str, Value] = {}
    for name, value in attributes.items():
        if value is None:
            continue
        if name in _NUMBERS:
            result[name] = {"N": str(value)}
        elif name in _TIMES:
            result[name] = time_value(value)
        elif name in _DOCUMENTS:
            result[name] = {"S": json.dumps(value, ensure_ascii=False)}
        else:
            result[name] = {"S": str(value)}
    return result


def item(upload: Upload) -> dict[str, Value]:
    """The whole item of a new upload."""
    fields = (*_TEXTS, *_NUMBERS, *_TIMES, *_DOCUMENTS, "state")
    return {
        **upload_key(upload.owner, upload.id),
        **values({field: getattr(upload, field) for field in fields}),
        "check_shard": {"S": upload.id[-1]},
    }


def upload_of(item: Mapping[str, Any]) -> Upload:
    """The upload in an item, without the processors' results where they are large."""
    fields: dict[str, Any] = {name: item[name]["S"] for name in _TEXTS if name in item}
    fields |= {name: int(item[name]["N"]) for name in _NUMBERS if name in item}
    fields |= {name: datetime.fromisoformat(item[name]["S"]) for name in _TIMES if name in item}
    fields |= {name: json.loads(item[name]["S"]) for name in _DOCUMENTS if name in item}
    return Upload(state=State(item["state"]["S"]), **fields)


def cut(report: Mapping[str, Any]) -> tuple[dict[str, Any], Value | None]:
    """A report without large results of processors, and those as a value."""
    processors = report.get("processors")
    text = json.dumps(processors, ensure_ascii=False)
    if processors is None or len(text.encode()) <= INLINE_REPORT_SIZE:
        return dict(report), None
    return {name: value for name, value in report.items() if name != "processors"}, {"S": text}


def is_apart(report: Mapping[str, Any] | None) -> bool:
    """Whether the processors' results are an item of their own."""
    return report is not None and cut(report)[1] is not None


def joined(upload: Upload, apart: Mapping[str, Any]) -> dict[str, Any]:
    """The report of an upload, with the processors' results from their own item."""
    return dict(upload.report or {}) | {"processors": json.loads(apart["processors"]["S"])}
