"""The smoke test: its requests, the step in its errors, and no signed address in them."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from deploy.smoke.__main__ import TRIES, Smoke
from stage.stage import StageError
from tests.support.running import crc64nvme

UPLOAD = "01a20640-5be9-7d0c-9a3b-1f2e3d4c5b6a"


class Cognito:
    """A pool that accepts every password and records its accounts."""

    def __init__(self) -> None:
        self.accounts: set[str] = set()
        self.left: dict[str, datetime] = {}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_users"
        return self

    def paginate(self, UserPoolId: str, Filter: str) -> Iterator[Any]:  # noqa: N803
        assert (UserPoolId, Filter) == ("p", 'email ^= "hoist-smoke-"')
        for email, made_at in self.left.items():
            attributes = [{"Name": "sub", "Value": "1"}, {"Name": "email", "Value": email}]
            yield {"Users": [{"UserCreateDate": made_at, "Attributes": attributes}]}

    def admin_create_user(self, Username: str, **_: str) -> None:  # noqa: N803 - boto3's names
        self.accounts.add(Username)

    def admin_set_user_password(self, **_: Any) -> None:
        pass

    def initiate_auth(self, **_: Any) -> Any:
        return {"AuthenticationResult": {"IdToken": "SECRET-TOKEN"}}

    def admin_delete_user(self, Username: str, **_: str) -> None:  # noqa: N803
        self.accounts.remove(Username)


class Stage:
    """An API and a bucket in one; a test can replace the response to a method and path.

    Files above 200 bytes go in parts of 100.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.puts: list[tuple[str, bytes, dict[str, str]]] = []
        self.bodies: dict[str, Any] = {}
        self.headers: dict[str, str] | None = None
        self.limits = {"allowed_types": [], "put_max_size": 200, "max_size": 10**9}
        self.answers: dict[str, tuple[int, Any]] = {}
        self.answer_to_large: tuple[int, Any] | None = None
        self.spoil: Callable[[bytes], bytes] = bytes
        self.calls: list[str] = []

    def answer(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        path, _, query = path.partition("?")
        name = f"{method} {path}"
        self.calls.append(name)
        if method == "POST":
            self.bodies[name] = json.loads(body or b"{}")
        if method == "PUT":
            self.puts.append((query, body, headers))
        status, output = self.answers.get(name) or getattr(self, self.ROUTES[name])()
        return status, output if isinstance(output, bytes) else json.dumps(output).encode()

    ROUTES: ClassVar = {
        "GET /limits": "give_limits",
        "POST /uploads": "create",
        f"POST /uploads/{UPLOAD}/sheet": "sign",
        f"GET /uploads/{UPLOAD}/parts": "list_parts",
        f"POST /uploads/{UPLOAD}/complete": "complete",
        "GET /uploads": "list_uploads",
        f"GET /uploads/{UPLOAD}": "show",
        f"GET /uploads/{UPLOAD}/download": "download",
        f"DELETE /uploads/{UPLOAD}": "delete",
        "PUT /bucket": "receive",
        "PUT /other": "receive",
        "GET /bucket": "give",
    }

    def give_limits(self) -> tuple[int, Any]:
        return 200, self.limits

    def create(self) -> tuple[int, Any]:
        self.puts.clear()
        size = self.bodies["POST /uploads"]["size"]
        if size <= self.limits["put_max_size"]:
            return 201, {"id": UPLOAD, "strategy": "put", "sheet": self.sheet(1, 1)}
        if self.answer_to_large is not None:
            return self.answer_to_large
        count = -(-size // 100)
        plan = {"strategy": "multipart", "part_size": 100, "part_count": count}
        return 201, {"id": UPLOAD, **plan, "sheet": self.sheet(1, count)}

    def sheet(self, first: int, count: int) -> dict[str, Any]:
        created: dict[str, Any] = {
            "urls": [f"{self.url}/bucket?a=1", f"{self.url}/other?a=1"][: min(count + first, 2)],
            "first": first,
            "signatures": [f"SECRET{number}" for number in range(first, first + count)],
        }
        return created | ({"headers": self.headers} if self.headers is not None else {})

    def sign(self) -> tuple[int, Any]:
        return 200, self.sheet(**self.bodies[f"POST /uploads/{UPLOAD}/sheet"])

    def list_parts(self) -> tuple[int, Any]:
        return 200, {"parts": [{"number": number + 1} for number in range(len(self.puts))]}

    def complete(self) -> tuple[int, Any]:
        return 202, {"state": "uploading"}

    def list_uploads(self) -> tuple[int, Any]:
        return 200, {"uploads": [{"id": UPLOAD}]}

    def show(self) -> tuple[int, Any]:
        return 200, {"state": "accepted"}

    def download(self) -> tuple[int, Any]:
        return 200, {"url": f"{self.url}/bucket?SECRET"}

    def delete(self) -> tuple[int, Any]:
        return 204, b""

    def receive(self) -> tuple[int, Any]:
        return 200, b""

    def give(self) -> tuple[int, Any]:
        return 200, self.spoil(b"".join(body for _, body, _ in self.puts))


@pytest.fixture
def stage() -> Iterator[Stage]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, output = created.answer(self.command, self.path, body, headers)
            self.send_response(status)
            self.send_header("Content-Length", str(len(output)))
            self.end_headers()
            self.wfile.write(output)

        do_GET = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        created = Stage(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield created
        finally:
            server.shutdown()
            thread.join()


def smoke(stage: Stage, cognito: Cognito) -> None:
    config = {"api_url": stage.url, "user_pool_id": "p", "user_pool_client_id": "c"}
    Smoke(config, cognito, "make logs STAGE=dev", patience=5).run()


def test_both_files_are_uploaded_downloaded_and_deleted(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    cognito = Cognito()

    smoke(stage, cognito)

    assert cognito.accounts == set()
    assert stage.calls[-1] == f"DELETE /uploads/{UPLOAD}"
    printed = capsys.readouterr().out
    assert "SECRET" not in printed
    assert printed.count("sent, accepted, downloaded, deleted") == 2


def test_the_account_of_a_killed_run_is_deleted_after_an_hour(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    cognito = Cognito()
    now, hour = datetime.now(UTC), timedelta(hours=1)
    cognito.left = {
        "hoist-smoke-old@example.com": now - hour,
        "hoist-smoke-at-work@example.com": now - hour / 2,
    }
    cognito.accounts = set(cognito.left)

    smoke(stage, cognito)

    assert cognito.accounts == {"hoist-smoke-at-work@example.com"}
    assert stage.calls.index("GET /uploads") < stage.calls.index(f"DELETE /uploads/{UPLOAD}")
    assert stage.calls.index(f"DELETE /uploads/{UPLOAD}") < stage.calls.index("POST /uploads")
    printed = capsys.readouterr().out
    assert printed.count("its account was deleted with its uploads") == 1
    assert "SECRET" not in printed


def test_the_second_file_is_one_byte_larger_than_one_put_accepts(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    smoke(stage, Cognito())

    uploads_sent = b"".join(body for _, body, _ in stage.puts)
    assert [len(body) for _, body, _ in stage.puts] == [100, 100, 1]
    assert stage.bodies["POST /uploads"] == {
        "filename": "hoist-smoke-in-parts.txt",
        "size": 201,
        "content_type": "text/plain",
        "crc64nvme": crc64nvme(uploads_sent),
    }
    assert stage.bodies[f"POST /uploads/{UPLOAD}/complete"] == {
        "crc64nvme": crc64nvme(uploads_sent)
    }
    assert capsys.readouterr().out.count("hoist-smoke-in-parts.txt: part ") == 3


def test_parts_use_all_host_names_and_the_last_its_own_sheet(stage: Stage) -> None:
    smoke(stage, Cognito())

    assert [query for query, _, _ in stage.puts] == [
        f"a=1&partNumber={number}&X-Amz-Signature=SECRET{number}" for number in (1, 2, 3)
    ]
    puts = [name for name in stage.calls if name.startswith("PUT")]
    assert puts[1:] == ["PUT /bucket", "PUT /other", "PUT /bucket"]
    assert stage.bodies[f"POST /uploads/{UPLOAD}/sheet"] == {"first": 3, "count": 1}


def test_a_put_has_type_checksum_and_the_headers_of_the_sheet(stage: Stage) -> None:
    stage.limits["max_size"] = 200
    stage.headers = {"If-None-Match": "*"}

    smoke(stage, Cognito())

    ((_, body, headers),) = stage.puts
    assert (
        headers.items()
        >= {
            "if-none-match": "*",
            "content-type": "text/plain",
            "x-amz-checksum-crc64nvme": crc64nvme(body),
        }.items()
    )


def test_parts_have_the_headers_of_the_sheet(stage: Stage) -> None:
    stage.headers = {"x-example": "1"}

    smoke(stage, Cognito())

    assert [headers["x-example"] for _, _, headers in stage.puts] == ["1", "1", "1"]
    assert not [headers for _, _, headers in stage.puts if "x-amz-checksum-crc64nvme" in headers]


@pytest.mark.parametrize(("max_size", "uploads_sent"), [(200, 1), (201, 2)])
def test_without_a_file_large_enough_no_parts_are_sent(
    stage: Stage, capsys: pytest.CaptureFixture[str], max_size: int, uploads_sent: int
) -> None:
    stage.limits["max_size"] = max_size

    smoke(stage, Cognito())

    assert stage.calls.count("POST /uploads") == uploads_sent
    assert ("this stage accepts no file that is large enough" in capsys.readouterr().out) == (
        uploads_sent == 1
    )


@pytest.mark.parametrize("leg", ["create", "complete"])
def test_a_runtime_too_old_for_parts_is_named(stage: Stage, leg: str) -> None:
    """The API responds with 500, because its boto3 lacks a parameter of S3."""
    answer = (500, {"code": "internal_error", "detail": "Try again"})
    if leg == "create":
        stage.answer_to_large = answer
    else:
        stage.answers[f"POST /uploads/{UPLOAD}/complete"] = answer
    cognito = Cognito()

    with pytest.raises(StageError) as raised:
        smoke(stage, cognito)

    assert str(raised.value).startswith(f"smoke: {leg}: 500 internal_error: Try again; a small")
    assert "is the runtime of the functions too old?" in str(raised.value)
    assert cognito.accounts == set()


def test_a_fault_of_small_files_is_not_blamed_on_the_runtime(stage: Stage) -> None:
    stage.answers["POST /uploads"] = (500, {"code": "internal_error", "detail": "Try again"})

    with pytest.raises(StageError) as raised:
        smoke(stage, Cognito())

    assert "runtime" not in str(raised.value)


def test_a_refusal_of_parts_is_not_blamed_on_the_runtime(stage: Stage) -> None:
    refused = {"code": "checksum_mismatch", "detail": "Send it again"}
    stage.answers[f"POST /uploads/{UPLOAD}/complete"] = (422, refused)

    with pytest.raises(StageError, match="smoke: complete: 422 checksum_mismatch") as raised:
        smoke(stage, Cognito())

    assert "runtime" not in str(raised.value)


def test_a_part_that_the_api_does_not_list_is_an_error(stage: Stage) -> None:
    stage.answers[f"GET /uploads/{UPLOAD}/parts"] = (200, {"parts": [{"number": 1}]})

    with pytest.raises(StageError, match="parts: 3 were sent, the API lists 1"):
        smoke(stage, Cognito())


PROBLEM = {"code": "try_again", "detail": "DynamoDB is busy, try again"}
DENIED = b"<Error><Code>AccessDenied</Code><StringToSign>SECRET</StringToSign></Error>"
FAILURES = {
    "the API is not there": ("GET /limits", (502, b""), "smoke: limits: 502"),
    "an upload cannot be created": (
        "POST /uploads",
        (503, PROBLEM),
        "smoke: create: 503 try_again: DynamoDB is busy",
    ),
    "S3 refuses": ("PUT /bucket", (403, DENIED), "smoke: send: 403 AccessDenied"),
    "the file is rejected": (
        f"GET /uploads/{UPLOAD}",
        (200, {"state": "rejected", "reason": "no"}),
        f"smoke: the file was rejected: no; look at `make logs STAGE=dev UPLOAD={UPLOAD}`",
    ),
    "it is not what was accepted": (
        f"GET /uploads/{UPLOAD}/download",
        (409, {"code": "not_accepted", "detail": "The object is another one"}),
        "smoke: download: 409 not_accepted: The object is another one",
    ),
}


@pytest.mark.parametrize(("name", "answer", "output"), FAILURES.values(), ids=FAILURES)
def test_the_error_names_the_step_that_failed(
    stage: Stage, name: str, answer: tuple[int, Any], output: str
) -> None:
    cognito = Cognito()
    stage.answers[name] = answer

    with pytest.raises(StageError) as raised:
        smoke(stage, cognito)

    assert str(raised.value).startswith(output)
    assert "SECRET" not in str(raised.value)
    assert cognito.accounts == set()


def test_a_file_without_an_outcome_is_uploaded_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """S3 may not apply the rule of a new bucket yet."""
    monkeypatch.setattr("deploy.smoke.__main__._PAUSE", 0.01)
    stage.answers[f"GET /uploads/{UPLOAD}"] = (200, {"state": "uploading"})
    cognito, config = Cognito(), {"api_url": stage.url, "user_pool_id": "p"}
    config["user_pool_client_id"] = "c"

    with pytest.raises(StageError, match="no outcome"):
        Smoke(config, cognito, "make logs STAGE=dev", patience=0.05).run()

    assert stage.calls.count("PUT /bucket") == TRIES
    assert stage.calls.count(f"DELETE /uploads/{UPLOAD}") == TRIES
    assert capsys.readouterr().out.count("once more") == TRIES - 1
    assert cognito.accounts == set()


def test_responses_of_a_stage_are_printed_escaped(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("deploy.smoke.__main__._PAUSE", 0.01)
    stage.answers[f"GET /uploads/{UPLOAD}"] = (200, {"state": "\x1b[2J\r\nforged\u202e"})
    config = {"api_url": stage.url, "user_pool_id": "p", "user_pool_client_id": "c"}

    with pytest.raises(StageError, match="no outcome"):
        Smoke(config, Cognito(), "make logs STAGE=dev", patience=0.05).run()

    printed = capsys.readouterr().out.split("\n")
    assert all(line.isprintable() and not line.startswith("forged") for line in printed)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: content[::-1],
        lambda _: b"",
    ],
    ids=["fewer", "more", "others", "none"],
)
def test_a_different_download_is_an_error(stage: Stage, spoil: Callable[[bytes], bytes]) -> None:
    stage.spoil = spoil

    with pytest.raises(StageError, match="the downloaded file differs from the uploaded one"):
        smoke(stage, Cognito())


def test_an_unreachable_server_is_an_error(stage: Stage) -> None:
    stage.url = "http://127.0.0.1:9"

    with pytest.raises(StageError, match=r"limits: 127\.0\.0\.1:9 does not answer"):
        smoke(stage, Cognito())


def test_without_a_sample_the_error_asks_for_an_upload_by_hand(stage: Stage) -> None:
    stage.limits["allowed_types"] = ["video/mp4"]

    with pytest.raises(StageError, match="no sample of video/mp4: upload a file from the page"):
        smoke(stage, Cognito())
