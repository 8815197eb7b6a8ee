"""An upload as an item of the table, and back; the keys of all items. Pure.

Times are texts of one form and length, so that they compare as times do; documents are JSON.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.upload import State, Upload

Value = dict[str, Any]

_NUMBERS = frozenset({"size", "part_size", "part_count", "charged"})
_TIMES = frozenset({"created_at", "updated_at", "held_until"})
_TEXTS = frozenset({
    "id", "owner", "filename", "content_type", "key", "multipart_id", "crc64nvme", "reason", "told",
    "sequencer", "holder",
})  # fmt: skip
_DOCUMENTS = frozenset({"report", "event"})


def upload_key(owner: str, upload_id: str) -> dict[str, Value]:
    """The key of an upload."""
    return {"pk": {"S": f"owner#{owner}"}, "sk": {"S": f"upload#{upload_id}"}}


def idempotency_key(owner: str, key: str) -> dict[str, Value]:
    """The key of an item that names the upload created under an idempotency key."""
    return {"pk": {"S": f"owner#{owner}"}, "sk": {"S": f"idempotency#{key}"}}


def object_key(owner: str, key: str) -> dict[str, Value]:
    """The key of an item that names the upload an object was adopted as.

    A sort key takes 1,024 bytes; an object's key may be as long itself.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()
    return {"pk": {"S": f"owner#{owner}"}, "sk": {"S": f"object#{digest}"}}


def state_id(state: State, upload_id: str) -> str:
    """What the index `by_state` sorts by."""
    return f"{state}#{upload_id}"


def expires(moment: datetime) -> Value:
    """The time to live: seconds since 1970."""
    return {"N": str(int(moment.timestamp()))}


def time_value(moment: datetime) -> Value:
    """Of one form and length, so that texts compare as times do."""
    return {"S": moment.astimezone(UTC).isoformat(timespec="microseconds")}


def values(attributes: Mapping[str, Any]) -> dict[str, Value]:
    """DynamoDB's form of attributes; what is None is left out."""
    found: dict[str, Value] = {}
    for name, value in attributes.items():
        if value is None:
            continue
        if name in _NUMBERS:
            found[name] = {"N": str(value)}
        elif name in _TIMES:
            found[name] = time_value(value)
        elif name in _DOCUMENTS:
            found[name] = {"S": json.dumps(value, ensure_ascii=False)}
        else:
            found[name] = {"S": str(value)}
    return found


def item(upload: Upload, *, due: datetime | None) -> dict[str, Value]:
    """The whole item of an upload, to be forgotten when it is due."""
    fields = (*_TEXTS, *_NUMBERS, *_TIMES, *_DOCUMENTS, "state")
    return {
        **upload_key(upload.owner, upload.id),
        **values({field: getattr(upload, field) for field in fields}),
        "state_id": {"S": state_id(upload.state, upload.id)},
        **({} if due is None else {"expires": expires(due)}),
    }


def upload_of(item: Mapping[str, Any]) -> Upload:
    """The upload that an item is."""
    fields: dict[str, Any] = {name: item[name]["S"] for name in _TEXTS if name in item}
    fields |= {name: int(item[name]["N"]) for name in _NUMBERS if name in item}
    fields |= {name: datetime.fromisoformat(item[name]["S"]) for name in _TIMES if name in item}
    fields |= {name: json.loads(item[name]["S"]) for name in _DOCUMENTS if name in item}
    return Upload(state=State(item["state"]["S"]), **fields)
