"""What is counted, as members of a log line that CloudWatch makes metrics of. Pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
The template's alarms and dashboard read them by these names. Must not know when something counts.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.upload import State, Upload

NAMESPACE = "Hoist"
UNITS = {
    "UploadsCreated": "Count",
    "UploadsCompleted": "Count",
    "UploadsAccepted": "Count",
    "UploadsRejected": "Count",
    "UploadsFailed": "Count",
    "Bytes": "Bytes",
    "EventToOutcomeSeconds": "Seconds",
    # What the sweep found and repaired.
    "SweepLostEvents": "Count",
    "SweepLeftBehind": "Count",
    "SweepNotNotified": "Count",
    "SweepWrongTags": "Count",
    "SweepObjectsWithoutUpload": "Count",
    "SweepDeleted": "Count",
    "SweepAbandoned": "Count",
    # All of these that an alarm is about.
    "SweepRepaired": "Count",
}
CREATED = {"UploadsCreated": 1}
COMPLETED = {"UploadsCompleted": 1}
FAILED = {"UploadsFailed": 1}
_SETTLED = {State.ACCEPTED: "UploadsAccepted", State.REJECTED: "UploadsRejected"}


def settled(upload: Upload, *, event_at: datetime | None, now: datetime) -> dict[str, float]:
    """The metrics of an outcome; `event_at` is when S3 says that the object was there."""
    if upload.state not in _SETTLED:
        return dict(FAILED)
    counted: dict[str, float] = {_SETTLED[upload.state]: 1, "Bytes": upload.size}
    if event_at is not None:
        # Two clocks: what came before it was there took no time.
        counted["EventToOutcomeSeconds"] = max(0.0, (now - event_at).total_seconds())
    return counted


def members(counted: Mapping[str, float], *, stage: str, at: float) -> dict[str, Any]:
    """The members of a log line about what was counted at a time, in seconds since 1970."""
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["Stage"]],
        "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in counted],
    }
    return {
        "_aws": {"Timestamp": int(at * 1000), "CloudWatchMetrics": [directive]},
        "Stage": stage,
        **counted,
    }
