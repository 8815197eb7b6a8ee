"""Sends the requests of the smoke test to a stage's API and to S3.

An error contains no address, which may be signed, and no part of a response that repeats one.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from stage.stage import StageError

# Seconds until a response begins, and between two pieces of it.
_TIMEOUT = 30


class RefusedError(StageError):
    """A server responded with an error; `status` is its HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def fetch(step: str, request: urllib.request.Request) -> bytes:
    """The body of a response."""
    with response_to(step, request) as response:
        return bytes(response.read())


@contextmanager
def response_to(step: str, request: urllib.request.Request) -> Iterator[http.client.HTTPResponse]:
    """A response to read; raises StageError without the address, which may be signed."""
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310
            yield response
    except urllib.error.HTTPError as error:
        with error:
            raise RefusedError(
                f"smoke: {step}: {error.code} {summary(error.read())}", error.code
            ) from None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise StageError(f"smoke: {step}: {request.host} does not answer: {reason}") from None


def summary(body: bytes) -> str:
    """Code and detail of a problem document; of S3's XML only the code."""
    try:
        problem = json.loads(body)
        return f"{problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        code = body.partition(b"<Code>")[2].partition(b"</Code>")[0]
        return code.decode(errors="replace")[:80]
