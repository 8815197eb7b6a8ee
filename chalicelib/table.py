"""The only DynamoDB calls about uploads: each write is conditional on the version that was read.

`chalicelib/items.py` has the items and their keys, `chalicelib/transitions.py` decides the changes,
`chalicelib/upload.py` how long a row is kept. An expired row counts as deleted.
IAM: dynamodb:GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem, Query (on the table and its
indexes); Scan for operators. Must not know S3 or the rules.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib import items, transitions
from chalicelib.errors import (
    TryAgain,
    UploadError,
    UploadNotFound,
    WrongState,
)
from chalicelib.keys import ObjectKey
from chalicelib.new_uploads import NewUploads
from chalicelib.rows import Rows
from chalicelib.transitions import Attributes, Claim
from chalicelib.upload import ABORTED_KEPT, NewUpload, State, Upload, expires_in
from chalicelib.usage import Amount, Quota, Usage

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from chalicelib.config import Settings
    from chalicelib.records import Failure

# How many times a change is decided again because somebody else has written in between.
RACES = 20
# The most uploads that one request reads to find those in one state.
SCANNED_AT_MOST = 500


class _Stale(Exception):
    """Somebody else has written the upload since it was read."""


@dataclass(frozen=True, slots=True)
class UploadTable:
    """One table; `now` is the clock (UTC), `rejected_days` as in Settings.

    `usage` sums up the charges of each owner's uploads.
    """

    client: DynamoDBClient
    name: str
    now: Callable[[], datetime]
    rejected_days: int
    usage: Usage

    # --- New uploads -----------------------------------------------------------------------------

    def put_all(self, owner: str, news: Sequence[NewUpload]) -> list[Upload | UploadError]:
        """Store an owner's new uploads, and their idempotency keys.

        The result of each is itself, the earlier upload with its key, or an error: QuotaExceeded
        where it does not fit after those before it; TryAgain where DynamoDB does not answer, or
        where the earlier upload was just removed. An existing id is never overwritten. A failed
        upload leaves no row.
        """
        return self._new(owner).put(news)

    def forget(self, owner: str, news: Sequence[NewUpload]) -> None:
        """Remove uploads that `put_all` may have stored, unless they have changed since."""
        self._new(owner).forget(news)

    def refusals(self, owner: str) -> int:
        """How many times `refuse` has removed uploads of an owner."""
        return self._new(owner).refusals()

    def refuse(
        self, owner: str, news: Sequence[NewUpload], *, refusals: int
    ) -> Sequence[NewUpload]:
        """Remove some of the last of them, unless `refusals` has changed; returns those removed."""
        return self._new(owner).refuse(news, refusals=refusals)

    def adopt(self, upload: Upload) -> Upload:
        """Store the upload of an object that nobody announced, one for each key.

        Returns it, or the upload that adopted the object earlier. Raises QuotaExceeded.
        """
        for _ in range(RACES):
            earlier, current = self._adopted(upload.owner, upload.key)
            if current is not None:
                return current
            free: Any = {"ConditionExpression": "attribute_not_exists(pk)"}
            if earlier is not None:
                free["ConditionExpression"] = "attribute_not_exists(pk) OR id = :earlier"
                free["ExpressionAttributeValues"] = {":earlier": {"S": earlier}}
            name = {**items.object_key(upload.owner, upload.key), "id": {"S": upload.id}}
            new = self._rows.put(items.item(upload), ConditionExpression="attribute_not_exists(pk)")
            writes = [self._rows.put(name, **free), new]
            if not self._charge(upload.owner, writes, before=None, after=upload.charged):
                return upload
        raise TryAgain("Too many events of one object at once")

    # --- Reading ---------------------------------------------------------------------------------

    def get(self, owner: str, upload_id: str) -> Upload | None:
        """The current upload, or None."""
        for _ in range(RACES):
            item = self._rows.get(items.upload_key(owner, upload_id))
            if item is None or self._rows.is_due(item):
                return None
            upload = items.upload_of(item)
            if "report_apart" not in item:
                return upload
            apart = self._rows.get(items.report_key(owner, upload_id))
            if apart is not None and apart["of"] == item["report_apart"]:
                return replace(upload, report=items.joined(upload, apart))
        raise TryAgain("The upload is being changed")

    def of_object(self, name: ObjectKey) -> Upload | None:
        """The upload that announced the object, or that adopted it."""
        if name.upload_id is not None:
            announced = self.get(name.owner, name.upload_id)
            if announced is not None and announced.key == str(name):
                return announced
        _, current = self._adopted(name.owner, str(name))
        return current

    def newest(
        self, owner: str, *, state: State | None, cursor: str | None, limit: int
    ) -> tuple[list[Upload], str | None]:
        """At most `limit` uploads, newest first, and the cursor of the next page.

        With a state, a request reads at most `SCANNED_AT_MOST` uploads. The page may then be empty
        and still have a cursor.
        """
        uploads: list[Upload] = []
        start = items.cursor_id(cursor)
        scanned = 0
        while True:
            ids, start = self._ids(owner, before=start, limit=limit - len(uploads))
            scanned += len(ids)
            uploads += [u for u in self._uploads(owner, ids) if state in (None, u.state)]
            if start is None or len(uploads) >= limit or scanned >= SCANNED_AT_MOST:
                return uploads, items.cursor(start)

    def in_progress(self, owner: str, *, most: int) -> int:
        """The number of an owner's announced uploads in progress, the last write included.

        A crash may leave marks behind. They are removed where the number would exceed `most`.
        """
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": items.in_progress_key(owner, "")["pk"]},
            ConsistentRead=True,
        )
        ids = [item["sk"]["S"].removeprefix("upload#") for page in pages for item in page["Items"]]
        if len(ids) <= most:
            return len(ids)
        in_progress = {
            item["id"]["S"]
            for item in self._rows.get_many(
                [items.upload_key(owner, upload_id) for upload_id in ids]
            )
            if item["state"]["S"] == State.UPLOADING
        }
        for upload_id in sorted(set(ids) - in_progress):
            self._delete(items.in_progress_key(owner, upload_id))
        return len(in_progress)

    def scan(self, *, upload_id: str | None = None) -> Iterator[Upload]:
        """The uploads of all owners, or those with one id. For operators: it scans the table."""
        values: Any = {":sk": {"S": "upload"}}
        condition = "sk = :sk"
        if upload_id is not None:
            condition += " AND id = :id"
            values[":id"] = {"S": upload_id}
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.name,
            FilterExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        for page in pages:
            yield from (
                items.upload_of(item) for item in page["Items"] if not self._rows.is_due(item)
            )

    # --- Changes ---------------------------------------------------------------------------------

    def change(
        self,
        upload: Upload,
        *,
        to: State,
        allowed: Collection[State],
        held_by: str | None = None,
        unchanged_since: int | None = None,
        **attributes: Any,
    ) -> Upload:
        """Move an upload to a state, as `transitions.move` decides, and set attributes with it.

        Raises WrongState, UploadNotFound when it is deleted, QuotaExceeded.
        """
        return self._edit(
            upload,
            lambda u: transitions.move(
                u,
                to=to,
                allowed=allowed,
                held_by=held_by,
                unchanged_since=unchanged_since,
                **attributes,
            ),
        )

    def claim(self, upload: Upload, by: Claim) -> tuple[Upload, State]:
        """Move it to processing, as `transitions.claim` decides; returns its state before as well.

        Raises as `change` does.
        """
        before = upload.state

        def decide(current: Upload) -> Attributes:
            nonlocal before
            before = current.state
            return transitions.claim(current, by, now=self.now())

        return self._edit(upload, decide), before

    def settle(
        self, upload: Upload, *, to: State, outcome: str, holder: str | None, **attributes: Any
    ) -> Upload:
        """Record an outcome, as `transitions.settle` decides. Raises as `change` does."""
        return self._edit(
            upload,
            lambda u: transitions.settle(u, to=to, outcome=outcome, holder=holder, **attributes),
        )

    def fail(self, upload: Upload, failure: Failure) -> Upload:
        """Record a failure, as `transitions.fail` decides. Raises as `change` does."""
        return self._edit(upload, lambda u: transitions.fail(u, failure))

    def begin_notifying(self, upload: Upload, *, holder: str, until: datetime) -> Upload:
        """Claim the right to notify the owner of an outcome. Raises as `change` does."""
        return self._edit(
            upload,
            lambda u: transitions.begin_notifying(u, holder=holder, until=until, now=self.now()),
        )

    def end_notifying(
        self, upload: Upload, *, holder: str, notified: str | None, is_done: bool
    ) -> Upload:
        """Release that claim, whether the owner was notified or not. Raises as `change` does."""
        return self._edit(
            upload,
            lambda u: transitions.end_notifying(
                u, holder=holder, notified=notified, is_done=is_done
            ),
        )

    def check_again(self, upload: Upload, at: datetime) -> Upload:
        """Set when the sweep checks an upload. Raises as `change` does."""
        return self._edit(upload, lambda _: {"check_at": at})

    def begin_deletion(self, upload: Upload) -> Upload:
        """Record that its object is about to be deleted: after a crash, the sweep deletes it.

        Raises as `change` does.
        """
        now = self.now()
        return self._edit(upload, lambda _: {"deletion_began_at": now, "check_at": now})

    def rest(self, upload: Upload) -> bool:
        """End the checks of an upload, unless it has changed; returns whether they ended."""
        try:
            self._write(upload, {"check_at": None, "deletion_began_at": None})
        except _Stale:
            return False
        return True

    # --- The sweep -------------------------------------------------------------------------------

    def to_check(self) -> Iterator[Upload]:
        """The uploads of all owners that are due for a check, the earliest first in each shard."""
        for shard in items.CHECK_SHARDS:
            pages = self.client.get_paginator("query").paginate(
                TableName=self.name,
                IndexName=items.TO_CHECK,
                KeyConditionExpression="check_shard = :shard AND check_at <= :now",
                ExpressionAttributeValues={
                    ":shard": {"S": shard},
                    ":now": items.time_value(self.now()),
                },
            )
            for page in pages:
                keys = [{name: item[name] for name in ("pk", "sk")} for item in page["Items"]]
                for item in self._rows.get_many(keys):
                    # The index may lag behind the upload.
                    if "check_at" in item and not self._rows.is_due(item):
                        yield items.upload_of(item)

    def sweep(self) -> Mapping[str, Any]:
        """The values that the last sweep kept; empty before the first."""
        item = self._rows.get(_SWEEP) or {}
        return {name: item[name]["S"] for name in item if name not in _SWEEP}

    def keep_sweep(self, **values: str) -> None:
        """Keep values for the next sweep, and for operators."""
        texts: Any = {name: {"S": value} for name, value in values.items()}
        self.client.put_item(TableName=self.name, Item={**_SWEEP, **texts})

    # --- Writing ----------------------------------------------------------------------------------

    def _edit(self, upload: Upload, decide: Callable[[Upload], Attributes]) -> Upload:
        """Decide a change of the current upload and write it; after a race, read and decide again.

        The first decision may rest on an old row, so only a refusal of a fresh one is raised.
        """
        is_fresh = False
        for _ in range(RACES):
            try:
                return self._write(upload, decide(upload))
            except WrongState:
                if is_fresh:
                    raise
            except _Stale:
                pass
            current = self.get(upload.owner, upload.id)
            if current is None:
                raise UploadNotFound
            upload, is_fresh = current, True
        raise TryAgain("Too many changes of one upload at once")

    def _write(self, upload: Upload, decided: Attributes) -> Upload:
        """Set attributes, and remove those that are None; raises _Stale over another version.

        `updated_at` is the time of the last change that clients see, which is a change of state.
        """
        attributes = {
            "state": upload.state,
            "updated_at": self.now() if "state" in decided else upload.updated_at,
            **decided,
            "version": upload.version + 1,
        }
        report = attributes.get("report")
        inline, apart = (None, None) if report is None else items.cut(report)
        row = attributes | ({} if report is None else {"report": inline})
        writes = [self._update(upload, row, is_apart=apart is not None)]
        if apart is not None:
            of = {"of": {"N": str(attributes["version"])}, "processors": apart}
            writes.append(self._rows.put({**items.report_key(upload.owner, upload.id), **of}))
        charged = attributes.get("charged", upload.charged)
        if len(writes) == 1 and charged == upload.charged:
            try:
                self.client.update_item(**writes[0]["Update"])
            except self.client.exceptions.ConditionalCheckFailedException as error:
                raise _Stale from error
        elif self._charge(upload.owner, writes, before=upload.charged, after=charged):
            raise _Stale
        changed = replace(upload, **attributes)
        self._follow(upload, changed)
        return changed

    def _update(self, upload: Upload, attributes: Attributes, *, is_apart: bool) -> Any:
        """The write of attributes, conditional on the version of the upload that was read."""
        changes = items.values(attributes)
        removed = [name for name, value in attributes.items() if value is None]
        if "report" in attributes:
            if is_apart:
                changes["report_apart"] = {"N": str(attributes["version"])}
            else:
                removed.append("report_apart")
        lifetime = expires_in(attributes["state"], rejected_days=self.rejected_days)
        if lifetime is not None:
            changes["expires"] = items.expires(self.now() + lifetime)
        elif upload.state is not attributes["state"]:
            removed.append("expires")
        names = {f"#{name}": name for name in (*changes, *removed)}
        update = "SET " + ", ".join(f"#{name} = :{name}" for name in changes)
        if removed:
            update += " REMOVE " + ", ".join(f"#{name}" for name in removed)
        return {
            "Update": {
                "TableName": self.name,
                "Key": items.upload_key(upload.owner, upload.id),
                "UpdateExpression": update,
                "ConditionExpression": "#version = :read",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": {
                    ":read": {"N": str(upload.version)},
                    **{f":{name}": value for name, value in changes.items()},
                },
            }
        }

    def _follow(self, before: Upload, after: Upload) -> None:
        """Change the other items of an upload after its state has changed.

        A fault leaves a mark that `in_progress` removes, or the name of an adopted object.
        """
        with contextlib.suppress(TryAgain):
            self._follow_state(before, after)

    def _follow_state(self, before: Upload, after: Upload) -> None:
        if before.state is State.UPLOADING is not after.state and not after.is_adopted:
            self._delete(items.in_progress_key(after.owner, after.id))
        # The sweep reads uploads without large results of processors, so it deletes them anyway.
        is_aborted = after.state is State.ABORTED and before.report is not None
        if is_aborted or (items.is_apart(before.report) and not items.is_apart(after.report)):
            self._delete_report(before)
        if after.state is State.ABORTED is not before.state and after.is_adopted:
            self._expire_object(after)

    def _delete_report(self, upload: Upload) -> None:
        """Delete the processors' results, unless somebody has written newer ones."""
        with contextlib.suppress(self.client.exceptions.ConditionalCheckFailedException):
            self.client.delete_item(
                TableName=self.name,
                Key=items.report_key(upload.owner, upload.id),
                ConditionExpression="#of <= :version",
                ExpressionAttributeNames={"#of": "of"},
                ExpressionAttributeValues={":version": {"N": str(upload.version)}},
            )

    def _expire_object(self, upload: Upload) -> None:
        """Let the name of an adopted object expire with its aborted upload.

        Only an aborted upload never changes its state again. A rejected one may be processed again,
        and without its name the object would be adopted twice.
        """
        expires = items.expires(self.now() + ABORTED_KEPT)
        with contextlib.suppress(self.client.exceptions.ConditionalCheckFailedException):
            self.client.update_item(
                TableName=self.name,
                Key=items.object_key(upload.owner, upload.key),
                UpdateExpression="SET expires = :expires",
                # Another upload may have adopted the object meanwhile.
                ConditionExpression="id = :id",
                ExpressionAttributeValues={
                    ":id": {"S": upload.id},
                    ":expires": expires,
                },
            )

    def _charge(
        self, owner: str, writes: list[Any], *, before: int | None, after: int | None
    ) -> list[str]:
        """Make writes, all or none, with the change of the owner's usage.

        Returns the reason of each write where one failed, nothing on success.
        """
        if before == after:
            return self.usage.transact(writes)
        files = (after is not None) - (before is not None)
        return self.usage.charge(owner, Amount((after or 0) - (before or 0), files), writes)

    @property
    def _rows(self) -> Rows:
        return Rows(self.client, self.name, self.now)

    def _new(self, owner: str) -> NewUploads:
        return NewUploads(self._rows, self.usage, owner)

    def _delete(self, key: Mapping[str, Any]) -> None:
        self.client.delete_item(TableName=self.name, Key=key)

    def _ids(self, owner: str, *, before: str | None, limit: int) -> tuple[list[str], str | None]:
        """Ids of an owner's uploads, newest first, and the last of them if there may be more."""
        request: Any = {
            "TableName": self.name,
            "IndexName": items.BY_OWNER,
            "KeyConditionExpression": "#owner = :owner",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":owner": {"S": owner}},
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if before is not None:
            request["ExclusiveStartKey"] = {
                **items.upload_key(owner, before),
                "owner": {"S": owner},
                "id": {"S": before},
            }
        page = self.client.query(**request)
        last = page.get("LastEvaluatedKey")
        return [item["id"]["S"] for item in page["Items"]], last["id"]["S"] if last else None

    def _uploads(self, owner: str, ids: Sequence[str]) -> Iterator[Upload]:
        """The uploads that exist, with whole reports, in the order of their ids.

        They may be as old as the index that named them: such reads cost half as much.
        """
        keys = [items.upload_key(owner, upload_id) for upload_id in ids]
        rows = [
            row for row in self._rows.get_many(keys, is_fresh=False) if not self._rows.is_due(row)
        ]
        apart = [items.report_key(owner, r["id"]["S"]) for r in rows if "report_apart" in r]
        reports = {item["pk"]["S"]: item for item in self._rows.get_many(apart, is_fresh=False)}
        for row in rows:
            upload = items.upload_of(row)
            report = reports.get(row["pk"]["S"])
            if report is not None and report["of"] == row.get("report_apart"):
                upload = replace(upload, report=items.joined(upload, report))
            yield upload

    def _adopted(self, owner: str, key: str) -> tuple[str | None, Upload | None]:
        """The id of the upload that adopted an object, and that upload unless it was aborted."""
        item = self._rows.get(items.object_key(owner, key))
        if item is None:
            return None, None
        earlier = item["id"]["S"]
        current = self.get(owner, earlier)
        return earlier, current if current and current.state is not State.ABORTED else None


_SWEEP: Any = {"pk": {"S": "sweep"}, "sk": {"S": "sweep"}}


def table_of(
    settings: Settings, client: DynamoDBClient, now: Callable[[], datetime]
) -> UploadTable:
    """A stage's table."""
    quota = Quota(settings.owner_max_bytes, settings.owner_max_files)
    usage = Usage(client, settings.table, quota)
    return UploadTable(client, settings.table, now, settings.rejected_days, usage)
