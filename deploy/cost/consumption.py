"""What one file asks of AWS on its way, from the visit of the page to the outcome. Pure.

Files that are sent whole are created together, a batch at a time, and nobody completes them.

What each function asks is held against the use cases by `tests/deploy/test_consumption.py`; how
long functions run is taken for granted here, on the dear side. Must not know prices.
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

# Parts in one answer of ListParts, whose requests cost as much as a PUT.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html
LIST_PAGE = 1000
# New files in one transaction: each takes three of the writes that it may hold.
MEMBERS_AT_ONCE = MOST_WRITES // 3
# How often complete looks for the parts: the page asks it while the last of them are on their way.
LOOKS = 4
# Bytes of an upload's item when the file's name has 100 letters and only SHA-256 was computed.
# DynamoDB counts writes in KB: longer names and reports cost a unit more.
ITEM_SIZE = 1536
# Bytes of the mark of an upload under way; those of its owner are counted with each batch.
MARK_SIZE = 90
# Bytes of an entry of the index by owner: the keys of the upload and of the index, and what
# DynamoDB adds. Uploads that are done have none in the sweep's.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.StorageConsiderations
INDEX_ENTRY_SIZE = 300

# Memory in GB, and seconds at most, of the functions: an operator's choice, these are ours.
API_MEMORY = 512 / 1024
PROCESS_MEMORY = 1769 / 1024
PROCESS_TIMEOUT = 900
# Seconds of an invocation that asks nobody, and of each request to another service.
OWN_SECONDS = 0.02
CALL_SECONDS = 0.05
# Bytes a second that a function is taken to read from S3. `bench/processing.py` reads several times
# as much, but from a server on the same machine; a function has AWS's network in between.
READ_SPEED = 75_000_000
# Bytes of log an invocation: three lines of Lambda's, one or two of ours.
LOG_SIZE = 1024
# Bytes of an answer of the API and of a full list, of a signature and a whole URL in an answer.
ANSWER_SIZE = 2048
LIST_SIZE = LIST_LIMIT * ITEM_SIZE
SIGNATURE_SIZE = 67
URL_SIZE = 1400

# The page is open for so many minutes, and says so every four.
VISIT_MINUTES = 12
PINGS = VISIT_MINUTES // 4
# Preflights are requests as well, one for each URL and method in ten minutes: GET /limits needs
# none; GET /email, POST /connections, GET /uploads and the URL that creates need one each.
VISIT_REQUESTS = 4 + 4


@dataclass(frozen=True, slots=True)
class Step:
    """What one invocation asks of AWS; `calls` are the requests it waits for.

    S3 has two classes of requests, DynamoDB its units; messages are pushed to the page and
    published to topics.
    """

    s3_puts: int = 0
    s3_gets: int = 0
    writes: int = 0
    reads: float = 0
    pushes: int = 0
    publishes: int = 0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Journey:
    """All that a file asks; transferred and stored bytes of the file itself are not in it.

    API Gateway's `api_bytes` and CloudWatch's `log_bytes` are bytes, `gb_seconds` Lambda's.
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


# What the page asks when it is opened and closed, whatever it sends.
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
# One each quarter of an hour.
SWEEPS_OF_A_MONTH = 31 * 24 * 4


def create_step() -> Step:
    """`POST /uploads` of a file that is sent in parts."""
    return Step(s3_puts=1, writes=10, reads=1, calls=3)


def batch_step(count: int) -> Step:
    """`POST /uploads/batch` of so many files that are sent whole."""
    transactions = ceil(count / MEMBERS_AT_ONCE)
    reads = ceil(count * MARK_SIZE / 4096)
    return Step(writes=8 * count + 2 * transactions, reads=reads, calls=1 + transactions)


def complete_step(planned: PartPlan, looks: int) -> Step:
    """`POST /uploads/{upload_id}/complete`, with the checksum that the page computed.

    Each look for parts that is in vain asks whether the object is there.
    """
    puts = looks * ceil(planned.part_count / LIST_PAGE) + 1
    gets = looks - 1
    return Step(s3_puts=puts, s3_gets=gets, writes=3, reads=1.5, pushes=1, calls=6 + puts + gets)


