from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from chalicelib.config import Settings
from chalicelib.errors import (
    ChecksumMismatch,
    FileTooLarge,
    IdempotencyKeyReused,
    InvalidRequest,
    NotAccepted,
    PartsMissing,
    TooManyUploads,
    TryAgain,
    TypeNotAllowed,
    UploadExpired,
    UploadNotFound,
    WrongState,
)
from chalicelib.parallel import AT_ONCE
from chalicelib.parts import MIB
from chalicelib.rules import MAX_WAIT
from chalicelib.signing import Credentials, Form, Sheet, Signer
from chalicelib.storage import COMPLETE_PATIENCE
from chalicelib.upload import State, StoredObject, Upload
from chalicelib.uploads import (
    CLOUDFRONT_MAX_SIZE,
    CLOUDFRONT_MAX_URL,
    LAST_COMPLETE_AFTER,
    LIST_LIMIT,
    WAIT_GROWTH,
    WAIT_STEP,
    Uploads,
)
from chalicelib.version import VERSION
from local.gateways.rest_gateway import INTEGRATION_TIMEOUT
from tests.support.fakes import Clock, MemoryStorage, MemoryTable, RecordingPages
from tests.support.payloads import OTHER_OWNER, OWNER, PUT_ID, put_upload
from tests.support.running import crc64nvme as checksum
from tests.support.tables import put_in

