"""One contract for the fake and for the adapter on moto's DynamoDB.

The contract holds `UploadTable` and `MemoryTable` against the ports `OwnerUploads` (and with it
`NewRows` and `UploadRows`), `Claims`, `Notifications` and `SweptRows`, and all that these extend.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol

import pytest

from chalicelib.errors import InvalidRequest, QuotaExceeded, TryAgain, UploadNotFound, WrongState
from chalicelib.items import INLINE_REPORT_SIZE, item, object_key, report_key, upload_key
from chalicelib.keys import ObjectKey, new_upload_id, parse_key
from chalicelib.keys import object_key as object_key_of
from chalicelib.new_uploads import IDEMPOTENCY_KEPT
from chalicelib.parts import MAX_OBJECT_SIZE
from chalicelib.ports import Claims, Notifications, OwnerUploads, SweptRows
from chalicelib.table import SCANNED_AT_MOST, UploadTable
from chalicelib.transitions import Claim
from chalicelib.upload import (
    ABORTED_KEPT,
    CHECK_AFTER,
    REJECTED_KEPT_LONGER,
    NewUpload,
    State,
    Upload,
)
from chalicelib.usage import Quota
from tests.support.contracts import uncallable
from tests.support.environment import TABLE
from tests.support.fakes import Clock, MemoryTable
from tests.support.payloads import (
    MULTIPART_ID,
    OTHER_OWNER,
    OWNER,
    PUT_ID,
    failure_of,
    multipart_upload,
    put_upload,
)
from tests.support.tables import put_in, real_table

PORTS = [OwnerUploads, Claims, Notifications, SweptRows]


class Table(OwnerUploads, Claims, Notifications, SweptRows, Protocol):
    """The ports of all use cases."""


FULL = multipart_upload(
    crc64nvme="rosUhgp5mIg=",
    report={"size": 11, "content_type": "text/plain", "verified": True, "none": None, "ü": [1]},
    reason="Because of “that”",
    outcome="accepted:1",
    notified="accepted:1",
    sequencer="0067",
    holder="request-1",
    held_until=datetime(2026, 3, 1, 12, 15, tzinfo=UTC),
    notifier="request-2",
    notifying_until=datetime(2026, 3, 1, 12, 17, tzinfo=UTC),
    check_at=datetime(2026, 3, 1, 13, tzinfo=UTC),
    version=7,
    event={"Records": [{"ü": None}]},
    charged=2621440,
    state=State.ACCEPTED,
)


@pytest.fixture
def real(dynamodb: Any, clock: Clock) -> UploadTable:
    return real_table(dynamodb, clock)


@pytest.fixture(params=["memory", "moto"])
def table(request: pytest.FixtureRequest, clock: Clock) -> Table:
    if request.param == "memory":
        return MemoryTable(clock)
    adapter: UploadTable = request.getfixturevalue("real")
    return adapter


def several(table: Table, clock: Clock, count: int, **changes: Any) -> list[Upload]:
    """Put uploads, each a second younger than the one before; newest first."""
    uploads = []
    for _ in range(count):
        clock.advance(1)
        upload_id = new_upload_id(clock(), bytes(10))
        key = object_key_of(owner=changes.get("owner", OWNER), upload_id=upload_id, filename="a")
        upload = put_upload(id=upload_id, key=key, **changes)
        put_in(table, upload)
        uploads.append(upload)
    return uploads[::-1]


def every_page(table: Table, limit: int, state: State | None = None) -> list[list[Upload]]:
    """Follow the cursors to the end."""
    page, cursor = table.newest(OWNER, state=state, cursor=None, limit=limit)
    pages = [page]
    while cursor is not None:
        page, cursor = table.newest(OWNER, state=state, cursor=cursor, limit=limit)
        pages.append(page)
    return pages


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("adapter", [UploadTable, MemoryTable])
def test_an_adapter_takes_every_call_of_its_ports(adapter: type, port: type) -> None:
    assert uncallable(adapter, port) == []


class TestContract:
    @pytest.mark.parametrize(
        "upload",
        [
            pytest.param(put_upload(), id="new"),
            pytest.param(FULL, id="with everything"),
            pytest.param(put_upload(size=0, part_size=0), id="empty file"),
            pytest.param(put_upload(size=MAX_OBJECT_SIZE), id="48.8 TiB"),
            pytest.param(put_upload(filename="👩‍👩‍👧 \\\"'.txt"), id="odd name"),
        ],
    )
    def test_an_upload_is_read_as_it_was_put(self, table: Table, upload: Upload) -> None:
        put_in(table, upload)

        assert table.get(OWNER, upload.id) == upload

    def test_an_existing_id_is_never_overwritten(self, table: Table) -> None:
        put_in(table, put_upload())

        with pytest.raises(TryAgain):
            put_in(table, put_upload(filename="other"))

        assert table.get(OWNER, PUT_ID) == put_upload()

    @pytest.mark.parametrize(
        ("owner", "upload_id"), [(OTHER_OWNER, PUT_ID), (OWNER, "x"), ("", "")]
    )
    def test_a_missing_upload_is_none(self, table: Table, owner: str, upload_id: str) -> None:
        put_in(table, put_upload())

        assert table.get(owner, upload_id) is None

    def test_a_change_moves_the_state_and_the_time(self, table: Table, clock: Clock) -> None:
        put_in(table, put_upload())
        clock.advance(1.5)

        changed = table.change(put_upload(), to=State.UPLOADED, allowed={State.UPLOADING})

        assert changed == put_upload(state=State.UPLOADED, updated_at=clock(), version=1)
        assert table.get(OWNER, PUT_ID) == changed

    def test_a_change_sets_attributes_with_the_state(self, table: Table) -> None:
        put_in(table, put_upload())
        report = {"size": 11, "nested": {"ü": [True, None]}}

        changed = table.change(
            put_upload(), to=State.REJECTED, allowed=set(State), report=report, reason="Because"
        )

        assert (changed.report, changed.reason) == (report, "Because")
        assert table.get(OWNER, PUT_ID) == changed

    def test_a_change_keeps_what_it_does_not_name(self, table: Table) -> None:
        put_in(table, FULL)

        changed = table.change(FULL, to=State.PROCESSING, allowed={State.ACCEPTED})

        rest: dict[str, Any] = {
            "state": FULL.state,
            "updated_at": FULL.updated_at,
            "version": FULL.version,
        }
        assert replace(changed, **rest) == FULL

    def test_a_change_starts_from_the_current_row(self, table: Table) -> None:
        put_in(table, put_upload(reason="stored"))

        changed = table.change(
            put_upload(reason="stale", version=9), to=State.UPLOADED, allowed={State.UPLOADING}
        )

        assert changed.reason == "stored"

    @pytest.mark.parametrize("reason", ["Because", None], ids=["there", "absent"])
    def test_an_attribute_that_is_none_is_removed(self, table: Table, reason: str | None) -> None:
        put_in(table, put_upload(state=State.FAILED, reason=reason))

        changed = table.change(put_upload(), to=State.ACCEPTED, allowed=set(State), reason=None)

        assert changed.reason is None
        assert table.get(OWNER, PUT_ID) == changed

    @pytest.mark.parametrize("state", State)
    def test_a_change_from_another_state_is_refused_and_changes_nothing(
        self, table: Table, state: State
    ) -> None:
        row = put_in(table, put_upload(state=state, version=1))

        with pytest.raises(WrongState, match=f"The upload is {state}"):
            table.change(
                put_upload(), to=State.FAILED, allowed=set(State) - {state}, reason="Because"
            )

        assert table.get(OWNER, PUT_ID) == row

    @pytest.mark.parametrize("state", State)
    def test_a_change_from_an_allowed_state_happens(self, table: Table, state: State) -> None:
        put_in(table, put_upload(state=state))

        changed = table.change(put_upload(), to=State.PROCESSING, allowed={state, State.ABORTED})

        assert changed.state is State.PROCESSING

    @pytest.mark.parametrize("owner", [OTHER_OWNER, OWNER], ids=["somebody else's", "no such"])
    def test_a_change_of_a_missing_upload_is_refused(self, table: Table, owner: str) -> None:
        absent = put_upload(owner=owner)

        with pytest.raises(UploadNotFound):
            table.change(absent, to=State.UPLOADED, allowed=set(State))

        assert table.get(owner, PUT_ID) is None

    def test_of_two_equal_changes_one_happens(self, table: Table) -> None:
        put_in(table, put_upload())
        table.change(put_upload(), to=State.UPLOADED, allowed={State.UPLOADING})

        with pytest.raises(WrongState):
            table.change(put_upload(), to=State.UPLOADED, allowed={State.UPLOADING})

    def test_only_the_holder_may_change_a_claimed_upload(self, table: Table) -> None:
        put_in(table, put_upload(state=State.PROCESSING, holder="first"))

        with pytest.raises(WrongState):
            table.change(put_upload(), to=State.FAILED, allowed=set(State), held_by="second")
        changed = table.change(
            put_upload(), to=State.FAILED, allowed=set(State), held_by="first", holder=None
        )

        assert (changed.state, changed.holder) == (State.FAILED, None)

    def test_an_unclaimed_upload_has_no_holder_who_may_change_it(self, table: Table) -> None:
        put_in(table, put_upload())

        with pytest.raises(WrongState):
            table.change(put_upload(), to=State.FAILED, allowed=set(State), held_by="first")

    def test_a_change_of_a_version_that_was_overwritten_is_refused(self, table: Table) -> None:
        read = put_in(table, put_upload())
        table.check_again(read, read.updated_at)

        with pytest.raises(WrongState):
            table.change(read, to=State.ABORTED, allowed=set(State), unchanged_since=read.version)

        assert table.get(OWNER, PUT_ID).state is State.UPLOADING  # type: ignore[union-attr]

    @pytest.mark.parametrize("state", [s for s in State if s is not State.ABORTED])
    def test_an_upload_is_claimed_from_any_state_by_its_first_event(
        self, table: Table, clock: Clock, state: State
    ) -> None:
        upload = put_upload(state=state, outcome="failed:1", notified="failed:1")
        put_in(table, upload)
        until = clock() + timedelta(seconds=60)

        claimed, before = table.claim(
            upload, Claim(sequencer="2", holder="first", until=until, charged=11)
        )

        assert before is state
        assert claimed == table.get(OWNER, PUT_ID)
        assert claimed == replace(
            upload,
            state=State.PROCESSING,
            sequencer="2",
            holder="first",
            held_until=until,
            charged=11,
            outcome=None,
            check_at=clock() + CHECK_AFTER,
            updated_at=clock(),
            version=1,
        )

    def test_a_claim_that_is_refused_changes_nothing(self, table: Table, clock: Clock) -> None:
        upload = put_in(table, put_upload(state=State.ACCEPTED, sequencer="2"))

        with pytest.raises(WrongState):
            table.claim(upload, Claim(sequencer="2", holder="first", until=clock(), charged=11))

        assert table.get(OWNER, PUT_ID) == upload

    def test_a_claim_over_an_older_version_decides_by_the_newest(
        self, table: Table, clock: Clock
    ) -> None:
        read = put_in(table, put_upload(state=State.UPLOADED))
        later = clock() + timedelta(minutes=1)
        table.claim(read, Claim(sequencer="3", holder="newer", until=later, charged=11))

        with pytest.raises(WrongState):
            table.claim(read, Claim(sequencer="2", holder="older", until=later, charged=11))

    def test_a_missing_upload_is_not_claimed(self, table: Table, clock: Clock) -> None:
        with pytest.raises(UploadNotFound):
            table.claim(
                put_upload(), Claim(sequencer="2", holder="first", until=clock(), charged=1)
            )
        with pytest.raises(UploadNotFound):
            table.begin_notifying(
                put_upload(state=State.ACCEPTED, outcome="1"), holder="first", until=clock()
            )

    def test_an_upload_is_settled_by_the_invocation_that_claimed_it(
        self, table: Table, clock: Clock
    ) -> None:
        claimed = put_in(
            table, put_upload(state=State.PROCESSING, holder="first", event={"Records": []})
        )
        clock.advance(1)

        with pytest.raises(WrongState):
            table.settle(claimed, to=State.ACCEPTED, outcome="accepted:1", holder="second")
        settled = table.settle(
            claimed, to=State.ACCEPTED, outcome="accepted:1", holder="first", report={"size": 11}
        )

        assert settled == table.get(OWNER, PUT_ID)
        assert settled == replace(
            claimed,
            state=State.ACCEPTED,
            outcome="accepted:1",
            report={"size": 11},
            holder=None,
            held_until=None,
            event=None,
            updated_at=clock(),
            version=1,
        )

    def test_a_failed_invocation_fails_its_upload(self, table: Table) -> None:
        upload = put_in(table, put_upload(state=State.PROCESSING, holder="1", charged=11))

        failure = failure_of(upload, request_id="1")
        failed = table.fail(upload, failure)

        assert failed == table.get(OWNER, PUT_ID)
        assert (failed.state, failed.outcome, failed.reason) == (
            State.FAILED, "failed:1", failure.reason,
        )  # fmt: skip
        assert (failed.holder, failed.charged) == (None, 11)
        assert failed.event == failure.created.event
        assert failed.check_at == upload.updated_at, "its tag does not say so yet"

    def test_a_change_that_no_client_sees_keeps_updated_at(
        self, table: Table, clock: Clock
    ) -> None:
        upload = put_in(table, put_upload(state=State.ACCEPTED, outcome="accepted:1"))
        clock.advance(60)

        claimed = table.begin_notifying(
            upload, holder="first", until=clock() + timedelta(minutes=1)
        )
        released = table.end_notifying(
            claimed, holder="first", notified="accepted:1", is_done=False
        )
        due = table.check_again(released, clock())
        deleted = table.begin_deletion(due)
        table.rest(deleted)

        assert table.get(OWNER, PUT_ID).updated_at == upload.updated_at  # type: ignore[union-attr]

    def test_one_invocation_claims_to_notify_of_an_outcome(
        self, table: Table, clock: Clock
    ) -> None:
        upload = put_in(table, put_upload(state=State.ACCEPTED, outcome="accepted:1"))
        until = clock() + timedelta(minutes=2)

        claimed = table.begin_notifying(upload, holder="first", until=until)
        with pytest.raises(WrongState):
            table.begin_notifying(upload, holder="second", until=until)
        again = table.begin_notifying(upload, holder="first", until=until)
        clock.advance(120)
        retaken = table.begin_notifying(upload, holder="second", until=clock() + timedelta(1))

        assert (claimed.notifier, again.notifier, retaken.notifier) == ("first", "first", "second")
        assert retaken == table.get(OWNER, PUT_ID)

    def test_a_released_claim_records_the_notified_outcome(
        self, table: Table, clock: Clock
    ) -> None:
        upload = put_in(
            table, put_upload(state=State.ACCEPTED, outcome="accepted:1", check_at=clock())
        )
        claimed = table.begin_notifying(upload, holder="first", until=clock())

        with pytest.raises(WrongState):
            table.end_notifying(claimed, holder="second", notified="accepted:1", is_done=True)
        ended = table.end_notifying(claimed, holder="first", notified="accepted:1", is_done=True)

        assert ended == table.get(OWNER, PUT_ID)
        assert (ended.notified, ended.notifier, ended.check_at) == ("accepted:1", None, None)
        with pytest.raises(WrongState):
            table.begin_notifying(ended, holder="second", until=clock())

    def test_the_sweep_gets_due_uploads_of_every_shard(self, table: Table, clock: Clock) -> None:
        due = {f"{PUT_ID[:-1]}{digit}" for digit in "0123456789abcdef"}
        for upload_id in due:
            put_in(table, put_upload(id=upload_id, check_at=clock()))
        later = put_upload(id=MULTIPART_ID, check_at=clock() + timedelta(microseconds=1))
        put_in(table, later)
        put_in(table, put_upload(id=PUT_ID[:-2] + "aa", owner=OTHER_OWNER))

        assert {upload.id for upload in table.to_check()} == due

    def test_the_sweep_does_not_get_uploads_without_a_check(
        self, table: Table, clock: Clock
    ) -> None:
        upload = put_in(table, put_upload(check_at=clock()))

        assert table.rest(upload) is True

        assert list(table.to_check()) == []
        rested = table.get(OWNER, PUT_ID)
        assert rested is not None
        assert (rested.check_at, rested.updated_at) == (None, upload.updated_at)

    def test_a_changed_upload_keeps_its_check(self, table: Table, clock: Clock) -> None:
        read = put_in(table, put_upload(check_at=clock()))
        table.change(read, to=State.UPLOADED, allowed=set(State))

        assert table.rest(read) is False

        assert [upload.id for upload in table.to_check()] == [PUT_ID]

    def test_the_sweep_checks_again_at_the_time_that_was_set(
        self, table: Table, clock: Clock
    ) -> None:
        upload = put_in(table, put_upload(check_at=clock()))
        clock.advance(1)

        again = table.check_again(upload, clock() + timedelta(hours=1))

        assert again.updated_at == upload.updated_at, "nothing about it has changed"
        assert list(table.to_check()) == []
        clock.advance(3600)
        assert list(table.to_check()) == [again]

    def test_a_sweep_keeps_values_for_the_next(self, table: Table) -> None:
        assert table.sweep() == {}

        table.keep_sweep(cursor="uploads/a", at="now")
        table.keep_sweep(cursor="uploads/b", at="later")

        assert table.sweep() == {"cursor": "uploads/b", "at": "later"}

    @pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 10, 11])
    def test_pages_list_every_upload_once_newest_first(
        self, table: Table, clock: Clock, count: int
    ) -> None:
        uploads = several(table, clock, count)

        pages = every_page(table, limit=5)

        assert sum(pages, []) == uploads  # noqa: RUF017 - a handful
        assert all(len(page) <= 5 for page in pages)

    @pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 11])
    def test_pages_of_one_state_list_each_upload_in_it_once(
        self, table: Table, clock: Clock, count: int
    ) -> None:
        uploads: list[Upload] = []
        for _ in range(count):
            uploads = several(table, clock, 1, state=State.ACCEPTED) + uploads
            several(table, clock, 2, state=State.REJECTED)

        pages = every_page(table, limit=5, state=State.ACCEPTED)

        assert sum(pages, []) == uploads  # noqa: RUF017 - a handful
        assert all(len(page) <= 5 for page in pages)

    def test_uploads_of_another_owner_are_not_listed(self, table: Table, clock: Clock) -> None:
        several(table, clock, 2, owner=OTHER_OWNER)

        assert table.newest(OWNER, state=None, cursor=None, limit=5) == ([], None)

    def test_a_cursor_does_not_lead_to_uploads_of_another_owner(
        self, table: Table, clock: Clock
    ) -> None:
        several(table, clock, 3, owner=OTHER_OWNER)
        _, cursor = table.newest(OTHER_OWNER, state=None, cursor=None, limit=1)
        assert cursor is not None

        assert table.newest(OWNER, state=None, cursor=cursor, limit=5) == ([], None)

    def test_a_cursor_still_works_when_its_upload_is_changed(
        self, table: Table, clock: Clock
    ) -> None:
        uploads = several(table, clock, 3)
        _, cursor = table.newest(OWNER, state=None, cursor=None, limit=1)
        table.change(uploads[0], to=State.ABORTED, allowed=set(State))

        page, _ = table.newest(OWNER, state=None, cursor=cursor, limit=5)

        assert page == uploads[1:]

    @pytest.mark.parametrize(
        "cursor",
        ["x", "!!!!", "ü", "YQ==", "AAAA", "/w==", PUT_ID[:-1], "A" * 5000, "\x00", " "],
        ids=[
            "short",
            "no base64",
            "no ASCII",
            "a",
            "NULs",
            "no UTF-8",
            "id",
            "long",
            "NUL",
            "space",
        ],
    )
    def test_an_invalid_cursor_is_refused(self, table: Table, cursor: str) -> None:
        with pytest.raises(InvalidRequest, match="cursor"):
            table.newest(OWNER, state=None, cursor=cursor, limit=5)

    def test_an_empty_cursor_means_the_first_page(self, table: Table, clock: Clock) -> None:
        uploads = several(table, clock, 1)

        assert table.newest(OWNER, state=None, cursor="", limit=5) == (uploads, None)

    def test_a_cursor_of_one_state_still_works_when_its_upload_is_in_another(
        self, table: Table, clock: Clock
    ) -> None:
        uploads = several(table, clock, 3)
        _, cursor = table.newest(OWNER, state=State.UPLOADING, cursor=None, limit=1)
        table.change(uploads[0], to=State.ABORTED, allowed=set(State))

        page, _ = table.newest(OWNER, state=State.UPLOADING, cursor=cursor, limit=5)

        assert page == uploads[1:]

    def test_an_upload_is_in_progress_until_its_state_changes(
        self, table: Table, clock: Clock
    ) -> None:
        uploads = several(table, clock, 4)
        several(table, clock, 2, owner=OTHER_OWNER)
        table.change(uploads[0], to=State.UPLOADED, allowed=set(State))
        table.claim(uploads[1], Claim(sequencer="1", holder="first", until=clock(), charged=11))
        table.change(uploads[2], to=State.UPLOADING, allowed=set(State), crc64nvme="rosUhgp5mIg=")

        assert table.in_progress(OWNER, most=100) == 2

    def test_a_new_upload_is_the_one_that_was_put(self, table: Table) -> None:
        upload = put_upload()

        assert put_in(table, upload, idempotency_key="k") is upload
        assert table.get(OWNER, upload.id) == upload

    def test_a_repeated_key_gives_the_current_upload(self, table: Table) -> None:
        put_in(table, put_upload(), idempotency_key="k")
        changed = table.change(put_upload(), to=State.UPLOADED, allowed=set(State))

        again = put_in(table, multipart_upload(), idempotency_key="k")

        assert again == changed
        assert table.get(OWNER, multipart_upload().id) is None

    @pytest.mark.parametrize("name", [{"idempotency_key": "other"}, {}], ids=["other", "none"])
    def test_another_key_is_another_upload(self, table: Table, name: dict[str, str]) -> None:
        put_in(table, put_upload(), idempotency_key="k")

        assert put_in(table, multipart_upload(), **name) == multipart_upload()

    def test_a_key_is_its_owners_own(self, table: Table) -> None:
        put_in(table, put_upload(), idempotency_key="k")
        other = put_upload(owner=OTHER_OWNER)

        assert put_in(table, other, idempotency_key="k") is other

    @pytest.mark.parametrize(("seconds", "same"), [(-1, True), (0, False), (1, False)])
    def test_a_key_is_valid_for_a_day(
        self, table: Table, clock: Clock, *, seconds: int, same: bool
    ) -> None:
        first = put_upload(created_at=clock())
        put_in(table, first, idempotency_key="k")
        clock.advance(IDEMPOTENCY_KEPT.total_seconds() + seconds)

        again = put_in(table, multipart_upload(created_at=clock()), idempotency_key="k")

        assert (again.id == first.id) is same

    def test_a_create_during_the_removal_of_its_twin_raises_try_again(self, table: Table) -> None:
        put_in(table, put_upload(), idempotency_key="k")
        table.forget(
            OWNER, [NewUpload(put_upload())]
        )  # the state between the two reads, of the key and of the upload

        with pytest.raises(TryAgain):
            put_in(table, multipart_upload(), idempotency_key="k")

    def test_a_forgotten_upload_leaves_nothing(self, table: Table) -> None:
        put_in(table, put_upload(), idempotency_key="k")

        table.forget(OWNER, [NewUpload(put_upload(), "k")])

        assert table.get(OWNER, PUT_ID) is None
        assert put_in(table, multipart_upload(), idempotency_key="k") == multipart_upload()

    def test_a_fault_leaves_no_key_without_its_upload(self, real: UploadTable) -> None:
        """Forgetting is one request: all of it succeeds or none."""
        put_in(real, put_upload(), idempotency_key="k")
        states: list[str] = []
        real.client.meta.events.register(
            "before-call.dynamodb.*", lambda model, **_: states.append(model.name)
        )

        real.forget(OWNER, [NewUpload(put_upload(), "k")])

        assert states == ["TransactWriteItems"]

    def test_forgetting_keeps_the_key_of_another_upload(self, table: Table) -> None:
        put_in(table, put_upload(), idempotency_key="k")

        table.forget(OWNER, [NewUpload(multipart_upload(), "k")])

        assert put_in(table, multipart_upload(), idempotency_key="k").id == PUT_ID

    @pytest.mark.parametrize(("seconds", "there"), [(-1, True), (0, False), (1, False)])
    def test_an_expired_row_is_not_seen_even_before_its_deletion(
        self, table: Table, clock: Clock, *, seconds: int, there: bool
    ) -> None:
        clock.time = clock().replace(microsecond=0)
        upload = put_in(table, put_upload(created_at=clock(), check_at=clock()))
        table.change(upload, to=State.ABORTED, allowed=set(State))
        clock.advance(ABORTED_KEPT.total_seconds() + seconds)

        assert (table.get(OWNER, upload.id) is not None) is there
        assert len(table.newest(OWNER, state=None, cursor=None, limit=5)[0]) == there
        assert len(list(table.to_check())) == there


def item_of(dynamodb: Any, upload: Upload) -> Any:
    """The item of an upload in DynamoDB."""
    key = upload_key(upload.owner, upload.id)
    return dynamodb.get_item(TableName=TABLE, Key=key)["Item"]


def expires(row: Any) -> datetime | None:
    """When DynamoDB may delete an item."""
    return datetime.fromtimestamp(int(row["expires"]["N"]), UTC) if "expires" in row else None


def whole_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def test_an_aborted_upload_outlives_its_urls(
    real: UploadTable, dynamodb: Any, clock: Clock
) -> None:
    put_in(real, put_upload())
    clock.advance(3600)

    real.change(put_upload(), to=State.ABORTED, allowed=set(State))

    assert expires(item_of(dynamodb, put_upload())) == whole_seconds(clock() + ABORTED_KEPT)
    assert timedelta(days=7) <= ABORTED_KEPT


@pytest.mark.parametrize("rejected_days", [1, 7, 100])
def test_a_rejected_upload_outlives_its_object(
    dynamodb: Any, clock: Clock, rejected_days: int
) -> None:
    real = real_table(dynamodb, clock, rejected_days=rejected_days)
    put_in(real, put_upload())

    real.change(put_upload(), to=State.REJECTED, allowed=set(State))

    due = clock() + timedelta(days=rejected_days) + REJECTED_KEPT_LONGER
    assert expires(item_of(dynamodb, put_upload())) == whole_seconds(due)


@pytest.mark.parametrize("state", [s for s in State if s not in (State.ABORTED, State.REJECTED)])
def test_a_charged_upload_never_expires(real: UploadTable, dynamodb: Any, state: State) -> None:
    rejected = put_in(real, put_upload(state=State.REJECTED))
    rejected = real.change(rejected, to=State.REJECTED, allowed=set(State))
    assert expires(item_of(dynamodb, rejected)) is not None

    real.change(rejected, to=state, allowed=set(State))

    assert expires(item_of(dynamodb, rejected)) is None


def test_an_idempotency_key_expires_after_a_day(real: UploadTable, dynamodb: Any) -> None:
    put_in(real, put_upload(), idempotency_key="k")

    items = {item["sk"]["S"]: item for item in dynamodb.scan(TableName=TABLE)["Items"]}

    due = int((put_upload().created_at + IDEMPOTENCY_KEPT).timestamp())
    assert items["idempotency"]["expires"] == {"N": str(due)}


def test_marks_of_a_crash_are_removed_when_they_would_refuse_an_upload(
    real: UploadTable, dynamodb: Any, clock: Clock
) -> None:
    uploads = several(real, clock, 4)
    marks = {"pk": {"S": f"uploading#{OWNER}"}}
    for upload in uploads[:3]:
        real.change(upload, to=State.UPLOADED, allowed=set(State))
        # The process died after the change, before it could remove the mark.
        dynamodb.put_item(TableName=TABLE, Item={**marks, "sk": {"S": f"upload#{upload.id}"}})

    assert real.in_progress(OWNER, most=4) == 4, "as long as it refuses nobody, nobody looks"
    assert real.in_progress(OWNER, most=3) == 1
    assert real.in_progress(OWNER, most=100) == 1, "the marks are gone"


def test_no_change_of_a_state_leaves_a_mark(real: UploadTable, clock: Clock) -> None:
    upload = put_in(real, put_upload())

    real.claim(upload, Claim(sequencer="1", holder="first", until=clock(), charged=11))

    assert real.in_progress(OWNER, most=100) == 0


def test_a_list_of_one_state_reads_a_limited_number_of_uploads(
    real: UploadTable, dynamodb: Any
) -> None:
    oldest = put_upload(id=f"{PUT_ID[:-4]}0000", state=State.ACCEPTED)
    younger = [put_upload(id=f"{PUT_ID[:-4]}{n:04x}") for n in range(1, SCANNED_AT_MOST + 1)]
    # Not `put_in`: moto copies the whole table in each transaction.
    writes = [{"PutRequest": {"Item": item(upload)}} for upload in [oldest, *younger]]
    for first in range(0, len(writes), 25):
        dynamodb.batch_write_item(RequestItems={TABLE: writes[first : first + 25]})

    page, cursor = real.newest(OWNER, state=State.ACCEPTED, cursor=None, limit=50)
    rest, end = real.newest(OWNER, state=State.ACCEPTED, cursor=cursor, limit=50)

    assert (page, rest, end) == ([], [oldest], None)


class TestReports:
    """Large results of processors are an item of their own."""

    LARGE: ClassVar[dict[str, Any]] = {
        "size": 1,
        "processors": {"names": ["ü" * INLINE_REPORT_SIZE]},
    }
    SMALL: ClassVar[dict[str, Any]] = {"size": 2, "processors": {"names": []}}

    def settle(self, real: UploadTable, upload: Upload, report: Any, **changes: Any) -> Upload:
        return real.change(upload, to=State.ACCEPTED, allowed=set(State), report=report, **changes)

    def apart(self, dynamodb: Any) -> Any:
        return dynamodb.get_item(TableName=TABLE, Key=report_key(OWNER, PUT_ID)).get("Item")

    @pytest.mark.parametrize("report", [LARGE, SMALL, {"size": 3}], ids=["large", "small", "none"])
    def test_a_report_is_read_whole(self, real: UploadTable, report: Any) -> None:
        settled = self.settle(real, put_in(real, put_upload()), report)

        assert settled.report == report
        assert real.get(OWNER, PUT_ID) == settled
        assert real.newest(OWNER, state=None, cursor=None, limit=5)[0] == [settled]

    def test_a_large_report_is_not_written_again_by_the_next_change(
        self, real: UploadTable, dynamodb: Any
    ) -> None:
        settled = self.settle(real, put_in(real, put_upload()), self.LARGE)

        row = item_of(dynamodb, settled)
        assert len(str(row)) < 2 * INLINE_REPORT_SIZE + 2000
        assert "processors" not in row["report"]["S"]
        assert self.apart(dynamodb) is not None

    def test_a_small_report_replaces_a_large_one(self, real: UploadTable, dynamodb: Any) -> None:
        large = self.settle(real, put_in(real, put_upload()), self.LARGE)

        small = self.settle(real, large, self.SMALL)

        assert real.get(OWNER, PUT_ID) == small
        assert self.apart(dynamodb) is None

    def test_an_aborted_upload_keeps_no_report(self, real: UploadTable, dynamodb: Any) -> None:
        large = self.settle(real, put_in(real, put_upload()), self.LARGE)

        real.change(large, to=State.ABORTED, allowed=set(State), report=None)

        assert self.apart(dynamodb) is None

    def test_the_sweep_deletes_a_report_that_it_has_not_read(
        self, real: UploadTable, dynamodb: Any, clock: Clock
    ) -> None:
        self.settle(real, put_in(real, put_upload()), self.LARGE, check_at=clock())
        (due,) = real.to_check()

        real.change(due, to=State.ABORTED, allowed=set(State), report=None)

        assert self.apart(dynamodb) is None


KEY = f"uploads/{OWNER}/2026/film.mp4"
NAME = ObjectKey(OWNER, "2026/film.mp4")


class TestAdoption:
    """Adopted uploads: their owner chose the key."""

    def adopted(self, upload_id: str = PUT_ID) -> Upload:
        return put_upload(id=upload_id, key=KEY, state=State.UPLOADED)

    def test_an_object_is_adopted_once(self, table: Table) -> None:
        first = table.adopt(self.adopted())

        assert table.adopt(self.adopted(MULTIPART_ID)) == first == self.adopted()
        assert table.of_object(NAME) == first
        assert table.get(OWNER, MULTIPART_ID) is None

    def test_an_object_neither_announced_nor_adopted_has_no_upload(self, table: Table) -> None:
        put_in(table, put_upload())

        assert table.of_object(NAME) is None
        assert table.of_object(ObjectKey(OWNER, f"{PUT_ID}/other.txt")) is None
        assert table.of_object(ObjectKey(OTHER_OWNER, f"{PUT_ID}/other.txt")) is None

    def test_an_announced_object_has_its_upload_in_any_state(self, table: Table) -> None:
        put_in(table, put_upload(state=State.ABORTED))
        name = parse_key(put_upload().key)
        assert name is not None

        assert table.of_object(name) == put_upload(state=State.ABORTED)

    def test_a_key_can_be_used_again_after_its_upload_was_deleted(self, table: Table) -> None:
        table.change(table.adopt(self.adopted()), to=State.ABORTED, allowed=set(State))
        assert table.of_object(NAME) is None

        again = table.adopt(self.adopted(MULTIPART_ID))

        assert table.of_object(NAME) == again == self.adopted(MULTIPART_ID)

    def test_the_name_of_an_object_expires_with_an_aborted_upload_only(
        self, real: UploadTable, dynamodb: Any
    ) -> None:
        """A rejected upload may be accepted later: its name must not expire earlier."""
        upload = real.adopt(self.adopted())

        def name() -> Any:
            return dynamodb.get_item(TableName=TABLE, Key=object_key(OWNER, KEY))["Item"]

        rejected = real.change(upload, to=State.REJECTED, allowed=set(State))
        assert expires(name()) is None
        aborted = real.change(rejected, to=State.ABORTED, allowed=set(State))
        assert expires(name()) == expires(item_of(dynamodb, aborted))

    def test_the_longest_key_of_s3_can_be_adopted(self, table: Table) -> None:
        name = ObjectKey(OWNER, "ü" * 480)

        adopted = table.adopt(put_upload(key=str(name), state=State.UPLOADED))

        assert table.of_object(name) == adopted


SMALL = Quota(max_bytes=100, max_files=3)


@pytest.fixture(params=["memory", "moto"])
def limited(request: pytest.FixtureRequest, dynamodb: Any, clock: Clock) -> Table:
    """A table whose owners may keep 100 bytes in 3 files."""
    if request.param == "memory":
        return MemoryTable(clock, quota=SMALL)
    return real_table(dynamodb, clock, quota=SMALL)


def charged(number: int, size: int, **changes: Any) -> Upload:
    upload_id = f"{PUT_ID[:-4]}{number:04x}"
    return put_upload(id=upload_id, size=size, charged=size, **changes)


class TestQuota:
    """The quota of an owner: charged uploads count until they are rejected or aborted."""

    @pytest.mark.parametrize(("size", "fits"), [(39, True), (40, True), (41, False)])
    def test_bytes_are_accepted_up_to_the_quota(
        self, limited: Table, size: int, *, fits: bool
    ) -> None:
        put_in(limited, charged(1, 60))

        if fits:
            put_in(limited, charged(2, size), idempotency_key="k")
        else:
            with pytest.raises(QuotaExceeded):
                put_in(limited, charged(2, size), idempotency_key="k")

        assert (limited.get(OWNER, charged(2, 1).id) is not None) is fits

    def test_a_file_alone_above_the_quota_is_refused(self, limited: Table) -> None:
        with pytest.raises(QuotaExceeded) as refused:
            put_in(limited, charged(1, 101))

        assert refused.value.members == {"max_bytes": 100, "max_files": 3}

    def test_empty_files_are_accepted_up_to_the_number(self, limited: Table) -> None:
        for number in range(3):
            put_in(limited, charged(number, 0))

        with pytest.raises(QuotaExceeded):
            put_in(limited, charged(4, 0))

    def test_a_quota_is_its_owners_own(self, limited: Table) -> None:
        put_in(limited, charged(1, 100))

        put_in(limited, charged(1, 100, owner=OTHER_OWNER))

    def test_the_same_key_gives_the_same_upload_where_there_is_no_room(
        self, limited: Table
    ) -> None:
        put_in(limited, charged(1, 100), idempotency_key="k")

        assert put_in(limited, charged(2, 100), idempotency_key="k") == charged(1, 100)

    @pytest.mark.parametrize("to", [State.ABORTED, State.REJECTED])
    def test_a_charge_is_released_once(self, limited: Table, to: State) -> None:
        upload = put_in(limited, charged(1, 60))
        put_in(limited, charged(2, 40))

        given_back = limited.change(upload, to=to, allowed=set(State))
        limited.change(upload, to=State.ABORTED, allowed=set(State))

        assert given_back.charged is None
        put_in(limited, charged(3, 60))
        with pytest.raises(QuotaExceeded):
            put_in(limited, charged(4, 1))

    def test_a_forgotten_upload_releases_its_charge_once(self, limited: Table) -> None:
        put_in(limited, charged(1, 60))
        put_in(limited, charged(2, 40))

        limited.forget(OWNER, [NewUpload(charged(1, 60))])
        limited.forget(OWNER, [NewUpload(charged(1, 60))])

        put_in(limited, charged(3, 60))
        with pytest.raises(QuotaExceeded):
            put_in(limited, charged(4, 1))

    def test_a_deleted_upload_is_not_forgotten_too(self, limited: Table) -> None:
        upload = put_in(limited, charged(1, 60))
        put_in(limited, charged(2, 40))
        limited.change(upload, to=State.ABORTED, allowed={upload.state})

        limited.forget(OWNER, [NewUpload(upload)])

        put_in(limited, charged(3, 60))
        with pytest.raises(QuotaExceeded):
            put_in(limited, charged(4, 1))

    def test_a_failed_upload_keeps_its_charge(self, limited: Table) -> None:
        upload = put_in(limited, charged(1, 100, state=State.PROCESSING))

        limited.change(upload, to=State.FAILED, allowed=set(State))

        with pytest.raises(QuotaExceeded):
            put_in(limited, charged(2, 1))

    def claim(self, limited: Table, upload: Upload, size: int | None, sequencer: str = "1") -> Any:
        return limited.claim(
            upload,
            Claim(sequencer=sequencer, holder="first", until=upload.created_at, charged=size),
        )

    def test_a_failure_before_the_head_is_charged_the_size_in_its_event(
        self, limited: Table
    ) -> None:
        free = put_in(limited, put_upload(size=1, state=State.UPLOADED))

        failed = limited.fail(free, failure_of(free, size=100))

        assert failed.charged == 100
        with pytest.raises(QuotaExceeded):
            put_in(limited, charged(2, 1))

    def test_an_uncharged_upload_is_charged_when_it_is_claimed(self, limited: Table) -> None:
        free = put_in(limited, put_upload(size=1, state=State.UPLOADED))

        claimed, _ = self.claim(limited, free, 100)

        assert claimed.charged == 100
        assert limited.get(OWNER, free.id) == claimed
        with pytest.raises(QuotaExceeded):
            put_in(limited, charged(2, 1))

    def test_an_uncharged_upload_is_not_claimed_without_room(self, limited: Table) -> None:
        put_in(limited, charged(1, 60))
        free = put_in(limited, put_upload(size=41, state=State.UPLOADED))

        with pytest.raises(QuotaExceeded):
            self.claim(limited, free, 41)

        assert limited.get(OWNER, free.id) == free
        assert self.claim(limited, free, None)[0].charged is None

    @pytest.mark.parametrize(("size", "remaining"), [(90, 10), (30, 70), (60, 40), (None, 100)])
    def test_another_size_is_charged_by_the_difference(
        self, limited: Table, size: int | None, remaining: int
    ) -> None:
        upload = put_in(limited, charged(1, 60, state=State.UPLOADED))

        self.claim(limited, upload, size)

        put_in(limited, charged(2, remaining))
        with pytest.raises(QuotaExceeded):
            put_in(limited, charged(3, 1))

    def test_a_change_over_an_old_charge_is_counted_correctly(self, limited: Table) -> None:
        read = put_in(limited, put_upload(size=60, state=State.UPLOADED))
        self.claim(limited, read, 60)

        deleted = limited.change(read, to=State.ABORTED, allowed=set(State))

        assert (deleted.state, deleted.charged) == (State.ABORTED, None)
        put_in(limited, charged(1, 100))

    def test_a_refused_change_charges_nothing(self, limited: Table) -> None:
        free = put_in(limited, put_upload(size=60, state=State.ABORTED))

        with pytest.raises(WrongState):
            self.claim(limited, free, 60)

        put_in(limited, charged(1, 100))

    def test_an_overtaken_object_above_the_quota_is_refused_as_overtaken(
        self, limited: Table
    ) -> None:
        read = put_in(limited, put_upload(size=60, state=State.UPLOADED))
        self.claim(limited, read, 60, sequencer="2")

        with pytest.raises((QuotaExceeded, WrongState)):
            self.claim(limited, read, 101, sequencer="1")
        with pytest.raises(WrongState):
            self.claim(limited, read, None, sequencer="1")

    def test_an_abandoned_upload_is_charged_until_it_is_aborted(
        self, limited: Table, clock: Clock
    ) -> None:
        abandoned = put_in(limited, charged(1, 100, created_at=clock()))
        clock.advance(366 * 86_400)
        with pytest.raises(QuotaExceeded):
            put_in(limited, charged(2, 1))

        limited.change(abandoned, to=State.ABORTED, allowed=set(State))

        put_in(limited, charged(2, 100))

    def test_an_adopted_object_is_charged_when_it_is_adopted(self, limited: Table) -> None:
        limited.adopt(charged(1, 60, key=KEY, state=State.UPLOADED))

        with pytest.raises(QuotaExceeded):
            limited.adopt(charged(2, 41, key=KEY + "2", state=State.UPLOADED))
        limited.adopt(charged(2, 40, key=KEY + "2", state=State.UPLOADED))

    def test_an_object_that_is_adopted_twice_is_charged_once(self, limited: Table) -> None:
        for number in (1, 2):
            limited.adopt(charged(number, 60, key=KEY, state=State.UPLOADED))

        put_in(limited, charged(3, 40))
