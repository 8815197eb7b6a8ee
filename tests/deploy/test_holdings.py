"""What `make destroy` counts before it deletes, and how it deletes unusual keys."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.parts import MIB
from chalicelib.upload import State, Upload
from deploy import bucket, holdings
from deploy.destroy import Destruction, Remains
from deploy.holdings import Holdings
from stage.stage import StageError
from tests.support.environment import BUCKET, REGION
from tests.support.payloads import OWNER, multipart_upload, put_upload

# Later than any object of a test, however long the tests run.
LATER = datetime.now(UTC) + timedelta(days=1)
EARLIER = datetime.now(UTC) - timedelta(minutes=1)


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.client("s3", region_name=REGION)


@pytest.fixture
def s3(client: Any) -> Iterator[Any]:
    with mock_aws():
        client.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield client


def store(s3: Any, key: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"content")


def begin(s3: Any, key: str, *, parts: int) -> str:
    multipart_id = str(s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"])
    for number in range(1, parts + 1):
        s3.upload_part(
            Bucket=BUCKET, Key=key, UploadId=multipart_id, PartNumber=number, Body=bytes(MIB)
        )
    return multipart_id


def look(s3: Any, *uploads: Upload) -> Holdings:
    return holdings.look(iter(uploads), s3, BUCKET)


@pytest.mark.parametrize(
    ("state", "is_missed"),
    [
        (State.UPLOADING, False),
        (State.UPLOADED, True),
        (State.PROCESSING, True),
        (State.ACCEPTED, True),
        (State.FAILED, True),
        (State.REJECTED, False),
        (State.ABORTED, False),
    ],
)
def test_an_upload_is_missed_depending_on_its_state(
    s3: Any, state: State, *, is_missed: bool
) -> None:
    contents = look(s3, put_upload(state=state))

    assert bool(contents) is is_missed
    assert (str(contents) == f"1 {state} upload") is is_missed


def test_every_state_is_decided() -> None:
    silent = {State.UPLOADING, State.REJECTED, State.ABORTED}
    assert {*holdings.WITH_OBJECT} | silent == {*State}


@pytest.mark.parametrize("state", [State.UPLOADING, State.ABORTED])
def test_an_object_without_an_outcome_is_missed(s3: Any, state: State) -> None:
    """Its event is lost or on its way, so its content is not known yet."""
    upload = put_upload(state=state, updated_at=LATER)
    store(s3, upload.key)

    assert str(look(s3, upload)) == "1 object never checked"


def test_an_object_without_a_row_is_missed(s3: Any) -> None:
    store(s3, f"uploads/{OWNER}//")
    store(s3, "uploads/nobody")

    assert str(look(s3)) == "2 objects never checked"


def test_an_object_without_an_upload_is_counted_once(s3: Any) -> None:
    accepted = put_upload(state=State.ACCEPTED)
    store(s3, accepted.key)
    store(s3, f"uploads/{OWNER}/another")

    assert str(look(s3, accepted)) == "1 accepted upload, 1 object never checked"


def test_the_object_of_a_rejected_upload_is_not_missed(s3: Any) -> None:
    upload = put_upload(state=State.REJECTED, updated_at=LATER)
    store(s3, upload.key)

    assert not look(s3, upload)


def test_an_object_that_is_newer_than_the_rejection_is_missed(s3: Any) -> None:
    upload = put_upload(state=State.REJECTED, updated_at=EARLIER)
    store(s3, upload.key)

    assert str(look(s3, upload)) == "1 object never checked"


def test_a_rejected_upload_does_not_hide_an_object_without_a_row(s3: Any) -> None:
    """Its own object may be deleted, and then the counts alone would be equal."""
    rejected = put_upload(state=State.REJECTED, updated_at=LATER)
    store(s3, f"uploads/{OWNER}/another")

    assert look(s3, rejected)


@pytest.mark.parametrize(("parts", "text"), [(0, ""), (2, "1 unfinished upload with parts")])
def test_an_unfinished_upload_is_missed_if_it_has_parts(s3: Any, parts: int, text: str) -> None:
    upload = multipart_upload()
    begin(s3, upload.key, parts=parts)

    contents = look(s3, upload)

    assert bool(contents) is bool(text)
    assert str(contents) == (text or "nothing but rejected and aborted uploads")


def test_objects_outside_the_uploads_are_not_counted(s3: Any) -> None:
    store(s3, "inventory/list.csv")

    assert not look(s3)


ODD = [
    "\x1b]52;c;cm0=\x07", "a\r\nb", "\x00x", "\x7f\x9b", "\u202e",
    "a+b %2B", "//", "\ufffe", "&<>'\"",
]  # fmt: skip


class EncodedVersions:
    """S3 encodes the keys in a listing of versions on request; moto fails with them."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def get_paginator(self, name: str) -> Any:
        return self if name == "list_object_versions" else self._s3.get_paginator(name)

    def paginate(self, **calls: str) -> Iterator[Any]:
        """The objects of a bucket without versions."""
        for page in self._s3.get_paginator("list_objects_v2").paginate(**calls):
            objects = page.get("Contents", [])
            yield {"Versions": [{"Key": each["Key"], "VersionId": "null"} for each in objects]}


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_a_bucket_is_emptied_whatever_the_keys_are(s3: Any, name: str) -> None:
    """The request DeleteObjects is XML, which cannot represent each of these keys."""
    key = f"uploads/{OWNER}/{name}"
    store(s3, key)
    store(s3, f"uploads/{OWNER}/plain.txt")
    assert look(s3).objects == 2

    bucket.empty(EncodedVersions(s3), BUCKET)

    assert not look(s3)
    s3.delete_bucket(Bucket=BUCKET)


