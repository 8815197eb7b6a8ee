"""A month of uploads in US dollars, with Hoist and with one API call for each part. Pure.

`consumption.py` counts the requests of a file, `prices.py` has their prices. Must not know the
command line or the output.
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
    SWEEPS_OF_A_MONTH,
    Consumption,
    consumption,
    files_of_visit,
    plan_of,
    sweeps,
    with_call_per_part,
    with_downloads,
)
from deploy.cost.prices import Prices

DAYS_OF_A_MONTH = 30
_RESOURCE = re.compile(r"^  \w+:\n    Type: (\S+)\n(.*?)(?=^ {0,2}\S|\Z)", re.MULTILINE | re.DOTALL)
_OUR_METRIC = re.compile(r'Namespace: Hoist\s+MetricName: (\w+)|"Hoist", ?"(\w+)"')
# `use` comes with every file, `storage` with every day it is kept, `fixed` with every month.
Kind = Literal["use", "storage", "fixed"]


@dataclass(frozen=True, slots=True)
class Month:
    """The number of files of a month, and of each the bytes, days of storage, downloads, emails."""

    files: int
    size: int
    days: float = DAYS_OF_A_MONTH
    downloads: float = 0
    emails: float = 0


@dataclass(frozen=True, slots=True)
class Fixed:
    """What a stage has even without an upload; an alarm counts once for each metric."""

    alarms: int
    metrics: int
    dashboards: int
    keys: int
    sweeps: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """US dollars a month for one service, with Hoist and with one API call for each part."""

    service: str
    kind: Kind
    hoist: float
    per_part: float


def costs(month: Month, settings: Settings, fixed: Fixed, prices: Prices) -> list[Line]:
    """The lines of a month; storage is that of a month once the first files are deleted."""
    together = files_of_visit(month.files, month.size, settings)
    ours = with_downloads(consumption(month.size, settings, together=together), month.downloads)
    theirs = with_call_per_part(ours, plan_of(month.size, settings))
    per_part = _use(theirs, month, prices)
    lines = [
        Line(service, "use", month.files * dollars, month.files * per_part[service])
        for service, dollars in _use(ours, month, prices).items()
    ]
    for service, dollars in _storage(month, prices).items():
        lines.append(Line(service, "storage", dollars, dollars))
    for service, dollars in _fixed(fixed, prices).items():
        lines.append(Line(service, "fixed", dollars, dollars))
    return lines


def total(lines: Iterable[Line], *kinds: Kind) -> tuple[float, float]:
    """The sums of the lines of these kinds, with Hoist and with one API call for each part."""
    chosen = [line for line in lines if line.kind in kinds]
    return sum(line.hoist for line in chosen), sum(line.per_part for line in chosen)


def fixed_of(template: str, settings: Settings) -> Fixed:
    """What costs money without any upload, in the template and in the settings."""
    resources = _RESOURCE.findall(template)
    alarms = [body for kind, body in resources if kind == "AWS::CloudWatch::Alarm"]
    metrics = {
        name
        for match in _OUR_METRIC.findall(template)
        for name in match
        # CloudWatch bills a metric for the hours with a value. The sweep writes its metrics only
        # when it repairs something.
        if name and not name.startswith("Sweep")
    }
    return Fixed(
        alarms=sum(body.count("MetricName:") for body in alarms),
        metrics=len(metrics),
        dashboards=sum(kind == "AWS::CloudWatch::Dashboard" for kind, _ in resources),
        keys=int(bool(settings.kms_key_arn)),
        sweeps=SWEEPS_OF_A_MONTH,
    )


def _use(consumed: Consumption, month: Month, prices: Prices) -> dict[str, float]:
    """The cost of uploading, processing and downloading one file."""
    direct = month.size > CLOUDFRONT_MAX_SIZE
    byte = prices.internet_byte if direct else prices.cloudfront_byte
    download = byte.of(month.downloads * month.size)
    if not direct:
        download += prices.cloudfront_request.of(month.downloads)
    return {
        "S3 requests": prices.s3_put.of(consumed.s3_puts) + prices.s3_get.of(consumed.s3_gets),
        "Lambda": prices.lambda_request.of(consumed.invocations)
        + prices.lambda_second.of(consumed.gb_seconds),
        "API Gateway, REST": prices.api_request.of(consumed.api_requests)
        + prices.api_byte.of(consumed.api_bytes),
        "API Gateway, WebSocket": prices.websocket_message.of(consumed.messages)
        + prices.websocket_minute.of(consumed.minutes),
        "DynamoDB": prices.table_write.of(consumed.writes) + prices.table_read.of(consumed.reads),
        "SNS": prices.publish.of(consumed.publishes) + prices.email.of(month.emails),
        "CloudWatch, logs": prices.log_byte.of(consumed.log_bytes),
        "Downloads": download,
    }


def _storage(month: Month, prices: Prices) -> dict[str, float]:
    """The storage of all files that exist at a time, once the first of them are deleted."""
    files = month.files * month.days / DAYS_OF_A_MONTH
    item = ITEM_SIZE + INDEX_ENTRY_SIZE
    return {
        "S3 storage": prices.s3_storage.of(files * month.size) + prices.s3_tag.of(files),
        "DynamoDB storage": prices.table_storage.of(files * item)
        + prices.table_recovery.of(files * item),
    }


def _fixed(fixed: Fixed, prices: Prices) -> dict[str, float]:
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
