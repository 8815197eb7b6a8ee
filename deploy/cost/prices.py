"""AWS's list prices in one region for everything that Hoist uses. No free tiers.

Prices change and differ by region; each names the page to look it up again. All are prices of the
first tier: AWS charges less for large quantities.
"""

from dataclasses import dataclass
from datetime import date

MILLION = 1_000_000
# What AWS calls a GB: https://aws.amazon.com/s3/faqs/
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for `per` units; `page` is the source."""

    dollars: float
    per: int
    what: str
    page: str

    def of(self, count: float) -> float:
        """US dollars for `count`."""
        return self.dollars * count / self.per


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of a region, as published on a day."""

    known_on: date
    region: str
    s3_put: Price
    s3_get: Price
    s3_storage: Price
    s3_tag: Price
    lambda_request: Price
    lambda_second: Price
    api_request: Price
    api_byte: Price
    websocket_message: Price
    websocket_minute: Price
    table_write: Price
    table_read: Price
    table_storage: Price
    table_recovery: Price
    publish: Price
    email: Price
    cloudfront_byte: Price
    cloudfront_request: Price
    internet_byte: Price
    log_byte: Price
    metric: Price
    alarm: Price
    dashboard: Price
    key: Price


_S3 = "https://aws.amazon.com/s3/pricing/"
_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
_GATEWAY = "https://aws.amazon.com/api-gateway/pricing/"
_DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_SNS = "https://aws.amazon.com/sns/pricing/"
_CLOUDFRONT = "https://aws.amazon.com/cloudfront/pricing/"
_CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
_EC2 = "https://aws.amazon.com/ec2/pricing/on-demand/"
_KMS = "https://aws.amazon.com/kms/pricing/"

US_EAST_1 = Prices(
    known_on=date(2026, 11, 24),
    region="us-east-1",
    s3_put=Price(0.005, 1000, "requests PUT, COPY, POST and LIST", _S3),
    s3_get=Price(0.0004, 1000, "requests GET and all others", _S3),
    s3_storage=Price(0.023, GIB, "GB a month, S3 Standard", _S3),
    s3_tag=Price(0.0065, 10_000, "tags of objects a month", _S3),
    lambda_request=Price(0.20, MILLION, "invocations", _LAMBDA),
    lambda_second=Price(0.0000133334, 1, "GB-second, arm64", _LAMBDA),
    api_request=Price(3.50, MILLION, "requests to a REST API", _GATEWAY),
    api_byte=Price(0.09, GIB, "GB that an API answers", _EC2),
    websocket_message=Price(1.00, MILLION, "messages of up to 32 KB", _GATEWAY),
    websocket_minute=Price(0.25, MILLION, "minutes of a connection", _GATEWAY),
    table_write=Price(0.625, MILLION, "write request units", _DYNAMODB),
    table_read=Price(0.125, MILLION, "read request units", _DYNAMODB),
    table_storage=Price(0.25, GIB, "GB a month in a table", _DYNAMODB),
    table_recovery=Price(0.20, GIB, "GB a month of recovery to any point in time", _DYNAMODB),
    publish=Price(0.50, MILLION, "messages published, of up to 64 KB", _SNS),
    email=Price(2.00, 100_000, "emails", _SNS),
    cloudfront_byte=Price(0.085, GIB, "GB downloaded in North America and Europe", _CLOUDFRONT),
    cloudfront_request=Price(0.01, 10_000, "HTTPS requests to CloudFront", _CLOUDFRONT),
    internet_byte=Price(0.09, GIB, "GB downloaded from S3 itself", _S3),
    log_byte=Price(0.50, GIB, "GB of logs taken in", _CLOUDWATCH),
    metric=Price(0.30, 1, "metric of our own a month", _CLOUDWATCH),
    alarm=Price(0.10, 1, "metric that an alarm watches, a month", _CLOUDWATCH),
    dashboard=Price(3.00, 1, "dashboard a month", _CLOUDWATCH),
    key=Price(1.00, 1, "KMS key a month", _KMS),
)
