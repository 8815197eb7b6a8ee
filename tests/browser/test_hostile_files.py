"""Hostile files that are accepted, opened in Chromium in every possible way: none of them runs.

An attacker's page of another origin embeds their presigned URLs in every element that loads a URL.
`tests/hostile/test_files.py` checks which files must be rejected.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.hostile.files import HostileFile, hostile_files
from tests.hostile.test_files import is_rejected
from tests.support.running import Client, RunningSystem, call, eventually

# The local system processes each file, which takes some minutes on a busy machine.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

BATCH = 60  # files in a page at once
GENERIC = "application/octet-stream"
# Expressions for the elements that load a URL. The attacker's page creates one for each file.
EMBEDS = {
    "frame": "Object.assign(document.createElement('iframe'), {src: url})",
    "image": "Object.assign(document.createElement('img'), {src: url})",
    "script": "Object.assign(document.createElement('script'), {src: url})",
    "module": "Object.assign(document.createElement('script'), {type: 'module', src: url})",
    "style": "Object.assign(document.createElement('link'), {rel: 'stylesheet', href: url})",
    "object": "Object.assign(document.createElement('object'), {data: url})",
    "embed": "Object.assign(document.createElement('embed'), {src: url})",
    "film": "Object.assign(document.createElement('video'), {src: url})",
}
# A script that has the type of a script runs in a page that loads it, because its owner shares it.
SCRIPTS = ("text/javascript", "application/javascript", "application/x-javascript")


class Attacker:
    """A web server: a page that embeds files, a file that does run, and a list of requests."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        attacker = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                attacker.calls.append(self.path)
                body = b""
                kind = "text/html"
                if self.path.startswith("/runs"):
                    url = f"{attacker.url}/called"
                    kind = "text/javascript" if self.path.endswith("js") else kind
                    body = f"fetch('{url}');globalThis.ran=1".encode()
                    body = body if kind != "text/html" else b"<script>" + body + b"</script>"
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def beacons(self) -> list[str]:
        """The requests that hostile files made."""
        return [path for path in self.calls if path.startswith("/ran")]


@dataclass(frozen=True)
class Accepted:
    """A hostile file that was accepted."""

    file: HostileFile
    content_type: str
    url: str


@pytest.fixture(scope="module")
def attacker() -> Iterator[Attacker]:
    server = Attacker()
    yield server
    server.end()


@pytest.fixture(scope="module")
def accepted(system: RunningSystem, attacker: Attacker) -> list[Accepted]:
    """All files that are not rejected, each with its presigned URL."""
    client = system.sign_in()
    files = [
        # Each file requests another path, if its script is plain text.
        HostileFile(
            file.what, file.name, file.declared,
            file.data.replace(b"/ran000", f"/ran{number:03}".encode()), file.stays_out,
        )
        for number, file in enumerate(hostile_files(f"{attacker.url}/ran000"))
    ]  # fmt: skip
    expected = {str(number): file for number, file in enumerate(files) if not is_rejected(file)}
    s3, bucket, prefix = system.s3(client)
    for number, file in expected.items():
        key = f"{prefix}{number}/{file.name}"
        s3.put_object(Bucket=bucket, Key=key, Body=file.data, ContentType=file.declared or GENERIC)
    uploads = eventually(
        lambda: finished_uploads(client), lambda uploads: len(uploads) == len(expected), 500
    )
    return [
        accepted_file(client, upload, expected[upload["key"].split("/")[-2]]) for upload in uploads
    ]


def finished_uploads(client: Client) -> list[Any]:
    """The owner's uploads that have an outcome, from all pages of the list.

    It waits first, because constant requests would slow the system down.
    """
    time.sleep(3)
    uploads, query = [], ""
    while True:
        answer = client.request("GET", f"/uploads{query}").json
        uploads += answer["uploads"]
        if answer["cursor"] is None:
            return [upload for upload in uploads if upload["state"] in ("accepted", "rejected")]
        query = f"?cursor={answer['cursor']}"


def accepted_file(client: Client, upload: Any, file: HostileFile) -> Accepted:
    assert upload["state"] == "accepted", (file, upload)
    url = client.request("GET", f"/uploads/{upload['id']}/download").json["url"]
    return Accepted(file, upload["report"]["content_type"], url)


def test_every_response_prevents_a_file_from_running(accepted: list[Accepted]) -> None:
    assert len(accepted) >= 50
    for one in accepted:
        headers = call("GET", one.url).headers

        assert headers["Content-Disposition"].startswith("attachment"), one.file
        assert headers["X-Content-Type-Options"] == "nosniff", one.file
        assert headers["Content-Type"] == one.content_type, one.file
        assert "sandbox" in headers["Content-Security-Policy"], one.file
        assert headers["Cross-Origin-Resource-Policy"] == "same-site", one.file


@pytest.mark.parametrize("how", EMBEDS)
def test_no_file_runs_in_a_page_that_embeds_it(
    browser: Browser, attacker: Attacker, accepted: list[Accepted], how: str
) -> None:
    urls = [
        one.url
        for one in accepted
        if not (how in ("script", "module") and one.content_type in SCRIPTS)
    ]
    context = browser.new_context(accept_downloads=False)
    for start in range(0, len(urls), BATCH):
        page = context.new_page()
        page.goto(f"{attacker.url}/page")
        embed(page, EMBEDS[how], urls[start : start + BATCH])
        embed(page, EMBEDS["script"], [f"{attacker.url}/runs.js"])
        until_called(page, attacker)

        assert attacker.beacons() == []
        others = [frame for frame in page.frames if frame != page.main_frame]
        assert [frame.url for frame in others if frame.evaluate("globalThis.ran")] == []
        page.close()
    context.close()


@pytest.mark.parametrize("how", ["frame", "script", "module", "object", "embed"])
def test_a_file_that_does_run_is_detected(browser: Browser, attacker: Attacker, how: str) -> None:
    page = browser.new_page()
    page.goto(f"{attacker.url}/page")
    embed(page, EMBEDS[how], [f"{attacker.url}/runs{'.js' if how in ('script', 'module') else ''}"])

    until_called(page, attacker)
    page.context.close()


def embed(page: Page, element: str, urls: list[str]) -> None:
    page.evaluate(f"urls => urls.forEach(url => document.body.append({element}))", urls)


def until_called(page: Page, attacker: Attacker) -> None:
    """Wait until the page's network is idle and the file that does run has made its request."""
    page.wait_for_load_state("networkidle")
    for _ in range(300):
        if "/called" in attacker.calls:
            break
        page.wait_for_timeout(50)
    assert "/called" in attacker.calls
    attacker.calls.remove("/called")
    page.wait_for_timeout(500)


def test_opening_a_file_saves_it_under_its_name(
    context: BrowserContext, attacker: Attacker, accepted: list[Accepted]
) -> None:
    page = context.new_page()
    page.goto(f"{attacker.url}/page")
    for one in accepted:
        with page.expect_download() as download:
            page.evaluate("url => { location.href = url }", one.url)

        assert download.value.suggested_filename == one.file.name
        assert download.value.path().read_bytes() == one.file.data
        assert page.url == f"{attacker.url}/page"
        assert page.evaluate("globalThis.ran") is None
    assert attacker.beacons() == []
