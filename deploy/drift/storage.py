"""Bucket, page and table, which CloudFormation made and nobody sets again.

Looks at what a file's journey needs. CloudFormation's drift detection compares every property.
IAM: s3:GetBucketCORS, s3:GetBucketPolicy, s3:GetBucketPublicAccessBlock,
s3:GetEncryptionConfiguration, s3:GetBucketVersioning, s3:GetLifecycleConfiguration, s3:GetObject
on the page, dynamodb:DescribeTable, dynamodb:DescribeTimeToLive,
dynamodb:DescribeContinuousBackups.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.items import SCHEMA
from deploy.drift.deployed_stage import BY_HAND, DeployedStage, Drift, missing_statements
from deploy.errors import answer

# The statements of the bucket policies, by their names in the template; a test compares them.
BUCKET_STATEMENTS = frozenset({
    "RefusePlainHttp", "RefuseOldTls", "RefuseWhatWasPresignedLongAgo", "RefuseOtherSignatures",
})  # fmt: skip
PAGE_STATEMENTS = frozenset({
    "RefusePlainHttp", "AllowThePage", "AllowThePageToHearWhatIsMissing",
})  # fmt: skip
# What a page asks S3 for, and what it must be able to read of the answer.
METHODS = frozenset({"PUT", "POST", "GET", "HEAD"})
EXPOSED = frozenset({"ETag", "Retry-After", "x-amz-checksum-crc64nvme"})
# The lifecycle rules of the template by their ids.
PARTS, REJECTED = "parts-of-abandoned-uploads", "rejected"
_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def bucket(stage: DeployedStage) -> Iterator[Drift]:
    """The bucket takes files from the page and from nobody else, and forgets what it should."""
    s3, name = stage.client("s3"), stage.settings.bucket
    response = answer(s3.get_bucket_versioning, "NoSuchBucket", Bucket=name)
    if response is None:
        yield Drift(BY_HAND, f"the bucket {name} is missing, with all files")
        return
    keeps = stage.parameter("Versioning") == "Enabled"
    if (response.get("Status") == "Enabled") != keeps:
        yield Drift(BY_HAND, f"the bucket's versioning is {response.get('Status', 'off')}")
    if not _lets_page_in(s3, name, stage.settings.page_origin):
        origin = stage.settings.page_origin
        yield Drift(BY_HAND, f"the bucket's CORS does not let {origin} PUT, POST, GET and HEAD")
    yield from _protection(s3, name, "the bucket", BUCKET_STATEMENTS)
    key = stage.settings.kms_key_arn
    if (used := _encryption(s3, name)) != (("aws:kms", key) if key else ("AES256", "")):
        yield Drift(
            BY_HAND, f"the bucket encrypts with {' '.join(filter(None, used)) or 'nothing'}"
        )
    days = {PARTS: stage.settings.upload_days, REJECTED: stage.settings.rejected_days}
    lifecycle = _lifecycle(s3, name)
    for rule, expected in days.items():
        if (actual := lifecycle.get(rule)) != expected:
            text = "is missing or off" if actual is None else f"has {actual} days, not {expected}"
            yield Drift(BY_HAND, f"the bucket's lifecycle rule {rule} {text}")


def page(stage: DeployedStage) -> Iterator[Drift]:
    """The page is in its bucket, and CloudFront may read it."""
    s3, name = stage.client("s3"), stage.output("PageBucket")
    for key in ("index.html", "config.json"):
        # Not HeadObject, whose permission would let whoever asks for a status read all files.
        listed = answer(s3.list_objects_v2, "NoSuchBucket", Bucket=name, Prefix=key)
        if listed is None or not listed.get("Contents"):
            yield Drift("page", f"{key} is missing in {name}")
    yield from _protection(s3, name, "the page's bucket", PAGE_STATEMENTS)


def table(stage: DeployedStage) -> Iterator[Drift]:
    """The table can be asked by its keys and indexes, forgets what is due, and can be restored."""
    dynamodb, name = stage.client("dynamodb"), stage.settings.table
    response = answer(dynamodb.describe_table, "ResourceNotFoundException", TableName=name)
    if response is None:
        yield Drift(BY_HAND, f"the table {name} is missing, with all uploads")
        return
    if (status := response["Table"]["TableStatus"]) not in ("ACTIVE", "UPDATING"):
        yield Drift(BY_HAND, f"the table is {status}, not ACTIVE")
    indexes = {each["IndexName"] for each in response["Table"].get("GlobalSecondaryIndexes", [])}
    for each in SCHEMA["GlobalSecondaryIndexes"]:
        if each["IndexName"] not in indexes:
            yield Drift(BY_HAND, f"the table has no index {each['IndexName']}")
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if ttl.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        yield Drift(BY_HAND, "the table's time to live is off: what is due stays")
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        yield Drift(BY_HAND, "the table's point-in-time recovery is off: it cannot be restored")


def _protection(s3: Any, name: str, who: str, statements: frozenset[str]) -> Iterator[Drift]:
    """What is missing in a bucket's policy and public access block."""
    response = answer(s3.get_bucket_policy, "NoSuchBucketPolicy", "NoSuchBucket", Bucket=name)
    if missing := missing_statements(response["Policy"] if response else None, statements):
        yield Drift(BY_HAND, f"{who} has a policy without {missing}")
    response = answer(
        s3.get_public_access_block,
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchBucket",
        Bucket=name,
    )
    blocks = response["PublicAccessBlockConfiguration"] if response else {}
    if lifted := [block for block in _BLOCKS if not blocks.get(block)]:
        yield Drift(BY_HAND, f"{who} can be made public: {', '.join(lifted)} is off")


def _lets_page_in(s3: Any, name: str, origin: str) -> bool:
    response = answer(s3.get_bucket_cors, "NoSuchCORSConfiguration", Bucket=name)
    return any(
        {origin, "*"} & set(rule["AllowedOrigins"])
        and set(rule["AllowedMethods"]) >= METHODS
        and "*" in rule.get("AllowedHeaders", [])
        and set(rule.get("ExposeHeaders", [])) >= EXPOSED
        for rule in (response["CORSRules"] if response else [])
    )


def _encryption(s3: Any, name: str) -> tuple[str, str]:
    """Algorithm and key of a bucket; two empty texts for none."""
    code = "ServerSideEncryptionConfigurationNotFoundError"
    response = answer(s3.get_bucket_encryption, code, Bucket=name)
    for rule in response["ServerSideEncryptionConfiguration"]["Rules"] if response else []:
        used = rule.get("ApplyServerSideEncryptionByDefault", {})
        return used.get("SSEAlgorithm", ""), used.get("KMSMasterKeyID", "")
    return "", ""


def _lifecycle(s3: Any, name: str) -> dict[str, int]:
    """The days of each rule that is on, by its id."""
    response = answer(
        s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration", Bucket=name
    )
    return {
        rule["ID"]: rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
        or rule.get("Expiration", {}).get("Days", 0)
        for rule in (response["Rules"] if response else [])
        if rule["Status"] == "Enabled"
    }
