"""CloudFront: a custom origin may be the endpoint of an S3 bucket.

MiniStack refuses AWS's host names as origins, so that it never calls the real AWS. Here such a name
resolves to MiniStack itself.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistS3AndCustomOrigins.html
"""

import re
from typing import Any

from ministack.services import cloudfront

from emulator.bridging import replace

BUCKET = re.compile(r"[a-z0-9.-]+\.s3\.[a-z0-9-]+\.amazonaws\.com")


def bridge() -> None:
    replace(cloudfront, "_is_aws_owned_host", _but_buckets)


def _but_buckets(is_aws_owned: Any) -> Any:
    def is_refused(host: str) -> bool:
        return bool(is_aws_owned(host)) and not BUCKET.fullmatch(host)

    return is_refused
