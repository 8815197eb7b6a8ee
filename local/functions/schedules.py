"""EventBridge's schedules: functions that `app.py` runs at a rate, invoked asynchronously.

Each start of the system starts every schedule again, and runs that were due earlier are skipped.
Must not know how functions are invoked.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from local.home import StartError
from local.names import ACCOUNT, PREFIX

FIRST = 20.0  # seconds from the start of the system to the first run, without a whole period
_RATE = re.compile(r"rate\((?:(1) (minute|hour|day)|([2-9]|[1-9]\d+) (minute|hour|day)s)\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}

Invoke = Callable[[str, Mapping[str, Any]], None]


def rates(sources: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The seconds between the runs of each scheduled function.

    Raises StartError for a schedule that is not a rate.
    """
    return {
        source["name"]: _seconds(source["name"], source["schedule_expression"])
        for source in sources
        if source["kind"] == "ScheduledEventConfig"
    }


async def run(
    schedules: Mapping[str, int],
    region: str,
    invoke: Invoke,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Invoke each function soon after the start and then at its rate, until cancelled."""

    async def repeat(name: str, period: int) -> None:
        await sleep(FIRST)
        while True:
            invoke(name, scheduled_event(name, region, datetime.now(UTC)))
            await sleep(period)

    async with asyncio.TaskGroup() as group:
        for name, period in schedules.items():
            group.create_task(repeat(name, period))


def scheduled_event(name: str, region: str, at: datetime) -> dict[str, Any]:
    """The event of EventBridge's rule for a function; the rule has the function's name.

    https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html
    """
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [f"arn:aws:events:{region}:{ACCOUNT}:rule/{PREFIX}-{name}"],
        "detail": {},
    }


def _seconds(name: str, expression: str) -> int:
    match = _RATE.fullmatch(expression)
    if match is None:
        raise StartError(
            f"app.py runs {name} by {expression}: the local system supports rate(…) only, like"
            " rate(15 minutes)"
        )
    count, unit = match[1] or match[3], match[2] or match[4]
    return int(count) * _SECONDS[unit]
