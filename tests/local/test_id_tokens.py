"""Which id tokens are accepted: signed by the pool, for this use, not expired."""

import hmac
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from local.gateways import id_tokens
from local.gateways.id_tokens import IdTokens

POOL = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Pool"
ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool"
NOW = 1_800_000_000
KEY = RSAKey.generate_key(2048, {"kid": "pool", "alg": "RS256", "use": "sig"})
FORGED = RSAKey.generate_key(2048, {"kid": "pool", "alg": "RS256", "use": "sig"})
KEYS = id_tokens.key_set({"keys": [KEY.as_dict(private=False)]})
HEADER = {"kid": "pool", "alg": "RS256"}
CLAIMS = {"sub": "ada", "iss": ISSUER, "token_use": "id", "exp": NOW + 60, "aud": "page"}
GOOD = jwt.encode(HEADER, CLAIMS, KEY)


def accepted(*authorization: str) -> bool:
    return IdTokens(KEYS, ISSUER, lambda: NOW).accept(authorization)


def signed(**claims: Any) -> str:
    """A token with these claims in place of the usual ones; None removes a claim."""
    present = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode(HEADER, present, KEY)


def test_the_issuer_is_the_pool() -> None:
    assert id_tokens.issuer(POOL) == ISSUER


@pytest.mark.parametrize("header", [GOOD, f"Bearer {GOOD}", f"bearer {GOOD}", f"  Bearer  {GOOD} "])
def test_a_token_of_the_pool_is_accepted_with_and_without_its_scheme(header: str) -> None:
    assert accepted(header)


@pytest.mark.parametrize(("seconds", "valid"), [(-1, False), (0, False), (1, True)])
def test_a_token_is_valid_until_it_expires(seconds: int, valid: bool) -> None:  # noqa: FBT001 - a table
    assert accepted(signed(exp=NOW + seconds)) is valid


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": ISSUER + "2"}, {"iss": None}, {"iss": ""}, {"iss": [ISSUER]},
        {"token_use": "access"}, {"token_use": None},
        {"sub": None}, {"sub": ""}, {"sub": 7},
        {"exp": None}, {"exp": "tomorrow"}, {"exp": True}, {"exp": []},
    ],
    ids=str,
)  # fmt: skip
def test_other_claims_are_refused(claims: dict[str, Any]) -> None:
    assert not accepted(signed(**claims))


def test_a_token_signed_with_another_key_is_refused() -> None:
    assert not accepted(jwt.encode(HEADER, CLAIMS, FORGED))


def test_a_token_with_an_unknown_key_id_is_refused() -> None:
    assert not accepted(jwt.encode({**HEADER, "kid": "other"}, CLAIMS, KEY))


def test_the_public_key_as_an_hmac_secret_is_refused() -> None:
    header = jwt.encode({"alg": "HS256", "kid": "pool"}, {}, OctKey.generate_key()).split(".")[0]
    text = f"{header}.{GOOD.split('.')[1]}"
    mac = hmac.digest(KEY.as_pem(private=False), text.encode(), "sha256")

    assert not accepted(f"{text}.{urlsafe_b64encode(mac).decode().rstrip('=')}")


@pytest.mark.parametrize("alg", ["none", "RS512", "HS256"])
def test_another_algorithm_is_refused(alg: str) -> None:
    _, claims, signature = GOOD.split(".")
    header = jwt.encode({"alg": "HS256"}, {}, OctKey.generate_key()).split(".")[0]
    headers = {"HS256": header, "none": "eyJhbGciOiJub25lIn0", "RS512": "eyJhbGciOiJSUzUxMiJ9"}

    assert not accepted(f"{headers[alg]}.{claims}.{signature}")
    assert not accepted(f"{headers[alg]}.{claims}.")


@pytest.mark.parametrize("position", range(3))
def test_no_part_of_a_token_can_be_changed(position: int) -> None:
    parts = GOOD.split(".")
    for at in (0, len(parts[position]) // 2):
        other = parts.copy()
        letter = "A" if parts[position][at] != "A" else "B"
        other[position] = parts[position][:at] + letter + parts[position][at + 1 :]
        assert not accepted(".".join(other))


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "nonsense", "a.b", "a.b.c", "a.b.c.d", "..", "Basic YTpi", "ü.ü.ü",
     f"Basic {GOOD}", f"{GOOD}.x", f"{GOOD}\n{GOOD}", f"{GOOD} {GOOD}", "a" * 100_000,
     ".".join(["a" * 10_000] * 3)],
    ids=lambda header: header[:12],
)  # fmt: skip
def test_a_header_that_is_not_a_token_is_refused(header: str) -> None:
    assert not accepted(header)


def test_no_header_and_two_headers_are_refused() -> None:
    assert not accepted()
    assert not accepted(GOOD, GOOD)


@given(st.lists(st.text("ABCxyz019-_=", max_size=30), min_size=1, max_size=4), st.text())
def test_a_malformed_header_is_refused_and_raises_nothing(parts: list[str], text: str) -> None:
    assert not accepted(".".join(parts))
    assert not accepted(f"Bearer {text}")
    assert not accepted(f"{GOOD.split('.')[0]}.{'.'.join(parts)}")
