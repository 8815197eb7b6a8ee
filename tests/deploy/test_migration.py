"""Uploads of an earlier version's table, copied into today's: each of them, once, and charged."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import items, keys
from chalicelib.config import Settings
from chalicelib.items import INLINE_REPORT_SIZE, SCHEMA
from chalicelib.keys import parse_key
from chalicelib.table import UploadTable
from chalicelib.upload import State, Upload
from chalicelib.usage import Amount
from deploy import migration
from tests.deploy import former
from tests.support.environment import TABLE
from tests.support.payloads import OTHER_OWNER, OWNER, put_upload
from tests.support.tables import real_table

pytestmark = pytest.mark.slow

FORMER = "hoist-test-Table-1ABCDEF"
NOW = datetime.now(UTC)
YESTERDAY = NOW - timedelta(days=1)
REPORT = {"content_type": "text/plain", "size": 11, "etag": "e", "crc64nvme": "c"}


@pytest.fixture
def account(dynamodb: Any) -> Iterator[Any]:
    """DynamoDB with the table of today, and the one of an earlier version."""
    make(dynamodb, FORMER)
    return dynamodb


@pytest.fixture
def today(account: Any) -> UploadTable:
    return real_table(account, lambda: datetime.now(UTC))


def make(client: Any, name: str, *, stage: str = "test", schema: Any = former.SCHEMA) -> None:
    tags = [{"Key": "hoist:stage", "Value": stage}]
    client.create_table(TableName=name, Tags=tags, **schema)


def upload(state: State, *, number: int = 1, owner: str = OWNER, **changes: Any) -> Upload:
    """An announced upload of yesterday's, as that version had it in a state."""
    upload_id = f"01977a3e-5c00-7b1e-8d4f-{number:012x}"
    key = keys.object_key(owner=owner, upload_id=upload_id, filename="a.txt")
    charged = None if state in (State.REJECTED, State.ABORTED) else 11
    made = put_upload(id=upload_id, owner=owner, key=key, state=state, charged=charged)
    return replace(made, created_at=YESTERDAY, updated_at=YESTERDAY, **changes)


def adopted(state: State, *, number: int = 1, path: str = "b.txt", **changes: Any) -> Upload:
    """One of an object that nobody announced; it was charged once it was accepted."""
    charged = 11 if state is State.ACCEPTED else None
    made = upload(state, number=number, key=f"uploads/{OWNER}/{path}")
    return replace(made, **({"charged": charged} | changes))


def keep(client: Any, *kept: Any) -> None:
    """Write items into the former table."""
    for item in kept:
        client.put_item(TableName=FORMER, Item=item)


def migrate(client: Any, settings: Settings, *, is_last: bool = False) -> None:
    migration.migrate(client, settings, is_last=is_last)


def found(today: UploadTable, made: Upload) -> Upload:
    current = today.get(made.owner, made.id)
    assert current is not None
    return current


def of_object(today: UploadTable, key: str) -> Upload | None:
    name = parse_key(key)
    assert name is not None
    return today.of_object(name)


def check_sums(today: UploadTable) -> None:
    """The sums are what is charged, whatever happened."""
    charged: dict[str, list[int]] = {}
    for each in today.scan():
        charged.setdefault(each.owner, [])
        if each.charged is not None:
            charged[each.owner].append(each.charged)
    for owner, sizes in charged.items():
        assert today.usage.used(owner) == Amount(sum(sizes), len(sizes))


# --- What an upload becomes -----------------------------------------------------------------------

SETTLED = {
    State.ACCEPTED: f"accepted:{REPORT['etag']}:{REPORT['crc64nvme']}:11",
    State.REJECTED: f"rejected:{REPORT['etag']}:{REPORT['crc64nvme']}:11",
}


@pytest.mark.parametrize("state", SETTLED)
def test_an_outcome_that_its_owner_was_told_is_at_rest(
    account: Any, settings: Settings, today: UploadTable, state: State
) -> None:
    made = upload(state, report=REPORT, reason="why", sequencer="A" * 64)
    keep(account, former.item(made, told=state.value))

    migrate(account, settings)

    assert found(today, made) == replace(
        made, outcome=SETTLED[state], notified=SETTLED[state], check_at=None, version=0
    )
    check_sums(today)


