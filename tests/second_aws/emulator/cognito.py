"""Cognito: the keys of a user pool, as API Gateway's authorizer requests them.

MiniStack requests them from itself over plain HTTP, also when it speaks only TLS; then every token
is refused.
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from typing import Any

from ministack.services import apigateway

from emulator.bridging import replace


def bridge() -> None:
    replace(apigateway, "_resolve_jwks_url", _over_tls)


def _over_tls(resolve: Any) -> Any:
    async def resolve_over_tls(authorizer: dict[str, Any]) -> str | None:
        url: str | None = await resolve(authorizer)
        return url and url.replace("http://localhost:", "https://127.0.0.1:")

    return resolve_over_tls
