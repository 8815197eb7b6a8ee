"""Invalid requests: a problem document with CORS headers, never a 5xx, nothing changed."""

import base64
import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.running import Answer, Client, RunningSystem, call, crc64nvme

pytestmark = pytest.mark.system

MIB = 1024 * 1024
BODIES = {
    "no JSON": b"filename=a",
    "UTF-16": '{"filename": "a", "size": 1}'.encode("utf-16"),
    "half an object": b'{"filename": "a", "size":',
    "a list": b"[]",
    "a text": b'"a"',
    "null": b"null",
    "no UTF-8": b'{"filename": "\xff\xfe"}',
    "very deep": b"[" * 100_000 + b"]" * 100_000,
    "above 1 MB": b'{"filename": "' + b"a" * MIB + b'"}',
    "an unknown field": b'{"colour": "red"}',
    "a wrong type": b'{"filename": 1, "size": [], "first": {}, "count": "2", "crc64nvme": 7}',
}
NEW = {
    "no filename": b'{"size": 1}',
    "no size": b'{"filename": "a"}',
    "a filename of null": b'{"filename": null, "size": 1}',
    "a size of text": b'{"filename": "a", "size": "1"}',
    "a size of true": b'{"filename": "a", "size": true}',
    "half a byte": b'{"filename": "a", "size": 0.5}',
    "a size of NaN": b'{"filename": "a", "size": NaN}',
    "an infinite size": b'{"filename": "a", "size": -Infinity}',
    "a negative size": b'{"filename": "a", "size": -1}',
    "a huge size": b'{"filename": "a", "size": 1e308}',
    "a size of 400 digits": b'{"filename": "a", "size": 1%s}' % (b"0" * 400),
    "a size of 5,000 digits": b'{"filename": "a", "size": 1%s}' % (b"0" * 5000),
    "an empty filename": b'{"filename": "", "size": 1}',
    "a path": b'{"filename": "../a", "size": 1}',
    "a control character": b'{"filename": "a\\u0000", "size": 1}',
    "a lone surrogate": b'{"filename": "\\ud800", "size": 1}',
    "a content type of many": b'{"filename": "a", "size": 1, "content_type": ["text/plain"]}',
    "a content type of two lines": b'{"filename": "a", "size": 1, "content_type": "a/b\\r\\nc: d"}',
    "a checksum of text": b'{"filename": "a", "size": 1, "crc64nvme": "sum"}',
    "an idempotency key of spaces": b'{"filename": "a", "size": 1, "idempotency_key": " "}',
}
RANGES = [
    {"first": 0}, {"first": -1}, {"first": 5}, {"first": 10**30}, {"count": 0}, {"count": -1},
    {"count": 5}, {"first": 4, "count": 2}, {"first": 1.5}, {"first": "1"}, {"count": True},
]  # fmt: skip
IDS = {
    "a word": "nonsense",
    "a number": "1",
    "a path": "..%2F..%2Flimits",
    "a null": "%00",
    "no UTF-8": "%FF%FE",
    "another script": "%E2%82%AC",
    "very long": "a" * 10_000,
    "a UUID of another version": "01977a3e-5c00-4b1e-8d4f-6a1c2e3d4f50",
    "of nobody": "01977a3e-5c00-7b1e-8d4f-6a1c2e3d4f50",
}
# Texts that are close to the id of an existing upload.
LOOKALIKES = {
    "in capitals": str.upper,
    "with a space": "{}%20".format,
    "with a new line": "{}%0A".format,
    "with a slash": "{}%2F".format,
    "with a route": "{}%2Fsheet".format,
    "after a slash": "%2F{}".format,
    "without dashes": lambda text: text.replace("-", ""),
}
ROUTES = [
    ("GET", "/uploads/{id}"),
    ("DELETE", "/uploads/{id}"),
    ("POST", "/uploads/{id}/sheet"),
    ("GET", "/uploads/{id}/parts"),
    ("POST", "/uploads/{id}/complete"),
    ("GET", "/uploads/{id}/download"),
]
TAKING_A_BODY = [
    "/uploads",
    "/uploads/batch",
    "/uploads/complete",
    "/uploads/{id}/sheet",
    "/uploads/{id}/complete",
]


@pytest.fixture(scope="module")
def client(system: RunningSystem) -> Client:
    return system.sign_in()


