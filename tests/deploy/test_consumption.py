"""What `make cost` counts is what the use cases ask, metered on fakes and on moto's DynamoDB."""

import json
from dataclasses import replace
from math import ceil
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest

from chalicelib.browser import Browser
from chalicelib.config import Settings
from chalicelib.creation import MAX_MEMBERS, Announcement
from chalicelib.errors import UploadError
from chalicelib.media_types import decide
from chalicelib.notifier import Notifier
from chalicelib.parts import MIB
from chalicelib.processing import Processing
from chalicelib.processors import PROCESSORS, Processors
from chalicelib.reader import BLOCK_SIZE
from chalicelib.signing import Credentials, Signer
from chalicelib.subscriptions import Subscriptions
from chalicelib.sweep import Sweep
from chalicelib.upload import State, Upload
from chalicelib.uploads import Uploads
from deploy.cost import consumption
from deploy.cost.consumption import Journey, Step
from tests.support import environment
from tests.support.fakes import Clock, Invocation, MemoryStorage, checksum
from tests.support.metered import Meter, size_of
from tests.support.payloads import OWNER, event
from tests.support.tables import real_table

pytestmark = pytest.mark.slow

FILENAME = "m" * 96 + ".bin"
CONNECTION = "L0SM9cOFvHcCIhw="
SIZES = [
    pytest.param(1, id="a byte"),
    pytest.param(MIB, id="one PUT"),
    pytest.param(MIB + 1, id="two parts"),
    pytest.param(BLOCK_SIZE + 1, id="two blocks"),
    pytest.param(20 * MIB, id="twenty parts"),
]


class Storage(MemoryStorage):
    """Gives ids as long as S3's, which count as the items that hold them do."""

    def create_multipart(self, key: str, *, content_type: str) -> str:
        short = super().create_multipart(key, content_type=content_type)
        long = short.ljust(128, "x")
        self.multiparts[long] = self.multiparts.pop(short)
        return long


class Stage:
    """The use cases of a stage, and the meter that they run on."""

    def __init__(self, settings: Settings, dynamodb: Any, clock: Clock) -> None:
        client = boto3.client("dynamodb", region_name=environment.REGION)
        self.received = Storage()
        self.meter = meter = Meter(client, dynamodb, self.received)
        table = real_table(client, clock)
        processors = Processors(PROCESSORS, settings.whole_max_size, lambda: 0.0)
        self.browser = Browser(
            client, environment.TABLE, lambda: meter.gateway, "wss://pages", clock, max_pages=20
        )
        self.uploads = Uploads(
            settings,
            meter.storage,
            table,
            self.browser,
            lambda: Signer(Credentials("AKIDEXAMPLE", "secret"), "eu-west-1", clock(), 900),
            lambda _: Signer(Credentials("AKIDNEW", "secret"), "eu-west-1", clock(), 900),
            clock,
            clock.advance,
        )
        self.processing = Processing(
            settings,
            meter.storage,
            table,
            self.browser,
            decide,
            processors.run,
            clock,
            clock.advance,
        )
        self.notifier = Notifier(
            table,
            self.browser,
            meter.topic.publish,
            "topic",
            "https://page",
            clock,
            clock.advance,
        )
        self.subscriptions = Subscriptions(
            boto3.client("sns", region_name=environment.REGION), client, environment.TABLE, "topic"
        )

    def visit(self) -> dict[str, Step]:
        """What opening the page asks; the page stays open."""
        self.uploads.limits()
        asked = {"limits": self.meter.take()}
        self.subscriptions.state(OWNER)
        asked["get_email"] = self.meter.take()
        ticket = self.browser.invite(OWNER).partition("=")[2]
        asked["invite_page"] = self.meter.take()
        self.browser.connect(CONNECTION, ticket)
        return asked | {"connect_page": self.meter.take()}

    def create_batch(self, data: bytes, count: int) -> Upload:
        """So many files with the same bytes; the first of them."""
        asked = Announcement(
            filename=FILENAME,
            size=len(data),
            content_type="application/octet-stream",
            crc64nvme=checksum(data),
        )
        created, *_ = self.uploads.create_all(OWNER, [asked] * count, idempotency_key="0" * 32)
        assert not isinstance(created, UploadError)
        return created[0]

    def create(self, data: bytes, checksum: str | None) -> Upload:
        upload, _ = self.uploads.create(
            OWNER,
            filename=FILENAME,
            size=len(data),
            content_type="application/octet-stream",
            crc64nvme=checksum,
            idempotency_key="0" * 32,
        )
        return upload

    def receive(self, upload: Upload, data: bytes) -> None:
        """What S3 gets by presigned URLs: requests of the page, not of a function."""
        if upload.multipart_id is None:
            self.received.receive_object(upload.key, data)
            return
        for number in range(1, upload.part_count + 1):
            part = data[(number - 1) * upload.part_size : number * upload.part_size]
            self.received.receive_part(upload.key, upload.multipart_id, number, part)

    def process(self, upload: Upload) -> dict[str, Any]:
        told = event("s3_put")
        told["Records"][0]["s3"]["object"] |= {
            "key": quote_plus(upload.key, safe="/"),
            "size": upload.size,
        }
        # Lambda's request ids are UUIDs, and are in the item for a while.
        return self.processing.process(told, Invocation("8f507cfc-1234-4697-b07a-ac58fc914c95"))

    def notify(self, report: dict[str, Any]) -> None:
        record = json.loads(event("sns_success")["Records"][0]["Sns"]["Message"])
        record["responsePayload"] = report
        self.notifier.notify(json.dumps(record), Invocation("9f507cfc-1234-4697-b07a-ac58fc914c95"))


