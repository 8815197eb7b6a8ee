import hashlib

import pytest

from chalicelib import reader as reading
from chalicelib.processors import digest
from tests.processors.reading import reader

DATA = bytes(range(256)) * 100


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, len(DATA)])
def test_the_digest_is_that_of_all_bytes(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(reading, "BLOCK_SIZE", 1000)
    data = DATA[:size]

    assert digest.applies_to("any/thing", size)
    assert digest.run(reader(data, "any/thing")) == {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": size,
        "complete": True,
    }


def test_a_digest_that_runs_out_of_time_reports_the_bytes_so_far(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "BLOCK_SIZE", 1000)

    report = digest.run(reader(DATA, "any/thing", patience=10))

    assert report["complete"] is False
    assert "sha256" not in report
    assert 0 < report["bytes"] <= 10_000
