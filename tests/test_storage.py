"""One contract for the fake and for a real S3 server; then what only a real one can refuse.

The contract holds `S3Storage` and `MemoryStorage` against the ports `PartStore` (and with it
`ObjectStore`, `MultipartUploads` and `MultipartAborts`), `ObjectBytes`, `StateTags` and
`BucketListing`.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib import signing
from chalicelib.errors import ChecksumMismatch, TryAgain, UploadExpired
from chalicelib.parts import MIB, PartPlan
from chalicelib.ports import BucketListing, ObjectBytes, PartStore
from chalicelib.reader import ObjectReplaced
from chalicelib.signing import CHECKSUM_HEADER, Credentials, Sheet, Signer
from chalicelib.storage import S3Storage
from chalicelib.upload import Part, StoredObject
from local.names import ACCESS_KEY, REGION, SECRET_KEY
from tests.support.contracts import uncallable
from tests.support.environment import BUCKET
from tests.support.fakes import MemoryStorage
from tests.support.running import Answer, call
from tests.support.running import crc64nvme as checksum
from tests.support.scripted import Scripted, scripted_server
from tests.support.seaweedfs import Server, seaweedfs

PART_SIZE = 5 * MIB
DATA = bytes(range(256)) * (PART_SIZE // 256) + b"the end"
PARTS = {1: DATA[:PART_SIZE], 2: DATA[PART_SIZE:]}
HELLO = b"hello world"
COMPLETED = "<CompleteMultipartUploadResult><Key>k</Key></CompleteMultipartUploadResult>"


PORTS = [PartStore, ObjectBytes, BucketListing]


class FilledStorage(PartStore, ObjectBytes, BucketListing, Protocol):
    """The ports of all use cases, and how parts and objects arrive."""

    def receive_part(self, key: str, multipart_id: str, number: int, data: bytes) -> None: ...
    def receive_object(self, key: str, data: bytes) -> None: ...


@dataclass(frozen=True, kw_only=True)
class FilledS3(S3Storage):
    """The adapter on a real server; parts and objects arrive by presigned URLs."""

    server: Server
    signer: Signer

    def receive_part(self, key: str, multipart_id: str, number: int, data: bytes) -> None:
        plan = PartPlan("multipart", number * len(data), len(data), number)
        answer = send_part(self.sheet(key, multipart_id, plan), number, data)
        assert answer.status == 200, answer.body

    def receive_object(self, key: str, data: bytes) -> None:
        # As temporary credentials allow: a presigned PUT replaces nothing.
        self.client.put_object(
            Bucket=self.bucket, Key=key, Body=data, ChecksumCRC64NVME=checksum(data)
        )

    def url(self, key: str) -> str:
        return signing.object_url(self.server.bucket_url, key)

    def put_sheet(self, key: str, data: bytes) -> Sheet:
        return self.signer.put_sheet(self.url(key), size=len(data), checksum=checksum(data))

    def sheet(self, key: str, multipart_id: str, plan: PartPlan) -> Sheet:
        return self.signer.part_sheet(
            [self.url(key)], multipart_id=multipart_id, plan=plan, first=1, count=plan.part_count
        )


def send(sheet: Sheet, data: bytes, crc64nvme: str) -> Answer:
    """PUT an object as a page does."""
    url = f"{sheet.urls[0]}&X-Amz-Signature={sheet.signatures[0]}"
    headers = {**sheet.headers, "Content-Type": "", CHECKSUM_HEADER: crc64nvme}
    return call("PUT", url, data, headers)


def send_part(sheet: Sheet, number: int, data: bytes) -> Answer:
    """PUT a part as a page does."""
    signature = sheet.signatures[number - sheet.first]
    url = f"{sheet.urls[0]}&partNumber={number}&X-Amz-Signature={signature}"
    return call("PUT", url, data, {"Content-Type": ""})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with seaweedfs(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def real(server: Server) -> FilledS3:
    credentials = Credentials(ACCESS_KEY, SECRET_KEY)
    signer = Signer(credentials, REGION, datetime.now(UTC), lifetime=900)
    return FilledS3(
        connect=lambda: server.client,
        bucket=BUCKET,
        completing=lambda: server.client,
        server=server,
        signer=signer,
    )


@pytest.fixture(params=["memory", pytest.param("seaweedfs", marks=pytest.mark.system)])
def storage(request: pytest.FixtureRequest) -> FilledStorage:
    filled: FilledStorage = (
        MemoryStorage() if request.param == "memory" else request.getfixturevalue("real")
    )
    return filled


@pytest.fixture
def key() -> str:
    return f"uploads/owner/{uuid4()}/Grüße aus Köln 1+1 (2).bin"


def create(storage: FilledStorage, key: str, *numbers: int) -> str:
    """Start a multipart upload of `DATA`, and let some of its parts arrive."""
    multipart_id = storage.create_multipart(key, content_type="video/mp4")
    for number in numbers:
        storage.receive_part(key, multipart_id, number, PARTS[number])
    return multipart_id


def complete(
    storage: FilledStorage, key: str, multipart_id: str, crc64nvme: str | None = None
) -> None:
    listed = storage.list_parts(key, multipart_id)
    assert listed is not None
    storage.complete(key, multipart_id, parts=listed, size=len(DATA), crc64nvme=crc64nvme)


def beginning(storage: FilledStorage, key: str, size: int) -> bytes:
    s3_object = storage.head(key)
    assert s3_object is not None
    return storage.read_range(key, 0, size, etag=s3_object.etag)


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("adapter", [S3Storage, MemoryStorage])
def test_an_adapter_takes_every_call_of_its_ports(adapter: type, port: type) -> None:
    assert uncallable(adapter, port) == []


class TestContract:
    def test_a_new_multipart_upload_has_no_parts(self, storage: FilledStorage, key: str) -> None:
        assert storage.list_parts(key, create(storage, key)) == []

    def test_two_multipart_uploads_of_one_key_are_two(
        self, storage: FilledStorage, key: str
    ) -> None:
        assert create(storage, key) != create(storage, key)

    def test_parts_are_listed_by_number_with_their_sizes(
        self, storage: FilledStorage, key: str
    ) -> None:
        listed = storage.list_parts(key, create(storage, key, 2, 1))

        assert listed is not None
        assert [(part.number, part.size) for part in listed] == [(1, PART_SIZE), (2, 7)]
        assert len({part.etag for part in listed}) == 2

    def test_a_part_that_is_sent_again_is_listed_once(
        self, storage: FilledStorage, key: str
    ) -> None:
        multipart_id = create(storage, key, 1, 1, 2)

        listed = storage.list_parts(key, multipart_id)

        assert [(part.number, part.size) for part in listed or []] == [(1, PART_SIZE), (2, 7)]
        complete(storage, key, multipart_id, checksum(DATA))

    def test_more_parts_than_a_page_of_listparts_are_all_listed(
        self, storage: FilledStorage, key: str
    ) -> None:
        multipart_id = create(storage, key)
        numbers = range(1, 1002)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda n: storage.receive_part(key, multipart_id, n, b"x"), numbers))

        listed = storage.list_parts(key, multipart_id)

        assert [part.number for part in listed or []] == list(numbers)

    def test_parts_of_an_unknown_multipart_upload_are_none(
        self, storage: FilledStorage, key: str
    ) -> None:
        assert storage.list_parts(key, "unknown") is None

    def test_complete_makes_one_object_of_the_parts(self, storage: FilledStorage, key: str) -> None:
        multipart_id = create(storage, key, 1, 2)

        complete(storage, key, multipart_id, checksum(DATA))

        s3_object = storage.head(key)
        assert s3_object is not None
        assert (s3_object.size, s3_object.crc64nvme) == (len(DATA), checksum(DATA))
        assert beginning(storage, key, 300) == DATA[:300]
        assert storage.list_parts(key, multipart_id) is None

    def test_complete_without_a_checksum_has_s3_compute_it(
        self, storage: FilledStorage, key: str
    ) -> None:
        complete(storage, key, create(storage, key, 1, 2))

        s3_object = storage.head(key)
        assert s3_object is not None
        assert s3_object.crc64nvme == checksum(DATA)

    def test_complete_refuses_another_checksum_and_keeps_the_parts(
        self, storage: FilledStorage, key: str
    ) -> None:
        multipart_id = create(storage, key, 1, 2)

        with pytest.raises(ChecksumMismatch):
            complete(storage, key, multipart_id, checksum(b"other"))

        assert storage.head(key) is None
        complete(storage, key, multipart_id, checksum(DATA))
        assert storage.head(key) is not None

    def test_complete_twice_is_refused_the_second_time(
        self, storage: FilledStorage, key: str
    ) -> None:
        multipart_id = create(storage, key, 1, 2)
        listed = storage.list_parts(key, multipart_id) or []
        complete(storage, key, multipart_id)

        with pytest.raises(UploadExpired):
            storage.complete(key, multipart_id, parts=listed, size=len(DATA), crc64nvme=None)

        s3_object = storage.head(key)
        assert s3_object is not None
        assert s3_object.size == len(DATA)

    def test_complete_never_replaces_an_object(self, storage: FilledStorage, key: str) -> None:
        storage.receive_object(key, HELLO)
        multipart_id = create(storage, key, 1, 2)

        with pytest.raises(UploadExpired):
            complete(storage, key, multipart_id)

        assert beginning(storage, key, 100) == HELLO

    def test_complete_of_an_unknown_multipart_upload_is_refused(
        self, storage: FilledStorage, key: str
    ) -> None:
        part = Part(1, len(HELLO), '"5eb63bbbe01eeed093cb22bb8f5acdc3"')

        with pytest.raises(UploadExpired):
            storage.complete(key, "unknown", parts=[part], size=len(HELLO), crc64nvme=None)

    def test_abort_forgets_the_parts(self, storage: FilledStorage, key: str) -> None:
        multipart_id = create(storage, key, 1)

        storage.abort(key, multipart_id)

        assert storage.list_parts(key, multipart_id) is None

    @pytest.mark.parametrize("times", [1, 2])
    def test_abort_can_be_repeated(self, storage: FilledStorage, key: str, times: int) -> None:
        multipart_id = create(storage, key)

        for _ in range(times + 1):
            storage.abort(key, multipart_id)

        assert storage.list_parts(key, multipart_id) is None

    def test_abort_of_an_unknown_multipart_upload_does_nothing(
        self, storage: FilledStorage, key: str
    ) -> None:
        multipart_id = create(storage, key)

        storage.abort(key, "unknown")

        assert storage.list_parts(key, multipart_id) == []

    @pytest.mark.parametrize("data", [b"", HELLO], ids=["empty", "some bytes"])
    def test_an_object_has_size_etag_and_checksum(
        self, storage: FilledStorage, key: str, data: bytes
    ) -> None:
        storage.receive_object(key, data)

        etag = {
            b"": "d41d8cd98f00b204e9800998ecf8427e",
            HELLO: "5eb63bbbe01eeed093cb22bb8f5acdc3",
        }[data]
        s3_object = storage.head(key)
        assert s3_object is not None
        assert replace(s3_object, content_type="", last_modified=None) == StoredObject(
            len(data), etag, checksum(data), content_type=""
        )

    def test_a_missing_object_has_no_head(self, storage: FilledStorage, key: str) -> None:
        assert storage.head(key) is None

    @pytest.mark.parametrize("size", [1, len(HELLO) - 1, len(HELLO), len(HELLO) + 1])
    def test_the_first_bytes_of_an_object_can_be_read(
        self, storage: FilledStorage, key: str, size: int
    ) -> None:
        storage.receive_object(key, HELLO)

        assert beginning(storage, key, size) == HELLO[:size]

    @pytest.mark.parametrize("offset", [0, 1, len(HELLO) - 1])
    @pytest.mark.parametrize("size", [1, 5, len(HELLO) + 1])
    def test_any_range_of_an_object_can_be_read(
        self, storage: FilledStorage, key: str, offset: int, size: int
    ) -> None:
        storage.receive_object(key, HELLO)
        s3_object = storage.head(key)
        assert s3_object is not None

        read = storage.read_range(key, offset, size, etag=s3_object.etag)

        assert read == HELLO[offset : offset + size]

    def test_no_range_of_an_object_that_was_replaced_is_read(
        self, storage: FilledStorage, key: str
    ) -> None:
        storage.receive_object(key, HELLO)
        s3_object = storage.head(key)
        assert s3_object is not None
        storage.receive_object(key, HELLO[::-1])

        with pytest.raises(ObjectReplaced):
            storage.read_range(key, 0, 5, etag=s3_object.etag)

    def test_the_last_tag_counts(self, storage: FilledStorage, key: str) -> None:
        storage.receive_object(key, HELLO)

        storage.tag(key, state="rejected")
        storage.tag(key, state="accepted")

        assert storage.state_tag(key) == "accepted"

    def test_an_object_has_no_state_until_it_is_tagged(
        self, storage: FilledStorage, key: str
    ) -> None:
        storage.receive_object(key, HELLO)

        assert storage.state_tag(key) is None

    def test_an_overwrite_loses_the_tag(self, storage: FilledStorage, key: str) -> None:
        storage.receive_object(key, HELLO)
        assert storage.tag(key, state="accepted") is True

        storage.receive_object(key, HELLO)

        assert storage.state_tag(key) is None

    def test_a_missing_object_cannot_be_tagged(self, storage: FilledStorage, key: str) -> None:
        assert storage.tag(key, state="accepted") is False
        assert storage.state_tag(key) is None
        assert storage.head(key) is None

    def test_objects_are_listed_after_a_key_as_they_are(
        self, storage: FilledStorage, key: str
    ) -> None:
        folder = key.rpartition("/")[0]
        keys = [f"{folder}/{name}" for name in ("B", "a", "z", "é")]
        for name in keys:
            storage.receive_object(name, HELLO)

        listed = list(storage.list_objects(f"{folder}/", after=keys[0]))

        assert [name for name, _ in listed] == keys[1:]
        for name, s3_object in listed:
            head = storage.head(name)
            assert head is not None
            assert s3_object == replace(head, crc64nvme=None, content_type="")

    def test_delete_can_be_repeated(self, storage: FilledStorage, key: str) -> None:
        storage.receive_object(key, HELLO)

        storage.delete(key)
        storage.delete(key)

        assert storage.head(key) is None


@pytest.mark.system
class TestPresignedUrls:
    """The requests that a sheet allows, and others, on a server that checks signatures."""

    def test_a_signed_put_stores_its_bytes(self, real: FilledS3, key: str) -> None:
        assert send(real.put_sheet(key, HELLO), HELLO, checksum(HELLO)).status == 200
        assert beginning(real, key, 100) == HELLO

    @pytest.mark.parametrize("body", [HELLO + b"!", HELLO[:-1], b""], ids=["+1", "-1", "empty"])
    def test_a_body_of_another_length_is_refused(
        self, real: FilledS3, key: str, body: bytes
    ) -> None:
        answer = send(real.put_sheet(key, HELLO), body, checksum(HELLO))

        assert answer.status == 403
        assert b"SignatureDoesNotMatch" in answer.body
        assert real.head(key) is None

    def test_other_bytes_than_the_checksum_says_are_refused(self, real: FilledS3, key: str) -> None:
        answer = send(real.put_sheet(key, HELLO), HELLO[::-1], checksum(HELLO))

        assert answer.status == 400
        assert b"BadDigest" in answer.body
        assert real.head(key) is None

    def test_another_checksum_than_was_signed_is_refused(self, real: FilledS3, key: str) -> None:
        other = HELLO[::-1]

        assert send(real.put_sheet(key, HELLO), other, checksum(other)).status == 403

    def test_a_forged_signature_is_refused(self, real: FilledS3, key: str) -> None:
        sheet = replace(real.put_sheet(key, HELLO), signatures=("0" * 64,))

        answer = send(sheet, HELLO, checksum(HELLO))

        assert answer.status == 403
        assert b"SignatureDoesNotMatch" in answer.body

    def test_a_signature_works_for_its_own_key_only(self, real: FilledS3, key: str) -> None:
        sheet = real.put_sheet(key, HELLO)
        (signature,) = sheet.signatures
        other = replace(real.put_sheet(f"{key}2", HELLO), signatures=(signature,))

        assert send(other, HELLO, checksum(HELLO)).status == 403

    def test_an_expired_url_is_refused(self, real: FilledS3, key: str) -> None:
        an_hour_ago = replace(real.signer, now=datetime.now(UTC) - timedelta(hours=1))
        sheet = replace(real, signer=an_hour_ago).put_sheet(key, HELLO)

        answer = send(sheet, HELLO, checksum(HELLO))

        assert answer.status == 403
        assert b"expired" in answer.body

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("X-Amz-Expires=900", "X-Amz-Expires=901"),
            ("X-Amz-SignedHeaders=content-length%3Bhost", "X-Amz-SignedHeaders=host"),
            (f"%2F{REGION}%2F", "%2Fus-east-1%2F"),
            ("uploadId=", "uploadId=0"),
            ("/uploads/owner/", "/uploads/other/"),
            ("X-Amz-Date=2", "X-Amz-Date=3"),
        ],
        ids=["lifetime", "signed headers", "region", "upload id", "owner", "date"],
    )
    def test_an_altered_url_is_refused(self, real: FilledS3, key: str, old: str, new: str) -> None:
        plan = PartPlan("multipart", len(DATA), PART_SIZE, 2)
        multipart_id = real.create_multipart(key, content_type="video/mp4")
        sheet = real.sheet(key, multipart_id, plan)
        altered = replace(sheet, urls=tuple(url.replace(old, new) for url in sheet.urls))
        assert altered != sheet

        answer = send_part(altered, 2, PARTS[2])

        assert (400 <= answer.status < 500, answer.status) == (True, answer.status)
        assert real.list_parts(key, multipart_id) == []

    def test_a_url_signed_for_put_works_for_put_only(self, real: FilledS3, key: str) -> None:
        sheet = real.put_sheet(key, HELLO)
        url = f"{sheet.urls[0]}&X-Amz-Signature={sheet.signatures[0]}"
        send(sheet, HELLO, checksum(HELLO))

        assert [call(method, url).status for method in ("GET", "DELETE", "HEAD")] == [403] * 3

    def test_an_expired_part_is_refused(self, real: FilledS3, key: str) -> None:
        plan = PartPlan("multipart", len(DATA), PART_SIZE, 2)
        multipart_id = real.create_multipart(key, content_type="video/mp4")
        an_hour_ago = replace(real.signer, now=datetime.now(UTC) - timedelta(hours=1))
        sheet = replace(real, signer=an_hour_ago).sheet(key, multipart_id, plan)

        answer = send_part(sheet, 2, PARTS[2])

        assert answer.status == 403
        assert b"expired" in answer.body

    @pytest.mark.parametrize("end", ["complete", "abort"])
    def test_a_part_that_is_replayed_after_the_end_is_refused(
        self, real: FilledS3, key: str, end: str
    ) -> None:
        plan = PartPlan("multipart", len(DATA), PART_SIZE, 2)
        multipart_id = create(real, key, 1, 2)
        sheet = real.sheet(key, multipart_id, plan)
        if end == "complete":
            complete(real, key, multipart_id)
        else:
            real.abort(key, multipart_id)

        answer = send_part(sheet, 2, b"another")

        assert answer.status == 404
        assert b"NoSuchUpload" in answer.body
        s3_object = real.head(key)
        assert (s3_object is not None and s3_object.crc64nvme == checksum(DATA)) is (
            end == "complete"
        )

    def test_a_put_that_is_replayed_is_refused(self, real: FilledS3, key: str) -> None:
        sheet = real.put_sheet(key, HELLO)
        send(sheet, HELLO, checksum(HELLO))

        again = send(sheet, HELLO, checksum(HELLO))
        assert (again.status, b"PreconditionFailed" in again.body) == (412, True)
        assert send(sheet, HELLO[::-1], checksum(HELLO[::-1])).status == 403
        assert beginning(real, key, 100) == HELLO

    @pytest.mark.parametrize("value", [None, '"etag"'], ids=["absent", "another"])
    def test_a_put_without_its_condition_is_refused(
        self, real: FilledS3, key: str, value: str | None
    ) -> None:
        sheet = real.put_sheet(key, HELLO)
        headers = {CHECKSUM_HEADER: checksum(HELLO)}
        if value is not None:
            headers["if-none-match"] = value

        assert send(replace(sheet, headers=headers), HELLO, checksum(HELLO)).status == 403
        assert real.head(key) is None

    def test_a_sheet_uploads_a_whole_file(self, real: FilledS3, key: str) -> None:
        plan = PartPlan("multipart", len(DATA), PART_SIZE, 2)
        multipart_id = real.create_multipart(key, content_type="video/mp4")
        sheet = real.sheet(key, multipart_id, plan)

        assert [send_part(sheet, number, part).status for number, part in PARTS.items()] == [
            200,
            200,
        ]

        complete(real, key, multipart_id, checksum(DATA))
        url = real.signer.presigned_url("GET", real.url(key), parameters={})
        assert call("GET", url).body == DATA

    @pytest.mark.parametrize("body", [b"the end!", b"the en"], ids=["+1", "-1"])
    def test_a_part_of_another_length_is_refused(
        self, real: FilledS3, key: str, body: bytes
    ) -> None:
        plan = PartPlan("multipart", len(DATA), PART_SIZE, 2)
        multipart_id = real.create_multipart(key, content_type="video/mp4")

        assert send_part(real.sheet(key, multipart_id, plan), 2, body).status == 403
        assert real.list_parts(key, multipart_id) == []

    def test_the_signature_of_one_part_does_not_work_for_another(
        self, real: FilledS3, key: str
    ) -> None:
        plan = PartPlan("multipart", 15 * MIB, PART_SIZE, 3)
        multipart_id = real.create_multipart(key, content_type="video/mp4")
        sheet = real.sheet(key, multipart_id, plan)
        swapped = replace(sheet, signatures=sheet.signatures[::-1])

        assert send_part(swapped, 1, PARTS[1]).status == 403

    def test_a_download_has_the_name_and_type_that_were_signed(
        self, real: FilledS3, key: str
    ) -> None:
        real.receive_object(key, HELLO)
        parameters = {
            "response-content-disposition": 'attachment; filename="a.txt"',
            "response-content-type": "text/plain",
            "response-cache-control": "no-store",
        }

        answer = call("GET", real.signer.presigned_url("GET", real.url(key), parameters=parameters))

        assert answer.body == HELLO
        assert answer.headers["Content-Type"] == "text/plain"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="a.txt"'
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.system
class TestOddObjects:
    """Objects that temporary credentials can put, and tags that others write."""

    def test_tags_of_others_survive(self, real: FilledS3, key: str) -> None:
        real.receive_object(key, HELLO)
        others = [{"Key": "GuardDutyMalwareScanStatus", "Value": "NO_THREATS_FOUND"}]
        real.client.put_object_tagging(
            Bucket=BUCKET,
            Key=key,
            Tagging={"TagSet": [*others, {"Key": "state", "Value": "x"}]},  # type: ignore[list-item]
        )

        real.tag(key, state="accepted")

        tags = real.client.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
        assert tags == [*others, {"Key": "state", "Value": "accepted"}]

    @pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
    def test_an_archived_object_is_unreadable(
        self, real: FilledS3, key: str, storage_class: str
    ) -> None:
        real.client.put_object(Bucket=BUCKET, Key=key, Body=HELLO, StorageClass=storage_class)  # type: ignore[arg-type]

        s3_object = real.head(key)
        assert s3_object is not None
        assert s3_object.unreadable == f"It is stored as {storage_class}, which cannot be read"
        assert (s3_object.size, s3_object.etag) == (11, "5eb63bbbe01eeed093cb22bb8f5acdc3")

    @pytest.mark.parametrize("storage_class", ["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING"])
    def test_an_object_of_another_class_is_readable(
        self, real: FilledS3, key: str, storage_class: str
    ) -> None:
        real.client.put_object(Bucket=BUCKET, Key=key, Body=HELLO, StorageClass=storage_class)  # type: ignore[arg-type]

        s3_object = real.head(key)
        assert s3_object is not None
        assert s3_object.unreadable is None

    def test_an_object_encrypted_by_its_sender_is_unreadable(
        self, real: FilledS3, key: str
    ) -> None:
        real.client.put_object(
            Bucket=BUCKET,
            Key=key,
            Body=HELLO,
            SSECustomerAlgorithm="AES256",
            SSECustomerKey="k" * 32,
        )

        s3_object = real.head(key)
        assert s3_object is not None
        assert s3_object.unreadable == "It is encrypted with a key that S3 does not have"

    def test_an_encoding_is_reported(self, real: FilledS3, key: str) -> None:
        real.client.put_object(Bucket=BUCKET, Key=key, Body=HELLO, ContentEncoding="gzip")

        s3_object = real.head(key)
        assert s3_object is not None
        assert s3_object.content_encoding == "gzip"


@pytest.mark.system
def test_of_two_completes_at_once_one_makes_the_object(real: FilledS3, key: str) -> None:
    multipart_id = create(real, key, 1, 2)
    listed = real.list_parts(key, multipart_id) or []

    def race(_: int) -> str:
        try:
            real.complete(key, multipart_id, parts=listed, size=len(DATA), crc64nvme=None)
        except (UploadExpired, TryAgain) as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(race, range(4)))

    assert "done" in outcomes
    s3_object = real.head(key)
    assert s3_object is not None
    assert s3_object.crc64nvme == checksum(DATA)


def test_complete_waits_within_its_patience() -> None:
    gate = threading.Event()
    with scripted_server([Scripted(200, COMPLETED, gate)]) as s3:
        client = boto3.client("s3", endpoint_url=s3.url, region_name=REGION)
        impatient = S3Storage(lambda: client, BUCKET, lambda: client, patience=0.01)

        finished = impatient.complete("k", "m", parts=[Part(1, 5, '"e"')], size=5, crc64nvme=None)
        gate.set()

        assert finished is False
        assert S3Storage(lambda: client, BUCKET, lambda: client).complete(
            "k", "m", parts=[Part(1, 5, '"e"')], size=5, crc64nvme=None
        )


@pytest.mark.system
def test_the_declared_type_is_stored(real: FilledS3, key: str) -> None:
    complete(real, key, create(real, key, 1, 2))

    head = real.client.head_object(Bucket=BUCKET, Key=key)

    assert head["ContentType"] == "video/mp4"


@pytest.mark.system
@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda s, key: s.list_parts(key, "unknown"), id="list parts"),
        pytest.param(
            lambda s, key: s.complete(key, "unknown", parts=[], size=0, crc64nvme=None),
            id="complete",
        ),
        pytest.param(lambda s, key: s.abort(key, "unknown"), id="abort"),
        pytest.param(lambda s, key: s.head(key), id="head"),
    ],
)
def test_a_denied_object_is_not_taken_for_missing(
    server: Server, key: str, ask: Callable[[S3Storage, str], object]
) -> None:
    stranger = boto3.client(
        "s3",
        endpoint_url=server.client.meta.endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key="wrong",
    )

    with pytest.raises(ClientError, match=r"SignatureDoesNotMatch|Forbidden"):
        ask(S3Storage(lambda: stranger, BUCKET, lambda: stranger), key)


@pytest.mark.system
@pytest.mark.parametrize(
    "attempt", range(4)
)  # SeaweedFS lists both copies of a repeated part, in any order
def test_the_last_of_a_part_that_was_sent_again_counts(
    real: FilledS3, key: str, attempt: int
) -> None:
    multipart_id = real.create_multipart(key, content_type="text/plain")
    real.receive_part(key, multipart_id, 1, b"old")
    time.sleep(1.1)  # ListParts reports the time in seconds
    real.receive_part(key, multipart_id, 1, b"new")

    listed = real.list_parts(key, multipart_id) or []
    real.complete(key, multipart_id, parts=listed, size=3, crc64nvme=checksum(b"new"))

    assert (attempt, beginning(real, key, 10)) == (attempt, b"new")


@pytest.mark.parametrize("code", ["ExpiredToken", "RequestTimeout"])
def test_a_bad_request_is_not_taken_for_an_encrypted_object(code: str) -> None:
    body = f"<Error><Code>{code}</Code><Message>No</Message></Error>"
    with scripted_server([Scripted(400), Scripted(400, body)]) as s3:
        client = boto3.client(
            "s3",
            endpoint_url=s3.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"total_max_attempts": 1}),
        )
        storage = S3Storage(lambda: client, BUCKET, lambda: client)

        with pytest.raises(ClientError, match="400"):
            storage.head("uploads/o/k")