@pytest.fixture
def stage(settings: Settings, dynamodb: Any, clock: Clock) -> Stage:
    return Stage(settings, dynamodb, clock)


@pytest.mark.parametrize("size", SIZES)
def test_each_step_asks_what_is_counted(stage: Stage, settings: Settings, size: int) -> None:
    data = noise(size)
    plan = consumption.plan_of(size, settings)
    stage.visit()

    if plan.strategy == "put":
        upload = stage.create_batch(data, 1)
        assert stage.meter.take() == consumption.batch_step(1)
        stage.receive(upload, data)
    else:
        upload = stage.create(data, None)
        assert stage.meter.take() == consumption.create_step()
        stage.receive(upload, data)
        stage.uploads.complete(OWNER, upload.id, crc64nvme=checksum(data), wait=2)
        assert stage.meter.take() == consumption.complete_step(plan, 1)

    report = stage.process(upload)
    processed = stage.meter.take()
    blocks = ceil(size / BLOCK_SIZE)
    counted = consumption.process_step(size, plan.strategy)
    # The item passes a kilobyte on the way; when exactly, hangs on how long its numbers are.
    assert counted.writes - 1 <= processed.writes <= counted.writes
    asked = replace(processed, calls=processed.calls - blocks, writes=counted.writes)
    assert asked == counted

    stage.notify(report)
    assert stage.meter.take() == consumption.NOTIFY
    assert stage.uploads.get(OWNER, upload.id).state is State.ACCEPTED

    stage.meter.take()
    stage.uploads.download(OWNER, upload.id)
    assert stage.meter.take() == consumption.DOWNLOAD


@pytest.mark.parametrize(
    "count", [2, 10, consumption.MEMBERS_AT_ONCE, consumption.MEMBERS_AT_ONCE + 1]
)
def test_a_batch_asks_what_is_counted(stage: Stage, count: int) -> None:
    stage.visit()

    stage.create_batch(noise(1), count)

    assert stage.meter.take() == consumption.batch_step(count)


@pytest.mark.parametrize("together", [1, 2, 100, 101, 250])
def test_what_a_visit_asks_is_shared_by_its_files(settings: Settings, together: int) -> None:
    alone = consumption.journey(1, settings)
    shared = consumption.journey(1, settings, together=together)

    batches = ceil(together / MAX_MEMBERS)
    requests = consumption.VISIT_REQUESTS + batches
    assert shared.api_requests * together == pytest.approx(requests)
    assert shared.minutes * together == pytest.approx(consumption.VISIT_MINUTES)
    # Processed and notified one by one.
    invocations = len(consumption.VISIT) + consumption.PINGS + batches + 2 * together
    assert shared.invocations * together == pytest.approx(invocations)
    assert shared.publishes == alone.publishes


@pytest.mark.parametrize(
    ("files", "size", "together"),
    [(1, 1, 1), (7, MIB, 7), (100, 1, 100), (10**6, 1, 100), (10**6, MIB + 1, 1)],
)
def test_files_are_taken_to_be_sent_as_the_page_creates_them(
    settings: Settings, files: int, size: int, together: int
) -> None:
    assert consumption.most_together(files, size, settings) == together


def test_each_look_for_parts_on_their_way_asks_what_is_counted(
    stage: Stage, settings: Settings
) -> None:
    data = noise(2 * MIB)
    stage.visit()
    upload = stage.create(data, None)
    stage.meter.take()
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == consumption.LOOKS - 1:
            stage.receive(upload, data)

    waiting = replace(stage.uploads, sleep=sleep)
    waiting.complete(OWNER, upload.id, crc64nvme=checksum(data), wait=2)

    plan = consumption.plan_of(len(data), settings)
    assert stage.meter.take() == consumption.complete_step(plan, consumption.LOOKS)


def test_what_is_too_large_to_be_read_whole_is_not(
    settings: Settings, dynamodb: Any, clock: Clock
) -> None:
    stage = Stage(replace(settings, whole_max_size=MIB), dynamodb, clock)
    data = noise(2 * MIB)
    stage.visit()
    upload = stage.create(data, None)
    stage.receive(upload, data)
    stage.uploads.complete(OWNER, upload.id)
    stage.meter.take()

    stage.process(upload)

    read = consumption.read_size(2 * MIB, whole_max_size=MIB, read_speed=1e9)
    assert stage.meter.take().s3_gets == consumption.process_step(read, "multipart").s3_gets


