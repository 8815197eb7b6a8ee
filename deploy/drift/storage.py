"""Bucket, page and table, which CloudFormation created and `make deploy` does not repair.

Checks only what an upload needs. CloudFormation's drift detection compares every property.
IAM: s3:GetBucketCORS, s3:GetBucketPolicy, s3:GetBucketPublicAccessBlock,
s3:GetEncryptionConfiguration, s3:GetBucketVersioning, s3:GetLifecycleConfiguration, s3:GetObject
on the page, dynamodb:DescribeTable, dynamodb:DescribeTimeToLive,
dynamodb:DescribeContinuousBackups.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.items import SCHEMA
from deploy.changes import Change
from deploy.drift.deployed_stage import BY_HAND, DeployedStage, missing_statements
from deploy.errors import answer

# The statements of the bucket policies, by their names in the template; a test compares them.
BUCKET_STATEMENTS = frozenset({
    "RefusePlainHttp", "RefuseOldTls", "RefuseWhatWasPresignedLongAgo", "RefuseOtherSignatures",
})  # fmt: skip
PAGE_STATEMENTS = frozenset({
    "RefusePlainHttp", "AllowThePage", "AllowThePageToHearWhatIsMissing",
})  # fmt: skip
# The methods that a page uses, and the response headers that it must be able to read.
METHODS = frozenset({"PUT", "POST", "GET", "HEAD"})
EXPOSED = frozenset({"ETag", "Retry-After", "x-amz-checksum-crc64nvme"})
# The lifecycle rules of the template by their ids.
PARTS, REJECTED = "parts-of-abandoned-uploads", "rejected"
_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def bucket(stage: DeployedStage) -> Iterator[Change]:
    """The bucket accepts files from the page only, and deletes parts and rejected files in time."""
    s3, name = stage.client("s3"), stage.settings.bucket
    response = answer(s3.get_bucket_versioning, "NoSuchBucket", Bucket=name)
    if response is None:
        yield Change(BY_HAND, f"the bucket {name} is missing, with all files")
        return
    keeps = stage.parameter("Versioning") == "Enabled"
    if (response.get("Status") == "Enabled") != keeps:
        yield Change(BY_HAND, f"the bucket's versioning is {response.get('Status', 'off')}")
    if not _allows_page(s3, name, stage.settings.page_origin):
        origin = stage.settings.page_origin
        yield Change(BY_HAND, f"the bucket's CORS does not let {origin} PUT, POST, GET and HEAD")
    yield from _protection(s3, name, "the bucket", BUCKET_STATEMENTS)
    key = stage.settings.kms_key_arn
    if (used := _encryption(s3, name)) != (("aws:kms", key) if key else ("AES256", "")):
        yield Change(
            BY_HAND, f"the bucket encrypts with {' '.join(filter(None, used)) or 'nothing'}"
        )
    days = {PARTS: stage.settings.upload_days, REJECTED: stage.settings.rejected_days}
    lifecycle = _lifecycle(s3, name)
    for rule, expected in days.items():
        if (actual := lifecycle.get(rule)) != expected:
            text = "is missing or off" if actual is None else f"has {actual} days, not {expected}"
            yield Change(BY_HAND, f"the bucket's lifecycle rule {rule} {text}")


def page(stage: DeployedStage) -> Iterator[Change]:
    """The page is in its bucket, and CloudFront may read it."""
    s3, name = stage.client("s3"), stage.output("PageBucket")
    for key in ("index.html", "config.json"):
        # Not HeadObject: its permission would let an operator who runs status read all files.
        listed = answer(s3.list_objects_v2, "NoSuchBucket", Bucket=name, Prefix=key)
        if listed is None or not listed.get("Contents"):
            yield Change("page", f"{key} is missing in {name}")
    yield from _protection(s3, name, "the page's bucket", PAGE_STATEMENTS)


def table(stage: DeployedStage) -> Iterator[Change]:
    """The table has its indexes, deletes expired items, and can be restored."""
    dynamodb, name = stage.client("dynamodb"), stage.settings.table
    response = answer(dynamodb.describe_table, "ResourceNotFoundException", TableName=name)
    if response is None:
        yield Change(BY_HAND, f"the table {name} is missing, with all uploads")
        return
    if (status := response["Table"]["TableStatus"]) not in ("ACTIVE", "UPDATING"):
        yield Change(BY_HAND, f"the table is {status}, not ACTIVE")
    indexes = {each["IndexName"] for each in response["Table"].get("GlobalSecondaryIndexes", [])}
    for each in SCHEMA["GlobalSecondaryIndexes"]:
        if each["IndexName"] not in indexes:
            yield Change(BY_HAND, f"the table has no index {each['IndexName']}")
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if ttl.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        yield Change(BY_HAND, "the table's time to live is off: expired items stay")
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        yield Change(BY_HAND, "the table's point-in-time recovery is off: it cannot be restored")


def _protection(s3: Any, name: str, who: str, statements: frozenset[str]) -> Iterator[Change]:
    """The statements that a bucket's policy lacks, and the public access that is possible."""
    response = answer(s3.get_bucket_policy, "NoSuchBucketPolicy", "NoSuchBucket", Bucket=name)
    if missing := missing_statements(response["Policy"] if response else None, statements):
        yield Change(BY_HAND, f"{who} has a policy without {missing}")
    response = answer(
        s3.get_public_access_block,
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchBucket",
        Bucket=name,
    )
    blocks = response["PublicAccessBlockConfiguration"] if response else {}
    if lifted := [block for block in _BLOCKS if not blocks.get(block)]:
        yield Change(BY_HAND, f"{who} can be made public: {', '.join(lifted)} is off")


def _allows_page(s3: Any, name: str, origin: str) -> bool:
    response = answer(s3.get_bucket_cors, "NoSuchCORSConfiguration", Bucket=name)
    return any(
        {origin, "*"} & set(rule["AllowedOrigins"])
        and set(rule["AllowedMethods"]) >= METHODS
        and "*" in rule.get("AllowedHeaders", [])
        and set(rule.get("ExposeHeaders", [])) >= EXPOSED
        for rule in (response["CORSRules"] if response else [])
    )


def _encryption(s3: Any, name: str) -> tuple[str, str]:
    """Algorithm and key of a bucket's encryption; empty texts without any."""
    code = "ServerSideEncryptionConfigurationNotFoundError"
    response = answer(s3.get_bucket_encryption, code, Bucket=name)
    for rule in response["ServerSideEncryptionConfiguration"]["Rules"] if response else []:
        used = rule.get("ApplyServerSideEncryptionByDefault", {})
        return used.get("SSEAlgorithm", ""), used.get("KMSMasterKeyID", "")
    return "", ""


def _lifecycle(s3: Any, name: str) -> dict[str, int]:
    """The days of each enabled rule, by its id."""
    response = answer(
        s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration", Bucket=name
    )
    return {
        rule["ID"]: rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
        or rule.get("Expiration", {}).get("Days", 0)
        for rule in (response["Rules"] if response else [])
        if rule["Status"] == "Enabled"
    }
