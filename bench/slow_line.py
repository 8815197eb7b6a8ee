"""How a slow line is used that breaks, and one that does not, beside stock Uppy.

`.venv/bin/python bench/slow_line.py` sends files in real Chromium and with the kernel's own TCP
(cubic) over a line of its own, with a queue of one round trip (needs root on Linux).
`breaks`: 120 MiB over 512 KiB/s and 100 ms, where all connections are reset every 40 s: seconds, or
how much was in S3 after 420 s; which percent of the bytes that came in was in vain, because its
part came in again or never whole; `times …` is our time in times of the peer's. `steady`: 60 MiB
over 2 Mbit/s and 200 ms: percent of what the line can carry of a file, packets' headers taken off.
What is wanted stands behind. `@uppy/aws-s3` 6.3.1 as it comes is the peer; `--with-uppy-5` adds
5.1.0. A run takes minutes, so each is one. The last line is JSON.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, report
from bench.uploaders.contest import OURS, UPPY_5, UPPY_6, Contestant, Run, run, stage
from bench.uploaders.far_end import FarEnd
from bench.uploaders.http1 import MIB
from bench.uploaders.long_line import PAYLOAD, long_line

BREAKING_RATE, BREAKING_ROUND_TRIP = 512 * 1024, 0.1
BREAKS_EVERY = 40
STEADY_RATE, STEADY_ROUND_TRIP = 2e6 / 8, 0.2
TIMEOUT = 420
LONGER, IN_VAIN, SHARE = 1.0, 25, 95
"""Wanted: our time in times of the peer's, percent of what came in, percent of the line."""


@contextmanager
def breaking_connections(far_end: FarEnd) -> Iterator[None]:
    """Reset all connections, again and again."""
    over = threading.Event()

    def breaks() -> None:
        while not over.wait(BREAKS_EVERY):
            far_end.sever()

    thread = threading.Thread(target=breaks, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def send(contestant: Contestant, far_end: FarEnd, line: int) -> Run:
    """Send the file once over a line."""
    came_to = run(contestant, far_end, network=line, timeout=TIMEOUT)
    words = f"{describe_end(came_to)}, {came_to.received / MIB:.0f} MiB came in"
    print(f"{contestant.label:<10} {words}", file=sys.stderr)
    return came_to


def describe_end(came_to: Run) -> str:
    """How a run ended."""
    if came_to.reason:
        return f"{came_to.held / MIB:.0f} MiB in S3, then: {came_to.reason.splitlines()[0]}"
    return f"{came_to.seconds:.1f} s"


def seconds(came_to: Run) -> float:
    """How long it took; whoever was not done has taken as long as we waited."""
    return TIMEOUT if came_to.reason else came_to.seconds


def percent_in_vain(came_to: Run) -> float:
    """Percent of what came in that S3 does not hold, or holds twice."""
    return round(100 * (1 - came_to.held / max(1, came_to.received)), 1)


def measure_breaking(size: int, contestants: tuple[Contestant, ...]) -> dict[str, Any]:
    """The line that breaks."""
    runs: dict[Contestant, Run] = {}
    line = long_line(rate=BREAKING_RATE, round_trip=BREAKING_ROUND_TRIP)
    with stage(size) as (page, files), line as network:
        for each in contestants:
            far_end = FarEnd(files, page)
            with breaking_connections(far_end):
                runs[each] = send(each, far_end, network)
    return {
        **{f"breaks: {each.label}": describe_end(came_to) for each, came_to in runs.items()},
        **{f"breaks: {each.label}, % in vain": percent_in_vain(r) for each, r in runs.items()},
        f"breaks: times {UPPY_6.label}": [
            round(seconds(runs[OURS]) / seconds(runs[UPPY_6]), 2),
            LONGER,
        ],
        "breaks: % in vain": [percent_in_vain(runs[OURS]), IN_VAIN],
    }


def measure_steady(size: int, contestants: tuple[Contestant, ...]) -> dict[str, Any]:
    """The line that does not break."""
    shares: dict[Contestant, float] = {}
    line = long_line(rate=STEADY_RATE, round_trip=STEADY_ROUND_TRIP)
    with stage(size) as (page, files), line as network:
        for each in contestants:
            came_to = send(each, FarEnd(files, page), network)
            carried = STEADY_RATE * PAYLOAD * seconds(came_to)
            shares[each] = round(100 * came_to.held / carried, 1)
    return {
        **{f"steady: {each.label}, % of the line": share for each, share in shares.items()},
        "steady: % of the line": [shares[OURS], SHARE],
    }


LINES: dict[str, tuple[Callable[[int, tuple[Contestant, ...]], dict[str, Any]], int]] = {
    "breaks": (measure_breaking, 120),
    "steady": (measure_steady, 60),
}
"""Each with the size of its file in MiB."""


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument(
        "--size", type=int, help="in MiB (default 120, and 60); up to 100 Uppy sends in one piece"
    )
    parser.add_argument("--only", choices=LINES, help="one line")
    parser.add_argument("--with-uppy-5", action="store_true", help="beside 6.3")
    options = parser.parse_args()
    contestants = (OURS, UPPY_6, UPPY_5) if options.with_uppy_5 else (OURS, UPPY_6)
    results: dict[str, Any] = {}
    for name, (measure, size) in LINES.items():
        if options.only in (None, name):
            results |= measure((options.size or size) * MIB, contestants)
    report(__file__, options, results)


if __name__ == "__main__":
    main()
