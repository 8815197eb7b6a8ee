"""SigV4 presigned URLs, forms, and sheets: many signatures over one URL.

`generate_presigned_url` takes hundreds of microseconds a URL. Here the signing key is derived once
a day and region. The beginnings that all parts share, of the canonical request and of the string to
sign, are hashed once and copied. So one more part costs two short hashes.
A URL allows exactly its number of bytes, because `content-length` is signed. That of a whole file
works once. Pure; tests compare every signature with botocore's.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, Literal, Protocol
from urllib.parse import quote, urlsplit

from chalicelib.parts import PartPlan

ALGORITHM = "AWS4-HMAC-SHA256"
CHECKSUM_HEADER = "x-amz-checksum-crc64nvme"
ONCE_HEADER = "if-none-match"
_UNSIGNED = "UNSIGNED-PAYLOAD"
_SERVICE = "s3/aws4_request"  # the last two parts of every scope

# In an upload with more parts, each part is signed for one host only. Twice the signatures would
# delay the create, and only the last few parts would use them.
ANY_HOST_PARTS = 1_000

Method = Literal["GET", "PUT"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key and, for temporary credentials, its session token.

    `expires_at` is when temporary credentials expire, where that is known; URLs expire with them.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """Signatures of the parts from `first` on, over the URLs of the hosts in turn.

    Part n's URL is `urls[(n - 1) % len(urls)] + "&partNumber=" + n + "&X-Amz-Signature=" +
    signatures[n - first]`; a single PUT has no part number. In an upload of up to `ANY_HOST_PARTS`
    any part may be sent to any host: `other_signatures[k - 1]` are for
    `urls[(n - 1 + k) % len(urls)]`. Each PUT needs exactly these `headers`.
    """

    urls: tuple[str, ...]
    first: int
    signatures: tuple[str, ...]
    other_signatures: tuple[tuple[str, ...], ...]
    expires_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The sheet as JSON."""
        return {
            "urls": list(self.urls),
            "first": self.first,
            "signatures": list(self.signatures),
            "other_signatures": [list(signatures) for signatures in self.other_signatures],
            "headers": dict(self.headers),
            "expires_at": _in_seconds(self.expires_at),
        }


@dataclass(frozen=True, slots=True)
class Form:
    """A form that a whole file is sent in: POST, multipart/form-data, to the bucket's own `url`.

    All `fields` come first, unchanged, and the file last, in a part called `file`. A browser sends
    no preflight for it.
    """

    url: str
    fields: Mapping[str, str]
    expires_at: datetime

    def document(self) -> dict[str, Any]:
        """The form as JSON."""
        expires_at = _in_seconds(self.expires_at)
        return {"url": self.url, "fields": dict(self.fields), "expires_at": expires_at}


AnySheet = Sheet | Form


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one region at one moment; URLs live `lifetime` seconds from `now` (aware)."""

    credentials: Credentials
    region: str
    now: datetime
    lifetime: int

    def presigned_url(self, method: Method, url: str, *, parameters: Mapping[str, str]) -> str:
        """One presigned URL of an object; `host` is the only signed header."""
        host, path = _host_and_path(url)
        query = self._query("host", parameters)
        text = f"{method}\n{path}\n{query}\nhost:{host}\n\nhost\n{_UNSIGNED}"
        return f"{url}?{query}&X-Amz-Signature={self._signature(sha256(text.encode()))}"

    def put_sheet(self, url: str, *, size: int, checksum: str | None) -> Sheet:
        """A sheet of one PUT of exactly `size` bytes.

        It works once: S3 refuses to replace an object. With a `checksum` (CRC64NVME in base64) the
        client must send it too, and S3 compares.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        host, path = _host_and_path(url)
        headers = {ONCE_HEADER: "*"}
        if checksum is not None:
            headers[CHECKSUM_HEADER] = checksum
        signed = {"content-length": str(size), "host": host, **headers}
        names = ";".join(signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        query = self._query(names, {})
        text = f"PUT\n{path}\n{query}\n{lines}\n{names}\n{_UNSIGNED}"
        signature = self._signature(sha256(text.encode()))
        return Sheet((f"{url}?{query}",), 1, (signature,), (), self.expires_at, headers)

    def form(
        self, bucket_url: str, *, bucket: str, key: str, size: int, content_type: str, checksum: str
    ) -> Form:
        """A form that takes exactly `size` bytes with a CRC64NVME (base64), for one key.

        S3 refuses fields that the policy does not name, except `x-ignore-…`. A form has no field
        for `If-None-Match`, so until it expires it can replace the object by another one with the
        same checksum. Each such object makes an event.
        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
        """
        fields = {
            "key": key,
            "Content-Type": _form_type(content_type),
            "x-amz-checksum-algorithm": "CRC64NVME",
            CHECKSUM_HEADER: checksum,
            "x-amz-algorithm": ALGORITHM,
            "x-amz-credential": f"{self.credentials.access_key_id}/{self._scope()}",
            "x-amz-date": self._timestamp(),
        }
        if self.credentials.session_token:
            fields["x-amz-security-token"] = self.credentials.session_token
        conditions = [
            {"bucket": bucket},
            ["content-length-range", size, size],
            *({name: value} for name, value in fields.items()),
        ]
        ends = _in_seconds(self.expires_at)
        document = json.dumps({"expiration": ends, "conditions": conditions})
        policy = base64.b64encode(document.encode()).decode()
        signature = hmac.new(self._signing_key(), policy.encode(), "sha256").hexdigest()
        signed = {**fields, "policy": policy, "x-amz-signature": signature}
        return Form(bucket_url, signed, self.expires_at)

    def part_sheet(
        self, urls: Sequence[str], *, multipart_id: str, plan: PartPlan, first: int, count: int
    ) -> Sheet:
        """A sheet of `count` parts from `first`; `urls` are the object's, one for each host.

        Part n is signed for its own length and for host (n - 1) modulo the number of hosts; up to
        `ANY_HOST_PARTS` parts, for every other host as well. Raises ValueError when the plan does
        not have all those parts.
        """
        if first < 1 or count < 1 or first + count - 1 > plan.part_count:
            raise ValueError(f"parts {first} to {first + count - 1} of 1 to {plan.part_count}")
        hosts = [_host_and_path(url)[0] for url in urls]
        ends = [f"{host}\n\ncontent-length;host\n{_UNSIGNED}".encode() for host in hosts]
        query = self._query("content-length;host", {})
        upload_id = f"uploadId={_encoded(multipart_id)}"
        shared = sha256(f"PUT\n{_host_and_path(urls[0])[1]}\n{query}&partNumber=".encode())
        preamble = self._preamble()
        turns = len(urls) if plan.part_count <= ANY_HOST_PARTS else 1
        rows: list[list[str]] = [[] for _ in range(turns)]
        for number in range(first, first + count):
            part = shared.copy()
            length = plan.length(number)
            part.update(f"{number}&{upload_id}\ncontent-length:{length}\nhost:".encode())
            for turn, row in enumerate(rows, start=number - 1):
                request = part.copy()
                request.update(ends[turn % len(ends)])
                signature = preamble.copy()
                signature.update(request.hexdigest().encode())
                row.append(signature.hexdigest())
        signatures, *others = map(tuple, rows)
        signed_urls = tuple(f"{url}?{query}&{upload_id}" for url in urls)
        return Sheet(signed_urls, first, signatures, tuple(others), self.expires_at)

    @property
    def expires_at(self) -> datetime:
        """When its URLs expire: after their lifetime, or earlier with the credentials."""
        ends = self.now + timedelta(seconds=self.lifetime)
        return min(ends, self.credentials.expires_at or ends)

    def _query(self, signed_headers: str, parameters: Mapping[str, str]) -> str:
        """The canonical query string; S3's own `X-Amz-…` sort before all other parameters."""
        query = {
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self.credentials.access_key_id}/{self._scope()}",
            "X-Amz-Date": self._timestamp(),
            "X-Amz-Expires": str(self.lifetime),
            "X-Amz-SignedHeaders": signed_headers,
            **parameters,
        }
        if self.credentials.session_token:
            query["X-Amz-Security-Token"] = self.credentials.session_token
        return "&".join(f"{_encoded(k)}={_encoded(v)}" for k, v in sorted(query.items()))

    def _signature(self, request: "_Hash") -> str:
        signature = self._preamble()
        signature.update(request.hexdigest().encode())
        return signature.hexdigest()

    def _preamble(self) -> hmac.HMAC:
        """The signature of the text before the canonical request's hash; callers copy it."""
        text = f"{ALGORITHM}\n{self._timestamp()}\n{self._scope()}\n"
        return hmac.new(self._signing_key(), text.encode(), "sha256")

    def _signing_key(self) -> bytes:
        day = f"{self.now:%Y%m%d}"
        return _signing_key(self.credentials.secret_access_key, day, self.region)

    def _scope(self) -> str:
        return f"{self.now:%Y%m%d}/{self.region}/{_SERVICE}"

    def _timestamp(self) -> str:
        return f"{self.now:%Y%m%dT%H%M%SZ}"


class _Hash(Protocol):
    def hexdigest(self) -> str: ...


@lru_cache(maxsize=4)
def _signing_key(secret_access_key: str, day: str, region: str) -> bytes:
    signing_key = b"AWS4" + secret_access_key.encode()
    for step in (day, region, *_SERVICE.split("/")):
        signing_key = hmac.digest(signing_key, step.encode(), "sha256")
    return signing_key


def object_url(bucket_url: str, key: str) -> str:
    """The URL of an object in a bucket, encoded as S3 canonicalises it."""
    return f"{bucket_url}/{quote(key, safe='/~')}"


def origin(bucket_url: str) -> str:
    """Scheme and host name, as a browser connects to it."""
    pieces = urlsplit(bucket_url)
    return f"{pieces.scheme}://{pieces.netloc}"


def _in_seconds(moment: datetime) -> str:
    """ISO 8601 in UTC, in whole seconds, as policies have it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _form_type(content_type: str) -> str:
    """The type that a form declares; S3's default type where a policy cannot express it.

    In a policy `$` starts the name of a field, and S3 strips blanks around a value.
    """
    is_plain = "$" not in content_type and content_type == content_type.strip()
    return content_type if is_plain else "binary/octet-stream"


def _host_and_path(url: str) -> tuple[str, str]:
    pieces = urlsplit(url)
    return pieces.netloc, pieces.path


def _encoded(text: str) -> str:
    return quote(text, safe="~")
