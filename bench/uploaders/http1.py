"""The smallest HTTP/1.1 server that outruns Chromium: a thread per connection, bodies thrown away.

Linux can drop received bytes without copying them (MSG_TRUNC), so that what is measured is the
browser. Must not know what is asked of it: that is the handler's business.
"""

import contextlib
import gzip
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import parse_qsl, urlsplit

MIB = 1024 * 1024
AT_ONCE = MIB
PACKED_FROM = 1024  # bytes of an answer of the API, as in `.chalice/config.json`
SEGMENT = 1448  # Ethernet's; loopback's 64 KiB make the sender's kernel take megabytes at once
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "*",
    "Access-Control-Allow-Headers": "*, Authorization",
    "Access-Control-Expose-Headers": "ETag, Location, Retry-After, x-amz-checksum-crc64nvme",
}


class Gone(Exception):
    """The other side has closed the connection, or we have."""


@dataclass(slots=True)
class Exchange:
    """One request and the ways to answer it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    connection: socket.socket
    _early: int
    _body: bytes
    read: int = 0
    """Bytes of the body that have come in."""

    @property
    def length(self) -> int:
        """The size of the body."""
        return int(self.headers.get("content-length", "0"))

    def json(self) -> dict[str, object]:
        """The whole body, as JSON."""
        body = self._body[: self.length]
        while len(body) < self.length:
            body += _received(self.connection, self.length - len(body))
        self.read = self.length
        return dict(json.loads(body)) if body else {}

    def discard(self, until: int, *, rate: float | None, told: Callable[[int], None]) -> None:
        """Throw the body away up to byte `until`, at most `rate` bytes a second."""
        started = time.monotonic()
        self._discarded(min(self._early, until), told)
        space = memoryview(bytearray(AT_ONCE))
        step = AT_ONCE if rate is None else 64 * 1024
        while self.read < until:
            wanted = min(step, until - self.read)
            count = self.connection.recv_into(space, wanted, socket.MSG_TRUNC)
            if count == 0:
                raise Gone
            self._discarded(count, told)
            if rate:
                time.sleep(max(0, started + self.read / rate - time.monotonic()))

    def _discarded(self, count: int, told: Callable[[int], None]) -> None:
        self.read += count
        told(count)

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] = {}) -> None:
        """Send the answer; the connection stays open."""
        lines = {**CORS, "Content-Length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.connection.sendall(f"HTTP/1.1 {status} -\r\n{head}\r\n".encode() + body)

    def answer_json(self, status: int, value: object) -> None:
        """Send a JSON answer, packed where that is worth it, as API Gateway does."""
        body, headers = json.dumps(value).encode(), {"Content-Type": "application/json"}
        if len(body) >= PACKED_FROM and "gzip" in self.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        self.answer(status, body, headers)

    def stall(self) -> NoReturn:
        """Read no more, until the other side gives up."""
        watch = select.poll()
        watch.register(self.connection, select.POLLRDHUP)
        watch.poll()
        raise Gone

    def reset(self) -> NoReturn:
        """Drop the connection with a TCP reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone


@dataclass(slots=True)
class Server:
    """Answers on 127.0.0.1 until closed; `receive_buffer` bounds what the kernel takes early."""

    handler: Callable[[Exchange], None]
    receive_buffer: int | None = None
    _listener: socket.socket = field(default_factory=socket.socket)

    def __post_init__(self) -> None:
        if self.receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
            self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Stop listening; connections end with whoever opened them."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while (exchange := _next(connection)) is not None:
                self.handler(exchange)
        except (Gone, OSError):
            pass
        finally:
            connection.close()


def _next(connection: socket.socket) -> Exchange | None:
    """The next request's head; None when there is none."""
    seen = b""
    while (end := seen.find(b"\r\n\r\n")) < 0:
        more = connection.recv(16 * 1024)
        if not more:
            return None
        seen += more
    first, *lines = seen[:end].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    url = urlsplit(target)
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    body = seen[end + 4 :]
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    return Exchange(method, url.path, query, headers, connection, len(body), body)


def _received(connection: socket.socket, most: int) -> bytes:
    data = connection.recv(most)
    if not data:
        raise Gone
    return data
