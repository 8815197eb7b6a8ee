import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import md5
from typing import Any, ClassVar
from urllib.parse import quote_plus

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from chalicelib.config import Settings
from chalicelib.errors import TryAgain
from chalicelib.media_types import Decision, decide
from chalicelib.processing import HEAD_SIZE, Processing
from chalicelib.reader import ObjectReader, ObjectReplaced
from chalicelib.records import SEQUENCER_LENGTH
from chalicelib.upload import State, Upload, iso_time
from chalicelib.usage import Quota
from tests.support.fakes import (
    EPOCH,
    Clock,
    Invocation,
    MemoryStorage,
    MemoryTable,
    RecordingPages,
)
from tests.support.payloads import (
    CONTENT,
    MULTIPART_ID,
    OWNER,
    PUT_ID,
    event,
    multipart_upload,
    put_upload,
)
from tests.support.running import crc64nvme as checksum
from tests.support.tables import put_in, real_table

ARRIVED = [State.UPLOADED, State.PROCESSING, State.FAILED]


@pytest.fixture
def heads() -> list[bytes]:
    """The beginnings of files that `decide` received."""
    return []


@pytest.fixture
def processing(
    *,
    settings: Settings,
    storage: MemoryStorage,
    table: MemoryTable,
    pages: RecordingPages,
    heads: list[bytes],
    clock: Clock,
) -> Processing:
    def decide_and_record(declared: str, filename: str, head: bytes) -> Decision:
        heads.append(head)
        return decide(declared, filename, head)

    def compute(reader: ObjectReader) -> dict[str, Any]:
        return {"echo": {"beginning": reader.read_range(0, 5).decode() if reader.size else ""}}

    return Processing(
        settings, storage, table, pages, decide_and_record, compute, clock, clock.advance
    )


ONCE, TWIN, AGAIN = Invocation("once"), Invocation("twin"), Invocation("again")
SEQUENCER = "0067C2F3A551B2E3C4".ljust(SEQUENCER_LENGTH, "0")
ETAG = md5(CONTENT, usedforsecurity=False).hexdigest()


@pytest.fixture
def upload(table: MemoryTable, storage: MemoryStorage) -> Upload:
    """The upload of s3_put.json; its object is in S3, and it was completed."""
    uploaded = put_upload(state=State.UPLOADED)
    put_in(table, uploaded)
    storage.receive_object(uploaded.key, CONTENT)
    return uploaded


def current(table: MemoryTable) -> Upload:
    return table.items[OWNER, PUT_ID]


def test_an_object_as_announced_is_accepted(
    processing: Processing,
    table: MemoryTable,
    storage: MemoryStorage,
    pages: RecordingPages,
    upload: Upload,
) -> None:
    answer = processing.process(event("s3_put"), ONCE)

    accepted = current(table)
    assert accepted.state is State.ACCEPTED
    assert accepted.reason is None
    assert accepted.report == {
        "size": 11,
        "content_type": "text/plain",
        "etag": "5eb63bbbe01eeed093cb22bb8f5acdc3",
        "crc64nvme": checksum(CONTENT),
        "last_modified": iso_time(EPOCH),
        "checksum_verified": False,
        "processors": {"echo": {"beginning": "hello"}},
    }
    assert (accepted.sequencer, accepted.holder) == (SEQUENCER, None)
    assert (accepted.charged, accepted.outcome is None) == (11, False)
    assert storage.tags == {upload.key: "accepted"}
    assert pages.states == ["processing"]
    assert answer == {"uploads": [{"owner": OWNER, **accepted.document()}]}


def test_a_multipart_object_is_accepted(
    processing: Processing, table: MemoryTable, storage: MemoryStorage
) -> None:
    large = multipart_upload(state=State.UPLOADED)
    put_in(table, large)
    storage.receive_object(large.key, bytes(large.size))

    processing.process(event("s3_complete_multipart_upload"), ONCE)

    assert table.items[OWNER, MULTIPART_ID].state is State.ACCEPTED


def test_an_empty_object_is_accepted(
    processing: Processing, table: MemoryTable, storage: MemoryStorage
) -> None:
    empty = put_upload(size=0, part_size=0, state=State.UPLOADED)
    put_in(table, empty)
    storage.receive_object(empty.key, b"")

    processing.process(event("s3_put"), ONCE)

    assert (current(table).state, current(table).report["content_type"]) == (  # type: ignore[index]
        State.ACCEPTED,
        "text/plain",
    )


