"""Settings, frozen and read once from the environment: the only reader of `os.environ`.

Locally (`HOIST_STAGE=local`), `make run` writes the environment of the running system to a file, so
that `chalice local --stage local`, started by hand, reads the same.
"""

import json
import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.parts import MAX_OBJECT_SIZE, MAX_PART_SIZE, MAX_PUT_SIZE, MIB, MIN_PART_SIZE

# Seconds. A URL expires with the credentials that signed it. Those of Lambda live for hours, but it
# does not say when they expire.
MAX_URL_LIFETIME = 3600
LOCAL_ENVIRONMENT_FILE = "environment.json"


class SettingsError(Exception):
    """The environment lacks a variable or holds a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One stage's settings. Sizes are bytes, lifetimes seconds."""

    # The stage's name; `local` reads all other settings from the file that `make run` wrote.
    stage: str
    # The AWS region; Lambda sets it.
    region: str
    # The bucket of the files.
    bucket: str
    # The bucket's URL under each host name, separated by commas; parts are spread over them.
    bucket_urls: tuple[str, ...]
    # The origin of downloads up to 50 GB: CloudFront, which adds `nosniff`; none: the bucket.
    download_url: str
    # The DynamoDB table.
    table: str
    # The topic of invocation records.
    results_topic_arn: str
    # The topic of messages for people.
    notifications_topic_arn: str
    # The Cognito user pool.
    user_pool_arn: str
    # The role of temporary credentials.
    uploader_role_arn: str
    # The KMS key that encrypts the bucket's objects; none: the keys of S3 itself.
    kms_key_arn: str
    # The page's origin, which CORS allows.
    page_origin: str
    # The address that pages open for live states, `wss://…`.
    websocket_url: str
    # The largest file.
    max_size: int
    # Patterns such as `image/*,application/pdf`, for the declared type and for the decided one.
    allowed_types: tuple[str, ...]
    # Seconds that presigned URLs live; credentials that sign them may expire soon after an hour.
    url_lifetime: int
    # The size of parts, for files that fit into 10,000 such parts.
    part_size: int
    # Files up to this size are sent whole.
    put_max_size: int
    # Uploads of one owner that may be in progress at once.
    max_in_progress: int
    # Bytes that one owner may keep, with uploads in progress, without rejected and deleted ones.
    owner_max_bytes: int
    # Files that one owner may keep.
    owner_max_files: int
    # Processors that read a whole object leave out larger ones.
    whole_max_size: int
    # Days that S3 keeps the parts of an incomplete upload; raise it for files that take longer.
    upload_days: int
    # Days that S3 keeps a rejected object; its upload is deleted a week later.
    rejected_days: int


