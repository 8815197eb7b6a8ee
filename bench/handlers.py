"""A warm handler's own cost: create, complete and list parts beside the bare boto3 calls they make.

`.venv/bin/python bench/handlers.py` prints milliseconds (medians of turns) for an upload of 10,000
parts, S3 and DynamoDB answering from memory. The last line is JSON.
"""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench import stubbed
from bench.rounds import medians, report, seconds
from tests import environment

environment.enter()
import app  # noqa: E402 - it reads the environment when it is imported
from chalicelib.application import application  # noqa: E402

NAMED = {"Bucket": environment.BUCKET, "Key": stubbed.KEY, "UploadId": stubbed.MULTIPART_ID}
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


class Bare:
    """The same calls, made with boto3 and nothing else."""

    def __init__(self) -> None:
        session = boto3.Session(region_name=environment.REGION)
        session.events.register("before-send", stubbed.answer)
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
        self.dynamodb.put_item(TableName=environment.TABLE, Item=stubbed.item())
        self.dynamodb.query(
            TableName=environment.TABLE,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": stubbed.OWNER}},
            Select="COUNT",
        )

    def list_parts(self) -> list[Any]:
        self.dynamodb.get_item(**ROW)
        pages = self.s3.get_paginator("list_parts").paginate(**NAMED)
        return [part for page in pages for part in page["Parts"]]

    def complete(self) -> None:
        parts = [{"PartNumber": p["PartNumber"], "ETag": p["ETag"]} for p in self.list_parts()]
        self.s3.complete_multipart_upload(**NAMED, MultipartUpload={"Parts": parts})
        for _ in range(2):  # the checksum, then the state
            self.dynamodb.update_item(
                **ROW,
                UpdateExpression="SET crc64nvme = :c",
                ExpressionAttributeValues={":c": {"S": stubbed.CHECKSUM}},
            )
        self.dynamodb.query(  # the owner's open pages
            TableName=environment.TABLE,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": stubbed.OWNER}},
        )


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    logging.disable()
    application()._session.register("before-send", stubbed.answer)
    bare = Bare()
    file = {"filename": "film.mp4", "size": stubbed.SIZE, "content_type": "video/mp4"}
    upload = "/uploads/{upload_id}"
    created, listed = ask("POST", "/uploads", file), ask("GET", f"{upload}/parts")
    assert len(created["sheet"]["signatures"]) == len(listed["parts"]) == stubbed.PARTS
    checksum = {"crc64nvme": stubbed.CHECKSUM}
    contestants = {
        "create": (lambda: ask("POST", "/uploads", file), bare.create),
        "complete": (lambda: ask("POST", f"{upload}/complete", checksum), bare.complete),
        "list_parts": (lambda: ask("GET", f"{upload}/parts"), bare.list_parts),
    }
    results: dict[str, Any] = {}
    for name, (ours, theirs) in contestants.items():
        found = medians(
            {
                "hoist": lambda ours=ours: seconds(ours),
                "boto3": lambda theirs=theirs: seconds(theirs),
            },
            rounds=options.rounds,
        )
        results |= {f"{name}_{who}_ms": round(value * 1e3, 1) for who, value in found.items()}
        results[f"{name}_own_ms"] = round((found["hoist"] - found["boto3"]) * 1e3, 1)
    report(results)


if __name__ == "__main__":
    main()
