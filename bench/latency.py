"""How fast the browser sends a file over distance, beside stock Uppy.

`.venv/bin/python bench/latency.py` sends 200 MiB, in real Chromium, to a far end where an API call
takes 50 ms, each preflight 30 ms and each part PUT 60 ms, and no connection carries more than
25 MB/s, in turns with `@uppy/aws-s3` 6.3.1 as it comes and 5.1.0 as it comes and with 16 MiB parts.
Megabytes a second, medians; `times …` is how many times the peer's speed ours is, and what is
wanted. The last line is JSON.
"""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, report
from bench.rounds import medians
from bench.uploaders.contest import (
    OURS,
    UPPY_5,
    UPPY_5_LARGE,
    UPPY_6,
    Contestant,
    compared,
    megabytes,
    stage,
)
from bench.uploaders.far_end import Delays, FarEnd
from bench.uploaders.http1 import MIB

DISTANCE = Delays(call=0.05, preflight=0.03, put=0.06, rate=25e6)


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--size", type=int, default=200, help="in MiB (default 200)")
    parser.add_argument("--rounds", type=int, default=5, help="of each contestant (default 5)")
    parser.add_argument("--quick", action="store_true", help="one round of 128 MiB")
    options = parser.parse_args()
    size, rounds = (128, 1) if options.quick else (options.size, options.rounds)
    with stage(size * MIB) as (page, files):

        def sent(contestant: Contestant) -> float:
            return megabytes(contestant, FarEnd(files, page, delays=DISTANCE))

        contestants = {
            each.label: partial(sent, each) for each in (OURS, UPPY_6, UPPY_5, UPPY_5_LARGE)
        }
        speeds = medians(contestants, rounds=rounds, warm=0)
    report(
        __file__,
        options,
        compared(
            speeds,
            ours=OURS.label,
            targets={UPPY_6.label: 6.0, UPPY_5.label: 1.2, UPPY_5_LARGE.label: 1.2},
        ),
    )


if __name__ == "__main__":
    main()