def test_the_page_asks_what_is_counted_when_it_is_opened_and_closed(stage: Stage) -> None:
    asked = stage.visit()
    stage.browser.send(CONNECTION, {"type": "pong"})
    assert stage.meter.take() == consumption.PING
    stage.create(noise(1), None)
    stage.meter.take()
    stage.uploads.newest(OWNER)
    # Of one upload: half a unit for it, and half for the index.
    assert stage.meter.take() == Step(reads=1, calls=consumption.VISIT["list_uploads"].calls)
    stage.browser.disconnect(CONNECTION)
    asked["disconnect_page"] = stage.meter.take()

    assert asked == {
        name: step for name, step in consumption.VISIT.items() if name != "list_uploads"
    }


def test_a_sweep_that_finds_nothing_asks_what_is_counted(
    stage: Stage, settings: Settings, clock: Clock
) -> None:
    sweep = Sweep(
        settings,
        stage.meter.storage,
        stage.uploads.table,
        stage.notifier,
        lambda _: pytest.fail("nothing is sent again"),
        clock,
        clock.advance,
    )

    sweep.run(Invocation())

    assert stage.meter.take() == consumption.SWEEP


def test_an_item_takes_no_more_than_is_counted(stage: Stage) -> None:
    data = noise(2 * MIB)
    upload = stage.create(data, None)
    stage.receive(upload, data)
    stage.uploads.complete(OWNER, upload.id, crc64nvme=checksum(data))
    stage.notify(stage.process(upload))

    sizes = [size_of(item) for item in stage.meter.items(environment.TABLE)]
    assert max(sizes) <= consumption.ITEM_SIZE


@pytest.mark.parametrize(("parts", "lists"), [(1, 1), (999, 1), (1000, 1), (1001, 2), (10_000, 10)])
def test_parts_are_listed_a_thousand_at_a_time(settings: Settings, parts: int, lists: int) -> None:
    plan = replace(consumption.plan_of(2 * MIB, settings), part_count=parts)

    assert consumption.complete_step(plan, 1).s3_puts == lists + 1
    assert consumption.complete_step(plan, 3).s3_puts == 3 * lists + 1


@pytest.mark.parametrize(
    ("size", "read"),
    [(0, 0), (100, 100), (101, 0)],
    ids=["nothing", "the largest", "a byte more"],
)
def test_what_is_read_whole_ends_at_the_setting(size: int, read: int) -> None:
    assert consumption.read_size(size, whole_max_size=100, read_speed=1) == read


def test_what_is_read_whole_ends_with_the_time() -> None:
    assert consumption.read_size(10**6, whole_max_size=10**6, read_speed=100) == 85_500


def test_a_file_asks_as_many_requests_of_the_api_however_many_parts_it_has(
    settings: Settings,
) -> None:
    two, twenty = (consumption.journey(size, settings) for size in (MIB + 1, 20 * MIB))

    assert two.api_requests == twenty.api_requests
    assert two.invocations == twenty.invocations


def test_a_request_for_each_part_is_all_that_the_usual_design_adds(settings: Settings) -> None:
    plan = consumption.plan_of(20 * MIB, settings)
    ours = consumption.journey(20 * MIB, settings)
    theirs = consumption.signed_one_by_one(ours, plan)

    assert differing(ours, theirs) == {
        "api_requests": 20,
        "api_bytes": 20 * (consumption.URL_SIZE - consumption.SIGNATURE_SIZE),
        "invocations": 20,
        "gb_seconds": pytest.approx(20 * consumption.API_MEMORY * consumption.OWN_SECONDS),
        "log_bytes": 20 * consumption.LOG_SIZE,
    }


def test_a_single_put_needs_no_request_more_in_the_usual_design(settings: Settings) -> None:
    ours = consumption.journey(MIB, settings)

    assert consumption.signed_one_by_one(ours, consumption.plan_of(MIB, settings)) == ours


def test_downloads_ask_the_api_and_s3_once_each(settings: Settings) -> None:
    ours = consumption.journey(MIB, settings)
    added = differing(ours, consumption.downloaded(ours, 3))

    assert (added["s3_gets"], added["invocations"], added["api_requests"]) == (6, 3, 6)
    assert consumption.downloaded(ours, 0) == ours


def noise(size: int) -> bytes:
    """Bytes that show no type, so that only `digest` has anything to say."""
    return (b"\xc8\x01\x02\x03\x00" * (size // 5 + 1))[:size]


def differing(before: Journey, after: Journey) -> dict[str, float]:
    """How much more one asks than the other, where it does."""
    names = Journey.__dataclass_fields__
    more = {name: getattr(after, name) - getattr(before, name) for name in names}
    return {name: count for name, count in more.items() if count}
