"""What API Gateway's Cognito authorizer asks of an id token: who signed it, for whom, until when.

Must not know routes or answers.
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHM = "RS256"  # Cognito's
LONGEST = 16 * 1024  # characters; Cognito's id tokens have one or two thousand
_TOKEN = re.compile(r"(?:Bearer +)?([\w-]+\.[\w-]+\.[\w-]+)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IdTokens:
    """The id tokens of one user pool; `keys` is its JWKS, `now` tells the seconds since 1970."""

    keys: KeySet
    issuer: str
    now: Callable[[], float] = time.time

    def vouch_for(self, authorization: Sequence[str]) -> bool:
        """Whether the request's Authorization headers are one, with a token that holds now."""
        found = _TOKEN.fullmatch(authorization[0].strip()) if len(authorization) == 1 else None
        return found is not None and len(found[1]) <= LONGEST and self._holds(found[1])

    def _holds(self, token: str) -> bool:
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
    """Who signs the tokens of a user pool."""
    _, _, _, region, _, pool = user_pool_arn.split(":")
    return f"https://cognito-idp.{region}.amazonaws.com/{pool.rpartition('/')[2]}"


def key_set(jwks: Any) -> KeySet:
    """The keys of a user pool, as it publishes them."""
    return KeySet.import_key_set(jwks)