def load_settings(environ: MutableMapping[str, str] = os.environ) -> Settings:
    """Read the settings; raises SettingsError with the variable's name."""
    stage = _text(environ, "HOIST_STAGE")
    if stage == "local":
        forget_aws_account(environ)
        environ.update(_local_environment(environ))
    region = _text(environ, "AWS_REGION")
    bucket = _text(environ, "HOIST_BUCKET")
    return Settings(
        stage=stage,
        region=region,
        bucket=bucket,
        bucket_urls=_words(environ, "HOIST_BUCKET_URLS")
        or _bucket_urls(
            bucket,
            region,
            # `true` sends over Transfer Acceleration, which the bucket must have switched on.
            accelerate=_switch(environ, "HOIST_ACCELERATE", default=False),
        ),
        download_url=environ.get("HOIST_DOWNLOAD_URL", "").strip().rstrip("/"),
        table=_text(environ, "HOIST_TABLE"),
        results_topic_arn=_text(environ, "HOIST_RESULTS_TOPIC_ARN"),
        notifications_topic_arn=_text(environ, "HOIST_NOTIFICATIONS_TOPIC_ARN"),
        user_pool_arn=_text(environ, "HOIST_USER_POOL_ARN"),
        uploader_role_arn=_text(environ, "HOIST_UPLOADER_ROLE_ARN"),
        kms_key_arn=environ.get("HOIST_KMS_KEY_ARN", "").strip(),
        page_origin=_text(environ, "HOIST_PAGE_ORIGIN"),
        websocket_url=_text(environ, "HOIST_WEBSOCKET_URL"),
        max_size=_number(environ, "HOIST_MAX_SIZE", MAX_OBJECT_SIZE, most=MAX_OBJECT_SIZE),
        allowed_types=_words(environ, "HOIST_ALLOWED_TYPES"),
        url_lifetime=_number(environ, "HOIST_URL_LIFETIME", 3600, least=1, most=MAX_URL_LIFETIME),
        part_size=_number(
            environ, "HOIST_PART_SIZE", 16 * MIB, least=MIN_PART_SIZE, most=MAX_PART_SIZE
        ),
        put_max_size=_number(environ, "HOIST_PUT_MAX_SIZE", 16 * MIB, most=MAX_PUT_SIZE),
        max_in_progress=_number(environ, "HOIST_MAX_IN_PROGRESS", 1000, least=1, most=10**6),
        owner_max_bytes=_number(environ, "HOIST_OWNER_MAX_BYTES", 2**40, most=2**60),
        owner_max_files=_number(environ, "HOIST_OWNER_MAX_FILES", 10**6, most=10**9),
        whole_max_size=_number(
            environ, "HOIST_WHOLE_MAX_SIZE", 32 * 1024 * MIB, most=MAX_OBJECT_SIZE
        ),
        upload_days=_number(environ, "HOIST_UPLOAD_DAYS", 7, least=1, most=365),
        rejected_days=_number(environ, "HOIST_REJECTED_DAYS", 7, least=1, most=3650),
    )


def forget_aws_account(environ: MutableMapping[str, str]) -> None:
    """Remove a developer's own AWS account (profile, token, endpoints) from the environment."""
    for name in list(environ):
        if name.startswith("AWS_") and not name.startswith("AWS_CHALICE_"):
            del environ[name]


def aws_domain(region: str) -> str:
    """The domain of AWS's services in a region."""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def _bucket_urls(bucket: str, region: str, *, accelerate: bool) -> tuple[str, ...]:
    """The bucket's virtual-hosted URLs: regional or accelerated, and the same with IPv6.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/dual-stack-endpoints.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration-getting-started.html
    """
    if "." in bucket:
        raise SettingsError(f"HOIST_BUCKET holds a dot, which no TLS certificate covers: {bucket}")
    hosts = (
        ("s3-accelerate", "s3-accelerate.dualstack")
        if accelerate
        else (f"s3.{region}", f"s3.dualstack.{region}")
    )
    domain = aws_domain(region)
    return tuple(f"https://{bucket}.{host}.{domain}" for host in hosts)


def _local_environment(environ: MutableMapping[str, str]) -> dict[str, str]:
    path = Path(environ.get("HOIST_HOME", ".hoist")) / LOCAL_ENVIRONMENT_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SettingsError(f"{path} does not exist: start the system with `make run`") from error
    return {str(name): str(value) for name, value in json.loads(text).items()}


def _text(environ: MutableMapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def _words(environ: MutableMapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in environ.get(name, "").split(",") if word.strip())


def _switch(environ: MutableMapping[str, str], name: str, *, default: bool) -> bool:
    text = environ.get(name, "").strip().lower()
    if text not in ("", "true", "false"):
        raise SettingsError(f"{name} is true or false, not {text!r}")
    return text == "true" if text else default


def _number(
    environ: MutableMapping[str, str], name: str, default: int, *, least: int = 0, most: int
) -> int:
    text = environ.get(name, "").strip()
    try:
        value = int(text) if text else default
    except ValueError as error:
        raise SettingsError(f"{name} is not a whole number: {text!r}") from error
    if not least <= value <= most:
        raise SettingsError(f"{name} takes {least} to {most}, not {value}")
    return value
