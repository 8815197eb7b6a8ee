"""Rows of new uploads: stored in few transactions, and removed in the same way.

A transaction holds as many uploads as DynamoDB allows, each with its mark and its idempotency key,
and one change of their owner's sums. No upload fails because of another one. Must not know S3 or
the rules.
IAM: dynamodb:GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, islice
from typing import Any

from chalicelib import items
from chalicelib.errors import QuotaExceeded, TryAgain, UploadError
from chalicelib.rows import Rows
from chalicelib.upload import NewUpload, Upload
from chalicelib.usage import CONDITION_FAILED, NOTHING, Amount, Usage

IDEMPOTENCY_KEPT = timedelta(days=1)
# The writes of a transaction, without the one of the sums and the one that counts refusals.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
MOST_WRITES = 100 - 2

Results = dict[str, Upload | UploadError]


@dataclass(frozen=True, slots=True)
class NewUploads:
    """The new uploads of one owner; `usage` sums up their charges."""

    rows: Rows
    usage: Usage
    owner: str

    def put(self, news: Sequence[NewUpload]) -> list[Upload | UploadError]:
        """The result of each, as `UploadTable.put_all` says.

        Where DynamoDB does not answer one transaction, the next ones are not tried: API Gateway
        would not wait for their answers.
        """
        # A transaction writes no item twice: uploads with the same key share a result.
        distinct = {_name(new): new for new in reversed(news)}
        results: Results = {}
        for group in _groups([new for new in news if distinct[_name(new)] is new]):
            try:
                self._put_what_fits(group, results)
            except TryAgain as error:
                with contextlib.suppress(TryAgain):  # then the sweep finds them
                    self.forget([new for new in group if new.upload.id not in results])
                results = {new.upload.id: error for new in news} | results
                break
        return [results[distinct[_name(new)].upload.id] for new in news]

    def forget(self, news: Sequence[NewUpload]) -> None:
        """Remove uploads that `put` may have stored: row, mark and key in one transaction.

        An upload that has changed since then stays. If its owner deleted it, its charge has been
        released already.
        """
        for group in _groups(news):
            self._forget(group)

    def refusals(self) -> int:
        """How many times `refuse` has removed uploads of the owner."""
        item = self.rows.get(items.refusals_key(self.owner))
        return int(item["refusals"]["N"]) if item is not None else 0

    def refuse(self, news: Sequence[NewUpload], *, refusals: int) -> Sequence[NewUpload]:
        """Remove the last of them, as many as fit into a transaction; returns those removed.

        `refusals` is the number of refusals before the caller counted. Removes none where that
        number has changed: another request has removed uploads meanwhile.
        """
        group = next(_groups(news[::-1]))
        return group if self._forget(group, self._one_refusal_more(refusals)) else []

    def _put_what_fits(self, group: Sequence[NewUpload], results: Results) -> None:
        """Store the uploads of a group that fit into the quota, in their order.

        The sums may change after they are read. So uploads that do not fit by these sums are
        refused only when the smallest of them is refused alone.
        """
        if self._put_together(group, results):
            return
        results |= self._earlier([new for new in group if new.upload.id not in results])
        while remaining := [new for new in group if new.upload.id not in results]:
            fits = self.usage.fitting(self.owner, [_charge(new) for new in remaining])
            fitting = [new for new, is_fitting in zip(remaining, fits, strict=True) if is_fitting]
            if fitting and self._put_together(fitting, results):
                continue
            smallest = min(remaining, key=lambda new: _charge(new).bytes)
            if not self._put_together([smallest], results):
                results |= {new.upload.id: self.usage.quota.exceeded() for new in remaining}

    def _put_together(self, group: Sequence[NewUpload], results: Results) -> bool:
        """Store a group in one transaction, without the uploads whose key or id is in use.

        Returns whether there was room for all of them.
        """
        remaining = list(group)
        while remaining:
            try:
                failed = self._transact(remaining, self._puts, _sum(remaining))
            except QuotaExceeded:
                return False
            if not failed:
                results |= {new.upload.id: new.upload for new in remaining}
                return True
            in_use = _failing(remaining, failed)
            # Where no earlier upload has the key: its id is in use, or that upload was removed.
            refusal = TryAgain("The same request is under way or was taken back, try again")
            results |= {new.upload.id: refusal for new in in_use} | self._earlier(in_use)
            remaining = [new for new in remaining if new not in in_use]
        return True

    def _earlier(self, news: Sequence[NewUpload]) -> Results:
        """The earlier uploads with the same idempotency keys, without reports, by the new ids."""
        keys = [
            items.idempotency_key(self.owner, new.idempotency_key)
            for new in news
            if new.idempotency_key is not None
        ]
        names = [name for name in self.rows.get_many(keys) if not self.rows.is_due(name)]
        upload_keys = [items.upload_key(self.owner, name["id"]["S"]) for name in names]
        rows = [row for row in self.rows.get_many(upload_keys) if not self.rows.is_due(row)]
        uploads = {row["id"]["S"]: items.upload_of(row) for row in rows}
        by_key = {name["pk"]["S"]: uploads.get(name["id"]["S"]) for name in names}
        earlier = {
            new.upload.id: by_key.get(
                items.idempotency_key(self.owner, new.idempotency_key or "")["pk"]["S"]
            )
            for new in news
        }
        return {name: upload for name, upload in earlier.items() if upload is not None}

    def _forget(self, group: Sequence[NewUpload], *more: Any) -> bool:
        """Remove a group, with other writes, in one transaction; returns whether those held."""
        remaining = list(group)
        while remaining:
            failed = self._transact(remaining, self._deletes, -_sum(remaining), *more)
            if not failed:
                return True
            if CONDITION_FAILED in failed[-1]:
                return False
            changed = _failing(remaining, failed)
            remaining = [new for new in remaining if new not in changed]
        return True

    def _transact(
        self,
        news: Sequence[NewUpload],
        writes_of: Callable[[NewUpload], list[Any]],
        amount: Amount,
        *more: Any,
    ) -> list[list[str]]:
        """One transaction of all writes and of the charge.

        Returns why the writes of each upload failed, then those in `more`; nothing on success.
        """
        writes = [*map(writes_of, news), list(more)]
        every = list(chain.from_iterable(writes))
        if amount == NOTHING:
            failed = self.usage.transact(every)
        else:
            failed = self.usage.charge(self.owner, amount, every)
        reasons = iter(failed)
        return [list(islice(reasons, len(own))) for own in writes] if failed else []

    def _puts(self, new: NewUpload) -> list[Any]:
        """The writes of a new upload: its row, its mark, and its idempotency key."""
        upload = new.upload
        writes = [
            self.rows.put(items.item(upload), ConditionExpression="attribute_not_exists(pk)"),
            self.rows.put(items.in_progress_key(self.owner, upload.id)),
        ]
        if new.idempotency_key is None:
            return writes
        name = {
            **items.idempotency_key(self.owner, new.idempotency_key),
            "id": {"S": upload.id},
            "expires": items.expires(upload.created_at + IDEMPOTENCY_KEPT),
        }
        unused: Any = {
            "ConditionExpression": "attribute_not_exists(pk) OR expires <= :now",
            "ExpressionAttributeValues": {":now": items.expires(self.rows.now())},
        }
        return [*writes, self.rows.put(name, **unused)]

    def _deletes(self, new: NewUpload) -> list[Any]:
        """The writes that remove a new upload, unless it has changed."""
        upload = new.upload
        unchanged: Any = {
            "ConditionExpression": "#version = :read",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": {":read": {"N": str(upload.version)}},
        }
        writes = [
            self.rows.delete(items.upload_key(self.owner, upload.id), **unchanged),
            self.rows.delete(items.in_progress_key(self.owner, upload.id)),
        ]
        if new.idempotency_key is None:
            return writes
        own: Any = {
            "ConditionExpression": "id = :id",
            "ExpressionAttributeValues": {":id": {"S": upload.id}},
        }
        name = items.idempotency_key(self.owner, new.idempotency_key)
        return [*writes, self.rows.delete(name, **own)]

    def _one_refusal_more(self, refusals: int) -> Any:
        """The write that counts a refusal, unless the number has changed."""
        return {
            "Update": {
                "TableName": self.rows.name,
                "Key": items.refusals_key(self.owner),
                "UpdateExpression": "SET refusals = :more",
                "ConditionExpression": "refusals = :read OR attribute_not_exists(refusals)",
                "ExpressionAttributeValues": {
                    ":read": {"N": str(refusals)},
                    ":more": {"N": str(refusals + 1)},
                },
            }
        }


def _name(new: NewUpload) -> str:
    """A name that no two uploads of one transaction may share; no id looks like `key …`."""
    return new.upload.id if new.idempotency_key is None else f"key {new.idempotency_key}"


def _groups(news: Sequence[NewUpload]) -> Iterator[list[NewUpload]]:
    """New uploads, in their order, in groups that each fit into a transaction."""
    group: list[NewUpload] = []
    count = 0
    for new in news:
        writes = 2 if new.idempotency_key is None else 3
        if count + writes > MOST_WRITES:
            yield group
            group, count = [], 0
        group.append(new)
        count += writes
    if group:
        yield group


def _failing(news: Sequence[NewUpload], failed: Sequence[Sequence[str]]) -> list[NewUpload]:
    return [new for new, own in zip(news, failed, strict=False) if CONDITION_FAILED in own]


def _charge(new: NewUpload) -> Amount:
    charged = new.upload.charged
    return NOTHING if charged is None else Amount(charged, 1)


def _sum(news: Sequence[NewUpload]) -> Amount:
    return sum(map(_charge, news), start=NOTHING)