@pytest.fixture(scope="module")
def stranger(system: RunningSystem) -> Client:
    """Another owner, with their own account."""
    return system.sign_in("second@example.com")


@pytest.fixture(scope="module")
def tokens(system: RunningSystem) -> dict[str, str]:
    """Invalid tokens, by their fault."""
    tokens = system.tokens()
    header, claims, signature = tokens["IdToken"].split(".")
    other = base64.urlsafe_b64encode(b'{"sub": "somebody-else", "token_use": "id"}').decode()
    return {
        "no JWT": "Bearer nonsense",
        "nothing": "",
        "two parts": f"Bearer {header}.{claims}",
        "another scheme": f"Basic {tokens['IdToken']}",
        "an access token": f"Bearer {tokens['AccessToken']}",
        "claims of somebody else": f"Bearer {header}.{other.rstrip('=')}.{signature}",
        "no signature": f"Bearer {header}.{claims}.",
    }


@pytest.fixture(scope="module")
def upload_id(client: Client) -> str:
    """An upload of four parts in progress."""
    return str(client.create(bytes(18 * MIB), "under way.bin")["id"])


def send(client: Client, method: str, path: str, body: bytes) -> Answer:
    headers = {"Authorization": f"Bearer {client.id_token}", "Content-Type": "application/json"}
    return call(method, f"{client.api_url}{path}", body, headers)


def is_problem(answer: Answer, *statuses: int) -> Any:
    assert answer.status in statuses, answer.body[:500]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Access-Control-Allow-Origin"].startswith("http://")
    assert answer.json["status"] == answer.status
    return answer.json["code"]


@pytest.mark.parametrize("path", TAKING_A_BODY)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_an_invalid_body_changes_nothing(
    client: Client, upload_id: str, path: str, body: bytes
) -> None:
    before = client.get(upload_id)

    answer = send(client, "POST", path.format(id=upload_id), body)

    code = is_problem(answer, 400, 413)
    assert code == ("request_too_large" if answer.status == 413 else "invalid_request")
    assert client.get(upload_id) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *ROUTES,
        ("GET", "/limits"),
        ("GET", "/uploads"),
        ("POST", "/uploads"),
        ("POST", "/uploads/batch"),
        ("POST", "/uploads/complete"),
        ("POST", "/connections"),
    ],
)
def test_no_route_takes_a_body_above_1_mb(
    client: Client, upload_id: str, method: str, path: str
) -> None:
    before = client.get(upload_id)

    answer = send(client, method, path.format(id=upload_id), b" " * (MIB + 1))

    assert is_problem(answer, 413) == "request_too_large"
    assert client.get(upload_id) == before


@pytest.mark.parametrize("body", NEW.values(), ids=NEW)
def test_an_invalid_new_upload_is_not_started(client: Client, body: bytes) -> None:
    before = client.request("GET", "/uploads").json

    code = is_problem(send(client, "POST", "/uploads", body), 400, 413)

    assert code in ("invalid_request", "file_too_large")
    assert client.request("GET", "/uploads").json == before


@pytest.mark.parametrize("parts", RANGES, ids=str)
def test_parts_outside_the_plan_are_not_signed(
    client: Client, upload_id: str, parts: dict[str, Any]
) -> None:
    before = client.get(upload_id)

    answer = client.request("POST", f"/uploads/{upload_id}/sheet", parts)

    assert is_problem(answer, 400) == "invalid_request"
    assert client.get(upload_id) == before


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("wrong", IDS.values(), ids=IDS)
def test_an_invalid_id_is_not_found(client: Client, wrong: str, method: str, path: str) -> None:
    answer = client.request(method, path.format(id=wrong))

    assert is_problem(answer, 404) == "upload_not_found"


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("alter", LOOKALIKES.values(), ids=LOOKALIKES)
def test_a_text_like_an_id_is_not_found(
    client: Client, upload_id: str, alter: Callable[[str], str], method: str, path: str
) -> None:
    before = client.get(upload_id)

    answer = client.request(method, path.format(id=alter(upload_id)))

    assert is_problem(answer, 404) == "upload_not_found"
    assert client.get(upload_id) == before


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_upload_of_another_owner_is_not_found_and_not_changed(
    client: Client, stranger: Client, upload_id: str, method: str, path: str
) -> None:
    before = client.get(upload_id)

    answer = stranger.request(method, path.format(id=upload_id))

    assert is_problem(answer, 404) == "upload_not_found"
    assert (
        answer.json["detail"]
        == client.request("GET", f"/uploads/{IDS['of nobody']}").json["detail"]
    )
    assert client.get(upload_id) == before