def test_the_announced_checksum_is_verified(
    processing: Processing, table: MemoryTable, upload: Upload
) -> None:
    table.change(upload, to=State.UPLOADED, allowed=set(State), crc64nvme=checksum(CONTENT))

    processing.process(event("s3_put"), ONCE)

    report = current(table).report
    assert report is not None
    assert report["checksum_verified"] is True


def test_a_checksum_that_the_server_did_not_keep_is_not_verified(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, upload: Upload
) -> None:
    table.change(upload, to=State.UPLOADED, allowed=set(State), crc64nvme=checksum(CONTENT))
    storage.keeps_checksums = False

    processing.process(event("s3_put"), ONCE)

    report = current(table).report
    assert report is not None
    assert (report["crc64nvme"], report["checksum_verified"]) == (None, False)


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_only_the_first_bytes_are_read(
    processing: Processing,
    table: MemoryTable,
    storage: MemoryStorage,
    heads: list[bytes],
    extra: int,
) -> None:
    size = HEAD_SIZE + extra
    put_in(table, put_upload(size=size, state=State.UPLOADED))
    storage.receive_object(put_upload().key, b"x" * size)

    processing.process(event("s3_put"), ONCE)

    assert [len(head) for head in heads] == [min(size, HEAD_SIZE)]


REJECTIONS = [
    pytest.param({"size": 12}, (), "12 bytes were announced, but 11 arrived", id="too short"),
    pytest.param({"size": 10}, (), "10 bytes were announced, but 11 arrived", id="too long"),
    pytest.param(
        {"crc64nvme": checksum(b"other")},
        (),
        "The checksum of the object is not the announced one",
        id="checksum",
    ),
    pytest.param(
        {},
        ("image/*",),
        "Its content is text/plain, which is not allowed. Allowed: image/*",
        id="content",
    ),
]


@pytest.mark.parametrize(("changes", "allowed", "reason"), REJECTIONS)
def test_an_object_that_is_not_as_announced_is_rejected(
    *,
    processing: Processing,
    table: MemoryTable,
    storage: MemoryStorage,
    changes: dict[str, Any],
    allowed: tuple[str, ...],
    reason: str,
) -> None:
    put_in(table, put_upload(state=State.UPLOADED, **changes))
    storage.receive_object(put_upload().key, CONTENT)

    (result,) = replace(
        processing, settings=replace(processing.settings, allowed_types=allowed)
    ).process(event("s3_put"), ONCE)["uploads"]

    assert (current(table).state, current(table).reason) == (State.REJECTED, reason)
    assert storage.tags == {put_upload().key: "rejected"}
    assert (result["state"], result["reason"]) == ("rejected", reason)


def test_an_event_that_beats_complete_processes_the_upload(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, pages: RecordingPages
) -> None:
    put_in(table, put_upload())
    storage.receive_object(put_upload().key, CONTENT)

    processing.process(event("s3_put"), ONCE)

    assert current(table).state is State.ACCEPTED
    assert pages.states == ["uploaded", "processing"]


@pytest.mark.parametrize("state", ARRIVED)
def test_an_invocation_continues_after_an_earlier_one_failed(
    processing: Processing, table: MemoryTable, upload: Upload, state: State
) -> None:
    table.change(upload, to=state, allowed=set(State), holder="once", sequencer=SEQUENCER)

    processing.process(event("s3_put"), ONCE)

    assert current(table).state is State.ACCEPTED


def test_an_upload_that_failed_before_keeps_no_reason_once_accepted(
    processing: Processing, table: MemoryTable, upload: Upload
) -> None:
    table.change(upload, to=State.FAILED, allowed=set(State), reason="Processing failed")

    processing.process(event("s3_put"), ONCE)

    assert (current(table).state, current(table).reason) == (State.ACCEPTED, None)


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED])
def test_a_duplicate_event_changes_nothing_and_reports_again(
    *,
    processing: Processing,
    table: MemoryTable,
    storage: MemoryStorage,
    pages: RecordingPages,
    upload: Upload,
    state: State,
) -> None:
    settled = table.change(upload, to=state, allowed=set(State), sequencer=SEQUENCER)

    answer = processing.process(event("s3_put"), ONCE)

    assert answer == {"uploads": [{"owner": OWNER, **settled.document(), "duplicate": True}]}
    assert current(table) == settled
    assert storage.tags == {upload.key: state}, "whoever settled it died before it wrote the tag"
    assert pages.shown_uploads == []


