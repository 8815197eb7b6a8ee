"""An AWS account in moto, and copies of this project to deploy into it."""

import contextlib
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.home import free_ports
from tests.support import deploying
from tests.support.deploying import OFFLINE, copy
from tests.support.environment import AWS_ENVIRONMENT, CLEAN_ENVIRONMENT, REGION
from tests.support.running import ROOT


@dataclass
class Account:
    """The running stand-in for AWS."""

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
        """Empty the account."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        with urllib.request.urlopen(request, timeout=30):
            pass


# Without the smoke test, because nothing answers behind the stand-in's API.
DEPLOY = (*deploying.DEPLOY, "--no-smoke")


@dataclass
class Project(deploying.Project):
    """A copy of this project that deploys into a stand-in."""

    environment: dict[str, str]
    account: Account

    def deploy(self, *arguments: str, stage: str = "dev", status: int = 0) -> str:
        return self.run("deploy", *DEPLOY, "--stage", stage, *arguments, status=status)


def project_in(root: Path, account: Account) -> Project:
    """A new copy of this project for an account."""
    copy(root)
    where = {"AWS_ENDPOINT_URL": account.url}
    environment = {**CLEAN_ENVIRONMENT, **AWS_ENVIRONMENT, **OFFLINE, **where}
    return Project(root, environment, account)


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
    return project_in(tmp_path / "project", account)