@pytest.mark.parametrize("told", [None, "failed"])
@pytest.mark.parametrize("state", SETTLED)
def test_an_outcome_that_its_owner_was_not_told_is_left_to_the_sweep(
    account: Any, settings: Settings, today: UploadTable, state: State, told: str | None
) -> None:
    holds = {"holder": "somebody", "held_until": YESTERDAY}
    keep(account, former.item(upload(state, report=REPORT, **holds), told=told))

    migrate(account, settings)

    (due,) = today.to_check()
    assert (due.state, due.outcome, due.notified) == (state, SETTLED[state], None)
    # It was who notifies that held it.
    assert (due.holder, due.held_until) == (None, None)


@pytest.mark.parametrize("state", [State.UPLOADING, State.UPLOADED, State.PROCESSING])
def test_an_upload_that_is_on_its_way_is_left_to_the_sweep(
    account: Any, settings: Settings, today: UploadTable, state: State
) -> None:
    until = NOW + timedelta(minutes=5)
    made = upload(state, multipart_id="m", holder="request", held_until=until, sequencer="0A")
    keep(account, former.item(made, expires=NOW + timedelta(days=2)))

    migrate(account, settings)

    (due,) = today.to_check()
    assert replace(due, check_at=None) == made
    assert today.in_progress(OWNER, most=10) == (1 if state is State.UPLOADING else 0)
    stored = account.get_item(TableName=TABLE, Key=items.upload_key(OWNER, made.id))["Item"]
    assert "expires" not in stored
    check_sums(today)