def test_an_event_of_a_deleted_object_changes_nothing(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, upload: Upload
) -> None:
    settled = table.change(upload, to=State.REJECTED, allowed=set(State), sequencer=SEQUENCER)
    storage.delete(upload.key)

    answer = processing.process(event("s3_put"), ONCE)

    assert answer["uploads"][0]["duplicate"] is True
    assert current(table) == settled


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED])
def test_other_bytes_by_an_old_url_are_checked_again(
    processing: Processing,
    table: MemoryTable,
    storage: MemoryStorage,
    upload: Upload,
    state: State,
) -> None:
    table.change(upload, to=state, allowed=set(State), report={"etag": ETAG})
    storage.receive_object(upload.key, CONTENT + b"!")

    (result,) = processing.process(event("s3_put"), ONCE)["uploads"]

    assert (result["state"], "duplicate" in result) == ("rejected", False)
    assert current(table).reason == "11 bytes were announced, but 12 arrived"
    assert storage.tags == {upload.key: "rejected"}


@pytest.mark.parametrize(("body", "state"), [(b"HELLO", "accepted"), (b"\x7fELF!", "rejected")])
def test_an_object_with_the_etag_of_the_accepted_one_is_checked_again(
    *,
    processing: Processing,
    table: MemoryTable,
    storage: MemoryStorage,
    upload: Upload,
    body: bytes,
    state: str,
) -> None:
    """Two files can have one MD5, and so one ETag."""
    processing.process(numbered("0A"), ONCE)
    first = current(table)
    storage.receive_object(upload.key, body + CONTENT[5:])
    storage.oddities[upload.key] = {"etag": ETAG}

    class Collision(MemoryStorage):
        def read_range(self, key: str, offset: int, size: int, *, etag: str) -> bytes:
            assert etag == ETAG
            return self.objects[key][offset : offset + size]

    colliding = replace(processing, storage=replace_storage(Collision(), storage))
    (result,) = colliding.process(numbered("0B"), TWIN)["uploads"]

    assert (result["state"], "duplicate" in result) == (state, False)
    assert storage.tags == {upload.key: state}
    assert current(table).outcome != first.outcome, "the checksum tells them apart"


def replace_storage(other: MemoryStorage, storage: MemoryStorage) -> MemoryStorage:
    """A storage of another class with the same content."""
    for name in MemoryStorage.__dataclass_fields__:
        setattr(other, name, getattr(storage, name))
    return other


def test_the_same_bytes_again_after_room_was_made_are_accepted(
    processing: Processing, table: MemoryTable, storage: MemoryStorage
) -> None:
    table.quota = Quota(max_bytes=21, max_files=9)
    (other,) = processing.process(arrives(storage, "a.txt"), ONCE)["uploads"]
    (refused,) = processing.process(arrives(storage, "b.txt"), ONCE)["uploads"]
    table.change(table.items[OWNER, other["id"]], to=State.ABORTED, allowed=set(State))

    (again,) = processing.process(arrives(storage, "b.txt", sequencer=2), TWIN)["uploads"]

    assert (refused["state"], again["state"], again["id"]) == (
        "rejected",
        "accepted",
        refused["id"],
    )
    assert "duplicate" not in again
    assert storage.tags[again["key"]] == "accepted"
    now = table.items[OWNER, again["id"]]
    assert (now.charged, now.outcome != now.notified) == (11, True)


def test_the_same_object_checked_again_is_the_same_outcome(
    processing: Processing, table: MemoryTable, upload: Upload
) -> None:
    processing.process(numbered("0A"), ONCE)
    first = table.change(
        upload, to=State.ACCEPTED, allowed=set(State), notified=current(table).outcome
    )

    processing.process(numbered("0B"), TWIN)

    assert current(table).outcome == first.outcome == current(table).notified


def test_the_same_bytes_sent_again_are_checked_and_notify_nobody(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, upload: Upload, clock: Clock
) -> None:
    """A form can be sent again until it expires: the report is about the current object."""
    processing.process(numbered("0A"), ONCE)
    first = table.change(
        upload, to=State.ACCEPTED, allowed=set(State), notified=current(table).outcome
    )
    clock.advance(60)
    storage.receive_object(upload.key, CONTENT, at=clock())

    processing.process(numbered("0B"), AGAIN)

    now = current(table)
    assert (now.state, now.outcome, now.charged) == (State.ACCEPTED, first.notified, len(CONTENT))
    assert storage.head(upload.key).is_reported_by(now.report)  # type: ignore[union-attr]
    assert not storage.head(upload.key).is_reported_by(first.report)  # type: ignore[union-attr]