def test_all_versions_are_deleted(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        store(s3, f"uploads/{OWNER}/plain.txt")
    s3.delete_object(Bucket=BUCKET, Key=f"uploads/{OWNER}/plain.txt")

    bucket.empty(s3, BUCKET)

    s3.delete_bucket(Bucket=BUCKET)


@pytest.mark.parametrize("name", ["plain.txt", "a+b %2B", "\u202e"], ids=ascii)
def test_parts_under_any_key_are_counted_and_deleted(s3: Any, name: str) -> None:
    begin(s3, f"uploads/{OWNER}/{name}", parts=1)
    assert look(s3).unfinished == 1

    bucket.empty(s3, BUCKET)

    assert not look(s3)


class Listing:
    """S3's ListMultipartUploads like AWS's: encoded keys, page by page."""

    def __init__(self) -> None:
        self.calls: list[dict[str, str]] = []
        self.pages = [
            {
                "EncodingType": "url",
                "IsTruncated": True,
                "Uploads": [{"Key": "uploads/a/%1B+b%2Bc", "UploadId": "1"}],
                "NextKeyMarker": "uploads/a/%1B+b%2Bc",
                "NextUploadIdMarker": "1",
            },
            {
                "EncodingType": "url",
                "IsTruncated": False,
                "Uploads": [{"Key": "uploads/a/z", "UploadId": "2"}],
            },
        ]

    def list_multipart_uploads(self, **calls: str) -> Any:
        self.calls.append(calls)
        return self.pages[len(self.calls) - 1]


def test_keys_of_multipart_uploads_are_decoded_and_so_are_the_markers() -> None:
    listing = Listing()

    assert list(bucket.multipart_uploads(listing, BUCKET)) == [
        ("uploads/a/\x1b b+c", "1"),
        ("uploads/a/z", "2"),
    ]
    assert listing.calls[1]["KeyMarker"] == "uploads/a/\x1b b+c"
    assert {each["EncodingType"] for each in listing.calls} == {"url"}


REMAINS = Remains(BUCKET, "", "", "", {})


def test_an_upload_that_arrives_meanwhile_stops_the_deletion(s3: Any) -> None:
    """S3 refuses to delete a bucket that is not empty: its new objects were never checked."""
    sneaky: Any = boto3.Session(region_name=REGION)

    class Session:
        """A session whose S3 receives an object just before the bucket would be deleted."""

        region_name = REGION

        def client(self, service: str) -> Any:
            return LateObject() if service == "s3" else sneaky.client(service)

    class LateObject:
        def __getattr__(self, name: str) -> Any:
            return getattr(s3, name)

        def delete_bucket(self, **calls: str) -> Any:
            store(s3, f"uploads/{OWNER}/late.txt")
            return s3.delete_bucket(**calls)

    session: Any = Session()

    with pytest.raises(StageError, match=r"dev holds 1 object never checked: .* are kept"):
        Destruction(session, "dev")._delete_bucket(REMAINS)

    assert s3.get_object(Bucket=BUCKET, Key=f"uploads/{OWNER}/late.txt")


def test_without_a_table_every_object_counts(s3: Any) -> None:
    store(s3, f"uploads/{OWNER}/a.txt")
    session = boto3.Session(region_name=REGION)

    contents = Destruction(session, "dev").holdings(REMAINS)

    assert str(contents) == "1 object never checked"


def test_without_a_bucket_nothing_counts(s3: Any) -> None:
    s3.delete_bucket(Bucket=BUCKET)

    assert not Destruction(boto3.Session(region_name=REGION), "dev").holdings(REMAINS)
