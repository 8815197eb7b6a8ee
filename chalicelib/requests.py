"""The HTTP request, read: its size, its JSON body, its query parameters, and who sent it. Pure.

Each function raises the error that the client receives. Must not know Chalice or a route.
"""

import json
from collections.abc import Mapping
from typing import Any

from chalicelib import keys
from chalicelib.errors import (
    EmailNotVerified,
    InvalidRequest,
    NotSignedIn,
    RequestTooLarge,
    UploadError,
)
from chalicelib.upload import Announcement

# Bytes. The largest useful body announces a hundred files, each in less than 4 KB.
MAX_BODY_SIZE = 1024 * 1024
# The fields of an announcement; see `Announcement`.
ANNOUNCED = {
    "filename": str,
    "size": int,
    "content_type": str | None,
    "crc64nvme": str | None,
    "idempotency_key": str | None,
    "strategy": str | None,
}


def check_body_size(raw: bytes | str) -> None:
    """Refuse a body larger than any request needs, whether the route reads one or not."""
    if len(raw) > MAX_BODY_SIZE:
        raise RequestTooLarge(f"The limit is {MAX_BODY_SIZE} bytes", max_size=MAX_BODY_SIZE)


def body(raw: bytes | str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a JSON object: each field of its type, the optional ones may be absent."""
    try:
        text = raw.decode() if isinstance(raw, bytes) else raw
        value = json.loads(text or "{}", parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not JSON") from error
    return _members(value, fields, of="The body")


def announcement(value: Any) -> Announcement | UploadError:
    """A member of a batch, or its error: it must not fail the other members."""
    try:
        return Announcement(**_members(value, ANNOUNCED, of="A member"))
    except InvalidRequest as error:
        return error


def upload_ids(raw: bytes | str) -> list[str]:
    """The ids in a body `{"ids": […]}`."""
    ids = body(raw, {"ids": list})["ids"]
    if not all(isinstance(upload_id, str) for upload_id in ids):
        raise InvalidRequest("ids are texts")
    return list(ids)


def query(parameters: Mapping[str, str] | None, *names: str) -> dict[str, str]:
    """The query parameters, which must have one of these names."""
    values = dict(parameters or {})
    if unknown := values.keys() - set(names):
        raise InvalidRequest(f"Unknown parameters: {', '.join(sorted(unknown))}")
    return values


def owner(claims: Mapping[str, Any]) -> str:
    """The caller's Cognito `sub`. Only `chalice local` lets in requests without a token."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not keys.is_owner(subject):
        raise NotSignedIn("Send the id token as Authorization: Bearer …")
    return subject


def verified_address(claims: Mapping[str, Any]) -> str:
    """The caller's email address, if Cognito has verified it."""
    address = claims.get("email")
    # API Gateway passes all claims as texts, `chalice local` passes JSON values.
    if not address or str(claims.get("email_verified")).lower() != "true":
        raise EmailNotVerified("Confirm the address of your account first, then sign in again")
    return str(address)


def _members(value: Any, fields: Mapping[str, Any], *, of: str) -> dict[str, Any]:
    """The members of a JSON object, as `body` returns them; those that are null are left out."""
    if not isinstance(value, dict):
        raise InvalidRequest(f"{of} is not a JSON object")
    if unknown := value.keys() - fields.keys():
        raise InvalidRequest(f"Unknown fields: {', '.join(sorted(unknown))}")
    for name, kind in fields.items():
        member = value.get(name)
        # A bool is an int in Python, but not in JSON.
        if not isinstance(member, kind) or (isinstance(member, bool) and kind != bool | None):
            raise InvalidRequest(f"{name} is missing or of the wrong type")
    return {name: member for name, member in value.items() if member is not None}


def _number(text: str) -> float:
    """A number with a point or an exponent; 5.0 and 5e0 are integers, as in JSON Schema."""
    value = float(text)
    return int(value) if value.is_integer() else value