def test_an_aborted_upload_stays_aborted(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, upload: Upload
) -> None:
    aborted = table.change(upload, to=State.ABORTED, allowed=set(State))

    assert processing.process(event("s3_put"), ONCE) == {"uploads": []}
    assert current(table) == aborted
    assert storage.objects == {}, "what an old URL brought is gone again"


def test_an_object_that_was_deleted_in_s3_is_a_failure_that_says_so(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, upload: Upload
) -> None:
    storage.delete(upload.key)

    (result,) = processing.process(event("s3_put"), ONCE)["uploads"]

    assert result["state"] == "failed"
    assert current(table).reason == "The object was deleted before it was checked"


@pytest.mark.parametrize("moment", ["before_read", "before_tag"])
def test_an_upload_that_is_deleted_meanwhile_leaves_nothing(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, upload: Upload, moment: str
) -> None:
    def delete() -> None:
        storage.delete(upload.key)
        table.change(upload, to=State.ABORTED, allowed=set(State))

    getattr(storage, moment).add(delete)

    processing.process(event("s3_put"), ONCE)

    assert current(table).state is State.ABORTED
    assert (storage.objects, storage.tags) == ({}, {})


def test_an_upload_that_is_aborted_before_its_object_is_deleted_leaves_nothing(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, upload: Upload
) -> None:
    storage.before_read.add(
        lambda: table.change(current(table), to=State.ABORTED, allowed=set(State))
    )

    assert processing.process(event("s3_put"), ONCE) == {"uploads": []}

    assert current(table).state is State.ABORTED
    assert (upload.key in storage.objects, storage.tags) == (False, {})


def test_a_simultaneous_invocation_is_a_duplicate(
    processing: Processing, storage: MemoryStorage, upload: Upload
) -> None:
    twins: list[dict[str, Any]] = []
    storage.before_read.add(lambda: twins.append(processing.process(event("s3_put"), TWIN)))

    (result,) = processing.process(event("s3_put"), ONCE)["uploads"]

    (twin,) = twins[0]["uploads"]
    assert (twin["state"], twin["duplicate"]) == ("processing", True)
    assert (result["state"], "duplicate" in result) == ("accepted", False)
    assert storage.tags == {upload.key: "accepted"}


@pytest.mark.usefixtures("upload")
def test_a_later_invocation_returns_the_earlier_report(
    processing: Processing, storage: MemoryStorage
) -> None:
    (first,) = processing.process(event("s3_put"), ONCE)["uploads"]
    read: list[None] = []
    storage.before_read.add(lambda: read.append(None))

    assert processing.process(event("s3_put"), TWIN) == {"uploads": [first | {"duplicate": True}]}
    assert read == [], "nothing was done again"


@pytest.mark.usefixtures("upload")
def test_the_claim_of_a_crashed_invocation_is_taken_over_after_its_time(
    processing: Processing, clock: Clock
) -> None:
    def crash(declared: str, filename: str, head: bytes) -> Decision:
        raise SystemExit(f"{declared}, {filename}, {len(head)} bytes")

    with pytest.raises(SystemExit):
        replace(processing, decide=crash).process(event("s3_put"), ONCE)
    clock.advance(64.9)
    (early,) = processing.process(event("s3_put"), TWIN)["uploads"]
    clock.advance(0.1)

    (late,) = processing.process(event("s3_put"), TWIN)["uploads"]

    assert (early["state"], late["state"]) == ("processing", "accepted")


def numbered(sequencer: str) -> Any:
    """The event of a PUT with another sequencer."""
    other = event("s3_put")
    other["Records"][0]["s3"]["object"]["sequencer"] = sequencer
    return other


def test_an_older_event_that_comes_late_changes_nothing(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, upload: Upload
) -> None:
    processing.process(numbered("0B"), ONCE)
    settled = current(table)
    storage.receive_object(upload.key, b"other bytes")

    (result,) = processing.process(numbered("0ADD"), TWIN)["uploads"]

    assert (result["state"], result["duplicate"]) == ("accepted", True)
    assert current(table) == settled


