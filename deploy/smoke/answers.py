"""What a stage's API or S3 answers to a request of the smoke test, or why there is no answer.

Tells no address, which may be signed, and nothing of an answer that repeats what was signed.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from stage.stage import StageError

# Seconds that a server may take to answer, and between two pieces of its answer.
_TIMEOUT = 30


class RefusedError(StageError):
    """A server answered with an error; `status` is its HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def fetch(leg: str, request: urllib.request.Request) -> bytes:
    """The body of an answer."""
    with answered(leg, request) as answer:
        return bytes(answer.read())


@contextmanager
def answered(leg: str, request: urllib.request.Request) -> Iterator[http.client.HTTPResponse]:
    """An answer to read; raises StageError without the address, which may be signed."""
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            yield answer
    except urllib.error.HTTPError as error:
        with error:
            raise RefusedError(
                f"smoke: {leg}: {error.code} {_told(error.read())}", error.code
            ) from None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise StageError(f"smoke: {leg}: {request.host} does not answer: {reason}") from None


def _told(body: bytes) -> str:
    """What a problem document says; of S3's XML, which repeats what was signed, its code alone."""
    try:
        problem = json.loads(body)
        return f"{problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        code = body.partition(b"<Code>")[2].partition(b"</Code>")[0]
        return code.decode(errors="replace")[:80]
