"""The only S3 calls, and the only place that handles S3's errors.

IAM: s3:PutObject (create, complete and the presigned PUTs), s3:ListMultipartUploadParts,
s3:AbortMultipartUpload, s3:GetObject (head, read and the presigned GETs), s3:DeleteObject,
s3:GetObjectTagging, s3:PutObjectTagging, s3:ListBucket (the sweep's listing; and without it S3
answers 403 for an object that is not there).
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

    `connect` gives the client, which is made when it is first needed: to sign a PUT none is.
    `completing` gives the client for CompleteMultipartUpload, over which S3 may be silent for long;
    `patience` is how many seconds a caller waits for it.
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
            found = [part for page in pages for part in page.get("Parts", [])]
        except ClientError as error:
            if _code(error) == "NoSuchUpload":
                return None
            raise
        # S3 keeps the last of a part that was sent again; SeaweedFS lists them all.
        found.sort(key=lambda part: part["LastModified"])
        last = {part["PartNumber"]: part for part in found}
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
        """CompleteMultipartUpload, for S3 to refuse another size, checksum or a taken key.

        Returns whether S3 has finished: minutes are usual for the largest objects, and it goes on
        when nobody waits. Raises ChecksumMismatch, TryAgain when something else is at work on the
        key, or UploadExpired when S3 does not know the multipart upload or holds an object under
        the key already.
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

        def ask() -> None:
            try:
                with _translated():
                    client.complete_multipart_upload(**request)
                answer.set_result(None)
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                answer.set_exception(error)

        Thread(target=ask, daemon=True).start()
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
                    0, "", None, "", unreadable="It is encrypted with a key that S3 does not keep"
                )
            raise
        return _stored(head)

    def _is_encrypted_by_sender(self, key: str) -> bool:
        """Whether S3 lacks the key that an object is encrypted with, which its sender kept.

        HeadObject says 400 for that, and for a request that was broken off or signed with
        credentials that have ended: its answer has no body, but GetObject's has.
        """
        try:
            self.client.get_object(Bucket=self.bucket, Key=key, Range="bytes=0-0")
        except ClientError as error:
            return _code(error) in ("InvalidRequest", "InvalidArgument")
        return False

    def read_range(self, key: str, offset: int, size: int, *, etag: str) -> bytes:
        """`size` bytes from `offset`, of the object with this ETag and of no other.

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
                # botocore tries again until there is an answer, not while it is read.
                log.warning(
                    "read again", extra={"key": key, "attempt": attempt, "error": str(error)}
                )
        raise TryAgain("S3 breaks off its answers, try again")

    def state_tag(self, key: str) -> str | None:
        """The state that the object's tag says; None where it has none, or there is no object."""
        try:
            return self._tags(key).get(STATE_TAG)
        except ClientError as error:
            if _code(error) == "NoSuchKey":
                return None
            raise

    def tag(self, key: str, *, state: str) -> bool:
        """Write the state on the object, where the lifecycle rules read it.

        Other tags stay. S3 cannot write one tag alone: what somebody else tags between our two
        requests is lost. Returns whether there is an object.
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
        """The objects below a prefix that come after a key, as ListObjectsV2 knows them."""
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
    """What CompleteMultipartUpload can be refused for, in our words."""
    try:
        yield
    except ClientError as error:
        if _code(error) == "BadDigest":
            raise ChecksumMismatch("S3 computed another CRC64NVME over the parts") from error
        if _code(error) in ("NoSuchUpload", "PreconditionFailed"):
            raise UploadExpired("S3 no longer knows this upload; begin a new one") from error
        if _code(error) in ("ConditionalRequestConflict", "InvalidPart"):
            raise TryAgain("Something else is at work on this upload") from error
        raise


def _stored(head: Any) -> StoredObject:
    """What HeadObject says."""
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
