"""Headless Chromium over a bare DevTools pipe: opens a page, picks files, waits for results.

Not Playwright, because its instrumentation slows the page. Must not know the page's functions.
https://chromedevtools.github.io/devtools-protocol/
"""

import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bench.uploaders.long_line import enter
from bench.uploaders.uploads import File
from tests.browser.conftest import ARGUMENTS

COMMAND = [
    *ARGUMENTS,
    "--headless=new",
    "--remote-debugging-pipe",
    "--disable-features=SpareRendererForSitePerProcess",
    "--no-startup-window",
]

# Chromium reads commands from descriptor 3 and writes answers to 4.
PLUMB = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class PageError(Exception):
    """An error that the page threw."""


class Chromium:
    """One browser with one page."""

    def __init__(self, pid: int, to: int, answers: int) -> None:
        self.pid = pid
        self._to = to
        self._answers = answers
        self._seen = bytearray()
        self._asked = 0
        self._early: dict[int, dict[str, Any]] = {}
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._page: str = attached["sessionId"]

    def ask(self, method: str, *, of_page: bool = False, **parameters: Any) -> int:
        """Send a command; returns its number."""
        self._asked += 1
        command = {"id": self._asked, "method": method, "params": parameters}
        if of_page:
            command["sessionId"] = self._page
        os.write(self._to, json.dumps(command).encode() + b"\0")
        return self._asked

    def answer(self, number: int, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the answer to a command, at most `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while number not in self._early:
            message = json.loads(self._message(until))
            if "id" in message:
                self._early[message["id"]] = message
        message = self._early.pop(number)
        if "error" in message:
            raise PageError(message["error"]["message"])
        return dict(message["result"])

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command to the browser; returns its answer."""
        return self.answer(self.ask(method, **parameters))

    def page(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command to the page; returns its answer."""
        return self.answer(self.ask(method, of_page=True, **parameters))

    def open(self, url: str, files: Sequence[File]) -> None:
        """Open a page and pick files there."""
        self.page("Page.navigate", url=url)
        while not self.evaluate("document.readyState === 'complete' && 'bench' in window"):
            pass
        root = self.page("DOM.getDocument")["root"]["nodeId"]
        node = self.page("DOM.querySelector", nodeId=root, selector="input")["nodeId"]
        self.page("DOM.setFileInputFiles", files=[str(each.path) for each in files], nodeId=node)

    def start(self, expression: str) -> int:
        """Start an evaluation; `value` waits for its result."""
        return self.ask(
            "Runtime.evaluate",
            of_page=True,
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
        )

    def value(self, number: int, timeout: float | None = None) -> Any:
        """The value of an expression; raises PageError with the error that it threw."""
        answer = self.answer(number, timeout)
        if "exceptionDetails" in answer:
            raise PageError(answer["exceptionDetails"]["exception"].get("description", "")[:300])
        return answer["result"].get("value")

    def evaluate(self, expression: str) -> Any:
        """Evaluate an expression and wait for its value."""
        return self.value(self.start(expression))

    def renderer_memory(self) -> int:
        """Resident bytes of the processes that run pages; Chromium may keep a spare one."""
        return sum(
            _resident(pid) for pid in _children(self.pid) if b"--type=renderer" in _command(pid)
        )

    def _message(self, until: float | None) -> bytes:
        """The next message on the pipe, up to its zero byte."""
        while (end := self._seen.find(0)) < 0:
            seconds_left = None if until is None else max(0, until - time.monotonic())
            if not select.select([self._answers], [], [], seconds_left)[0]:
                raise TimeoutError
            more = os.read(self._answers, 1024 * 1024)
            if not more:
                raise PageError("Chromium is gone")
            self._seen += more
        message = bytes(self._seen[:end])
        del self._seen[: end + 1]
        return message


@contextlib.contextmanager
def chromium(network: int | None = None) -> Iterator[Chromium]:
    """A fresh Chromium, closed afterwards; in a network namespace, if there is one."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        raise SystemExit("Chromium is needed on PATH: scripts/browsers installs it")
    commands, answers = _pipe(), _pipe()
    ends = (commands.reading, answers.writing)
    with tempfile.TemporaryDirectory(prefix="hoist-bench-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                PLUMB,
                *map(str, ends),
                executable,
                *COMMAND,
                f"--user-data-dir={profile}",
            ],
            pass_fds=ends,
            # Between fork and exec there is only one system call, which cannot deadlock.
            preexec_fn=None if network is None else partial(enter, network),  # noqa: PLW1509
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands.reading)
        os.close(answers.writing)
        try:
            yield Chromium(process.pid, commands.writing, answers.reading)
        finally:
            process.terminate()
            process.wait()
            os.close(commands.writing)
            os.close(answers.reading)


class _Pipe(NamedTuple):
    reading: int
    writing: int


def _pipe() -> _Pipe:
    """A pipe whose descriptors are not 3 or 4, which Chromium needs."""
    ends = os.pipe()
    high = _Pipe(*(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends))
    for end in ends:
        os.close(end)
    return high


def _children(pid: int) -> Iterator[int]:
    """All descendant processes of this one."""
    with contextlib.suppress(FileNotFoundError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield child
                yield from _children(child)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
