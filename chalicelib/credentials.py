"""Temporary S3 credentials instead of presigned URLs: one role, narrowed to the caller's prefix.

For `aws s3 cp`, rclone and other S3 tools. `processing` adopts the objects that they send.
IAM: sts:AssumeRole on the uploader's role. That role may put objects below `uploads/` and read them
unless they were rejected: tools call HeadObject after sending. Its policy has the conditions. Must
not know the table or the rules.
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
# Seconds. The API's function has a role itself, and a role that assumes another gets one hour at
# most; tools ask for new credentials before the end.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
LIFETIME = 3600


@dataclass(frozen=True, slots=True)
class TemporaryCredentials:
    """Creates credentials of the uploader's role."""

    client: STSClient
    settings: Settings

    def create(self, owner: str) -> dict[str, str]:
        """Credentials that put, read and list objects below the owner's prefix; times in UTC."""
        answer = self.client.assume_role(
            RoleArn=self.settings.uploader_role_arn,
            # CloudTrail shows it with every call of these credentials.
            RoleSessionName=owner.replace(":", "-")[:MAX_SESSION_NAME],
            DurationSeconds=LIFETIME,
            Policy=json.dumps(self._policy(keys.owner_prefix(owner)), separators=(",", ":")),
        )
        credentials = answer["Credentials"]
        return {
            "access_key_id": credentials["AccessKeyId"],
            "secret_access_key": credentials["SecretAccessKey"],
            "session_token": credentials["SessionToken"],
            "expiration": credentials["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "bucket": self.settings.bucket,
            "prefix": keys.owner_prefix(owner),
            "region": self.settings.region,
        }

    def _policy(self, prefix: str) -> dict[str, Any]:
        """The session policy: the owner's share of what the role allows."""
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
            # Clients without a configured region call it.
            {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": bucket},
        ]
        if self.settings.kms_key_arn:
            # S3 decrypts the parts when it completes a multipart upload.
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
        """`aws`, `aws-cn` or `aws-us-gov`."""
        return self.settings.uploader_role_arn.split(":")[1]
