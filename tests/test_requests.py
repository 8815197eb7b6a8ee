"""How requests are read, as tables of bodies, parameters and claims."""

from typing import Any

import pytest

from chalicelib import requests
from chalicelib.errors import (
    EmailNotVerified,
    InvalidRequest,
    NotSignedIn,
    RequestTooLarge,
)
from chalicelib.requests import MAX_BODY_SIZE
from chalicelib.upload import Announcement
from tests.support.payloads import OWNER

FIELDS = {"size": int, "name": str | None, "is_new": bool | None}


@pytest.mark.parametrize("size", [0, MAX_BODY_SIZE - 1, MAX_BODY_SIZE])
def test_a_body_up_to_the_limit_is_accepted(size: int) -> None:
    requests.check_body_size(b" " * size)


def test_a_body_above_the_limit_is_refused_with_the_limit() -> None:
    with pytest.raises(RequestTooLarge) as refused:
        requests.check_body_size(b" " * (MAX_BODY_SIZE + 1))

    assert refused.value.members == {"max_size": MAX_BODY_SIZE}


@pytest.mark.parametrize(
    ("raw", "members"),
    [
        (b'{"size": 1}', {"size": 1}),
        ('{"size": 1, "name": "a"}', {"size": 1, "name": "a"}),
        (b'{"size": 1, "name": null}', {"size": 1}),
        (b'{"size": 5.0}', {"size": 5}),
        (b'{"size": 5e0, "is_new": true}', {"size": 5, "is_new": True}),
    ],
)
def test_a_body_is_read_by_its_fields(raw: bytes | str, members: dict[str, Any]) -> None:
    assert requests.body(raw, FIELDS) == members


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"{", "The body is not JSON"),
        (b"\xff", "The body is not JSON"),
        (b"[" * 100_000, "The body is not JSON"),
        (b"[]", "The body is not a JSON object"),
        (b"", "size is missing or of the wrong type"),
        (b'{"size": true}', "size is missing or of the wrong type"),
        (b'{"size": 1.5}', "size is missing or of the wrong type"),
        (b'{"size": 1, "is_new": 1}', "is_new is missing or of the wrong type"),
        (b'{"size": 1, "b": 1, "a": 1}', "Unknown fields: a, b"),
    ],
)
def test_an_invalid_body_is_refused(raw: bytes, detail: str) -> None:
    with pytest.raises(InvalidRequest, match=detail):
        requests.body(raw, FIELDS)


def test_an_invalid_member_of_a_batch_is_an_error_and_raises_none() -> None:
    announcement = requests.announcement({"filename": "a", "size": 1})

    assert announcement == Announcement(filename="a", size=1)
    assert isinstance(requests.announcement({"filename": "a"}), InvalidRequest)
    assert isinstance(requests.announcement("a"), InvalidRequest)


def test_ids_are_texts() -> None:
    assert requests.upload_ids(b'{"ids": ["a", "b"]}') == ["a", "b"]
    with pytest.raises(InvalidRequest, match="ids are texts"):
        requests.upload_ids(b'{"ids": ["a", 1]}')


def test_only_known_query_parameters_are_accepted() -> None:
    assert requests.query(None, "state") == {}
    assert requests.query({"state": "failed"}, "state", "cursor") == {"state": "failed"}
    with pytest.raises(InvalidRequest, match="Unknown parameters: a, b"):
        requests.query({"b": "1", "a": "1", "state": "failed"}, "state")


@pytest.mark.parametrize("claims", [{}, {"sub": 1}, {"sub": ""}, {"sub": "a/b"}, {"sub": "*"}])
def test_claims_without_a_valid_owner_are_refused(claims: dict[str, Any]) -> None:
    assert requests.owner({"sub": OWNER}) == OWNER
    with pytest.raises(NotSignedIn):
        requests.owner(claims)


@pytest.mark.parametrize("is_verified", [True, "true", "True"])
def test_a_verified_address_is_read(is_verified: object) -> None:
    claims = {"email": "ann@example.com", "email_verified": is_verified}

    assert requests.verified_address(claims) == "ann@example.com"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"email": "ann@example.com"},
        {"email": "ann@example.com", "email_verified": "false"},
        {"email": "", "email_verified": "true"},
    ],
)
def test_an_address_that_is_not_verified_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(EmailNotVerified):
        requests.verified_address(claims)