def test_a_failed_upload_that_was_told_keeps_the_event_that_failed(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    made = upload(State.FAILED, event={"Records": [1]}, reason="It crashed")
    keep(account, former.item(made, told="failed"))

    migrate(account, settings)

    current = found(today, made)
    assert current.event == {"Records": [1]}
    assert current.outcome == current.notified == f"failed:{made.id}"
    assert current.check_at is None


@pytest.mark.parametrize("state", [State.UPLOADED, State.PROCESSING, State.FAILED, State.ACCEPTED])
def test_an_adopted_upload_is_charged_whatever_that_version_did(
    account: Any, settings: Settings, today: UploadTable, state: State
) -> None:
    made = adopted(state)
    keep(account, former.item(made, told=state.value), former.name_item(made))

    migrate(account, settings)

    current = found(today, made)
    assert current.charged == 11
    assert today.usage.used(OWNER) == Amount(11, 1)
    # Where the object is gone the sweep takes the charge back.
    assert (current.check_at is None) is (state is State.ACCEPTED)


@pytest.mark.parametrize("state", [State.REJECTED, State.ABORTED])
def test_what_takes_nothing_is_forgotten_by_the_new_rules(
    account: Any, settings: Settings, today: UploadTable, state: State
) -> None:
    made = adopted(state, report=REPORT)
    keep(account, former.item(made, told=state.value), former.name_item(made))

    migrate(account, settings)

    days = 7 if state is State.ABORTED else settings.rejected_days + 7
    for key in (items.upload_key(OWNER, made.id), items.object_key(OWNER, made.key)):
        item = account.get_item(TableName=TABLE, Key=key)["Item"]
        left = datetime.fromtimestamp(int(item["expires"]["N"]), UTC) - datetime.now(UTC)
        assert timedelta(days=days - 1) < left <= timedelta(days=days)
    assert found(today, made).charged is None
    assert today.usage.used(OWNER) == Amount(0, 0)
    assert list(today.to_check()) == []


def test_a_large_report_is_an_item_of_its_own(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    report = REPORT | {"processors": {"archive": "x" * INLINE_REPORT_SIZE}}
    made = upload(State.ACCEPTED, report=report)
    keep(account, former.item(made, told="accepted"))

    migrate(account, settings)

    stored = account.get_item(TableName=TABLE, Key=items.upload_key(OWNER, made.id))["Item"]
    assert "processors" not in stored["report"]["S"]
    assert found(today, made).report == report
    (listed,), _ = today.newest(OWNER, state=None, cursor=None, limit=10)
    assert listed.report == report


def test_the_functions_of_today_go_on_with_what_was_copied(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    made = upload(State.UPLOADING)
    keep(account, former.item(made))
    migrate(account, settings)

    (listed,), _ = today.newest(OWNER, state=None, cursor=None, limit=10)
    uploaded = today.change(listed, to=State.UPLOADED, allowed={State.UPLOADING})
    today.change(uploaded, to=State.ABORTED, allowed=set(State))

    assert today.in_progress(OWNER, most=10) == 0
    assert today.usage.used(OWNER) == Amount(0, 0)


def test_what_is_over_is_not_copied(account: Any, settings: Settings) -> None:
    made = upload(State.UPLOADING)
    keep(account, former.item(made, expires=YESTERDAY))
    keep(account, *former.other_items(OWNER, made.id, NOW)[1:])

    migrate(account, settings)

    assert account.scan(TableName=TABLE)["Items"] == []


def test_an_owner_who_has_more_than_the_quota_keeps_it(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    keep(account, *(former.item(upload(State.ACCEPTED, number=n), told="accepted") for n in (1, 2)))

    migrate(account, replace(settings, owner_max_files=1, owner_max_bytes=1))

    assert today.usage.used(OWNER) == Amount(22, 2)


# --- Adopted objects ------------------------------------------------------------------------------


def test_an_object_keeps_the_upload_that_it_was_adopted_as(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    # It was deleted, and came once more under its key.
    gone, made = adopted(State.ABORTED, number=1), adopted(State.ACCEPTED, number=2)
    keep(account, former.item(gone), former.item(made, told="accepted"), former.name_item(made))

    migrate(account, settings)

    assert of_object(today, made.key) == found(today, made)
    assert found(today, gone).state is State.ABORTED


@pytest.mark.parametrize("made", [adopted(State.PROCESSING), upload(State.UPLOADED)])
def test_an_object_that_was_adopted_meanwhile_keeps_its_new_upload(
    account: Any, settings: Settings, today: UploadTable, made: Upload
) -> None:
    other = upload(State.ACCEPTED, number=7)
    keep(account, former.item(made), former.name_item(made), former.item(other, told="accepted"))
    meanwhile = replace(made, id=upload(State.UPLOADED, number=99).id, charged=11)
    today.adopt(meanwhile)

    migrate(account, settings)

    current = of_object(today, made.key)
    assert current is not None
    assert current.id == meanwhile.id
    assert today.get(OWNER, made.id) is None
    # The others of the same transaction are copied all the same.
    assert found(today, other).state is State.ACCEPTED
    check_sums(today)


# --- Once more, and interrupted -------------------------------------------------------------------


def test_what_the_old_functions_wrote_meanwhile_is_copied_over_the_first_copy(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    made = upload(State.UPLOADING)
    keep(account, former.item(made))
    migrate(account, settings)
    later = replace(made, state=State.REJECTED, report=REPORT, updated_at=NOW, charged=None)
    keep(account, former.item(later, told="rejected"))

    migrate(account, settings)

    current = found(today, made)
    assert (current.state, current.notified) == (State.REJECTED, SETTLED[State.REJECTED])
    assert today.usage.used(OWNER) == Amount(0, 0)
    marks = items.in_progress_key(OWNER, made.id)
    assert "Item" not in account.get_item(TableName=TABLE, Key=marks)


def test_what_the_new_functions_wrote_is_never_written_over(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    made, other = upload(State.UPLOADING), upload(State.UPLOADED, number=2)
    keep(account, former.item(made), former.item(other))
    migrate(account, settings)
    aborted = today.change(found(today, made), to=State.ABORTED, allowed=set(State))
    later = {"state": State.ACCEPTED, "report": REPORT, "updated_at": NOW + timedelta(hours=1)}
    for each in (made, other):
        keep(account, former.item(replace(each, **later), told="accepted"))

    migrate(account, settings)

    assert found(today, made) == aborted
    assert found(today, other).state is State.ACCEPTED
    check_sums(today)


def test_to_copy_again_changes_nothing(
    account: Any, settings: Settings, today: UploadTable, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [upload(state, number=n) for n, state in enumerate(State, start=1)]
    keep(account, *(former.item(each) for each in kept))
    keep(account, *former.other_items(OWNER, kept[0].id, NOW))
    migrate(account, settings)
    before = sorted(map(str, account.scan(TableName=TABLE)["Items"]))
    capsys.readouterr()

    migrate(account, settings)

    after = account.scan(TableName=TABLE)["Items"]
    assert len(after) == len(before)
    assert f"0 uploads copied, {len(kept)} up to date there" in capsys.readouterr().out
    check_sums(today)


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("writes", range(5))
def test_interrupted_after_any_write_it_is_finished_by_the_next_run(
    account: Any, settings: Settings, today: UploadTable, writes: int
) -> None:
    owners = [OWNER] * 21 + [OTHER_OWNER] * 3
    kept = [
        upload(list(State)[number % 7], number=number, owner=owner)
        for number, owner in enumerate(owners)
    ]
    keep(account, *(former.item(each) for each in kept))
    keep(account, *former.other_items(OWNER, kept[0].id, NOW))
    left = [writes]

    def die(**_: Any) -> None:
        if not left[0]:
            raise KilledError
        left[0] -= 1

    events = account.meta.events
    for operation in ("TransactWriteItems", "PutItem"):
        events.register(f"before-send.dynamodb.{operation}", die, unique_id=operation)
    interrupted = False
    try:
        migrate(account, settings)
    except KilledError:
        interrupted = True
    finally:
        for operation in ("TransactWriteItems", "PutItem"):
            events.unregister(f"before-send.dynamodb.{operation}", die, unique_id=operation)
    # Three transactions of up to twenty uploads, and an address.
    assert interrupted is (writes < 4)

    migrate(account, settings)

    assert {each.id for each in today.scan()} == {each.id for each in kept}
    check_sums(today)


# --- Addresses ------------------------------------------------------------------------------------


def address(client: Any) -> Any:
    key = {"pk": {"S": f"owner#{OWNER}"}, "sk": {"S": "email"}}
    return client.get_item(TableName=TABLE, Key=key).get("Item", {}).get("address", {}).get("S")


def test_addresses_are_copied_unless_the_new_functions_wrote_one(
    account: Any, settings: Settings
) -> None:
    email = former.other_items(OWNER, "", NOW)[0]
    keep(account, email)
    migrate(account, settings)
    assert address(account) == "a@example.com"

    keep(account, email | {"address": {"S": "b@example.com"}})
    migrate(account, settings)
    assert address(account) == "b@example.com"

    account.put_item(TableName=TABLE, Item=email | {"address": {"S": "c@example.com"}})
    migrate(account, settings)
    assert address(account) == "c@example.com"


# --- Which tables ---------------------------------------------------------------------------------


def test_only_the_stages_own_former_tables_are_found(account: Any) -> None:
    make(account, "hoist-test-Table-OTHERTAG", stage="prod")
    make(account, "hoist-test-Table-NEWSCHEMA", schema=SCHEMA)
    make(account, "hoist-test2-Table-1ABCDEF", stage="test2")
    make(account, "another-Table-1ABCDEF")

    assert [each.name for each in migration.former_tables(account, "test")] == [FORMER]


def test_a_table_that_was_copied_to_its_end_is_left_alone_and_its_end_is_told(
    account: Any, settings: Settings, today: UploadTable, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate(account, settings, is_last=True)
    told = capsys.readouterr().out
    assert f"aws dynamodb delete-table --region eu-west-1 --table-name {FORMER}" in told
    keep(account, former.item(upload(State.ACCEPTED), told="accepted"))

    migrate(account, settings)
    migrate(account, settings, is_last=True)

    assert list(today.scan()) == []
    assert f"{FORMER} was copied on {datetime.now(UTC):%Y-%m-%d}" in capsys.readouterr().out


def test_a_new_stage_has_nothing_to_copy(
    dynamodb: Any, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate(dynamodb, settings)

    assert capsys.readouterr().out == (
        "  nothing to copy: no earlier version deployed this stage\n"
    )