def process_step(read: int, strategy: str) -> Step:
    """`process_upload`, whose processors read that many bytes in order; `calls` without these.

    It is the first to hear that a file sent whole has arrived.
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


def read_size(size: int, *, whole_max_size: int, read_speed: float) -> int:
    """The bytes that `digest` reads of a file before it is left out, or out of time."""
    seconds = PROCESS_TIMEOUT - RESERVE.total_seconds()
    return min(size, int(read_speed * seconds)) if size <= whole_max_size else 0


def plan_of(size: int, settings: Settings) -> PartPlan:
    """How a file of `size` bytes travels in a stage."""
    return plan(size, put_max_size=settings.put_max_size, part_size=settings.part_size)


def most_together(files: int, size: int, settings: Settings) -> int:
    """How many files of a size are taken to be sent in one visit: what one request creates."""
    return min(files, MAX_MEMBERS) if size <= settings.put_max_size else 1


def journey(
    size: int, settings: Settings, *, together: int = 1, read_speed: float = READ_SPEED
) -> Journey:
    """What a file of `size` bytes asks, one of so many of a visit whose page stays to see."""
    planned = plan_of(size, settings)
    read = read_size(size, whole_max_size=settings.whole_max_size, read_speed=read_speed)
    process = process_step(read, planned.strategy)
    whole = planned.strategy == "put"
    batches = [min(MAX_MEMBERS, together - first) for first in range(0, together, MAX_MEMBERS)]
    of_visit = [*VISIT.values(), *[PING] * PINGS, *(batch_step(each) for each in batches if whole)]
    of_file = [NOTIFY] if whole else [create_step(), complete_step(planned, LOOKS), NOTIFY]
    waiting = 0 if whole else (LOOKS - 1) * WAIT_STEP
    # S3 puts the largest objects together for as long as anybody waits; others in their share.
    assembling = 0 if whole else COMPLETE_PATIENCE * planned.part_count / MAX_PARTS

    def count(of: Callable[[Step], float]) -> float:
        return sum(map(of, of_visit)) / together + sum(map(of, [*of_file, process]))

    invocations = count(lambda _: 1)
    ours = sum(map(_seconds, of_visit)) / together + sum(map(_seconds, of_file))
    return Journey(
        s3_puts=planned.part_count + count(lambda step: step.s3_puts),
        # Each part's URL has a preflight of its own, a bucket's one for all files.
        s3_gets=(1 / together if whole else planned.part_count) + count(lambda step: step.s3_gets),
        # Create; or create and complete, which has a preflight of its own.
        api_requests=(VISIT_REQUESTS + (len(batches) if whole else 0)) / together
        + (0 if whole else 3),
        api_bytes=(3 * ANSWER_SIZE + LIST_SIZE) / together
        + (1 if whole else 2) * ANSWER_SIZE
        + planned.part_count * SIGNATURE_SIZE,
        messages=PINGS / together + count(lambda step: step.pushes),
        minutes=VISIT_MINUTES / together,
        invocations=invocations,
        gb_seconds=API_MEMORY * (ours + waiting + assembling)
        + PROCESS_MEMORY * (_seconds(process) + read / read_speed),
        writes=count(lambda step: step.writes),
        reads=count(lambda step: step.reads),
        # Lambda publishes what `process_upload` returned.
        publishes=1 + count(lambda step: step.publishes),
        log_bytes=invocations * LOG_SIZE,
    )


def signed_one_by_one(ours: Journey, planned: PartPlan) -> Journey:
    """The same, with a request to the API for each part's URL; their preflights left out."""
    signed = planned.part_count if planned.strategy == "multipart" else 0
    return replace(
        ours,
        api_requests=ours.api_requests + signed,
        api_bytes=ours.api_bytes + signed * (URL_SIZE - SIGNATURE_SIZE),
        invocations=ours.invocations + signed,
        gb_seconds=ours.gb_seconds + signed * API_MEMORY * OWN_SECONDS,
        log_bytes=ours.log_bytes + signed * LOG_SIZE,
    )


def downloaded(ours: Journey, times: float) -> Journey:
    """The same, and so many downloads: a presigned URL, with its preflight, and a GET of S3's.

    Before the URL is handed out, the object is compared with the one that was accepted.
    """
    return replace(
        ours,
        s3_gets=ours.s3_gets + times * (1 + DOWNLOAD.s3_gets),
        api_requests=ours.api_requests + times * 2,
        api_bytes=ours.api_bytes + times * ANSWER_SIZE,
        invocations=ours.invocations + times,
        gb_seconds=ours.gb_seconds + times * API_MEMORY * _seconds(DOWNLOAD),
        reads=ours.reads + times * DOWNLOAD.reads,
        log_bytes=ours.log_bytes + times * LOG_SIZE,
    )


def sweeps(count: int) -> Journey:
    """So many runs of the scheduled sweep that find nothing; each lists a page of the bucket.

    A run asks each shard of its index, and reads and writes the item of what it remembers.
    """
    gb_seconds = count * API_MEMORY * _seconds(SWEEP)
    nothing = dict.fromkeys(Journey.__dataclass_fields__, 0.0)
    return Journey(
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
