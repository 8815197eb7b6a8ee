"""Scheduled functions: how `app.py` declares them, when they run, how one invokes another."""

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chalice.app import CloudWatchEvent

from local.functions import schedules
from local.functions.bridge import Bridge
from local.functions.environments import Function, Functions
from local.functions.invoker import Invoker
from local.home import StartError
from tests.local.serving import serving, wait_until

REGION = "eu-west-1"
RULE = "arn:aws:events:eu-west-1:123456789012:rule/hoist-local-sweep"
# As in the application, one function runs at a rate and invokes the other by Lambda's API.
APP = """
import json
import os
from pathlib import Path

import boto3
from chalice import Chalice, Rate

app = Chalice(app_name="scheduled")
HERE = Path(__file__).parent

@app.schedule("rate(15 minutes)", name="sweep")
def sweep(event):
    stored = {"bucket": {"name": "bucket"}, "object": {"key": event.source}}
    boto3.client("lambda").invoke(
        FunctionName="hoist-local-process_upload",
        InvocationType="Event",
        Payload=json.dumps({"Records": [{"s3": stored}]}),
    )

@app.schedule(Rate(1, unit=Rate.HOURS), name="hourly")
def hourly(event):
    pass

@app.on_s3_event("bucket", name="process_upload")
def process_upload(event):
    (HERE / event.key).touch()
"""


def declared(**schedule: str) -> list[dict[str, Any]]:
    return [
        {"kind": "ScheduledEventConfig", "name": name, "schedule_expression": expression}
        for name, expression in schedule.items()
    ]


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        ("rate(1 minute)", 60),
        ("rate(15 minutes)", 900),
        ("rate(1 hour)", 3600),
        ("rate(12 hours)", 43_200),
        ("rate(1 day)", 86_400),
        ("rate(2 days)", 172_800),
    ],
)
def test_a_rate_has_a_period_in_seconds(expression: str, seconds: int) -> None:
    assert schedules.rates(declared(sweep=expression)) == {"sweep": seconds}


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 minutes)",
        "rate(15 minute)",
        "rate(0 minutes)",
        "rate(1.5 hours)",
        "rate(15 seconds)",
        "rate(15 minutes) ",
        "cron(0 12 * * ? *)",
        "",
    ],
)
def test_an_unsupported_schedule_stops_the_start_with_a_reason(expression: str) -> None:
    with pytest.raises(StartError, match=r"app.py runs sweep by .* supports rate\(…\) only"):
        schedules.rates(declared(sweep=expression))


def test_a_source_that_is_not_a_schedule_has_no_rate() -> None:
    assert schedules.rates([{"kind": "S3EventConfig", "name": "process_upload"}]) == {}


def test_a_function_runs_soon_after_the_start_and_then_at_its_rate() -> None:
    story: list[float | str] = []

    async def sleep(seconds: float) -> None:
        story.append(seconds)
        if len(story) > 6:
            raise RuntimeError("long enough")

    def invoke(name: str, _: Mapping[str, Any]) -> None:
        story.append(name)

    with pytest.raises(ExceptionGroup):
        asyncio.run(schedules.run({"sweep": 900}, REGION, invoke, sleep))

    assert story == [20.0, "sweep", 900, "sweep", 900, "sweep", 900]


def test_the_event_has_eventbridge_s_form() -> None:
    at = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

    event = schedules.scheduled_event("sweep", REGION, at)

    assert event | {"id": "…"} == {
        "version": "0",
        "id": "…",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-03-01T12:00:00Z",
        "region": REGION,
        "resources": [RULE],
        "detail": {},
    }
    assert event["id"] != schedules.scheduled_event("sweep", REGION, at)["id"]
    assert CloudWatchEvent(event, None).resources == [RULE]


@pytest.mark.system
def test_a_scheduled_function_runs_and_invokes_another(tmp_path: Path) -> None:
    (tmp_path / ".chalice").mkdir()
    (tmp_path / "chalicelib").mkdir()
    (tmp_path / "app.py").write_text(APP)
    stages: Any = {"stages": {"local": {"environment_variables": {}}}}
    (tmp_path / ".chalice" / "config.json").write_text(json.dumps(stages))
    swept = tmp_path / "aws.events"

    async def story() -> None:
        variables: dict[str, str] = {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
        }
        functions = Functions(tmp_path / "log", variables, tmp_path)
        database = sqlite3.connect(tmp_path / "events.db")

        async def send(*_: str) -> None:
            raise AssertionError("nothing has a destination")

        invoker = Invoker(database, functions, {}, send, [])
        bridge = Bridge(database, invoker, "bucket", REGION, tmp_path)
        async with serving(bridge.routes()) as url:
            variables["AWS_ENDPOINT_URL_LAMBDA"] = url
            bridge.sources = (await functions.describe())["sources"]
            assert schedules.rates(bridge.sources) == {"sweep": 900, "hourly": 3600}
            functions_of_app = [
                Function(source["name"], source["handler_string"], 60) for source in bridge.sources
            ]
            bridge.invoke("sweep", schedules.scheduled_event("sweep", REGION, datetime.now(UTC)))
            work = asyncio.create_task(invoker.run(functions_of_app))
            try:
                await wait_until(swept.exists)
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                await functions.stop()
                database.close()

    asyncio.run(story())
