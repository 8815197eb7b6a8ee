"""The policy of uploads as tables: which states are free of quota, and how long rows are kept."""

from datetime import timedelta

import pytest

from chalicelib.upload import ABORTED_KEPT, FREE, REJECTED_KEPT_LONGER, State, expires_in
from tests.support.payloads import put_upload

DAY = timedelta(days=1)


@pytest.mark.parametrize("charged", [None, 0, 7])
@pytest.mark.parametrize(
    ("state", "is_free"),
    [
        (State.UPLOADING, False),
        (State.UPLOADED, False),
        (State.PROCESSING, False),
        (State.ACCEPTED, False),
        (State.REJECTED, True),
        (State.FAILED, False),
        (State.ABORTED, True),
    ],
)
def test_an_upload_is_charged_in_every_state_that_keeps_its_object(
    *, state: State, is_free: bool, charged: int | None
) -> None:
    assert put_upload(charged=charged).charge_in(state) == (None if is_free else charged)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.UPLOADING, None),
        (State.UPLOADED, None),
        (State.PROCESSING, None),
        (State.ACCEPTED, None),
        (State.REJECTED, 3 * DAY + REJECTED_KEPT_LONGER),
        (State.FAILED, None),
        (State.ABORTED, ABORTED_KEPT),
    ],
)
def test_only_a_rejected_and_an_aborted_upload_expire(
    state: State, expected: timedelta | None
) -> None:
    assert expires_in(state, rejected_days=3) == expected


@pytest.mark.parametrize("state", State)
def test_an_upload_that_expires_is_free_of_charge(state: State) -> None:
    assert (expires_in(state, rejected_days=1) is not None) == (state in FREE)