class TestOvertaken:
    """An overtaken invocation never writes the last tag."""

    OTHER = CONTENT + b"!"

    def check(self, table: MemoryTable, storage: MemoryStorage, upload: Upload, state: str) -> None:
        assert current(table).state == state
        assert storage.tags == {upload.key: state}

    @pytest.mark.parametrize(
        ("first", "second", "state"),
        [(OTHER, CONTENT, "accepted"), (CONTENT, OTHER, "rejected")],
        ids=["a good one after a bad one", "a bad one after a good one"],
    )
    @pytest.mark.parametrize("moment", ["before_tag", "before_read", "before_change"])
    def test_a_newer_object_takes_over_at_any_moment(
        self,
        *,
        processing: Processing,
        table: MemoryTable,
        storage: MemoryStorage,
        upload: Upload,
        moment: str,
        first: bytes,
        second: bytes,
        state: str,
    ) -> None:
        storage.receive_object(upload.key, first)

        def replaced() -> None:
            storage.receive_object(upload.key, second)
            processing.process(numbered("0C"), TWIN)

        port = table if moment == "before_change" else storage
        getattr(port, moment).add(replaced)

        processing.process(numbered("0B"), ONCE)
        while getattr(port, moment).waiting:  # a rejected object is not read
            getattr(port, moment).happen()

        self.check(table, storage, upload, state)

    def test_a_slow_processor_does_not_let_an_unchecked_object_pass(
        self, processing: Processing, table: MemoryTable, storage: MemoryStorage, upload: Upload
    ) -> None:
        def compute(_: ObjectReader) -> dict[str, Any]:
            storage.receive_object(upload.key, self.OTHER)
            processing.process(numbered("0C"), TWIN)
            return {}

        slow = replace(processing, compute=compute)
        (result,) = slow.process(numbered("0B"), ONCE)["uploads"]

        self.check(table, storage, upload, "rejected")
        assert (result["state"], result["duplicate"]) == ("rejected", True)

    def test_an_object_replaced_during_processing_is_processed_again(
        self, processing: Processing, table: MemoryTable, storage: MemoryStorage, upload: Upload
    ) -> None:
        arrivals = [b"HELLO world", b"Hello World"]

        def compute(reader: ObjectReader) -> dict[str, Any]:
            if arrivals:
                storage.receive_object(upload.key, arrivals.pop(0))
            return {"all": reader.read_range(0, 11).decode()}

        replaced = replace(processing, compute=compute)
        replaced.process(numbered("0B"), ONCE)

        self.check(table, storage, upload, "accepted")
        report = current(table).report
        assert report is not None
        assert report["processors"] == {"all": "Hello World"}
        assert report["crc64nvme"] == checksum(b"Hello World")

    def test_an_older_object_above_the_quota_does_not_reject_the_newer_one(
        self, processing: Processing, table: MemoryTable, storage: MemoryStorage
    ) -> None:
        table.quota = Quota(max_bytes=20, max_files=9)
        large = arrives(storage, "a.txt", b"x" * 21)

        def replaced() -> None:
            processing.process(arrives(storage, "a.txt", CONTENT, sequencer=2), TWIN)

        table.before_change.add(replaced)
        processing.process(large, ONCE)

        (upload,) = table.items.values()
        assert (upload.state, upload.charged) == (State.ACCEPTED, 11)
        assert storage.tags == {upload.key: "accepted"}

    def test_the_retry_writes_the_tag_after_a_crash(
        self, processing: Processing, table: MemoryTable, storage: MemoryStorage, upload: Upload
    ) -> None:
        def crash() -> None:
            raise SystemExit

        storage.before_tag.add(crash)
        with pytest.raises(SystemExit):
            processing.process(event("s3_put"), ONCE)
        assert (current(table).state, storage.tags) == (State.ACCEPTED, {})

        processing.process(event("s3_put"), ONCE)

        self.check(table, storage, upload, "accepted")

    @pytest.mark.usefixtures("upload")
    def test_an_object_replaced_too_often_raises_try_again(
        self, processing: Processing, storage: MemoryStorage
    ) -> None:
        class Restless(MemoryStorage):
            def read_range(self, key: str, offset: int, size: int, *, etag: str) -> bytes:
                raise ObjectReplaced(f"{key} {offset} {size} {etag}")

        restless = replace(processing, storage=replace_storage(Restless(), storage))

        with pytest.raises(TryAgain, match="too many times"):
            restless.process(event("s3_put"), ONCE)
        assert storage.tags == {}


