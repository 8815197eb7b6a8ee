"""An AWS account of moto's, and copies of this project that are deployed into it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.home import free_ports
from tests.environment import AWS_ENVIRONMENT, CLEAN_ENVIRONMENT, REGION
from tests.running import ROOT

# Made by `make install`: pip asks nobody else.
WHEELS = ROOT / ".make" / "wheels"
# Not a part of what is deployed; the page is a small one.
LEFT_OUT = ("frontend/", "tests/", "bench/")


@dataclass
class Account:
    """The running stand-in."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str, region: str = REGION) -> Any:
        session: Any = boto3.Session(
            AWS_ENVIRONMENT["AWS_ACCESS_KEY_ID"], AWS_ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]
        )
        return session.client(service, region_name=region, endpoint_url=self.url)

    def reset(self) -> None:
        """An account in which nothing is."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        with urllib.request.urlopen(request, timeout=30):
            pass


@dataclass
class Project:
    """A copy of this project, as a developer has it who deploys; its commands."""

    root: Path
    account: Account
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {
            **CLEAN_ENVIRONMENT,
            **AWS_ENVIRONMENT,
            "AWS_ENDPOINT_URL": self.account.url,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(WHEELS),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def start(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        """Start one of the commands, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A test that was started in the background would hand on that Ctrl-C is ignored.
            preexec_fn=_listen,  # noqa: PLW1509 - there are no threads
        )

    def run(self, module: str, *arguments: str, status: int = 0) -> str:
        """Run a command to its end; returns what it printed."""
        process = self.start(module, *arguments)
        # Half a minute on a machine that has nothing else to do.
        output, _ = process.communicate(timeout=600)
        assert process.returncode == status, output
        return output

    def interrupt(self, line: str, number: signal.Signals, module: str, *arguments: str) -> str:
        """Send a signal to a command and its children once it prints a line; what it printed."""
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

    def deploy(self, *arguments: str, stage: str = "dev", status: int = 0) -> str:
        return self.run("deploy", *DEPLOY, "--stage", stage, *arguments, status=status)

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


# Nothing answers behind the stand-in's API: the smoke test has a system test of its own.
# Who may have an account is chosen, as of every new stage.
DEPLOY = ("--region", REGION, "--no-smoke", "--set", "AdminOnlySignUp=false")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    account = Account(free_ports(1)[0])
    log = tmp_path_factory.mktemp("aws") / "aws.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "tests.rehearsal.aws",
                "--port",
                str(account.port),
            ],
            cwd=ROOT,
            env=CLEAN_ENVIRONMENT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                account.reset()
                break
            time.sleep(0.1)
        yield account
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def account(server: Account) -> Account:
    server.reset()
    return server


@pytest.fixture
def project(account: Account, tmp_path: Path) -> Project:
    root = tmp_path / "project"
    copy(root)
    return Project(root, account)


def copy(root: Path) -> None:
    """What git has of this project, with a page of two files."""
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
    # A team that has deployed keeps its stages there.
    config = root / ".chalice" / "config.json"
    text = json.loads(config.read_text())
    text["stages"] = {"local": text["stages"]["local"]}
    config.write_text(json.dumps(text))
    dist = root / "frontend" / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text('<script src="/assets/index-1.js"></script>')
    (dist / "assets" / "index-1.js").write_text("start()")
