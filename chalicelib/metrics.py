"""Metrics, as members of a log line from which CloudWatch extracts them. Pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
The template's alarms and dashboard use these names. Must not know which event changes a metric.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.upload import State, Upload

NAMESPACE = "Hoist"
UNITS = {
    "UploadsCreated": "Count",  # uploads that were created or adopted
    "UploadsCompleted": "Count",  # uploads whose object is complete
    "UploadsAccepted": "Count",  # outcomes: accepted
    "UploadsRejected": "Count",  # outcomes: rejected
    "UploadsFailed": "Count",  # outcomes: failed, after three tries
    "Bytes": "Bytes",  # size of each object with an outcome
    "EventToOutcomeSeconds": "Seconds",  # from the time of S3's event to the outcome
    # Repairs of the sweep.
    "SweepLostEvents": "Count",  # objects whose event was lost
    "SweepLeftBehind": "Count",  # uploads that no invocation finished
    "SweepNotNotified": "Count",  # outcomes of which the owner was not notified
    "SweepWrongTags": "Count",  # tags with another state than the table
    "SweepObjectsWithoutUpload": "Count",  # objects without an upload
    "SweepDeleted": "Count",  # objects that were deleted, because no upload can have them
    "SweepAbandoned": "Count",  # uploads that nobody completed in time
    "SweepRepaired": "Count",  # the sum of the repairs that raise an alarm
}
CREATED = {"UploadsCreated": 1}
COMPLETED = {"UploadsCompleted": 1}
FAILED = {"UploadsFailed": 1}
_SETTLED = {State.ACCEPTED: "UploadsAccepted", State.REJECTED: "UploadsRejected"}


def settled(upload: Upload, *, event_at: datetime | None, now: datetime) -> dict[str, float]:
    """The metrics of an outcome; `event_at` is the time of S3's event."""
    if upload.state not in _SETTLED:
        return dict(FAILED)
    values: dict[str, float] = {_SETTLED[upload.state]: 1, "Bytes": upload.size}
    if event_at is not None:
        # Two clocks: the difference may be below zero.
        values["EventToOutcomeSeconds"] = max(0.0, (now - event_at).total_seconds())
    return values


def members(values: Mapping[str, float], *, stage: str, at: float) -> dict[str, Any]:
    """The members of a log line with metrics; `at` is in seconds since 1970."""
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["Stage"]],
        "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in values],
    }
    return {
        "_aws": {"Timestamp": int(at * 1000), "CloudWatchMetrics": [directive]},
        "Stage": stage,
        **values,
    }
