"""How fast the browser sends many small files, on loopback and far away, beside stock Uppy.

`.venv/bin/python bench/small_files.py` sends 1,000 files of 64 KiB, in real Chromium, in turns with
`@uppy/aws-s3` 5.1.0 and 6.3.1 as they come: to a far end on loopback that answers at once, then to
one where an API call takes 50 ms, a preflight 30 ms and a PUT or POST to S3 60 ms, and no
connection carries more than 25 MB/s. The far end compares every file with its checksum. Ours hashes
each file and sends an Authorization header to the API, which costs preflights; theirs do neither.
Files a second, medians; `times …` is how many times the better Uppy's speed ours is, and what is
wanted. Calls and preflights, to the API and to S3, are counted for a file of ours, and the most
that is wanted. The last line is JSON.
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
"""How far S3 and the API are, and how many times the better Uppy's speed is wanted."""
CALLS, PREFLIGHTS = 0.03, 0.01
"""The most that are wanted, for a file."""


def files_a_second(contestant: Contestant, far_end: FarEnd, runs: list[Run]) -> float:
    """Send all files once; files a second. Whoever fails here has no speed."""
    came_to = run(contestant, far_end)
    assert not came_to.reason, f"{contestant.name}: {came_to.reason}"
    runs.append(came_to)
    speed = came_to.complete / came_to.seconds
    asked = f"{came_to.calls:5} calls {came_to.preflights:5} preflights"
    print(f"{contestant.label:<10} {speed:7.1f} files/s {asked}", file=sys.stderr)
    return speed


def measure(
    files: list[File], page: Path, delays: Delays, target: float, rounds: int
) -> dict[str, Any]:
    """The speeds of all contestants at one distance, and what a file of ours costs."""
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
