"""The IAM actions that allow a call of boto3."""

from functools import cache
from typing import Any

import botocore.session

# Actions whose name differs from the operation's.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_S3 = {
    "CompleteMultipartUpload": ("s3:PutObject",),
    "CreateMultipartUpload": ("s3:PutObject",),
    "DeleteObject": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "DeleteObjects": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "GetBucketNotificationConfiguration": ("s3:GetBucketNotification",),
    "GetBucketEncryption": ("s3:GetEncryptionConfiguration",),
    "GetBucketLifecycleConfiguration": ("s3:GetLifecycleConfiguration",),
    "GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    "GetBucketCors": ("s3:GetBucketCORS",),
    "HeadBucket": ("s3:ListBucket",),
    "HeadObject": ("s3:GetObject",),
    "ListMultipartUploads": ("s3:ListBucketMultipartUploads",),
    "ListObjectVersions": ("s3:ListBucketVersions",),
    "ListObjectsV2": ("s3:ListBucket",),
    "ListParts": ("s3:ListMultipartUploadParts",),
    "PutBucketNotificationConfiguration": ("s3:PutBucketNotification",),
}
# Cognito requires no signature for these.
_PUBLIC = {("cognito-idp", "InitiateAuth")}
_LAMBDA = {"Invoke": ("lambda:InvokeFunction",)}
_TRANSACT = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")


@cache
def model(service: str) -> Any:
    """botocore's model of a service."""
    return botocore.session.get_session().get_service_model(service)


def actions(service: str, operation: str) -> tuple[str, ...]:
    """The actions that allow an operation, such as `s3`, `ListObjectsV2`."""
    if (service, operation) in _PUBLIC:
        return ()
    if service in ("apigateway", "apigatewayv2"):
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html
        return (f"apigateway:{model(service).operation_model(operation).http['method']}",)
    if operation == "TransactWriteItems":
        return _TRANSACT
    if service == "s3":
        return _S3.get(operation, (f"s3:{operation}",))
    if service == "lambda":
        # Function names carry their API's date: AddPermission20150331v2.
        plain = operation.rstrip("0123456789").removesuffix("v").rstrip("0123456789")
        return _LAMBDA.get(plain, (f"lambda:{plain}",))
    return (f"{service}:{operation}",)
