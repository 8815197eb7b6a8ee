"""Connects the services as AWS does: S3's event notifications, SNS to functions, email to files.

Turns SeaweedFS's webhook into S3's event JSON, and a message that SNS posts into the event of a
subscribed function. Responds only when the event is on disk. At the start the bridge lists the
bucket: that finds objects that SeaweedFS could not report while either of the two was down.
"""

import base64
import json
import logging
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from aiohttp import web

from chalicelib import keys
from local.functions.invoker import Invoker
from local.names import PREFIX
from stage import sns

log = logging.getLogger("local.events")

NO_SUBJECT = "AWS Notification Message"  # SNS's default, in email
# SeaweedFS's names for the attribute with an object's ETag, and for a key that ends in a slash.
ETAG = "Seaweed-X-Amz-ETag"
FOLDER_MARKER = "httpd/unix-directory"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    key TEXT NOT NULL,
    etag TEXT NOT NULL,
    modified INTEGER NOT NULL,
    PRIMARY KEY (key, etag, modified)
)
"""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A version of an object; `modified` is in whole seconds since 1970, as SeaweedFS stores it."""

    key: str
    size: int
    etag: str
    modified: int

    @property
    def event_name(self) -> str:
        """S3's event for it; the ETag of a multipart upload ends with the number of its parts."""
        return f"ObjectCreated:{'CompleteMultipartUpload' if '-' in self.etag else 'Put'}"


@dataclass(slots=True)
class Bridge:
    """Turns events into invocations; `app.py` declares the `sources` that trigger its functions."""

    database: sqlite3.Connection
    invoker: Invoker
    bucket: str
    region: str
    mail: Path
    sources: Sequence[Mapping[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database.execute(_SCHEMA)

    def routes(self) -> list[web.RouteDef]:
        """The routes for SeaweedFS, for SNS's two subscriptions, and for Lambda's Invoke."""
        return [
            web.post("/s3", self._on_webhook),
            web.post("/sns", self._on_message),
            web.post("/mail", self._on_mail),
            web.post("/2015-03-31/functions/{name}/invocations", self._on_invoke),
        ]

    def catch_up(self, objects: Iterable[StoredObject]) -> int:
        """Send events for the objects that nobody reported; returns their number."""
        return sum(self._add(stored_object) for stored_object in objects)

    def invoke(self, name: str, event: Mapping[str, Any]) -> None:
        """Invoke a function asynchronously; the event is on disk when this returns."""
        with self.database:
            self.invoker.accept(name, event)

    def forget_objects(self) -> None:
        """Let `catch_up` send the events of all objects again, because the table is empty."""
        with self.database:
            self.database.execute("DELETE FROM objects")

    async def _on_webhook(self, request: web.Request) -> web.Response:
        if not self.sources:
            # There is no function to invoke yet: `catch_up` sends the event later.
            return web.Response(status=503)
        change = await request.json()
        before, now = (change.get("message", {}).get(f"{when}_entry") for when in ("old", "new"))
        key = change["key"].removeprefix(f"/buckets/{self.bucket}/")
        if now and _is_object(now):
            self._add(_object_of(key, now))
        elif before and not now:
            self._forget(_object_of(key, before).key)
        return web.Response()

    def _forget(self, key: str) -> None:
        """Mark the rows of a deleted object: the same bytes in the same second are a new object.

        The rows stay, so that sequencers keep growing.
        """
        with self.database:
            self.database.execute(
                "UPDATE objects SET modified = -rowid WHERE key = ? AND modified >= 0", (key,)
            )

    def _add(self, stored_object: StoredObject) -> bool:
        """Store a version of an object and send its event; SeaweedFS reports new tags as well."""
        with self.database:
            row = self.database.execute(
                "INSERT OR IGNORE INTO objects VALUES (?, ?, ?)",
                (stored_object.key, stored_object.etag, stored_object.modified),
            )
            if row.rowcount == 0:
                return False
            event = s3_event(
                stored_object, bucket=self.bucket, region=self.region, sequence=row.lastrowid or 0
            )
            for source in self.sources:
                if source["kind"] == "S3EventConfig" and stored_object.key.startswith(
                    source["prefix"]
                ):
                    self.invoker.accept(source["name"], event)
        log.info("%s %s", stored_object.event_name, stored_object.key)
        return True

    async def _on_message(self, request: web.Request) -> web.Response:
        message = json.loads(await request.text())
        if message["Type"] == "Notification":
            with self.database:
                for source in self.sources:
                    if (
                        source["kind"] == "SNSEventConfig"
                        and source["topic"] == message["TopicArn"]
                    ):
                        self.invoker.accept(source["name"], sns.event_of(message))
        return web.Response()

    async def _on_invoke(self, request: web.Request) -> web.Response:
        """Lambda's asynchronous Invoke, from an operator or from another function."""
        name = request.match_info["name"].removeprefix(f"{PREFIX}-")
        if name not in {source["name"] for source in self.sources}:
            return web.json_response({"Message": f"Function not found: {name}"}, status=404)
        self.invoke(name, await request.json())
        return web.Response(status=202)

    async def _on_mail(self, request: web.Request) -> web.Response:
        message = json.loads(await request.text())
        if message["Type"] == "Notification":
            subject = message.get("Subject") or NO_SUBJECT
            to = f"To: {message['To']}\n" if "To" in message else ""
            text = f"{to}Subject: {subject}\n\n{message['Message']}"
            path = self.mail / f"{time.time_ns()}.txt"
            path.write_text(text, encoding="utf-8")
            print(f"  mail      {subject}  ({path})", flush=True)
        return web.Response()


def _is_object(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of SeaweedFS's filer is an object, or only a folder that objects are in.

    A folder is also an object if somebody stored an object under its key: only then it has an ETag.
    """
    return not entry.get("is_directory") or ETAG in entry.get("extended", {})


def _object_of(key: str, entry: Mapping[str, Any]) -> StoredObject:
    """The object of an entry of SeaweedFS's filer; the key of a folder marker ends in a slash."""
    attributes = entry["attributes"]
    if entry.get("is_directory") and attributes.get("mime") == FOLDER_MARKER:
        key += "/"
    etag = base64.b64decode(entry.get("extended", {}).get(ETAG, "")).decode()
    return StoredObject(key, attributes.get("file_size", 0), etag, attributes["mtime"])


def list_objects(s3: Any, bucket: str) -> list[StoredObject]:
    """All objects below the prefix of uploads; `s3` is a client of boto3's."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=keys.PREFIX)
    return [
        StoredObject(
            item["Key"],
            item["Size"],
            item["ETag"].strip('"'),
            int(item["LastModified"].timestamp()),
        )
        for page in pages
        for item in page.get("Contents", [])
    ]


def s3_event(
    stored_object: StoredObject, *, bucket: str, region: str, sequence: int
) -> dict[str, Any]:
    """S3's event notification of a new object; sequencers grow with `sequence`.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    record = {
        "eventVersion": "2.5",
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "eventName": stored_object.event_name,
        "userIdentity": {"principalId": "local"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": f"{sequence:016X}", "x-amz-id-2": "local"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "process_upload",
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": "local"},
                "arn": f"arn:aws:s3:::{bucket}",
            },
            "object": {
                "key": quote_plus(stored_object.key, safe="/"),
                "size": stored_object.size,
                "eTag": stored_object.etag,
                "sequencer": f"{sequence:018X}",
            },
        },
    }
    return {"Records": [record]}
