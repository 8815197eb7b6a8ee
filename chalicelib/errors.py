"""Every error a client of the API can be told, each with a stable code and an HTTP status.

`UploadError.problem()` is the RFC 9457 document that goes over the wire. This module must not know
who raises the errors or how they are sent.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class UploadError(Exception):
    """Something a client is told about; `detail` says what to do, in a sentence."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    # Seconds after which the same request may succeed; sent as the header Retry-After.
    retry_after: ClassVar[int | None] = None

    def __init__(self, detail: str = "", **members: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.members = members

    def problem(self) -> dict[str, Any]:
        """The `application/problem+json` document of RFC 9457, plus `code` and own members."""
        return {
            "type": f"urn:hoist:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.members,
        }


class InvalidRequest(UploadError):
    """The request cannot be understood as it stands."""

    code, status, title = "invalid_request", 400, "The request is not valid"


class NotSignedIn(UploadError):
    """No id token, or one that names nobody."""

    code, status, title = "not_signed_in", 401, "Sign in first"


class UploadNotFound(UploadError):
    """No such upload, or somebody else's: the two are answered alike."""

    code, status, title = "upload_not_found", 404, "There is no such upload"


class RouteNotFound(UploadError):
    """No route has this path and method; API Gateway says so."""

    code, status, title = "route_not_found", 404, "There is no such route"


class PartsMissing(UploadError):
    """Complete was asked for too early; `missing` lists the part numbers to send."""

    code, status, title = "parts_missing", 409, "Some parts are missing"


class NotAccepted(UploadError):
    """A download of an upload that is not, or not yet, accepted."""

    code, status, title = "not_accepted", 409, "The upload is not accepted"


class WrongState(UploadError):
    """What was asked for does not fit the state the upload is in."""

    code, status, title = "wrong_state", 409, "The upload is in another state"


class EmailNotVerified(UploadError):
    """The account has no address, or one that nobody has shown to be theirs."""

    code, status, title = "email_not_verified", 409, "The email address is not verified"


class EmailUnavailable(UploadError):
    """SNS takes no more subscriptions of the topic, until AWS raises the quota for the operator.

    Not a 503: the same request fails until then, so a client must not retry it.
    """

    code, status, title = "email_unavailable", 409, "Nobody else can be emailed for now"


class UploadExpired(UploadError):
    """S3 no longer knows the multipart upload: begin a new one."""

    code, status, title = "upload_expired", 410, "The upload has expired"


class FileTooLarge(UploadError):
    """The declared size is above the limit."""

    code, status, title = "file_too_large", 413, "The file is too large"


class QuotaExceeded(UploadError):
    """The owner keeps as many bytes, or files, as the stage allows."""

    code, status, title = "quota_exceeded", 403, "There is no room for the file"


class RequestTooLarge(UploadError):
    """The request's body is larger than any request of the API needs."""

    code, status, title = "request_too_large", 413, "The request is too large"


class TypeNotAllowed(UploadError):
    """The declared content type is not on the list."""

    code, status, title = "type_not_allowed", 415, "Files of this type are not allowed"


class ChecksumMismatch(UploadError):
    """S3 computed another checksum over the bytes than the client declared."""

    code, status, title = "checksum_mismatch", 422, "The checksum does not match"


class IdempotencyKeyReused(UploadError):
    """An idempotency key came again with another file."""

    code, status, title = "idempotency_key_reused", 422, "The key belongs to another upload"


class TooManyUploads(UploadError):
    """The owner has as many uploads under way as the stage allows."""

    code, status, title = "too_many_uploads", 429, "Too many uploads are under way"
    retry_after = 10


class TooManyRequests(UploadError):
    """API Gateway lets no more requests through just now."""

    code, status, title = "too_many_requests", 429, "Too many requests"
    retry_after = 1


class TryAgain(UploadError):
    """S3, DynamoDB or another service is throttling or out of order; nothing was changed."""

    code, status, title = "try_again", 503, "A service is busy"
    retry_after = 2


class TimedOut(UploadError):
    """API Gateway waits no longer for the answer; what was asked for may still be done."""

    code, status, title = "timed_out", 504, "The answer takes too long"


BY_CODE: Mapping[str, type[UploadError]] = {
    error.code: error
    for error in (
        UploadError,
        InvalidRequest,
        NotSignedIn,
        UploadNotFound,
        RouteNotFound,
        PartsMissing,
        NotAccepted,
        WrongState,
        EmailNotVerified,
        EmailUnavailable,
        UploadExpired,
        FileTooLarge,
        QuotaExceeded,
        RequestTooLarge,
        TypeNotAllowed,
        ChecksumMismatch,
        IdempotencyKeyReused,
        TooManyUploads,
        TooManyRequests,
        TryAgain,
        TimedOut,
    )
}
