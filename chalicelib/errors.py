"""Every error that a client can receive, each with a stable code and an HTTP status.

`UploadError.problem()` is the RFC 9457 document that goes over the wire, `BY_CODE` the table of all
errors. Must not know who raises the errors or how they are sent.
"""

from typing import Any, ClassVar


class UploadError(Exception):
    """An error that the client receives; `detail` says in a sentence what the client should do."""

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
    """The request breaks the contract."""

    code, status, title = "invalid_request", 400, "The request is not valid"


class NotSignedIn(UploadError):
    """No id token or ticket, or one that names no owner."""

    code, status, title = "not_signed_in", 401, "Sign in first"


class QuotaExceeded(UploadError):
    """The owner keeps as many bytes, or files, as the stage allows."""

    code, status, title = "quota_exceeded", 403, "There is no room for the file"


class UploadNotFound(UploadError):
    """There is no such upload, or it belongs to another owner: both get the same answer."""

    code, status, title = "upload_not_found", 404, "There is no such upload"


class RouteNotFound(UploadError):
    """No route has this path and method. API Gateway itself answers so."""

    code, status, title = "route_not_found", 404, "There is no such route"


class PartsMissing(UploadError):
    """Complete came before all parts; `missing` lists the numbers of the parts to send."""

    code, status, title = "parts_missing", 409, "Some parts are missing"


class NotAccepted(UploadError):
    """A download of an upload that is not accepted, or not yet."""

    code, status, title = "not_accepted", 409, "The upload is not accepted"


class WrongState(UploadError):
    """The request does not fit the state of the upload."""

    code, status, title = "wrong_state", 409, "The upload is in another state"


class EmailNotVerified(UploadError):
    """The account has no email address, or one that is not verified."""

    code, status, title = "email_not_verified", 409, "The email address is not verified"


class EmailUnavailable(UploadError):
    """SNS refuses more subscriptions to the topic until AWS raises the operator's quota.

    Not a 503: the same request fails until then, so a client must not retry it.
    """

    code, status, title = "email_unavailable", 409, "Nobody else can be emailed for now"


class UploadExpired(UploadError):
    """S3 no longer knows the multipart upload: the client must create a new upload."""

    code, status, title = "upload_expired", 410, "The upload has expired"


class FileTooLarge(UploadError):
    """The declared size is above the limit."""

    code, status, title = "file_too_large", 413, "The file is too large"


class RequestTooLarge(UploadError):
    """The request's body is larger than any request of the API needs."""

    code, status, title = "request_too_large", 413, "The request is too large"


class TypeNotAllowed(UploadError):
    """The declared content type is not on the list."""

    code, status, title = "type_not_allowed", 415, "Files of this type are not allowed"


class ChecksumMismatch(UploadError):
    """The checksum that S3 computed is not the one that the client declared."""

    code, status, title = "checksum_mismatch", 422, "The checksum does not match"


class IdempotencyKeyReused(UploadError):
    """A second request has the idempotency key of the first, but another file."""

    code, status, title = "idempotency_key_reused", 422, "The key belongs to another upload"


class TooManyUploads(UploadError):
    """The owner has as many uploads in progress as the stage allows."""

    code, status, title = "too_many_uploads", 429, "Too many uploads are under way"
    retry_after = 10


class TooManyPages(UploadError):
    """The owner has as many pages open as the stage allows; $connect answers with the status."""

    code, status, title = "too_many_pages", 429, "Too many pages are open"


class TooManyRequests(UploadError):
    """API Gateway throttles the request."""

    code, status, title = "too_many_requests", 429, "Too many requests"
    retry_after = 1


class TryAgain(UploadError):
    """S3, DynamoDB or another service throttles or fails; nothing was changed."""

    code, status, title = "try_again", 503, "A service is busy"
    retry_after = 2


class TimedOut(UploadError):
    """API Gateway stopped waiting for the function, which may still serve the request."""

    code, status, title = "timed_out", 504, "The answer takes too long"


# Every error whose document an HTTP response can carry. TooManyPages is none: a refused WebSocket
# connection has a status, but no document.
BY_CODE: dict[str, type[UploadError]] = {
    error.code: error
    for error in (
        UploadError, InvalidRequest, NotSignedIn, QuotaExceeded, UploadNotFound, RouteNotFound,
        PartsMissing, NotAccepted, WrongState, EmailNotVerified, EmailUnavailable, UploadExpired,
        FileTooLarge, RequestTooLarge, TypeNotAllowed, ChecksumMismatch, IdempotencyKeyReused,
        TooManyUploads, TooManyRequests, TryAgain, TimedOut,
    )
}  # fmt: skip
