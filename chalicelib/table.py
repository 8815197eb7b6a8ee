"""The only DynamoDB calls about uploads: every change is written over the version that was read.

`chalicelib/items.py` has the items and their keys, `chalicelib/transitions.py` decides what may
change. `expires`, in seconds, is the table's time to live. DynamoDB deletes what is due within
days, so what is due is not seen any more. IAM: dynamodb:GetItem, BatchGetItem, PutItem, UpdateItem,
DeleteItem, Query (on the table and its indexes); Scan for operators. Must not know S3 or the rules.
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

# How often a change is decided anew because somebody else has written in between.
RACES = 20
# Uploads that one request for a page of one state looks through at the most.
LOOKED_THROUGH = 500


class _Stale(Exception):
    """Somebody has written an upload since it was read."""


@dataclass(frozen=True, slots=True)
class UploadTable:
    """One table; `now` is the clock of `updated_at` (UTC), `rejected_days` as in Settings.

    What an upload is `charged` counts in its owner's `usage`.
    """

    client: DynamoDBClient
    name: str
    now: Callable[[], datetime]
    rejected_days: int
    usage: Usage

    # --- New uploads -----------------------------------------------------------------------------

    def put_all(self, owner: str, news: Sequence[NewUpload]) -> list[Upload | UploadError]:
        """Remember an owner's new uploads, and the keys they were created under.

        Answers each with itself, with the earlier one that was created under its key, or with an
        error: QuotaExceeded where it does not fit after those before it, TryAgain where DynamoDB
        does not answer, or where the earlier one was just taken back. An id that is taken is never
        overwritten. Of what is answered with an error nothing is left.
        """
        return self._new(owner).put(news)

    def forget(self, owner: str, news: Sequence[NewUpload]) -> None:
        """Take back what `put_all` put, or did not, unless it was changed meanwhile."""
        self._new(owner).forget(news)

    def refusals(self, owner: str) -> int:
        """How often uploads of an owner were taken back because too many were under way."""
        return self._new(owner).refusals()

    def refuse(
        self, owner: str, news: Sequence[NewUpload], *, refusals: int
    ) -> Sequence[NewUpload]:
        """Take back some of the last of them, unless others were refused since a number was read.

        Returns those that are gone.
        """
        return self._new(owner).refuse(news, refusals=refusals)

    def adopt(self, upload: Upload) -> Upload:
        """Remember the upload of an object that nobody announced, one for each key.

        Returns it, or the one that there is already. Raises QuotaExceeded.
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
        """The upload as it stands now, or None."""
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
        """The upload of an object: the one it was announced by, or that it was adopted as."""
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

        Where one state is asked for, a request looks through `LOOKED_THROUGH` uploads at the most:
        the page may then be empty, and its cursor leads on.
        """
        uploads: list[Upload] = []
        start = items.cursor_id(cursor)
        looked_through = 0
        while True:
            ids, start = self._ids(owner, before=start, limit=limit - len(uploads))
            looked_through += len(ids)
            uploads += [u for u in self._uploads(owner, ids) if state in (None, u.state)]
            if start is None or len(uploads) >= limit or looked_through >= LOOKED_THROUGH:
                return uploads, items.cursor(start)

    def in_progress(self, owner: str, *, most: int) -> int:
        """How many announced uploads of an owner are under way, the last write included.

        Marks that a crash has left behind are removed where they would make it more than `most`.
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
        under_way = {
            item["id"]["S"]
            for item in self._rows.get_many(
                [items.upload_key(owner, upload_id) for upload_id in ids]
            )
            if item["state"]["S"] == State.UPLOADING
        }
        for upload_id in sorted(set(ids) - under_way):
            self._delete(items.in_progress_key(owner, upload_id))
        return len(under_way)

    def scan(self, *, upload_id: str | None = None) -> Iterator[Upload]:
        """The uploads of all owners, or those with one id: for operators, it reads the table."""
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

        Raises WrongState, UploadNotFound when it is gone, QuotaExceeded.
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
        """Move it to processing, as `transitions.claim` decides; returns the state it was in too.

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
        """Record that processing gave up, as `transitions.fail` decides. Raises as `change`."""
        return self._edit(upload, lambda u: transitions.fail(u, failure))

    def begin_notifying(self, upload: Upload, *, holder: str, until: datetime) -> Upload:
        """Hold an outcome to notify its owner of it. Raises as `change` does."""
        return self._edit(
            upload,
            lambda u: transitions.begin_notifying(u, holder=holder, until=until, now=self.now()),
        )

    def end_notifying(
        self, upload: Upload, *, holder: str, notified: str | None, is_done: bool
    ) -> Upload:
        """Let go of an outcome, of which its owner was notified or not. Raises as `change` does."""
        return self._edit(
            upload,
            lambda u: transitions.end_notifying(
                u, holder=holder, notified=notified, is_done=is_done
            ),
        )

    def check_again(self, upload: Upload, at: datetime) -> Upload:
        """Say when the sweep is to look at an upload. Raises as `change` does."""
        return self._edit(upload, lambda _: {"check_at": at})

    def begin_deletion(self, upload: Upload) -> Upload:
        """Note that its object is about to be deleted, so that the sweep ends what a crash leaves.

        Raises as `change` does.
        """
        now = self.now()
        return self._edit(upload, lambda _: {"deletion_began_at": now, "check_at": now})

    def rest(self, upload: Upload) -> bool:
        """Let the sweep look at an upload no more, unless it was changed; returns whether so."""
        try:
            self._write(upload, {"check_at": None, "deletion_began_at": None})
        except _Stale:
            return False
        return True

    # --- The sweep -------------------------------------------------------------------------------

    def to_check(self) -> Iterator[Upload]:
        """The uploads of all owners that the sweep is to look at by now, those due first."""
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
        """What the last sweep has left to the next, and what it found; empty before the first."""
        item = self._rows.get(_SWEEP) or {}
        return {name: item[name]["S"] for name in item if name not in _SWEEP}

    def keep_sweep(self, **values: str) -> None:
        """Remember something for the next sweep, and for operators."""
        texts: Any = {name: {"S": value} for name, value in values.items()}
        self.client.put_item(TableName=self.name, Item={**_SWEEP, **texts})

    # --- How -------------------------------------------------------------------------------------

    def _edit(self, upload: Upload, decide: Callable[[Upload], Attributes]) -> Upload:
        """Write what is decided of an upload as it stands, whoever else writes meanwhile."""
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
        """Set attributes, remove those that are None; raises _Stale over another version.

        `updated_at` is when clients last saw a change: what nobody is shown leaves it as it is.
        """
        attributes = {
            "state": upload.state,
            "updated_at": self.now() if "state" in decided else upload.updated_at,
            **decided,
            "version": upload.version + 1,
        }
        report = attributes.get("report")
        kept, apart = (None, None) if report is None else items.cut(report)
        stored = attributes | ({} if report is None else {"report": kept})
        writes = [self._update(upload, stored, is_apart=apart is not None)]
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
        """The write of attributes over the version of an upload that was read."""
        changes = items.values(attributes)
        removed = [name for name, value in attributes.items() if value is None]
        if "report" in attributes:
            if is_apart:
                changes["report_apart"] = {"N": str(attributes["version"])}
            else:
                removed.append("report_apart")
        kept = expires_in(attributes["state"], rejected_days=self.rejected_days)
        if kept is not None:
            changes["expires"] = items.expires(self.now() + kept)
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
        """Change what other items say of an upload, after its state has changed.

        A fault leaves a mark that `in_progress` removes, or a name that costs a few bytes.
        """
        with contextlib.suppress(TryAgain):
            self._follow_state(before, after)

    def _follow_state(self, before: Upload, after: Upload) -> None:
        if before.state is State.UPLOADING is not after.state and not after.is_adopted:
            self._delete(items.in_progress_key(after.owner, after.id))
        # The sweep reads uploads without what processors found, so it cannot tell.
        is_aborted = after.state is State.ABORTED and before.report is not None
        if is_aborted or (items.is_apart(before.report) and not items.is_apart(after.report)):
            self._delete_report(before)
        if after.state is State.ABORTED is not before.state and after.is_adopted:
            self._expire_object(after)

    def _delete_report(self, upload: Upload) -> None:
        """Delete what processors found, unless somebody has written a newer report meanwhile."""
        with contextlib.suppress(self.client.exceptions.ConditionalCheckFailedException):
            self.client.delete_item(
                TableName=self.name,
                Key=items.report_key(upload.owner, upload.id),
                ConditionExpression="#of <= :version",
                ExpressionAttributeNames={"#of": "of"},
                ExpressionAttributeValues={":version": {"N": str(upload.version)}},
            )

    def _expire_object(self, upload: Upload) -> None:
        """Let the name of an adopted object go with its upload.

        Only of an aborted one, which never comes back: another state may follow a rejection before
        this arrives, and a name that went before its upload would have the object adopted twice.
        """
        expires = items.expires(self.now() + ABORTED_KEPT)
        with contextlib.suppress(self.client.exceptions.ConditionalCheckFailedException):
            self.client.update_item(
                TableName=self.name,
                Key=items.object_key(upload.owner, upload.key),
                UpdateExpression="SET expires = :expires",
                # Another upload may have the object by now.
                ConditionExpression="id = :id",
                ExpressionAttributeValues={
                    ":id": {"S": upload.id},
                    ":expires": expires,
                },
            )

    def _charge(
        self, owner: str, writes: list[Any], *, before: int | None, after: int | None
    ) -> list[str]:
        """Make writes, all or none, with what they change of the owner's usage.

        Returns why each failed, nothing when all is done.
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
        """Ids of an owner's uploads, newest first, and where the next page begins."""
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
        """Uploads with their whole reports, in the order of their ids, those that are not due.

        They may be as old as the index is that named them, which halves what reading them costs.
        """
        keys = [items.upload_key(owner, upload_id) for upload_id in ids]
        found = [
            item
            for item in self._rows.get_many(keys, is_fresh=False)
            if not self._rows.is_due(item)
        ]
        apart = [items.report_key(owner, i["id"]["S"]) for i in found if "report_apart" in i]
        reports = {item["pk"]["S"]: item for item in self._rows.get_many(apart, is_fresh=False)}
        for item in found:
            upload = items.upload_of(item)
            report = reports.get(item["pk"]["S"])
            if report is not None and report["of"] == item.get("report_apart"):
                upload = replace(upload, report=items.joined(upload, report))
            yield upload

    def _adopted(self, owner: str, key: str) -> tuple[str | None, Upload | None]:
        """The id under which an object was adopted before, and the upload unless it was deleted."""
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
