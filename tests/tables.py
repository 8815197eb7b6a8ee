"""`UploadTable` on moto's DynamoDB, as tests want it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalicelib.table import UploadTable
from chalicelib.usage import Quota, Usage
from tests.environment import TABLE
from tests.fakes import AMPLE


def real_table(
    client: Any, now: Callable[[], datetime], *, rejected_days: int = 7, quota: Quota = AMPLE
) -> UploadTable:
    """The adapter; nobody waits in a test."""
    usage = Usage(client, TABLE, quota, wait=lambda _: None)
    return UploadTable(client, TABLE, now, rejected_days, usage)
