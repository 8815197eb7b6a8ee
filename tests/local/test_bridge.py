"""The bridge over real HTTP: posts of SeaweedFS and SNS become the events of functions."""

import asyncio
import base64
import copy
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from chalice.app import S3Event, SNSEvent
from hypothesis import given
from hypothesis import strategies as st

from local.functions.bridge import Bridge, StoredObject, s3_event
from local.functions.invoker import Invoker
from tests.local.serving import serving

WEBHOOKS = Path(__file__).parent / "webhooks"
EVENTS = Path(__file__).parent.parent / "events"
KEY = "uploads/o w/i1/a b+c é.txt"
QUOTED = "uploads/o+w/i1/a+b%2Bc+%C3%A9.txt"
RESULTS = "arn:aws:sns:eu-west-1:123456789012:hoist-local-results"
S3_SOURCE = {"kind": "S3EventConfig", "name": "process_upload", "prefix": "uploads/"}
SNS_SOURCE = {"kind": "SNSEventConfig", "name": "notify", "topic": RESULTS}


def webhook(name: str) -> Any:
    return json.loads((WEBHOOKS / f"{name}.json").read_text(encoding="utf-8"))


class FailingInvoker(Invoker):
    """Fails for the first event, like on a full disk."""

    failed = False

    def accept(self, function: str, event: Any) -> None:
        super().accept(function, event)
        if not self.failed:
            self.failed = True
            raise OSError("no space left")


@dataclass
class World:
    """A bridge that listens, and the rows that it has written to disk."""

    bridge: Bridge
    url: str
    client: aiohttp.ClientSession
    path: Path

    async def post(self, path: str, body: Any, content_type: str = "application/json") -> int:
        async with self.client.post(
            self.url + path, data=json.dumps(body), headers={"Content-Type": content_type}
        ) as answer:
            return answer.status

    async def hook(self, *names: str) -> None:
        for name in names:
            assert await self.post("/s3", webhook(name)) == 200

    async def notification(self, name: str, path: str = "/sns", **changes: Any) -> int:
        return await self.post(path, webhook(name) | changes, "text/plain; charset=UTF-8")

    def accepted(self) -> list[tuple[str, Any]]:
        """Function and event of all invocations that another process reads from disk."""
        database = sqlite3.connect(self.path)
        try:
            rows = database.execute("SELECT function, event FROM invocations ORDER BY id")
            return [(name, json.loads(event)) for name, event in rows]
        finally:
            database.close()

    def objects(self) -> list[Any]:
        """Name, key, size, ETag and sequencer of all of S3's events."""
        objects_of_events = []
        for name, event in self.accepted():
            assert name == "process_upload"
            (record,) = event["Records"]
            objects_of_events.append((record["eventName"], record["s3"]["object"]))
        return objects_of_events


@dataclass
class Worlds:
    """Starts bridges on one folder, one after the other."""

    folder: Path
    invoker: type[Invoker] = Invoker

    @asynccontextmanager
    async def open(self) -> AsyncIterator[World]:
        async def send(destination: str, record: str) -> None:
            raise AssertionError(f"{record} to {destination}: the bridge sends nothing")

        path = self.folder / "events.db"
        database = sqlite3.connect(path)
        try:
            queue = self.invoker(database, None, {}, send, [])  # type: ignore[arg-type]
            bridge = Bridge(
                database, queue, "hoist-local", "eu-west-1", self.folder, [S3_SOURCE, SNS_SOURCE]
            )
            async with serving(bridge.routes()) as url, aiohttp.ClientSession() as client:
                yield World(bridge, url, client, path)
        finally:
            database.close()

    def run(self, story: Callable[[World], Coroutine[Any, Any, None]]) -> None:
        """Run a story with one bridge."""

        async def run_story() -> None:
            async with self.open() as world:
                await story(world)

        asyncio.run(run_story())


@pytest.fixture
def worlds(tmp_path: Path) -> Worlds:
    return Worlds(tmp_path)


