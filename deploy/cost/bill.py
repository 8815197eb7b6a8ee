"""A month of uploads in US dollars, ours and with a request to the API for each part. Pure.

What a file asks of AWS is in `journey.py`, what that costs in `prices.py`. Must not know how a
month is asked for or shown.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from chalicelib.config import Settings
from chalicelib.uploads import CLOUDFRONT_MAX_SIZE
from deploy.cost.consumption import (
    INDEX_ENTRY_SIZE,
    ITEM_SIZE,
    READ_SPEED,
    SWEEPS_OF_A_MONTH,
    Journey,
    downloaded,
    journey,
    plan_of,
    signed_one_by_one,
    sweeps,
)
from deploy.cost.prices import Prices

DAYS_OF_A_MONTH = 30
_RESOURCE = re.compile(r"^  \w+:\n    Type: (\S+)\n(.*?)(?=^ {0,2}\S|\Z)", re.MULTILINE | re.DOTALL)
_OUR_METRIC = re.compile(r'Namespace: Hoist\s+MetricName: (\w+)|"Hoist", ?"(\w+)"')
# `use` comes with every file, `storage` with every day it is kept, `fixed` with every month.
Kind = Literal["use", "storage", "fixed"]


@dataclass(frozen=True, slots=True)
class Month:
    """So many files of so many bytes, each kept for days, downloaded and emailed so many times.

    So many are sent `together`, in one visit of the page. `read_speed` is how many bytes a second
    `process_upload` reads.
    """

    files: int
    size: int
    days: float = DAYS_OF_A_MONTH
    downloads: float = 0
    emails: float = 0
    together: int = 1
    read_speed: float = READ_SPEED


@dataclass(frozen=True, slots=True)
class Fixed:
    """What a stage has whether or not anybody uploads; alarms count once for each metric."""

    alarms: int
    metrics: int
    dashboards: int
    keys: int
    sweeps: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """US dollars a month for one service: ours, and with a request for each part."""

    service: str
    kind: Kind
    hoist: float
    per_part: float


def costs(month: Month, settings: Settings, fixed: Fixed, prices: Prices) -> list[Line]:
    """A month, service by service; storage is that of a month after `days` have gone by."""
    sent = journey(month.size, settings, together=month.together, read_speed=month.read_speed)
    asked = downloaded(sent, month.downloads)
    asked_more = signed_one_by_one(asked, plan_of(month.size, settings))
    per_part = _used(asked_more, month, prices)
    lines = [
        Line(service, "use", month.files * dollars, month.files * per_part[service])
        for service, dollars in _used(asked, month, prices).items()
    ]
    for service, dollars in _stored(month, prices).items():
        lines.append(Line(service, "storage", dollars, dollars))
    for service, dollars in _kept(fixed, prices).items():
        lines.append(Line(service, "fixed", dollars, dollars))
    return lines


def total(lines: Iterable[Line], *kinds: Kind) -> tuple[float, float]:
    """The sums of lines of some kinds, ours and with a request for each part."""
    chosen = [line for line in lines if line.kind in kinds]
    return sum(line.hoist for line in chosen), sum(line.per_part for line in chosen)


def fixed_of(template: str, settings: Settings) -> Fixed:
    """What the CloudFormation template and the settings have that costs without any upload."""
    resources = _RESOURCE.findall(template)
    alarms = [body for kind, body in resources if kind == "AWS::CloudWatch::Alarm"]
    named = {
        name
        for found in _OUR_METRIC.findall(template)
        for name in found
        # CloudWatch counts a metric in the hours in which it is sent: these are, when the sweep
        # repairs something.
        if name and not name.startswith("Sweep")
    }
    return Fixed(
        alarms=sum(body.count("MetricName:") for body in alarms),
        metrics=len(named),
        dashboards=sum(kind == "AWS::CloudWatch::Dashboard" for kind, _ in resources),
        keys=int(bool(settings.kms_key_arn)),
        sweeps=SWEEPS_OF_A_MONTH,
    )


def _used(asked: Journey, month: Month, prices: Prices) -> dict[str, float]:
    """What one file costs by being sent and processed."""
    direct = month.size > CLOUDFRONT_MAX_SIZE
    byte = prices.internet_byte if direct else prices.cloudfront_byte
    handed_out = byte.of(month.downloads * month.size)
    if not direct:
        handed_out += prices.cloudfront_request.of(month.downloads)
    return {
        "S3 requests": prices.s3_put.of(asked.s3_puts) + prices.s3_get.of(asked.s3_gets),
        "Lambda": prices.lambda_request.of(asked.invocations)
        + prices.lambda_second.of(asked.gb_seconds),
        "API Gateway, REST": prices.api_request.of(asked.api_requests)
        + prices.api_byte.of(asked.api_bytes),
        "API Gateway, WebSocket": prices.websocket_message.of(asked.messages)
        + prices.websocket_minute.of(asked.minutes),
        "DynamoDB": prices.table_write.of(asked.writes) + prices.table_read.of(asked.reads),
        "SNS": prices.publish.of(asked.publishes) + prices.email.of(month.emails),
        "CloudWatch, logs": prices.log_byte.of(asked.log_bytes),
        "Downloads": handed_out,
    }


def _stored(month: Month, prices: Prices) -> dict[str, float]:
    """What is kept of all files at a time, once the first of them are deleted."""
    kept = month.files * month.days / DAYS_OF_A_MONTH
    item = ITEM_SIZE + INDEX_ENTRY_SIZE
    return {
        "S3 storage": prices.s3_storage.of(kept * month.size) + prices.s3_tag.of(kept),
        "DynamoDB storage": prices.table_storage.of(kept * item)
        + prices.table_recovery.of(kept * item),
    }


def _kept(fixed: Fixed, prices: Prices) -> dict[str, float]:
    swept = sweeps(fixed.sweeps)
    return {
        "Sweeps": prices.s3_put.of(swept.s3_puts)
        + prices.lambda_request.of(swept.invocations)
        + prices.lambda_second.of(swept.gb_seconds)
        + prices.table_write.of(swept.writes)
        + prices.table_read.of(swept.reads)
        + prices.log_byte.of(swept.log_bytes),
        "CloudWatch, alarms": prices.alarm.of(fixed.alarms),
        "CloudWatch, metrics": prices.metric.of(fixed.metrics),
        "CloudWatch, dashboard": prices.dashboard.of(fixed.dashboards),
        "KMS": prices.key.of(fixed.keys),
    }
