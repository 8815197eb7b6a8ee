"""How much memory the page needs while it sends a large file, above its memory at rest.

`.venv/bin/python bench/memory.py` sends 2 GiB, in real Chromium, to a server on loopback that
discards the bytes. Five times a second it reads the renderer's resident memory, workers included:
ours, then `@uppy/aws-s3` 6.3.1 and 5.1.0 with their defaults. It is a bench of its own, because the
reads change the speed. Figures are MiB.
"""

import sys
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, report
from bench.uploaders.chromium import chromium
from bench.uploaders.contest import OURS, UPPY_5, UPPY_6, Contestant, stage, start
from bench.uploaders.far_end import FarEnd
from bench.uploaders.http1 import MIB

TARGET = 150
EVERY = 0.2
SETTLED = 3
"""Seconds after which a page is at rest."""


def above_rest(contestant: Contestant, far_end: FarEnd) -> int:
    """The peak of the renderer's memory while the file is sent, minus that before; in MiB."""
    with closing(far_end), chromium() as browser:
        browser.open(far_end.page_url, far_end.files)
        time.sleep(SETTLED)
        rest = most = browser.renderer_memory()
        running = start(browser, contestant, far_end)
        while far_end.missing:
            most = max(most, browser.renderer_memory())
            time.sleep(EVERY)
        browser.value(running)
    return (most - rest) // MIB


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--size", type=int, default=2048, help="in MiB (default 2048)")
    parser.add_argument("--quick", action="store_true", help="256 MiB and ours alone")
    options = parser.parse_args()
    size = (256 if options.quick else options.size) * MIB
    with stage(size) as (page, files):
        contestants = (OURS,) if options.quick else (OURS, UPPY_6, UPPY_5)
        grown = {each.label: above_rest(each, FarEnd(files, page)) for each in contestants}
    report(__file__, options, {**grown, "hoist target": TARGET})


if __name__ == "__main__":
    main()
