"""Forms at a server that checks their policy: S3 accepts exactly the announced file.

AWS refuses every field that the policy does not name, except `x-ignore-…`. SeaweedFS accepts some
others. The tests here show that those do no harm.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from chalicelib import keys
from chalicelib.signing import Credentials, Signer
from local.names import ACCESS_KEY, REGION, SECRET_KEY
from tests.support.environment import BUCKET
from tests.support.payloads import OWNER, PUT_ID
from tests.support.posting import changed, forged, post
from tests.support.running import crc64nvme
from tests.support.seaweedfs import Server, seaweedfs

pytestmark = pytest.mark.system

DATA = b"hello world" * 10


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with seaweedfs(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def key() -> str:
    return f"uploads/owner/{uuid4()}/a.txt"


def sheet(server: Server, key: str, data: bytes = DATA, *, age: int = 0, **changes: Any) -> Any:
    """A form for some bytes, signed a number of seconds ago, as the API returns it."""
    now = datetime.now(UTC) - timedelta(seconds=age)
    form = Signer(Credentials(ACCESS_KEY, SECRET_KEY), REGION, now, 900).form(
        **{
            "bucket_url": server.bucket_url,
            "bucket": BUCKET,
            "key": key,
            "size": len(data),
            "content_type": "text/plain",
            "checksum": crc64nvme(data),
            **changes,
        }
    )
    return {"url": form.url, "fields": dict(form.fields)}


def s3_object(server: Server, key: str) -> Any:
    """The answer of HeadObject; None without an object."""
    listed = server.client.list_objects_v2(Bucket=BUCKET, Prefix=key).get("Contents", [])
    if not listed:
        return None
    return server.client.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")


def code(answer: Any) -> str:
    match = re.search(rb"<Code>(\w+)</Code>", answer.body)
    return match[1].decode() if match else ""


def test_a_form_as_it_was_signed_stores_the_object(server: Server, key: str) -> None:
    answer = post(sheet(server, key), DATA)

    head = s3_object(server, key)
    assert answer.status == 204
    assert (head["ContentLength"], head["ContentType"]) == (len(DATA), "text/plain")
    assert head["ChecksumCRC64NVME"] == crc64nvme(DATA)


@pytest.mark.parametrize("data", [b"", b"\r\n--", DATA], ids=["empty", "a line", "more"])
def test_any_bytes_can_be_sent_by_a_form(server: Server, key: str, data: bytes) -> None:
    assert post(sheet(server, key, data), data).status == 204

    assert s3_object(server, key)["ContentLength"] == len(data)


@pytest.mark.parametrize(
    "filename",
    ["Grüße aus Köln 1+1 (2).txt", "имя \u540d.txt", "${filename}", "a${filename}.txt", "a%20b&c=d",
     'a"b\\c.txt', "😀" * 255],
)  # fmt: skip
def test_any_name_can_be_sent_by_a_form(server: Server, filename: str) -> None:
    """S3 replaces `${filename}` in a form's key by the name of the file: our keys never have it."""
    key = keys.object_key(owner=OWNER, upload_id=PUT_ID, filename=filename)
    assert not {"$", "{", "}"} & set(key)

    assert post(sheet(server, key), DATA).status == 204

    assert s3_object(server, key)["ContentLength"] == len(DATA)


@pytest.mark.parametrize("content_type", ["a/b; charset=utf-8", "odd", 'a"b\\c', "text/html, x"])
def test_any_type_can_be_sent_by_a_form(server: Server, key: str, content_type: str) -> None:
    assert post(sheet(server, key, content_type=content_type), DATA).status == 204

    assert s3_object(server, key)["ContentType"] == content_type


@pytest.mark.parametrize("name", [
    "key", "Content-Type", "x-amz-checksum-algorithm", "x-amz-checksum-crc64nvme",
    "x-amz-algorithm", "x-amz-credential", "x-amz-date", "policy", "x-amz-signature",
])  # fmt: skip
@pytest.mark.parametrize("way", ["missing", "longer", "empty"])
def test_a_form_with_another_field_is_refused(
    server: Server, key: str, name: str, way: str
) -> None:
    signed = sheet(server, key)
    values = {"missing": None, "longer": signed["fields"][name] + "x", "empty": ""}

    answer = post(changed(signed, {name: values[way]}), DATA)

    assert answer.status in (400, 403)
    assert s3_object(server, key) is None
    assert s3_object(server, f"{key}x") is None


