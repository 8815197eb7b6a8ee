"""Lists and deletes everything in a bucket, with all versions and parts.

An owner chooses the keys, which may have characters that XML cannot represent.
IAM: s3:ListBucketVersions, DeleteObject, DeleteObjectVersion; ListBucketMultipartUploads,
AbortMultipartUpload.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from deploy.changes import show
from stage.stage import StageError

# Characters that XML 1.0 cannot represent, and so neither can the request DeleteObjects.
# https://www.w3.org/TR/xml/#charsets
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def empty(s3: Any, bucket: str) -> None:
    """Delete all versions of all objects, and the parts of unfinished uploads."""
    count = 0
    for key, multipart_id in multipart_uploads(s3, bucket):
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=multipart_id)
    for objects in _versions(s3, bucket):
        _delete_objects(s3, bucket, objects)
        count += len(objects)
        show(bucket, f"{count} objects deleted")


def multipart_uploads(s3: Any, bucket: str) -> Iterator[tuple[str, str]]:
    """Key and id of each multipart upload; boto3 does not decode the keys of this listing."""
    markers: dict[str, str] = {}
    while True:
        page = s3.list_multipart_uploads(Bucket=bucket, EncodingType="url", **markers)
        decode = unquote_plus if page.get("EncodingType") == "url" else str
        for each in page.get("Uploads", []):
            yield decode(each["Key"]), each["UploadId"]
        if not page.get("IsTruncated"):
            return
        markers = {
            "KeyMarker": decode(page["NextKeyMarker"]),
            "UploadIdMarker": page["NextUploadIdMarker"],
        }


def _versions(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        if versions := [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]


def _delete_objects(s3: Any, bucket: str, objects: list[dict[str, str]]) -> None:
    """Delete versions of objects, one by one if XML cannot represent the key."""
    odd = [each for each in objects if _NOT_IN_XML.search(each["Key"])]
    for each in odd:
        s3.delete_object(Bucket=bucket, **each)
    if plain := [each for each in objects if each not in odd]:
        response = s3.delete_objects(Bucket=bucket, Delete={"Objects": plain, "Quiet": True})
        if errors := response.get("Errors"):
            raise StageError(f"S3 does not delete {errors[0]['Key']}: {errors[0]['Message']}")
