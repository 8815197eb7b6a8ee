"""The smoke test's words: which leg failed, and never what was signed."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.smoke import TRIES, Smoke, _sample
from deploy.stage import StageError

UPLOAD = "01a20640-5be9-7d0c-9a3b-1f2e3d4c5b6a"


class Cognito:
    """A pool that lets everybody in, and remembers who is there."""

    def __init__(self) -> None:
        self.accounts: set[str] = set()

    def admin_create_user(self, Username: str, **_: str) -> None:  # noqa: N803 - boto3's names
        self.accounts.add(Username)

    def admin_set_user_password(self, **_: Any) -> None:
        pass

    def initiate_auth(self, **_: Any) -> Any:
        return {"AuthenticationResult": {"IdToken": "SECRET-TOKEN"}}

    def admin_delete_user(self, Username: str, **_: str) -> None:  # noqa: N803
        self.accounts.remove(Username)


class Stage:
    """An API and a bucket in one: answers by method and path, good ones unless a test says else."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.sent = b""
        self.answers: dict[str, tuple[int, Any]] = {
            "GET /limits": (200, {"allowed_types": []}),
            "POST /uploads": (
                201,
                {
                    "id": UPLOAD,
                    "strategy": "put",
                    "sheet": {"urls": [f"{self.url}/bucket?a=1"], "signatures": ["SECRET"]},
                },
            ),
            "PUT /bucket": (200, b""),
            f"GET /uploads/{UPLOAD}": (200, {"state": "accepted"}),
            f"GET /uploads/{UPLOAD}/download": (200, {"url": f"{self.url}/bucket?SECRET"}),
            f"DELETE /uploads/{UPLOAD}": (204, b""),
        }
        self.asked: list[str] = []

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        name = f"{method} {path.partition('?')[0]}"
        self.asked.append(name)
        if name == "PUT /bucket":
            self.sent = body
        status, told = (200, self.sent) if name == "GET /bucket" else self.answers[name]
        return status, told if isinstance(told, bytes) else json.dumps(told).encode()


@pytest.fixture
def stage() -> Iterator[Stage]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, told = made.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Stage(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


def smoke(stage: Stage, cognito: Cognito) -> None:
    config = {"api_url": stage.url, "user_pool_id": "p", "user_pool_client_id": "c"}
    Smoke(config, cognito, "make logs STAGE=dev", patience=5).run()


def test_all_is_well(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    cognito = Cognito()

    smoke(stage, cognito)

    assert cognito.accounts == set()
    assert stage.asked[-1] == f"DELETE /uploads/{UPLOAD}"
    assert "SECRET" not in capsys.readouterr().out


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
    "it cannot be downloaded": (
        f"GET /uploads/{UPLOAD}/download",
        (409, {"code": "not_accepted", "detail": "Not yet"}),
        "smoke: download: 409 not_accepted: Not yet",
    ),
}


@pytest.mark.parametrize(("name", "answer", "told"), FAILURES.values(), ids=FAILURES)
def test_the_leg_that_failed_is_named(
    stage: Stage, name: str, answer: tuple[int, Any], told: str
) -> None:
    cognito = Cognito()
    stage.answers[name] = answer

    with pytest.raises(StageError) as raised:
        smoke(stage, cognito)

    assert str(raised.value).startswith(told)
    assert "SECRET" not in str(raised.value)
    assert cognito.accounts == set()


def test_a_file_that_nothing_comes_of_is_sent_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """S3 may not know the rule of a new bucket yet."""
    monkeypatch.setattr("deploy.smoke._PAUSE", 0.01)
    stage.answers[f"GET /uploads/{UPLOAD}"] = (200, {"state": "uploading"})
    cognito, config = Cognito(), {"api_url": stage.url, "user_pool_id": "p"}
    config["user_pool_client_id"] = "c"

    with pytest.raises(StageError, match="no outcome"):
        Smoke(config, cognito, "make logs STAGE=dev", patience=0.05).run()

    assert stage.asked.count("PUT /bucket") == TRIES
    assert stage.asked.count(f"DELETE /uploads/{UPLOAD}") == TRIES
    assert capsys.readouterr().out.count("once more") == TRIES - 1
    assert cognito.accounts == set()


def test_other_bytes_are_noticed(stage: Stage) -> None:
    stage.answers[f"GET /uploads/{UPLOAD}/download"] = (200, {"url": f"{stage.url}/limits"})

    with pytest.raises(StageError, match="what was downloaded is not what was sent"):
        smoke(stage, Cognito())


def test_nobody_answers(stage: Stage) -> None:
    stage.url = "http://127.0.0.1:9"

    with pytest.raises(StageError, match=r"limits: 127\.0\.0\.1:9 does not answer"):
        smoke(stage, Cognito())


@pytest.mark.parametrize(
    ("types", "filename"),
    [
        ([], "hoist-smoke.txt"),
        (["image/*"], "hoist-smoke.png"),
        (["text/csv"], "hoist-smoke.csv"),
        (["application/*"], "hoist-smoke.json"),
    ],
)
def test_a_sample_is_of_a_type_that_the_stage_takes(types: list[str], filename: str) -> None:
    assert _sample(types)[1][0] == filename


def test_where_no_sample_fits_a_person_is_asked_to_send_one() -> None:
    with pytest.raises(StageError, match="no sample of video/mp4: send a file from the page"):
        _sample(["video/mp4"])
