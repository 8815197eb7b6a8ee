"""Copies of this project in which a test runs commands, as an operator does."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.environment import REGION
from tests.support.running import ROOT

# Made by `make install`: pip uses no other source.
WHEELS = ROOT / ".make" / "wheels"
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS), "PYTHONDONTWRITEBYTECODE": "1"}
# Not deployed.
LEFT_OUT = ("frontend/", "tests/", "bench/")
# Every new stage must choose who may have an account.
DEPLOY = ("--region", REGION, "--set", "AdminOnlySignUp=false")


@dataclass
class Project:
    """A copy of this project, and the environment of its commands."""

    root: Path
    environment: Mapping[str, str]

    def start(
        self, module: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start one of the commands, in its own process group."""
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.root,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A test in the background would pass on that Ctrl-C is ignored.
            preexec_fn=_listen,  # noqa: PLW1509 - there are no threads
        )

    def run(
        self,
        module: str,
        *arguments: str,
        status: int | None = 0,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command to its end; returns what it printed. `status` None takes any status."""
        process = self.start(module, *arguments, environment=environment)
        # Half a minute on an idle machine.
        output, _ = process.communicate(timeout=600)
        assert status in (None, process.returncode), output
        return output

    def interrupt(self, line: str, number: signal.Signals, module: str, *arguments: str) -> str:
        """Send a signal to a command and its children once it prints a line; returns the output."""
        process = self.start(module, *arguments)
        assert process.stdout is not None
        printed = ""
        for text in process.stdout:
            printed += text
            if text.strip() == line:
                os.killpg(process.pid, number)
                break
        else:
            raise AssertionError(f"{line!r} was not printed:\n{printed}")
        rest, _ = process.communicate(timeout=60)
        return printed + rest

    def destroy(self, *arguments: str, stage: str = "dev", status: int = 0) -> str:
        return self.run("deploy.destroy", "--stage", stage, *arguments, status=status)

    def status(self, stage: str = "dev") -> str:
        return self.run("deploy.status", "--stage", stage)

    def config(self, stage: str = "dev") -> Any:
        text = (self.root / ".chalice" / "config.json").read_text()
        return json.loads(text)["stages"][stage]

    def configure(self, stage: str = "dev", **members: Any) -> None:
        """Write what an operator would into a stage's part of config.json."""
        path = self.root / ".chalice" / "config.json"
        text = json.loads(path.read_text())
        text["stages"].setdefault(stage, {}).update(members)
        path.write_text(json.dumps(text))


def _listen() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def copy(root: Path, *, page: Path | None = None) -> None:
    """The files that git has of this project, with the built page or two of its files."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if not name.startswith(LEFT_OUT) and (ROOT / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    # A team keeps its deployed stages there.
    config = root / ".chalice" / "config.json"
    text = json.loads(config.read_text())
    text["stages"] = {"local": text["stages"]["local"]}
    config.write_text(json.dumps(text))
    dist = root / "frontend" / "dist"
    if page is not None:
        shutil.copytree(page, dist)
        return
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text('<script src="/assets/index-1.js"></script>')
    (dist / "assets" / "index-1.js").write_text("start()")
