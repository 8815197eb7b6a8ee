"""What AWS's errors mean to an operator: one message, and what to do.

Leaves out AWS's message about a wrong signature: it repeats the signed headers with their tokens.
"""

from typing import Any

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

CREDENTIALS = "name them with AWS_PROFILE, or run `aws configure` or `aws sso login`"
# Error codes of the services of a stage, by their cause.
_UNKNOWN = frozenset({
    "AuthFailure", "InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch",
    "UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignature",
})  # fmt: skip
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_FORBIDDEN = frozenset({
    "AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException",
    "ForbiddenException", "NotAuthorizedException", "UnauthorizedOperation",
})  # fmt: skip
_QUOTAS = frozenset({
    "CodeStorageExceededException", "LimitExceeded", "LimitExceededException", "QuotaExceeded",
    "ServiceQuotaExceededException", "TooManyBuckets", "TopicLimitExceeded",
})  # fmt: skip
_BUSY = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown"})
_NONE = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.ProfileNotFound,
    exceptions.TokenRetrievalError,
    exceptions.SSOError,
)
PERMISSIONS = "make permissions COMMAND=… prints a policy that allows the whole command"
QUOTA = "ask AWS for more in Service Quotas, or remove what is not needed, and run it again"


def explained(error: BotoCoreError | ClientError) -> str:
    """What went wrong and what to do, in one line."""
    if isinstance(error, ClientError):
        return _answered(error)
    if isinstance(error, _NONE):
        return f"No AWS credentials ({error}): {CREDENTIALS}"
    if isinstance(error, exceptions.NoRegionError | exceptions.InvalidRegionError):
        return "Which region? Name it: REGION=eu-west-1"
    if isinstance(error, exceptions.EndpointConnectionError):
        return f"{error}: is the region right, and can this machine reach AWS?"
    return f"AWS: {error}"


def answer(operation: Any, *absent: str, **members: Any) -> Any:
    """The response of an operation of AWS; None if its error code is one of `absent`."""
    try:
        return operation(**members)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in absent:
            return None
        raise


def _answered(error: ClientError) -> str:
    details = error.response.get("Error", {})
    code, message = details.get("Code", ""), " ".join(details.get("Message", "").split())
    if code in _UNKNOWN:
        return (
            f"AWS does not know these credentials here ({code}): {CREDENTIALS};"
            " or the account has not opted in to this region"
        )
    if code in _EXPIRED:
        return f"The AWS credentials have expired ({code}): sign in again, {CREDENTIALS}"
    if code in _FORBIDDEN:
        return f"A permission is missing for {error.operation_name}: {message}; {PERMISSIONS}"
    if code in _QUOTAS:
        return f"A quota is reached ({error.operation_name}): {message}: {QUOTA}"
    if code in _BUSY:
        return f"AWS is busy ({error.operation_name}): run it again"
    return f"AWS, {error.operation_name}: {message or code}"
