"""What AWS does between the services: S3's event notifications, SNS to functions, email to files.

Takes SeaweedFS's webhook and hands on S3's own event JSON; takes what SNS posts and hands on the
event a subscribed function gets. Nothing is answered before it is on disk. What SeaweedFS could not
tell us, because one of us was down, is found by listing the bucket at the start.
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

from local.functions.invoker import Invoker
from stage import sns

log = logging.getLogger("local.events")

NO_SUBJECT = "AWS Notification Message"  # SNS's own, in email
# What SeaweedFS's filer calls an object's ETag, and the type of a key that ends in a slash.
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
class Stored:
    """A version of an object: `modified` in whole seconds since 1970, as SeaweedFS keeps it."""

    key: str
    size: int
    etag: str
    modified: int

    @property
    def event_name(self) -> str:
        """How it came to be; the ETag of a multipart upload ends in the number of its parts."""
        return f"ObjectCreated:{'CompleteMultipartUpload' if '-' in self.etag else 'Put'}"


@dataclass(slots=True)
class Bridge:
    """Events in, invocations out; `sources` is what `app.py` says triggers its functions."""

    database: sqlite3.Connection
    invoker: Invoker
    bucket: str
    region: str
    mail: Path
    sources: Sequence[Mapping[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database.execute(_SCHEMA)

    def routes(self) -> list[web.RouteDef]:
        """What is posted to us: by SeaweedFS, by SNS for functions, by SNS for people."""
        return [
            web.post("/s3", self._on_webhook),
            web.post("/sns", self._on_message),
            web.post("/mail", self._on_mail),
            web.post("/2015-03-31/functions/{name}/invocations", self._on_invoke),
        ]

    def catch_up(self, objects: Iterable[Stored]) -> int:
        """Send events of the objects nobody told us of; returns how many there were."""
        return sum(self._note(stored) for stored in objects)

    def invoke(self, name: str, event: Mapping[str, Any]) -> None:
        """Invoke a function asynchronously; the event is on disk when this returns."""
        with self.database:
            self.invoker.accept(name, event)

    def forget_objects(self) -> None:
        """Let `catch_up` send the events of all objects again: the table knows none of them."""
        with self.database:
            self.database.execute("DELETE FROM objects")

    async def _on_webhook(self, request: web.Request) -> web.Response:
        if not self.sources:
            # Nobody to invoke yet. Not noted, so that it is caught up with.
            return web.Response(status=503)
        change = await request.json()
        before, now = (change.get("message", {}).get(f"{when}_entry") for when in ("old", "new"))
        key = change["key"].removeprefix(f"/buckets/{self.bucket}/")
        if now and _is_object(now):
            self._note(_stored(key, now))
        elif before and not now:
            self._forget(_stored(key, before).key)
        return web.Response()

    def _forget(self, key: str) -> None:
        """An object is deleted: the same bytes that come in the same second are another object.

        Its rows stay, so that the sequence goes on.
        """
        with self.database:
            self.database.execute(
                "UPDATE objects SET modified = -rowid WHERE key = ? AND modified >= 0", (key,)
            )

    def _note(self, stored: Stored) -> bool:
        """Remember a version of an object and send its event; a known one only got a tag."""
        with self.database:
            new = self.database.execute(
                "INSERT OR IGNORE INTO objects VALUES (?, ?, ?)",
                (stored.key, stored.etag, stored.modified),
            )
            if new.rowcount == 0:
                return False
            event = s3_event(
                stored, bucket=self.bucket, region=self.region, sequence=new.lastrowid or 0
            )
            for source in self.sources:
                if source["kind"] == "S3EventConfig" and stored.key.startswith(source["prefix"]):
                    self.invoker.accept(source["name"], event)
        log.info("%s %s", stored.event_name, stored.key)
        return True

    async def _on_message(self, request: web.Request) -> web.Response:
        posted = json.loads(await request.text())
        if posted["Type"] == "Notification":
            with self.database:
                for source in self.sources:
                    if source["kind"] == "SNSEventConfig" and source["topic"] == posted["TopicArn"]:
                        self.invoker.accept(source["name"], sns.event_of(posted))
        return web.Response()

    async def _on_invoke(self, request: web.Request) -> web.Response:
        """Lambda's Invoke, asynchronously: by an operator, or by another function."""
        name = request.match_info["name"].removeprefix("hoist-local-")
        if name not in {source["name"] for source in self.sources}:
            return web.json_response({"Message": f"Function not found: {name}"}, status=404)
        self.invoke(name, await request.json())
        return web.Response(status=202)

    async def _on_mail(self, request: web.Request) -> web.Response:
        posted = json.loads(await request.text())
        if posted["Type"] == "Notification":
            subject = posted.get("Subject") or NO_SUBJECT
            to = f"To: {posted['To']}\n" if "To" in posted else ""
            text = f"{to}Subject: {subject}\n\n{posted['Message']}"
            path = self.mail / f"{time.time_ns()}.txt"
            path.write_text(text, encoding="utf-8")
            print(f"  mail      {subject}  ({path})", flush=True)
        return web.Response()


def _is_object(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of SeaweedFS's filer is an object, or only a folder that objects are in.

    A folder is an object as well when somebody stored its key: an ETag tells the two apart.
    """
    return not entry.get("is_directory") or ETAG in entry.get("extended", {})


def _stored(key: str, entry: Mapping[str, Any]) -> Stored:
    """An object as SeaweedFS's filer describes it; the key of a folder marker ends in a slash."""
    attributes = entry["attributes"]
    if entry.get("is_directory") and attributes.get("mime") == FOLDER_MARKER:
        key += "/"
    etag = base64.b64decode(entry.get("extended", {}).get(ETAG, "")).decode()
    return Stored(key, attributes.get("file_size", 0), etag, attributes["mtime"])


def s3_event(stored: Stored, *, bucket: str, region: str, sequence: int) -> dict[str, Any]:
    """S3's event notification of a new object; sequencers grow with `sequence`.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    record = {
        "eventVersion": "2.5",
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "eventName": stored.event_name,
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
                "key": quote_plus(stored.key, safe="/"),
                "size": stored.size,
                "eTag": stored.etag,
                "sequencer": f"{sequence:018X}",
            },
        },
    }
    return {"Records": [record]}
