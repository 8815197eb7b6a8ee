"""How fast the browser sends a file over a long distance, beside stock Uppy.

`.venv/bin/python bench/latency.py` sends 200 MiB, in real Chromium. At the far end, an API call
takes 50 ms, each preflight 30 ms and each part PUT 60 ms. A connection carries at most 25 MB/s. The
peers, in turns, are `@uppy/aws-s3` 6.3.1 and 5.1.0 with their defaults, and 5.1.0 with 16 MiB
parts. Figures are megabytes a second, medians. `times …` is our speed divided by the peer's, and
the target.
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

        def speed_of(contestant: Contestant) -> float:
            return megabytes(contestant, FarEnd(files, page, delays=DISTANCE))

        contestants = {
            each.label: partial(speed_of, each) for each in (OURS, UPPY_6, UPPY_5, UPPY_5_LARGE)
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
