"""What a bad network costs the uploader, and whether it gets through, beside stock Uppy.

`.venv/bin/python bench/faults.py` sends 2 GiB, in real Chromium, once for each misfortune and
contestant. `sent` is what came in at the far end, in file sizes; `of its own` is what came in again
though the far end had not failed it, in percent of the file; otherwise the reason given for giving
up. At the end the page is reloaded half way and must send no more again than was in flight. The
last line is JSON, with what is wanted of ours.
"""

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.rounds import report
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

OWN = 0.01
"""What ours may send again of its own, in file sizes; then, what an outage may cost in all."""
OUTAGE = 1.1
IN_FLIGHT = 12 * 16 * MIB
TIMEOUT = 120

MISFORTUNES: dict[str, Callable[[], faults.NoFault]] = {
    "5 % of parts: 500": lambda: faults.SomeParts((500, faults.INTERNAL)),
    "5 % of parts: reset half way": lambda: faults.SomeParts("half"),
    "5 % of parts: 403 expired": lambda: faults.SomeParts((403, faults.EXPIRED)),
    "5 % of API calls: 500": lambda: faults.SomeCalls((500, b"{}")),
    "5 % of API calls: reset": lambda: faults.SomeCalls("reset"),
    "S3 answers 503 for 3 s": lambda: faults.Overload(3),
    "every connection to S3 reset for 10 s": lambda: faults.Severed(10),
    "offline for 10 s": faults.NoFault,
    "a part S3 never reads": faults.OnePartStalls,
}


def offline(browser: Chromium) -> None:
    """Take the browser off the network for 10 s, after a third of the file."""
    while browser.evaluate("bench.progress") < 1 / 3:
        time.sleep(0.05)
    without = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.page("Network.enable")
    browser.page("Network.emulateNetworkConditions", offline=True, **without)
    time.sleep(10)
    browser.page("Network.emulateNetworkConditions", offline=False, **without)


def told(came_to: Run, size: int, misfortune: str) -> dict[str, Any]:
    """A run in the words of the result."""
    if came_to.reason:
        return {"fails": came_to.reason.splitlines()[0][:80]}
    own = (came_to.received - size - came_to.failed) / size
    good = came_to.received <= OUTAGE * size if "10 s" in misfortune else own <= OWN
    sent = round(came_to.received / size, 3)
    return {
        "sent": sent,
        "of its own": f"{own:.1%}",
        "seconds": round(came_to.seconds, 1),
        "good": good,
    }


def reloaded(file: Path, far_end: FarEnd) -> dict[str, Any]:
    """Ours when the page is reloaded half way and the file picked again."""
    with closing(far_end), chromium() as browser:
        browser.open(far_end.page_url, file)
        start(browser, OURS, far_end)
        while browser.evaluate("bench.progress") < 1 / 2:
            time.sleep(0.05)
        browser.open(far_end.page_url, file)
        browser.value(start(browser, OURS, far_end), TIMEOUT)
    again = far_end.received - far_end.size
    good = far_end.whole and len(far_end.uploads.by_id) == 1 and again <= IN_FLIGHT
    return {
        "sent": round(far_end.received / far_end.size, 3),
        "MiB again": again // MIB,
        "good": good,
    }


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=2048, help="in MiB (default 2048)")
    parser.add_argument("--only", default="", help="misfortunes with this in their name")
    parser.add_argument("--quick", action="store_true", help="512 MiB and ours alone")
    options = parser.parse_args()
    size = (512 if options.quick else options.size) * MIB
    contestants: tuple[Contestant, ...] = (OURS,) if options.quick else (OURS, UPPY_6, UPPY_5)
    results: dict[str, Any] = {}
    with stage(size) as (page, file):
        for name, misfortune in MISFORTUNES.items():
            for each in contestants if options.only in name else ():
                meanwhile = offline if name.startswith("offline") else nothing
                far_end = FarEnd(size, page, fault=misfortune())
                came_to = run(each, file, far_end, timeout=TIMEOUT, meanwhile=meanwhile)
                results[f"{name}, {each.label}"] = told(came_to, size, name)
        if options.only in "reload half way":
            results[f"reload half way, {OURS.label}"] = reloaded(file, FarEnd(size, page))
    report(results)


if __name__ == "__main__":
    main()
