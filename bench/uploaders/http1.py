"""A minimal HTTP/1.1 server, faster than Chromium: a thread for each connection, bodies discarded.

Linux can discard received bytes without copying them (MSG_TRUNC), so the browser is the bottleneck.
A body with a checksum is copied first. Must not know the meaning of requests: the handler does.
"""

import contextlib
import gzip
import json
import re
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlsplit

MIB = 1024 * 1024
AT_ONCE = MIB
PACKED_FROM = 1024  # bytes of an API response, as in `.chalice/config.json`
SEGMENT = 1448  # Ethernet's; with loopback's 64 KiB the sender's kernel takes megabytes at once
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "*",
    "Access-Control-Allow-Headers": "*, Authorization",
    "Access-Control-Expose-Headers": "ETag, Location, Retry-After, x-amz-checksum-crc64nvme",
}


FIELD = re.compile(rb'name="([^"]*)"')


class ConnectionClosed(Exception):
    """One side has closed the connection."""


@dataclass(slots=True)
class Exchange:
    """One request, and the ways to answer it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    connection: socket.socket
    _unread: bytes
    """Bytes of the body that arrived with the head."""
    read: int = 0
    """Bytes of the file or the part that have arrived."""
    _behind: int = 0
    """Bytes of the body behind the file."""

    @property
    def length(self) -> int:
        """The size of the body."""
        return int(self.headers.get("content-length", "0"))

    def json(self) -> dict[str, Any]:
        """The whole body, as JSON."""
        while len(self._unread) < self.length:
            self._unread += _receive(self.connection, self.length - len(self._unread))
        return dict(json.loads(self._unread)) if self._unread else {}

    def form(self) -> tuple[dict[str, str], int]:
        """The fields of a form before its file, and the file's size; `discard` reads the file.

        As in S3, everything after the head of the part `file` is the file.
        """
        boundary = self.headers["content-type"].partition("boundary=")[2].encode()
        fields: dict[str, str] = {}
        before = 0
        while True:
            head, _, rest = self._up_to(b"\r\n\r\n")
            before += len(head) + 4
            match = FIELD.search(head)
            self._unread = rest
            if match is None:
                raise ConnectionClosed
            if (name := match[1].decode()) == "file":
                self._behind = len(b"\r\n--" + boundary + b"--\r\n")
                return fields, self.length - before - self._behind
            value, end, self._unread = self._up_to(b"\r\n--" + boundary)
            before += len(value) + len(end)
            fields[name] = value.decode()

    def discard(
        self,
        until: int,
        *,
        rate: float | None,
        on_bytes: Callable[[int], None],
        checksum: Callable[[memoryview], None] | None = None,
    ) -> None:
        """Discard the file or the part up to byte `until`, at most `rate` bytes a second.

        `checksum` gets each piece first.
        """
        started = time.monotonic()
        early = memoryview(self._unread)[:until]
        self._unread = self._unread[until:]
        if checksum:
            checksum(early)
        self._count(len(early), on_bytes)
        space = memoryview(bytearray(min(AT_ONCE, until)))
        step = AT_ONCE if rate is None else 64 * 1024
        while self.read < until:
            size = min(step, until - self.read)
            count = self.connection.recv_into(space, size, 0 if checksum else socket.MSG_TRUNC)
            if count == 0:
                raise ConnectionClosed
            if checksum:
                checksum(space[:count])
            self._count(count, on_bytes)
            if rate:
                time.sleep(max(0, started + self.read / rate - time.monotonic()))

    def finish(self) -> None:
        """Read the rest of a form behind its file."""
        remaining = self._behind - len(self._unread)
        while remaining > 0:
            remaining -= len(_receive(self.connection, remaining))

    def _up_to(self, mark: bytes) -> tuple[bytes, bytes, bytes]:
        while mark not in self._unread:
            self._unread += _receive(self.connection, 16 * 1024)
        return self._unread.partition(mark)

    def _count(self, count: int, on_bytes: Callable[[int], None]) -> None:
        self.read += count
        on_bytes(count)

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] = {}) -> None:
        """Send the response; the connection stays open."""
        lines = {**CORS, "Content-Length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.connection.sendall(f"HTTP/1.1 {status} -\r\n{head}\r\n".encode() + body)

    def answer_json(self, status: int, value: object) -> None:
        """Send a JSON response, compressed above a size, as API Gateway does."""
        body, headers = json.dumps(value).encode(), {"Content-Type": "application/json"}
        if len(body) >= PACKED_FROM and "gzip" in self.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        self.answer(status, body, headers)

    def stall(self) -> NoReturn:
        """Stop reading, until the other side closes the connection."""
        watch = select.poll()
        watch.register(self.connection, select.POLLRDHUP)
        watch.poll()
        raise ConnectionClosed

    def reset(self) -> NoReturn:
        """Drop the connection with a TCP reset."""
        _reset_when_closed(self.connection)
        raise ConnectionClosed


@dataclass(slots=True)
class Server:
    """Serves on 127.0.0.1 until closed; `receive_buffer` bounds the kernel's buffer."""

    handler: Callable[[Exchange], None]
    receive_buffer: int | None = None
    _listener: socket.socket = field(default_factory=socket.socket)

    _open: set[socket.socket] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
            self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Stop listening; open connections end when the client closes them."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def sever(self) -> None:
        """Reset every connection."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):  # it has already ended
                _reset_when_closed(connection)
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            while (exchange := _next(connection)) is not None:
                self.handler(exchange)
        except (ConnectionClosed, OSError):
            pass
        finally:
            self._open.discard(connection)
            connection.close()


def _next(connection: socket.socket) -> Exchange | None:
    """The head of the next request; None at the end of the connection."""
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        more = connection.recv(16 * 1024)
        if not more:
            return None
        received += more
    first, *lines = received[:end].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    url = urlsplit(target)
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    body = received[end + 4 :]
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    return Exchange(method, url.path, query, headers, connection, body)


def _reset_when_closed(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _receive(connection: socket.socket, most: int) -> bytes:
    data = connection.recv(most)
    if not data:
        raise ConnectionClosed
    return data
