"""What one file asks of AWS on its way, from the visit of the page to the outcome. Pure.

What each function asks is held against the use cases by `tests/deploy/test_journey.py`; how long
functions run is taken for granted here, on the dear side. Must not know prices.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from chalicelib.config import Settings
from chalicelib.items import CHECK_SHARDS
from chalicelib.parts import MAX_PARTS, PartPlan, plan
from chalicelib.processing import RESERVE
from chalicelib.reader import BLOCK_SIZE
from chalicelib.storage import COMPLETE_PATIENCE
from chalicelib.uploads import LIST_LIMIT, WAIT_STEP

# Parts in one answer of ListParts, whose requests cost as much as a PUT.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html
LIST_PAGE = 1000
# How often complete looks for the parts: the page asks it while the last of them are on their way.
LOOKS = 4
# Bytes of an upload's item when the file's name has 100 letters and only SHA-256 was computed.
# DynamoDB counts writes in KB: longer names and reports cost a unit more.
ITEM_SIZE = 1536
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
# Preflights are requests as well: GET /limits needs none; GET /email, POST /connections and
# GET /uploads need one each.
VISIT_REQUESTS = 4 + 3


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


def create_step(planned: PartPlan) -> Step:
    """`POST /uploads`."""
    begun = planned.strategy == "multipart"
    return Step(s3_puts=int(begun), writes=10, reads=1, calls=2 + begun)


def complete_step(planned: PartPlan, looks: int) -> Step:
    """`POST /uploads/{upload_id}/complete`, with the checksum that the page computed.

    Only parts are looked for more than once; each look in vain asks whether the object is there.
    """
    if planned.strategy == "put":
        return Step(s3_gets=1, writes=2, reads=1.5, pushes=1, calls=6)
    puts = looks * ceil(planned.part_count / LIST_PAGE) + 1
    gets = looks - 1
    return Step(s3_puts=puts, s3_gets=gets, writes=3, reads=1.5, pushes=1, calls=6 + puts + gets)


def process_step(read: int) -> Step:
    """`process_upload`, whose processors read that many bytes in order; `calls` without these."""
    gets = 3 + ceil(read / BLOCK_SIZE)
    return Step(s3_puts=1, s3_gets=gets, writes=4, reads=2.5, pushes=1, calls=10)


def read_size(size: int, *, whole_max_size: int, read_speed: float) -> int:
    """The bytes that `digest` reads of a file before it is left out, or out of time."""
    seconds = PROCESS_TIMEOUT - RESERVE.total_seconds()
    return min(size, int(read_speed * seconds)) if size <= whole_max_size else 0


def plan_of(size: int, settings: Settings) -> PartPlan:
    """How a file of `size` bytes travels in a stage."""
    return plan(size, put_max_size=settings.put_max_size, part_size=settings.part_size)


def journey(size: int, settings: Settings, *, read_speed: float = READ_SPEED) -> Journey:
    """What a file of `size` bytes asks, sent in a visit of its own by a page that stays to see."""
    planned = plan_of(size, settings)
    read = read_size(size, whole_max_size=settings.whole_max_size, read_speed=read_speed)
    process = process_step(read)
    api = [create_step(planned), complete_step(planned, LOOKS)]
    ours = [*VISIT.values(), *[PING] * PINGS, *api, NOTIFY]
    steps = [*ours, process]
    waiting = (LOOKS - 1) * WAIT_STEP if planned.strategy == "multipart" else 0
    # S3 puts the largest objects together for as long as anybody waits; others in their share.
    assembling = COMPLETE_PATIENCE * planned.part_count / MAX_PARTS
    return Journey(
        s3_puts=planned.part_count + sum(step.s3_puts for step in steps),
        # Each part's URL has a preflight of its own.
        s3_gets=planned.part_count + sum(step.s3_gets for step in steps),
        # Create and complete, each with a preflight.
        api_requests=VISIT_REQUESTS + 2 * 2,
        api_bytes=5 * ANSWER_SIZE + LIST_SIZE + planned.part_count * SIGNATURE_SIZE,
        messages=PINGS + sum(step.pushes for step in steps),
        minutes=VISIT_MINUTES,
        invocations=len(steps),
        gb_seconds=API_MEMORY * (sum(map(_seconds, ours)) + waiting + assembling)
        + PROCESS_MEMORY * (_seconds(process) + read / read_speed),
        writes=sum(step.writes for step in steps),
        reads=sum(step.reads for step in steps),
        # Lambda publishes what `process_upload` returned.
        publishes=1 + sum(step.publishes for step in steps),
        log_bytes=len(steps) * LOG_SIZE,
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
