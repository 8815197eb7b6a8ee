"""`make logs`: the lines of a stage's functions, or those of one upload."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from deploy import logs
from stage.stage import StageError
from tests.support.environment import REGION
from tests.support.payloads import PUT_ID

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR_AGO = NOW - timedelta(hours=1)
REQUEST = "e4b46cbf-b738-4a6e-8880-a18cdf61200e"
OTHER = "11111111-b738-4a6e-8880-a18cdf61200e"


def entries(message: str, *, request: str, seconds: int, **fields: Any) -> str:
    """A structured line, some seconds after an hour ago."""
    at = HOUR_AGO + timedelta(seconds=seconds)
    return json.dumps(
        {
            "time": at.isoformat(timespec="milliseconds"),
            "level": "INFO",
            "message": message,
            "function": "hoist-dev-notify",
            "request_id": request,
            **fields,
        }
    )


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("logs", region_name=REGION)


def put(client: Any, function: str, *texts: str, seconds: int = 1) -> None:
    group = f"/aws/lambda/{function}"
    client.create_log_group(logGroupName=group)
    client.create_log_stream(logGroupName=group, logStreamName="1")
    at = int((HOUR_AGO + timedelta(seconds=seconds)).timestamp() * 1000)
    client.put_log_events(
        logGroupName=group,
        logStreamName="1",
        logEvents=[{"timestamp": at, "message": text} for text in texts],
    )


def test_lines_of_all_functions_are_sorted_by_time(client: Any) -> None:
    put(client, "hoist-dev-notify", entries("notified", request=REQUEST, seconds=9))
    put(client, "hoist-dev", entries("created", request=OTHER, seconds=2))

    lines = logs.in_aws(client, "dev", HOUR_AGO)

    assert [line.fields["message"] for line in lines] == ["created", "notified"]


def test_functions_that_never_ran_have_no_lines(client: Any) -> None:
    assert logs.in_aws(client, "dev", HOUR_AGO) == []


def test_lines_of_other_stages_are_left_out(client: Any) -> None:
    put(client, "hoist-dev-2-notify", entries("notified", request=REQUEST, seconds=1))

    assert logs.in_aws(client, "dev", HOUR_AGO) == []


def test_an_upload_has_its_lines_and_those_of_their_requests(client: Any) -> None:
    put(
        client,
        "hoist-dev-notify",
        f"REPORT RequestId: {REQUEST}\tDuration: 12 ms",
        f"REPORT RequestId: {OTHER}\tDuration: 12 ms",
        entries("notified", request=REQUEST, seconds=1, upload_id=PUT_ID),
        entries("read retried", request=REQUEST, seconds=2),
        entries(
            "notified", request=OTHER, seconds=3, upload_id="01977a3e-5c00-7b1e-8d4f-000000000000"
        ),
    )

    lines = logs.in_aws(client, "dev", HOUR_AGO, upload=PUT_ID)

    assert {line.request for line in lines} == {REQUEST}
    assert len(lines) == 3


def test_lines_of_the_local_system_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "functions.log").write_text(
        "\n".join(
            [
                entries("too old", request=OTHER, seconds=-7200, upload_id=PUT_ID),
                entries("notified", request=REQUEST, seconds=1, upload_id=PUT_ID),
                "Traceback (most recent call last):",
                entries("read retried", request=REQUEST, seconds=2),
                entries("notified", request=OTHER, seconds=3),
            ]
        )
    )

    lines = logs.local(tmp_path, HOUR_AGO)

    assert len(lines) == 4
    assert [line.fields["message"] for line in logs.of_upload(lines, PUT_ID)] == [
        "notified",
        "read retried",
    ]


def test_a_structured_line_is_formatted() -> None:
    text = entries(
        "accepted",
        request=REQUEST,
        seconds=1,
        upload_id=PUT_ID,
        _aws={"CloudWatchMetrics": []},
        Stage="dev",
        Bytes=5,
        exception="Traceback\nValueError: x",
    )

    output = logs.parse(text, function="hoist-dev", at=NOW).format()

    first, *rest = output.splitlines()
    assert first.endswith(f"hoist-dev-notify             INFO accepted  upload_id={PUT_ID} Bytes=5")
    assert rest == ["  Traceback", "  ValueError: x"]


def test_a_line_without_structure_is_printed_unchanged() -> None:
    output = logs.parse("START RequestId: x\n", function="hoist-dev", at=NOW).format()

    assert output.endswith("hoist-dev                    START RequestId: x")


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
    ],
)
def test_a_span_is_minutes_hours_or_days(text: str, back: timedelta) -> None:
    assert logs.span(text) == back


@pytest.mark.parametrize("text", ["", "1", "h", "1w", "-1h", "1.5h"])
def test_an_invalid_span_is_refused(text: str) -> None:
    with pytest.raises(StageError, match="is no span"):
        logs.span(text)
