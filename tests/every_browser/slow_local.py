"""`python -m local` with a TCP proxy before S3 that a test can block, the same for all browsers.

While the file BLOCKED is in the data folder, no PUT of part 3 passes. The file PARTS has a line for
each PUT of a part that started. The proxy knows only the first line of a PUT from HTTP.
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

BLOCKED, PARTS = "blocked", "parts"
BLOCKED_PART = "3"
# A request always starts a piece: a browser sends the next request after the last response.
PUT_OF_PART = re.compile(rb"PUT [^ ]*[?&]partNumber=(\d+)&")
PIECE_SIZE = 64 * 1024  # bytes
# Bytes that the proxy buffers. With the buffer of the browser's socket this is less than a part, so
# that a blocked part is never complete when its page is left.
BUFFER_SIZE = 256 * 1024


class SlowSystem(System):
    async def _start_aws(self) -> None:
        (behind,) = free_ports(1, apart_from=astuple(self.ports))
        command = seaweedfs.command
        seaweedfs.command = lambda folder, **options: command(folder, **options | {"port": behind})

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer), contextlib.suppress(OSError):
                from_s3, to_s3 = await asyncio.open_connection(HOST, behind)
                directions = [self._upstream(reader, to_s3), self._downstream(from_s3, writer)]
                tasks = [asyncio.create_task(direction) for direction in directions]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                to_s3.close()

        listening = socket.create_server((HOST, self.ports.s3))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_SIZE)
        server = await asyncio.start_server(carry, sock=listening)
        self._running.callback(server.close)
        await super()._start_aws()

    async def _upstream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE_SIZE):
            if match := PUT_OF_PART.match(piece):
                await self._count_and_wait(match[1].decode())
            writer.write(piece)
            await writer.drain()

    async def _count_and_wait(self, part: str) -> None:
        with (self.home.path / PARTS).open("a") as parts:
            parts.write(f"{part}\n")
        while part == BLOCKED_PART and (self.home.path / BLOCKED).exists():
            await asyncio.sleep(0.05)

    async def _downstream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE_SIZE):
            writer.write(piece)
            await writer.drain()


if __name__ == "__main__":
    __main__.System = SlowSystem  # type: ignore[attr-defined]
    sys.exit(__main__.main())
