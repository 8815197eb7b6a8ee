"""The files of a bench, and the state of each upload in S3, shared by all dialects of the API."""

import base64
import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from chalicelib.parts import PartPlan

HOSTS = ("127.0.0.1", "localhost")
"""S3's two host names; Companion knows the first."""
EXPIRES_AT = "2099-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class File:
    """A file on disk that a contestant sends; `crc64nvme` as S3 writes it."""

    path: Path
    size: int
    crc64nvme: str

    @property
    def name(self) -> str:
        """The name of the file, in every dialect."""
        return self.path.name


@dataclass(slots=True)
class Upload:
    """One upload: its plan, and the parts that S3 holds."""

    id: str
    file: File
    plan: PartPlan
    parts: dict[int, int] = field(default_factory=dict)
    state: str = "uploading"

    @property
    def key(self) -> str:
        """The key of its object."""
        return f"{self.id}/{self.file.name}"

    @property
    def missing(self) -> list[int]:
        """The numbers of the parts that have not arrived."""
        return [number for number in range(1, self.plan.part_count + 1) if number not in self.parts]

    def complete(self) -> None:
        """Make an object of the parts; missing parts stay missing."""
        self.state = "uploaded" if sum(self.parts.values()) == self.file.size else "truncated"

    def arrive_whole(self, size: int, crc64nvme: str) -> None:
        """Make an object by one request, with the bytes that arrived."""
        self.parts[1] = size
        same = (size, crc64nvme) == (self.file.size, self.file.crc64nvme)
        self.state = "uploaded" if same else "damaged"


@dataclass(slots=True)
class Uploads:
    """All uploads of the files, and the port under which S3 is reached."""

    files: Sequence[File]
    s3_port: int
    by_id: dict[str, Upload] = field(default_factory=dict)
    by_idempotency_key: dict[str, Upload] = field(default_factory=dict)
    _by_name: dict[str, File] = field(default_factory=dict)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self._by_name = {file.name: file for file in self.files}

    def file(self, name: str) -> File:
        """The file with this name."""
        return self._by_name[name]

    def begin(self, file: File, plan: PartPlan) -> Upload:
        """A new upload of a file."""
        upload = Upload(f"upload-{next(self._ids)}", file, plan)
        self.by_id[upload.id] = upload
        return upload

    def of_key(self, key: str) -> Upload | None:
        """The upload whose object has this key."""
        return self.by_id.get(key.partition("/")[0])

    @property
    def stored_names(self) -> list[str]:
        """The names of the files that S3 holds completely, once for each object."""
        return [each.file.name for each in self.by_id.values() if each.state == "uploaded"]

    @property
    def origins(self) -> list[str]:
        """S3's origin, for each of its host names."""
        return [f"http://{host}:{self.s3_port}" for host in HOSTS]

    def bucket_url(self, host: int) -> str:
        """The URL for forms."""
        return f"{self.origins[host]}/bucket"

    def object_url(self, host: int, upload: Upload) -> str:
        """The URL for a whole file."""
        return f"{self.bucket_url(host)}/{quote(upload.key)}?X-Amz-Expires=900"

    def parts_url(self, host: int, upload: Upload) -> str:
        """The URL for the parts."""
        return f"{self.bucket_url(host)}/{quote(upload.key)}?uploadId={upload.id}"


def signed_form(fields: dict[str, str]) -> dict[str, str]:
    """The fields of a form with a policy and a signature, as long as real ones."""
    conditions = [{name: value} for name, value in fields.items()]
    policy = json.dumps({"expiration": EXPIRES_AT, "conditions": conditions}).encode()
    return {
        **fields,
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": "ASIAIOSFODNN7EXAMPLE/20260101/eu-central-1/s3/aws4_request",
        "x-amz-date": "20260101T000000Z",
        "policy": base64.b64encode(policy).decode(),
        "x-amz-signature": hashlib.sha256(policy).hexdigest(),
    }
