"""One very large owner: 100 objects a second for an hour, with bursts, beside another owner.

`.venv/bin/python bench/owner.py` runs the real use cases in simulated time, on the simulation's
stand-ins for S3, Lambda and DynamoDB. DynamoDB has its documented limits: 1,000 write units a
second for each partition key of the table and of each index, and transactions that conflict. Lambda
runs as many concurrent invocations as `make deploy` reserves. Every call takes its usual time in
AWS.

It prints the failed uploads, the longest wait of the other owner for a small file, and the write
units of an upload beside those of the first version. Then it prints the calls and units that
create, complete and list need for an owner with a hundred uploads and with many. Settled uploads
leave the model's memory, because no call reads them again.
"""

import logging
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.support import environment

environment.enter()
from botocore.exceptions import ClientError  # noqa: E402

from bench.results import bench_parser, report  # noqa: E402 - after the environment
from chalicelib import items, keys  # noqa: E402
from chalicelib.config import load_settings  # noqa: E402
from chalicelib.errors import TryAgain  # noqa: E402
from chalicelib.keys import new_upload_id  # noqa: E402
from chalicelib.upload import State  # noqa: E402
from chalicelib.usage import Quota  # noqa: E402
from deploy.steps.config import RESERVED  # noqa: E402
from tests.simulation.dynamodb import FakeDynamoDB, NoHooks  # noqa: E402
from tests.simulation.s3 import Content, Object  # noqa: E402
from tests.simulation.scheduler import Scheduler  # noqa: E402
from tests.simulation.world import START, TABLE, Client, Faults, World  # noqa: E402
from tests.support.payloads import put_upload  # noqa: E402

# Write units of an upload by credentials in the first version, all on its owner's partition key.
FIRST_VERSION = 29
ENORMOUS, STRANGER = "enormous", "stranger"
# Approximate seconds of calls in AWS; half of it passes before the effect.
DYNAMODB, TRANSACTION, S3, SNS = 0.006, 0.015, 0.02, 0.02
# A burst: objects a second, seconds, and seconds from one burst to the next.
BURST, BURST_SECONDS, BURST_EVERY = 500, 5, 60
STRANGER_EVERY = 20
# botocore's standard mode: four tries, and its longest waits between them.
WAITS = (1, 2, 4)
FILE = Content("file", 2000, "e-file", is_good=True)


class Patient(Client):
    """The DynamoDB client: it retries throttled calls as botocore does."""

    def _again(self, call: Callable[..., Any], request: Any) -> Any:
        for wait in (*WAITS, None):
            try:
                return call(**request)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "ConditionalCheckFailedException":
                    raise
                if wait is None:
                    raise TryAgain(code) from error
                self._world.scheduler.sleep(self._world.random.random() * wait)
        raise AssertionError("there is a last try")


