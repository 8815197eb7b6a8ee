"""How fast the browser sends a large file if only the browser is slow, beside stock Uppy.

`.venv/bin/python bench/loopback.py` sends 2 GiB from a real file, in real Chromium, to a server on
loopback that discards the bytes. The peers, in turns, are `@uppy/aws-s3` 6.3.1 and 5.1.0 with their
defaults. Ours hashes every byte; theirs do not. Figures are megabytes a second, medians. `times …`
is our speed divided by the peer's, and the target.
"""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, report
from bench.rounds import medians
from bench.uploaders.contest import OURS, UPPY_5, UPPY_6, Contestant, compared, megabytes, stage
from bench.uploaders.far_end import FarEnd
from bench.uploaders.http1 import MIB


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--size", type=int, default=2048, help="in MiB (default 2048)")
    parser.add_argument("--rounds", type=int, default=3, help="of each contestant (default 3)")
    parser.add_argument("--quick", action="store_true", help="one round of 256 MiB")
    options = parser.parse_args()
    size, rounds = (256, 1) if options.quick else (options.size, options.rounds)
    with stage(size * MIB) as (page, files):

        def speed_of(contestant: Contestant) -> float:
            return megabytes(contestant, FarEnd(files, page))

        contestants = {each.label: partial(speed_of, each) for each in (OURS, UPPY_6, UPPY_5)}
        speeds = medians(contestants, rounds=rounds, warm=0)
    report(
        __file__,
        options,
        compared(speeds, ours=OURS.label, targets={UPPY_6.label: 1.4, UPPY_5.label: 1.0}),
    )


if __name__ == "__main__":
    main()
