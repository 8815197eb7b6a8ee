"""The metrics, and that CloudWatch would read them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from chalicelib import metrics
from chalicelib.upload import State
from tests.deploy.template import TEXT
from tests.support.payloads import put_upload

NOW = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)
EARLIER = NOW - timedelta(seconds=2.5)
# The part of the specification's schema that is about one line.
EMF = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 0},
                "CloudWatchMetrics": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": {"type": "string", "minLength": 1, "maxLength": 1024},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "maxItems": 30,
                                    "items": {"type": "string", "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name", "Unit"],
                                    "properties": {
                                        "Name": {"type": "string", "maxLength": 1024},
                                        "Unit": {"enum": ["Count", "Bytes", "Seconds"]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}


def test_a_line_is_what_cloudwatch_reads() -> None:
    upload = replace(put_upload(), state=State.ACCEPTED)
    counted = metrics.settled(upload, event_at=EARLIER, now=NOW)

    line = metrics.members(counted, stage="dev", at=NOW.timestamp())

    jsonschema.validate(line, EMF)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    for names in directive["Dimensions"]:
        assert all(isinstance(line[name], str) for name in names)
    for metric in directive["Metrics"]:
        assert isinstance(line[metric["Name"]], int | float)
    assert line["_aws"]["Timestamp"] == 1772366410000


@pytest.mark.parametrize(
    ("state", "counted"),
    [
        (State.ACCEPTED, {"UploadsAccepted": 1, "Bytes": 11, "EventToOutcomeSeconds": 2.5}),
        (State.REJECTED, {"UploadsRejected": 1, "Bytes": 11, "EventToOutcomeSeconds": 2.5}),
        (State.FAILED, {"UploadsFailed": 1}),
    ],
)
def test_an_outcome_is_counted(state: State, counted: dict[str, Any]) -> None:
    upload = replace(put_upload(), state=state, size=11)

    assert metrics.settled(upload, event_at=EARLIER, now=NOW) == counted


def test_different_clocks_give_no_negative_time() -> None:
    upload = replace(put_upload(), state=State.ACCEPTED)

    counted = metrics.settled(upload, event_at=NOW + timedelta(seconds=1), now=NOW)

    assert counted["EventToOutcomeSeconds"] == 0


def test_an_event_without_a_time_has_no_duration() -> None:
    upload = replace(put_upload(), state=State.ACCEPTED)

    assert "EventToOutcomeSeconds" not in metrics.settled(upload, event_at=None, now=NOW)


@pytest.mark.parametrize("name", metrics.UNITS)
def test_every_metric_is_on_the_dashboard(name: str) -> None:
    assert f'"{metrics.NAMESPACE}","{name}"' in TEXT
