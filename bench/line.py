"""How much of a long line the browser fills, beside stock Uppy: 200 Mbit/s, round trip 100 ms.

`.venv/bin/python bench/line.py` sends 512 MiB, in real Chromium and with the kernel's own TCP
(cubic), over a simulated line with delay, rate, and a queue of one round trip. It needs root on
Linux. The peers, in turns, are `@uppy/aws-s3` 6.3.1 and 5.1.0 with their defaults. Figures are
percent of the line's capacity without packet headers, from start to completion, medians. `hoist
target` is our target.
"""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, report
from bench.rounds import medians
from bench.uploaders.contest import OURS, UPPY_5, UPPY_6, Contestant, megabytes, stage
from bench.uploaders.far_end import FarEnd
from bench.uploaders.http1 import MIB
from bench.uploaders.long_line import PAYLOAD, long_line

RATE = 200e6 / 8
ROUND_TRIP = 0.1
TARGET = 95


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--size", type=int, default=512, help="in MiB (default 512)")
    parser.add_argument("--rounds", type=int, default=3, help="of each contestant (default 3)")
    parser.add_argument("--quick", action="store_true", help="one round of 128 MiB")
    options = parser.parse_args()
    size, rounds = (128, 1) if options.quick else (options.size, options.rounds)
    with stage(size * MIB) as (page, files), long_line(rate=RATE, round_trip=ROUND_TRIP) as line:

        def share_of(contestant: Contestant) -> float:
            speed = megabytes(contestant, FarEnd(files, page), network=line)
            return round(100 * speed * 1e6 / (RATE * PAYLOAD), 1)

        contestants = {each.label: partial(share_of, each) for each in (OURS, UPPY_6, UPPY_5)}
        shares = medians(contestants, rounds=rounds, warm=0)
    report(__file__, options, {**shares, "hoist target": TARGET})


if __name__ == "__main__":
    main()