class TestUnreadable:
    """Objects that S3 refuses to return, or that a browser would save with other bytes."""

    @pytest.mark.parametrize(
        ("oddity", "reason", "charged"),
        [
            ({"unreadable": "It is stored as DEEP_ARCHIVE"}, "It is stored as DEEP_ARCHIVE", 11),
            ({"unreadable": "Its key", "size": 0, "etag": ""}, "Its key", 11),
            (
                {"content_encoding": "gzip"},
                "It is stored with Content-Encoding: gzip; send it without",
                11,
            ),
        ],
        ids=["archived", "encrypted", "encoded"],
    )
    @pytest.mark.parametrize("path", ["notes.txt", f"{PUT_ID}/Grüße aus Köln 1+1.txt"])
    @pytest.mark.parametrize("announced", [True, False])
    def test_an_unreadable_or_encoded_object_is_rejected_and_charged(
        self,
        *,
        processing: Processing,
        table: MemoryTable,
        storage: MemoryStorage,
        pages: RecordingPages,
        path: str,
        announced: bool,
        oddity: dict[str, Any],
        reason: str,
        charged: int,
    ) -> None:
        if announced:
            put_in(table, put_upload())
        payload = arrives(storage, path)
        key = f"uploads/{OWNER}/{path}"
        storage.oddities[key] = oddity

        (result,) = processing.process(payload, ONCE)["uploads"]

        assert (result["state"], result["reason"]) == ("rejected", reason)
        assert storage.tags == {key: "rejected"}
        assert {upload.charged for upload in pages.shown_uploads} == {charged}
        assert table.items[OWNER, result["id"]].charged is None

    @pytest.mark.parametrize("encoding", ["identity", "aws-chunked", "AWS-Chunked", ""])
    def test_an_encoding_that_changes_nothing_is_accepted(
        self, processing: Processing, storage: MemoryStorage, upload: Upload, encoding: str
    ) -> None:
        storage.oddities[upload.key] = {"content_encoding": encoding}

        (result,) = processing.process(event("s3_put"), ONCE)["uploads"]

        assert result["state"] == "accepted"


@pytest.mark.parametrize(
    "key",
    [
        f"uploads/{OWNER}/",
        f"uploads/{OWNER}//",
        f"uploads/{OWNER}/a/",
        f"uploads/{OWNER}/{PUT_ID}/",
        f"uploads/{OWNER}/.",
        f"uploads/{OWNER}/a/../b",
        "uploads/x",
        "uploads/",
        "uploads//x",
        "uploads/no owner/x",
        "uploads/o*/x",
    ],
)
def test_an_object_with_an_invalid_key_is_deleted(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, key: str
) -> None:
    storage.receive_object(key, CONTENT)
    payload = event("s3_put")
    payload["Records"][0]["s3"]["object"]["key"] = quote_plus(key, safe="/")

    assert processing.process(payload, ONCE) == {"uploads": []}

    assert (storage.objects, table.items) == ({}, {})


@pytest.mark.parametrize(
    "path",
    ["a", "/a", "a//b", "a/b.", "..a", "%2e%2e/b", " ", "a/ ", "\n", "ü/é", "a\x00b"],
    ids=repr,
)
def test_an_object_under_any_other_key_of_an_owner_is_an_upload(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, path: str
) -> None:
    (result,) = processing.process(arrives(storage, path), ONCE)["uploads"]

    assert (result["state"], result["key"]) == ("accepted", f"uploads/{OWNER}/{path}")
    assert [upload.charged for upload in table.items.values()] == [11]


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("photos_$folder$", "binary/octet-stream"), ("photos", "application/x-directory")],
)
def test_the_marker_of_a_folder_is_deleted_and_not_listed(
    processing: Processing,
    table: MemoryTable,
    storage: MemoryStorage,
    pages: RecordingPages,
    *,
    path: str,
    content_type: str,
) -> None:
    payload = arrives(storage, path, data=b"")
    storage.content_types[f"uploads/{OWNER}/{path}"] = content_type

    assert processing.process(payload, ONCE) == {"uploads": []}

    assert (storage.objects, table.items, pages.shown_uploads) == ({}, {}, [])


def test_an_object_outside_the_prefix_is_ignored(
    processing: Processing, storage: MemoryStorage
) -> None:
    storage.receive_object("reports/1", CONTENT)
    payload = event("s3_put")
    payload["Records"][0]["s3"]["object"]["key"] = "reports/1"

    assert processing.process(payload, ONCE) == {"uploads": []}
    assert storage.objects == {"reports/1": CONTENT}


