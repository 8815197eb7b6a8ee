"""What API Gateway's Cognito authorizer checks in an id token: signature, issuer, use, expiry.

Must not know routes or responses.
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from local.names import ACCESS_KEY, REGION

ALGORITHM = "RS256"  # Cognito's
LONGEST = 16 * 1024  # characters; Cognito's id tokens have one or two thousand
_TOKEN = re.compile(r"(?:Bearer +)?([\w-]+\.[\w-]+\.[\w-]+)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IdTokens:
    """The id tokens of one user pool; `keys` is its JWKS, `now` returns the seconds since 1970."""

    keys: KeySet
    issuer: str
    now: Callable[[], float] = time.time

    def accept(self, authorization: Sequence[str]) -> bool:
        """Whether a request has one Authorization header, and in it a token that is valid now."""
        match = _TOKEN.fullmatch(authorization[0].strip()) if len(authorization) == 1 else None
        return match is not None and len(match[1]) <= LONGEST and self._is_valid(match[1])

    def _is_valid(self, token: str) -> bool:
        claims = jwt.JWTClaimsRegistry(
            now=lambda: int(self.now()),
            iss={"essential": True, "value": self.issuer},
            token_use={"essential": True, "value": "id"},
            sub={"essential": True},
            exp={"essential": True},
        )
        try:
            claims.validate(jwt.decode(token, self.keys, algorithms=[ALGORITHM]).claims)
        except (JoseError, ValueError):
            return False
        return True


def issuer(user_pool_arn: str) -> str:
    """The issuer that the tokens of a user pool name."""
    _, _, _, region, _, pool = user_pool_arn.split(":")
    return f"https://cognito-idp.{region}.amazonaws.com/{pool.rpartition('/')[2]}"


def key_set(jwks: Any) -> KeySet:
    """The keys of a user pool, from its published JWKS."""
    return KeySet.import_key_set(jwks)


async def fetch(client: aiohttp.ClientSession, cognito_url: str, user_pool_arn: str) -> IdTokens:
    """The id tokens of a user pool, with the keys that the AWS stand-in publishes for it."""
    pool = user_pool_arn.rpartition("/")[2]
    # moto reads from the signature's scope which service a request is for.
    scope = f"{ACCESS_KEY}/20260101/{REGION}/cognito-idp/aws4_request"
    signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"
    async with client.get(
        f"{cognito_url}/{pool}/.well-known/jwks.json", headers={"Authorization": signature}
    ) as response:
        return IdTokens(key_set(await response.json()), issuer(user_pool_arn))
