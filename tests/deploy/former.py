"""A table and its items in the form of an earlier version of Hoist, which had no sweep."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.upload import Upload

SCHEMA: Any = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "state_id")
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "by_state",
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "state_id", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
_TEXTS = (
    "id", "owner", "filename", "content_type", "key", "multipart_id", "crc64nvme", "reason",
    "sequencer", "holder",
)  # fmt: skip
_NUMBERS = ("size", "part_size", "part_count", "charged")
_TIMES = ("created_at", "updated_at", "held_until")
_DOCUMENTS = ("report", "event")


def item(
    upload: Upload, *, state_notified: str | None = None, expires: datetime | None = None
) -> dict[str, Any]:
    """The item of an upload."""
    old_item: dict[str, Any] = {
        "pk": {"S": f"owner#{upload.owner}"},
        "sk": {"S": f"upload#{upload.id}"},
        "state": {"S": upload.state.value},
        "state_id": {"S": f"{upload.state}#{upload.id}"},
    }
    fields = {name: getattr(upload, name) for name in (*_TEXTS, *_NUMBERS, *_TIMES, *_DOCUMENTS)}
    for name, value in fields.items():
        if value is None:
            continue
        if name in _NUMBERS:
            old_item[name] = {"N": str(value)}
        elif name in _TIMES:
            old_item[name] = {"S": value.astimezone(UTC).isoformat(timespec="microseconds")}
        else:
            text = json.dumps(value, ensure_ascii=False) if name in _DOCUMENTS else value
            old_item[name] = {"S": text}
    if state_notified is not None:
        old_item["told"] = {"S": state_notified}
    if expires is not None:
        old_item["expires"] = {"N": str(int(expires.timestamp()))}
    return old_item


def name_item(upload: Upload) -> dict[str, Any]:
    """The item that names the upload of an adopted object."""
    digest = hashlib.sha256(upload.key.encode()).hexdigest()
    return {
        "pk": {"S": f"owner#{upload.owner}"},
        "sk": {"S": f"object#{digest}"},
        "id": {"S": upload.id},
    }


def other_items(owner: str, upload_id: str, now: datetime) -> list[dict[str, Any]]:
    """The other items of such a table: email settings, and items that are not copied."""
    soon = {"N": str(int((now + timedelta(hours=1)).timestamp()))}
    pk = {"S": f"owner#{owner}"}
    return [
        {"pk": pk, "sk": {"S": "email"}, "address": {"S": "a@example.com"}, "arn": {"S": "arn:1"}},
        {"pk": pk, "sk": {"S": "usage"}, "used_bytes": {"N": "1"}, "used_files": {"N": "1"}},
        {"pk": pk, "sk": {"S": "idempotency#k"}, "id": {"S": upload_id}, "expires": soon},
        {"pk": pk, "sk": {"S": "connection#c="}, "expires": soon},
        {"pk": {"S": "connection#c="}, "sk": {"S": "connection"}, "owner": {"S": owner}},
        {"pk": {"S": "ticket#t"}, "sk": {"S": "ticket"}, "owner": {"S": owner}, "expires": soon},
    ]
