"""The cost of our own code in a warm handler: create, complete and list parts, beside boto3.

`.venv/bin/python bench/handlers.py` prints processor milliseconds (medians of turns) for an upload
of 10,000 parts, and for the creation of a small file. S3 and DynamoDB answer from memory. The peer
makes the same boto3 calls and nothing else; if the calls differ, the bench stops. `own` is our time
outside the calls, minus that of the peer. `difference` is between the totals, two large figures
that vary with the machine.
"""

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench import stubbed
from bench.calls import Calls
from bench.results import bench_parser, report
from bench.rounds import medians
from tests.support import environment

environment.enter()
import app  # noqa: E402 - it reads the environment when it is imported
from chalicelib.application import application  # noqa: E402

UPLOAD_NAME = {"Bucket": environment.BUCKET, "Key": stubbed.KEY, "UploadId": stubbed.MULTIPART_ID}
ROW = {"TableName": environment.TABLE, "Key": {k: stubbed.item()[k] for k in ("pk", "sk")}}


def ask(method: str, resource: str, body: Any = None) -> Any:
    """One request as API Gateway hands it to the function."""
    event = {
        "httpMethod": method,
        "resource": resource,
        "path": resource,
        "headers": {"Content-Type": "application/json"},
        "multiValueQueryStringParameters": None,
        "pathParameters": {"upload_id": stubbed.UPLOAD_ID} if "{" in resource else None,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": resource,
            "authorizer": {"claims": {"sub": stubbed.OWNER}},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
        "stageVariables": None,
    }
    answer = app.app(event, None)
    assert answer["statusCode"] in (200, 201), answer["body"]
    return json.loads(answer["body"])


CALLS = Calls()


class Bare:
    """The same calls, made with boto3 and nothing else."""

    def __init__(self) -> None:
        session: Any = boto3.Session(region_name=environment.REGION)
        session.events.register("before-send", stubbed.answer)
        CALLS.watch(session.events)
        self.s3: Any = session.client("s3", config=Config(s3={"addressing_style": "virtual"}))
        self.dynamodb: Any = session.client("dynamodb")

    def create(self) -> None:
        self.s3.create_multipart_upload(
            Bucket=environment.BUCKET,
            Key=stubbed.KEY,
            ContentType="video/mp4",
            ChecksumAlgorithm="CRC64NVME",
            ChecksumType="FULL_OBJECT",
        )
        self.create_small()

    def create_small(self) -> None:
        upload = {"TableName": environment.TABLE, "Item": stubbed.item()}
        usage = ROW | {
            "UpdateExpression": "ADD used_bytes :size",
            "ExpressionAttributeValues": {":size": {"N": str(stubbed.SIZE)}},
        }
        mark = {"TableName": environment.TABLE, "Item": ROW["Key"]}
        writes = [{"Put": upload}, {"Put": mark}, {"Update": usage}]
        self.dynamodb.transact_write_items(TransactItems=writes)
        self._query()  # the owner's uploads in progress

    def list_parts(self) -> list[Any]:
        self.dynamodb.get_item(**ROW)
        return self._parts()

    def complete(self) -> None:
        self.dynamodb.get_item(**ROW)
        self._update()  # the checksum
        parts = [{"PartNumber": p["PartNumber"], "ETag": p["ETag"]} for p in self._parts()]
        self.s3.complete_multipart_upload(
            **UPLOAD_NAME,
            MultipartUpload={"Parts": parts},
            ChecksumType="FULL_OBJECT",
            ChecksumCRC64NVME=stubbed.CHECKSUM,
            MpuObjectSize=stubbed.SIZE,
            IfNoneMatch="*",
        )
        self._update()  # the state
        self.dynamodb.delete_item(**ROW)  # it is no longer in progress
        self._query()  # the owner's open pages

    def _parts(self) -> list[Any]:
        pages = self.s3.get_paginator("list_parts").paginate(**UPLOAD_NAME)
        return [part for page in pages for part in page["Parts"]]

    def _query(self) -> None:
        self.dynamodb.query(
            TableName=environment.TABLE,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": stubbed.OWNER}},
        )

    def _update(self) -> None:
        self.dynamodb.update_item(
            **ROW,
            UpdateExpression="SET crc64nvme = :c",
            ExpressionAttributeValues={":c": {"S": stubbed.CHECKSUM}},
        )


def contestants() -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Our handler and its peer, by name; they make the same calls."""
    bare = Bare()
    file = {"filename": "film.mp4", "size": stubbed.SIZE, "content_type": "video/mp4"}
    upload = "/uploads/{upload_id}"
    created, listed = ask("POST", "/uploads", file), ask("GET", f"{upload}/parts")
    assert len(created["sheet"]["signatures"]) == len(listed["parts"]) == stubbed.PARTS
    small = file | {"size": 1000}
    checksum = {"crc64nvme": stubbed.CHECKSUM}
    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "create": (lambda: ask("POST", "/uploads", file), bare.create),
        "create_small": (lambda: ask("POST", "/uploads", small), bare.create_small),
        "complete": (lambda: ask("POST", f"{upload}/complete", checksum), bare.complete),
        "list_parts": (lambda: ask("GET", f"{upload}/parts"), bare.list_parts),
    }
    for name, (ours, theirs) in pairs.items():
        CALLS.spent(ours)
        our_calls = CALLS.names
        CALLS.spent(theirs)
        if our_calls != CALLS.names:
            raise SystemExit(f"{name} makes other calls than its peer: {our_calls}, {CALLS.names}")
    return pairs


def measure(
    name: str, ours: Callable[[], object], theirs: Callable[[], object], *, rounds: int
) -> dict[str, float]:
    """Medians of turns in milliseconds: our total, their total, and our own code."""
    times = medians(
        {
            "hoist": lambda: CALLS.spent(ours),
            "hoist_outside": lambda: CALLS.outside,  # of the turn that just ended
            "boto3": lambda: CALLS.spent(theirs),
            "boto3_outside": lambda: CALLS.outside,
        },
        rounds=rounds,
    )
    times["difference"] = times["hoist"] - times["boto3"]
    times["own"] = times["hoist_outside"] - times["boto3_outside"]
    order = ("hoist", "boto3", "difference", "own")
    return {f"{name}_{who}_ms": round(times[who] * 1e3, 1) for who in order}


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    logging.disable()
    session = application()._clients.session
    session.register("before-send", stubbed.answer)
    CALLS.watch(session)
    results: dict[str, Any] = {}
    for name, (ours, theirs) in contestants().items():
        results |= measure(name, ours, theirs, rounds=options.rounds)
    report(__file__, options, results)


if __name__ == "__main__":
    main()
