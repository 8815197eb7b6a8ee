"""The only DynamoDB calls about uploads, every transition of state a conditional write.

One item an upload: `pk` is `owner#{owner}`, `sk` is `upload#{id}`; ids sort by time, so a query
backwards gives the newest first. The local index `by_state` has the same `pk` and sorts by
`state_id`, `{state}#{id}`. An idempotency key is an item of its own, `sk` `idempotency#{key}`, and
so is the object key of an adopted upload, `sk` `object#{SHA-256}`.
`expires`, in seconds, is the table's time to live; DynamoDB deletes what is due within days, so
what is due is not seen any more. IAM: dynamodb:GetItem, PutItem, UpdateItem, DeleteItem, Query (on
the table and its index); Scan for operators. Must not know S3 or the rules.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib import items
from chalicelib.errors import InvalidRequest, TryAgain, UploadNotFound, WrongState
from chalicelib.keys import ObjectKey, is_upload_id
from chalicelib.upload import OUTCOMES, State, Upload
from chalicelib.usage import CONDITION_FAILED, Quota, Usage

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from chalicelib.config import Settings

INDEX = "by_state"
# What CreateTable takes beside the name.
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
            "IndexName": INDEX,
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "state_id", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
# An aborted upload is remembered until the last of its URLs is dead (S3 signs for 7 days at most):
# what a late PUT brings must be known for what it is.
ABORTED_KEPT = timedelta(days=8)
# S3's lifecycle counts from the next midnight (UTC) and may take a day; the item goes after that.
UPLOADING_KEPT_LONGER = timedelta(days=2)
IDEMPOTENCY_KEPT = timedelta(days=1)
# What is in these states takes nothing of its owner's quota.
FREE = frozenset({State.REJECTED, State.ABORTED})
_NOT_HELD = "(attribute_not_exists(holder) OR holder = :holder OR held_until <= :now)"


@dataclass(frozen=True, slots=True)
class UploadTable:
    """One table; `now` is the clock of `updated_at` (UTC), `upload_days` as in Settings.

    What an upload is `charged` counts in its owner's `usage` until it is rejected or aborted; one
    that was not is charged when it is accepted.
    """

    client: DynamoDBClient
    name: str
    now: Callable[[], datetime]
    upload_days: int
    usage: Usage

    def put(self, upload: Upload, *, idempotency_key: str | None = None) -> Upload:
        """Remember a new upload, and the key it was created under where there is one.

        Returns it, or the earlier one that was created under the key. An id that is taken is never
        overwritten. Raises TryAgain when the earlier one was just taken back, QuotaExceeded.
        """
        writes = [self._new(upload)]
        if idempotency_key is not None:
            names: Any = {
                "TableName": self.name,
                "Item": {
                    **items.idempotency_key(upload.owner, idempotency_key),
                    "id": {"S": upload.id},
                    "expires": items.expires(upload.created_at + IDEMPOTENCY_KEPT),
                },
                "ConditionExpression": "attribute_not_exists(pk) OR expires <= :now",
                "ExpressionAttributeValues": {":now": items.expires(self.now())},
            }
            writes.insert(0, {"Put": names})
        failed = self._charge(upload.owner, writes, before=None, after=upload.charged)
        if not failed:
            return upload
        if idempotency_key is None or failed[0] != CONDITION_FAILED:
            raise TryAgain("The same request is under way")
        return self._created_under(upload.owner, idempotency_key)

    def forget(self, upload: Upload, *, idempotency_key: str | None = None) -> None:
        """Take back a `put`, done or not, as it was made: upload and key at once."""
        gone: Any = {
            "TableName": self.name,
            "Key": items.upload_key(upload.owner, upload.id),
            "ConditionExpression": "attribute_exists(pk)",
        }
        writes = [{"Delete": gone}]
        if idempotency_key is not None:
            name: Any = {
                "TableName": self.name,
                "Key": items.idempotency_key(upload.owner, idempotency_key),
                "ConditionExpression": "id = :id",
                "ExpressionAttributeValues": {":id": {"S": upload.id}},
            }
            writes.append({"Delete": name})
        self._charge(upload.owner, writes, before=upload.charged, after=None)

    def of_object(self, name: ObjectKey) -> Upload | None:
        """The upload of an object: the one it was announced by, or that it was adopted as."""
        if name.upload_id is not None:
            announced = self.get(name.owner, name.upload_id)
            if announced is not None and announced.key == str(name):
                return announced
        _, found = self._adopted(name.owner, str(name))
        return found

    def adopt(self, upload: Upload) -> Upload:
        """Remember the upload of an object that nobody announced, one for each key.

        Returns it, or the one that there is already.
        """
        while True:
            earlier, found = self._adopted(upload.owner, upload.key)
            if found is not None:
                return found
            name: Any = {
                "TableName": self.name,
                "Item": {**items.object_key(upload.owner, upload.key), "id": {"S": upload.id}},
                "ConditionExpression": "attribute_not_exists(pk)",
            }
            if earlier is not None:
                name["ConditionExpression"] = "id = :earlier"
                name["ExpressionAttributeValues"] = {":earlier": {"S": earlier}}
            if not self.usage.transact([{"Put": name}, self._new(upload)]):
                return upload

    def get(self, owner: str, upload_id: str) -> Upload | None:
        """The upload as it stands now, or None."""
        found = self.client.get_item(
            TableName=self.name, Key=items.upload_key(owner, upload_id), ConsistentRead=True
        )
        item: Any = found.get("Item")
        return items.upload_of(item) if item is not None and not self._is_due(item) else None

    def change(
        self,
        upload: Upload,
        *,
        to: State,
        allowed: Collection[State],
        held_by: str | None = None,
        **attributes: Any,
    ) -> Upload:
        """Move an upload to a state, from one of the `allowed` only, and set attributes with it.

        An attribute that is None is removed: a reason must not outlive the state it belongs to.
        With `held_by`, only that invocation may. Raises WrongState when it is in another state or
        held by another, UploadNotFound when it is gone, QuotaExceeded.
        """
        asked: Any = {f":from{i}": {"S": state} for i, state in enumerate(sorted(allowed))}
        condition = f"#state IN ({', '.join(asked)})"
        if held_by is not None:
            condition += " AND holder = :held_by"
            asked[":held_by"] = {"S": held_by}
        if to not in FREE | {State.ACCEPTED}:
            return self._update(upload, condition, asked, state=to, **attributes)
        attributes["charged"] = None if to in FREE else attributes.get("size", upload.size)
        if upload.charged is None:
            condition += " AND attribute_not_exists(charged)"
        else:
            condition += " AND charged = :before"
            asked[":before"] = {"N": str(upload.charged)}
        try:
            return self._update(upload, condition, asked, state=to, **attributes)
        except WrongState:
            current = self.get(upload.owner, upload.id)
            if current is None or current.charged == upload.charged:
                raise
            # It is charged otherwise than when it was read: that alone is no reason to refuse.
            attributes.pop("charged")
            return self.change(current, to=to, allowed=allowed, held_by=held_by, **attributes)

    def claim(self, upload: Upload, *, sequencer: str, holder: str, until: datetime) -> Upload:
        """Move it to processing for one event, held by one invocation until a time at most.

        Sequencers are padded to one length. A claim is refused (WrongState) when a newer event was
        processed already, when this one was and did not fail, and while another invocation is at
        it; a crashed one's claim ends at its time. UploadNotFound when the upload is gone.
        """
        condition = (
            "#state IN (:uploaded, :processing, :accepted, :rejected, :failed) AND ("
            "attribute_not_exists(#sequencer) OR #sequencer < :sequencer OR #sequencer = :sequencer"
            f" AND (#state IN (:uploaded, :failed) OR #state = :processing AND {_NOT_HELD}))"
        )
        states: Any = {f":{s}": {"S": s} for s in OUTCOMES | {State.UPLOADED, State.PROCESSING}}
        return self._update(
            upload,
            condition,
            {":now": items.time_value(self.now()), **states},
            state=State.PROCESSING,
            sequencer=sequencer,
            holder=holder,
            held_until=until,
            told=None,
        )

    def claim_telling(self, upload: Upload, *, holder: str, until: datetime) -> Upload:
        """Hold an outcome that its owner was not told, to tell it.

        Raises WrongState when it was told, has changed, or another invocation is about to tell it;
        UploadNotFound when the upload is gone.
        """
        return self._update(
            upload,
            f"#state = :state AND (attribute_not_exists(told) OR told <> :state) AND {_NOT_HELD}",
            {":now": items.time_value(self.now())},
            state=upload.state,
            holder=holder,
            held_until=until,
        )

    def _update(
        self, upload: Upload, condition: str, asked: dict[str, items.Value], **attributes: Any
    ) -> Upload:
        """Set attributes where a condition holds; those that are None are removed."""
        attributes["updated_at"] = self.now()
        changes = items.values(attributes)
        changes["state_id"] = {"S": items.state_id(attributes["state"], upload.id)}
        removed = [name for name, value in attributes.items() if value is None]
        if (due := self._due(upload, attributes["state"])) is not None:
            changes["expires"] = items.expires(due)
        else:
            removed.append("expires")
        names = {f"#{name}": name for name in (*changes, *removed)}
        update = "SET " + ", ".join(f"#{name} = :{name}" for name in changes)
        if removed:
            update += " REMOVE " + ", ".join(f"#{name}" for name in removed)
        request: Any = {
            "TableName": self.name,
            "Key": items.upload_key(upload.owner, upload.id),
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {f":{n}": value for n, value in changes.items()} | asked,
        }
        charged = attributes.get("charged", upload.charged)
        with contextlib.suppress(self.client.exceptions.ConditionalCheckFailedException):
            if charged == upload.charged:
                answer = self.client.update_item(**request, ReturnValues="ALL_NEW")
                return items.upload_of(answer["Attributes"])
            write = {"Update": request}
            if not self._charge(upload.owner, [write], before=upload.charged, after=charged):
                return replace(upload, **attributes)
        current = self.get(upload.owner, upload.id)
        if current is None:
            raise UploadNotFound
        raise WrongState(f"The upload is {current.state}")

    def _charge(
        self, owner: str, writes: list[Any], *, before: int | None, after: int | None
    ) -> list[str]:
        """Make writes, all or none, with what they change of the owner's usage.

        Returns why each failed, nothing when all is done.
        """
        if before == after:
            return self.usage.transact(writes)
        return self.usage.charge(
            owner,
            (after or 0) - (before or 0),
            (after is not None) - (before is not None),
            writes=writes,
            uploads=lambda: self._query(owner, None),
        )

    def _new(self, upload: Upload) -> Any:
        """The write of an upload whose id is not taken."""
        return {
            "Put": {
                "TableName": self.name,
                "Item": items.item(upload, due=self._due(upload, upload.state)),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _adopted(self, owner: str, key: str) -> tuple[str | None, Upload | None]:
        """The id under which an object was adopted before, and the upload unless it was deleted."""
        item: Any = self.client.get_item(
            TableName=self.name, Key=items.object_key(owner, key), ConsistentRead=True
        ).get("Item")
        if item is None:
            return None, None
        earlier = item["id"]["S"]
        found = self.get(owner, earlier)
        return earlier, found if found and found.state is not State.ABORTED else None

    def newest(
        self, owner: str, *, state: State | None, cursor: str | None, limit: int
    ) -> tuple[list[Upload], str | None]:
        """At most `limit` uploads, newest first, and the cursor of the next page."""
        found: list[Upload] = []
        start = _opened(cursor)
        while True:
            request = self._query(owner, state) | {
                "ScanIndexForward": False,
                "Limit": limit - len(found),
            }
            if start is not None:
                request["ExclusiveStartKey"] = items.upload_key(owner, start)
                if state is not None:
                    request["ExclusiveStartKey"]["state_id"] = {"S": items.state_id(state, start)}
            page = self.client.query(**request)
            found += [items.upload_of(item) for item in page["Items"]]
            last = page.get("LastEvaluatedKey")
            start = last["sk"]["S"].removeprefix("upload#") if last else None
            if start is None or len(found) >= limit:
                return found, _sealed(start)

    def count(self, owner: str, *, state: State) -> int:
        """How many of an owner's uploads are in a state, the last write included."""
        request = self._query(owner, state) | {"Select": "COUNT", "ConsistentRead": True}
        pages = self.client.get_paginator("query").paginate(**request)
        return sum(page["Count"] for page in pages)

    def scan(self, *, upload_id: str | None = None) -> Iterator[Upload]:
        """The uploads of all owners, or those with one id: for operators, it reads the table."""
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.name,
            FilterExpression="begins_with(sk, :sk)",
            ExpressionAttributeValues={":sk": {"S": f"upload#{upload_id or ''}"}},
        )
        for page in pages:
            yield from (items.upload_of(item) for item in page["Items"] if not self._is_due(item))

    def _query(self, owner: str, state: State | None) -> dict[str, Any]:
        """A query for what is not due of an owner's uploads, those in one state by the index."""
        sort, prefix = ("sk", "upload#") if state is None else ("state_id", f"{state}#")
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": f"pk = :pk AND begins_with({sort}, :prefix)",
            "FilterExpression": "attribute_not_exists(expires) OR expires > :now",
            "ExpressionAttributeValues": {
                ":pk": {"S": f"owner#{owner}"},
                ":prefix": {"S": prefix},
                ":now": items.expires(self.now()),
            },
        }
        return request if state is None else request | {"IndexName": INDEX}

    def _created_under(self, owner: str, idempotency_key: str) -> Upload:
        found = self.client.get_item(
            TableName=self.name,
            Key=items.idempotency_key(owner, idempotency_key),
            ConsistentRead=True,
        )
        upload = self.get(owner, found["Item"]["id"]["S"]) if "Item" in found else None
        if upload is None:
            raise TryAgain("The same request was taken back, try again")
        return upload

    def _due(self, upload: Upload, state: State) -> datetime | None:
        """When an upload that enters a state is to be forgotten; None for never."""
        if state is State.UPLOADING:
            return upload.created_at + timedelta(days=self.upload_days) + UPLOADING_KEPT_LONGER
        return self.now() + ABORTED_KEPT if state is State.ABORTED else None

    def _is_due(self, item: Mapping[str, Any]) -> bool:
        """Whether its time to live is over; DynamoDB itself may take days to delete it."""
        return "expires" in item and int(item["expires"]["N"]) <= self.now().timestamp()


def table_of(
    settings: Settings, client: DynamoDBClient, now: Callable[[], datetime]
) -> UploadTable:
    """A stage's table."""
    quota = Quota(settings.owner_max_bytes, settings.owner_max_files)
    usage = Usage(client, settings.table, now, quota)
    return UploadTable(client, settings.table, now, settings.upload_days, usage)


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
