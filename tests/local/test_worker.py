"""One worker process over its pipes, as the local system uses it: a line in, a line out."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.serving import TIMEOUT
from tests.support.environment import CLEAN_ENVIRONMENT
from tests.support.running import ROOT, eventually

APP = """
import time
from pathlib import Path

def returns(event, context):
    print("loud")
    return event

def sleeps(event, context):
    Path(event).touch()
    while True:
        time.sleep(1)
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / ".chalice").mkdir()
    stages: dict[str, Any] = {"local": {"environment_variables": {}}}
    (tmp_path / ".chalice" / "config.json").write_text(json.dumps({"stages": stages}))
    with subprocess.Popen(
        [sys.executable, "-m", "local.functions.worker", str(tmp_path)],
        cwd=ROOT,
        env=CLEAN_ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process
        process.kill()


def send(worker: "subprocess.Popen[str]", handler: str, event: Any) -> None:
    assert worker.stdin is not None
    invocation = {"id": "1", "function": "f", "arn": "a", "handler": handler, "timeout": 60}
    worker.stdin.write(json.dumps(invocation | {"event": event}) + "\n")
    worker.stdin.flush()


def test_a_line_in_is_a_line_out(worker: "subprocess.Popen[str]") -> None:
    assert worker.stdout is not None
    for event in ({"n": 1}, ["two", "lines\n"], None):
        send(worker, "app.returns", event)
        assert json.loads(worker.stdout.readline()) == {"ok": True, "payload": event}


def test_it_ends_when_its_input_ends(worker: "subprocess.Popen[str]") -> None:
    rest, _ = worker.communicate(timeout=TIMEOUT)

    assert (rest, worker.returncode) == ("", 0)


def test_it_ends_within_a_handler_when_its_input_ends(
    worker: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    started = tmp_path / "started"
    send(worker, "app.sleeps", str(started))
    eventually(started.exists, bool)

    rest, _ = worker.communicate(timeout=TIMEOUT)

    assert (rest, worker.returncode) == ("", 0)