SMALL = b"hello world"
LARGE = bytes(range(256)) * (5 * MIB // 2 // 256)  # three parts of at most 1 MiB
SETTLED = [State.UPLOADED, State.PROCESSING, State.ACCEPTED, State.REJECTED, State.FAILED]


@pytest.fixture
def small(uploads: Uploads) -> Upload:
    """A single PUT that was created; nothing has arrived."""
    return uploads.create(OWNER, filename="small.txt", size=len(SMALL))[0]


@pytest.fixture
def large(uploads: Uploads) -> Upload:
    """A multipart upload that was created; nothing has arrived."""
    return uploads.create(OWNER, filename="large.bin", size=len(LARGE))[0]


def send(storage: MemoryStorage, upload: Upload, *numbers: int) -> None:
    """Let parts of `LARGE` arrive, all of them when no number is given."""
    assert upload.multipart_id is not None
    for number in numbers or range(1, upload.part_count + 1):
        part = LARGE[(number - 1) * MIB : number * MIB]
        storage.receive_part(upload.key, upload.multipart_id, number, part)


def fail(error: Exception) -> None:
    raise error


def move(table: MemoryTable, upload: Upload, to: State, **attributes: Any) -> None:
    table.change(upload, to=to, allowed=set(State), **attributes)


# --- limits ---------------------------------------------------------------------------------------


def test_limits_are_those_of_the_settings(uploads: Uploads) -> None:
    assert uploads.limits() == {
        "version": VERSION,
        "max_size": 100 * MIB,
        "allowed_types": [],
        "url_lifetime": 3600,
        "max_parts": 10_000,
        "put_max_size": MIB,
        "max_in_progress": 1000,
        "origins": [
            "https://hoist-test.s3.eu-west-1.amazonaws.com",
            "https://hoist-test.s3.dualstack.eu-west-1.amazonaws.com",
        ],
    }


# --- create ---------------------------------------------------------------------------------------


def test_create_stores_a_small_file_as_a_single_put(
    uploads: Uploads, table: MemoryTable, storage: MemoryStorage, clock: Clock
) -> None:
    upload, sheet = uploads.create(OWNER, filename="Grüße", size=11, content_type="text/plain")

    assert table.get(OWNER, upload.id) == upload
    assert upload.plan.strategy == "put"
    assert (upload.part_size, upload.part_count, upload.multipart_id) == (11, 1, None)
    assert upload.state is State.UPLOADING
    assert (upload.filename, upload.content_type) == ("Grüße", "text/plain")
    assert upload.key == f"uploads/{OWNER}/{upload.id}/Grüße"
    assert upload.created_at == upload.updated_at == clock()
    assert isinstance(sheet, Sheet)
    assert (len(sheet.urls), sheet.first, len(sheet.signatures)) == (1, 1, 1)
    assert storage.created == 0


def test_create_starts_a_multipart_upload_of_a_large_file(
    uploads: Uploads, storage: MemoryStorage
) -> None:
    upload, sheet = uploads.create(
        OWNER, filename="film.mp4", size=len(LARGE), content_type="video/mp4"
    )

    assert upload.plan.strategy == "multipart"
    assert (upload.part_size, upload.part_count) == (MIB, 3)
    assert storage.multiparts == {upload.multipart_id: (upload.key, {})}
    assert storage.content_types == {upload.key: "video/mp4"}
    assert isinstance(sheet, Sheet)
    assert (len(sheet.urls), sheet.first, len(sheet.signatures)) == (2, 1, 3)
    assert all(upload.id in url for url in sheet.urls)


@pytest.mark.parametrize(
    ("size", "strategy"), [(MIB - 1, "put"), (MIB, "put"), (MIB + 1, "multipart")]
)
def test_create_chooses_the_strategy_by_the_put_limit(
    uploads: Uploads, size: int, strategy: str
) -> None:
    upload, _ = uploads.create(OWNER, filename="a", size=size)

    assert upload.plan.strategy == strategy


def test_create_accepts_an_empty_file(uploads: Uploads) -> None:
    upload, _ = uploads.create(OWNER, filename="empty", size=0)

    assert (upload.plan.strategy, upload.part_count) == ("put", 1)


@pytest.mark.parametrize("content_type", [None, ""], ids=["absent", "empty"])
def test_create_declares_unknown_bytes_when_no_type_is_given(
    uploads: Uploads, content_type: str | None
) -> None:
    upload, _ = uploads.create(OWNER, filename="a", size=1, content_type=content_type)

    assert upload.content_type == "application/octet-stream"


def test_create_signs_the_checksum_of_a_single_put(uploads: Uploads) -> None:
    upload, sheet = uploads.create(OWNER, filename="a", size=len(SMALL), crc64nvme=checksum(SMALL))

    assert upload.crc64nvme == checksum(SMALL)
    assert isinstance(sheet, Sheet)
    assert sheet.headers == {"if-none-match": "*", "x-amz-checksum-crc64nvme": checksum(SMALL)}


def test_two_uploads_of_one_file_are_two(uploads: Uploads, table: MemoryTable) -> None:
    first, _ = uploads.create(OWNER, filename="a", size=1)
    second, _ = uploads.create(OWNER, filename="a", size=1)

    assert first.key != second.key
    assert len(table.items) == 2


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        pytest.param({"filename": ""}, InvalidRequest, id="no name"),
        pytest.param({"filename": "../a"}, InvalidRequest, id="path"),
        pytest.param({"size": -1}, InvalidRequest, id="negative size"),
        pytest.param({"size": 100 * MIB + 1}, FileTooLarge, id="one byte too large"),
        pytest.param({"size": 10**400}, FileTooLarge, id="absurdly large"),
        pytest.param({"content_type": "a\nb"}, InvalidRequest, id="no content type"),
        pytest.param({"crc64nvme": ""}, InvalidRequest, id="empty checksum"),
        pytest.param({"crc64nvme": "AAAAAAAAAA=="}, InvalidRequest, id="seven bytes"),
        pytest.param({"crc64nvme": "AAAAAAAAAAAA"}, InvalidRequest, id="nine bytes"),
        pytest.param({"crc64nvme": "AAAAAAAAAA!="}, InvalidRequest, id="not base64"),
        pytest.param({"crc64nvme": "ÄAAAAAAAAAA="}, InvalidRequest, id="not ASCII"),
    ],
)
def test_create_refuses(
    uploads: Uploads,
    table: MemoryTable,
    storage: MemoryStorage,
    fields: dict[str, Any],
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        uploads.create(OWNER, **{"filename": "a", "size": 1, **fields})

    assert table.items == {}
    assert storage.created == 0


def test_create_refuses_a_type_that_is_not_allowed(uploads: Uploads, settings: Settings) -> None:
    only_images = replace(uploads, settings=replace(settings, allowed_types=("image/*",)))

    with pytest.raises(TypeNotAllowed):
        only_images.create(OWNER, filename="a", size=1, content_type="text/plain")


# --- sheet ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [len(SMALL), len(LARGE)], ids=["put", "multipart"])
def test_a_repeated_create_with_one_key_makes_one_upload(
    uploads: Uploads, storage: MemoryStorage, table: MemoryTable, clock: Clock, size: int
) -> None:
    first, _ = uploads.create(OWNER, filename="a", size=size, idempotency_key="k-1_A")
    clock.advance(60)

    again, sheet = uploads.create(OWNER, filename="a", size=size, idempotency_key="k-1_A")

    assert again == first
    assert isinstance(sheet, Sheet)
    assert len(sheet.signatures) == first.part_count
    assert sheet.expires_at == clock() + timedelta(seconds=900)
    assert len(table.items) == 1
    assert len(storage.multiparts) == (first.multipart_id is not None)


@pytest.mark.parametrize(
    "changes",
    [
        {"filename": "b"},
        {"size": 6},
        {"content_type": "image/png"},
        {"crc64nvme": checksum(b"other")},
        {"crc64nvme": None},
    ],
    ids=str,
)
def test_create_refuses_a_key_that_belongs_to_another_file(
    uploads: Uploads, table: MemoryTable, changes: dict[str, Any]
) -> None:
    request: dict[str, Any] = {"filename": "a", "size": 5, "crc64nvme": checksum(b"12345")}
    uploads.create(OWNER, **request, idempotency_key="k")

    with pytest.raises(IdempotencyKeyReused):
        uploads.create(OWNER, **{**request, **changes}, idempotency_key="k")

    assert len(table.items) == 1


def test_a_repeated_create_matches_after_complete_named_a_checksum(
    uploads: Uploads, table: MemoryTable
) -> None:
    first, _ = uploads.create(OWNER, filename="a", size=len(LARGE), idempotency_key="k")
    move(table, first, State.UPLOADING, crc64nvme=checksum(LARGE))

    again, _ = uploads.create(OWNER, filename="a", size=len(LARGE), idempotency_key="k")

    assert again.id == first.id


@pytest.mark.parametrize(("size", "days"), [(1, None), (len(LARGE), 7)], ids=["put", "multipart"])
def test_the_parts_of_an_upload_are_kept_for_days(
    uploads: Uploads, clock: Clock, size: int, days: int | None
) -> None:
    upload, _ = uploads.create(OWNER, filename="a", size=size)

    expire_at = uploads.parts_expire_at(upload)

    assert expire_at == (None if days is None else clock() + timedelta(days=days))


def test_a_new_upload_is_charged_and_due_to_be_checked(uploads: Uploads, clock: Clock) -> None:
    upload, _ = uploads.create(OWNER, filename="a", size=5)

    assert (upload.charged, upload.check_at) == (5, clock() + timedelta(hours=1))


def test_create_does_not_start_an_uploaded_file_again(
    uploads: Uploads, storage: MemoryStorage, table: MemoryTable
) -> None:
    first, _ = uploads.create(OWNER, filename="a", size=len(LARGE), idempotency_key="k")
    move(table, first, State.ACCEPTED)
    storage.abort(first.key, str(first.multipart_id))

    with pytest.raises(WrongState, match="accepted"):
        uploads.create(OWNER, filename="a", size=len(LARGE), idempotency_key="k")

    assert storage.multiparts == {}


@pytest.mark.parametrize("key", ["", "a" * 65, "a b", "ä", "a\n", "a/b", "a#b"])
def test_create_refuses_an_invalid_idempotency_key(uploads: Uploads, key: str) -> None:
    with pytest.raises(InvalidRequest, match="idempotency_key"):
        uploads.create(OWNER, filename="a", size=1, idempotency_key=key)


@pytest.mark.parametrize("trouble", [TryAgain("DynamoDB is busy"), KeyError("a defect")])
def test_create_leaves_nothing_in_s3_when_the_table_fails(
    uploads: Uploads, storage: MemoryStorage, table: MemoryTable, trouble: Exception
) -> None:
    for interruptions in (table.before_put, table.before_count):
        interruptions.add(lambda: fail(trouble))

        with pytest.raises(type(trouble)):
            uploads.create(OWNER, filename="a", size=len(LARGE), idempotency_key="k")

        assert storage.multiparts == {}
        assert table.items == {}

    uploads.create(OWNER, filename="a", size=len(LARGE), idempotency_key="k")


def test_create_refuses_one_upload_too_many(
    uploads: Uploads, storage: MemoryStorage, table: MemoryTable, settings: Settings
) -> None:
    narrow = replace(uploads, settings=replace(settings, max_in_progress=2))
    first, _ = narrow.create(OWNER, filename="a", size=len(LARGE))
    narrow.create(OWNER, filename="b", size=1)

    with pytest.raises(TooManyUploads, match="2 uploads are under way") as refused:
        narrow.create(OWNER, filename="c", size=len(LARGE), idempotency_key="c")

    assert refused.value.members == {"limit": 2}
    assert (len(storage.multiparts), len(table.items)) == (1, 2)
    narrow.create(OTHER_OWNER, filename="theirs", size=1)
    move(table, first, State.UPLOADED)
    narrow.create(OWNER, filename="c", size=len(LARGE), idempotency_key="c")


def test_simultaneous_creates_do_not_exceed_the_limit(
    uploads: Uploads, table: MemoryTable, settings: Settings
) -> None:
    narrow = replace(uploads, settings=replace(settings, max_in_progress=1))
    table.before_count.add(lambda: put_in(table, put_upload(created_at=table.now())))

    with pytest.raises(TooManyUploads):
        narrow.create(OWNER, filename="a", size=1)

    assert list(table.items) == [(OWNER, PUT_ID)]


def test_a_sheet_covers_all_parts_by_default(uploads: Uploads, large: Upload) -> None:
    sheet = uploads.sheet(OWNER, large.id)

    assert isinstance(sheet, Sheet)
    assert (sheet.first, len(sheet.signatures)) == (1, 3)


@pytest.mark.parametrize(
    ("params", "first", "signatures"),
    [
        pytest.param({"first": 2}, 2, 2, id="the rest"),
        pytest.param({"count": 2}, 1, 2, id="the beginning"),
        pytest.param({"first": 3, "count": 1}, 3, 1, id="the last"),
    ],
)
def test_a_sheet_covers_the_requested_parts(
    uploads: Uploads, large: Upload, params: dict[str, Any], first: int, signatures: int
) -> None:
    sheet = uploads.sheet(OWNER, large.id, **params)

    assert isinstance(sheet, Sheet)
    assert (sheet.first, len(sheet.signatures)) == (first, signatures)


@pytest.mark.parametrize(
    "params",
    [
        {"first": 0},
        {"first": -1},
        {"first": 4},
        {"count": 0},
        {"count": -1},
        {"count": 4},
        {"first": 3, "count": 2},
        {"first": 10**30},
        {"first": -(10**30)},
        {"count": 10**30},
    ],
    ids=str,
)
def test_a_sheet_outside_the_parts_is_refused(
    uploads: Uploads, large: Upload, params: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        uploads.sheet(OWNER, large.id, **params)


def test_a_later_sheet_expires_later(uploads: Uploads, large: Upload, clock: Clock) -> None:
    before = uploads.sheet(OWNER, large.id)
    clock.advance(60)

    after = uploads.sheet(OWNER, large.id)

    assert (after.expires_at - before.expires_at).total_seconds() == 60
    assert isinstance(before, Sheet)
    assert isinstance(after, Sheet)
    assert set(after.signatures).isdisjoint(before.signatures)


@pytest.mark.parametrize("strategy", ["put", "post"])
def test_sheets_of_a_whole_file_name_one_host_after_the_other(
    uploads: Uploads, settings: Settings, clock: Clock, strategy: str
) -> None:
    hosts = ["https://one.test/b", "https://two.test/b"]
    spread = replace(uploads, settings=replace(settings, bucket_urls=tuple(hosts)))
    upload, _ = spread.create(OWNER, filename="a.txt", size=3, crc64nvme="AAAAAAAAAAA=")

    sheet_hosts = set()
    for _ in hosts:
        clock.advance(1)
        sheet = spread.sheet(OWNER, upload.id, strategy=strategy)
        url = sheet.url if isinstance(sheet, Form) else sheet.urls[0]
        sheet_hosts.add(url[: len(hosts[0])])

    assert sheet_hosts == set(hosts)


def test_a_sheet_after_a_refusal_is_signed_by_other_credentials(
    uploads: Uploads, large: Upload
) -> None:
    usual = uploads.sheet(OWNER, large.id)
    refused = uploads.sheet(OWNER, large.id, refused=True)

    assert isinstance(usual, Sheet)
    assert "Credential=AKIDEXAMPLE" in usual.urls[0]
    assert isinstance(refused, Sheet)
    assert f"Credential=NEW-{OWNER}" in refused.urls[0]


# --- list parts -----------------------------------------------------------------------------------


def test_list_parts_returns_the_parts_in_s3(
    uploads: Uploads, large: Upload, storage: MemoryStorage
) -> None:
    send(storage, large, 3, 1)

    upload, listed = uploads.list_parts(OWNER, large.id)

    assert upload == large
    assert [(part.number, part.size) for part in listed] == [(1, MIB), (3, MIB // 2)]


def test_a_single_put_has_no_parts(uploads: Uploads, small: Upload) -> None:
    assert uploads.list_parts(OWNER, small.id) == (small, [])


def test_list_parts_reports_an_upload_that_s3_has_forgotten(
    uploads: Uploads, large: Upload, storage: MemoryStorage
) -> None:
    storage.multiparts.clear()

    with pytest.raises(UploadExpired):
        uploads.list_parts(OWNER, large.id)


@pytest.mark.parametrize("state", [*SETTLED, State.ABORTED])
@pytest.mark.parametrize("ask", ["sheet", "list_parts"])
def test_there_is_nothing_to_send_in_another_state(
    uploads: Uploads, table: MemoryTable, large: Upload, state: State, ask: str
) -> None:
    move(table, large, state)

    with pytest.raises(WrongState):
        getattr(uploads, ask)(OWNER, large.id)


# --- complete -------------------------------------------------------------------------------------


def test_complete_makes_the_parts_one_object(
    uploads: Uploads, large: Upload, storage: MemoryStorage, pages: RecordingPages
) -> None:
    send(storage, large)

    completed = uploads.complete(OWNER, large.id, crc64nvme=checksum(LARGE))

    assert completed.state is State.UPLOADED
    assert completed.crc64nvme == checksum(LARGE)
    assert storage.objects == {large.key: LARGE}
    assert storage.multiparts == {}
    assert pages.shown_uploads == [completed]


def test_complete_needs_no_checksum(
    uploads: Uploads, large: Upload, storage: MemoryStorage
) -> None:
    send(storage, large)

    assert uploads.complete(OWNER, large.id).state is State.UPLOADED


def test_complete_accepts_a_single_put_that_has_arrived(
    uploads: Uploads, small: Upload, storage: MemoryStorage, pages: RecordingPages
) -> None:
    storage.receive_object(small.key, SMALL)

    completed = uploads.complete(OWNER, small.id, crc64nvme=checksum(SMALL))

    assert completed.state is State.UPLOADED
    assert pages.states == ["uploaded"]


def test_complete_leaves_out_a_part_that_was_not_planned(
    uploads: Uploads, storage: MemoryStorage, large: Upload
) -> None:
    send(storage, large)
    storage.receive_part(large.key, str(large.multipart_id), large.part_count + 1, b"more")

    uploads.complete(OWNER, large.id, crc64nvme=checksum(LARGE))

    assert storage.objects[large.key] == LARGE


def test_complete_does_not_wait_for_a_slow_s3(
    uploads: Uploads, storage: MemoryStorage, pages: RecordingPages, large: Upload
) -> None:
    send(storage, large)
    storage.patient = False

    upload = uploads.complete(OWNER, large.id, crc64nvme=checksum(LARGE))

    assert (upload.state, upload.crc64nvme) == (State.UPLOADING, checksum(LARGE))
    assert pages.shown_uploads == []


def test_complete_succeeds_when_the_answer_of_s3_is_lost(
    uploads: Uploads, storage: MemoryStorage, large: Upload
) -> None:
    send(storage, large)
    storage.after_complete.add(lambda: fail(TryAgain("no answer")))

    assert uploads.complete(OWNER, large.id).state is State.UPLOADED


def test_a_complete_that_a_busy_s3_refused_can_be_repeated(
    uploads: Uploads, storage: MemoryStorage, large: Upload
) -> None:
    send(storage, large)
    storage.before_complete.add(lambda: fail(TryAgain("SlowDown")))

    with pytest.raises(TryAgain):
        uploads.complete(OWNER, large.id)

    assert uploads.get(OWNER, large.id).state is State.UPLOADING
    assert uploads.complete(OWNER, large.id).state is State.UPLOADED


@pytest.mark.parametrize("looks", [1, 3])
def test_complete_waits_for_missing_parts(
    uploads: Uploads, storage: MemoryStorage, large: Upload, clock: Clock, looks: int
) -> None:
    send(storage, large, 1, 2)
    began, slept = clock.time, []

    def sleep(seconds: float) -> None:
        clock.advance(seconds)
        slept.append(seconds)
        if len(slept) == looks:
            send(storage, large, 3)

    waiting = replace(uploads, sleep=sleep)
    completed = waiting.complete(OWNER, large.id, crc64nvme=checksum(LARGE), wait=2)

    assert completed.state is State.UPLOADED
    assert storage.objects == {large.key: LARGE}
    assert slept == pytest.approx([WAIT_STEP * WAIT_GROWTH**n for n in range(looks)])
    assert clock.time > began


def test_complete_waits_for_a_single_put(
    uploads: Uploads, storage: MemoryStorage, small: Upload
) -> None:
    waiting = replace(uploads, sleep=lambda _: storage.receive_object(small.key, SMALL))

    assert waiting.complete(OWNER, small.id, wait=1).state is State.UPLOADED


def test_complete_waits_no_longer_than_requested(
    uploads: Uploads, large: Upload, storage: MemoryStorage, clock: Clock
) -> None:
    send(storage, large, 2)
    began = clock.time

    with pytest.raises(PartsMissing) as refused:
        uploads.complete(OWNER, large.id, wait=2)

    assert refused.value.members == {"missing": [1, 3]}
    assert (clock.time - began).total_seconds() == pytest.approx(2)


@pytest.mark.parametrize("size", [len(SMALL), len(LARGE)], ids=["put", "multipart"])
def test_a_waiting_complete_calls_s3_about_a_dozen_times(
    uploads: Uploads, storage: MemoryStorage, size: int
) -> None:
    class Counting(MemoryStorage):
        heads = 0

        def head(self, key: str) -> StoredObject | None:
            self.heads += 1
            return super().head(key)

    counting = Counting(multiparts=storage.multiparts)
    waiting = replace(uploads, storage=counting)
    upload, _ = waiting.create(OWNER, filename="a", size=size)

    with pytest.raises(PartsMissing):
        waiting.complete(OWNER, upload.id, wait=MAX_WAIT)

    assert 5 < counting.heads <= 12


def test_a_waiting_complete_reports_a_refusal_of_s3_at_once(
    uploads: Uploads, large: Upload, storage: MemoryStorage, clock: Clock
) -> None:
    send(storage, large)
    began = clock.time

    with pytest.raises(ChecksumMismatch):
        uploads.complete(OWNER, large.id, crc64nvme=checksum(b"other"), wait=2)

    assert clock.time == began


def test_a_waiting_complete_notices_an_abort(uploads: Uploads, large: Upload) -> None:
    waiting = replace(uploads, sleep=lambda _: uploads.delete(OWNER, large.id))

    with pytest.raises(UploadExpired):
        waiting.complete(OWNER, large.id, wait=2)

    assert uploads.get(OWNER, large.id).state is State.ABORTED


@pytest.mark.parametrize("wait", [-1, MAX_WAIT + 1])
def test_complete_refuses_to_wait_longer_than_a_request_may_take(
    uploads: Uploads, large: Upload, wait: int
) -> None:
    with pytest.raises(InvalidRequest, match="wait takes 0 to 2 seconds"):
        uploads.complete(OWNER, large.id, wait=wait)


def test_the_longest_complete_ends_before_api_gateway_does() -> None:
    assert MAX_WAIT + COMPLETE_PATIENCE < INTEGRATION_TIMEOUT


def test_complete_refuses_a_missing_part(
    uploads: Uploads, table: MemoryTable, large: Upload, storage: MemoryStorage
) -> None:
    send(storage, large, 2)

    with pytest.raises(PartsMissing) as refused:
        uploads.complete(OWNER, large.id)

    assert refused.value.members == {"missing": [1, 3]}
    assert table.items[OWNER, large.id].state is State.UPLOADING


def test_complete_succeeds_after_a_simultaneous_complete(
    uploads: Uploads, large: Upload, storage: MemoryStorage
) -> None:
    send(storage, large, 2)
    storage.receive_object(large.key, b"x" * large.size)

    assert uploads.complete(OWNER, large.id).state is State.UPLOADED


def test_complete_refuses_a_missing_part_under_an_object_of_another_size(
    uploads: Uploads, large: Upload, storage: MemoryStorage
) -> None:
    send(storage, large, 2)
    storage.receive_object(large.key, b"x" * (large.size - 1))

    with pytest.raises(PartsMissing):
        uploads.complete(OWNER, large.id)


def test_complete_refuses_a_part_of_another_length(
    uploads: Uploads, large: Upload, storage: MemoryStorage
) -> None:
    send(storage, large)
    assert large.multipart_id is not None
    storage.receive_part(large.key, large.multipart_id, 2, b"x" * (MIB - 1))

    with pytest.raises(PartsMissing) as refused:
        uploads.complete(OWNER, large.id)

    assert refused.value.members == {"missing": [2]}


@pytest.mark.parametrize("arrived", [None, SMALL[:-1], SMALL + b"!"], ids=["none", "-1", "+1"])
def test_complete_refuses_a_single_put_that_has_not_arrived_whole(
    uploads: Uploads, small: Upload, storage: MemoryStorage, arrived: bytes | None
) -> None:
    if arrived is not None:
        storage.receive_object(small.key, arrived)

    with pytest.raises(PartsMissing) as refused:
        uploads.complete(OWNER, small.id)

    assert refused.value.members == {"missing": [1]}


def test_complete_succeeds_once_the_missing_part_has_arrived(
    uploads: Uploads, large: Upload, storage: MemoryStorage
) -> None:
    send(storage, large, 1, 3)
    with pytest.raises(PartsMissing):
        uploads.complete(OWNER, large.id)

    send(storage, large, 2)

    assert uploads.complete(OWNER, large.id).state is State.UPLOADED


def test_complete_refuses_another_checksum(
    uploads: Uploads, large: Upload, storage: MemoryStorage
) -> None:
    send(storage, large)

    with pytest.raises(ChecksumMismatch):
        uploads.complete(OWNER, large.id, crc64nvme=checksum(b"other"))

    assert storage.objects == {}


def test_complete_accepts_the_right_checksum_after_a_wrong_one(
    uploads: Uploads, large: Upload, storage: MemoryStorage
) -> None:
    send(storage, large)
    with pytest.raises(ChecksumMismatch):
        uploads.complete(OWNER, large.id, crc64nvme=checksum(b"other"))

    completed = uploads.complete(OWNER, large.id, crc64nvme=checksum(LARGE))

    assert (completed.state, completed.crc64nvme) == (State.UPLOADED, checksum(LARGE))


def test_complete_compares_the_checksum_that_create_declared(
    uploads: Uploads, storage: MemoryStorage
) -> None:
    declared = checksum(b"other")
    upload, _ = uploads.create(OWNER, filename="a", size=len(LARGE), crc64nvme=declared)
    send(storage, upload)

    with pytest.raises(ChecksumMismatch):
        uploads.complete(OWNER, upload.id)


def test_complete_refuses_another_checksum_than_the_single_put_has(
    uploads: Uploads, small: Upload, storage: MemoryStorage
) -> None:
    storage.receive_object(small.key, SMALL)

    with pytest.raises(ChecksumMismatch):
        uploads.complete(OWNER, small.id, crc64nvme=checksum(b"other"))


def test_complete_refuses_an_invalid_checksum(uploads: Uploads, large: Upload) -> None:
    with pytest.raises(InvalidRequest):
        uploads.complete(OWNER, large.id, crc64nvme="crc")


def test_a_repeated_complete_has_the_same_answer(
    uploads: Uploads, large: Upload, storage: MemoryStorage, pages: RecordingPages
) -> None:
    send(storage, large)
    first = uploads.complete(OWNER, large.id, crc64nvme=checksum(LARGE))

    second = uploads.complete(OWNER, large.id, crc64nvme=checksum(LARGE))

    assert second == first
    assert pages.states == ["uploaded"]


@pytest.mark.parametrize("state", SETTLED)
def test_complete_returns_the_state_an_upload_has_reached(
    uploads: Uploads, table: MemoryTable, large: Upload, state: State
) -> None:
    move(table, large, state)

    assert uploads.complete(OWNER, large.id).state is state


def test_complete_refuses_an_aborted_upload(
    uploads: Uploads, table: MemoryTable, large: Upload
) -> None:
    move(table, large, State.ABORTED)

    with pytest.raises(WrongState):
        uploads.complete(OWNER, large.id)


def test_complete_continues_after_an_earlier_one_was_cut_off(
    uploads: Uploads, large: Upload, storage: MemoryStorage
) -> None:
    storage.multiparts.clear()
    storage.receive_object(large.key, LARGE)

    assert uploads.complete(OWNER, large.id).state is State.UPLOADED


def test_complete_reports_an_upload_that_s3_has_forgotten(uploads: Uploads, large: Upload) -> None:
    uploads.storage.abort(large.key, str(large.multipart_id))

    with pytest.raises(UploadExpired):
        uploads.complete(OWNER, large.id)


@pytest.mark.parametrize("crc64nvme", [None, checksum(SMALL)], ids=["bare", "with a checksum"])
def test_an_event_before_complete_wins(
    *,
    uploads: Uploads,
    table: MemoryTable,
    storage: MemoryStorage,
    small: Upload,
    pages: RecordingPages,
    crc64nvme: str | None,
) -> None:
    storage.receive_object(small.key, SMALL)
    table.before_change.add(lambda: move(table, small, State.PROCESSING))

    completed = uploads.complete(OWNER, small.id, crc64nvme=crc64nvme)

    assert completed.state is State.PROCESSING
    assert pages.shown_uploads == []


def test_an_abort_before_complete_wins(
    uploads: Uploads, table: MemoryTable, storage: MemoryStorage, small: Upload
) -> None:
    storage.receive_object(small.key, SMALL)
    table.before_change.add(lambda: move(table, small, State.ABORTED))

    with pytest.raises(WrongState):
        uploads.complete(OWNER, small.id, crc64nvme=checksum(SMALL))


def test_a_simultaneous_complete_that_is_first_wins(
    uploads: Uploads, storage: MemoryStorage, large: Upload
) -> None:
    send(storage, large)
    storage.before_complete.add(lambda: uploads.complete(OWNER, large.id))

    assert uploads.complete(OWNER, large.id).state is State.UPLOADED


# --- complete several -----------------------------------------------------------------------------


def test_complete_all_gives_the_results_of_single_completes(
    uploads: Uploads, storage: MemoryStorage, small: Upload, large: Upload
) -> None:
    storage.receive_object(small.key, SMALL)
    send(storage, large, 1, 2)

    outcomes = uploads.complete_all(OWNER, [large.id, small.id, PUT_ID])

    missing, arrived, unknown = outcomes
    assert isinstance(missing, PartsMissing)
    assert missing.members == {"missing": [3]}
    assert isinstance(arrived, Upload)
    assert arrived.state is State.UPLOADED
    assert isinstance(unknown, UploadNotFound)


def test_no_complete_of_a_batch_starts_too_late_for_its_answer(
    uploads: Uploads, storage: MemoryStorage, clock: Clock
) -> None:
    """S3 may take long for the first ones."""
    created = [uploads.create(OWNER, filename="a", size=len(LARGE))[0] for _ in range(30)]
    for upload in created:
        send(storage, upload)
    for _ in created:
        storage.before_complete.add(lambda: clock.advance(COMPLETE_PATIENCE))

    outcomes = uploads.complete_all(OWNER, [upload.id for upload in created])

    late = [one for one in outcomes if isinstance(one, TryAgain)]
    assert len(late) >= len(created) - AT_ONCE
    again = uploads.complete_all(OWNER, [upload.id for upload in created])
    assert [one.state for one in again if isinstance(one, Upload)] == [State.UPLOADED] * 30
    assert COMPLETE_PATIENCE + LAST_COMPLETE_AFTER.total_seconds() < INTEGRATION_TIMEOUT


# --- delete ---------------------------------------------------------------------------------------


def test_delete_aborts_an_unfinished_upload(
    uploads: Uploads, large: Upload, storage: MemoryStorage, pages: RecordingPages
) -> None:
    send(storage, large, 1)

    uploads.delete(OWNER, large.id)

    assert storage.multiparts == {}
    assert uploads.get(OWNER, large.id).state is State.ABORTED
    assert pages.states == ["aborted"]


@pytest.mark.parametrize("state", [State.UPLOADING, *SETTLED])
def test_delete_deletes_the_object_in_any_state(
    uploads: Uploads, table: MemoryTable, storage: MemoryStorage, small: Upload, state: State
) -> None:
    storage.receive_object(small.key, SMALL)
    move(table, small, state)

    uploads.delete(OWNER, small.id)

    assert storage.objects == {}
    assert uploads.get(OWNER, small.id).state is State.ABORTED


def test_delete_twice_does_nothing_the_second_time(
    uploads: Uploads, small: Upload, pages: RecordingPages
) -> None:
    uploads.delete(OWNER, small.id)
    uploads.delete(OWNER, small.id)

    assert pages.states == ["aborted"]


def test_an_interrupted_delete_is_due_for_a_check(
    uploads: Uploads, table: MemoryTable, storage: MemoryStorage, small: Upload, clock: Clock
) -> None:
    move(table, small, State.ACCEPTED, check_at=None)

    class Broken(MemoryStorage):
        def delete(self, key: str) -> None:
            raise TryAgain(key)

    with pytest.raises(TryAgain):
        replace(uploads, storage=Broken(objects=storage.objects)).delete(OWNER, small.id)

    assert uploads.get(OWNER, small.id).check_at == clock()


def test_a_deleted_upload_takes_no_room_and_keeps_no_report(
    uploads: Uploads, table: MemoryTable, small: Upload
) -> None:
    move(table, small, State.ACCEPTED, report={"size": 11})

    uploads.delete(OWNER, small.id)

    deleted = uploads.get(OWNER, small.id)
    assert (deleted.charged, deleted.report, deleted.check_at) == (None, None, None)


def test_delete_of_an_upload_that_s3_has_forgotten_works(
    uploads: Uploads, large: Upload, storage: MemoryStorage
) -> None:
    storage.multiparts.clear()

    uploads.delete(OWNER, large.id)

    assert uploads.get(OWNER, large.id).state is State.ABORTED


# --- list and get ---------------------------------------------------------------------------------


def test_newest_lists_by_pages(uploads: Uploads, clock: Clock) -> None:
    created = []
    for _ in range(LIST_LIMIT + 1):
        clock.advance(1)
        created.append(uploads.create(OWNER, filename="a", size=1)[0])

    first, cursor = uploads.newest(OWNER)
    second, end = uploads.newest(OWNER, cursor=cursor)

    assert [*first, *second] == created[::-1]
    assert len(first) == LIST_LIMIT
    assert end is None


def test_newest_lists_one_state(
    uploads: Uploads, table: MemoryTable, small: Upload, large: Upload
) -> None:
    move(table, small, State.ACCEPTED)

    listed, _ = uploads.newest(OWNER, state="accepted")

    assert [upload.id for upload in listed] == [small.id]
    assert large.id not in [upload.id for upload in listed]


@pytest.mark.parametrize("state", ["", "done", "ACCEPTED", "accepted "])
def test_newest_refuses_an_unknown_state(uploads: Uploads, state: str) -> None:
    with pytest.raises(InvalidRequest, match="state is one of"):
        uploads.newest(OWNER, state=state)


def test_newest_lists_no_uploads_of_another_owner(uploads: Uploads, small: Upload) -> None:
    assert uploads.newest(OTHER_OWNER) == ([], None)
    assert uploads.newest(OWNER) == ([small], None)


ASKING: list[Callable[[Uploads, str, str], object]] = [
    Uploads.get,
    Uploads.sheet,
    Uploads.list_parts,
    Uploads.complete,
    Uploads.delete,
    Uploads.download,
]


@pytest.mark.parametrize("ask", ASKING, ids=lambda ask: ask.__name__)
def test_an_upload_of_another_owner_is_not_found(
    uploads: Uploads, small: Upload, ask: Callable[[Uploads, str, str], object]
) -> None:
    with pytest.raises(UploadNotFound):
        ask(uploads, OTHER_OWNER, small.id)

    assert uploads.get(OWNER, small.id) == small


@pytest.mark.parametrize("ask", ASKING, ids=lambda ask: ask.__name__)
@pytest.mark.parametrize("upload_id", [PUT_ID, "", "x" * 3000, "../1", "a#b"])
def test_a_missing_upload_is_not_found(
    uploads: Uploads, upload_id: str, ask: Callable[[Uploads, str, str], object]
) -> None:
    with pytest.raises(UploadNotFound):
        ask(uploads, OWNER, upload_id)


# --- download -------------------------------------------------------------------------------------


def accept(uploads: Uploads, upload: Upload, data: bytes = SMALL, **report: Any) -> None:
    """Let an object arrive, and accept it."""
    storage: Any = uploads.storage
    storage.receive_object(upload.key, data)
    report = {**storage.head(upload.key).identity, **report}
    uploads.table.change(upload, to=State.ACCEPTED, allowed=set(State), report=report)


def test_download_signs_an_accepted_upload_under_its_own_name(
    uploads: Uploads, settings: Settings
) -> None:
    upload, _ = uploads.create(OWNER, filename="Grüße.txt", size=1)
    accept(uploads, upload, content_type="text/plain")

    url, expires_in = uploads.download(OWNER, upload.id)

    assert expires_in == 900
    assert url.startswith(f"{settings.bucket_urls[0]}/uploads/{OWNER}/{upload.id}/Gr%C3%BC")
    assert "response-content-disposition=attachment" in url
    assert "response-content-type=text%2Fplain" in url
    assert "response-cache-control=no-store" in url


@pytest.mark.parametrize(
    "replaced",
    [
        pytest.param({"etag": "another"}, id="etag"),
        pytest.param({"crc64nvme": checksum(b"collision")}, id="other bytes with the same MD5"),
        pytest.param({"size": 12}, id="size"),
        pytest.param({"last_modified": datetime(2026, 3, 2, tzinfo=UTC)}, id="time"),
        pytest.param({"unreadable": "It is encrypted", "size": 0, "etag": ""}, id="unreadable"),
    ],
)
def test_download_refuses_an_object_that_is_not_the_accepted_one(
    uploads: Uploads, storage: MemoryStorage, small: Upload, replaced: dict[str, Any]
) -> None:
    accept(uploads, small)
    uploads.download(OWNER, small.id)
    storage.oddities[small.key] = replaced

    with pytest.raises(NotAccepted, match="replaced"):
        uploads.download(OWNER, small.id)


def test_download_refuses_a_deleted_object(
    uploads: Uploads, storage: MemoryStorage, small: Upload
) -> None:
    accept(uploads, small)
    storage.delete(small.key)

    with pytest.raises(NotAccepted):
        uploads.download(OWNER, small.id)


@pytest.mark.parametrize(
    ("size", "through"), [(CLOUDFRONT_MAX_SIZE, True), (CLOUDFRONT_MAX_SIZE + 1, False)]
)
def test_download_goes_through_cloudfront_up_to_its_limits(
    uploads: Uploads, settings: Settings, size: int, *, through: bool
) -> None:
    url = "https://d111111abcdef8.cloudfront.net"
    behind = replace(uploads, settings=replace(settings, download_url=url, max_size=size))
    upload, _ = behind.create(OWNER, filename="a", size=size)
    accept(uploads, upload)

    proxied = behind.download(OWNER, upload.id)[0]

    direct = uploads.download(OWNER, upload.id)[0]
    assert proxied == (direct.replace(settings.bucket_urls[0], url) if through else direct)


def test_the_longest_name_and_key_give_a_url_that_cloudfront_accepts(
    uploads: Uploads, clock: Clock
) -> None:
    # Session tokens have 1,500 characters or so, and the slashes in them are encoded.
    credentials = Credentials("A" * 20, "secret", "/" + "t" * 1500)
    signer = Signer(credentials, "eu-west-1", clock(), 900)
    signed = replace(uploads, signer=lambda: signer)
    upload, _ = uploads.create(OWNER, filename="a", size=1)
    name = "写" * 251 + ".txt"
    path = "写" * ((1024 - len(f"uploads/{OWNER}//{name}".encode())) // 3)
    long = replace(upload, filename=name, key=f"uploads/{OWNER}/{path}/{name}")
    table: Any = uploads.table
    table.items[OWNER, upload.id] = long
    accept(uploads, long)

    url, _ = signed.download(OWNER, upload.id)

    assert len(url) <= CLOUDFRONT_MAX_URL
    (disposition,) = parse_qs(urlsplit(url).query)["response-content-disposition"]
    saved_as = unquote(disposition.partition("UTF-8''")[2])
    assert saved_as == "写" * 83 + ".txt"


def test_a_download_expires_with_the_credentials_that_signed_it(
    uploads: Uploads, settings: Settings, clock: Clock
) -> None:
    end = clock() + timedelta(seconds=60)
    credentials = Credentials("AKIDEXAMPLE", "secret", "token", end)
    ending = replace(uploads, signer=lambda: Signer(credentials, settings.region, clock(), 900))
    upload, sheet = ending.create(OWNER, filename="a", size=1)
    accept(uploads, upload)

    _, expires_in = ending.download(OWNER, upload.id)

    assert (sheet.expires_at, expires_in) == (end, 60)


def test_download_falls_back_to_the_declared_type(uploads: Uploads) -> None:
    upload, _ = uploads.create(OWNER, filename="a", size=1, content_type="image/png")
    accept(uploads, upload)

    assert "response-content-type=image%2Fpng" in uploads.download(OWNER, upload.id)[0]


@pytest.mark.parametrize("state", [s for s in State if s is not State.ACCEPTED])
def test_download_refuses_an_upload_that_is_not_accepted(
    uploads: Uploads, table: MemoryTable, small: Upload, state: State
) -> None:
    move(table, small, state)

    with pytest.raises(NotAccepted, match=state.value):
        uploads.download(OWNER, small.id)


# --- upload ---------------------------------------------------------------------------------------


def test_a_document_writes_times_in_utc(small: Upload) -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)

    document = replace(small, created_at=moment).document()

    assert document["created_at"] == "2026-03-01T12:00:00.000000Z"


def test_a_document_has_no_internal_fields(large: Upload) -> None:
    assert large.document().keys() == {
        "id",
        "filename",
        "size",
        "content_type",
        "key",
        "state",
        "created_at",
        "updated_at",
    }


def test_a_document_has_report_and_reason_if_they_exist(small: Upload) -> None:
    document = replace(small, report={"size": 1}, reason="because").document()

    assert (document["report"], document["reason"]) == ({"size": 1}, "because")