@pytest.mark.parametrize(
    "wrong",
    ["no JWT", "nothing", "two parts", "another scheme", "an access token",
     "claims of somebody else", "no signature"],
)  # fmt: skip
def test_a_token_of_another_issuer_is_refused(
    client: Client, tokens: dict[str, str], wrong: str
) -> None:
    answer = call("GET", f"{client.api_url}/uploads", headers={"Authorization": tokens[wrong]})

    assert is_problem(answer, 401) == "not_signed_in"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/upload"), ("PUT", "/uploads"), ("PATCH", "/limits"), ("TRACE", "/x")],
)
def test_a_missing_route_is_answered_with_a_problem(client: Client, method: str, path: str) -> None:
    assert is_problem(client.request(method, path), 404) == "route_not_found"


def test_api_gateway_accepts_bodies_up_to_10_mb(client: Client) -> None:
    accepted = send(client, "POST", "/uploads", b" " * (10 * MIB))
    refused = send(client, "POST", "/uploads", b" " * (10 * MIB + 1))

    assert [is_problem(answer, 413) for answer in (accepted, refused)] == ["request_too_large"] * 2
    assert [answer.json["max_size"] for answer in (accepted, refused)] == [MIB, 10 * MIB]


def test_a_preflight_needs_no_token(client: Client) -> None:
    answer = call("OPTIONS", f"{client.api_url}/uploads")

    assert answer.status == 200
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


def test_the_log_of_the_api_names_routes_and_no_secrets(
    system: RunningSystem, client: Client
) -> None:
    ticket = client.request("POST", "/connections").json["url"].partition("ticket=")[2]
    call("GET", f"{client.api_url}/{client.id_token}?ticket={ticket}")

    log = (system.home / "log" / "api.log").read_text()
    assert "POST /connections 201" in log
    assert "GET (no route) 404" in log
    for path in (system.home / "log").glob("*.log"):
        text = path.read_text(errors="replace")
        assert ticket not in text
        assert client.id_token not in text


@pytest.mark.parametrize("parameters", ["state=gone", "cursor=nonsense", "cursor=%FF", "limit=9"])
def test_an_invalid_list_request_is_refused(client: Client, parameters: str) -> None:
    answer = client.request("GET", f"/uploads?{parameters}")

    assert is_problem(answer, 400) == "invalid_request"


def test_a_finished_upload_accepts_no_more_parts(client: Client) -> None:
    data = os.urandom(1000)
    finished = client.upload(data, "finished.bin")
    before = client.outcome(finished)

    def unchanged(upload: Any) -> bool:
        # The notification of the owner is recorded meanwhile.
        return bool(upload | {"updated_at": ""} == before | {"updated_at": ""})

    answers = [
        client.request("POST", f"/uploads/{finished}/sheet", {}),
        client.request("GET", f"/uploads/{finished}/parts"),
    ]
    completed = client.request(
        "POST", f"/uploads/{finished}/complete", {"crc64nvme": crc64nvme(b"x")}
    )

    assert [is_problem(answer, 409) for answer in answers] == ["wrong_state"] * 2
    assert completed.status == 200
    assert unchanged(completed.json)
    assert unchanged(client.get(finished))


def test_calls_out_of_order_are_refused_until_it_is_their_turn(client: Client) -> None:
    created = client.create(bytes(18 * MIB), "out of order.bin")
    path = f"/uploads/{created['id']}"

    early = [
        client.request("POST", f"{path}/complete", {}),
        client.request("GET", f"{path}/download"),
    ]
    deleted = [client.request("DELETE", path).status for _ in range(2)]
    late = [
        client.request(method, f"{path}/{what}", {} if method == "POST" else None)
        for method, what in (
            ("POST", "complete"), ("POST", "sheet"), ("GET", "parts"), ("GET", "download"),
        )
    ]  # fmt: skip

    assert [is_problem(answer, 409) for answer in early] == ["parts_missing", "not_accepted"]
    assert deleted == [204, 204]
    assert [is_problem(answer, 409) for answer in late] == ["wrong_state"] * 3 + ["not_accepted"]
    assert client.get(created["id"])["state"] == "aborted"
