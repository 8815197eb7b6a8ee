"""How long an owner waits for the outcome, and how many outcomes there are in a second.

`.venv/bin/python bench/outcomes.py` starts a local system of its own, opens a WebSocket as a page
does, and sends 200 small files one after another. It measures from the end of each PUT (S3's event)
to the page's message with the outcome: milliseconds, p50 and p99. For comparison it measures a
function that does nothing, in the same environments: the round trip of `answer_page`'s ping. Then
it sends 200 files at once and counts outcomes a second.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, report
from tests.support.running import Client, running_system

OUTCOMES = {"accepted", "rejected", "failed"}
PATIENCE = 120  # seconds


class Page:
    """An open page: the time of each outcome."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.outcomes: dict[str, float] = {}
        self._news = asyncio.Event()
        self._pong = asyncio.Event()

    async def listen(self) -> None:
        """Record the messages, without end."""
        async for message in self._socket:
            content = json.loads(message.data)
            if content["type"] == "pong":
                self._pong.set()
            upload = content.get("upload", {})
            if upload.get("state") in OUTCOMES:
                self.outcomes.setdefault(upload["id"], time.perf_counter())
                self._news.set()

    async def wait_for(self, ids: set[str]) -> None:
        """Wait until each of these uploads has its outcome."""
        async with asyncio.timeout(PATIENCE):
            while not ids <= self.outcomes.keys():
                self._news.clear()
                await self._news.wait()

    async def ping(self) -> float:
        """Seconds of a round trip to a function that does nothing."""
        self._pong.clear()
        started = time.perf_counter()
        await self._socket.send_json({"type": "ping"})
        await self._pong.wait()
        return time.perf_counter() - started


def percentile(values: list[float], share: float) -> int:
    """A percentile in milliseconds, of values in seconds."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000)


async def measure(client: Client, count: int) -> dict[str, Any]:
    """All figures, over one page."""
    url = client.request("POST", "/connections").json["url"]
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        page = Page(socket)
        listening = asyncio.create_task(page.listen())
        waited, pings = [], []
        for number in range(count + 5):
            created = await asyncio.to_thread(client.create, b"x" * 1000, f"{number}.txt")
            await asyncio.to_thread(client.send, created, b"x" * 1000)
            put_ended = time.perf_counter()
            await page.wait_for({created["id"]})
            waited.append(page.outcomes[created["id"]] - put_ended)
            pings.append(await page.ping())
        together = [
            await asyncio.to_thread(client.create, b"y", f"together {number}.txt")
            for number in range(min(count, 100))
        ]
        started = time.perf_counter()
        await asyncio.gather(
            *(asyncio.to_thread(client.send, created, b"y") for created in together)
        )
        await page.wait_for({created["id"] for created in together})
        took = time.perf_counter() - started
        listening.cancel()
    warm, quiet = waited[5:], pings[5:]
    return {
        "uploads": len(warm),
        "outcome p50 ms": percentile(warm, 0.5),
        "outcome p99 ms": percentile(warm, 0.99),
        "empty function p50 ms": percentile(quiet, 0.5),
        "at once": len(together),
        "outcomes a second": round(len(together) / took, 1),
    }


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--uploads", type=int, default=200)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_system(Path(folder) / "hoist") as system,
    ):
        report(__file__, options, asyncio.run(measure(system.sign_in(), options.uploads)))


if __name__ == "__main__":
    main()
