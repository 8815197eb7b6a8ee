"""What people would miss of a stage: uploads in the table, objects and parts in the bucket.

IAM: s3:ListBucket, ListBucketMultipartUploads and ListMultipartUploadParts. The caller reads the
uploads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.keys import PREFIX
from chalicelib.upload import State, Upload
from deploy.bucket import multipart_uploads

# People would miss an upload in one of these states, even if its object is not listed.
WITH_OBJECT = (State.ACCEPTED, State.FAILED, State.PROCESSING, State.UPLOADED)


@dataclass(frozen=True, slots=True)
class Holdings:
    """Uploads by state, objects without an upload, and unfinished uploads with parts."""

    uploads: Mapping[State, int] = field(default_factory=dict)
    objects: int = 0
    unfinished: int = 0

    def __bool__(self) -> bool:
        return bool(self.uploads or self.objects or self.unfinished)

    def __str__(self) -> str:
        counts = [
            _counted(self.uploads[s], f"{s} upload") for s in WITH_OBJECT if s in self.uploads
        ]
        if self.objects:
            counts.append(_counted(self.objects, "object") + " never checked")
        if self.unfinished:
            counts.append(_counted(self.unfinished, "unfinished upload") + " with parts")
        return ", ".join(counts) or "nothing but rejected and aborted uploads"


def look(uploads: Iterable[Upload], s3: Any, bucket: str) -> Holdings:
    """Compare the uploads of the table with the objects and parts of the bucket.

    Nobody misses the object of a rejected upload, unless the object is newer than the rejection.
    """
    states: Counter[State] = Counter()
    rejected: dict[str, datetime] = {}
    for upload in uploads:
        if upload.state is State.REJECTED:
            rejected[upload.key] = upload.updated_at
        elif upload.state in WITH_OBJECT:
            states[upload.state] += 1
    objects = sum(
        not (key in rejected and changed_at <= rejected[key])
        for key, changed_at in _objects(s3, bucket)
    )
    unfinished = sum(
        _has_parts(s3, bucket, key, multipart_id)
        for key, multipart_id in multipart_uploads(s3, bucket)
    )
    return Holdings(states, max(objects - states.total(), 0), unfinished)


def _objects(s3: Any, bucket: str) -> Iterator[tuple[str, datetime]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX)
    for page in pages:
        for each in page.get("Contents", []):
            yield each["Key"], each["LastModified"]


def _has_parts(s3: Any, bucket: str, key: str, multipart_id: str) -> bool:
    try:
        page = s3.list_parts(Bucket=bucket, Key=key, UploadId=multipart_id, MaxParts=1)
    except s3.exceptions.NoSuchUpload:
        return False
    return bool(page.get("Parts"))


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
