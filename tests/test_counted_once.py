"""Each metric of an upload is counted once, also after repeated and reordered events."""

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import logs
from chalicelib.config import Settings
from chalicelib.media_types import decide
from chalicelib.notifier import Notifier
from chalicelib.processing import Processing
from chalicelib.upload import State
from chalicelib.uploads import Uploads
from tests.support.environment import NOTIFICATIONS_TOPIC, PAGE_ORIGIN
from tests.support.fakes import Clock, Invocation, MemoryStorage, MemoryTable, RecordingPages
from tests.support.payloads import CONTENT, OWNER, PUT_ID, event, failure_of, put_upload
from tests.support.tables import put_in


class Counting(logging.Handler):
    """Adds up the metrics in the log lines."""

    def __init__(self) -> None:
        super().__init__()
        self.sums: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        self.sums.update(getattr(record, "metrics", {}))


@pytest.fixture
def counted() -> Iterator[Counter[str]]:
    logs.configure("test")
    handler, logger = Counting(), logging.getLogger("chalicelib")
    logger.addHandler(handler)
    yield handler.sums
    logger.removeHandler(handler)


@pytest.fixture
def processing(
    settings: Settings,
    storage: MemoryStorage,
    table: MemoryTable,
    pages: RecordingPages,
    clock: Clock,
) -> Processing:
    return Processing(settings, storage, table, pages, decide, lambda _: {}, clock, clock.advance)


def test_a_repeated_create(uploads: Uploads, counted: Counter[str]) -> None:
    for _ in range(3):
        uploads.create(OWNER, filename="a.txt", size=11, idempotency_key="k")

    assert counted == {"UploadsCreated": 1}


def test_a_repeated_complete(
    uploads: Uploads, storage: MemoryStorage, counted: Counter[str]
) -> None:
    upload, _ = uploads.create(OWNER, filename="a.txt", size=len(CONTENT))
    storage.receive_object(upload.key, CONTENT)

    for _ in range(3):
        uploads.complete(OWNER, upload.id)

    assert counted == {"UploadsCreated": 1, "UploadsCompleted": 1}


@pytest.mark.parametrize("state", [State.UPLOADING, State.UPLOADED])
def test_a_repeated_event(
    *,
    processing: Processing,
    table: MemoryTable,
    storage: MemoryStorage,
    counted: Counter[str],
    state: State,
) -> None:
    upload = put_upload(state=state)
    put_in(table, upload)
    storage.receive_object(upload.key, CONTENT)

    for name in ("once", "twin", "again"):
        processing.process(event("s3_put"), Invocation(name))

    seconds = counted.pop("EventToOutcomeSeconds")
    assert seconds >= 0
    completed = {"UploadsCompleted": 1} if state is State.UPLOADING else {}
    assert counted == {**completed, "UploadsAccepted": 1, "Bytes": len(CONTENT)}


def test_an_adopted_object(
    processing: Processing, storage: MemoryStorage, counted: Counter[str]
) -> None:
    storage.receive_object(put_upload().key, CONTENT)

    for name in ("once", "twin"):
        processing.process(event("s3_put"), Invocation(name))

    assert counted["UploadsCreated"] == counted["UploadsAccepted"] == 1


def test_a_failure_that_is_reported_again(
    table: MemoryTable, pages: RecordingPages, clock: Clock, counted: Counter[str]
) -> None:
    def publish(**_: Any) -> None:
        """No reader."""

    notifier = Notifier(
        table, pages, publish, NOTIFICATIONS_TOPIC, PAGE_ORIGIN, clock, clock.advance
    )
    put_in(table, put_upload(state=State.UPLOADED))
    failure = failure_of(put_upload())

    for _ in range(3):
        notifier.notify_owner(failure, Invocation("notify-1"))

    assert table.items[OWNER, PUT_ID].state is State.FAILED
    assert counted == {"UploadsFailed": 1}
