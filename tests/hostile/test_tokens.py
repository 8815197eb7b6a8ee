"""Requests without a valid token, to every route that needs one."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from moto.utilities.utils import load_resource

import app
from local.aws.resources import DEMO, Resources
from tests.support.running import Client, RunningSystem, call

pytestmark = pytest.mark.system

# moto signs with a key that is no secret: what Cognito would never sign can be signed here.
SIGNING_KEY = RSAKey.import_key(load_resource("cognitoidp/resources/jwks-private.json"))
ROUTES = sorted(
    (method, path)
    for path, methods in app.app.routes.items()
    for method, entry in methods.items()
    if entry.authorizer is not None
)


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


def header_of(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "==")
    )
    return header


def signed(token: str, **changes: Any) -> str:
    """The same token with other claims and the pool's own signature."""
    claims = {name: v for name, v in (claims_of(token) | changes).items() if v is not None}
    return jwt.encode(header_of(token), claims, SIGNING_KEY)


def unsigned(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def altered(token: str) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{unsigned(claims_of(token) | {'sub': 'somebody-else'})}.{signature}"


def by_public_key(token: str) -> str:
    """A known attack: the public key as the secret of HMAC."""
    signed_part = f"{unsigned({'alg': 'HS256'})}.{token.split('.')[1]}"
    digest = hmac.digest(SIGNING_KEY.as_pem(private=False), signed_part.encode(), "sha256")
    return f"{signed_part}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def by_another_key(token: str) -> str:
    return jwt.encode(header_of(token), claims_of(token), RSAKey.generate_key(2048))


POOL = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Another"
TOKENS: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "no token": lambda _: "Bearer ",
    "garbage": lambda _: "Bearer garbage",
    "garbage of three parts": lambda _: "Bearer a.b.c",
    "JSON": lambda _: "Bearer {}",
    "another scheme": lambda _: "Basic ZGVtbzpkZW1v",
    "much": lambda _: "Bearer " + "a" * 30_000,
    "a null": lambda token: f"Bearer {token}%00",
    "two tokens": lambda token: f"Bearer {token}, Bearer {token}",
    "a token cut short": lambda token: f"Bearer {token[:-10]}",
    "a token without its signature": lambda token: f"Bearer {token.rpartition('.')[0]}.",
    "a token that says it needs none": lambda token: (
        f"Bearer {unsigned({'alg': 'none'})}.{token.split('.')[1]}."
    ),
    "altered claims": lambda token: f"Bearer {altered(token)}",
    "another key's": lambda token: f"Bearer {by_another_key(token)}",
    "the public key's": lambda token: f"Bearer {by_public_key(token)}",
    "expired": lambda token: f"Bearer {signed(token, exp=int(time.time()) - 1)}",
    "without an end": lambda token: f"Bearer {signed(token, exp=None)}",
    "another pool's": lambda token: f"Bearer {signed(token, iss=POOL)}",
    "an access token's": lambda token: f"Bearer {signed(token, token_use='access')}",
    "nobody's": lambda token: f"Bearer {signed(token, sub=None)}",
    "of an owner that is a path": lambda token: f"Bearer {signed(token, sub='../somebody')}",
    "of an owner that is a wildcard": lambda token: f"Bearer {signed(token, sub='*')}",
    "of an owner that is no text": lambda token: f"Bearer {signed(token, sub={'a': 1})}",
}


@pytest.fixture(scope="module")
def upload(owner: Client) -> Any:
    return owner.create(bytes(100), "a.bin")


def ask(client: Client, method: str, path: str, authorization: str) -> Any:
    headers = {"Content-Type": "application/json"}
    if authorization:
        headers["Authorization"] = authorization
    body = {"filename": "a", "size": 1} if path == "/uploads" and method == "POST" else None
    return call(method, f"{client.api_url}{path}", body, headers)


def test_the_unaltered_token_is_valid(owner: Client) -> None:
    """A token signed here is valid too, so the other tests mean something."""
    for token in (owner.id_token, signed(owner.id_token), signed(owner.id_token, more="x")):
        assert ask(owner, "GET", "/uploads", f"Bearer {token}").status == 200


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("make", TOKENS.values(), ids=TOKENS)
def test_an_invalid_token_is_refused(
    owner: Client, upload: Any, make: Callable[[str], str], method: str, path: str
) -> None:
    where = path.replace("{upload_id}", upload["id"])

    answer = ask(owner, method, where, make(owner.id_token))

    assert (answer.status, answer.json["code"]) == (401, "not_signed_in")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Access-Control-Allow-Origin"].startswith("http://")
    assert upload["id"] not in answer.body.decode()
    assert owner.get(upload["id"])["state"] == "uploading"


def test_an_account_of_another_pool_is_a_stranger(system: RunningSystem, owner: Client) -> None:
    cognito = Resources(system.ports, "").client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="another", UsernameAttributes=["email"])["UserPool"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool["Id"], ClientName="page", ExplicitAuthFlows=flows
    )["UserPoolClient"]
    account = {"UserPoolId": pool["Id"], "Username": DEMO["username"]}
    cognito.admin_create_user(**account, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**account, Password=DEMO["password"], Permanent=True)
    tokens = cognito.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=client["ClientId"],
        AuthParameters={"USERNAME": DEMO["username"], "PASSWORD": DEMO["password"]},
    )["AuthenticationResult"]
    cognito.delete_user_pool(UserPoolId=pool["Id"])

    for kind in ("IdToken", "AccessToken", "RefreshToken"):
        answer = ask(owner, "GET", "/uploads", f"Bearer {tokens[kind]}")
        assert (answer.status, answer.json["code"]) == (401, "not_signed_in")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"), ("GET", "/upload"), ("PUT", "/uploads"), ("GET", "/uploads/a/b/c"),
        ("POST", "/limits"), ("GET", "/../app.py"), ("GET", "/.env"), ("TRACE", "/uploads"),
        ("GET", "//uploads"), ("GET", "/uploads/batch"), ("DELETE", "/uploads/batch"),
        ("GET", "/uploads/complete"), ("POST", "/uploads/batch/complete/x"),
    ],
)  # fmt: skip
def test_an_unknown_route_is_answered_with_a_problem(owner: Client, method: str, path: str) -> None:
    for authorization in ("", f"Bearer {owner.id_token}"):
        answer = ask(owner, method, path, authorization)

        assert (answer.status, answer.json["code"]) == (404, "route_not_found")
        assert answer.headers["Access-Control-Allow-Origin"].startswith("http://")
