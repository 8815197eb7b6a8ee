"""How a slow line is used, one that breaks and one that does not, beside stock Uppy.

`.venv/bin/python bench/slow_line.py` sends files in real Chromium, with the kernel's own TCP
(cubic) over a simulated line with a queue of one round trip. It needs root on Linux.

- `breaks`: 120 MiB over 512 KiB/s with a round trip of 100 ms; all connections are reset every
  40 s. The figure is seconds, or the bytes in S3 after 420 s. `% in vain` is the share of bytes
  whose part was sent again or never completed. `times …` is our time divided by the peer's.
- `steady`: 60 MiB over 2 Mbit/s with a round trip of 200 ms. The figure is percent of the line's
  capacity without packet headers.

Targets stand behind the figures. The peer is `@uppy/aws-s3` 6.3.1 with its defaults;
`--with-uppy-5` adds 5.1.0. A run takes minutes, so there is one of each.
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
"""Targets: our time divided by the peer's, percent in vain, percent of the line."""


@contextmanager
def breaking_connections(far_end: FarEnd) -> Iterator[None]:
    """Reset all connections at intervals."""
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
    result = run(contestant, far_end, network=line, timeout=TIMEOUT)
    words = f"{describe_end(result)}, {result.received / MIB:.0f} MiB came in"
    print(f"{contestant.label:<10} {words}", file=sys.stderr)
    return result


def describe_end(result: Run) -> str:
    """How a run ended."""
    if result.reason:
        return f"{result.stored_bytes / MIB:.0f} MiB in S3, then: {result.reason.splitlines()[0]}"
    return f"{result.seconds:.1f} s"


def seconds(result: Run) -> float:
    """How long it took; a run that did not complete counts with the whole timeout."""
    return TIMEOUT if result.reason else result.seconds


def percent_in_vain(result: Run) -> float:
    """Percent of the bytes received that S3 does not hold, or holds twice."""
    return round(100 * (1 - result.stored_bytes / max(1, result.received)), 1)


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
        **{f"breaks: {each.label}": describe_end(result) for each, result in runs.items()},
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
            result = send(each, FarEnd(files, page), network)
            carried = STEADY_RATE * PAYLOAD * seconds(result)
            shares[each] = round(100 * result.stored_bytes / carried, 1)
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