class Busy(World):
    """A world without faults, whose calls take time and whose functions have a concurrency."""

    def __init__(self, *, limited: bool) -> None:
        quota = Quota(max_bytes=2**50, max_files=10**9)
        super().__init__(1, load_settings(environment.HOIST_ENVIRONMENT), quota, Faults())
        self.waiting: dict[str, deque[Callable[[], None]]] = {}
        self.running: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.failed: list[str] = []
        self.tries = 0
        self.seconds: list[float] = []
        self.arrived: dict[str, float] = {}
        self.scheduler = Scheduler(1, START, turn=0, remembers=False)
        self.now, self.random = self.scheduler.now, self.scheduler.random
        self.dynamodb = FakeDynamoDB(
            items.SCHEMA, TABLE, hooks=self, clock=self.now if limited else None
        )
        self._compose(Patient(self.dynamodb, self))

    def begin(self, operation: str, request: Mapping[str, Any]) -> None:  # noqa: ARG002 - a hook
        self.scheduler.sleep(_seconds(operation) / 2)

    def during(self, operation: str, request: Mapping[str, Any]) -> None:  # noqa: ARG002 - a hook
        self.scheduler.sleep(TRANSACTION)

    def done(self, operation: str, request: Mapping[str, Any]) -> None:  # noqa: ARG002 - a hook
        self.scheduler.sleep(_seconds(operation) / 2)

    def _end(self, what: str, *, writes: bool) -> None:  # noqa: ARG002 - as in World
        self.scheduler.sleep(_seconds(what) / 2)

    def _compute(self, source: Any) -> dict[str, Any]:
        """The digest of a small file."""
        source.read_range(0, source.size)
        return {"digest": {"sha256": "x" * 64}}

    def _attempt(self, request_id: str, seconds: float, work: Any, ended: Any) -> None:
        """Start an invocation when its function has room: first come, first served."""
        name = request_id.partition("-")[0]
        queue = self.waiting.setdefault(name, deque())
        start = super()._attempt

        def done(result: Any, error: BaseException | None) -> None:
            self.running[name] -= 1
            if error is not None:
                self.tries += 1
            ended(result, error)
            self._next_of(name)

        queue.append(lambda: start(request_id, seconds, work, done))
        self._next_of(name)

    def _next_of(self, name: str) -> None:
        limit = RESERVED["process_upload" if name == "process" else name]
        queue = self.waiting[name]
        while queue and self.running.get(name, 0) < limit:
            self.running[name] = self.running.get(name, 0) + 1
            self.most[name] = max(self.most.get(name, 0), self.running[name])
            queue.popleft()()

    def _publish(self, **message: Any) -> None:
        """SNS's Publish: the last step of an upload."""
        upload_id = message["Message"].split("Upload: ")[1].split("\n")[0]
        self.call("Publish", lambda: None)
        attributes = message["MessageAttributes"]
        if attributes["outcome"]["StringValue"] != State.ACCEPTED:
            self.failed.append(message["Message"])
        self.forget_later(attributes["owner"]["StringValue"], upload_id)

    def forget_later(self, owner: str, upload_id: str) -> None:
        """Take a settled upload out of the model's memory."""

        def forget() -> None:
            item = self.dynamodb._rows[f"upload#{owner}#{upload_id}", "upload"].item
            key = item["key"]["S"]
            object_item = items.object_key(owner, key)
            self.dynamodb.expire(f"upload#{owner}#{upload_id}", "upload")
            self.dynamodb.expire(object_item["pk"]["S"], "object")
            self.s3.objects.pop(key, None)

        self.scheduler.later(60, forget)

    def _object_created(self, key: str, source: Object) -> None:
        self.arrived[key] = self.now().timestamp()
        super()._object_created(key, source)

    def _record(self, request_id: str, event: Any, result: Any, error: str = "") -> None:
        for upload in (result or {}).get("uploads", []):
            took = self.now().timestamp() - self.arrived.pop(upload["key"])
            if upload["owner"] == STRANGER:
                self.seconds.append(took)
        super()._record(request_id, event, result, error)

    def put(self, owner: str) -> None:
        """A tool with credentials sends a small file."""
        self.s3.put(f"{keys.owner_prefix(owner)}{self.number('file')}.txt", FILE)


def _seconds(what: str) -> float:
    """The approximate seconds of a call."""
    name = what.partition(" ")[0]
    if name == "TransactWriteItems":
        return 0  # its time passes in `during`
    if name == "Publish":
        return SNS
    return DYNAMODB if name.endswith(("Item", "Query", "Scan", "GetItem")) else S3


def hour(minutes: float) -> dict[str, Any]:
    """The large owner and the other one, for this many simulated minutes."""
    world = Busy(limited=True)
    count_sent = 0
    for second in range(int(minutes * 60)):
        count = BURST if second % BURST_EVERY < BURST_SECONDS else 100
        for number in range(count):
            count_sent += 1
            world.scheduler.later(second + number / count, lambda: world.put(ENORMOUS))
        if second % STRANGER_EVERY == 0:
            world.scheduler.later(second + 0.5, lambda: world.put(STRANGER))
        if second % 60 == 0:
            moment = second // 60
            world.scheduler.later(second, partial(_progress, world, moment, minutes))
    world.scheduler.run()
    meter = world.dynamodb.meter
    return {
        "objects of one owner": count_sent,
        "failed": len(world.failed) + len(world.dead_letters),
        "invocations that had to be tried again": world.tries,
        "process_upload at once, at the most": world.most["process"],
        "write units a second on one partition key, at the most": meter.peak,
        "writes that DynamoDB throttled": meter.refused,
        "another owner's file, seconds (median)": round(statistics.median(world.seconds), 1),
        "another owner's file, seconds (at the most)": round(max(world.seconds), 1),
    }


