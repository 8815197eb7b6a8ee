"""The API of `docs/openapi.yaml`, as far as an upload needs it.

Must not know about HTTP, delays or faults.
"""

import itertools
import time
from dataclasses import dataclass
from typing import Any

from bench.uploaders.uploads import EXPIRES_AT, HOSTS, Upload, Uploads, signed_form
from chalicelib.parts import MIB, plan
from chalicelib.uploads import WAIT_STEP

PART_SIZE = 16 * MIB
PUT_MAX_SIZE = 16 * MIB
SESSION_TOKEN = "IQoJb3JpZ2luX2Vj" * 60
"""A Lambda function signs with its role's credentials: their token is in every signature."""

Answer = tuple[int, Any]


class Refused(Exception):
    """A request that gets a problem as its answer."""

    def __init__(self, status: int, code: str, **members: Any) -> None:
        self.status = status
        self.problem = {"status": status, "code": code, **members}


@dataclass(slots=True)
class OurApi:
    """Answers requests about the uploads."""

    uploads: Uploads

    def answer(self, method: str, path: list[str], body: dict[str, Any]) -> Answer:
        """Answer a request; `path` begins after the first word."""
        try:
            return self._answer(method, path, body)
        except Refused as refused:
            return refused.status, refused.problem

    def _answer(self, method: str, path: list[str], body: dict[str, Any]) -> Answer:
        match method, *path:
            case "GET", "limits":
                origins = self.uploads.origins
                return 200, {"origins": origins, "put_max_size": PUT_MAX_SIZE}
            case "GET", "uploads":
                return 200, {"uploads": [], "cursor": None}
            case "POST", "uploads":
                return 201, self._create(body, host=0, default="put")
            case "POST", "uploads", "batch":
                return 200, {"uploads": self._create_batch(**body)}
            case "POST", "uploads", "complete":
                return 200, {"uploads": [self._complete_by_id(each) for each in body["ids"]]}
            case _:
                return self._of_upload(method, path[1:], body)

    def _of_upload(self, method: str, path: list[str], body: dict[str, Any]) -> Answer:
        upload = self._upload(path[0])
        match method, *path[1:]:
            case "POST", "sheet":
                strategy = body.get("strategy", "put")
                return 200, self._sheet(upload, strategy, first=int(body.get("first", 1)))
            case "GET", "parts":
                sizes = sorted(upload.parts.items())
                parts = [{"number": n, "size": s, "etag": f'"{n}"'} for n, s in sizes]
                return 200, {**_shape(upload), "parts": parts}
            case "POST", "complete":
                return 200, _completed(upload, wait=int(body.get("wait", 0)))
            case ("DELETE",):
                upload.state = "aborted"
                return 204, None
            case _:
                return 200, _described(upload)

    def _upload(self, upload_id: str) -> Upload:
        if upload_id not in self.uploads.by_id:
            raise Refused(404, "upload_not_found")
        return self.uploads.by_id[upload_id]

    def _create_batch(
        self, uploads: list[dict[str, Any]], idempotency_key: str | None = None
    ) -> list[dict[str, Any]]:
        """The answer for each member; whole files use the host names in turn.

        A member without an idempotency key of its own gets one from the batch's.
        """
        answers: list[dict[str, Any]] = []
        turns = itertools.count()
        for index, each in enumerate(uploads):
            inherited = {"idempotency_key": f"{idempotency_key}-{index}"} if idempotency_key else {}
            member = {**inherited, **each}
            host = next(turns) % len(HOSTS) if member["size"] <= PUT_MAX_SIZE else 0
            default = "post" if "crc64nvme" in member else "put"
            try:
                answers.append({"upload": self._create(member, host=host, default=default)})
            except Refused as refused:
                answers.append({"problem": refused.problem})
        return answers

    def _create(self, member: dict[str, Any], *, host: int, default: str) -> dict[str, Any]:
        strategy = member.get("strategy", default)
        if strategy == "post" and "crc64nvme" not in member:
            raise Refused(400, "invalid_request", detail="A form needs a checksum")
        upload = self._new_upload(member)
        return {
            "id": upload.id,
            "key": upload.key,
            "state": upload.state,
            "strategy": strategy if upload.plan.strategy == "put" else "multipart",
            **_shape(upload),
            "sheet": self._sheet(upload, strategy, host=host),
        }

    def _new_upload(self, member: dict[str, Any]) -> Upload:
        """A new upload, or the one created with the member's idempotency key."""
        key = member.get("idempotency_key")
        existing = self.uploads.by_idempotency_key.get(key) if key else None
        if existing and existing.state != "uploading":
            raise Refused(409, "wrong_state", state=existing.state, id=existing.id)
        if existing:
            return existing
        file = self.uploads.file(member["filename"])
        planned = plan(file.size, put_max_size=PUT_MAX_SIZE, part_size=PART_SIZE)
        upload = self.uploads.begin(file, planned)
        if key:
            self.uploads.by_idempotency_key[key] = upload
        return upload

    def _complete_by_id(self, upload_id: str) -> dict[str, Any]:
        try:
            return {"upload": _completed(self._upload(upload_id), wait=0)}
        except Refused as refused:
            return {"problem": refused.problem}

    def _sheet(
        self, upload: Upload, strategy: str, *, first: int = 1, host: int = 0
    ) -> dict[str, Any]:
        if upload.plan.strategy == "multipart":
            return self._part_sheet(upload, first)
        return self._form(upload, host) if strategy == "post" else self._put_sheet(upload, host)

    def _part_sheet(self, upload: Upload, first: int) -> dict[str, Any]:
        signatures = ["0" * 64] * (upload.plan.part_count + 1 - first)
        return {
            "urls": [self.uploads.parts_url(host, upload) for host in range(len(HOSTS))],
            "first": first,
            "signatures": signatures,
            "other_signatures": [signatures] * (len(HOSTS) - 1),
            "expires_at": EXPIRES_AT,
            "headers": {},
        }

    def _put_sheet(self, upload: Upload, host: int) -> dict[str, Any]:
        checksum = {"x-amz-checksum-crc64nvme": upload.file.crc64nvme}
        return {
            "urls": [self.uploads.object_url(host, upload)],
            "first": 1,
            "signatures": ["0" * 64],
            "other_signatures": [],
            "expires_at": EXPIRES_AT,
            "headers": {"if-none-match": "*", **checksum},
        }

    def _form(self, upload: Upload, host: int) -> dict[str, Any]:
        fields = {
            "key": upload.key,
            "Content-Type": "application/octet-stream",
            "x-amz-checksum-algorithm": "CRC64NVME",
            "x-amz-checksum-crc64nvme": upload.file.crc64nvme,
            "x-amz-security-token": SESSION_TOKEN,
        }
        return {
            "url": self.uploads.bucket_url(host),
            "fields": signed_form(fields),
            "expires_at": EXPIRES_AT,
        }


def _completed(upload: Upload, *, wait: int) -> dict[str, Any]:
    until = time.monotonic() + wait
    while upload.missing and time.monotonic() < until:
        time.sleep(WAIT_STEP)
    if upload.missing:
        raise Refused(409, "parts_missing", missing=upload.missing)
    if upload.state == "uploading":
        upload.complete()
    return _described(upload)


def _shape(upload: Upload) -> dict[str, int]:
    return {"part_size": upload.plan.part_size, "part_count": upload.plan.part_count}


def _described(upload: Upload) -> dict[str, Any]:
    when = "2026-01-01T00:00:00Z"
    return {
        "id": upload.id,
        "filename": upload.file.name,
        "size": upload.file.size,
        "content_type": None,
        "key": upload.key,
        "state": upload.state,
        "created_at": when,
        "updated_at": when,
    }
