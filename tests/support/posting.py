"""A file sent by a form, and forged bytes with the checksum of others."""

from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from awscrt import checksums

from tests.support.running import Answer

BOUNDARY = "----a-boundary-that-is-in-no-file"
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def post(sheet: Mapping[str, Any], data: bytes, **headers: str) -> Answer:
    """S3's answer to a form: its fields, then the file, as a browser sends it."""
    where = urlsplit(sheet["url"])
    form_headers = {"Content-Type": FORM_TYPE, **headers}
    # Not urllib, which follows redirects.
    connection = HTTPConnection(where.netloc, timeout=60)
    try:
        connection.request("POST", where.path or "/", form_of(sheet["fields"], data), form_headers)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.headers), answer.read())
    finally:
        connection.close()


def form_of(fields: Mapping[str, str], data: bytes, *, filename: str = "any.bin") -> bytes:
    """The body of a form; a browser writes the names of fields and files in UTF-8."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return "".join(parts).encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def changed(sheet: Mapping[str, Any], fields: Mapping[str, str | None]) -> dict[str, Any]:
    """A sheet with changed or added fields; a field that is None is removed."""
    merged = {**sheet["fields"], **fields}
    return {**sheet, "fields": {name: v for name, v in merged.items() if v is not None}}


def forged(beginning: bytes, like: bytes) -> bytes:
    """Bytes with that beginning and the length and CRC64NVME of others.

    The checksum is linear: each bit of the last eight bytes changes it by a pattern of its own, so
    that 64 equations say which bits to set.
    """
    body = beginning + bytes(len(like) - len(beginning) - 8)
    plain = checksums.crc64nvme(body + bytes(8))
    patterns = [
        (checksums.crc64nvme(body + (1 << bit).to_bytes(8, "big")) ^ plain, 1 << bit)
        for bit in range(64)
    ]
    target, ending = checksums.crc64nvme(like) ^ plain, 0
    for bit in reversed(range(64)):
        pivot = next(one for one in patterns if one[0] >> bit & 1)
        patterns = [
            (one[0] ^ pivot[0], one[1] ^ pivot[1]) if one[0] >> bit & 1 else one
            for one in patterns
            if one is not pivot
        ]
        if target >> bit & 1:
            target, ending = target ^ pivot[0], ending ^ pivot[1]
    return body + ending.to_bytes(8, "big")
