"""Temporary credentials on a server that enforces them: the allowed calls, and all others."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.config import Settings
from chalicelib.credentials import LIFETIME, TemporaryCredentials
from chalicelib.parts import MIB
from local.aws.seaweedfs import UPLOADER_ROLE
from local.names import ACCESS_KEY, REGION, SECRET_KEY
from tests.support.environment import BUCKET
from tests.support.payloads import OTHER_OWNER, OWNER
from tests.support.seaweedfs import Server, seaweedfs

pytestmark = pytest.mark.slow

OWN, OTHER = f"uploads/{OWNER}/", f"uploads/{OTHER_OWNER}/"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PATIENCE = 30.0  # seconds


def lending(server: Server, settings: Settings) -> TemporaryCredentials:
    return TemporaryCredentials(
        boto3.client(
            "sts",
            endpoint_url=server.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        ),
        replace(settings, uploader_role_arn=UPLOADER_ROLE),
    )


def client_of(server: Server, credentials: dict[str, str], service: str = "s3") -> Any:
    """A client with the answer of `POST /credentials`."""
    session: Any = boto3.Session(
        aws_access_key_id=credentials["access_key_id"],
        aws_secret_access_key=credentials["secret_access_key"],
        aws_session_token=credentials["session_token"],
        region_name=credentials["region"],
    )
    return session.client(
        service, endpoint_url=server.url, config=Config(retries={"total_max_attempts": 1})
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with seaweedfs(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def credentials(server: Server, settings: Settings) -> dict[str, str]:
    return lending(server, settings).create(OWNER)


@pytest.fixture
def s3(server: Server, credentials: dict[str, str]) -> Any:
    """S3 with temporary credentials; two owners each have a file and a multipart upload."""
    for prefix in (OWN, OTHER):
        server.client.put_object(Bucket=BUCKET, Key=f"{prefix}there.txt", Body=b"x")
    for state in ("accepted", "rejected", "failed"):
        server.client.put_object(
            Bucket=BUCKET, Key=f"{OWN}{state}.txt", Body=b"x", Tagging=f"state={state}"
        )
    return client_of(server, credentials)


def test_credentials_come_with_all_that_a_client_needs(credentials: dict[str, str]) -> None:
    assert credentials.keys() == {
        "access_key_id", "secret_access_key", "session_token", "expiration", "bucket", "prefix",
        "region",
    }  # fmt: skip
    assert (credentials["bucket"], credentials["prefix"], credentials["region"]) == (
        BUCKET,
        OWN,
        REGION,
    )
    ends = datetime.strptime(credentials["expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta() < ends - datetime.now(UTC) <= timedelta(hours=1)


def test_a_file_is_put_under_the_owners_prefix(s3: Any, server: Server) -> None:
    s3.put_object(Bucket=BUCKET, Key=f"{OWN}2026/new.txt", Body=b"hello")

    s3_object = server.client.get_object(Bucket=BUCKET, Key=f"{OWN}2026/new.txt")
    assert s3_object["Body"].read() == b"hello"


def test_a_large_file_is_sent_in_parts_which_can_be_listed(s3: Any, server: Server) -> None:
    of = {"Bucket": BUCKET, "Key": f"{OWN}large.bin"}
    upload = of | {"UploadId": s3.create_multipart_upload(**of)["UploadId"]}
    etag = s3.upload_part(**upload, PartNumber=1, Body=bytes(5 * MIB))["ETag"]
    assert [part["ETag"] for part in s3.list_parts(**upload)["Parts"]] == [etag]
    started = s3.list_multipart_uploads(Bucket=BUCKET, Prefix=OWN)["Uploads"]
    assert upload["UploadId"] in [each["UploadId"] for each in started]

    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(**upload, MultipartUpload=parts)

    assert server.client.head_object(**of)["ContentLength"] == 5 * MIB


def test_a_started_upload_can_be_aborted(s3: Any) -> None:
    of = {"Bucket": BUCKET, "Key": f"{OWN}aborted.bin"}
    upload = of | {"UploadId": s3.create_multipart_upload(**of)["UploadId"]}

    s3.abort_multipart_upload(**upload)

    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.list_parts(**upload)


@pytest.mark.parametrize("name", ["there.txt", "accepted.txt"], ids=["not checked", "accepted"])
def test_objects_that_were_not_rejected_can_be_read(s3: Any, name: str) -> None:
    of = {"Bucket": BUCKET, "Key": f"{OWN}{name}"}

    assert s3.head_object(**of)["ContentLength"] == 1
    assert s3.get_object(**of)["Body"].read() == b"x"


def test_a_missing_object_is_not_found_rather_than_forbidden(s3: Any) -> None:
    with pytest.raises(ClientError) as raised:
        s3.head_object(Bucket=BUCKET, Key=f"{OWN}missing.txt")

    assert raised.value.response["Error"]["Code"] == "404"


def test_a_client_may_request_the_region(s3: Any) -> None:
    s3.get_bucket_location(Bucket=BUCKET)


def test_the_owners_objects_are_listed(s3: Any) -> None:
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=OWN)["Contents"]

    assert f"{OWN}there.txt" in [each["Key"] for each in listed]


@dataclass(frozen=True)
class On:
    """A call on an object."""

    key: str
    call: Callable[[Any, dict[str, Any]], object]


def put(**more: Any) -> Callable[[Any, dict[str, Any]], object]:
    return lambda s3, of: s3.put_object(**of, Body=b"x", **more)


SOURCE = f"{BUCKET}/{OTHER}there.txt"
REFUSED = {
    "put under another's prefix": On(f"{OTHER}new.txt", put()),
    "put over another's file": On(f"{OTHER}there.txt", put()),
    "put beside the prefixes": On("uploads/new.txt", put()),
    "put outside": On("new.txt", put()),
    "put by a path": On(f"{OWN}../{OTHER_OWNER}/new.txt", put()),
    "put under a prefix that begins like one's own": On(f"{OWN[:-1]}x/new.txt", put()),
    "begin under another's prefix": On(
        f"{OTHER}new.bin", lambda s3, of: s3.create_multipart_upload(**of)
    ),
    "put into the folder above": On(f"{OWN}a/../b.txt", put()),
    "put into the same folder": On(f"{OWN}./b.txt", put()),
    "get what was rejected": On(f"{OWN}rejected.txt", lambda s3, of: s3.get_object(**of)),
    "get what failed": On(f"{OWN}failed.txt", lambda s3, of: s3.get_object(**of)),
    "head what was rejected": On(f"{OWN}rejected.txt", lambda s3, of: s3.head_object(**of)),
    "get another's": On(f"{OTHER}there.txt", lambda s3, of: s3.get_object(**of)),
    "head another's": On(f"{OTHER}there.txt", lambda s3, of: s3.head_object(**of)),
    "head another's that is missing": On(
        f"{OTHER}missing.txt", lambda s3, of: s3.head_object(**of)
    ),
    "copy one's own": On(
        f"{OWN}copy.txt", lambda s3, of: s3.copy_object(**of, CopySource=f"{BUCKET}/{OWN}there.txt")
    ),
    "copy another's": On(f"{OWN}copy.txt", lambda s3, of: s3.copy_object(**of, CopySource=SOURCE)),
    "delete": On(f"{OWN}there.txt", lambda s3, of: s3.delete_object(**of)),
    "delete many": On(
        f"{OWN}there.txt",
        lambda s3, of: none_deleted(
            s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": of["Key"]}]})
        ),
    ),
    "tag": On(
        f"{OWN}there.txt",
        lambda s3, of: s3.put_object_tagging(
            **of, Tagging={"TagSet": [{"Key": "state", "Value": "accepted"}]}
        ),
    ),
    "read the tags": On(f"{OWN}there.txt", lambda s3, of: s3.get_object_tagging(**of)),
    "set an access list": On(
        f"{OWN}there.txt", lambda s3, of: s3.put_object_acl(**of, ACL="public-read")
    ),
    "list another's": On(OTHER, lambda s3, of: s3.list_objects_v2(Bucket=BUCKET, Prefix=of["Key"])),
    "list all": On("", lambda s3, _: s3.list_objects_v2(Bucket=BUCKET)),
    "list all owners": On("", lambda s3, _: s3.list_objects_v2(Bucket=BUCKET, Prefix="uploads/")),
    "list another's multipart uploads": On(
        OTHER, lambda s3, of: s3.list_multipart_uploads(Bucket=BUCKET, Prefix=of["Key"])
    ),
    "read the bucket's policy": On("", lambda s3, _: s3.get_bucket_policy(Bucket=BUCKET)),
    "write the bucket's policy": On(
        "", lambda s3, _: s3.put_bucket_policy(Bucket=BUCKET, Policy="{}")
    ),
    "delete the bucket's policy": On("", lambda s3, _: s3.delete_bucket_policy(Bucket=BUCKET)),
    "write the bucket's CORS": On(
        "", lambda s3, _: s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": []})
    ),
    "write the bucket's lifecycle": On(
        "", lambda s3, _: s3.delete_bucket_lifecycle(Bucket=BUCKET)
    ),
    "delete the bucket": On("", lambda s3, _: s3.delete_bucket(Bucket=BUCKET)),
    "make a bucket": On("", lambda s3, _: s3.create_bucket(Bucket="another")),
}  # fmt: skip


def none_deleted(answer: Any) -> None:
    """DeleteObjects answers 200 with an error for each object."""
    if answer.get("Errors"):
        raise ClientError({"Error": answer["Errors"][0]}, "DeleteObjects")


def state_of(server: Server) -> list[tuple[str, str]]:
    listed = server.client.list_objects_v2(Bucket=BUCKET)["Contents"]
    return [(each["Key"], each["ETag"]) for each in listed]


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_all_other_calls_are_refused_and_change_nothing(
    s3: Any, server: Server, refused: On
) -> None:
    before = state_of(server)

    with pytest.raises(ClientError) as raised:
        refused.call(s3, {"Bucket": BUCKET, "Key": refused.key})

    # SeaweedFS answers "InvalidRequest" to a path in a key.
    assert raised.value.response["Error"]["Code"] in ("AccessDenied", "403", "InvalidRequest")
    assert state_of(server) == before


@pytest.mark.parametrize("source", [SOURCE, f"{BUCKET}/{OWN}there.txt"], ids=["another's", "own"])
def test_a_part_cannot_be_copied(s3: Any, source: str) -> None:
    of = {"Bucket": BUCKET, "Key": f"{OWN}copy.bin"}
    upload = of | {"UploadId": s3.create_multipart_upload(**of)["UploadId"]}

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.upload_part_copy(**upload, PartNumber=1, CopySource=source)


@pytest.mark.parametrize("policy", [{}, {"Policy": '{"Version": "2012-10-17", "Statement": []}'}])
def test_credentials_cannot_create_others(
    server: Server, credentials: dict[str, str], policy: dict[str, str]
) -> None:
    sts = client_of(server, credentials, "sts")

    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=UPLOADER_ROLE, RoleSessionName="again", **policy)


@pytest.mark.parametrize(
    "changed",
    [
        {"secret_access_key": "another"},
        {"session_token": "another"},
        {"access_key_id": "ASIAANOTHER0000000000"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_altered_credentials_are_refused(
    server: Server, credentials: dict[str, str], changed: dict[str, str]
) -> None:
    with pytest.raises(ClientError):
        client_of(server, credentials | changed).put_object(Bucket=BUCKET, Key=f"{OWN}a", Body=b"")


def sending_in_time(server: Server, settings: Settings, *, seconds: float) -> Any:
    """A client whose credentials, which end after seconds, have just sent an object.

    New ones where a busy machine took longer than that.
    """
    while True:
        created_at = time.monotonic()
        s3 = client_of(server, lending(server, settings).create(OWNER))
        try:
            s3.put_object(Bucket=BUCKET, Key=f"{OWN}in time", Body=b"")
        except ClientError:
            # They may have started up to a second earlier: their expiry is in whole seconds.
            if time.monotonic() - created_at < seconds - 1:
                raise
        else:
            return s3


def test_credentials_expire(tmp_path: Any, settings: Settings) -> None:
    with seaweedfs(tmp_path, longest_session=3) as server:
        s3 = sending_in_time(server, settings, seconds=3)

        deadline = time.monotonic() + PATIENCE
        refused = None
        while refused is None and time.monotonic() < deadline:
            try:
                s3.put_object(Bucket=BUCKET, Key=f"{OWN}too late", Body=b"")
            except ClientError as error:
                code = error.response["Error"]["Code"]
                # Where they expire between SeaweedFS's two checks, it answers this once.
                refused = None if code == "AccessDenied" else code
            time.sleep(0.2)

    # S3 answers the first, SeaweedFS the second.
    assert refused in ("ExpiredToken", "InvalidAccessKeyId")


@dataclass
class RecordingSts:
    """STS's AssumeRole, with its requests."""

    requests: list[dict[str, Any]]

    def assume_role(self, **request: Any) -> Any:
        self.requests.append(request)
        ends = datetime(2026, 3, 1, 13, tzinfo=UTC)
        return {
            "Credentials": {
                "AccessKeyId": "id", "SecretAccessKey": "secret", "SessionToken": "token",
                "Expiration": ends,
            }
        }  # fmt: skip


@pytest.mark.parametrize("kms_key_arn", ["", KEY])
def test_the_longest_policy_is_within_the_limit_of_sts(
    settings: Settings, kms_key_arn: str
) -> None:
    sts: Any = RecordingSts([])
    wide = replace(
        settings,
        bucket="b" * 63,
        kms_key_arn=kms_key_arn,
        uploader_role_arn="arn:aws-us-gov:iam::123456789012:role/uploader",
    )

    TemporaryCredentials(sts, wide).create("o" * 64 + ":" + "o" * 63)

    (request,) = sts.requests
    assert len(request["Policy"]) <= 2048
    assert "arn:aws-us-gov:s3:::bbb" in request["Policy"]
    assert (KEY in request["Policy"]) is bool(kms_key_arn)
    assert request["RoleSessionName"] == "o" * 64
    assert request["DurationSeconds"] == LIFETIME
