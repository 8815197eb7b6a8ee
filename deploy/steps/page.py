"""The page of a stage: what `make page` built, in its bucket, and known to CloudFront.

What is new comes first and the page that names it last, so that nobody meets half of it; what an
older page names stays for a while, for whoever has that one open. `make run` caches alike.
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

from stage.page import CONFIG, PAGE, cache_control
from stage.stage import ROOT, StageError

if TYPE_CHECKING:
    from types_boto3_cloudfront import CloudFrontClient
    from types_boto3_s3 import S3Client

BUILT = ROOT / "frontend" / "dist"
# How long the files of older pages are kept.
KEPT = timedelta(days=30)
# What mimetypes may not know, or knows otherwise, on some machines.
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
        """What S3 calls it by: an MD5, as it is one PUT with SSE-S3."""
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


def publish(
    s3: S3Client,
    cloudfront: CloudFrontClient,
    bucket: str,
    distribution: str,
    config: Mapping[str, Any],
    *,
    built: Path = BUILT,
) -> list[str]:
    """Upload what differs and delete what is old; returns the keys. Safe to repeat.

    Raises StageError where the page is not built.
    """
    files = list(_files(built, config))
    there = {found["Key"]: found for found in _objects(s3, bucket)}
    changed = [file for file in files if there.get(file.key, {}).get("ETag") != file.etag]
    for file in changed:
        s3.put_object(
            Bucket=bucket,
            Key=file.key,
            Body=file.body,
            ContentType=_type(file.key),
            CacheControl=cache_control(file.key),
        )
        print(f"  {file.key:<32} uploaded, {len(file.body)} bytes", flush=True)
    old = _old(there, {file.key for file in files})
    for key in old:
        s3.delete_object(Bucket=bucket, Key=key)
        print(f"  {key:<32} deleted: of an older page")
    if any(cache_control(file.key) == "no-cache" for file in changed):
        _invalidate(cloudfront, distribution)
    if not changed:
        print(f"  {len(files)} files as before")
    return [file.key for file in changed] + old


def _files(built: Path, config: Mapping[str, Any]) -> Iterator[File]:
    """All files of the page: those that others name first, the page last."""
    if not (built / PAGE).is_file():
        raise StageError(f"{built / PAGE} is not there: run `make page`")
    paths = sorted(path for path in built.rglob("*") if path.is_file() and path != built / PAGE)
    for path in sorted(paths, key=lambda path: not path.is_relative_to(built / "assets")):
        yield File(path.relative_to(built).as_posix(), path.read_bytes())
    yield File(CONFIG, json.dumps(config, indent=2).encode() + b"\n")
    yield File(PAGE, (built / PAGE).read_bytes())


def _objects(s3: S3Client, bucket: str) -> Iterator[Any]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from page.get("Contents", [])


def _old(there: Mapping[str, Any], wanted: set[str]) -> list[str]:
    now = datetime.now(UTC)
    return sorted(
        key
        for key, found in there.items()
        if key not in wanted and now - found["LastModified"] > KEPT
    )


def _type(key: str) -> str:
    suffix = Path(key).suffix
    guessed = _TYPES.get(suffix) or mimetypes.guess_type(key)[0] or "application/octet-stream"
    text = guessed.startswith("text/") or guessed in ("application/json", "image/svg+xml")
    return f"{guessed}; charset=utf-8" if text else guessed


def _invalidate(cloudfront: CloudFrontClient, distribution: str) -> None:
    """Let CloudFront ask for the page anew."""
    cloudfront.create_invalidation(
        DistributionId=distribution,
        InvalidationBatch={
            "Paths": {"Quantity": 1, "Items": ["/*"]},
            "CallerReference": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}",
        },
    )
    print(f"  {'CloudFront':<32} told; it takes a minute or two")
