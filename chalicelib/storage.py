"""The only S3 calls, and the only place that handles S3's errors.

IAM: s3:PutObject (create, complete and the presigned PUTs), s3:ListMultipartUploadParts,
s3:AbortMultipartUpload, s3:GetObject (head, read and the presigned GETs), s3:DeleteObject.
IAM: s3:GetObjectTagging, s3:PutObjectTagging, s3:ListBucket (for the sweep's listing; without it S3
also answers 403 for a missing object).
Must not know the table, the rules or HTTP.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

from chalicelib.errors import ChecksumMismatch, TryAgain, UploadExpired
from chalicelib.reader import ObjectReplaced
from chalicelib.upload import Part, StoredObject

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompleteMultipartUploadRequestTypeDef


log = logging.getLogger(__name__)

READ_TRIES = 4
# Seconds; API Gateway gives a request 29
# (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
COMPLETE_PATIENCE = 25.0
STATE_TAG = "state"
# Objects in these storage classes must be restored before anybody can read them.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})


@dataclass(frozen=True, slots=True)
class S3Storage:
    """One bucket.

    `connect` returns the client; it is created on first use, because signing a PUT needs none.
    `completing` returns the client for CompleteMultipartUpload, which S3 may answer late. Callers
    wait `patience` seconds for it.
    """

    connect: Callable[[], S3Client]
    bucket: str
    completing: Callable[[], S3Client]
    patience: float = COMPLETE_PATIENCE

    @property
    def client(self) -> S3Client:
        """The client of all calls but CompleteMultipartUpload."""
        return self.connect()

    def create_multipart(self, key: str, *, content_type: str) -> str:
        """CreateMultipartUpload with a CRC64NVME over the full object; returns S3's upload id."""
        created = self.client.create_multipart_upload(
            Bucket=self.bucket,
            Key=key,
            ContentType=content_type,
            ChecksumAlgorithm="CRC64NVME",
            ChecksumType="FULL_OBJECT",
        )
        return created["UploadId"]

    def list_parts(self, key: str, multipart_id: str) -> list[Part] | None:
        """All pages of ListParts; None when S3 does not know the multipart upload."""
        pages = self.client.get_paginator("list_parts").paginate(
            Bucket=self.bucket, Key=key, UploadId=multipart_id
        )
        try:
            listed = [part for page in pages for part in page.get("Parts", [])]
        except ClientError as error:
            if _code(error) == "NoSuchUpload":
                return None
            raise
        # Of a part that was sent twice S3 keeps the last; SeaweedFS lists both.
        listed.sort(key=lambda part: part["LastModified"])
        last = {part["PartNumber"]: part for part in listed}
        return [
            Part(number, part["Size"], part["ETag"], part.get("ChecksumCRC64NVME"))
            for number, part in sorted(last.items())
        ]

    def complete(
        self,
        key: str,
        multipart_id: str,
        *,
        parts: Collection[Part],
        size: int,
        crc64nvme: str | None,
    ) -> bool:
        """CompleteMultipartUpload; S3 refuses another size or checksum, or a key in use.

        Returns whether S3 has finished: the largest objects take minutes, and S3 continues when
        nobody waits. Raises ChecksumMismatch, TryAgain when another request works on the key, or
        UploadExpired when S3 does not know the multipart upload or has an object under the key.
        """
        request: CompleteMultipartUploadRequestTypeDef = {
            "Bucket": self.bucket,
            "Key": key,
            "UploadId": multipart_id,
            "MultipartUpload": {
                "Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
            },
            "ChecksumType": "FULL_OBJECT",
            "MpuObjectSize": size,
            "IfNoneMatch": "*",
        }
        if crc64nvme is not None:
            request["ChecksumCRC64NVME"] = crc64nvme
        client = self.completing()
        answer: Future[None] = Future()

        def call() -> None:
            try:
                with _translated():
                    client.complete_multipart_upload(**request)
                answer.set_result(None)
            except BaseException as error:  # noqa: BLE001 - `result` raises it again
                answer.set_exception(error)

        Thread(target=call, daemon=True).start()
        try:
            answer.result(self.patience)
        except TimeoutError:
            return False
        return True

    def abort(self, key: str, multipart_id: str) -> None:
        """AbortMultipartUpload; nothing happens when there is none."""
        try:
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=multipart_id)
        except ClientError as error:
            if _code(error) != "NoSuchUpload":
                raise

    def head(self, key: str) -> StoredObject | None:
        """HeadObject with its checksum; None when there is no object."""
        try:
            head = self.client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if _code(error) in ("404", "NoSuchKey"):
                return None
            if _code(error) == "400" and self._is_encrypted_by_sender(key):
                return StoredObject(
                    0, "", None, "", unreadable="It is encrypted with a key that S3 does not have"
                )
            raise
        return _object_of(head)

    def _is_encrypted_by_sender(self, key: str) -> bool:
        """Whether the sender encrypted an object with a key that S3 does not have.

        HeadObject answers 400 then, without a body; but also to a broken request or expired
        credentials. GetObject's answer has a body that says which.
        """
        try:
            self.client.get_object(Bucket=self.bucket, Key=key, Range="bytes=0-0")
        except ClientError as error:
            return _code(error) in ("InvalidRequest", "InvalidArgument")
        return False

    def read_range(self, key: str, offset: int, size: int, *, etag: str) -> bytes:
        """`size` bytes from `offset` of the object with this ETag.

        Raises ObjectReplaced when there is another object, or none.
        """
        for attempt in range(READ_TRIES):
            try:
                answer = self.client.get_object(
                    Bucket=self.bucket,
                    Key=key,
                    Range=f"bytes={offset}-{offset + size - 1}",
                    IfMatch=f'"{etag}"',
                )
            except ClientError as error:
                if _code(error) in ("PreconditionFailed", "412", "NoSuchKey", "InvalidRange"):
                    raise ObjectReplaced(key) from error
                raise
            try:
                return answer["Body"].read()
            except (HTTPClientError, IncompleteReadError) as error:
                # botocore retries until the answer starts, but not while the body is read.
                log.warning(
                    "read retried", extra={"key": key, "attempt": attempt, "error": str(error)}
                )
        raise TryAgain("S3 cut off its answers, try again")

    def state_tag(self, key: str) -> str | None:
        """The state in the object's tag; None without such a tag, or without an object."""
        try:
            return self._tags(key).get(STATE_TAG)
        except ClientError as error:
            if _code(error) == "NoSuchKey":
                return None
            raise

    def tag(self, key: str, *, state: str) -> bool:
        """Write the state to the object's tag, for the lifecycle rules.

        Other tags stay. S3 cannot write a single tag: a tag that somebody else writes between our
        two requests is lost. Returns whether there is an object.
        """
        try:
            tags = self._tags(key)
            if tags.get(STATE_TAG) == state:
                return True
            tags[STATE_TAG] = state
            self.client.put_object_tagging(
                Bucket=self.bucket,
                Key=key,
                Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in tags.items()]},
            )
        except ClientError as error:
            if _code(error) == "NoSuchKey":
                return False
            raise
        return True

    def _tags(self, key: str) -> dict[str, str]:
        answer = self.client.get_object_tagging(Bucket=self.bucket, Key=key)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def list_objects(self, prefix: str, *, after: str) -> Iterator[tuple[str, StoredObject]]:
        """The objects below a prefix whose keys come after one, as ListObjectsV2 lists them."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, StartAfter=after
        )
        for page in pages:
            for listed in page.get("Contents", []):
                etag = listed["ETag"].strip('"')
                yield (
                    listed["Key"],
                    StoredObject(listed["Size"], etag, None, "", listed["LastModified"]),
                )

    def delete(self, key: str) -> None:
        """DeleteObject; nothing happens when there is none."""
        self.client.delete_object(Bucket=self.bucket, Key=key)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the refusals of CompleteMultipartUpload into our errors."""
    try:
        yield
    except ClientError as error:
        if _code(error) == "BadDigest":
            raise ChecksumMismatch("S3 computed another CRC64NVME over the parts") from error
        if _code(error) in ("NoSuchUpload", "PreconditionFailed"):
            raise UploadExpired("S3 no longer knows this upload; create a new one") from error
        if _code(error) in ("ConditionalRequestConflict", "InvalidPart"):
            raise TryAgain("Another request works on this upload, try again") from error
        raise


def _object_of(head: Any) -> StoredObject:
    """The object in the answer of HeadObject."""
    storage_class = head.get("StorageClass", "STANDARD")
    is_archived = storage_class in ARCHIVES or "ArchiveStatus" in head
    return StoredObject(
        head["ContentLength"],
        head["ETag"].strip('"'),
        head.get("ChecksumCRC64NVME"),
        head["ContentType"],
        head["LastModified"],
        head.get("ContentEncoding", ""),
        f"It is stored as {storage_class}, which cannot be read" if is_archived else None,
    )


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