def _progress(world: Busy, minute: int, minutes: float) -> None:
    waiting = len(world.waiting.get("process", ()))
    meter = world.dynamodb.meter
    print(
        f"  minute {minute} of {minutes:g}: {waiting} events wait, {len(world.failed)} failed,"
        f" {meter.refused} throttled, peak {meter.peak}, another owner's file"
        f" {max(world.seconds, default=0):.1f} s at the most",
        file=sys.stderr,
        flush=True,
    )


def one() -> dict[str, Any]:
    """The write units of one upload by credentials, and of one by the page."""
    world = Busy(limited=False)
    world.put(ENORMOUS)
    world.scheduler.run()
    meter = world.dynamodb.meter
    by_credentials, most = meter.total, max(meter.partitions().values())
    world = Busy(limited=False)

    def browser() -> None:
        upload, _ = world.uploads.create(
            ENORMOUS, filename="a.txt", size=FILE.size, content_type="text/plain",
            idempotency_key="key",
        )  # fmt: skip
        world.s3.put(upload.key, FILE, once=True)
        world.uploads.complete(ENORMOUS, upload.id)

    world.scheduler.start("browser", browser)
    world.scheduler.run()
    meter = world.dynamodb.meter
    return {
        "write units of an upload by credentials": by_credentials,
        "of these on one partition key, at the most": most,
        "write units of an upload by the page": meter.total,
        "of those on one partition key, at the most": max(meter.partitions().values()),
        "write units in the first version, all on one": FIRST_VERSION,
    }


def grown(rows: int) -> dict[str, str]:
    """Calls and units of create, complete and list, for an owner with this many uploads."""
    world = Busy(limited=False)
    world.dynamodb.hooks = NoHooks()
    for number in range(rows):
        upload_id = new_upload_id(START, number.to_bytes(10, "big"))
        upload = put_upload(
            id=upload_id, owner=ENORMOUS, key=keys.object_key(
                owner=ENORMOUS, upload_id=upload_id, filename="a.txt"
            ), state=State.ACCEPTED, charged=FILE.size,
        )  # fmt: skip
        world.dynamodb.put_item(TableName=TABLE, Item=items.item(upload))
    costs: dict[str, str] = {}

    def measure(name: str, work: Callable[[], Any]) -> Any:
        meter = world.dynamodb.meter
        before = sum(meter.calls.values()), meter.total, meter.reads
        result = work()
        calls, writes, reads = sum(meter.calls.values()), meter.total, meter.reads
        costs[name] = (
            f"{calls - before[0]} calls, {writes - before[1]} write units,"
            f" {reads - before[2]:g} read units"
        )
        return result

    def work() -> None:
        create = lambda: world.uploads.create(ENORMOUS, filename="b.txt", size=FILE.size)  # noqa: E731
        upload, _ = measure("create", create)
        world.s3.put(upload.key, FILE, once=True)
        measure("complete", lambda: world.uploads.complete(ENORMOUS, upload.id))
        _, cursor = measure("list", lambda: world.uploads.newest(ENORMOUS))
        measure("list, the next page", lambda: world.uploads.newest(ENORMOUS, cursor=cursor))

    world.dynamodb.hooks = world
    world.scheduler.start("page", work)
    world.scheduler.run()
    return costs


def main() -> None:
    """The bench."""
    parser = bench_parser(__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="of simulated time")
    parser.add_argument("--rows", type=int, default=100_000, help="uploads of the grown owner")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    results: dict[str, Any] = one()
    few, many = grown(100), grown(options.rows)
    for name in few:
        results[f"{name}, of 100 uploads"] = few[name]
        results[f"{name}, of {options.rows}"] = many[name]
    start = time.monotonic()
    results |= hour(options.minutes)
    results["minutes simulated"] = options.minutes
    results["minutes it took"] = round((time.monotonic() - start) / 60, 1)
    report(__file__, options, results)


if __name__ == "__main__":
    main()
