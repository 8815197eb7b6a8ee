"""Publishes the page that `make page` built: into its bucket, and CloudFront drops its old copy.

The page itself is uploaded after the files that it names, so that no browser loads half of a new
version. The files of older pages stay for a while, for browsers that have one open.
IAM: s3:ListBucket, PutObject, DeleteObject; cloudfront:CreateInvalidation.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.changes import Change, show
from stage.page import CONFIG, PAGE, cache_control
from stage.stage import ROOT, StageError

if TYPE_CHECKING:
    from types_boto3_cloudfront import CloudFrontClient
    from types_boto3_s3 import S3Client

BUILT = ROOT / "frontend" / "dist"
# How long the files of older pages stay.
RETENTION = timedelta(days=30)
# Types that `mimetypes` lacks or defines differently on some machines.
_TYPES = {
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class File:
    """One file of the page."""

    key: str
    body: bytes

    @property
    def etag(self) -> str:
        """Its ETag in S3: an MD5, because it is one PUT with SSE-S3."""
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


def publish(
    s3: S3Client,
    cloudfront: CloudFrontClient,
    bucket: str,
    distribution: str,
    config: Mapping[str, Any],
    *,
    built: Path = BUILT,
) -> list[Change]:
    """Upload the files that differ and delete old ones; returns the changes. Safe to repeat.

    Raises StageError where the page is not built.
    """
    files = list(_files(built, config))
    objects = {item["Key"]: item for item in _objects(s3, bucket)}
    changed = [file for file in files if objects.get(file.key, {}).get("ETag") != file.etag]
    for file in changed:
        s3.put_object(
            Bucket=bucket,
            Key=file.key,
            Body=file.body,
            ContentType=_type(file.key),
            CacheControl=cache_control(file.key),
        )
        show(file.key, f"uploaded, {len(file.body)} bytes")
    old = _old(objects, {file.key for file in files})
    for key in old:
        s3.delete_object(Bucket=bucket, Key=key)
        show(key, "deleted: of an older page")
    if any(cache_control(file.key) == "no-cache" for file in changed):
        _invalidate(cloudfront, distribution)
    if not changed:
        show(bucket, f"{len(files)} files as before")
    return [Change("page", key) for key in [*(file.key for file in changed), *old]]


def _files(built: Path, config: Mapping[str, Any]) -> Iterator[File]:
    """All files of the page: first those that other files name, the page itself last."""
    if not (built / PAGE).is_file():
        raise StageError(f"{built / PAGE} does not exist: run `make page`")
    paths = sorted(path for path in built.rglob("*") if path.is_file() and path != built / PAGE)
    for path in sorted(paths, key=lambda path: not path.is_relative_to(built / "assets")):
        yield File(path.relative_to(built).as_posix(), path.read_bytes())
    yield File(CONFIG, json.dumps(config, indent=2).encode() + b"\n")
    yield File(PAGE, (built / PAGE).read_bytes())


def _objects(s3: S3Client, bucket: str) -> Iterator[Any]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from page.get("Contents", [])


def _old(objects: Mapping[str, Any], current: set[str]) -> list[str]:
    now = datetime.now(UTC)
    return sorted(
        key
        for key, item in objects.items()
        if key not in current and now - item["LastModified"] > RETENTION
    )


def _type(key: str) -> str:
    suffix = Path(key).suffix
    guessed = _TYPES.get(suffix) or mimetypes.guess_type(key)[0] or "application/octet-stream"
    text = guessed.startswith("text/") or guessed in ("application/json", "image/svg+xml")
    return f"{guessed}; charset=utf-8" if text else guessed


def _invalidate(cloudfront: CloudFrontClient, distribution: str) -> None:
    """Let CloudFront drop its copy of the page."""
    cloudfront.create_invalidation(
        DistributionId=distribution,
        InvalidationBatch={
            "Paths": {"Quantity": 1, "Items": ["/*"]},
            "CallerReference": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}",
        },
    )
    show("CloudFront", "invalidated; this takes a minute or two")
