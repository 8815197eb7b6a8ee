"""Whether the local system stays as fast and as small with 5,000 uploads as with 50.

`.venv/bin/python bench/local_growth.py` starts a local system of its own and sends 50 small files.
The other uploads are copies of these in DynamoDB. With `--real` they are files as well, which takes
longer. It times creates, lists and DynamoDB transactions with 50 and with 5,000 uploads. It prints
medians, and the memory of `local.aws.moto_server`. It also prints the processor time of that server
for a create, which depends less on other work on the machine. The last column divides the second
figures by the first.
"""

import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, finish
from chalicelib.keys import new_upload_id
from local.names import ACCESS_KEY, REGION, SECRET_KEY, TABLE
from tests.support.running import Client, RunningSystem, running_system

CLIENTS = 4  # at once, while files are sent
SAMPLES = 50  # of each figure
BATCH = 25  # items; BatchWriteItem takes no more
FIRST = 50  # uploads
MOST_MIB = 250  # of local.aws.moto_server, at the end


class Growth:
    """A system that is filled and measured."""

    def __init__(self, system: RunningSystem) -> None:
        self._client: Client = system.sign_in()
        (self._aws,) = (
            p for p in system.processes() if p.cmdline()[1:3] == ["-m", "local.aws.moto_server"]
        )
        self._dynamodb: Any = boto3.client(
            "dynamodb",
            endpoint_url=system.url("aws"),
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )
        self._transactions = 0
        self._ids: list[str] = []

    def send(self, count: int) -> None:
        """Send `count` files and wait until all have their outcome."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            upload_ids = pool.map(lambda n: self._client.upload(b"x", f"{n}.txt"), range(count))
            self._ids = list(upload_ids)
        for upload_id in self._ids:
            self._client.outcome(upload_id)

    def copy(self, times: int) -> None:
        """Copy every item of an uploaded file this many times, with other upload ids."""
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=TABLE)
        texts = [json.dumps(item) for page in pages for item in page["Items"]]
        copies = []
        for upload_id in self._ids:
            for _ in range(times):
                copy = new_upload_id(datetime.now(UTC), secrets.token_bytes(10))
                copies += [json.loads(t.replace(upload_id, copy)) for t in texts if upload_id in t]
        for start in range(0, len(copies), BATCH):
            puts = [{"PutRequest": {"Item": item}} for item in copies[start : start + BATCH]]
            self._dynamodb.batch_write_item(RequestItems={TABLE: puts})

    def measure(self) -> dict[str, float]:
        """Medians in milliseconds, transactions a second, memory in MiB."""
        start = self._processor_time()
        create = _median(self._create)
        spent = (self._processor_time() - start) / (SAMPLES + 1)
        transaction = _median(self._transact)
        return {
            "create_ms": create,
            "create_aws_cpu_ms": round(1000 * spent, 1),
            "list_ms": _median(self._list),
            "transactions_a_second": round(1000 / transaction, 1),
            "aws_mib": round(self._aws.memory_info().rss / 2**20, 1),
        }

    def _processor_time(self) -> float:
        times = self._aws.cpu_times()
        return float(times.user + times.system)

    def _create(self) -> None:
        created = self._client.create(b"x", "small.txt")
        # Uploads in progress are limited, and each create counts them.
        self._client.request("DELETE", f"/uploads/{created['id']}")

    def _list(self) -> None:
        assert self._client.request("GET", "/uploads").status == 200

    def _transact(self) -> None:
        """Put two new items and update a sum, as a create does."""
        self._transactions += 1
        name = {"S": f"bench#{self._transactions}"}
        puts = [
            {"Put": {"TableName": TABLE, "Item": {"pk": name, "sk": {"S": half}}}} for half in "ab"
        ]
        add = {
            "TableName": TABLE,
            "Key": {"pk": {"S": "bench"}, "sk": {"S": "sum"}},
            "UpdateExpression": "ADD transactions :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        self._dynamodb.transact_write_items(TransactItems=[*puts, {"Update": add}])


def _median(work: Callable[[], None]) -> float:
    """The median in milliseconds, after one run that does not count."""
    work()
    times = []
    for _ in range(SAMPLES):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return round(1000 * statistics.median(times), 2)


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--uploads", type=int, default=5000, help="at the end (default 5,000)")
    parser.add_argument("--real", action="store_true", help="send every file, copy none")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="hoist-bench-") as folder,
        running_system(Path(folder) / "hoist") as system,
    ):
        growth = Growth(system)
        growth.send(FIRST)
        first = growth.measure()
        if options.real:
            growth.send(options.uploads - FIRST)
        else:
            growth.copy(options.uploads // FIRST - 1)
        last = growth.measure()
    print(f"{'uploads':<24}{FIRST:>10}{options.uploads:>10}{'times':>10}")
    for name, value in first.items():
        print(f"{name:<24}{value:>10}{last[name]:>10}{last[name] / value:>10.2f}")
    print(f"target: create_ms 1 times, within noise; aws_mib at most {MOST_MIB}")
    finish(__file__, options, {"uploads": options.uploads, "first": first, "last": last})


if __name__ == "__main__":
    main()
