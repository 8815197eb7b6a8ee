"""Whether the page stays responsive while thousands of files are picked at once.

`.venv/bin/python bench/many_files.py` builds the page and opens it in Chromium. An API and an S3
answer at once. It picks 5,000 small files and prints every task that blocked the page for more than
50 ms, until two seconds after the last file was sent. Chromium's own work before the page's event
does not count: it checks each file on the disk. `--profile` prints the time by function, of a build
that keeps its names. The result has the longest task in milliseconds, and the target. Nothing else
should run on the machine.
https://developer.mozilla.org/docs/Web/API/PerformanceLongTaskTiming
"""

import base64
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, finish
from bench.uploaders.chromium import Chromium, chromium
from bench.uploaders.http1 import Exchange, Server

FRONTEND = Path(__file__).parent.parent / "frontend"
MOST = 50
"""Milliseconds."""
AFTER = 2
"""Seconds after the last file that are still measured: the list and the Dashboard clean up."""
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
EXPIRES = "2099-01-01T00:00:00Z"

SETUP = """
sessionStorage.setItem("hoist.refresh_token", "nobody's");
window.tasks = [];
document.addEventListener("change", () => { window.heard = performance.now(); }, { capture: true });
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) tasks.push([startTime, duration]);
}).observe({ type: "longtask", buffered: true });
"""


