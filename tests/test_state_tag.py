"""The tag follows the table, also when others write in between."""

import pytest

from chalicelib import state_tag
from chalicelib.upload import OUTCOMES, State
from tests.support.fakes import MemoryStorage, MemoryTable
from tests.support.payloads import CONTENT, OWNER, PUT_ID, put_upload
from tests.support.tables import put_in


@pytest.fixture
def arrived(storage: MemoryStorage) -> str:
    storage.receive_object(put_upload().key, CONTENT)
    return put_upload().key


@pytest.mark.parametrize("state", sorted(OUTCOMES))
def test_an_outcome_is_written(
    table: MemoryTable, storage: MemoryStorage, arrived: str, state: State
) -> None:
    state_tag.follow(storage, table, put_in(table, put_upload(state=state)))

    assert storage.tags == {arrived: state}


@pytest.mark.parametrize("state", sorted(set(State) - OUTCOMES))
def test_a_state_that_is_no_outcome_is_not_written(
    table: MemoryTable, storage: MemoryStorage, arrived: str, state: State
) -> None:
    state_tag.follow(storage, table, put_in(table, put_upload(state=state)))

    assert arrived in storage.objects
    assert storage.tags == {}


@pytest.mark.parametrize(
    ("newer", "tag"),
    [
        (State.REJECTED, "rejected"),
        (State.FAILED, "failed"),
        # The invocation that processes it writes the tag.
        (State.PROCESSING, "accepted"),
    ],
)
def test_a_newer_outcome_is_the_last_tag(
    table: MemoryTable, storage: MemoryStorage, arrived: str, newer: State, tag: str
) -> None:
    upload = put_in(table, put_upload(state=State.ACCEPTED))
    storage.before_tag.add(lambda: table.change(upload, to=newer, allowed=set(State)))

    state_tag.follow(storage, table, upload)

    assert storage.tags == {arrived: tag}


def test_repeated_outcomes_end_with_the_last_one(
    table: MemoryTable, storage: MemoryStorage, arrived: str
) -> None:
    upload = put_in(table, put_upload(state=State.ACCEPTED))
    states = [State.REJECTED, State.ACCEPTED, State.FAILED]

    class Restless(MemoryStorage):
        def tag(self, key: str, *, state: str) -> bool:
            if states:
                table.change(upload, to=states.pop(0), allowed=set(State))
            return super().tag(key, state=state)

    restless = Restless(objects=storage.objects)
    state_tag.follow(restless, table, upload)

    assert restless.tags == {arrived: "failed"}


def test_a_deleted_object_has_no_tag(table: MemoryTable, storage: MemoryStorage) -> None:
    state_tag.follow(storage, table, put_in(table, put_upload(state=State.ACCEPTED)))

    assert storage.tags == {}


def test_a_deleted_upload_ends_the_writing(
    table: MemoryTable, storage: MemoryStorage, arrived: str
) -> None:
    upload = put_in(table, put_upload(state=State.ACCEPTED))
    storage.before_tag.add(lambda: table.items.pop((OWNER, PUT_ID)))

    state_tag.follow(storage, table, upload)

    assert storage.tags == {arrived: "accepted"}
