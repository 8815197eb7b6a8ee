"""How many requests to the API one upload takes: create with the first sheet, and complete.

`.venv/bin/python bench/round_trips.py --size 256MiB` starts a local system and Chromium of its own,
and sends a file of that size. It counts the page's API requests for that upload, from create to
accepted, and separately the CORS preflights. Then it creates an upload of 10,000 parts and counts
the signatures in that one response.
"""

import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, report
from tests.browser.conftest import ARGUMENTS
from tests.support.running import RunningSystem, running_system, sign_in

MIB = 1024 * 1024
UPLOAD_ID = re.compile(r"[0-9a-f-]{36}")
LARGEST = 10_000 * 5 * 1024 * MIB  # 48.8 TiB


def count(system: RunningSystem, file_path: Path) -> Counter[str]:
    """The requests of one upload, to the API by route and to S3 by method."""
    requests: Counter[str] = Counter()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        page = chromium.new_page()
        page.goto(system.ports.page_origin)
        sign_in(page)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Network.enable")  # which reports preflights, too, as OPTIONS
        devtools.on(
            "Network.requestWillBeSent",
            lambda file_path: requests.update([_name(system, file_path)]),
        )
        page.locator("input[type=file]").first.set_input_files([file_path])
        row = page.locator(f"[data-testid=upload][data-filename='{file_path.name}']")
        row.and_(page.locator("[data-state=accepted]")).wait_for(timeout=600_000)
        chromium.close()
    return requests


def _name(system: RunningSystem, file_path: Any) -> str:
    method, url = file_path["request"]["method"], file_path["request"]["url"]
    path, _, _ = url.removeprefix(system.url("api")).partition("?")
    if not path.startswith("/"):
        return f"{method} elsewhere"
    words = ("{id}" if UPLOAD_ID.fullmatch(word) else word for word in path.split("/"))
    return f"{method} {'/'.join(words)}"


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--size", default="256MiB", help="like 64MiB (default 256MiB)")
    options = parser.parse_args()
    size = int(options.size.removesuffix("MiB")) * MIB
    with tempfile.TemporaryDirectory(prefix="hoist-bench-") as folder:
        file_path = Path(folder) / "large.bin"
        with file_path.open("wb") as file:
            file.truncate(size)
        with running_system(Path(folder) / "hoist") as system:
            requests = count(system, file_path)
            client = system.sign_in()
            body = {"filename": "largest.bin", "size": LARGEST}
            created: Any = client.request("POST", "/uploads", body)
    # Requests for the list of all uploads do not count.
    api_requests = {
        n: k for n, k in sorted(requests.items()) if "/uploads" in n and n != "GET /uploads"
    }
    preflights = {n: api_requests.pop(n) for n in list(api_requests) if n.startswith("OPTIONS")}
    report(
        __file__,
        options,
        {
            "parts": requests["PUT elsewhere"],
            **api_requests,
            "round_trips": sum(api_requests.values()),
            "preflights": sum(preflights.values()),
            "signatures_in_one_answer": len(created.json["sheet"]["signatures"]),
            "answer_bytes": len(created.body),
        },
    )


if __name__ == "__main__":
    main()
