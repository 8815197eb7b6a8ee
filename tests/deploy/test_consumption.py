"""`make cost` counts the requests of the use cases; fakes and moto's DynamoDB measure them."""

import json
from dataclasses import replace
from math import ceil
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest

from chalicelib.browser import Browser
from chalicelib.config import Settings
from chalicelib.creation import MAX_MEMBERS
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
from chalicelib.upload import Announcement, State, Upload
from chalicelib.uploads import Uploads
from deploy.cost import consumption
from deploy.cost.consumption import Consumption, Step
from tests.support import environment
from tests.support.fakes import Clock, Invocation, MemoryStorage
from tests.support.metered import Meter, size_of
from tests.support.payloads import OWNER, event
from tests.support.running import crc64nvme as checksum
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
    """A fake S3 whose ids are as long as S3's, because items contain them."""

    def create_multipart(self, key: str, *, content_type: str) -> str:
        short = super().create_multipart(key, content_type=content_type)
        long = short.ljust(128, "x")
        self.multiparts[long] = self.multiparts.pop(short)
        return long


class Stage:
    """The use cases of a stage, with a meter of their requests."""

    def __init__(self, settings: Settings, dynamodb: Any, clock: Clock) -> None:
        client = boto3.client("dynamodb", region_name=environment.REGION)
        self.received = Storage()
        self.meter = meter = Meter(client, dynamodb, self.received)
        self.table = table = real_table(client, clock)
        processors = Processors(PROCESSORS, settings.whole_max_size, lambda: 0.0)
        self.browser = Browser(
            client,
            environment.TABLE,
            lambda: meter.gateway,  # type: ignore[arg-type, return-value]
            "wss://pages",
            clock,
            max_pages=20,
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
        """Open the page; it stays open."""
        self.uploads.limits()
        consumed = {"limits": self.meter.take()}
        self.subscriptions.state(OWNER)
        consumed["get_email"] = self.meter.take()
        ticket = self.browser.invite(OWNER).partition("=")[2]
        consumed["invite_page"] = self.meter.take()
        self.browser.connect(CONNECTION, ticket)
        return consumed | {"connect_page": self.meter.take()}

    def create_batch(self, data: bytes, count: int) -> Upload:
        """Create `count` files with the same bytes; returns the first."""
        consumed = Announcement(
            filename=FILENAME,
            size=len(data),
            content_type="application/octet-stream",
            crc64nvme=checksum(data),
        )
        created, *_ = self.uploads.create_all(OWNER, [consumed] * count, idempotency_key="0" * 32)
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
        """Receive the page's requests with presigned URLs, which no function makes."""
        if upload.multipart_id is None:
            self.received.receive_object(upload.key, data)
            return
        for number in range(1, upload.part_count + 1):
            part = data[(number - 1) * upload.part_size : number * upload.part_size]
            self.received.receive_part(upload.key, upload.multipart_id, number, part)

    def process(self, upload: Upload) -> dict[str, Any]:
        outcomes = event("s3_put")
        outcomes["Records"][0]["s3"]["object"] |= {
            "key": quote_plus(upload.key, safe="/"),
            "size": upload.size,
        }
        # The item contains Lambda's request id, a UUID, for a while.
        return self.processing.process(outcomes, Invocation("8f507cfc-1234-4697-b07a-ac58fc914c95"))

    def notify(self, report: dict[str, Any]) -> None:
        record = json.loads(event("sns_success")["Records"][0]["Sns"]["Message"])
        record["responsePayload"] = report
        self.notifier.notify(json.dumps(record), Invocation("9f507cfc-1234-4697-b07a-ac58fc914c95"))


@pytest.fixture
def stage(settings: Settings, dynamodb: Any, clock: Clock) -> Stage:
    return Stage(settings, dynamodb, clock)


@pytest.mark.parametrize("size", SIZES)
def test_each_step_makes_the_counted_requests(stage: Stage, settings: Settings, size: int) -> None:
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
    # The item grows above a kilobyte meanwhile; the moment depends on the length of its numbers.
    assert counted.writes - 1 <= processed.writes <= counted.writes
    consumed = replace(processed, calls=processed.calls - blocks, writes=counted.writes)
    assert consumed == counted

    stage.notify(report)
    assert stage.meter.take() == consumption.NOTIFY
    assert stage.uploads.get(OWNER, upload.id).state is State.ACCEPTED

    stage.meter.take()
    stage.uploads.download(OWNER, upload.id)
    assert stage.meter.take() == consumption.DOWNLOAD


@pytest.mark.parametrize(
    "count", [2, 10, consumption.MEMBERS_AT_ONCE, consumption.MEMBERS_AT_ONCE + 1]
)
def test_a_batch_makes_the_counted_requests(stage: Stage, count: int) -> None:
    stage.visit()

    stage.create_batch(noise(1), count)

    assert stage.meter.take() == consumption.batch_step(count)


@pytest.mark.parametrize("together", [1, 2, 100, 101, 250])
def test_the_requests_of_a_visit_are_shared_by_its_files(settings: Settings, together: int) -> None:
    alone = consumption.consumption(1, settings)
    shared = consumption.consumption(1, settings, together=together)

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
def test_the_files_of_a_visit_are_those_of_one_batch(
    settings: Settings, files: int, size: int, together: int
) -> None:
    assert consumption.files_of_visit(files, size, settings) == together


def test_each_listing_of_parts_in_flight_makes_the_counted_requests(
    stage: Stage, settings: Settings
) -> None:
    data = noise(2 * MIB)
    stage.visit()
    upload = stage.create(data, None)
    stage.meter.take()
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == consumption.LISTS - 1:
            stage.receive(upload, data)

    waiting = replace(stage.uploads, sleep=sleep)
    waiting.complete(OWNER, upload.id, crc64nvme=checksum(data), wait=2)

    plan = consumption.plan_of(len(data), settings)
    assert stage.meter.take() == consumption.complete_step(plan, consumption.LISTS)


def test_a_file_that_is_too_large_is_not_read_completely(
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


def test_opening_and_closing_the_page_makes_the_counted_requests(stage: Stage) -> None:
    consumed = stage.visit()
    stage.browser.send(CONNECTION, {"type": "pong"})
    assert stage.meter.take() == consumption.PING
    stage.create(noise(1), None)
    stage.meter.take()
    stage.uploads.newest(OWNER)
    # For one upload: half a unit for its item, and half for the index.
    assert stage.meter.take() == Step(reads=1, calls=consumption.VISIT["list_uploads"].calls)
    stage.browser.disconnect(CONNECTION)
    consumed["disconnect_page"] = stage.meter.take()

    assert consumed == {
        name: step for name, step in consumption.VISIT.items() if name != "list_uploads"
    }


def test_a_sweep_without_findings_makes_the_counted_requests(
    stage: Stage, settings: Settings, clock: Clock
) -> None:
    sweep = Sweep(
        settings,
        stage.meter.storage,
        stage.table,
        stage.notifier,
        lambda _: pytest.fail("nothing is sent again"),
        clock,
        clock.advance,
    )

    sweep.run(Invocation())

    assert stage.meter.take() == consumption.SWEEP


def test_an_item_has_no_more_than_the_counted_bytes(stage: Stage) -> None:
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
def test_files_are_read_completely_up_to_the_setting(size: int, read: int) -> None:
    assert consumption.read_size(size, whole_max_size=100, read_speed=1) == read


def test_reading_ends_with_the_time_of_the_function() -> None:
    assert consumption.read_size(10**6, whole_max_size=10**6, read_speed=100) == 85_500


def test_the_number_of_api_requests_does_not_depend_on_the_parts(
    settings: Settings,
) -> None:
    two, twenty = (consumption.consumption(size, settings) for size in (MIB + 1, 20 * MIB))

    assert two.api_requests == twenty.api_requests
    assert two.invocations == twenty.invocations


def test_the_usual_design_adds_one_request_for_each_part(settings: Settings) -> None:
    plan = consumption.plan_of(20 * MIB, settings)
    ours = consumption.consumption(20 * MIB, settings)
    theirs = consumption.with_call_per_part(ours, plan)

    assert differing(ours, theirs) == {
        "api_requests": 20,
        "api_bytes": 20 * (consumption.URL_SIZE - consumption.SIGNATURE_SIZE),
        "invocations": 20,
        "gb_seconds": pytest.approx(20 * consumption.API_MEMORY * consumption.OWN_SECONDS),
        "log_bytes": 20 * consumption.LOG_SIZE,
    }


def test_the_usual_design_adds_no_request_for_a_single_put(settings: Settings) -> None:
    ours = consumption.consumption(MIB, settings)

    assert consumption.with_call_per_part(ours, consumption.plan_of(MIB, settings)) == ours


def test_a_download_is_one_request_to_the_api_and_one_to_s3(settings: Settings) -> None:
    ours = consumption.consumption(MIB, settings)
    added = differing(ours, consumption.with_downloads(ours, 3))

    assert (added["s3_gets"], added["invocations"], added["api_requests"]) == (6, 3, 6)
    assert consumption.with_downloads(ours, 0) == ours


def noise(size: int) -> bytes:
    """Bytes without a recognizable type, so that only `digest` reports."""
    return (b"\xc8\x01\x02\x03\x00" * (size // 5 + 1))[:size]


def differing(before: Consumption, after: Consumption) -> dict[str, float]:
    """The members that differ between two steps, with the difference."""
    names = Consumption.__dataclass_fields__
    more = {name: getattr(after, name) - getattr(before, name) for name in names}
    return {name: count for name, count in more.items() if count}
