"""Uploads of an earlier version's table are copied and charged once each."""

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
    """DynamoDB with the current table, and that of an earlier version."""
    make(dynamodb, FORMER)
    return dynamodb  # type: ignore[no-any-return]


@pytest.fixture
def today(account: Any) -> UploadTable:
    return real_table(account, lambda: datetime.now(UTC))


def make(client: Any, name: str, *, stage: str = "test", schema: Any = former.SCHEMA) -> None:
    tags = [{"Key": "hoist:stage", "Value": stage}]
    client.create_table(TableName=name, Tags=tags, **schema)


def upload(state: State, *, number: int = 1, owner: str = OWNER, **changes: Any) -> Upload:
    """An announced upload of yesterday in that version's form, in some state."""
    upload_id = f"01977a3e-5c00-7b1e-8d4f-{number:012x}"
    key = keys.object_key(owner=owner, upload_id=upload_id, filename="a.txt")
    charged = None if state in (State.REJECTED, State.ABORTED) else 11
    created = put_upload(id=upload_id, owner=owner, key=key, state=state, charged=charged)
    return replace(created, created_at=YESTERDAY, updated_at=YESTERDAY, **changes)


def adopted(state: State, *, number: int = 1, path: str = "b.txt", **changes: Any) -> Upload:
    """An upload of an unannounced object; that version charged it when it was accepted."""
    charged = 11 if state is State.ACCEPTED else None
    created = upload(state, number=number, key=f"uploads/{OWNER}/{path}")
    return replace(created, **({"charged": charged} | changes))


def keep(client: Any, *expected_items: Any) -> None:
    """Write items into the former table."""
    for item in expected_items:
        client.put_item(TableName=FORMER, Item=item)


def migrate(client: Any, settings: Settings, *, is_last: bool = False) -> None:
    migration.migrate(client, settings, is_last=is_last)


def read_upload(today: UploadTable, created: Upload) -> Upload:
    current = today.get(created.owner, created.id)
    assert current is not None
    return current


def of_object(today: UploadTable, key: str) -> Upload | None:
    name = parse_key(key)
    assert name is not None
    return today.of_object(name)


def check_sums(today: UploadTable) -> None:
    """Compare the sums of the quota with the charges of the uploads."""
    charged: dict[str, list[int]] = {}
    for each in today.scan():
        charged.setdefault(each.owner, [])
        if each.charged is not None:
            charged[each.owner].append(each.charged)
    for owner, sizes in charged.items():
        assert today.usage.used(owner) == Amount(sum(sizes), len(sizes))


# --- Converted uploads ----------------------------------------------------------------------------

SETTLED = {
    State.ACCEPTED: f"accepted:{REPORT['etag']}:{REPORT['crc64nvme']}:11",
    State.REJECTED: f"rejected:{REPORT['etag']}:{REPORT['crc64nvme']}:11",
}


@pytest.mark.parametrize("state", SETTLED)
def test_an_outcome_with_a_notification_needs_no_sweep(
    account: Any, settings: Settings, today: UploadTable, state: State
) -> None:
    created = upload(state, report=REPORT, reason="why", sequencer="A" * 64)
    keep(account, former.item(created, state_notified=state.value))

    migrate(account, settings)

    assert read_upload(today, created) == replace(
        created, outcome=SETTLED[state], notified=SETTLED[state], check_at=None, version=0
    )
    check_sums(today)


@pytest.mark.parametrize("state_notified", [None, "failed"])
@pytest.mark.parametrize("state", SETTLED)
def test_an_outcome_without_a_notification_is_left_to_the_sweep(
    account: Any, settings: Settings, today: UploadTable, state: State, state_notified: str | None
) -> None:
    holds = {"holder": "somebody", "held_until": YESTERDAY}
    keep(account, former.item(upload(state, report=REPORT, **holds), state_notified=state_notified))  # type: ignore[arg-type]

    migrate(account, settings)

    (due,) = today.to_check()
    assert (due.state, due.outcome, due.notified) == (state, SETTLED[state], None)
    # The notifier held it.
    assert (due.holder, due.held_until) == (None, None)


@pytest.mark.parametrize("state", [State.UPLOADING, State.UPLOADED, State.PROCESSING])
def test_an_upload_in_progress_is_left_to_the_sweep(
    account: Any, settings: Settings, today: UploadTable, state: State
) -> None:
    until = NOW + timedelta(minutes=5)
    created = upload(state, multipart_id="m", holder="request", held_until=until, sequencer="0A")
    keep(account, former.item(created, expires=NOW + timedelta(days=2)))

    migrate(account, settings)

    (due,) = today.to_check()
    assert replace(due, check_at=None) == created
    assert today.in_progress(OWNER, most=10) == (1 if state is State.UPLOADING else 0)
    item_of = account.get_item(TableName=TABLE, Key=items.upload_key(OWNER, created.id))["Item"]
    assert "expires" not in item_of
    check_sums(today)


