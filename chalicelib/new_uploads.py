"""New uploads in the table: remembered by few transactions, taken back as they were made.

A transaction holds as many uploads as it takes, each with its mark and its key, and one change of
their owner's sums. What one of them fails for fails no other. Must not know S3 or the rules.
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
# Writes that a transaction takes, but for the one of the sums and the one that counts refusals.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
MOST_WRITES = 100 - 2

Outcomes = dict[str, Upload | UploadError]


@dataclass(frozen=True, slots=True)
class NewUploads:
    """The uploads that one owner begins; what they are charged counts in `usage`."""

    rows: Rows
    usage: Usage
    owner: str

    def put(self, news: Sequence[NewUpload]) -> list[Upload | UploadError]:
        """What each came to, as `UploadTable.put_all` says.

        Where DynamoDB does not answer for one transaction, those after it are not tried: API
        Gateway would not wait for their answer.
        """
        # A transaction writes no item twice: a key that comes again has the outcome of the first.
        distinct = {_name(new): new for new in reversed(news)}
        outcomes: Outcomes = {}
        for group in _groups([new for new in news if distinct[_name(new)] is new]):
            try:
                self._put_what_fits(group, outcomes)
            except TryAgain as error:
                with contextlib.suppress(TryAgain):  # the sweep finds what is left then
                    self.forget([new for new in group if new.upload.id not in outcomes])
                outcomes = {new.upload.id: error for new in news} | outcomes
                break
        return [outcomes[distinct[_name(new)].upload.id] for new in news]

    def forget(self, news: Sequence[NewUpload]) -> None:
        """Take back uploads that were put or not, as they were made: upload, mark and key at once.

        One that was changed meanwhile stays. If its owner deleted it, that has released its charge
        already.
        """
        for group in _groups(news):
            self._forget(group)

    def refusals(self) -> int:
        """How often uploads of the owner were taken back because too many were under way."""
        item = self.rows.get(items.refusals_key(self.owner))
        return int(item["refusals"]["N"]) if item is not None else 0

    def refuse(self, news: Sequence[NewUpload], *, refusals: int) -> Sequence[NewUpload]:
        """Forget the last of them, as many as a transaction takes, unless others were refused.

        `refusals` is the number that was read before it was known that there are too many. Returns
        those that are gone: none where the number is another one by now.
        """
        group = next(_groups(news[::-1]))
        return group if self._forget(group, self._one_refusal_more(refusals)) else []

    def _put_what_fits(self, group: Sequence[NewUpload], outcomes: Outcomes) -> None:
        """Put those of a group that there is room for, each after those before it.

        The sums may be old by a moment when they are read. So what does not fit by them is refused
        only when the smallest of it is refused alone.
        """
        if self._put_together(group, outcomes):
            return
        outcomes |= self._known([new for new in group if new.upload.id not in outcomes])
        while left := [new for new in group if new.upload.id not in outcomes]:
            fits = self.usage.fitting(self.owner, [_charge(new) for new in left])
            fitting = [new for new, is_fitting in zip(left, fits, strict=True) if is_fitting]
            if fitting and self._put_together(fitting, outcomes):
                continue
            smallest = min(left, key=lambda new: _charge(new).bytes)
            if not self._put_together([smallest], outcomes):
                outcomes |= {new.upload.id: self.usage.quota.exceeded() for new in left}

    def _put_together(self, group: Sequence[NewUpload], outcomes: Outcomes) -> bool:
        """Put a group in one transaction, without those whose key or id is taken.

        Returns whether there was room for all of them.
        """
        left = list(group)
        while left:
            try:
                failed = self._transact(left, self._puts, _sum(left))
            except QuotaExceeded:
                return False
            if not failed:
                outcomes |= {new.upload.id: new.upload for new in left}
                return True
            taken = _failing(left, failed)
            # Where it is not its key that is taken, or what was created under it is gone.
            refusal = TryAgain("The same request is under way or was taken back, try again")
            outcomes |= {new.upload.id: refusal for new in taken} | self._known(taken)
            left = [new for new in left if new not in taken]
        return True

    def _known(self, news: Sequence[NewUpload]) -> Outcomes:
        """Those of some uploads that were created under their keys before, without reports."""
        keys = [
            items.idempotency_key(self.owner, new.idempotency_key)
            for new in news
            if new.idempotency_key is not None
        ]
        names = [name for name in self.rows.get_many(keys) if not self.rows.is_due(name)]
        created = [items.upload_key(self.owner, name["id"]["S"]) for name in names]
        found = [i for i in self.rows.get_many(created) if not self.rows.is_due(i)]
        uploads = {item["id"]["S"]: items.upload_of(item) for item in found}
        by_key = {name["pk"]["S"]: uploads.get(name["id"]["S"]) for name in names}
        known = {
            new.upload.id: by_key.get(
                items.idempotency_key(self.owner, new.idempotency_key or "")["pk"]["S"]
            )
            for new in news
        }
        return {name: upload for name, upload in known.items() if upload is not None}

    def _forget(self, group: Sequence[NewUpload], *more: Any) -> bool:
        """Forget a group and make other writes in one transaction; returns whether those held."""
        left = list(group)
        while left:
            failed = self._transact(left, self._deletes, -_sum(left), *more)
            if not failed:
                return True
            if CONDITION_FAILED in failed[-1]:
                return False
            changed = _failing(left, failed)
            left = [new for new in left if new not in changed]
        return True

    def _transact(
        self,
        news: Sequence[NewUpload],
        writes_of: Callable[[NewUpload], list[Any]],
        amount: Amount,
        *more: Any,
    ) -> list[list[str]]:
        """One transaction of all writes and of the charge.

        Returns why the writes of each upload failed, and then the others; nothing when all is done.
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
        """The writes of a new upload: it, its mark, and the key that it was created under."""
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
        unknown: Any = {
            "ConditionExpression": "attribute_not_exists(pk) OR expires <= :now",
            "ExpressionAttributeValues": {":now": items.expires(self.rows.now())},
        }
        return [*writes, self.rows.put(name, **unknown)]

    def _deletes(self, new: NewUpload) -> list[Any]:
        """The writes that take a new upload back, unless it was changed."""
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
        """The write that counts a refusal over the number that was read."""
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
    """What no two uploads of one transaction may share; a key has no form of an id."""
    return new.upload.id if new.idempotency_key is None else f"key {new.idempotency_key}"


def _groups(news: Sequence[NewUpload]) -> Iterator[list[NewUpload]]:
    """Some new uploads, in their order, in groups of as many as a transaction takes."""
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
