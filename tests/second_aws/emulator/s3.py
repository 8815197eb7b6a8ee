"""S3: the condition keys of signature version 4, and checksums of a full object and of a form.

https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import contextvars
import datetime as dt
import re
from typing import Any

from awscrt import checksums
from ministack.core import iam_evaluator
from ministack.services import s3

from emulator.bridging import replace
from emulator.lambda_ import may_invoke

ALGORITHM = "AWS4-HMAC-SHA256"
# Headers that are condition keys as well, but not in MiniStack.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
HEADERS = (
    "x-amz-copy-source",
    "x-amz-storage-class",
    "x-amz-server-side-encryption-customer-algorithm",
)

# The condition keys of the current request.
_keys: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar("keys", default=None)
# The checksum of a form's file, after the comparison.
_form: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar("form", default=None)
_whole: contextvars.ContextVar[str | None] = contextvars.ContextVar("whole", default=None)


def bridge() -> None:
    replace(iam_evaluator, "pin_signed_request", _with_keys)
    replace(iam_evaluator, "_resolve_condition_key", _with_signature_keys)
    # MiniStack computes it in Python, about 6 MiB a second.
    replace(s3, "_crc64nvme", lambda _: checksums.crc64nvme)
    replace(s3, "_composite_checksum", _of_the_whole)
    replace(s3, "_create_multipart_upload", _full_object)
    replace(s3, "_complete_multipart_upload", _with_whole)
    replace(s3, "_enforce_signed_post_policy", _with_form_keys)
    replace(s3, "_post_object", _with_form_checksum)
    replace(s3, "_build_object_record", _keeping_form_checksum)
    replace(s3, "_deliver_event_to_lambda", _where_permitted)


def _with_keys(pin: Any) -> Any:
    """Record the signature keys of a request when MiniStack records its own keys."""

    def pin_request(
        method: str, path: str, query: dict[str, Any], headers: Any, *rest: Any, **options: Any
    ) -> Any:
        request_headers = {
            name.decode().lower(): value.decode("latin-1") for name, value in headers
        }
        _keys.set(_signature_keys(query, request_headers))
        return pin(method, path, query, headers, *rest, **options)

    return pin_request


def _signature_keys(query: dict[str, Any], headers: dict[str, str]) -> dict[str, str]:
    # Server and clients use TLS 1.3; MiniStack does not expose the connection.
    keys = {"s3:tlsversion": "1.3"}
    keys |= {f"s3:{name}": headers[name] for name in HEADERS if name in headers}
    values = {
        name.lower(): str(value[0] if isinstance(value, list) else value)
        for name, value in query.items()
    }
    if values.get("x-amz-algorithm") == ALGORITHM:
        keys |= _presigned("REST-QUERY-STRING", values.get("x-amz-date", ""))
    elif headers.get("authorization", "").startswith(ALGORITHM):
        keys |= {"s3:signatureversion": ALGORITHM, "s3:authtype": "REST-HEADER"}
    return keys


def _presigned(auth_type: str, date: str) -> dict[str, str]:
    """The condition keys of a URL or form that was presigned at a date."""
    keys = {"s3:signatureversion": ALGORITHM, "s3:authtype": auth_type}
    if re.fullmatch(r"\d{8}T\d{6}Z", date):
        signed_at = dt.datetime.strptime(f"{date}+0000", "%Y%m%dT%H%M%SZ%z")
        age = dt.datetime.now(dt.UTC) - signed_at
        keys["s3:signatureage"] = str(int(age.total_seconds() * 1000))  # milliseconds
    return keys


def _with_form_keys(enforce: Any) -> Any:
    """A form has its signature in its fields, which MiniStack reads after the headers."""

    def enforce_policy(fields: dict[str, str], *rest: Any) -> Any:
        if fields.get("x-amz-algorithm") == ALGORITHM:
            signed = _presigned("POST", fields.get("x-amz-date", ""))
            _keys.set((_keys.get() or {}) | signed)
        return enforce(fields, *rest)

    return enforce_policy


def _with_form_checksum(post: Any) -> Any:
    """S3 compares a form's checksum with its file, like that of a PUT."""

    def post_object(bucket: str, body: bytes, headers: dict[str, str]) -> Any:
        parts = s3._parse_multipart_form(headers.get("content-type", ""), body) or []
        values = {name.lower(): value for name, _, _, value in parts}
        checksum_fields = {
            name: value.decode()
            for name, value in values.items()
            if name.startswith("x-amz-checksum-") and name != "x-amz-checksum-algorithm"
        }
        resolved, error = s3._resolve_object_checksums(values.get("file", b""), checksum_fields)
        if error:
            return error
        token = _form.set(resolved)
        try:
            return post(bucket, body, headers)
        finally:
            _form.reset(token)

    return post_object


