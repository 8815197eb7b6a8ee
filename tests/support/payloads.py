"""Payloads from AWS: the files in `events/`, and the upload that they are about."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib import keys, records
from chalicelib.parts import MIB
from chalicelib.upload import State, Upload

OWNER = "0c5d3c1e-6f0a-4a6e-9a53-2b8f0f6f9d11"
OTHER_OWNER = "9f1e2d3c-4b5a-4678-8765-43210fedcba9"
# The upload of s3_put.json and of the invocation records; its object is `CONTENT`.
PUT_ID = "01977a3e-5c00-7b1e-8d4f-6a1c2e3d4f50"
CONTENT = b"hello world"
# The upload of s3_complete_multipart_upload.json.
MULTIPART_ID = "01977a3e-6000-7c2f-9e50-7b2d3f4e5a61"
CREATED_AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def event(name: str) -> Any:
    """One payload; every call returns a new copy."""
    return json.loads((Path(__file__).parents[1] / "events" / f"{name}.json").read_text("utf-8"))


def request(method: str, path: str, body: Any = None, **parameters: str) -> Any:
    """The event of API Gateway for a request of `OWNER`.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    host = "api.execute-api.eu-west-1.amazonaws.com"
    headers = {"Content-Type": "application/json", "Host": host}
    nobody = (
        "accessKey", "accountId", "caller", "cognitoAuthenticationProvider",
        "cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId",
        "principalOrgId", "user", "userArn",
    )  # fmt: skip
    return {
        "resource": path,
        "path": path.format(**parameters),
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "authorizer": {
                "claims": {
                    "sub": OWNER,
                    "email": "ada@example.com",
                    "email_verified": "true",
                    "token_use": "id",
                    "exp": "Sun Mar 01 13:00:00 UTC 2026",
                }
            },
            "deploymentId": "d3pl0y",
            "domainName": host,
            "domainPrefix": "api",
            "extendedRequestId": "ABCDEF1GIJKLMNO=",
            "httpMethod": method,
            "identity": dict.fromkeys(nobody)
            | {"sourceIp": "192.0.2.7", "userAgent": "Mozilla/5.0"},
            "path": f"/api{path.format(**parameters)}",
            "protocol": "HTTP/1.1",
            "requestId": "e4b46cbf-b738-4a6e-8880-a18cdf61200e",
            "requestTime": "01/Mar/2026:12:00:00 +0000",
            "requestTimeEpoch": 1_772_366_400_123,
            "resourceId": "r3s0rc",
            "resourcePath": path,
            "stage": "api",
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def put_upload(**changes: Any) -> Upload:
    """The new upload of `PUT_ID`: a single PUT of `CONTENT`."""
    filename = "Grüße aus Köln 1+1.txt"
    upload = Upload(
        id=PUT_ID,
        owner=OWNER,
        filename=filename,
        size=len(CONTENT),
        content_type="text/plain",
        key=keys.object_key(owner=OWNER, upload_id=PUT_ID, filename=filename),
        state=State.UPLOADING,
        part_size=len(CONTENT),
        part_count=1,
        created_at=CREATED_AT,
        updated_at=CREATED_AT,
    )
    return replace(upload, **changes)


def failure_of(
    upload: Upload, *, request_id: str = "1", size: int | None = None
) -> records.Failure:
    """A failed invocation for an upload's object, of `size` bytes by its event."""
    payload = records.event_of(
        upload.key,
        bucket="bucket",
        size=upload.size if size is None else size,
        sequencer="0067C2F3A551B2E3C4",
    )
    (created,) = records.objects_created(payload)
    name = keys.parse_key(upload.key)
    assert name is not None
    reason = f"Processing failed (ClientError); request {request_id}"
    return records.Failure(name, created, reason, request_id)


def multipart_upload(**changes: Any) -> Upload:
    """The upload of `MULTIPART_ID`: 2.5 MiB in three parts of 1 MiB."""
    key = keys.object_key(owner=OWNER, upload_id=MULTIPART_ID, filename="holiday film.mp4")
    upload = replace(
        put_upload(),
        id=MULTIPART_ID,
        filename="holiday film.mp4",
        size=5 * MIB // 2,
        content_type="video/mp4",
        key=key,
        part_size=MIB,
        part_count=3,
        multipart_id="multipart-1",
    )
    return replace(upload, **changes)
