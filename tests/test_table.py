"""One contract for the fake and for the adapter on moto's DynamoDB."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from chalicelib import notifier, processing, uploads
from chalicelib.errors import InvalidRequest, QuotaExceeded, TryAgain, UploadNotFound, WrongState
from chalicelib.keys import ObjectKey, new_upload_id, parse_key
from chalicelib.parts import MAX_OBJECT_SIZE
from chalicelib.table import (
    ABORTED_KEPT,
    IDEMPOTENCY_KEPT,
    UPLOADING_KEPT_LONGER,
    UploadTable,
)
from chalicelib.upload import State, Upload
from chalicelib.usage import RECOUNTED_EVERY, Quota
from tests.environment import TABLE
from tests.fakes import Clock, MemoryTable
from tests.payloads import MULTIPART_ID, OTHER_OWNER, OWNER, PUT_ID, multipart_upload, put_upload
from tests.tables import real_table


class Table(uploads.Table, processing.Table, notifier.Table, Protocol):
    """The ports of all use cases."""


FULL = multipart_upload(
    crc64nvme="rosUhgp5mIg=",
    report={"size": 11, "content_type": "text/plain", "verified": True, "none": None, "ü": [1]},
    reason="Because of “that”",
    told="accepted",
    sequencer="0067",
    holder="request-1",
    held_until=datetime(2026, 3, 1, 12, 15, tzinfo=UTC),
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
    found: UploadTable = request.getfixturevalue("real")
    return found


def key_of(upload: Upload) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"owner#{upload.owner}"}, "sk": {"S": f"upload#{upload.id}"}}


def several(table: Table, clock: Clock, count: int, **changes: Any) -> list[Upload]:
    """Put uploads, each a second younger than the one before; newest first."""
    made = []
    for _ in range(count):
        clock.advance(1)
        upload = put_upload(id=new_upload_id(clock(), bytes(10)), **changes)
        table.put(upload)
        made.append(upload)
    return made[::-1]


def every_page(table: Table, limit: int, state: State | None = None) -> list[list[Upload]]:
    """Follow the cursors to the end."""
    found, cursor = table.newest(OWNER, state=state, cursor=None, limit=limit)
    pages = [found]
    while cursor is not None:
        found, cursor = table.newest(OWNER, state=state, cursor=cursor, limit=limit)
        pages.append(found)
    return pages


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
    def test_an_upload_comes_back_as_it_was_put(self, table: Table, upload: Upload) -> None:
        table.put(upload)

        assert table.get(OWNER, upload.id) == upload

    def test_an_id_that_is_taken_is_never_overwritten(self, table: Table) -> None:
        table.put(put_upload())

        with pytest.raises(TryAgain):
            table.put(put_upload(filename="other"))

        assert table.get(OWNER, PUT_ID) == put_upload()

    @pytest.mark.parametrize(
        ("owner", "upload_id"), [(OTHER_OWNER, PUT_ID), (OWNER, "x"), ("", "")]
    )
    def test_what_is_not_there_is_none(self, table: Table, owner: str, upload_id: str) -> None:
        table.put(put_upload())

        assert table.get(owner, upload_id) is None

    def test_a_change_moves_the_state_and_the_time(self, table: Table, clock: Clock) -> None:
        table.put(put_upload())
        clock.advance(1.5)

        changed = table.change(put_upload(), to=State.UPLOADED, allowed={State.UPLOADING})

        assert changed == put_upload(state=State.UPLOADED, updated_at=clock())
        assert table.get(OWNER, PUT_ID) == changed

    def test_a_change_sets_attributes_with_the_state(self, table: Table) -> None:
        table.put(put_upload())
        report = {"size": 11, "nested": {"ü": [True, None]}}

        changed = table.change(
            put_upload(), to=State.REJECTED, allowed=set(State), report=report, reason="Because"
        )

        assert (changed.report, changed.reason) == (report, "Because")
        assert table.get(OWNER, PUT_ID) == changed

    def test_a_change_keeps_what_it_does_not_name(self, table: Table) -> None:
        table.put(FULL)

        changed = table.change(FULL, to=State.PROCESSING, allowed={State.ACCEPTED})

        assert replace(changed, state=FULL.state, updated_at=FULL.updated_at) == FULL

    def test_a_change_starts_from_what_is_stored(self, table: Table) -> None:
        table.put(put_upload(reason="stored"))

        changed = table.change(
            put_upload(reason="stale"), to=State.UPLOADED, allowed={State.UPLOADING}
        )

        assert changed.reason == "stored"

    @pytest.mark.parametrize("reason", ["Because", None], ids=["there", "absent"])
    def test_an_attribute_that_is_none_is_removed(self, table: Table, reason: str | None) -> None:
        table.put(put_upload(state=State.FAILED, reason=reason))

        changed = table.change(put_upload(), to=State.ACCEPTED, allowed=set(State), reason=None)

        assert changed.reason is None
        assert table.get(OWNER, PUT_ID) == changed

    @pytest.mark.parametrize("state", State)
    def test_a_change_from_another_state_is_refused_and_changes_nothing(
        self, table: Table, state: State
    ) -> None:
        table.put(put_upload(state=state))

        with pytest.raises(WrongState, match=f"The upload is {state}"):
            table.change(
                put_upload(), to=State.FAILED, allowed=set(State) - {state}, reason="Because"
            )

        assert table.get(OWNER, PUT_ID) == put_upload(state=state)

    @pytest.mark.parametrize("state", State)
    def test_a_change_from_an_allowed_state_happens(self, table: Table, state: State) -> None:
        table.put(put_upload(state=state))

        changed = table.change(put_upload(), to=State.PROCESSING, allowed={state, State.ABORTED})

        assert changed.state is State.PROCESSING

    @pytest.mark.parametrize("owner", [OTHER_OWNER, OWNER], ids=["somebody else's", "no such"])
    def test_a_change_of_what_is_not_there_is_refused(self, table: Table, owner: str) -> None:
        absent = put_upload(owner=owner)

        with pytest.raises(UploadNotFound):
            table.change(absent, to=State.UPLOADED, allowed=set(State))

        assert table.get(owner, PUT_ID) is None

    def test_of_two_equal_changes_one_happens(self, table: Table) -> None:
        table.put(put_upload())
        table.change(put_upload(), to=State.UPLOADED, allowed={State.UPLOADING})

        with pytest.raises(WrongState):
            table.change(put_upload(), to=State.UPLOADED, allowed={State.UPLOADING})

    def test_only_the_holder_may_change_what_is_held(self, table: Table) -> None:
        table.put(put_upload(state=State.PROCESSING, holder="first"))

        with pytest.raises(WrongState):
            table.change(put_upload(), to=State.FAILED, allowed=set(State), held_by="second")
        changed = table.change(
            put_upload(), to=State.FAILED, allowed=set(State), held_by="first", holder=None
        )

        assert (changed.state, changed.holder) == (State.FAILED, None)

    def test_what_nobody_holds_is_no_holders_to_change(self, table: Table) -> None:
        table.put(put_upload())

        with pytest.raises(WrongState):
            table.change(put_upload(), to=State.FAILED, allowed=set(State), held_by="first")

    @pytest.mark.parametrize(
        ("stored", "possible"),
        [
            pytest.param({"state": State.UPLOADING}, False, id="uploading"),
            pytest.param({"state": State.UPLOADED}, True, id="uploaded"),
            pytest.param({"state": State.ABORTED}, False, id="aborted"),
            pytest.param({"state": State.FAILED}, True, id="failed"),
            pytest.param({"state": State.ACCEPTED}, True, id="accepted for no event"),
            pytest.param({"state": State.FAILED, "sequencer": "2"}, True, id="failed again"),
            pytest.param({"state": State.FAILED, "sequencer": "3"}, False, id="failed for a newer"),
            pytest.param({"state": State.ACCEPTED, "sequencer": "1"}, True, id="older accepted"),
            pytest.param({"state": State.ACCEPTED, "sequencer": "2"}, False, id="this accepted"),
            pytest.param({"state": State.REJECTED, "sequencer": "2"}, False, id="this rejected"),
            pytest.param({"state": State.REJECTED, "sequencer": "3"}, False, id="newer rejected"),
        ],
    )
    def test_an_upload_is_claimed_for_an_event_unless_it_was_settled_for_it_or_a_newer(
        self, table: Table, clock: Clock, *, stored: dict[str, Any], possible: bool
    ) -> None:
        table.put(put_upload(told="failed", **stored))
        until = clock() + timedelta(seconds=60)

        if not possible:
            with pytest.raises(WrongState):
                table.claim(put_upload(), sequencer="2", holder="first", until=until)
            assert table.get(OWNER, PUT_ID) == put_upload(told="failed", **stored)
            return
        claimed = table.claim(put_upload(), sequencer="2", holder="first", until=until)

        assert claimed == table.get(OWNER, PUT_ID)
        assert claimed == put_upload(
            state=State.PROCESSING,
            sequencer="2",
            holder="first",
            held_until=until,
            updated_at=clock(),
        )

    @pytest.mark.parametrize(
        ("sequencer", "holder", "seconds", "possible"),
        [
            pytest.param("2", "first", 0, True, id="a retry of the holder's"),
            pytest.param("2", "second", 59, False, id="another before its time is over"),
            pytest.param("2", "second", 60, True, id="another when its time is over"),
            pytest.param("3", "second", 0, True, id="a newer event"),
            pytest.param("1", "second", 99, False, id="an older event"),
        ],
    )
    def test_a_claim_holds_until_its_time_is_over(
        self,
        table: Table,
        clock: Clock,
        *,
        sequencer: str,
        holder: str,
        seconds: int,
        possible: bool,
    ) -> None:
        table.put(put_upload(state=State.UPLOADED))
        until = clock() + timedelta(seconds=60)
        first = table.claim(put_upload(), sequencer="2", holder="first", until=until)
        clock.advance(seconds)

        if possible:
            taken = table.claim(
                put_upload(), sequencer=sequencer, holder=holder, until=clock() + timedelta(1)
            )
            assert taken.holder == holder
            return
        with pytest.raises(WrongState):
            table.claim(
                put_upload(), sequencer=sequencer, holder=holder, until=clock() + timedelta(1)
            )
        assert table.get(OWNER, PUT_ID) == first

    def test_what_is_not_there_is_not_claimed(self, table: Table, clock: Clock) -> None:
        with pytest.raises(UploadNotFound):
            table.claim(put_upload(), sequencer="2", holder="first", until=clock())
        with pytest.raises(UploadNotFound):
            table.claim_telling(put_upload(), holder="first", until=clock())

    @pytest.mark.parametrize(
        ("stored", "possible"),
        [
            pytest.param({}, True, id="untold"),
            pytest.param({"told": "failed"}, True, id="told something else"),
            pytest.param({"told": "accepted"}, False, id="told"),
            pytest.param({"state": State.PROCESSING}, False, id="changed"),
            pytest.param({"holder": "second"}, True, id="being told by the same"),
            pytest.param({"holder": "first"}, False, id="being told by another"),
            pytest.param({"holder": "first", "late": True}, True, id="left untold by another"),
        ],
    )
    def test_an_outcome_is_held_by_one_who_tells_it(
        self, table: Table, clock: Clock, *, stored: dict[str, Any], possible: bool
    ) -> None:
        late = stored.pop("late", False) if (stored := dict(stored)) else False
        held_until = clock() + timedelta(seconds=0 if late else 1) if stored.get("holder") else None
        upload = put_upload(**({"state": State.ACCEPTED, "held_until": held_until} | stored))
        table.put(upload)
        asked = replace(upload, state=State.ACCEPTED)

        if not possible:
            with pytest.raises(WrongState):
                table.claim_telling(asked, holder="second", until=clock() + timedelta(minutes=15))
            assert table.get(OWNER, PUT_ID) == upload
            return
        held = table.claim_telling(asked, holder="second", until=clock() + timedelta(minutes=15))

        assert held == table.get(OWNER, PUT_ID)
        assert (held.holder, held.state) == ("second", State.ACCEPTED)

    @pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 10, 11])
    def test_pages_list_every_upload_once_newest_first(
        self, table: Table, clock: Clock, count: int
    ) -> None:
        made = several(table, clock, count)

        pages = every_page(table, limit=5)

        assert sum(pages, []) == made  # noqa: RUF017 - a handful
        assert all(len(page) <= 5 for page in pages)

    @pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 11])
    def test_pages_of_one_state_list_each_of_it_once(
        self, table: Table, clock: Clock, count: int
    ) -> None:
        made = []
        for _ in range(count):
            made = several(table, clock, 1, state=State.ACCEPTED) + made
            several(table, clock, 2, state=State.REJECTED)

        pages = every_page(table, limit=5, state=State.ACCEPTED)

        assert sum(pages, []) == made  # noqa: RUF017 - a handful
        assert all(len(page) == 5 for page in pages[:-2])

    def test_somebody_elses_uploads_are_not_listed(self, table: Table, clock: Clock) -> None:
        several(table, clock, 2, owner=OTHER_OWNER)

        assert table.newest(OWNER, state=None, cursor=None, limit=5) == ([], None)

    def test_a_cursor_is_no_way_to_somebody_elses_uploads(self, table: Table, clock: Clock) -> None:
        several(table, clock, 3, owner=OTHER_OWNER)
        _, cursor = table.newest(OTHER_OWNER, state=None, cursor=None, limit=1)
        assert cursor is not None

        assert table.newest(OWNER, state=None, cursor=cursor, limit=5) == ([], None)

    def test_a_cursor_still_works_when_its_upload_is_changed(
        self, table: Table, clock: Clock
    ) -> None:
        made = several(table, clock, 3)
        _, cursor = table.newest(OWNER, state=None, cursor=None, limit=1)
        table.change(made[0], to=State.ABORTED, allowed=set(State))

        found, _ = table.newest(OWNER, state=None, cursor=cursor, limit=5)

        assert found == made[1:]

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
    def test_a_cursor_that_was_not_given_out_is_refused(self, table: Table, cursor: str) -> None:
        with pytest.raises(InvalidRequest, match="cursor"):
            table.newest(OWNER, state=None, cursor=cursor, limit=5)

    def test_an_empty_cursor_is_the_beginning(self, table: Table, clock: Clock) -> None:
        made = several(table, clock, 1)

        assert table.newest(OWNER, state=None, cursor="", limit=5) == (made, None)

    def test_a_cursor_of_one_state_still_works_when_its_upload_is_in_another(
        self, table: Table, clock: Clock
    ) -> None:
        made = several(table, clock, 3)
        _, cursor = table.newest(OWNER, state=State.UPLOADING, cursor=None, limit=1)
        table.change(made[0], to=State.ABORTED, allowed=set(State))

        found, _ = table.newest(OWNER, state=State.UPLOADING, cursor=cursor, limit=5)

        assert found == made[1:]

    def test_an_upload_is_counted_in_the_state_it_is_in(self, table: Table, clock: Clock) -> None:
        made = several(table, clock, 3)
        several(table, clock, 2, owner=OTHER_OWNER)
        table.change(made[0], to=State.UPLOADED, allowed=set(State))

        counts = [table.count(OWNER, state=s) for s in (State.UPLOADING, State.UPLOADED)]

        assert counts == [2, 1]

    def test_a_new_upload_is_the_one_that_was_put(self, table: Table) -> None:
        upload = put_upload()

        assert table.put(upload, idempotency_key="k") is upload
        assert table.get(OWNER, upload.id) == upload

    def test_a_key_that_comes_again_gives_the_upload_as_it_stands(self, table: Table) -> None:
        table.put(put_upload(), idempotency_key="k")
        changed = table.change(put_upload(), to=State.UPLOADED, allowed=set(State))

        again = table.put(multipart_upload(), idempotency_key="k")

        assert again == changed
        assert table.get(OWNER, multipart_upload().id) is None

    @pytest.mark.parametrize("name", [{"idempotency_key": "other"}, {}], ids=["other", "none"])
    def test_another_key_is_another_upload(self, table: Table, name: dict[str, str]) -> None:
        table.put(put_upload(), idempotency_key="k")

        assert table.put(multipart_upload(), **name) == multipart_upload()

    def test_a_key_is_its_owners_own(self, table: Table) -> None:
        table.put(put_upload(), idempotency_key="k")
        other = put_upload(owner=OTHER_OWNER)

        assert table.put(other, idempotency_key="k") is other

    @pytest.mark.parametrize(("seconds", "same"), [(-1, True), (0, False), (1, False)])
    def test_a_key_is_good_for_a_day(
        self, table: Table, clock: Clock, *, seconds: int, same: bool
    ) -> None:
        first = put_upload(created_at=clock())
        table.put(first, idempotency_key="k")
        clock.advance(IDEMPOTENCY_KEPT.total_seconds() + seconds)

        again = table.put(multipart_upload(created_at=clock()), idempotency_key="k")

        assert (again.id == first.id) is same

    def test_what_meets_its_twin_being_taken_back_is_to_try_again(self, table: Table) -> None:
        table.put(put_upload(), idempotency_key="k")
        table.forget(put_upload())  # as it is between reading the key and the upload

        with pytest.raises(TryAgain):
            table.put(multipart_upload(), idempotency_key="k")

    def test_what_is_forgotten_was_never_there(self, table: Table) -> None:
        table.put(put_upload(), idempotency_key="k")

        table.forget(put_upload(), idempotency_key="k")

        assert table.get(OWNER, PUT_ID) is None
        assert table.put(multipart_upload(), idempotency_key="k") == multipart_upload()

    def test_a_fault_leaves_no_key_without_its_upload(self, real: UploadTable) -> None:
        """Forgetting is one request: it is done, or it is not."""
        real.put(put_upload(), idempotency_key="k")
        asked: list[str] = []
        real.client.meta.events.register(
            "before-call.dynamodb.*", lambda model, **_: asked.append(model.name)
        )

        real.forget(put_upload(), idempotency_key="k")

        assert asked == ["TransactWriteItems"]

    def test_forgetting_leaves_somebody_elses_key_alone(self, table: Table) -> None:
        table.put(put_upload(), idempotency_key="k")

        table.forget(multipart_upload(), idempotency_key="k")

        assert table.put(multipart_upload(), idempotency_key="k").id == PUT_ID

    @pytest.mark.parametrize(("seconds", "there"), [(-1, True), (0, False), (1, False)])
    def test_what_is_due_is_not_seen_even_before_it_is_deleted(
        self, table: Table, clock: Clock, *, seconds: int, there: bool
    ) -> None:
        clock.time = clock().replace(microsecond=0)
        upload = put_upload(created_at=clock())
        table.put(upload)
        clock.advance((timedelta(days=1) + UPLOADING_KEPT_LONGER).total_seconds() + seconds)

        assert (table.get(OWNER, upload.id) is not None) is there
        assert table.count(OWNER, state=State.UPLOADING) == there
        assert len(table.newest(OWNER, state=None, cursor=None, limit=5)[0]) == there


def expires(dynamodb: Any) -> datetime | None:
    """When DynamoDB may forget the one item there is."""
    (item,) = dynamodb.scan(TableName=TABLE)["Items"]
    return datetime.fromtimestamp(int(item["expires"]["N"]), UTC) if "expires" in item else None


def whole_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def test_an_aborted_upload_outlives_its_urls(
    real: UploadTable, dynamodb: Any, clock: Clock
) -> None:
    real.put(put_upload())
    clock.advance(3600)

    real.change(put_upload(), to=State.ABORTED, allowed=set(State))

    assert expires(dynamodb) == whole_seconds(clock() + ABORTED_KEPT)
    assert timedelta(days=7) < ABORTED_KEPT


@pytest.mark.parametrize("upload_days", [1, 10])
def test_an_upload_nobody_completes_outlives_its_parts(
    dynamodb: Any, clock: Clock, upload_days: int
) -> None:
    real = real_table(dynamodb, clock, upload_days=upload_days)
    upload = put_upload()
    real.put(upload)
    created = expires(dynamodb)
    clock.advance(3600)

    real.change(upload, to=State.UPLOADING, allowed=set(State), crc64nvme="rosUhgp5mIg=")

    due = whole_seconds(upload.created_at + timedelta(days=upload_days) + UPLOADING_KEPT_LONGER)
    assert (created, expires(dynamodb)) == (due, due)
    assert timedelta(days=1) < UPLOADING_KEPT_LONGER, "the lifecycle may take a day"


@pytest.mark.parametrize("state", [s for s in State if s not in (State.ABORTED, State.UPLOADING)])
def test_any_other_upload_lives_on(real: UploadTable, dynamodb: Any, state: State) -> None:
    real.put(put_upload())

    real.change(put_upload(), to=state, allowed=set(State))

    found = dynamodb.get_item(TableName=TABLE, Key=key_of(put_upload()))["Item"]
    assert "expires" not in found


def test_an_idempotency_key_dies_after_a_day(real: UploadTable, dynamodb: Any) -> None:
    real.put(put_upload(), idempotency_key="k")

    items = {item["sk"]["S"]: item for item in dynamodb.scan(TableName=TABLE)["Items"]}

    due = int((put_upload().created_at + IDEMPOTENCY_KEPT).timestamp())
    assert items["idempotency#k"]["expires"] == {"N": str(due)}


KEY = f"uploads/{OWNER}/2026/film.mp4"
NAME = ObjectKey(OWNER, "2026/film.mp4")


class TestAdoption:
    """Uploads of objects whose owner chose the key."""

    def adopted(self, upload_id: str = PUT_ID) -> Upload:
        return put_upload(id=upload_id, key=KEY, state=State.UPLOADED)

    def test_an_object_is_adopted_once(self, table: Table) -> None:
        first = table.adopt(self.adopted())

        assert table.adopt(self.adopted(MULTIPART_ID)) == first == self.adopted()
        assert table.of_object(NAME) == first
        assert table.get(OWNER, MULTIPART_ID) is None

    def test_nothing_is_known_of_what_was_neither_announced_nor_adopted(self, table: Table) -> None:
        table.put(put_upload())

        assert table.of_object(NAME) is None
        assert table.of_object(ObjectKey(OWNER, f"{PUT_ID}/other.txt")) is None
        assert table.of_object(ObjectKey(OTHER_OWNER, f"{PUT_ID}/other.txt")) is None

    def test_an_object_that_was_announced_is_found_in_any_state(self, table: Table) -> None:
        table.put(put_upload(state=State.ABORTED))
        name = parse_key(put_upload().key)
        assert name is not None

        assert table.of_object(name) == put_upload(state=State.ABORTED)

    def test_a_key_can_be_used_again_after_its_upload_was_deleted(self, table: Table) -> None:
        table.change(table.adopt(self.adopted()), to=State.ABORTED, allowed=set(State))
        assert table.of_object(NAME) is None

        again = table.adopt(self.adopted(MULTIPART_ID))

        assert table.of_object(NAME) == again == self.adopted(MULTIPART_ID)

    def test_a_key_as_long_as_s3_takes_it_can_be_adopted(self, table: Table) -> None:
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
    """What an owner may keep; `charged` uploads count until they are rejected or aborted."""

    @pytest.mark.parametrize(("size", "fits"), [(39, True), (40, True), (41, False)])
    def test_bytes_are_admitted_up_to_the_quota(
        self, limited: Table, size: int, *, fits: bool
    ) -> None:
        limited.put(charged(1, 60))

        if fits:
            limited.put(charged(2, size), idempotency_key="k")
        else:
            with pytest.raises(QuotaExceeded):
                limited.put(charged(2, size), idempotency_key="k")

        assert (limited.get(OWNER, charged(2, 1).id) is not None) is fits

    def test_a_file_alone_above_the_quota_is_refused(self, limited: Table) -> None:
        with pytest.raises(QuotaExceeded) as refused:
            limited.put(charged(1, 101))

        assert refused.value.members == {"max_bytes": 100, "max_files": 3}

    def test_empty_files_are_admitted_up_to_the_number(self, limited: Table) -> None:
        for number in range(3):
            limited.put(charged(number, 0))

        with pytest.raises(QuotaExceeded):
            limited.put(charged(4, 0))

    def test_a_quota_is_its_owners_own(self, limited: Table) -> None:
        limited.put(charged(1, 100))

        limited.put(charged(1, 100, owner=OTHER_OWNER))

    def test_the_same_key_gives_the_same_upload_where_there_is_no_room(
        self, limited: Table
    ) -> None:
        limited.put(charged(1, 100), idempotency_key="k")

        assert limited.put(charged(2, 100), idempotency_key="k") == charged(1, 100)

    @pytest.mark.parametrize("to", [State.ABORTED, State.REJECTED])
    def test_room_is_given_back_once(self, limited: Table, to: State) -> None:
        upload = limited.put(charged(1, 60))
        limited.put(charged(2, 40))

        given_back = limited.change(upload, to=to, allowed=set(State))
        limited.change(upload, to=State.ABORTED, allowed=set(State))

        assert given_back.charged is None
        limited.put(charged(3, 60))
        with pytest.raises(QuotaExceeded):
            limited.put(charged(4, 1))

    def test_what_is_forgotten_gives_its_room_back_once(self, limited: Table) -> None:
        limited.put(charged(1, 60))
        limited.put(charged(2, 40))

        limited.forget(charged(1, 60))
        limited.forget(charged(1, 60))

        limited.put(charged(3, 60))
        with pytest.raises(QuotaExceeded):
            limited.put(charged(4, 1))

    def test_what_fails_keeps_its_room(self, limited: Table) -> None:
        upload = limited.put(charged(1, 100, state=State.PROCESSING))

        limited.change(upload, to=State.FAILED, allowed=set(State))

        with pytest.raises(QuotaExceeded):
            limited.put(charged(2, 1))

    def test_what_was_free_is_charged_when_it_is_accepted(self, limited: Table) -> None:
        free = limited.put(put_upload(size=100, state=State.PROCESSING))

        accepted = limited.change(free, to=State.ACCEPTED, allowed=set(State))

        assert accepted.charged == 100
        assert limited.get(OWNER, free.id) == accepted
        with pytest.raises(QuotaExceeded):
            limited.put(charged(2, 1))

    def test_what_was_free_is_not_accepted_where_there_is_no_room(self, limited: Table) -> None:
        limited.put(charged(1, 60))
        free = limited.put(put_upload(size=41, state=State.PROCESSING))

        with pytest.raises(QuotaExceeded):
            limited.change(free, to=State.ACCEPTED, allowed=set(State))

        assert limited.get(OWNER, free.id) == free

    def test_another_size_is_charged_by_the_difference(self, limited: Table) -> None:
        upload = limited.put(charged(1, 60, state=State.PROCESSING))

        limited.change(upload, to=State.ACCEPTED, allowed=set(State), size=90)

        limited.put(charged(2, 10))
        with pytest.raises(QuotaExceeded):
            limited.put(charged(3, 1))

    def test_a_change_by_somebody_who_read_another_charge_counts_right(
        self, limited: Table
    ) -> None:
        read = limited.put(put_upload(size=60, state=State.PROCESSING))
        limited.change(read, to=State.ACCEPTED, allowed=set(State))

        deleted = limited.change(read, to=State.ABORTED, allowed=set(State))

        assert (deleted.state, deleted.charged) == (State.ABORTED, None)
        limited.put(charged(1, 100))

    def test_a_refused_change_charges_nothing(self, limited: Table) -> None:
        free = limited.put(put_upload(size=60, state=State.ABORTED))

        with pytest.raises(WrongState):
            limited.change(free, to=State.ACCEPTED, allowed={State.PROCESSING})

        limited.put(charged(1, 100))

    def test_an_abandoned_upload_gives_its_room_back_when_it_is_due(
        self, limited: Table, clock: Clock
    ) -> None:
        limited.put(charged(1, 100, created_at=clock()))
        clock.advance(UPLOADING_KEPT_LONGER.total_seconds() + 86_400)

        limited.put(charged(2, 100, created_at=clock()))

        with pytest.raises(QuotaExceeded):
            limited.put(charged(3, 1, created_at=clock()))


def test_sums_are_made_anew_once_an_hour_at_most(dynamodb: Any, clock: Clock) -> None:
    table = real_table(dynamodb, clock, quota=SMALL)
    table.put(charged(1, 100, state=State.ACCEPTED))
    with pytest.raises(QuotaExceeded):  # counted now
        table.put(charged(2, 1))
    # DynamoDB's time to live deletes a row, and nobody is told.
    dynamodb.delete_item(
        TableName=TABLE,
        Key={"pk": {"S": f"owner#{OWNER}"}, "sk": {"S": f"upload#{charged(1, 1).id}"}},
    )

    clock.advance(RECOUNTED_EVERY.total_seconds() - 1)
    with pytest.raises(QuotaExceeded):
        table.put(charged(2, 1))
    clock.advance(1)
    table.put(charged(2, 1))