class TestPatience:
    """Throttled calls are retried as long as the invocation has time."""

    def busy(self, port: Any, calls: int) -> Any:
        """A port whose methods are throttled for a number of calls, then work."""

        class Busy:
            remaining: ClassVar[Counter[str]] = Counter()

            def __getattr__(self, name: str) -> Any:
                attribute = getattr(port, name)

                def call(*args: Any, **kwargs: Any) -> Any:
                    self.remaining[name] += 1
                    if self.remaining[name] <= calls:
                        raise TryAgain(name)
                    return attribute(*args, **kwargs)

                return call

        return Busy()

    def test_minutes_of_throttling_use_no_retry_of_lambda(
        self, processing: Processing, table: MemoryTable, upload: Upload, clock: Clock
    ) -> None:
        began = clock.time
        # Ten waits are at least 26 seconds, and six calls are throttled.
        busy = replace(
            processing,
            storage=self.busy(processing.storage, 10),
            table=self.busy(processing.table, 10),
        )

        (result,) = busy.process(event("s3_put"), Invocation("once", seconds=900))["uploads"]

        assert (result["state"], "duplicate" in result) == ("accepted", False)
        assert (clock.time - began).total_seconds() > 120
        assert current(table).id == upload.id

    @pytest.mark.usefixtures("upload")
    def test_an_invocation_without_time_raises(self, processing: Processing, clock: Clock) -> None:
        busy = replace(processing, table=self.busy(processing.table, 1))

        with pytest.raises(TryAgain):
            busy.process(event("s3_put"), Invocation("once", seconds=5))
        assert clock.time == put_upload().created_at


def test_a_hundred_duplicates_at_once_are_one_processing(
    dynamodb: Any, processing: Processing, storage: MemoryStorage, clock: Clock
) -> None:
    real = real_table(dynamodb, clock)
    put_in(real, put_upload(state=State.UPLOADED))
    storage.receive_object(put_upload().key, CONTENT)
    one = replace(processing, table=real)
    turn = threading.Lock()  # moto is not safe under threads

    def process(number: int) -> Any:
        with turn:
            return one.process(event("s3_put"), Invocation(str(number)))["uploads"][0]

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(process, range(100)))

    assert len([r for r in results if "duplicate" not in r]) == 1
    assert {r["state"] for r in results} == {"accepted"}


def test_a_failure_is_left_for_the_next_attempt(
    processing: Processing, table: MemoryTable, upload: Upload
) -> None:
    def fail(declared: str, filename: str, head: bytes) -> Decision:
        raise OSError(f"cannot decide {declared}, {filename}, {len(head)} bytes")

    with pytest.raises(OSError, match="11 bytes"):
        replace(processing, decide=fail).process(event("s3_put"), ONCE)

    assert current(table).state is State.PROCESSING
    assert processing.process(event("s3_put"), ONCE)["uploads"][0]["id"] == upload.id


def arrives(storage: MemoryStorage, path: str, data: bytes = CONTENT, *, sequencer: int = 1) -> Any:
    """Store an object under a key that its owner chose; returns its event."""
    key = f"uploads/{OWNER}/{path}"
    storage.receive_object(key, data)
    storage.content_types[key] = "text/plain"
    payload = event("s3_put")
    payload["Records"][0]["s3"]["object"] |= {
        "key": quote_plus(key, safe="/"), "sequencer": f"{sequencer:016X}",
    }  # fmt: skip
    return payload


@pytest.mark.parametrize("path", ["notes.txt", "2026/März/notes.txt", f"{PUT_ID}/notes.txt"])
def test_an_object_that_nobody_announced_is_adopted(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, clock: Clock, path: str
) -> None:
    payload = arrives(storage, path)

    (result,) = processing.process(payload, ONCE)["uploads"]

    (adopted,) = table.items.values()
    key = f"uploads/{OWNER}/{path}"
    assert (result["id"], result["state"], result["key"]) == (adopted.id, "accepted", key)
    assert (adopted.filename, adopted.size, adopted.charged) == ("notes.txt", 11, 11)
    assert (adopted.content_type, adopted.created_at) == ("text/plain", clock())
    assert storage.tags == {key: "accepted"}


def test_repeated_events_of_an_adopted_object_are_one_upload(
    processing: Processing, table: MemoryTable, storage: MemoryStorage
) -> None:
    payload = arrives(storage, "notes.txt")
    (first,) = processing.process(payload, ONCE)["uploads"]

    (again,) = processing.process(payload, AGAIN)["uploads"]

    assert again == first | {"duplicate": True}
    assert len(table.items) == 1


def test_a_newer_object_under_a_chosen_key_is_checked_as_the_same_upload(
    processing: Processing, table: MemoryTable, storage: MemoryStorage
) -> None:
    (first,) = processing.process(arrives(storage, "notes.txt"), ONCE)["uploads"]

    newer = arrives(storage, "notes.txt", b"hello again, world", sequencer=2)
    (second,) = processing.process(newer, AGAIN)["uploads"]

    assert (second["id"], second["state"], second["size"]) == (first["id"], "accepted", 18)
    assert [upload.charged for upload in table.items.values()] == [18]


