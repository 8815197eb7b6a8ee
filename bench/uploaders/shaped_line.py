"""A long line between browser and far end, for machines without netem: a proxy, delaying, pacing.

Every connection pays a handshake, starts slowly (RFC 6928: ten segments), doubles each round trip
until the router's queue overflows, then keeps 0.7 of its window (CUBIC), and starts slowly again
after it was idle (RFC 5681 4.1). All share one upstream rate. Must not know HTTP.
"""

import asyncio
import contextlib
import threading
from dataclasses import dataclass, field

SEGMENT = 1448
FIRST_WINDOW = 10 * SEGMENT
LARGEST_WINDOW = 4 * 1024 * 1024  # Linux: net.ipv4.tcp_wmem
KEPT_AFTER_LOSS = 0.7  # RFC 9438 4.6
AT_ONCE = 16 * 1024


@dataclass(slots=True)
class Line:
    """`rate` bytes a second up, `round_trip` seconds there and back; a queue of one round trip."""

    rate: float
    round_trip: float
    free_at: float = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def __post_init__(self) -> None:
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def reach(self, port: int) -> int:
        """A port of 127.0.0.1 at this end of the line that leads to `port` at the other."""
        begun = asyncio.run_coroutine_threadsafe(self._listen(port), self._loop)
        return begun.result()

    def close(self) -> None:
        """Cut it."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _listen(self, port: int) -> int:
        async def accepted(near: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
            await asyncio.sleep(self.round_trip)
            far, into = await asyncio.open_connection("127.0.0.1", port)
            up = Connection(self, into)
            both = (up.carry(near), self._down(far, out))
            with contextlib.suppress(OSError):
                await asyncio.gather(*both)
            into.close()
            out.close()

        server = await asyncio.start_server(accepted, "127.0.0.1", 0, limit=AT_ONCE)
        return int(server.sockets[0].getsockname()[1])

    async def _down(self, far: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while data := await far.read(AT_ONCE):
            loop.call_later(self.round_trip / 2, out.write, data)
        loop.call_later(self.round_trip / 2, out.close)

    def departs(self, size: int) -> float:
        """Queue `size` bytes; when the last of them has left."""
        now = asyncio.get_running_loop().time()
        self.free_at = max(now, self.free_at) + size / self.rate
        return self.free_at

    @property
    def overflows(self) -> bool:
        """Whether the queue is longer than the router can hold."""
        return self.free_at - asyncio.get_running_loop().time() > self.round_trip


@dataclass(slots=True)
class Connection:
    """The upstream half of one TCP connection: its congestion window and what is in flight."""

    line: Line
    into: asyncio.StreamWriter
    window: float = FIRST_WINDOW
    in_flight: int = 0
    slow_start: bool = True
    _lost_at: float = 0
    _last: float = 0
    _acknowledged: asyncio.Event = field(default_factory=asyncio.Event)

    async def carry(self, near: asyncio.StreamReader) -> None:
        """Pass on everything from `near`, as fast as the window allows."""
        loop = asyncio.get_running_loop()
        while data := await near.read(AT_ONCE):
            if not self.in_flight and loop.time() - self._last > 3 * self.line.round_trip:
                self.window, self.slow_start = min(self.window, FIRST_WINDOW), True
            while self.in_flight and self.in_flight + len(data) > self.window:
                self._acknowledged.clear()
                await self._acknowledged.wait()
            self._send(data, loop)
        self.into.close()

    def _send(self, data: bytes, loop: asyncio.AbstractEventLoop) -> None:
        self._last = loop.time()
        self.in_flight += len(data)
        if self.line.overflows and self._last - self._lost_at > 2 * self.line.round_trip:
            self.window, self.slow_start = self.window * KEPT_AFTER_LOSS, False
            self._lost_at = self._last
        there = self.line.departs(len(data)) + self.line.round_trip / 2
        loop.call_at(there, self.into.write, data)
        loop.call_at(there + self.line.round_trip / 2, self._acknowledge, len(data))

    def _acknowledge(self, size: int) -> None:
        self.in_flight -= size
        growth = size if self.slow_start else SEGMENT * size / self.window
        self.window = min(LARGEST_WINDOW, self.window + growth)
        self._acknowledged.set()
