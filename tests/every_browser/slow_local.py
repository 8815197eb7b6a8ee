"""`python -m local` whose S3 is reached by a line that a test can hold, the same for all browsers.

While there is the file HELD in the data folder, no PUT of part 3 gets through. The file PARTS has a
line for each PUT of a part that was begun. The line knows TCP, and of HTTP only how a PUT begins.
"""

import asyncio
import contextlib
import re
import socket
import sys
from dataclasses import astuple

from local import __main__
from local.aws import seaweedfs
from local.home import HOST, free_ports
from local.system import System

HELD, PARTS = "held", "parts"
HELD_PART = "3"
# A head begins a piece: a browser sends the next request of a connection after the last answer.
PUT_OF_PART = re.compile(rb"PUT [^ ]*[?&]partNumber=(\d+)&")
PIECE_SIZE = 64 * 1024  # bytes
# Bytes that wait here; with those that wait in the browser's socket it is less than a part, so that
# a part that was held is never whole when its browser leaves.
WAITING = 256 * 1024


class SlowSystem(System):
    async def _start_aws(self) -> None:
        (behind,) = free_ports(1, apart_from=astuple(self.ports))
        made = seaweedfs.command
        seaweedfs.command = lambda folder, **told: made(folder, **told | {"port": behind})

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer), contextlib.suppress(OSError):
                from_s3, to_s3 = await asyncio.open_connection(HOST, behind)
                ways = [self._up(reader, to_s3), self._pass_on(from_s3, writer)]
                tasks = [asyncio.create_task(way) for way in ways]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                to_s3.close()

        listening = socket.create_server((HOST, self.ports.s3))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WAITING)
        server = await asyncio.start_server(carry, sock=listening)
        self._running.callback(server.close)
        await super()._start_aws()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE_SIZE):
            if found := PUT_OF_PART.match(piece):
                await self._meet(found[1].decode())
            writer.write(piece)
            await writer.drain()

    async def _meet(self, part: str) -> None:
        with (self.home.path / PARTS).open("a") as parts:
            parts.write(f"{part}\n")
        while part == HELD_PART and (self.home.path / HELD).exists():
            await asyncio.sleep(0.05)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE_SIZE):
            writer.write(piece)
            await writer.drain()


if __name__ == "__main__":
    __main__.System = SlowSystem
    sys.exit(__main__.main())
