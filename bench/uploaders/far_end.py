"""The far end of all contestants: an S3 that counts bytes and discards them, and the API.

Like S3, it rejects a whole file whose bytes differ from its checksum; parts are only counted. The
page has an origin of its own, as in a deployment. S3 and the API have the delays and faults of the
bench. Must not know which uploader is at work, and must not judge it.
"""

import base64
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from awscrt import checksums

from bench.uploaders.companion import companion
from bench.uploaders.faults import Fate, NoFault
from bench.uploaders.http1 import MIB, Exchange, Server
from bench.uploaders.our_api import OurApi
from bench.uploaders.uploads import File, Upload, Uploads

TYPES = {".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm"}
XML = {"Content-Type": "application/xml"}
ERROR = "<Error><Code>{code}</Code><Message>{code}</Message></Error>"


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds before an answer, and bytes a second on one connection."""

    call: float = 0
    preflight: float = 0
    put: float = 0
    rate: float | None = None


EARLY = 2 * MIB
"""The bytes after which a connection is reset early."""
NO_DELAYS = Delays()
NO_FAULT = NoFault()


class Crc64Nvme:
    """The checksum of bytes as they arrive."""

    def __init__(self) -> None:
        self._sum = 0

    def __call__(self, data: memoryview) -> None:
        self._sum = checksums.crc64nvme(data, self._sum)

    @property
    def text(self) -> str:
        """The checksum as S3 writes it: base64 of eight big-endian bytes."""
        return base64.b64encode(self._sum.to_bytes(8, "big")).decode()


class FarEnd:
    """The page, S3 and the API on three ports, for one upload of each file."""

    def __init__(
        self,
        files: Sequence[File],
        page: Path,
        *,
        delays: Delays = NO_DELAYS,
        fault: NoFault = NO_FAULT,
    ) -> None:
        self.files = files
        self.size = sum(file.size for file in files)
        self.received = 0
        """Bytes of all files and parts that arrived."""
        self.failed = 0
        """Bytes of requests that a fault failed."""
        self.calls = 0
        """Requests to the API while files are sent, without preflights."""
        self.preflights: Counter[str] = Counter()
        """Preflights to `api` and to `s3`."""
        self._page = page
        self._delays = delays
        self._fault = fault
        small = 128 * 1024 if delays.rate else None
        self._s3 = Server(self._on_s3, receive_buffer=small)
        self._api = Server(self._on_api)
        self._pages = Server(self._on_page)
        self.uploads = Uploads(files, self._s3.port)
        self._ours = OurApi(self.uploads)

    @property
    def page_url(self) -> str:
        """The URL of the contestants' page."""
        return f"http://127.0.0.1:{self._pages.port}/"

    @property
    def api_url(self) -> str:
        """The URL of the API, in both dialects."""
        return f"http://127.0.0.1:{self._api.port}"

    @property
    def share(self) -> float:
        """The bytes received, in sizes of all files; repeated bytes count again."""
        return self.received / self.size

    @property
    def missing(self) -> set[str]:
        """The names of the files that S3 does not hold completely."""
        return {file.name for file in self.files}.difference(self.uploads.stored_names)

    @property
    def stored_bytes(self) -> int:
        """The bytes of the files that S3 holds. Several uploads of one file count once."""
        counts: Counter[str] = Counter()
        for upload in self.uploads.by_id.values():
            counts |= {upload.file.name: sum(upload.parts.values())}
        return counts.total()

    def sever(self) -> None:
        """Reset every connection, the page's to the API included."""
        self._s3.sever()
        self._api.sever()

    def close(self) -> None:
        """Stop listening."""
        self._s3.close()
        self._api.close()
        self._pages.close()

    def _on_s3(self, exchange: Exchange) -> None:
        if exchange.method == "OPTIONS":
            return self._preflight(exchange, "s3")
        if "partNumber" in exchange.query:
            return self._on_part(exchange)
        if exchange.method == "POST":
            return self._on_form(exchange)
        if exchange.method == "PUT":
            return self._on_put(exchange)
        return exchange.answer(403)  # an unsigned request, sent to open a connection

    def _on_part(self, exchange: Exchange) -> None:
        if self._is_received(exchange, exchange.length):
            number = int(exchange.query["partNumber"])
            self.uploads.by_id[exchange.query["uploadId"]].parts[number] = exchange.length
            exchange.answer(200, headers={"ETag": f'"{number}"'})

    def _on_put(self, exchange: Exchange) -> None:
        checksum = Crc64Nvme()
        key = exchange.path.removeprefix("/bucket/")
        if self._is_received(exchange, exchange.length, checksum):
            declared = exchange.headers.get("x-amz-checksum-crc64nvme")
            upload = self.uploads.of_key(key)
            once = "if-none-match" in exchange.headers
            self._store(exchange, upload, checksum.text, declared=declared, once=once, status=200)

    def _on_form(self, exchange: Exchange) -> None:
        checksum = Crc64Nvme()
        fields, size = exchange.form()
        if self._is_received(exchange, size, checksum):
            declared = fields.get("x-amz-checksum-crc64nvme")
            upload = self.uploads.of_key(fields["key"])
            status = int(fields.get("success_action_status", 204))
            self._store(exchange, upload, checksum.text, declared=declared, status=status)

    def _store(
        self,
        exchange: Exchange,
        upload: Upload | None,
        crc64nvme: str,
        *,
        declared: str | None,
        once: bool = False,
        status: int,
    ) -> None:
        """Store a whole file as an object, or reject it as S3 does."""
        if upload is None:
            return _refuse(exchange, 403, "AccessDenied")
        if once and upload.parts:
            return _refuse(exchange, 412, "PreconditionFailed")
        if declared not in (None, crc64nvme):
            return _refuse(exchange, 400, "BadDigest")
        upload.arrive_whole(exchange.read, crc64nvme)
        return exchange.answer(status, headers={"ETag": '"1"'})

    def _is_received(
        self, exchange: Exchange, size: int, checksum: Callable[[memoryview], None] | None = None
    ) -> bool:
        """Receive a part or a file; False if a fault has answered instead."""
        fate = self._fault.part()
        if fate == "stall":
            exchange.stall()
        half = size // 2
        cut = {"half": half, "early": min(half, EARLY)}.get(str(fate))
        exchange.discard(
            size if cut is None else cut,
            rate=self._delays.rate,
            on_bytes=partial(self._count_bytes, exchange, fate),
            checksum=checksum,
        )
        if cut is not None:
            self._reset(exchange)
        exchange.finish()
        time.sleep(self._delays.put)
        if isinstance(fate, tuple):
            self.failed += exchange.read
            exchange.answer(*fate, XML)
            return False
        return True

    def _count_bytes(self, exchange: Exchange, fate: Fate, count: int) -> None:
        self.received += count
        self._fault.on_share(self.share)
        if fate is None and self._fault.severed():
            self._reset(exchange)

    def _reset(self, exchange: Exchange) -> NoReturn:
        self.failed += exchange.read
        exchange.reset()

    def _preflight(self, exchange: Exchange, server: str) -> None:
        self.preflights[server] += 1
        time.sleep(self._delays.preflight)
        exchange.answer(200, headers={"Access-Control-Max-Age": "600"})

    def _on_api(self, exchange: Exchange) -> None:
        _, first, *rest = exchange.path.split("/")
        if exchange.method == "OPTIONS":
            return self._preflight(exchange, "api")
        if exchange.path == "/":
            return exchange.answer(204)  # Uppy's page opens a connection like this
        body = exchange.json()
        if first == "uploads" and "authorization" not in exchange.headers:
            return exchange.answer_json(401, {"message": "Unauthorized"})
        at_rest = exchange.method == "GET" and exchange.path in ("/limits", "/uploads")
        fate = None if at_rest else self._fate_of_call()
        if fate == "reset":
            exchange.reset()
        if isinstance(fate, tuple):
            return exchange.answer(*fate)
        if first == "s3":
            answer = companion(self.uploads, exchange.method, rest, body, exchange.query)
        else:
            answer = self._ours.answer(exchange.method, [first, *rest], body)
        if fate == "lost":
            exchange.reset()
        return exchange.answer_json(*answer)

    def _fate_of_call(self) -> Fate:
        """Delay an API call; returns its fate."""
        self.calls += 1
        time.sleep(self._delays.call)
        return self._fault.call()

    def _on_page(self, exchange: Exchange) -> None:
        file = self._page / (exchange.path.lstrip("/") or "index.html")
        if not file.is_file():
            return exchange.answer(404)
        kind = TYPES.get(file.suffix, "application/octet-stream")
        return exchange.answer(200, file.read_bytes(), {"Content-Type": kind})


def _refuse(exchange: Exchange, status: int, code: str) -> None:
    exchange.answer(status, ERROR.format(code=code).encode(), XML)
