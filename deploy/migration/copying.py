"""Copies a former table into a stage's current table, page by page.

Each upload is copied and charged in one transaction, which never overwrites an item that the
current functions have written. So an interrupted run can be repeated. Must not know how a
former table is found.
IAM: dynamodb:Scan, BatchGetItem, PutItem, UpdateItem, DeleteItem and ConditionCheckItem.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib import items
from chalicelib.config import Settings
from chalicelib.table import RACES
from chalicelib.upload import State, Upload, expires_in, iso_time
from chalicelib.usage import Amount, Quota, Usage
from deploy.migration import former_items
from stage.stage import StageError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Uploads in one transaction, which takes 100 writes and 4 MB.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
AT_ONCE = 20
MAX_BYTES = 2 * 10**6
# Keys in one BatchGetItem.
_BATCH = 100
# Seconds between two lines about the progress.
_PAUSE = 1.0
# Existing uploads are charged, even above the quota.
_NO_QUOTA = Quota(max_bytes=2**100, max_files=2**60)


class Copying:
    """Copies a former table, of about `item_count` items, into the table of `settings`."""

    def __init__(
        self, client: DynamoDBClient, settings: Settings, former: str, item_count: int
    ) -> None:
        self._client, self._former, self._to = client, former, settings.table
        self._item_count = item_count
        self._rejected_days = settings.rejected_days
        self._usage = Usage(client, settings.table, _NO_QUOTA)
        self._now = datetime.now(UTC)
        self._read = self._copied = self._newer = 0
        self._printed_at = time.monotonic()

    def run(self) -> None:
        """Copy the whole table, page by page."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._former, ConsistentRead=True
        )
        for page in pages:
            self._copy_page(page["Items"])
        self._show()

    def _copy_page(self, page: Sequence[Mapping[str, Any]]) -> None:
        self._read += len(page)
        uploads = []
        for item in page:
            if item["sk"]["S"] == former_items.EMAIL:
                self._copy_email(item)
            elif former_items.is_upload(item, self._now):
                uploads.append(former_items.upload_of(item, now=self._now))
        for batch in _batches(uploads):
            self._copy(batch)
            if time.monotonic() - self._printed_at >= _PAUSE:
                self._show()

    def _copy(self, batch: Sequence[Upload]) -> None:
        """Copy uploads of one owner together; one by one if one of them has changed meanwhile."""
        if self._is_written(batch):
            return
        for upload in batch:
            for _ in range(RACES):
                if self._is_written([upload]):
                    break
            else:
                raise StageError(f"Upload {upload.id} changes all the time: run the step again")

    def _is_written(self, batch: Sequence[Upload]) -> bool:
        """Write the missing and older uploads, all or none; returns False after a conflict.

        If the new functions have adopted the object of an upload meanwhile, theirs stays.
        """
        current = self._current(batch)
        older = [upload for upload in batch if _is_older(current.get(upload.id), upload)]
        adopted = self._adopted_ids(older)
        writes: list[Any] = []
        amount = Amount(0, 0)
        for upload in older:
            before = current.get(upload.id, {})
            writes += self._writes(upload, before, is_named=adopted.get(upload.key) == upload.id)
            amount = _sum(amount, _charged(before), upload.charged)
        if older:
            failed = self._usage.charge(older[0].owner, amount, writes)
            if failed and len(batch) == 1 and self._is_adopted(older[0]):
                self._newer += 1
                return True
            if failed:
                return False
        self._copied += len(older)
        self._newer += len(batch) - len(older)
        return True

    def _writes(
        self, upload: Upload, before: Mapping[str, Any], *, is_named: bool
    ) -> Iterator[Any]:
        """The writes of an upload's item and its related items; they replace only `before`."""
        report, apart = (None, None) if upload.report is None else items.cut(upload.report)
        item = items.item(replace(upload, report=report))
        if apart is not None:
            of = {"N": str(upload.version)}
            item["report_apart"] = of
            key = items.report_key(upload.owner, upload.id)
            yield self._put({**key, "of": of, "processors": apart})
        lifetime = expires_in(upload.state, rejected_days=self._rejected_days)
        expires = {} if lifetime is None else {"expires": items.expires(self._now + lifetime)}
        put = self._put({**item, **expires}, "attribute_not_exists(pk)")
        if before:
            put["Put"]["ConditionExpression"] = "version = :zero AND updated_at = :read"
            values = {":zero": {"N": "0"}, ":read": before["updated_at"]}
            put["Put"]["ExpressionAttributeValues"] = values
        yield put
        name = items.object_key(upload.owner, upload.key)
        if not upload.is_adopted:
            yield from self._mark(upload, before)
            yield {"ConditionCheck": {"Key": name} | self._no_other(upload)}
        elif is_named:
            adopted = {**name, "id": {"S": upload.id}, **expires}
            yield {"Put": {"Item": adopted} | self._no_other(upload)}

    def _mark(self, upload: Upload, before: Mapping[str, Any]) -> Iterator[Any]:
        """The mark of an announced upload that is in progress."""
        mark = items.in_progress_key(upload.owner, upload.id)
        if upload.state is State.UPLOADING:
            yield self._put(mark)
        elif before:
            yield {"Delete": {"TableName": self._to, "Key": mark}}

    def _no_other(self, upload: Upload) -> dict[str, Any]:
        """The condition that the object belongs to no other upload."""
        return {
            "TableName": self._to,
            "ConditionExpression": "attribute_not_exists(pk) OR id = :id",
            "ExpressionAttributeValues": {":id": {"S": upload.id}},
        }

    def _put(self, item: Mapping[str, Any], condition: str | None = None) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": self._to, "Item": item}
        return {"Put": put if condition is None else put | {"ConditionExpression": condition}}

    def _copy_email(self, item: Mapping[str, Any]) -> None:
        """Copy the email setting, unless the new functions have written it; SNS stores the rest."""
        try:
            self._client.put_item(
                TableName=self._to,
                Item={**item, "copied": {"S": iso_time(self._now)}},
                ConditionExpression="attribute_not_exists(pk) OR attribute_exists(copied)",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            self._newer += 1

    def _current(self, batch: Sequence[Upload]) -> dict[str, Mapping[str, Any]]:
        """The items of these uploads in the new table, by their ids."""
        keys = [items.upload_key(upload.owner, upload.id) for upload in batch]
        return {item["id"]["S"]: item for item in self._items(self._to, keys)}

    def _adopted_ids(self, batch: Sequence[Upload]) -> dict[str, str]:
        """The upload ids of adopted objects in the former table, by the objects' keys."""
        adopted = [upload for upload in batch if upload.is_adopted]
        names = {
            former_items.object_key(upload.owner, upload.key)["sk"]["S"]: upload.key
            for upload in adopted
        }
        keys = [{"pk": {"S": f"owner#{adopted[0].owner}"}, "sk": {"S": name}} for name in names]
        former = self._items(self._former, keys) if keys else ()
        return {names[item["sk"]["S"]]: item["id"]["S"] for item in former}

    def _is_adopted(self, upload: Upload) -> bool:
        """Whether the object belongs to another upload in the new table."""
        keys = [items.object_key(upload.owner, upload.key)]
        return any(item["id"]["S"] != upload.id for item in self._items(self._to, keys))

    def _items(self, table: str, keys: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
        for first in range(0, len(keys), _BATCH):
            batch: Any = list(keys[first : first + _BATCH])
            while batch:
                response: Any = self._client.batch_get_item(
                    RequestItems={table: {"Keys": batch, "ConsistentRead": True}}
                )
                yield from response["Responses"][table]
                batch = response.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])

    def _show(self) -> None:
        self._printed_at = time.monotonic()
        print(
            f"  {self._former}: {self._read:,} items read of about"
            f" {max(self._read, self._item_count):,}, {self._copied:,} uploads copied,"
            f" {self._newer:,} up to date already",
            flush=True,
        )


def _batches(uploads: Iterable[Upload]) -> Iterator[list[Upload]]:
    """Uploads of one owner that fit into one transaction."""
    for _, group in itertools.groupby(uploads, key=lambda upload: upload.owner):
        batch: list[Upload] = []
        size = 0
        for upload in group:
            more = len(json.dumps([upload.report, upload.event], default=str).encode())
            if batch and (len(batch) >= AT_ONCE or size + more > MAX_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(upload)
            size += more
        yield batch


def _is_older(current: Mapping[str, Any] | None, upload: Upload) -> bool:
    """Whether the new table lacks the upload, or has an earlier copy that did not change since."""
    if current is None:
        return True
    is_copy = current["version"]["N"] == "0"
    written_at: str = current["updated_at"]["S"]
    return is_copy and bool(written_at < items.time_value(upload.updated_at)["S"])


def _charged(item: Mapping[str, Any]) -> int | None:
    return int(item["charged"]["N"]) if "charged" in item else None


def _sum(amount: Amount, before: int | None, after: int | None) -> Amount:
    return Amount(
        amount.bytes + (after or 0) - (before or 0),
        amount.files + (after is not None) - (before is not None),
    )