def _keeping_form_checksum(build: Any) -> Any:
    def build_record(body: bytes, headers: Any, **options: Any) -> Any:
        checksums = options.pop("checksums", None) or _form.get()
        return build(body, headers, checksums=checksums, **options)

    return build_record


def _with_signature_keys(resolve: Any) -> Any:
    def resolve_key(key: str, context: Any) -> Any:
        value = resolve(key, context)
        return (_keys.get() or {}).get(key.lower()) if value is None else value

    return resolve_key


def _where_permitted(deliver: Any) -> Any:
    """S3 invokes a function only when the function's own policy lets the bucket do so.

    https://docs.aws.amazon.com/lambda/latest/dg/with-s3.html
    """

    def deliver_event(function_arn: str, event: dict[str, Any], region: str) -> None:
        bucket = event["Records"][0]["s3"]["bucket"]["arn"]
        if may_invoke(function_arn, "s3.amazonaws.com", bucket):
            deliver(function_arn, event, region)
        else:
            s3.logger.warning("%s may not invoke %s", bucket, function_arn)

    return deliver_event


def _with_whole(complete: Any) -> Any:
    """CRC64NVME is a checksum of the full object, never a checksum of checksums."""

    def complete_upload(
        bucket: str, key: str, body: bytes, query: dict[str, Any], *rest: Any
    ) -> Any:
        upload = s3._multipart_uploads.get(s3._qp(query, "uploadId"), {})
        if upload.get("checksum_algorithm") != "CRC64NVME":
            return complete(bucket, key, body, query, *rest)
        token = _whole.set(_checksum(upload["parts"], body))
        try:
            status, headers, answer = complete(bucket, key, body, query, *rest)
        finally:
            _whole.reset(token)
        if status == 200:
            s3._ensure_bucket(bucket)["objects"][key]["checksum_type"] = "FULL_OBJECT"
            answer = answer.replace(b"COMPOSITE", b"FULL_OBJECT")
        return status, headers, answer

    return complete_upload


def _checksum(parts: dict[int, dict[str, Any]], body: bytes) -> str | None:
    """The checksum over the parts in the request; None when a part is missing."""
    numbers = sorted(int(number) for number in re.findall(rb"<PartNumber>\s*(\d+)", body))
    if not all(number in parts for number in numbers):
        return None
    checksum = 0
    for number in numbers:
        checksum = checksums.crc64nvme(parts[number]["body"], checksum)
    return base64.b64encode(checksum.to_bytes(8, "big")).decode()


def _of_the_whole(composite: Any) -> Any:
    def find_checksum(algorithm: str, part_checksums: list[str]) -> Any:
        return _whole.get() or composite(algorithm, part_checksums)

    return find_checksum


def _full_object(create: Any) -> Any:
    def create_upload(*arguments: Any, **options: Any) -> Any:
        status, headers, answer = create(*arguments, **options)
        if headers.get("x-amz-checksum-algorithm") == "CRC64NVME":
            headers["x-amz-checksum-type"] = "FULL_OBJECT"
        return status, headers, answer

    return create_upload
