"""What faults of the network cost the uploader, and whether it completes, beside stock Uppy.

`.venv/bin/python bench/faults.py` sends 2 GiB, and then 1,000 files of 64 KiB, in real Chromium,
once for each fault and contestant. Of one file, `sent` is the number of bytes that arrived, in file
sizes. `of its own` is the share of bytes that were sent again without a failure of the far end. If
the upload fails, the page's reason stands there. Of many files, it counts those that are
`complete`, those that failed `with a reason`, those still `hanging` after 120 s and those `SILENTLY
lost`. `twice` counts duplicate objects. At the end, the page is reloaded half way. It must not send
more again than was in flight. The figures of ours have a target.
"""

import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, report
from bench.uploaders import faults
from bench.uploaders.chromium import Chromium, chromium
from bench.uploaders.contest import (
    OURS,
    UPPY_5,
    UPPY_6,
    Contestant,
    Run,
    nothing,
    run,
    stage,
    start,
)
from bench.uploaders.far_end import FarEnd
from bench.uploaders.http1 import MIB
from bench.uploaders.uploads import File

OWN = 0.01
"""What ours may send again of its own, in file sizes; and what an outage may cost in all."""
OUTAGE = 1.1
IN_FLIGHT = 12 * 16 * MIB
SMALL = 64 * 1024
SMALL_IN_FLIGHT = 50 * SMALL
"""Bytes on twelve connections, and bytes that arrived but are not yet recorded by the page."""
TIMEOUT = 120

MISFORTUNES: dict[str, Callable[[], faults.NoFault]] = {
    "5 % of parts: 500": lambda: faults.SomeParts((500, faults.INTERNAL)),
    "5 % of parts: reset half way": lambda: faults.SomeParts("half"),
    "5 % of parts: 403 expired": lambda: faults.SomeParts((403, faults.EXPIRED)),
    "5 % of API calls: 500": lambda: faults.SomeCalls((500, b"{}")),
    "5 % of API calls: reset": lambda: faults.SomeCalls("reset"),
    "5 % of API calls: answer lost": lambda: faults.SomeCalls("lost"),
    "S3 answers 503 for 3 s": lambda: faults.Overload(3),
    "every connection to S3 reset for 10 s": lambda: faults.Severed(10),
    "offline for 10 s": faults.NoFault,
    "a part S3 never reads": faults.OnePartStalls,
}


def wait_for_share(far_end: FarEnd, share: float) -> None:
    """Wait until this share of the bytes has arrived, or the run has timed out."""
    until = time.monotonic() + TIMEOUT
    while far_end.share < share and time.monotonic() < until:
        time.sleep(0.05)


def offline(far_end: FarEnd, browser: Chromium) -> None:
    """Take the browser off the network for 10 s, after a third of the bytes."""
    wait_for_share(far_end, 1 / 3)
    without = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.page("Network.enable")
    browser.page("Network.emulateNetworkConditions", offline=True, **without)
    time.sleep(10)
    browser.page("Network.emulateNetworkConditions", offline=False, **without)
    browser.page("Network.disable")


def describe_one(result: Run, size: int, misfortune: str) -> dict[str, Any]:
    """The figures of a run with one file."""
    if result.reason:
        return {"fails": result.reason.splitlines()[0][:80]}
    own = (result.received - size - result.failed) / size
    good = result.received <= OUTAGE * size if "10 s" in misfortune else own <= OWN
    share_sent = round(result.received / size, 3)
    return {
        "sent": share_sent,
        "of its own": f"{own:.1%}",
        "seconds": round(result.seconds, 1),
        "good": good,
    }


def describe_many(result: Run, files: list[File]) -> dict[str, Any]:
    """The figures of a run with many files."""
    size = sum(file.size for file in files)
    own = (result.received - result.stored_bytes - result.failed) / size
    reasons = len(result.reasons)
    return {
        "complete": result.complete,
        "with a reason": 0 if result.is_hanging else reasons,
        "hanging": reasons if result.is_hanging else 0,
        "SILENTLY lost": len(result.silent),
        "twice": result.twice,
        "sent": round(result.received / size, 3),
        "of its own": f"{own:.1%}",
        "seconds": round(result.seconds, 1),
        **({"for instance": result.reason.splitlines()[0][:80]} if reasons else {}),
        "good": not (result.silent or result.twice or result.is_hanging),
    }


def reload(far_end: FarEnd, in_flight: int) -> dict[str, Any]:
    """Our figures if the page is reloaded half way and the files are picked again."""
    with closing(far_end), chromium() as browser:
        browser.open(far_end.page_url, far_end.files)
        start(browser, OURS, far_end)
        wait_for_share(far_end, 1 / 2)
        browser.open(far_end.page_url, far_end.files)
        browser.value(start(browser, OURS, far_end), TIMEOUT)
    again = far_end.received - far_end.size
    twice = len(far_end.uploads.stored_names) - len(far_end.files)
    return {
        "sent": round(far_end.share, 3),
        "MiB again": round(again / MIB, 1),
        "twice": twice,
        "good": not far_end.missing and again <= in_flight,
    }


def run_misfortunes(
    page: Path, files: list[File], contestants: tuple[Contestant, ...], only: str
) -> dict[str, Any]:
    """Each fault for each contestant, and the reload for ours."""
    results: dict[str, Any] = {}
    many = len(files) > 1
    kind = f"{len(files)} files, " if many else ""
    for name, misfortune in MISFORTUNES.items():
        for each in contestants if only in name else ():
            far_end = FarEnd(files, page, fault=misfortune())
            meanwhile = partial(offline, far_end) if name.startswith("offline") else nothing
            result = run(each, far_end, timeout=TIMEOUT, meanwhile=meanwhile)
            words = (
                describe_many(result, files) if many else describe_one(result, far_end.size, name)
            )
            results[f"{kind}{name}, {each.label}"] = words
            print(f"{kind}{name}, {each.label}: {words}", file=sys.stderr)
    if only in "reload half way":
        words = reload(FarEnd(files, page), SMALL_IN_FLIGHT if many else IN_FLIGHT)
        results[f"{kind}reload half way, {OURS.label}"] = words
    return results


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--size", type=int, default=2048, help="in MiB (default 2048; 0: none)")
    parser.add_argument(
        "--files", type=int, default=1000, help="small ones (default 1000; 0: none)"
    )
    parser.add_argument("--only", default="", help="misfortunes with this in their name")
    parser.add_argument("--quick", action="store_true", help="512 MiB at most and ours alone")
    options = parser.parse_args()
    size = (min(512, options.size) if options.quick else options.size) * MIB
    contestants: tuple[Contestant, ...] = (OURS,) if options.quick else (OURS, UPPY_6, UPPY_5)
    results: dict[str, Any] = {}
    for each_size, count in ((size, 1), (SMALL, options.files)):
        if each_size and count:
            with stage(each_size, count) as (page, files):
                results |= run_misfortunes(page, files, contestants, options.only)
    report(__file__, options, results)


if __name__ == "__main__":
    main()
