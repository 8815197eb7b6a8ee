"""`UploadTable` on moto's DynamoDB, as tests want it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalicelib.errors import UploadError
from chalicelib.ports import NewRows
from chalicelib.table import UploadTable
from chalicelib.upload import NewUpload, Upload
from chalicelib.usage import Quota, Usage
from tests.support.environment import TABLE
from tests.support.fakes import AMPLE


def real_table(
    client: Any, now: Callable[[], datetime], *, rejected_days: int = 7, quota: Quota = AMPLE
) -> UploadTable:
    """The adapter; nobody waits in a test."""
    usage = Usage(client, TABLE, quota, wait=lambda _: None)
    return UploadTable(client, TABLE, now, rejected_days, usage)


def put_in(table: NewRows, upload: Upload, *, idempotency_key: str | None = None) -> Upload:
    """Remember one new upload, in a table or in its fake; raises what `put_all` answers."""
    (stored,) = table.put_all(upload.owner, [NewUpload(upload, idempotency_key)])
    if isinstance(stored, UploadError):
        raise stored
    return stored
