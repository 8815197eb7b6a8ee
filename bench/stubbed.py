"""Responses of S3 and DynamoDB for one upload of 10,000 parts, in place of the network.

`answer` handles botocore's event `before-send`. Requests are still built and signed, and responses
parsed; only the network is left out. So the cost of boto3 is on both sides of a comparison.
"""

import base64
import json
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from chalicelib import keys
from chalicelib.parts import MIB

PARTS, PAGE, PART_SIZE = 10_000, 1000, 16 * MIB
SIZE = PARTS * PART_SIZE
OWNER = "0c5d3c1e-6f0a-4a6e-9a53-2b8f0f6f9d11"
UPLOAD_ID = "01977a3e-5c00-7b1e-8d4f-6a1c2e3d4f50"
KEY = keys.object_key(owner=OWNER, upload_id=UPLOAD_ID, filename="film.mp4")
MULTIPART_ID = "m" * 120
CHECKSUM = base64.b64encode(bytes(8)).decode()
_CREATED = "2026-03-01T12:00:00.123456+00:00"
_XML = (
    '<?xml version="1.0"?><{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inside}</{name}>'
)
_PART = (
    "<Part><PartNumber>{n}</PartNumber><LastModified>2026-03-01T12:00:00.000Z</LastModified>"
    "<ETag>&quot;{n:032x}&quot;</ETag><Size>{size}</Size>"
    "<ChecksumCRC64NVME>{checksum}</ChecksumCRC64NVME></Part>"
)


class _Body(BytesIO):
    def stream(self, **_: Any) -> Any:
        yield self.read()


def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    """The response of AWS."""
    operation = request.headers.get("X-Amz-Target", b"")
    text = operation.decode() if isinstance(operation, bytes) else operation
    body = _dynamodb(text.rpartition(".")[2]) if text else _s3(request)
    headers = HTTPHeaders.from_pairs([("Content-Type", "text/xml")])
    return AWSResponse(request.url, 200, headers, _Body(body.encode()))


def item(state: str = "uploading") -> dict[str, Any]:
    """The upload as its item in the table."""
    texts = {
        "pk": f"upload#{OWNER}#{UPLOAD_ID}", "sk": "upload", "id": UPLOAD_ID, "owner": OWNER,
        "filename": "film.mp4", "content_type": "video/mp4", "key": KEY, "state": state,
        "multipart_id": MULTIPART_ID, "created_at": _CREATED, "updated_at": _CREATED,
        "check_shard": UPLOAD_ID[-1], "check_at": _CREATED,
    }  # fmt: skip
    numbers = {"size": SIZE, "part_size": PART_SIZE, "part_count": PARTS, "version": 0}
    return {name: {"S": text} for name, text in texts.items()} | {
        name: {"N": str(number)} for name, number in numbers.items()
    }


def _dynamodb(operation: str) -> str:
    answers: dict[str, Any] = {
        "PutItem": {},
        "DeleteItem": {},
        "TransactWriteItems": {},
        "Query": {"Count": 0, "Items": []},
        "GetItem": {"Item": item()},
        "UpdateItem": {"Attributes": item("uploaded")},
    }
    return json.dumps(answers[operation])


def _s3(request: AWSPreparedRequest) -> str:
    query = parse_qs(urlsplit(request.url).query, keep_blank_values=True)
    if "uploads" in query:
        inside = f"<UploadId>{MULTIPART_ID}</UploadId>"
        return _XML.format(name="InitiateMultipartUploadResult", inside=inside)
    if request.method == "POST":
        return _XML.format(name="CompleteMultipartUploadResult", inside="<ETag>e</ETag>")
    if request.method == "DELETE":
        return ""
    first = int(query.get("part-number-marker", ["0"])[0]) + 1
    return _PAGES[first // PAGE]


def _page(first: int) -> str:
    last = first + PAGE - 1
    parts = "".join(
        _PART.format(n=n, size=PART_SIZE, checksum=CHECKSUM) for n in range(first, last + 1)
    )
    more = f"<IsTruncated>{str(last < PARTS).lower()}</IsTruncated>"
    marker = f"<NextPartNumberMarker>{last}</NextPartNumberMarker>"
    return _XML.format(name="ListPartsResult", inside=f"{more}{marker}{parts}")


_PAGES = [_page(first) for first in range(1, PARTS, PAGE)]
