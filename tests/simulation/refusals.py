"""The errors of a DynamoDB client, as boto3 raises them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError


class ConditionalCheckFailedException(ClientError):
    """A condition was false."""


class TransactionCanceledException(ClientError):
    """A transaction was canceled; `response["CancellationReasons"]` has the reasons."""


class TransactionConflictException(ClientError):
    """Another transaction is changing the item."""


class ProvisionedThroughputExceededException(ClientError):
    """A partition key has used its write units of this second."""


class ThrottlingException(ClientError):
    """The table has received too many requests."""


class ResourceNotFoundException(ClientError):
    """There is no such table or index."""


class InternalServerError(ClientError):
    """DynamoDB failed."""


class IdempotentParameterMismatchException(ClientError):
    """A request repeated a client request token with other writes."""


class Exceptions:
    """The exceptions of a client, as in `client.exceptions`."""

    ClientError = ClientError
    ConditionalCheckFailedException = ConditionalCheckFailedException
    TransactionCanceledException = TransactionCanceledException
    TransactionConflictException = TransactionConflictException
    ProvisionedThroughputExceededException = ProvisionedThroughputExceededException
    ThrottlingException = ThrottlingException
    ResourceNotFoundException = ResourceNotFoundException
    InternalServerError = InternalServerError
    IdempotentParameterMismatchException = IdempotentParameterMismatchException


_STATUS = {"InternalServerError": 500}
CONDITION_MESSAGE = "The conditional request failed"
CONFLICT_MESSAGE = "Transaction is ongoing for the item"
THROTTLE_MESSAGE = (
    "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically"
    " scaling your table or index so please try again shortly. If exceptions persist, check if you"
    " have a hot key"
)


def refusal(code: str, operation: str, message: str = "", **more: Any) -> ClientError:
    """The error that boto3 raises for a code; a code without a class is a plain ClientError."""
    kind: type[ClientError] = getattr(Exceptions, code, ClientError)
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": _STATUS.get(code, 400)},
        **more,
    }
    return kind(response, operation)


def cancellation(reasons: Sequence[Mapping[str, Any]]) -> ClientError:
    """The error of a transaction that DynamoDB canceled."""
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = (
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    )
    return refusal(
        "TransactionCanceledException",
        "TransactWriteItems",
        message,
        Message=message,
        CancellationReasons=[dict(reason) for reason in reasons],
    )


class Invalid(Exception):
    """DynamoDB refuses the request or the write; the text is that of a ValidationException."""
