"""The API's two dialects, as far as an upload needs them: ours, and Uppy Companion's.

And what S3 holds of each upload.

Signatures are dummies: nobody checks them here. Must not know about HTTP, delays or faults.
"""

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from chalicelib.uploads import WAIT_STEP

HOSTS = ("127.0.0.1", "localhost")
"""S3's two names; Companion knows the first."""


@dataclass(slots=True)
class Upload:
    """What S3 holds of one upload, and what it is to become."""

    id: str
    size: int
    part_size: int
    parts: dict[int, int] = field(default_factory=dict)
    state: str = "uploading"

    @property
    def part_count(self) -> int:
        """How many parts make the file."""
        return max(1, -(-self.size // self.part_size))

    @property
    def shape(self) -> dict[str, int]:
        """Part size and count, as our contract names them."""
        return {"part_size": self.part_size, "part_count": self.part_count}

    @property
    def missing(self) -> list[int]:
        """The numbers of the parts that have not arrived."""
        return [number for number in range(1, self.part_count + 1) if number not in self.parts]

    def complete(self) -> None:
        """Make it an object; what is missing stays missing."""
        self.state = "uploaded" if sum(self.parts.values()) == self.size else "truncated"


@dataclass(slots=True)
class Uploads:
    """All uploads of one file of `size` bytes, and the ports under which S3 is reached."""

    size: int
    part_size: int
    s3_port: int
    by_id: dict[str, Upload] = field(default_factory=dict)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def begin(self) -> Upload:
        """A new upload."""
        upload = Upload(f"upload-{next(self._ids)}", self.size, self.part_size)
        self.by_id[upload.id] = upload
        return upload

    @property
    def origins(self) -> list[str]:
        """S3's, by each of its names."""
        return [f"http://{host}:{self.s3_port}" for host in HOSTS]

    def url(self, host: str, upload: Upload) -> str:
        """Where its parts go."""
        return f"http://{host}:{self.s3_port}/bucket/key?uploadId={upload.id}"


def hoist(uploads: Uploads, method: str, path: list[str], body: dict[str, Any]) -> tuple[int, Any]:
    """Answer a request of our contract; `path` begins after /uploads."""
    if not path:
        upload = uploads.begin()
        created = {"id": upload.id, "key": "key", "state": "uploading", "strategy": "multipart"}
        return 201, {**created, **upload.shape, "sheet": _sheet(uploads, upload)}
    upload = uploads.by_id[path[0]]
    match method, *path[1:]:
        case "POST", "sheet":
            return 200, _sheet(uploads, upload, int(body.get("first", 1)))
        case "GET", "parts":
            parts = [{"number": n, "size": s, "etag": f'"{n}"'} for n, s in upload.parts.items()]
            return 200, {**upload.shape, "parts": sorted(parts, key=lambda part: part["number"])}
        case "POST", "complete":
            return _completed(upload, wait=int(body.get("wait", 0)))
        case "DELETE", *_:
            return 204, None
        case _:
            return 200, _described(upload)


def _completed(upload: Upload, *, wait: int) -> tuple[int, Any]:
    until = time.monotonic() + wait
    while upload.missing and time.monotonic() < until:
        time.sleep(WAIT_STEP)
    if upload.missing:
        return 409, {"code": "parts_missing", "missing": upload.missing}
    upload.complete()
    return 200, _described(upload)


def _described(upload: Upload) -> dict[str, Any]:
    when = "2026-01-01T00:00:00Z"
    of_file = {"filename": "file.bin", "size": upload.size, "content_type": None, "key": "key"}
    return {
        "id": upload.id,
        **of_file,
        "state": upload.state,
        "created_at": when,
        "updated_at": when,
    }


def _sheet(uploads: Uploads, upload: Upload, first: int = 1) -> dict[str, Any]:
    signatures = ["0" * 64] * (upload.part_count + 1 - first)
    urls = [uploads.url(host, upload) for host in HOSTS]
    return {
        "urls": urls,
        "first": first,
        "signatures": signatures,
        "other_signatures": [signatures] * (len(HOSTS) - 1),
        "expires_at": "2099-01-01T00:00:00Z",
    }


def companion(
    uploads: Uploads,
    method: str,
    path: list[str],
    body: dict[str, Any],  # noqa: ARG001 - called as `hoist` is
) -> tuple[int, Any]:
    """Answer a request as Companion does; `path` begins after /s3/multipart."""
    if not path:
        return 200, {"key": "key", "uploadId": uploads.begin().id, "bucket": "bucket"}
    upload = uploads.by_id[path[0]]
    match method, *path[1:]:
        case ("GET",):
            return 200, [
                {"PartNumber": n, "ETag": f'"{n}"', "Size": s} for n, s in upload.parts.items()
            ]
        case "GET", number:
            url = f"{uploads.url(HOSTS[0], upload)}&partNumber={number}"
            return 200, {"url": url, "expires": 800}
        case "POST", "complete":
            upload.complete()
            return 200, {
                "location": uploads.url(HOSTS[0], upload),
                "key": "key",
                "bucket": "bucket",
            }
        case _:
            return 200, {}