def test_a_put_becomes_s3_s_event(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        await world.hook("create_put")
        ((name, event),) = world.accepted()
        assert name == "process_upload"
        datetime.strptime(event["Records"][0].pop("eventTime"), "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007 - the test checks the form
        assert event == {
            "Records": [
                {
                    "eventVersion": "2.5",
                    "eventSource": "aws:s3",
                    "awsRegion": "eu-west-1",
                    "eventName": "ObjectCreated:Put",
                    "userIdentity": {"principalId": "local"},
                    "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                    "responseElements": {
                        "x-amz-request-id": "0000000000000001",
                        "x-amz-id-2": "local",
                    },
                    "s3": {
                        "s3SchemaVersion": "1.0",
                        "configurationId": "process_upload",
                        "bucket": {
                            "name": "hoist-local",
                            "ownerIdentity": {"principalId": "local"},
                            "arn": "arn:aws:s3:::hoist-local",
                        },
                        "object": {
                            "key": QUOTED,
                            "size": 5,
                            "eTag": "5d41402abc4b2a76b9719d911017c592",
                            "sequencer": "000000000000000001",
                        },
                    },
                }
            ]
        }

    worlds.run(story)


def test_the_event_has_the_fields_of_a_real_one() -> None:
    def names(value: Any) -> Any:
        return (
            {name: names(member) for name, member in value.items()} if type(value) is dict else None
        )

    ours = s3_event(StoredObject(KEY, 5, "e", 1), bucket="b", region="r", sequence=1)
    real = json.loads((EVENTS / "s3_put.json").read_text(encoding="utf-8"))

    assert names(ours["Records"][0]) == names(real["Records"][0])


def test_chalice_reads_the_key_from_the_event(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        await world.hook("create_put")
        ((_, event),) = world.accepted()
        assert (S3Event(event, None).bucket, S3Event(event, None).key) == ("hoist-local", KEY)

    worlds.run(story)


def test_an_object_of_parts_has_the_event_of_a_completed_upload(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        await world.hook("create_multipart")
        ((name, s3_object),) = world.objects()
        assert name == "ObjectCreated:CompleteMultipartUpload"
        assert s3_object["key"] == "uploads/o+w/i3/two+parts.bin"
        assert s3_object["size"] == 5_242_882
        assert s3_object["eTag"] == "6b489a9b12d79ba2928d2a23cb61503b-2"

    worlds.run(story)


def test_an_empty_object_has_size_0(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        await world.hook("create_empty")
        ((name, s3_object),) = world.objects()
        assert name == "ObjectCreated:Put"
        assert s3_object["size"] == 0
        assert s3_object["eTag"] == "d41d8cd98f00b204e9800998ecf8427e"

    worlds.run(story)


def test_a_directory_is_not_an_object(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        await world.hook("create_directory")
        assert world.accepted() == []

    worlds.run(story)


def folder_object(mime: str) -> dict[str, Any]:
    """The webhook of a folder that is also an object."""
    change: dict[str, Any] = webhook("create_directory")
    entry = change["message"]["new_entry"]
    etag = base64.b64encode(b"d41d8cd98f00b204e9800998ecf8427e").decode()
    entry["attributes"] |= {"mime": mime}
    entry["extended"] = {"Seaweed-X-Amz-ETag": etag}
    return change


@pytest.mark.parametrize(
    ("mime", "key"),
    [
        pytest.param("httpd/unix-directory", "uploads/o+w/", id="a key that ends in a slash"),
        pytest.param("text/plain", "uploads/o+w", id="a key with others below it"),
    ],
)
def test_a_folder_with_content_is_an_object(worlds: Worlds, mime: str, key: str) -> None:
    async def story(world: World) -> None:
        for _ in "12":
            assert await world.post("/s3", folder_object(mime)) == 200
        ((name, s3_object),) = world.objects()
        assert (name, s3_object["key"]) == ("ObjectCreated:Put", key)
        assert s3_object["eTag"] == "d41d8cd98f00b204e9800998ecf8427e"

    worlds.run(story)


def test_catch_up_sends_forgotten_objects_again(worlds: Worlds) -> None:
    stored_object = StoredObject("uploads/o/i1/a.txt", 1, "etag", 1_795_397_213)

    async def story(world: World) -> None:
        assert [world.bridge.catch_up([stored_object]) for _ in "12"] == [1, 0]
        world.bridge.forget_objects()
        assert world.bridge.catch_up([stored_object]) == 1
        assert [s3_object["key"] for _, s3_object in world.objects()] == [stored_object.key] * 2

    worlds.run(story)


def test_a_new_tag_is_not_a_new_object(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        await world.hook("create_put", "update_tag")
        assert len(world.objects()) == 1

    worlds.run(story)


def test_new_content_is_a_new_object(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        await world.hook("create_put", "update_content")
        (_, first), (name, second) = world.objects()
        assert name == "ObjectCreated:Put"
        assert first["key"] == second["key"] == QUOTED
        assert (second["size"], second["eTag"]) == (12, "75cb620d9e7f329596a922e7272cb7c8")

    worlds.run(story)


def test_the_same_content_uploaded_again_later_is_a_new_object(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        again = webhook("create_put")
        again["message"]["new_entry"]["attributes"]["mtime"] += 1
        await world.hook("create_put")
        assert await world.post("/s3", again) == 200
        assert len(world.objects()) == 2

    worlds.run(story)


def test_an_update_without_a_reported_create_is_an_object(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        await world.hook("update_tag")
        ((_, s3_object),) = world.objects()
        assert s3_object["key"] == QUOTED

    worlds.run(story)


def test_a_delete_sends_nothing(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        await world.hook("delete")
        assert world.accepted() == []

    worlds.run(story)


def test_the_same_content_directly_after_a_delete_is_a_new_object(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        for _ in range(2):
            await world.hook("create_put", "delete")
        await world.hook("create_put")
        sequencers = [s3_object["sequencer"] for _, s3_object in world.objects()]
        assert len(sequencers) == 3
        assert sequencers == sorted(set(sequencers))

    worlds.run(story)


@pytest.mark.parametrize(
    "key",
    [
        "/buckets/hoist-local/downloads/a.txt",
        "/buckets/hoist-local/uploads",
        "/buckets/hoist-local/.uploads/1/0001.part",
        "/buckets/another/uploads/a.txt",
        "/buckets/hoist-local-2/uploads/a.txt",
        "/etc/uploads/a.txt",
    ],
)
def test_an_object_below_another_prefix_triggers_nothing(worlds: Worlds, key: str) -> None:
    async def story(world: World) -> None:
        assert await world.post("/s3", webhook("create_put") | {"key": key}) == 200
        assert world.accepted() == []

    worlds.run(story)


def test_a_webhook_posted_twice_gives_one_event(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        await world.hook("create_put", "create_put")
        await asyncio.gather(*(world.hook("create_multipart") for _ in range(5)))
        assert len(world.objects()) == 2

    worlds.run(story)


def test_a_webhook_posted_again_to_the_next_bridge_gives_one_event(worlds: Worlds) -> None:
    async def once(world: World) -> None:
        await world.hook("create_put")
        assert len(world.objects()) == 1

    worlds.run(once)
    worlds.run(once)


def test_an_event_that_could_not_be_stored_is_sent_again(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        assert await world.post("/s3", webhook("create_put")) == 500
        assert world.accepted() == []
        await world.hook("create_put")
        assert len(world.objects()) == 1

    replace(worlds, invoker=FailingInvoker).run(story)


def test_sequencers_grow_from_object_to_object(worlds: Worlds) -> None:
    sequencers: list[str] = []

    async def story(world: World) -> None:
        for number in range(20):
            entry = webhook("create_put")
            entry["message"]["new_entry"]["attributes"]["mtime"] += len(sequencers) + number
            assert await world.post("/s3", entry) == 200
        sequencers[:] = [s3_object["sequencer"] for _, s3_object in world.objects()]

    worlds.run(story)
    worlds.run(story)

    assert len(sequencers) == 40
    assert sequencers == sorted(set(sequencers))


@given(st.integers(0, 2**63 - 2))
def test_a_later_sequencer_compares_greater(sequence: int) -> None:
    stored_object = StoredObject(KEY, 5, "e", 1)
    earlier, later = (
        s3_event(stored_object, bucket="b", region="r", sequence=number)["Records"][0]["s3"][
            "object"
        ]
        for number in (sequence, sequence + 1)
    )
    assert earlier["sequencer"] < later["sequencer"]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_chalice_reads_any_key_from_its_event(key: str) -> None:
    event = s3_event(StoredObject(key, 5, "e", 1), bucket="b", region="r", sequence=1)

    assert event["Records"][0]["s3"]["object"]["key"].isascii()
    assert S3Event(event, None).key == key


def test_catch_up_sends_only_unknown_objects(worlds: Worlds) -> None:
    entry = webhook("create_put")["message"]["new_entry"]
    known_object = StoredObject(
        KEY, 5, "5d41402abc4b2a76b9719d911017c592", entry["attributes"]["mtime"]
    )
    unknown_object = StoredObject(
        "uploads/o/i/b.txt", 7, "0123456789abcdef0123456789abcdef-3", known_object.modified
    )

    async def story(world: World) -> None:
        await world.hook("create_put")
        assert world.bridge.catch_up([known_object, unknown_object]) == 1
        assert world.bridge.catch_up([unknown_object, known_object]) == 0
        _, (name, s3_object) = world.objects()
        assert name == "ObjectCreated:CompleteMultipartUpload"
        assert (s3_object["key"], s3_object["size"]) == ("uploads/o/i/b.txt", 7)

    worlds.run(story)


def test_catch_up_sends_an_object_reported_before_functions_start(worlds: Worlds) -> None:
    entry = webhook("create_put")["message"]["new_entry"]
    listed = StoredObject(KEY, 5, "5d41402abc4b2a76b9719d911017c592", entry["attributes"]["mtime"])

    async def story(world: World) -> None:
        world.bridge.sources = []
        assert await world.post("/s3", webhook("create_put")) == 503
        world.bridge.sources = [S3_SOURCE]
        assert world.bridge.catch_up([listed]) == 1
        assert len(world.objects()) == 1

    worlds.run(story)


def test_a_late_webhook_does_not_repeat_a_catch_up(worlds: Worlds) -> None:
    entry = webhook("create_put")["message"]["new_entry"]
    listed = StoredObject(KEY, 5, "5d41402abc4b2a76b9719d911017c592", entry["attributes"]["mtime"])

    async def story(world: World) -> None:
        assert world.bridge.catch_up([listed]) == 1
        await world.hook("create_put", "update_tag")
        assert len(world.objects()) == 1

    worlds.run(story)


def test_a_message_of_sns_becomes_the_event_of_a_subscribed_function(worlds: Worlds) -> None:
    message = webhook("sns_without_subject")

    async def story(world: World) -> None:
        assert await world.notification("sns_without_subject") == 200
        ((name, event),) = world.accepted()
        assert name == "notify"
        assert SNSEvent(event, None).message == '{"version": "1.0"}'
        (record,) = event["Records"]
        assert record["EventSource"] == "aws:sns"
        assert record["EventVersion"] == "1.0"
        assert record["EventSubscriptionArn"].startswith(f"{RESULTS}:")
        assert record["Sns"] == {
            "Type": "Notification",
            "MessageId": message["MessageId"],
            "TopicArn": RESULTS,
            "Subject": None,
            "Message": '{"version": "1.0"}',
            "Timestamp": message["Timestamp"],
            "SignatureVersion": message["SignatureVersion"],
            "Signature": message["Signature"],
            "SigningCertUrl": message["SigningCertURL"],
            "UnsubscribeUrl": message["UnsubscribeURL"],
            "MessageAttributes": {},
        }

    worlds.run(story)


def test_the_event_of_a_topic_has_the_fields_of_a_real_one(worlds: Worlds) -> None:
    real = json.loads((EVENTS / "sns_success.json").read_text(encoding="utf-8"))["Records"][0]

    async def story(world: World) -> None:
        await world.notification("sns_without_subject")
        ((_, event),) = world.accepted()
        assert event["Records"][0].keys() == real.keys()
        assert event["Records"][0]["Sns"].keys() == real["Sns"].keys()

    worlds.run(story)


def test_a_function_receives_subject_and_attributes(worlds: Worlds) -> None:
    attributes = {"state": {"Type": "String", "Value": "accepted"}}

    async def story(world: World) -> None:
        await world.notification("sns_with_subject", TopicArn=RESULTS, MessageAttributes=attributes)
        ((_, event),) = world.accepted()
        assert SNSEvent(event, None).subject == "Hoist: accepted - a.txt"
        assert event["Records"][0]["Sns"]["MessageAttributes"] == attributes

    worlds.run(story)


def test_a_function_of_another_topic_is_not_invoked(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        assert await world.notification("sns_with_subject") == 200
        assert world.accepted() == []

    worlds.run(story)


def test_every_subscribed_function_is_invoked(worlds: Worlds) -> None:
    async def story(world: World) -> None:
        world.bridge.sources = [SNS_SOURCE, S3_SOURCE, SNS_SOURCE | {"name": "count"}]
        await world.notification("sns_without_subject")
        assert [name for name, _ in world.accepted()] == ["notify", "count"]

    worlds.run(story)


@pytest.mark.parametrize("path", ["/sns", "/mail"])
def test_a_subscription_confirmation_invokes_nothing(
    worlds: Worlds, tmp_path: Path, path: str
) -> None:
    async def story(world: World) -> None:
        kind = "SubscriptionConfirmation"
        assert (
            await world.notification("sns_with_subject", path, TopicArn=RESULTS, Type=kind) == 200
        )
        assert world.accepted() == []
        assert list(tmp_path.glob("*.txt")) == []

    worlds.run(story)


def test_mail_is_written_to_a_file_and_printed(
    worlds: Worlds, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story(world: World) -> None:
        assert await world.notification("sns_with_subject", "/mail") == 200

    worlds.run(story)

    (letter,) = tmp_path.glob("*.txt")
    assert letter.read_text(encoding="utf-8") == "Subject: Hoist: accepted - a.txt\n\né done"
    printed = capsys.readouterr().out
    assert "Hoist: accepted - a.txt" in printed
    assert str(letter) in printed


def test_mail_without_a_subject_has_sns_s_default(worlds: Worlds, tmp_path: Path) -> None:
    async def story(world: World) -> None:
        assert await world.notification("sns_without_subject", "/mail") == 200

    worlds.run(story)

    (letter,) = tmp_path.glob("*.txt")
    assert letter.read_text(encoding="utf-8").startswith("Subject: AWS Notification Message\n\n{")


def test_every_mail_is_a_file_of_its_own(worlds: Worlds, tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await asyncio.gather(*(world.notification("sns_with_subject", "/mail") for _ in range(5)))

    worlds.run(story)

    assert len(list(tmp_path.glob("*.txt"))) == 5


def test_a_malformed_webhook_is_refused_and_the_next_is_accepted(worlds: Worlds) -> None:
    broken = copy.deepcopy(webhook("create_put"))
    del broken["message"]["new_entry"]["attributes"]

    async def story(world: World) -> None:
        assert await world.post("/s3", broken) == 500
        await world.hook("create_put")
        assert len(world.objects()) == 1

    worlds.run(story)