def test_every_field_is_tested(server: Server, key: str) -> None:
    tried = test_a_form_with_another_field_is_refused.pytestmark  # type: ignore[attr-defined]

    assert set(next(mark.args[1] for mark in tried if mark.args[0] == "name")) == {
        *sheet(server, key)["fields"]
    }


OTHERS: dict[str, tuple[bytes, str]] = {
    "a byte less": (DATA[:-1], "EntityTooSmall"),
    "a byte more": (DATA + b"x", "EntityTooLarge"),
    "none": (b"", "EntityTooSmall"),
    "other bytes": (DATA[:-1] + b"X", "BadDigest"),
}


@pytest.mark.parametrize(("data", "refusal"), OTHERS.values(), ids=OTHERS)
def test_a_form_takes_exactly_its_bytes(
    server: Server, key: str, data: bytes, refusal: str
) -> None:
    answer = post(sheet(server, key), data)

    assert (answer.status, code(answer)) == (400, refusal)
    assert s3_object(server, key) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"bucket": "another"},
        {"checksum": crc64nvme(b"other")},
        {"size": len(DATA) + 1},
        {"age": 901},
    ],
    ids=str,
)
def test_a_form_for_another_object_is_refused(
    server: Server, key: str, changes: dict[str, Any]
) -> None:
    assert post(sheet(server, key, **changes), DATA).status in (400, 403)

    assert s3_object(server, key) is None


def test_a_form_with_a_policy_of_another_signer_is_refused(server: Server, key: str) -> None:
    mine, theirs = sheet(server, key), sheet(server, f"{key}.theirs")

    mixed = changed(mine, {"policy": theirs["fields"]["policy"]})

    assert post(mixed, DATA).status == 403
    assert s3_object(server, key) is None


REFUSED_MORE = {
    "x-amz-meta-owner": "somebody",
    "x-amz-storage-class": "GLACIER",
    "x-amz-tagging": "state=accepted",
    "x-amz-website-redirect-location": "https://example.com",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-customer-algorithm": "AES256",
    "x-amz-copy-source": "/bucket/uploads/somebody/else",
}
TAGS = "<Tagging><TagSet><Tag><Key>state</Key><Value>accepted</Value></Tag></TagSet></Tagging>"
# AWS refuses these too; SeaweedFS accepts them.
TAKEN_MORE = {
    "acl": "public-read",
    "tagging": TAGS,
    "success_action_status": "201",
    "success_action_redirect": "http://127.0.0.1:1/",
    "Content-Encoding": "gzip",
    "Content-Disposition": "inline",
    "Cache-Control": "max-age=1",
    "If-None-Match": "*",
}


@pytest.mark.parametrize(("name", "value"), REFUSED_MORE.items())
def test_a_form_with_an_extra_field_is_refused(
    server: Server, key: str, name: str, value: str
) -> None:
    assert post(changed(sheet(server, key), {name: value}), DATA).status == 403

    assert s3_object(server, key) is None


@pytest.mark.parametrize(("name", "value"), TAKEN_MORE.items())
def test_extra_fields_that_this_server_accepts_do_no_harm(
    server: Server, key: str, name: str, value: str
) -> None:
    """The owner of a form can only redirect their own browser.

    A download has its own disposition, type and caching, and processing rejects an encoding.
    """
    answer = post(changed(sheet(server, key), {name: value}), DATA)

    assert answer.status in (201, 204, 303, 403)
    if s3_object(server, key) is not None:
        assert server.client.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"] == []
        anonymous = post({"url": server.bucket_url, "fields": {"key": f"{key}.2"}}, DATA)
        assert anonymous.status in (400, 403)


def test_a_form_can_be_sent_again_with_bytes_of_the_same_checksum(server: Server, key: str) -> None:
    """CRC64NVME is no signature: the owner of a form can forge bytes for it.

    S3 documents If-None-Match for PutObject and CompleteMultipartUpload; a form has no field for
    it. tests/hostile/test_forms.py processes such objects.
    """
    other = forged(b"<!DOCTYPE html>", DATA)
    assert (len(other), crc64nvme(other)) == (len(DATA), crc64nvme(DATA))
    assert other != DATA
    signed = sheet(server, key)

    statuses = [post(signed, data).status for data in (DATA, DATA, other)]

    assert statuses == [204, 204, 204]
    assert server.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == other
