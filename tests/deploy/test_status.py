"""The lines of `make status` about the last sweep."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.status import sweep_lines

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATE = "WARNING: that is more than an hour ago; make logs shows why it does not run or end"
MORE = "it did not reach the end of the bucket: the next sweep continues from there"


@pytest.mark.parametrize(
    ("last", "lines"),
    [
        ({}, ["none has ended yet: the first one runs within a quarter of an hour"]),
        (
            {"at": "2026-03-01T11:00:00.000000Z", "found": "{}", "cursor": ""},
            ["ended at 2026-03-01 11:00 UTC, found nothing"],
        ),
        (
            {"at": "2026-03-01T10:59:59.000000Z", "found": "{}", "cursor": ""},
            ["ended at 2026-03-01 10:59 UTC, found nothing", LATE],
        ),
        (
            {
                "at": "2026-03-01T11:50:00.000000Z",
                "found": '{"SweepLostEvents": 3, "SweepDeleted": 1}',
                "cursor": "uploads/a",
            },
            ["ended at 2026-03-01 11:50 UTC, found LostEvents 3, Deleted 1", MORE],
        ),
    ],
    ids=["none", "an hour ago", "longer ago", "with findings"],
)
def test_the_last_sweep_is_described(last: dict[str, Any], lines: list[str]) -> None:
    assert list(sweep_lines(last, now=NOW)) == lines