class World:
    """The page's server, the API, Cognito and S3, as far as small files need them."""

    def __init__(self, page: Path) -> None:
        self.stored = 0
        self.calls = 0
        self._page = page
        self._created = 0
        self._lock = threading.Lock()
        self._s3 = Server(self._on_s3)
        self._api = Server(self._on_api)
        self._server = Server(self._on_page)

    @property
    def url(self) -> str:
        """The page's."""
        return f"http://127.0.0.1:{self._server.port}/"

    def close(self) -> None:
        """Stop listening."""
        for server in (self._s3, self._api, self._server):
            server.close()

    def _on_page(self, exchange: Exchange) -> None:
        if exchange.path == "/config.json":
            address = f"http://127.0.0.1:{self._api.port}"
            return exchange.answer_json(200, {"api_url": address, "cognito_endpoint": address})
        path = self._page / (exchange.path.lstrip("/") or "index.html")
        if not path.is_file():
            return exchange.answer(404)
        kind = TYPES.get(path.suffix, "application/octet-stream")
        return exchange.answer(200, path.read_bytes(), {"Content-Type": kind})

    def _on_api(self, exchange: Exchange) -> None:
        if exchange.method == "OPTIONS":
            exchange.answer(200, headers={"Access-Control-Max-Age": "600"})
        else:
            exchange.answer_json(*self._answer(exchange))

    def _answer(self, exchange: Exchange) -> tuple[int, object]:
        body: Any = exchange.json()
        answers: dict[tuple[str, str], Callable[[], object]] = {
            ("POST", "/"): lambda: {"AuthenticationResult": _tokens()},
            ("GET", "/limits"): self._limits,
            ("GET", "/uploads"): lambda: {"uploads": [], "cursor": None},
            ("GET", "/email"): lambda: {"address": "a@b.test", "state": "off"},
            ("POST", "/uploads/batch"): lambda: self._batch(body["uploads"]),
        }
        answer = answers.get((exchange.method, exchange.path))
        return (200, answer()) if answer else (404, {"code": "not_found", "status": 404})

    def _batch(self, members: list[dict[str, Any]]) -> dict[str, Any]:
        self.calls += 1
        return {"uploads": [{"upload": self._create(member)} for member in members]}

    def _limits(self) -> dict[str, Any]:
        return {
            "max_size": 10**12,
            "allowed_types": [],
            "url_lifetime": 3600,
            "max_parts": 10_000,
            "put_max_size": 16 * 1024 * 1024,
            "origins": self._origins(),
        }

    def _origins(self) -> list[str]:
        return [f"http://{name}:{self._s3.port}" for name in ("127.0.0.1", "localhost")]

    def _create(self, member: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._created += 1
            number = self._created
        key = f"uploads/nobody/{number}/{member['filename']}"
        fields = {"key": key, "x-amz-checksum-crc64nvme": member["crc64nvme"]}
        url = f"{self._origins()[number % 2]}/bucket"
        return {
            "id": f"u{number}",
            "key": key,
            "state": "uploading",
            "strategy": "post",
            "part_size": member["size"],
            "part_count": 1,
            "sheet": {"url": url, "fields": fields, "expires_at": EXPIRES},
        }

    def _on_s3(self, exchange: Exchange) -> None:
        if exchange.method != "POST":
            return exchange.answer(200 if exchange.method == "OPTIONS" else 403)
        exchange.discard(exchange.length, rate=None, on_bytes=lambda _: None)
        with self._lock:
            self.stored += 1
        return exchange.answer(204)


def _tokens() -> dict[str, Any]:
    claims = base64.urlsafe_b64encode(b'{"email":"nobody@b.test"}').decode().rstrip("=")
    return {"IdToken": f"e30.{claims}.x", "AccessToken": "x", "ExpiresIn": 3600}


def build(folder: Path, *, minified: bool) -> Path:
    """Build the page into a folder."""
    command = ["node_modules/.bin/vite", "build", "--logLevel=error", f"--outDir={folder}"]
    command += [] if minified else ["--minify=false"]
    subprocess.run(command, cwd=FRONTEND, check=True)
    return folder


def pick(page: Chromium, files: list[Path]) -> None:
    """Pick the files in the page, once it is ready."""
    while not page.evaluate("document.querySelector('.uppy-Dashboard-input') !== null"):
        time.sleep(0.1)
    time.sleep(1)  # the page's own start is not measured
    page.evaluate("void (tasks.length = 0)")
    root = page.page("DOM.getDocument")["root"]["nodeId"]
    selector = ".uppy-Dashboard-input"
    node = page.page("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
    page.page("DOM.setFileInputFiles", files=[str(file) for file in files], nodeId=node)


def busiest(profile: dict[str, Any], count: int) -> list[tuple[str, float]]:
    """The functions with the most time of their own, in milliseconds."""
    names = {
        node["id"]: "{functionName} {url}:{lineNumber}".format(**node["callFrame"])
        for node in profile["nodes"]
    }
    spent: Counter[str] = Counter()
    for node, delta in zip(profile["samples"], profile["timeDeltas"], strict=True):
        spent[names[node]] += delta
    return [
        (f"{urlsplit(name).path or name}", time / 1000) for name, time in spent.most_common(count)
    ]


def measure(page: Path, files: list[Path], *, profiled: bool) -> dict[str, Any]:
    """Open the page and pick all files at once."""
    world = World(page)
    try:
        with chromium() as browser:
            browser.page("Page.enable")
            browser.page("Page.addScriptToEvaluateOnNewDocument", source=SETUP)
            browser.page("Page.navigate", url=world.url)
            if profiled:
                browser.page("Profiler.enable")
                browser.page("Profiler.start")
            pick(browser, files)
            start = time.monotonic()
            while world.stored < len(files):
                time.sleep(0.2)
            seconds = time.monotonic() - start
            time.sleep(AFTER)
            if profiled:
                for name, spent in busiest(browser.page("Profiler.stop")["profile"], 45):
                    print(f"{spent:8.0f} ms  {name}")
            tasks = browser.evaluate("tasks.map(([at, took]) => [at - heard, at + took - heard])")
            ours = [(round(max(0, start)), round(end - max(0, start))) for start, end in tasks]
            return {
                "seconds": seconds,
                "calls": world.calls,
                "tasks": [(start, took) for start, took in ours if took > MOST],
            }
    finally:
        world.close()


def main() -> None:
    """Build, pick, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--size", type=int, default=4_096, help="bytes of each")
    parser.add_argument("--profile", action="store_true", help="where the time went")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hoist-bench-") as folder:
        page = build(Path(folder) / "page", minified=not options.profile)
        files = [Path(folder) / f"{number:05}.bin" for number in range(options.files)]
        for number, file in enumerate(files):
            file.write_bytes(number.to_bytes(8) * (options.size // 8))
        result = measure(page, files, profiled=options.profile)
    for at, took in result["tasks"]:
        print(f"at {at / 1000:6.2f} s a task of {took} ms")
    print(
        f"{options.files} files in {result['seconds']:.1f} s, {result['calls']} calls, "
        f"{len(result['tasks'])} tasks of more than {MOST} ms"
    )
    longest = max((took for _, took in result["tasks"]), default=0)
    finish(__file__, options, {"longest_task": [longest, MOST], "tasks": len(result["tasks"])})


if __name__ == "__main__":
    main()
