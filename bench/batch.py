"""The cost of a batch in DynamoDB: calls and units for 1, 10 and 100 uploads.

`.venv/bin/python bench/batch.py` creates uploads with the real use case, on the simulation's
stand-in for DynamoDB: one by one, then in one batch. Then it repeats the batch with the same
idempotency key, and sends a batch without room for any upload. Write units count twice in a
transaction.
"""

import logging
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.support import environment

environment.enter()
from bench.results import bench_parser, report  # noqa: E402 - after the environment
from chalicelib.config import load_settings  # noqa: E402
from chalicelib.creation import Creation  # noqa: E402
from chalicelib.items import SCHEMA  # noqa: E402
from chalicelib.table import table_of  # noqa: E402
from chalicelib.upload import Announcement  # noqa: E402
from tests.simulation.dynamodb import FakeDynamoDB  # noqa: E402
from tests.support.fakes import MemoryStorage  # noqa: E402
from tests.support.payloads import OTHER_OWNER, OWNER  # noqa: E402

COUNTS = (1, 10, 100)
SETTINGS = load_settings(environment.HOIST_ENVIRONMENT)
FILE = Announcement(filename="photo.jpg", size=100_000, content_type="image/jpeg")


class Meter:
    """The use case on an empty table; `create` returns the cost of one request."""

    def __init__(self, *, max_files: int = 10**6) -> None:
        self.dynamodb = FakeDynamoDB(SCHEMA, SETTINGS.table)
        settings = replace(SETTINGS, owner_max_files=max_files)
        table = table_of(settings, self.dynamodb, _now)  # type: ignore[arg-type]
        self.creation = Creation(settings, MemoryStorage(), table, _now)

    def create(self, count: int, key: str | None, owner: str = OWNER) -> str:
        """The calls and units of one request."""
        meter = self.dynamodb.meter
        before = sum(meter.calls.values()), meter.total, meter.reads
        self.creation.create(owner, [FILE] * count, idempotency_key=key)
        calls, writes, reads = sum(meter.calls.values()), meter.total, meter.reads
        return (
            f"{calls - before[0]} calls, {writes - before[1]} write units,"
            f" {reads - before[2]:g} read units"
        )


def _now() -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


def main() -> None:
    """Create and print."""
    options = bench_parser(__doc__).parse_args()
    logging.disable(logging.INFO)
    results = {}
    for count in COUNTS:
        roomy, full = Meter(), Meter(max_files=count)
        full.create(count, None)
        results[f"a batch of {count}, with keys"] = roomy.create(count, "key")
        results[f"a batch of {count}, again"] = roomy.create(count, "key")
        results[f"a batch of {count}, without keys"] = roomy.create(count, None, OTHER_OWNER)
        results[f"a batch of {count}, without room"] = full.create(count, "key")
    report(__file__, options, results)


if __name__ == "__main__":
    main()
