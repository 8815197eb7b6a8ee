"""What API Gateway answers by itself, before it calls a function: `.chalice/api-gateway.json`.

`make deploy` writes it to AWS (`deploy/steps/api_gateway.py`), and `make run` answers the same.
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.errors import BY_CODE, UploadError
from stage import throttling
from stage.stage import ROOT, StageError, read_json
from stage.throttling import Throttling

CONTENT_TYPE = "application/problem+json"
# The response types that API Gateway can send before a function is called. The last two stand for
# all others.
TYPES = (
    "ACCESS_DENIED", "API_CONFIGURATION_ERROR", "AUTHORIZER_CONFIGURATION_ERROR",
    "AUTHORIZER_FAILURE", "BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS", "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "INVALID_API_KEY", "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN", "QUOTA_EXCEEDED", "REQUEST_TOO_LARGE", "RESOURCE_NOT_FOUND",
    "THROTTLED", "UNAUTHORIZED", "UNSUPPORTED_MEDIA_TYPE", "WAF_FILTERED",
    "DEFAULT_4XX", "DEFAULT_5XX",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Declared:
    """The content of the file: the limits, and the error of each response type."""

    throttling: Throttling
    problems: Mapping[str, UploadError]

    @property
    def rate(self) -> float:
        """Requests a second of a method that the file does not name."""
        return self.throttling.rest.rate

    @property
    def burst(self) -> int:
        """Requests at once of such a method."""
        return self.throttling.rest.burst

    def problem(self, kind: str) -> UploadError:
        """The error of a response type; a type that the file does not name has the default."""
        default = "DEFAULT_5XX" if kind.startswith("INTEGRATION") else "DEFAULT_4XX"
        return self.problems.get(kind, self.problems[default])


def read(path: Path = ROOT / ".chalice" / "api-gateway.json") -> Declared:
    """Read the file; raises StageError when it is not valid."""
    declared = read_json(path)
    try:
        limits = throttling.read(declared["throttling"])
        responses = {kind: dict(members) for kind, members in declared["responses"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StageError(
            f"{path.name} takes throttling (rate, burst, methods, websocket) and responses: {error}"
        ) from error
    if unknown := responses.keys() - set(TYPES):
        raise StageError(f"{path.name}: API Gateway has no {', '.join(sorted(unknown))}")
    if missing := {"DEFAULT_4XX", "DEFAULT_5XX"} - responses.keys():
        raise StageError(f"{path.name}: responses lacks {', '.join(sorted(missing))}")
    problems = {kind: _problem(kind, **members) for kind, members in responses.items()}
    return Declared(limits, problems)


def headers(error: UploadError, page_origin: str) -> dict[str, str]:
    """The headers of an error response: its type, and those that let the page read it."""
    always = {
        "Content-Type": CONTENT_TYPE,
        "Access-Control-Allow-Origin": page_origin,
        "Access-Control-Expose-Headers": "Retry-After",
    }
    return always if error.retry_after is None else always | {"Retry-After": str(error.retry_after)}


def _problem(kind: str, /, code: str = "", detail: str = "", **members: Any) -> UploadError:
    """The error of a response type; its code decides status and title."""
    if code not in BY_CODE or not detail:
        raise StageError(f"api-gateway.json: {kind} needs a code of chalicelib/errors.py, a detail")
    return BY_CODE[code](detail, **members)
