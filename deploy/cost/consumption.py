"""Counts the requests, units and seconds of one upload, from the page's visit to the outcome. Pure.

Files that are sent whole are created in batches, and the page does not complete them.
`tests/deploy/test_consumption.py` compares the requests with those of the use cases. The run times
of functions are assumptions, estimated high. Must not know prices.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil

from chalicelib.config import Settings
from chalicelib.creation import MAX_MEMBERS
from chalicelib.items import CHECK_SHARDS
from chalicelib.new_uploads import MOST_WRITES
from chalicelib.parts import MAX_PARTS, PartPlan, plan
from chalicelib.processing import RESERVE
from chalicelib.reader import BLOCK_SIZE
from chalicelib.storage import COMPLETE_PATIENCE
from chalicelib.uploads import LIST_LIMIT, WAIT_STEP

# Parts in one response of ListParts, which costs as much as a PUT.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html
LIST_PAGE = 1000
# New files in one transaction: each needs three of its writes.
MEMBERS_AT_ONCE = MOST_WRITES // 3
# How often complete lists the parts: the page calls it while the last parts are in flight.
LISTS = 4
# Bytes of an upload's item if the filename has 100 letters and the report only a SHA-256.
# DynamoDB bills writes by the KB: longer names and reports cost one unit more.
ITEM_SIZE = 1536
# Bytes of the mark of an upload in progress; each batch counts the marks of its owner.
MARK_SIZE = 90
# Bytes of an entry of the index by owner: the keys of upload and index, and DynamoDB's overhead.
# Settled uploads have no entry in the index of the sweep.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.StorageConsiderations
INDEX_ENTRY_SIZE = 300

# Memory in GB and longest run in seconds of the functions, by default.
API_MEMORY = 512 / 1024
PROCESS_MEMORY = 1769 / 1024
PROCESS_TIMEOUT = 900
# Seconds of an invocation without requests, and of each request to another service.
OWN_SECONDS = 0.02
CALL_SECONDS = 0.05
# Bytes a second that a function reads from S3, an assumption. `bench/processing.py` reads several
# times as fast, but from a server on the same machine.
READ_SPEED = 75_000_000
# Bytes of log of an invocation: three lines of Lambda and one or two of ours.
LOG_SIZE = 1024
# Bytes of a response of the API, of a full list, and of a signature and a URL in a response.
RESPONSE_SIZE = 2048
LIST_SIZE = LIST_LIMIT * ITEM_SIZE
SIGNATURE_SIZE = 67
URL_SIZE = 1400

# Minutes that the page is open; it sends a ping every four.
VISIT_MINUTES = 12
PINGS = VISIT_MINUTES // 4
# Four requests with a preflight each: GET /email, POST /connections, GET /uploads and the one that
# creates. GET /limits needs no preflight. A browser caches a preflight for ten minutes.
VISIT_REQUESTS = 4 + 4


@dataclass(frozen=True, slots=True)
class Step:
    """The requests of one invocation to AWS; it waits for `calls` of them.

    S3 has two price classes of requests, and DynamoDB bills units. Pushes go to the page, publishes
    to a topic.
    """

    s3_puts: int = 0
    s3_gets: int = 0
    writes: int = 0
    reads: float = 0
    pushes: int = 0
    publishes: int = 0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Consumption:
    """Everything that AWS bills for one file, except the bytes of the file itself.

    `api_bytes` are those of API Gateway, `log_bytes` those of CloudWatch, `gb_seconds` Lambda's.
    """

    s3_puts: float
    s3_gets: float
    api_requests: float
    api_bytes: float
    messages: float
    minutes: float
    invocations: float
    gb_seconds: float
    writes: float
    reads: float
    publishes: float
    log_bytes: float


# The requests of a page that is opened and closed.
VISIT: Mapping[str, Step] = {
    "limits": Step(),
    "get_email": Step(reads=1, calls=1),
    "invite_page": Step(writes=1, calls=1),
    "connect_page": Step(writes=3, reads=1, calls=4),
    # Half a unit for each upload, whatever its size, and for each 4 KB of the index.
    "list_uploads": Step(
        reads=LIST_LIMIT / 2 + ceil(LIST_LIMIT * INDEX_ENTRY_SIZE / 4096) / 2, calls=2
    ),
    "disconnect_page": Step(writes=2, calls=2),
}
PING = Step(pushes=1, calls=1)
NOTIFY = Step(writes=5, reads=1.5, pushes=1, publishes=1, calls=6)
DOWNLOAD = Step(s3_gets=1, reads=1, calls=2)

SWEEP = Step(s3_puts=1, writes=1, reads=len(CHECK_SHARDS) / 2 + 1, calls=len(CHECK_SHARDS) + 3)
# One every quarter of an hour.
SWEEPS_OF_A_MONTH = 31 * 24 * 4


def create_step() -> Step:
    """`POST /uploads` of a file that is sent in parts."""
    return Step(s3_puts=1, writes=10, reads=1, calls=3)


def batch_step(count: int) -> Step:
    """`POST /uploads/batch` of `count` files that are sent whole."""
    transactions = ceil(count / MEMBERS_AT_ONCE)
    reads = ceil(count * MARK_SIZE / 4096)
    return Step(writes=8 * count + 2 * transactions, reads=reads, calls=1 + transactions)


def complete_step(planned: PartPlan, lists: int) -> Step:
    """`POST /uploads/{upload_id}/complete`, with the checksum that the page computed.

    Each time that parts are missing, it also checks whether the object exists.
    """
    puts = lists * ceil(planned.part_count / LIST_PAGE) + 1
    gets = lists - 1
    return Step(s3_puts=puts, s3_gets=gets, writes=3, reads=1.5, pushes=1, calls=6 + puts + gets)


def process_step(read: int, strategy: str) -> Step:
    """`process_upload`, whose processors read `read` bytes; `calls` does not count those reads.

    For a file that was sent whole, it also records the arrival.
    """
    gets = 3 + ceil(read / BLOCK_SIZE)
    first = int(strategy == "put")
    return Step(
        s3_puts=1,
        s3_gets=gets,
        writes=4 + first,
        reads=2.5 + first / 2,
        pushes=1 + first,
        calls=10 + 3 * first,
    )


def read_size(size: int, *, whole_max_size: int, read_speed: float = READ_SPEED) -> int:
    """The bytes of a file that `digest` reads; none of a file above its limit."""
    seconds = PROCESS_TIMEOUT - RESERVE.total_seconds()
    return min(size, int(read_speed * seconds)) if size <= whole_max_size else 0


def plan_of(size: int, settings: Settings) -> PartPlan:
    """The part plan of a file of `size` bytes."""
    return plan(size, put_max_size=settings.put_max_size, part_size=settings.part_size)


def files_of_visit(files: int, size: int, settings: Settings) -> int:
    """The assumed number of files in one visit of the page: those that one request creates."""
    return min(files, MAX_MEMBERS) if size <= settings.put_max_size else 1


def consumption(size: int, settings: Settings, *, together: int = 1) -> Consumption:
    """The consumption of a file of `size` bytes; a visit uploads `together` files.

    The page stays open until the outcome.
    """
    planned = plan_of(size, settings)
    read = read_size(size, whole_max_size=settings.whole_max_size)
    process = process_step(read, planned.strategy)
    whole = planned.strategy == "put"
    batches = [min(MAX_MEMBERS, together - first) for first in range(0, together, MAX_MEMBERS)]
    of_visit = [*VISIT.values(), *[PING] * PINGS, *(batch_step(each) for each in batches if whole)]
    of_file = [NOTIFY] if whole else [create_step(), complete_step(planned, LISTS), NOTIFY]
    waiting = 0 if whole else (LISTS - 1) * WAIT_STEP
    # S3 needs the longest wait to assemble an object with the most parts; others in proportion.
    assembling = 0 if whole else COMPLETE_PATIENCE * planned.part_count / MAX_PARTS

    def count(of: Callable[[Step], float]) -> float:
        return sum(map(of, of_visit)) / together + sum(map(of, [*of_file, process]))

    invocations = count(lambda _: 1)
    ours = sum(map(_seconds, of_visit)) / together + sum(map(_seconds, of_file))
    return Consumption(
        s3_puts=planned.part_count + count(lambda step: step.s3_puts),
        # One preflight for each part's URL; for files that are sent whole, one for the bucket.
        s3_gets=(1 / together if whole else planned.part_count) + count(lambda step: step.s3_gets),
        # Either create, or create and complete with its own preflight.
        api_requests=(VISIT_REQUESTS + (len(batches) if whole else 0)) / together
        + (0 if whole else 3),
        api_bytes=(3 * RESPONSE_SIZE + LIST_SIZE) / together
        + (1 if whole else 2) * RESPONSE_SIZE
        + planned.part_count * SIGNATURE_SIZE,
        messages=PINGS / together + count(lambda step: step.pushes),
        minutes=VISIT_MINUTES / together,
        invocations=invocations,
        gb_seconds=API_MEMORY * (ours + waiting + assembling)
        + PROCESS_MEMORY * (_seconds(process) + read / READ_SPEED),
        writes=count(lambda step: step.writes),
        reads=count(lambda step: step.reads),
        # Lambda publishes the result of `process_upload`.
        publishes=1 + count(lambda step: step.publishes),
        log_bytes=invocations * LOG_SIZE,
    )


def with_call_per_part(ours: Consumption, planned: PartPlan) -> Consumption:
    """The same with an API call for each part's URL, without the preflights of those calls."""
    signed = planned.part_count if planned.strategy == "multipart" else 0
    return replace(
        ours,
        api_requests=ours.api_requests + signed,
        api_bytes=ours.api_bytes + signed * (URL_SIZE - SIGNATURE_SIZE),
        invocations=ours.invocations + signed,
        gb_seconds=ours.gb_seconds + signed * API_MEMORY * OWN_SECONDS,
        log_bytes=ours.log_bytes + signed * LOG_SIZE,
    )


