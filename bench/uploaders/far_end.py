"""The far end of all contestants: an S3 that counts parts and keeps no byte, and the API before it.

Both have the delays and the faults of the bench. Must not know which uploader is at work, nor judge
it: it counts.
"""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from bench.uploaders.dialects import Uploads, companion, hoist
from bench.uploaders.faults import Fate, NoFault
from bench.uploaders.http1 import MIB, Exchange, Server
from chalicelib.parts import plan

TYPES = {".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm"}


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds before an answer, and bytes a second on one connection."""

    call: float = 0
    preflight: float = 0
    put: float = 0
    rate: float | None = None


EARLY = 2 * MIB
"""Where a connection is reset early."""
NO_DELAYS = Delays()
NO_FAULT = NoFault()


class FarEnd:
    """S3 and the API on two ports, for one file of `size` bytes."""

    def __init__(
        self,
        size: int,
        page: Path,
        *,
        delays: Delays = NO_DELAYS,
        fault: NoFault = NO_FAULT,
    ) -> None:
        self.size = size
        self.received = 0
        """Bytes of all parts that came in."""
        self.failed = 0
        """Those of parts we failed ourselves."""
        self.calls = 0
        """Requests to the API, preflights apart."""
        self._page = page
        self._delays = delays
        self._fault = fault
        small = 128 * 1024 if delays.rate else None
        self._s3 = Server(self._on_s3, receive_buffer=small)
        self._api = Server(self._on_api)
        planned = plan(size, put_max_size=0, part_size=16 * MIB)
        self.uploads = Uploads(size, planned.part_size, self._s3.port)

    @property
    def page_url(self) -> str:
        """The page of the contestants."""
        return f"http://127.0.0.1:{self._api.port}/"

    @property
    def api_url(self) -> str:
        """The API, in both dialects."""
        return f"http://127.0.0.1:{self._api.port}"

    @property
    def whole(self) -> bool:
        """Whether an upload was completed that is the file to the byte."""
        return any(upload.state == "uploaded" for upload in self.uploads.by_id.values())

    def close(self) -> None:
        """Stop listening."""
        self._s3.close()
        self._api.close()

    def _on_s3(self, exchange: Exchange) -> None:
        if exchange.method == "OPTIONS":
            return self._preflight(exchange)
        if exchange.method != "PUT":
            return exchange.answer(403)  # unsigned: it was to open a connection
        fate = self._fault.part()
        if fate == "stall":
            exchange.stall()
        half = exchange.length // 2
        cut = {"half": half, "early": min(half, EARLY)}.get(str(fate))
        until = exchange.length if cut is None else cut
        exchange.discard(until, rate=self._delays.rate, told=partial(self._told, exchange, fate))
        if cut is not None:
            self._reset(exchange)
        time.sleep(self._delays.put)
        if isinstance(fate, tuple):
            self.failed += exchange.read
            return exchange.answer(*fate, {"Content-Type": "application/xml"})
        number = int(exchange.query["partNumber"])
        self.uploads.by_id[exchange.query["uploadId"]].parts[number] = exchange.length
        return exchange.answer(200, headers={"ETag": f'"{number}"'})

    def _told(self, exchange: Exchange, fate: Fate, count: int) -> None:
        self.received += count
        self._fault.told(self.received / self.size)
        if fate is None and self._fault.severed():
            self._reset(exchange)

    def _reset(self, exchange: Exchange) -> NoReturn:
        self.failed += exchange.read
        exchange.reset()

    def _preflight(self, exchange: Exchange) -> None:
        time.sleep(self._delays.preflight)
        exchange.answer(200, headers={"Access-Control-Max-Age": "600"})

    def _on_api(self, exchange: Exchange) -> None:
        _, first, *path = exchange.path.split("/")
        if first not in ("limits", "uploads", "s3"):
            return self._static(exchange)
        if exchange.method == "OPTIONS":
            return self._preflight(exchange)
        if exchange.method == "GET" and exchange.path == "/uploads":
            return exchange.answer_json(200, {"uploads": [], "cursor": None})
        if exchange.path == "/limits":
            return exchange.answer_json(200, {"origins": self.uploads.origins})
        self.calls += 1
        body = exchange.json()
        time.sleep(self._delays.call)
        fate = self._fault.call()
        if fate == "reset":
            exchange.reset()
        if isinstance(fate, tuple):
            return exchange.answer(*fate)
        answer = partial(companion, path=path[1:]) if first == "s3" else partial(hoist, path=path)
        return exchange.answer_json(*answer(self.uploads, exchange.method, body=body))

    def _static(self, exchange: Exchange) -> None:
        file = self._page / (exchange.path.lstrip("/") or "index.html")
        if not file.is_file():
            return exchange.answer(404)
        kind = TYPES.get(file.suffix, "application/octet-stream")
        return exchange.answer(200, file.read_bytes(), {"Content-Type": kind})
