"""Temporary S3 credentials instead of presigned URLs: one role, narrowed to the caller's prefix.

For `aws s3 cp`, rclone and whatever else speaks S3. What arrives is adopted by `processing`.
IAM: sts:AssumeRole on the uploader's role, which itself may put objects below `uploads/` and read
those that were not refused: tools ask HeadObject what they sent. Its policy has the conditions.
Must not know the table or the rules.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib import keys

if TYPE_CHECKING:
    from types_boto3_sts import STSClient

    from chalicelib.config import Settings

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
MAX_SESSION_NAME = 64


@dataclass(frozen=True, slots=True)
class TemporaryCredentials:
    """Lends credentials of the uploader's role."""

    client: STSClient
    settings: Settings

    def create(self, owner: str) -> dict[str, str]:
        """Credentials that put, read and list objects under the owner's prefix; times in UTC."""
        answer = self.client.assume_role(
            RoleArn=self.settings.uploader_role_arn,
            # CloudTrail shows it with whatever is done with them.
            RoleSessionName=owner.replace(":", "-")[:MAX_SESSION_NAME],
            DurationSeconds=self.settings.credentials_lifetime,
            Policy=json.dumps(self._policy(keys.owner_prefix(owner)), separators=(",", ":")),
        )
        lent = answer["Credentials"]
        return {
            "access_key_id": lent["AccessKeyId"],
            "secret_access_key": lent["SecretAccessKey"],
            "session_token": lent["SessionToken"],
            "expiration": lent["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "bucket": self.settings.bucket,
            "prefix": keys.owner_prefix(owner),
            "region": self.settings.region,
        }

    def _policy(self, prefix: str) -> dict[str, Any]:
        """What may be done of that which the role may do."""
        bucket = f"arn:{self._partition}:s3:::{self.settings.bucket}"
        statements: list[dict[str, Any]] = [
            {
                "Effect": "Allow",
                "Action": [
                    "s3:PutObject",
                    "s3:GetObject",
                    "s3:AbortMultipartUpload",
                    "s3:ListMultipartUploadParts",
                ],
                "Resource": f"{bucket}/{prefix}*",
            },
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket", "s3:ListBucketMultipartUploads"],
                "Resource": bucket,
                "Condition": {"StringLike": {"s3:prefix": f"{prefix}*"}},
            },
            # Clients that are told no region ask for it.
            {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": bucket},
        ]
        if self.settings.kms_key_arn:
            # Parts are decrypted when they are put together.
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
            statements.append(
                {
                    "Effect": "Allow",
                    "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
                    "Resource": self.settings.kms_key_arn,
                }
            )
        return {"Version": "2012-10-17", "Statement": statements}

    @property
    def _partition(self) -> str:
        """`aws`, or that of China or of the government."""
        return self.settings.uploader_role_arn.split(":")[1]