def with_downloads(ours: Consumption, times: float) -> Consumption:
    """The same with `times` downloads: a presigned URL, its preflight, and a GET of S3.

    Before the API returns the URL, it compares the object with the accepted one.
    """
    return replace(
        ours,
        s3_gets=ours.s3_gets + times * (1 + DOWNLOAD.s3_gets),
        api_requests=ours.api_requests + times * 2,
        api_bytes=ours.api_bytes + times * RESPONSE_SIZE,
        invocations=ours.invocations + times,
        gb_seconds=ours.gb_seconds + times * API_MEMORY * _seconds(DOWNLOAD),
        reads=ours.reads + times * DOWNLOAD.reads,
        log_bytes=ours.log_bytes + times * LOG_SIZE,
    )


def sweeps(count: int) -> Consumption:
    """`count` runs of the scheduled sweep without a finding.

    Each lists a page of the bucket, queries each shard of its index, and reads and writes the item
    with its state.
    """
    gb_seconds = count * API_MEMORY * _seconds(SWEEP)
    nothing = dict.fromkeys(Consumption.__dataclass_fields__, 0.0)
    return Consumption(
        **nothing
        | {
            "s3_puts": count * SWEEP.s3_puts,
            "invocations": count,
            "gb_seconds": gb_seconds,
            "writes": count * SWEEP.writes,
            "reads": count * SWEEP.reads,
            "log_bytes": count * LOG_SIZE,
        }
    )


def _seconds(step: Step) -> float:
    return OWN_SECONDS + step.calls * CALL_SECONDS
