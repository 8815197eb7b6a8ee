"""An AWS account in the second emulator, MiniStack: it checks signatures, policies and TLS.

It answers under AWS's own host names. They resolve to it in commands that have `environment` and,
in this process, inside `names_resolved`.
"""

import contextlib
import functools
import os
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local.home import free_ports
from tests.commands.aws_names import are_names_resolved, names_resolved
from tests.support.environment import CLEAN_ENVIRONMENT, REGION
from tests.support.running import ROOT, call

PYTHON = ROOT / ".ministack" / "bin" / "python"
# `make ministack` creates this file last, so it proves a complete environment.
INSTALLED = ROOT / ".make" / "ministack"
COMMANDS = ROOT / "tests" / "commands"
ACCOUNT = "123456789012"
# MiniStack treats the key of its own environment as the account's root and does not check its
# signatures. This key is an example in AWS's documentation.
ROOT_KEYS = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
START_SECONDS = 60.0  # one or two on an idle machine
LOG_TAIL = 4_000  # characters

needs_ministack = pytest.mark.skipif(
    not INSTALLED.exists(), reason="MiniStack is not installed: `make ministack` says why"
)


@dataclass(frozen=True)
class Keys:
    """The credentials of a user, or with a token those of a role session."""

    id: str
    secret: str
    token: str | None = None


@dataclass(frozen=True)
class Aws:
    """A running emulator; this process can call it inside `names_resolved` only."""

    port: int
    folder: Path

    @property
    def bundle(self) -> Path:
        """The file with the certificate that its clients trust."""
        return self.folder / "tls" / "ca.pem"

    @property
    def log(self) -> Path:
        return self.folder / "ministack.log"

    def names_resolved(self) -> contextlib.AbstractContextManager[None]:
        """Resolve AWS's host names to this emulator in this process."""
        return names_resolved(self.port, self.bundle)

    def environment(self, keys: Keys | None = None) -> dict[str, str]:
        """The environment of a command that then calls the emulator as root or as `keys`."""
        keys = keys or Keys(*ROOT_KEYS)
        token = {"AWS_SESSION_TOKEN": keys.token} if keys.token else {}
        return _without_proxies() | {
            "AWS_ACCESS_KEY_ID": keys.id,
            "AWS_SECRET_ACCESS_KEY": keys.secret,
            **token,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_NAMES_PORT": str(self.port),
            "PYTHONPATH": str(COMMANDS),
            "PYTHONDONTWRITEBYTECODE": "1",
            **_trust(self.bundle),
        }

    def client(
        self, service: str, keys: Keys | None = None, *, region: str = REGION, **config: Any
    ) -> Any:
        """A client of boto3 as root or as `keys`; `config` is botocore's."""
        assert are_names_resolved(self.port), "this client would call the real AWS"
        keys = keys or Keys(*ROOT_KEYS)
        return _session().client(
            service,
            aws_access_key_id=keys.id,
            aws_secret_access_key=keys.secret,
            aws_session_token=keys.token,
            region_name=region,
            verify=str(self.bundle),
            config=Config(**{"retries": {"total_max_attempts": 1}, **config}),
        )

    def mails(self, address: str) -> list[str]:
        """The texts of Cognito's emails to an address, the oldest first."""
        answer = call("GET", f"https://127.0.0.1:{self.port}/_ministack/ses/messages")
        messages = answer.json["messages"].get(ACCOUNT, ())
        return [str(mail["BodyText"]) for mail in messages if address in mail["To"]]


@contextlib.contextmanager
def running_emulator(folder: Path) -> Iterator[Aws]:
    """Start an emulator with its files in `folder`, and end it with its functions afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tmp").mkdir(exist_ok=True)
    aws = Aws(free_ports(1)[0], folder)
    with aws.log.open("w") as output:
        process = subprocess.Popen(
            [PYTHON, "-W", "ignore", "-m", "emulator", str(folder / "tls")],
            cwd=folder,
            env=_settings(aws),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(aws, process)
        yield aws
    finally:
        # Its functions are processes in its group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@functools.cache
def _session() -> Any:
    """One session for all clients: each session reads the services' descriptions again."""
    return boto3.Session()


def _settings(aws: Aws) -> dict[str, str]:
    """Strict mode: MiniStack checks signatures, tokens and policies, and speaks only TLS."""
    return aws.environment() | {
        "GATEWAY_PORT": str(aws.port),
        "BIND_HOST": "127.0.0.1",
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(aws.folder / "tls" / "server.pem"),
        "MINISTACK_SSL_KEY": str(aws.folder / "tls" / "server.key"),
        "AUTH": "true",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2",
        # AWS's default; MiniStack reduces it on a machine with little memory.
        "LAMBDA_ACCOUNT_CONCURRENCY": "1000",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # MiniStack sets an endpoint for its functions; here they use AWS's names, as in AWS.
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "PYTHONPATH": os.pathsep.join([str(COMMANDS), str(ROOT / "tests" / "second_aws")]),
        "TMPDIR": str(aws.folder / "tmp"),
        "S3_DATA_DIR": str(aws.folder / "s3"),
        "STATE_DIR": str(aws.folder / "state"),
    }


def _wait(aws: Aws, process: subprocess.Popen[bytes]) -> None:
    """Wait until it answers; otherwise raises RuntimeError with the end of its log."""
    url = f"https://127.0.0.1:{aws.port}/_ministack/health"
    ends = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < ends:
        with contextlib.suppress(OSError):
            context = ssl.create_default_context(cafile=str(aws.bundle))
            with urllib.request.urlopen(url, timeout=5, context=context):
                return
        time.sleep(0.05)
    raise RuntimeError(f"MiniStack did not start:\n{aws.log.read_text()[-LOG_TAIL:]}")


def _trust(bundle: Path) -> dict[str, str]:
    names = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    return dict.fromkeys(names, str(bundle))


def _without_proxies() -> dict[str, str]:
    return {
        name: value
        for name, value in CLEAN_ENVIRONMENT.items()
        if not name.lower().endswith("_proxy")
    }
