"""How fast the browser sends many small files, on loopback and over a distance, beside stock Uppy.

`.venv/bin/python bench/small_files.py` sends 1,000 files of 64 KiB, in real Chromium. The peers, in
turns, are `@uppy/aws-s3` 5.1.0 and 6.3.1 with their defaults. The first far end is on loopback and
answers at once. At the second one, an API call takes 50 ms, a preflight 30 ms and a PUT or POST 60
ms. A connection to it carries at most 25 MB/s. The far end checks the checksum of every file. Ours
hashes each file and sends an Authorization header to the API, which costs preflights; theirs do
neither. Figures are files a second, medians. `times …` is our speed divided by the better Uppy's,
and the target. Our calls and preflights for a file, to the API and to S3, have a target as well.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.latency import DISTANCE
from bench.results import bench_parser, report
from bench.rounds import medians
from bench.uploaders.contest import OURS, UPPY_5, UPPY_6, Contestant, Run, compared, run, stage
from bench.uploaders.far_end import NO_DELAYS, Delays, FarEnd
from bench.uploaders.uploads import File

PLACES = {"loopback": (NO_DELAYS, 0.8), "far": (DISTANCE, 3.0)}
"""The delays of S3 and the API, and the target for our speed divided by the better Uppy's."""
CALLS, PREFLIGHTS = 0.03, 0.01
"""Targets: at most so many for a file."""


def files_a_second(contestant: Contestant, far_end: FarEnd, runs: list[Run]) -> float:
    """Send all files once; files a second. Raises if the contestant fails."""
    result = run(contestant, far_end)
    assert not result.reason, f"{contestant.name}: {result.reason}"
    runs.append(result)
    speed = result.complete / result.seconds
    requests = f"{result.calls:5} calls {result.preflights:5} preflights"
    print(f"{contestant.label:<10} {speed:7.1f} files/s {requests}", file=sys.stderr)
    return speed


def measure(
    files: list[File], page: Path, delays: Delays, target: float, rounds: int
) -> dict[str, Any]:
    """The speeds of all contestants at one distance, and our requests for a file."""
    runs: dict[Contestant, list[Run]] = {OURS: [], UPPY_5: [], UPPY_6: []}

    def once(contestant: Contestant) -> float:
        return files_a_second(contestant, FarEnd(files, page, delays=delays), runs[contestant])

    speeds = medians({each.label: partial(once, each) for each in runs}, rounds=rounds, warm=0)
    better = max((UPPY_5.label, UPPY_6.label), key=speeds.__getitem__)
    calls = max(each.calls for each in runs[OURS]) / len(files)
    preflights = max(each.preflights for each in runs[OURS]) / len(files)
    return {
        **compared(speeds, ours=OURS.label, targets={better: target}),
        "calls a file": [round(calls, 3), CALLS],
        "preflights a file": [round(preflights, 3), PREFLIGHTS],
    }


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--files", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--size", type=int, default=64, help="of each, in KiB (default 64)")
    parser.add_argument("--rounds", type=int, default=3, help="of each contestant (default 3)")
    parser.add_argument("--only", choices=PLACES, help="one distance")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    with stage(options.size * 1024, options.files) as (page, files):
        for place, (delays, target) in PLACES.items():
            if options.only in (None, place):
                figures = measure(files, page, delays, target, options.rounds)
                results |= {f"{place}: {name}": value for name, value in figures.items()}
    report(__file__, options, results)


if __name__ == "__main__":
    main()
