"""`UploadTable` on moto's DynamoDB, for tests."""

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
    """The adapter, without pauses."""
    usage = Usage(client, TABLE, quota, wait=lambda _: None)
    return UploadTable(client, TABLE, now, rejected_days, usage)


def put_in(table: NewRows, upload: Upload, *, idempotency_key: str | None = None) -> Upload:
    """Store one new upload in a table or its fake; raises the error that `put_all` returns."""
    (result,) = table.put_all(upload.owner, [NewUpload(upload, idempotency_key)])
    if isinstance(result, UploadError):
        raise result
    return result
