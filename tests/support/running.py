"""A local system that a test starts, uses, stops and kills; and a client of its API.

Everything on free ports and in a folder of the test's own, so that tests run beside `make run`.
"""

import base64
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import boto3
import psutil
from awscrt import checksums
from playwright.sync_api import Page

from local.aws.resources import DEMO
from local.home import Ports, free_ports
from tests.support.environment import CLEAN_ENVIRONMENT

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
# A large quota, because tests of the contract create uploads of any size.
AMPLE = {"HOIST_OWNER_MAX_BYTES": str(2**60), "HOIST_OWNER_MAX_FILES": str(10**9)}
PUT_MAX_SIZE = 16 * 1024 * 1024  # bytes; the default of HOIST_PUT_MAX_SIZE
READY = "Ctrl-C stops everything"


def crc64nvme(data: bytes) -> str:
    """S3's form of a CRC64NVME: base64 of eight big-endian bytes."""
    return base64.b64encode(checksums.crc64nvme(data).to_bytes(8, "big")).decode()


@dataclass
class Answer:
    """The answer of a server."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(method: str, url: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
    """One HTTP request; a dict or list is sent as JSON. Error statuses are answers too."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Answer(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read())


@dataclass
class RunningSystem:
    """`python -m local` on a folder; `start` waits until it is ready."""

    home: Path
    ports: Ports = field(default_factory=lambda: Ports(*free_ports(len(fields(Ports)))))
    # Settings, as on the command line of `make run`.
    variables: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    output: str = ""

    def launch(self, *arguments: str, command: list[str] | None = None) -> None:
        """Start it without waiting."""
        ports = {
            f"HOIST_{port.name.upper()}_PORT": str(getattr(self.ports, port.name))
            for port in fields(Ports)
        }
        self.process = subprocess.Popen(
            [*(command or [sys.executable, "-m", "local"]), *arguments],
            cwd=ROOT,
            env={
                **CLEAN_ENVIRONMENT,
                **ports,
                **AMPLE,
                **self.variables,
                "HOIST_HOME": str(self.home),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def start(self, *arguments: str, command: list[str] | None = None) -> "RunningSystem":
        """Start it and wait until it says that it is ready."""
        self.launch(*arguments, command=command)
        self.output = ""
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if READY in line:
                return self
        raise AssertionError(f"not ready:\n{self.output}")

    def wait(self, timeout: float = 60) -> int:
        """Wait for its end; returns the exit status and keeps the output."""
        assert self.process is not None
        rest, _ = self.process.communicate(timeout=timeout)
        self.output += rest
        return self.process.returncode

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop and wait; returns the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def processes(self) -> list[psutil.Process]:
        """Every process of this system, itself first."""
        assert self.process is not None
        try:
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def url(self, service: str) -> str:
        return self.ports.url(service)

    def sign_in(self, email: str = DEMO["username"]) -> "Client":
        """A client of the API with an account's id token; accounts other than demo are created."""
        config = call("GET", f"{self.url('page')}/config.json").json
        return Client(config["api_url"], self.tokens(email)["IdToken"])

    def s3(self, client: "Client") -> tuple[Any, str, str]:
        """S3 with temporary credentials of a client, and their bucket and prefix."""
        credentials = client.request("POST", "/credentials").json
        session: Any = boto3.Session(
            credentials["access_key_id"],
            credentials["secret_access_key"],
            credentials["session_token"],
            credentials["region"],
        )
        return (
            session.client("s3", endpoint_url=self.url("s3")),
            credentials["bucket"],
            credentials["prefix"],
        )

    def tokens(self, email: str = DEMO["username"]) -> dict[str, str]:
        """Cognito's tokens for an account that signs in."""
        config = call("GET", f"{self.url('page')}/config.json").json
        if email != DEMO["username"]:
            account = {"UserPoolId": config["user_pool_id"], "Username": email}
            created = self.cognito("AdminCreateUser", account | {"MessageAction": "SUPPRESS"})
            assert created.status == 200 or b"UsernameExistsException" in created.body, created.body
            self.cognito(
                "AdminSetUserPassword", account | {"Password": DEMO["password"], "Permanent": True}
            )
        answer = self.cognito(
            "InitiateAuth",
            {
                "AuthFlow": "USER_PASSWORD_AUTH",
                "ClientId": config["user_pool_client_id"],
                "AuthParameters": {"USERNAME": email, "PASSWORD": DEMO["password"]},
            },
        )
        result: dict[str, str] = answer.json["AuthenticationResult"]
        return result

    def cognito(self, operation: str, parameters: Any) -> Answer:
        """One call of Cognito, by name; operators' calls have no real signature."""
        scope = "Credential=any/20260101/eu-west-1/cognito-idp/aws4_request"
        return call(
            "POST",
            self.url("aws"),
            parameters,
            {
                "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none",
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
            },
        )


@dataclass
class Client:
    """The API as a signed-in page uses it."""

    api_url: str
    id_token: str

    @property
    def owner(self) -> str:
        """The token's `sub`."""
        claims = self.id_token.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"])

    def request(self, method: str, path: str, body: Any = None) -> Answer:
        headers = {"Authorization": f"Bearer {self.id_token}", "Content-Type": "application/json"}
        return call(method, f"{self.api_url}{path}", body, headers)

    def create(self, data: bytes, filename: str, **fields: Any) -> Any:
        """Create an upload; returns the answer of `POST /uploads`."""
        body = {"filename": filename, "size": len(data), **fields}
        answer = self.request("POST", "/uploads", body)
        assert answer.status == 201, answer.body
        return answer.json

    def send(self, created: Any, data: bytes) -> None:
        """PUT every part to S3 by the sheet."""
        for number in range(1, created["part_count"] + 1):
            start = (number - 1) * created["part_size"]
            part = data[start : start + created["part_size"]]
            headers = {"Content-Type": "", **created["sheet"]["headers"]}
            answer = call("PUT", part_url(created, number), part, headers)
            assert answer.status == 200, answer.body

    def upload(self, data: bytes, filename: str, **fields: Any) -> str:
        """Create, send and complete; returns the upload's id."""
        checksum = {"crc64nvme": crc64nvme(data)} if len(data) <= PUT_MAX_SIZE else {}
        created = self.create(data, filename, **checksum, **fields)
        self.send(created, data)
        path = f"/uploads/{created['id']}/complete"
        completed = self.request("POST", path, {"crc64nvme": crc64nvme(data)})
        assert completed.status == 200, completed.body
        return str(created["id"])

    def get(self, upload_id: str) -> Any:
        return self.request("GET", f"/uploads/{upload_id}").json

    def outcome(self, upload_id: str) -> Any:
        """The upload once it is accepted, rejected or failed."""
        return eventually(
            lambda: self.get(upload_id),
            lambda upload: upload.get("state") in ("accepted", "rejected", "failed"),
        )

    def download(self, upload_id: str) -> Answer:
        """The object's bytes by its presigned URL."""
        answer = self.request("GET", f"/uploads/{upload_id}/download")
        assert answer.status == 200, answer.body
        return call("GET", answer.json["url"])


def part_url(created: Any, number: int) -> str:
    """Part n's URL, built from the sheet as the contract says."""
    sheet = created["sheet"]
    url = sheet["urls"][(number - 1) % len(sheet["urls"])]
    part = f"&partNumber={number}" if created["strategy"] == "multipart" else ""
    return f"{url}{part}&X-Amz-Signature={sheet['signatures'][number - sheet['first']]}"


def eventually(ask: Callable[[], T], right: Callable[[T], bool], timeout: float = 60) -> T:
    """Call until the result is right; fails with the last result when it never is."""
    deadline = time.monotonic() + timeout
    while True:
        answer = ask()
        if right(answer):
            return answer
        assert time.monotonic() < deadline, f"still {answer!r} after {timeout} s"
        time.sleep(0.05)


@contextmanager
def running_system(home: Path, **variables: str) -> Iterator[RunningSystem]:
    """A running system; it is stopped with all its processes after the test."""
    system = RunningSystem(home, variables=variables)
    try:
        yield system.start()
    finally:
        end(system)


def end(system: RunningSystem) -> None:
    """Stop it if it still runs."""
    if system.process is not None and system.process.poll() is None:
        system.stop()
    if system.process is not None and system.process.stdout is not None:
        system.process.stdout.close()


def sign_in(page: Page) -> None:
    """Sign a browser page in with the demo account, and wait until it receives live updates."""
    page.get_by_test_id("email").fill("demo@example.com")
    page.get_by_test_id("password").fill("Upload-me-1")
    page.get_by_test_id("submit").click()
    page.get_by_test_id("account").wait_for()
    page.locator("[data-live=true]").wait_for()