def test_a_failed_upload_keeps_the_event_that_failed(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    created = upload(State.FAILED, event={"Records": [1]}, reason="It crashed")
    keep(account, former.item(created, state_notified="failed"))

    migrate(account, settings)

    current = read_upload(today, created)
    assert current.event == {"Records": [1]}
    assert current.outcome == current.notified == f"failed:{created.id}"
    assert current.check_at is None


@pytest.mark.parametrize("state", [State.UPLOADED, State.PROCESSING, State.FAILED, State.ACCEPTED])
def test_an_adopted_upload_is_charged_even_if_that_version_did_not(
    account: Any, settings: Settings, today: UploadTable, state: State
) -> None:
    created = adopted(state)
    keep(account, former.item(created, state_notified=state.value), former.name_item(created))

    migrate(account, settings)

    current = read_upload(today, created)
    assert current.charged == 11
    assert today.usage.used(OWNER) == Amount(11, 1)
    # If the object is deleted, the sweep removes the charge.
    assert (current.check_at is None) is (state is State.ACCEPTED)


@pytest.mark.parametrize("state", [State.REJECTED, State.ABORTED])
def test_uploads_without_a_charge_expire_by_the_new_rules(
    account: Any, settings: Settings, today: UploadTable, state: State
) -> None:
    created = adopted(state, report=REPORT)
    keep(account, former.item(created, state_notified=state.value), former.name_item(created))

    migrate(account, settings)

    days = 7 if state is State.ABORTED else settings.rejected_days + 7
    for key in (items.upload_key(OWNER, created.id), items.object_key(OWNER, created.key)):
        item = account.get_item(TableName=TABLE, Key=key)["Item"]
        remaining = datetime.fromtimestamp(int(item["expires"]["N"]), UTC) - datetime.now(UTC)
        assert timedelta(days=days - 1) < remaining <= timedelta(days=days)
    assert read_upload(today, created).charged is None
    assert today.usage.used(OWNER) == Amount(0, 0)
    assert list(today.to_check()) == []


def test_a_large_report_becomes_an_item_of_its_own(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    report = REPORT | {"processors": {"archive": "x" * INLINE_REPORT_SIZE}}
    created = upload(State.ACCEPTED, report=report)
    keep(account, former.item(created, state_notified="accepted"))

    migrate(account, settings)

    item_of = account.get_item(TableName=TABLE, Key=items.upload_key(OWNER, created.id))["Item"]
    assert "processors" not in item_of["report"]["S"]
    assert read_upload(today, created).report == report
    (listed,), _ = today.newest(OWNER, state=None, cursor=None, limit=10)
    assert listed.report == report


def test_the_new_functions_continue_with_copied_uploads(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    created = upload(State.UPLOADING)
    keep(account, former.item(created))
    migrate(account, settings)

    (listed,), _ = today.newest(OWNER, state=None, cursor=None, limit=10)
    uploaded = today.change(listed, to=State.UPLOADED, allowed={State.UPLOADING})
    today.change(uploaded, to=State.ABORTED, allowed=set(State))

    assert today.in_progress(OWNER, most=10) == 0
    assert today.usage.used(OWNER) == Amount(0, 0)


def test_expired_uploads_are_not_copied(account: Any, settings: Settings) -> None:
    created = upload(State.UPLOADING)
    keep(account, former.item(created, expires=YESTERDAY))
    keep(account, *former.other_items(OWNER, created.id, NOW)[1:])

    migrate(account, settings)

    assert account.scan(TableName=TABLE)["Items"] == []


def test_an_owner_above_the_quota_keeps_all_uploads(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    keep(
        account,
        *(former.item(upload(State.ACCEPTED, number=n), state_notified="accepted") for n in (1, 2)),
    )

    migrate(account, replace(settings, owner_max_files=1, owner_max_bytes=1))

    assert today.usage.used(OWNER) == Amount(22, 2)


# --- Adopted objects ------------------------------------------------------------------------------


def test_an_adopted_object_keeps_its_upload(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    # It was deleted, and a new object arrived under its key.
    deleted, created = adopted(State.ABORTED, number=1), adopted(State.ACCEPTED, number=2)
    keep(
        account,
        former.item(deleted),
        former.item(created, state_notified="accepted"),
        former.name_item(created),
    )

    migrate(account, settings)

    assert of_object(today, created.key) == read_upload(today, created)
    assert read_upload(today, deleted).state is State.ABORTED


@pytest.mark.parametrize("created", [adopted(State.PROCESSING), upload(State.UPLOADED)])
def test_an_object_that_was_adopted_meanwhile_keeps_the_new_upload(
    account: Any, settings: Settings, today: UploadTable, created: Upload
) -> None:
    other = upload(State.ACCEPTED, number=7)
    keep(
        account,
        former.item(created),
        former.name_item(created),
        former.item(other, state_notified="accepted"),
    )
    meanwhile = replace(created, id=upload(State.UPLOADED, number=99).id, charged=11)
    today.adopt(meanwhile)

    migrate(account, settings)

    current = of_object(today, created.key)
    assert current is not None
    assert current.id == meanwhile.id
    assert today.get(OWNER, created.id) is None
    # The others of the same transaction are copied nevertheless.
    assert read_upload(today, other).state is State.ACCEPTED
    check_sums(today)


# --- Repeated and interrupted runs ----------------------------------------------------------------


def test_later_writes_of_the_old_functions_replace_the_first_copy(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    created = upload(State.UPLOADING)
    keep(account, former.item(created))
    migrate(account, settings)
    later = replace(created, state=State.REJECTED, report=REPORT, updated_at=NOW, charged=None)
    keep(account, former.item(later, state_notified="rejected"))

    migrate(account, settings)

    current = read_upload(today, created)
    assert (current.state, current.notified) == (State.REJECTED, SETTLED[State.REJECTED])
    assert today.usage.used(OWNER) == Amount(0, 0)
    marks = items.in_progress_key(OWNER, created.id)
    assert "Item" not in account.get_item(TableName=TABLE, Key=marks)


def test_items_of_the_new_functions_are_never_overwritten(
    account: Any, settings: Settings, today: UploadTable
) -> None:
    created, other = upload(State.UPLOADING), upload(State.UPLOADED, number=2)
    keep(account, former.item(created), former.item(other))
    migrate(account, settings)
    aborted = today.change(read_upload(today, created), to=State.ABORTED, allowed=set(State))
    later = {"state": State.ACCEPTED, "report": REPORT, "updated_at": NOW + timedelta(hours=1)}
    for each in (created, other):
        keep(account, former.item(replace(each, **later), state_notified="accepted"))  # type: ignore[arg-type]

    migrate(account, settings)

    assert read_upload(today, created) == aborted
    assert read_upload(today, other).state is State.ACCEPTED
    check_sums(today)


def test_copying_again_changes_nothing(
    account: Any, settings: Settings, today: UploadTable, capsys: pytest.CaptureFixture[str]
) -> None:
    expected_items = [upload(state, number=n) for n, state in enumerate(State, start=1)]
    keep(account, *(former.item(each) for each in expected_items))
    keep(account, *former.other_items(OWNER, expected_items[0].id, NOW))
    migrate(account, settings)
    before = sorted(map(str, account.scan(TableName=TABLE)["Items"]))
    capsys.readouterr()

    migrate(account, settings)

    after = account.scan(TableName=TABLE)["Items"]
    assert len(after) == len(before)
    assert f"0 uploads copied, {len(expected_items)} up to date already" in capsys.readouterr().out
    check_sums(today)


class KilledError(Exception):
    """Simulates the end of the process."""


@pytest.mark.parametrize("writes", range(5))
def test_a_run_that_is_interrupted_after_any_write_is_finished_by_the_next(
    account: Any, settings: Settings, today: UploadTable, writes: int
) -> None:
    owners = [OWNER] * 21 + [OTHER_OWNER] * 3
    expected_items = [
        upload(list(State)[number % 7], number=number, owner=owner)
        for number, owner in enumerate(owners)
    ]
    keep(account, *(former.item(each) for each in expected_items))
    keep(account, *former.other_items(OWNER, expected_items[0].id, NOW))
    remaining = [writes]

    def die(**_: Any) -> None:
        if not remaining[0]:
            raise KilledError
        remaining[0] -= 1

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

    assert {each.id for each in today.scan()} == {each.id for each in expected_items}
    check_sums(today)


# --- Addresses ------------------------------------------------------------------------------------


def address(client: Any) -> Any:
    key = {"pk": {"S": f"owner#{OWNER}"}, "sk": {"S": "email"}}
    return client.get_item(TableName=TABLE, Key=key).get("Item", {}).get("address", {}).get("S")


def test_email_settings_are_copied_unless_the_new_functions_wrote_one(
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


def test_only_former_tables_of_the_same_stage_are_copied(account: Any) -> None:
    make(account, "hoist-test-Table-OTHERTAG", stage="prod")
    make(account, "hoist-test-Table-NEWSCHEMA", schema=SCHEMA)
    make(account, "hoist-test2-Table-1ABCDEF", stage="test2")
    make(account, "another-Table-1ABCDEF")

    assert [each.name for each in migration.former_tables(account, "test")] == [FORMER]


def test_a_completely_copied_table_is_not_copied_again(
    account: Any, settings: Settings, today: UploadTable, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate(account, settings, is_last=True)
    state_notified = capsys.readouterr().out
    assert f"aws dynamodb delete-table --region eu-west-1 --table-name {FORMER}" in state_notified
    keep(account, former.item(upload(State.ACCEPTED), state_notified="accepted"))

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
