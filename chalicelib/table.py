"""The only DynamoDB calls about uploads, every transition of state a conditional write.

One item an upload: `pk` is `owner#{owner}`, `sk` is `upload#{id}`; ids sort by time, so a query
backwards gives the newest first. IAM: dynamodb:GetItem, PutItem, UpdateItem, Query.
Must not know S3 or the rules.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.errors import InvalidRequest, UploadNotFound, WrongState
from chalicelib.keys import is_upload_id
from chalicelib.upload import State, Upload

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# An aborted upload is remembered this long, so that repeating DELETE is answered alike.
ABORTED_KEPT = timedelta(days=1)
_NUMBERS = frozenset({"size", "part_size", "part_count"})
_TIMES = frozenset({"created_at", "updated_at"})
_TEXTS = frozenset({
    "id", "owner", "filename", "content_type", "key", "multipart_id", "crc64nvme", "reason", "told",
})  # fmt: skip

Value = dict[str, Any]


@dataclass(frozen=True, slots=True)
class UploadTable:
    """One table; `now` is the clock of `updated_at` (UTC)."""

    client: DynamoDBClient
    name: str
    now: Callable[[], datetime]

    def put(self, upload: Upload) -> None:
        """Remember a new upload; an id that is taken is never overwritten."""
        attributes = {
            field: getattr(upload, field)
            for field in (*_TEXTS, *_NUMBERS, *_TIMES, "state", "report")
        }
        self.client.put_item(
            TableName=self.name,
            Item={**_key(upload.owner, upload.id), **_values(attributes)},
            ConditionExpression="attribute_not_exists(pk)",
        )

    def get(self, owner: str, upload_id: str) -> Upload | None:
        """The upload as it stands now, or None."""
        found = self.client.get_item(
            TableName=self.name, Key=_key(owner, upload_id), ConsistentRead=True
        )
        return _upload(found["Item"]) if "Item" in found else None

    def change(
        self, upload: Upload, *, to: State, allowed: Collection[State], **attributes: Any
    ) -> Upload:
        """Move an upload to a state, from one of the `allowed` only, and set attributes with it.

        An attribute that is None is removed: a reason must not outlive the state it belongs to.
        Raises WrongState when it is in another, UploadNotFound when it is gone.
        """
        now = self.now()
        changes = _values({**attributes, "state": to, "updated_at": now})
        if to is State.ABORTED:
            changes["expires"] = {"N": str(int((now + ABORTED_KEPT).timestamp()))}
        values = {f":{name}": value for name, value in changes.items()}
        removed = [name for name, value in attributes.items() if value is None]
        names = {f"#{name}": name for name in (*changes, *removed)}
        update = "SET " + ", ".join(f"#{name} = :{name}" for name in changes)
        if removed:
            update += " REMOVE " + ", ".join(f"#{name}" for name in removed)
        states = {f":from{i}": {"S": state} for i, state in enumerate(sorted(allowed))}
        try:
            answer = self.client.update_item(
                TableName=self.name,
                Key=_key(upload.owner, upload.id),
                UpdateExpression=update,
                ConditionExpression=f"#state IN ({', '.join(states)})",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={**values, **states},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self.client.exceptions.ConditionalCheckFailedException as error:
            old: Any = error.response.get("Item")
            if not old:
                raise UploadNotFound from error
            raise WrongState(f"The upload is {_upload(old).state}") from error
        return _upload(answer["Attributes"])

    def newest(
        self, owner: str, *, state: State | None, cursor: str | None, limit: int
    ) -> tuple[list[Upload], str | None]:
        """At most `limit` uploads, newest first, and the cursor of the next page."""
        found: list[Upload] = []
        start = _opened(cursor)
        while True:
            request: dict[str, Any] = {
                "TableName": self.name,
                "KeyConditionExpression": "pk = :pk AND begins_with(sk, :upload)",
                "ExpressionAttributeValues": {
                    ":pk": {"S": f"owner#{owner}"},
                    ":upload": {"S": "upload#"},
                },
                "ScanIndexForward": False,
                "Limit": limit - len(found),
            }
            if start is not None:
                request["ExclusiveStartKey"] = _key(owner, start)
            if state is not None:
                request["FilterExpression"] = "#state = :state"
                request["ExpressionAttributeNames"] = {"#state": "state"}
                request["ExpressionAttributeValues"][":state"] = {"S": state.value}
            page = self.client.query(**request)
            found += [_upload(item) for item in page["Items"]]
            last = page.get("LastEvaluatedKey")
            start = last["sk"]["S"].removeprefix("upload#") if last else None
            if start is None or len(found) >= limit:
                return found, _sealed(start)


def _key(owner: str, upload_id: str) -> dict[str, Value]:
    return {"pk": {"S": f"owner#{owner}"}, "sk": {"S": f"upload#{upload_id}"}}


def _values(attributes: Mapping[str, Any]) -> dict[str, Value]:
    """DynamoDB's form of attributes; what is None is left out."""
    values: dict[str, Value] = {}
    for name, value in attributes.items():
        if value is None:
            continue
        if name in _NUMBERS:
            values[name] = {"N": str(value)}
        elif name in _TIMES:
            values[name] = {"S": value.astimezone(UTC).isoformat(timespec="microseconds")}
        elif name == "report":
            values[name] = {"S": json.dumps(value, ensure_ascii=False)}
        else:
            values[name] = {"S": str(value)}
    return values


def _upload(item: Mapping[str, Any]) -> Upload:
    fields: dict[str, Any] = {name: item[name]["S"] for name in _TEXTS if name in item}
    fields |= {name: int(item[name]["N"]) for name in _NUMBERS}
    fields |= {name: datetime.fromisoformat(item[name]["S"]) for name in _TIMES}
    if "report" in item:
        fields["report"] = json.loads(item["report"]["S"])
    return Upload(state=State(item["state"]["S"]), **fields)


def _sealed(upload_id: str | None) -> str | None:
    return base64.urlsafe_b64encode(upload_id.encode()).decode() if upload_id else None


def _opened(cursor: str | None) -> str | None:
    if not cursor:
        return None
    try:
        upload_id = base64.urlsafe_b64decode(cursor).decode()
    except (binascii.Error, ValueError):
        upload_id = ""
    if not is_upload_id(upload_id):
        raise InvalidRequest("cursor is not one that was given out")
    return upload_id