def test_a_chosen_key_can_be_used_again_after_its_upload_was_deleted(
    processing: Processing, table: MemoryTable, storage: MemoryStorage
) -> None:
    (first,) = processing.process(arrives(storage, "notes.txt"), ONCE)["uploads"]
    table.change(table.items[OWNER, first["id"]], to=State.ABORTED, allowed=set(State))

    (second,) = processing.process(arrives(storage, "notes.txt", sequencer=2), AGAIN)["uploads"]

    assert (second["state"], second["id"] == first["id"]) == ("accepted", False)


def test_an_adopted_object_must_follow_the_rules(
    processing: Processing, storage: MemoryStorage
) -> None:
    small = replace(processing, settings=replace(processing.settings, max_size=10))

    (result,) = small.process(arrives(storage, "notes.txt"), ONCE)["uploads"]

    assert (result["state"], result["reason"]) == ("rejected", "It has 11 bytes; the limit is 10")


def test_an_adopted_object_above_the_quota_is_rejected(
    processing: Processing, table: MemoryTable, storage: MemoryStorage
) -> None:
    table.quota = Quota(max_bytes=21, max_files=9)
    processing.process(arrives(storage, "a.txt"), ONCE)

    payload = arrives(storage, "b.txt")
    read: list[None] = []
    storage.before_read.add(lambda: read.append(None))

    (result,) = processing.process(payload, AGAIN)["uploads"]

    assert read == [], "not a byte of it was read"
    assert result["state"] == "rejected"
    assert result["reason"] == "You may keep 21 bytes in 9 files; delete some first"
    assert storage.tags[result["key"]] == "rejected"
    assert table.items[OWNER, result["id"]].charged is None


def test_a_missing_object_that_nobody_announced_is_ignored(
    processing: Processing, table: MemoryTable
) -> None:
    assert processing.process(event("s3_put"), ONCE) == {"uploads": []}
    assert table.items == {}


def test_an_object_under_an_uploads_prefix_with_another_name_is_an_upload_of_its_own(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, upload: Upload
) -> None:
    payload = arrives(storage, f"{upload.id}/other.txt")

    (result,) = processing.process(payload, ONCE)["uploads"]

    assert (result["state"], result["filename"]) == ("accepted", "other.txt")
    assert current(table) == upload


@pytest.mark.usefixtures("upload")
def test_a_renamed_program_is_rejected(processing: Processing) -> None:
    def decide_otherwise(declared: str, filename: str, _: bytes) -> Decision:
        return decide(declared, filename, b"\x7fELF\2\1\1\0")

    renamed = replace(processing, decide=decide_otherwise)

    (result,) = renamed.process(event("s3_put"), ONCE)["uploads"]

    assert result["reason"] == (
        "Its content is application/x-executable, which is not what its name and type say"
        " (text/plain). Rename it or declare its real type, and send it again"
    )
    assert "processors" not in result["report"], "what is rejected is not looked into"


def test_a_key_that_is_not_ours_is_ignored(processing: Processing, upload: Upload) -> None:
    strange = event("s3_put")
    strange["Records"][0]["s3"]["object"]["key"] = f"uploads/{upload.owner}/a+b.txt"

    assert processing.process(strange, ONCE) == {"uploads": []}


def test_a_test_event_reports_nothing(processing: Processing) -> None:
    assert processing.process(event("s3_test_event"), ONCE) == {"uploads": []}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["s3", "object", "key", "eventName"]), inner, max_size=4)
    ),
)


@given(records=st.lists(JSON, max_size=3), key=JSON, name=JSON)
@profile(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_shape_of_an_event_makes_it_fail(
    processing: Processing, records: list[Any], key: Any, name: Any
) -> None:
    nearly = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key, "sequencer": name}}}

    assert processing.process({"Records": [*records, nearly]}, ONCE) == {"uploads": []}


def test_every_object_of_an_event_is_processed(
    processing: Processing, table: MemoryTable, storage: MemoryStorage, upload: Upload
) -> None:
    large = multipart_upload(state=State.UPLOADED)
    put_in(table, large)
    storage.receive_object(large.key, bytes(large.size))
    both = event("s3_put")
    both["Records"] += event("s3_complete_multipart_upload")["Records"]

    answer = processing.process(both, ONCE)

    assert [result["id"] for result in answer["uploads"]] == [upload.id, large.id]
