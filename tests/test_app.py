"""Every route and every handler, through Chalice: moto's DynamoDB and SNS below, S3 in memory."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from chalice.config import Config
from chalice.local import LocalGateway
from chalice.test import Client, HTTPResponse
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

import app
from chalicelib import errors
from chalicelib.application import Application, application
from chalicelib.credentials import TemporaryCredentials
from chalicelib.errors import TryAgain, UploadError
from chalicelib.parts import MAX_OBJECT_SIZE, MIB
from chalicelib.requests import MAX_BODY_SIZE
from chalicelib.signing import Credentials, Signer
from chalicelib.upload import State, Upload
from chalicelib.version import VERSION
from tests.support.environment import NOTIFICATIONS_TOPIC, PAGE_ORIGIN, REGION
from tests.support.fakes import Invocation, MemoryStorage, RecordingGateway
from tests.support.payloads import CONTENT, OTHER_OWNER, OWNER, PUT_ID, event, put_upload
from tests.support.running import crc64nvme as checksum
from tests.support.tables import put_in

# Chalice's local gateway reads a Cognito token without verifying it, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer")

ROUTES = [
    ("GET", "/limits"),
    ("POST", "/uploads"),
    ("GET", "/uploads"),
    ("POST", "/uploads/batch"),
    ("POST", "/uploads/complete"),
    ("GET", "/uploads/{upload_id}"),
    ("DELETE", "/uploads/{upload_id}"),
    ("POST", "/uploads/{upload_id}/sheet"),
    ("GET", "/uploads/{upload_id}/parts"),
    ("POST", "/uploads/{upload_id}/complete"),
    ("GET", "/uploads/{upload_id}/download"),
    ("POST", "/credentials"),
    ("POST", "/connections"),
    ("GET", "/email"),
    ("PUT", "/email"),
    ("DELETE", "/email"),
]
SIGNED_IN = [route for route in ROUTES if route != ("GET", "/limits")]
OF_ONE_UPLOAD = [route for route in ROUTES if "{upload_id}" in route[1]]
LARGE = bytes(17 * MIB)
SHEET = {"urls", "first", "signatures", "other_signatures", "headers", "expires_at"}
ALL_ERRORS = [
    UploadError,
    *(e for e in vars(errors).values() if isinstance(e, type) and e.__base__ is UploadError),
]


def token(**claims: Any) -> str:
    """An id token in Cognito's form; nothing verifies its signature here."""

    def encoded(part: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    return f"{encoded({'alg': 'RS256'})}.{encoded({'cognito:username': 'name', **claims})}.c2ln"


@dataclass
class Page:
    """A signed-in page; `send` takes the body as bytes."""

    client: Client
    owner: str | None = OWNER
    claims: Mapping[str, Any] = field(default_factory=dict)

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> HTTPResponse:
        usual = {"Content-Type": "application/json"}
        if self.owner is not None:
            usual["Authorization"] = f"Bearer {token(sub=self.owner, **self.claims)}"
        return self.client.http.request(method, path, headers=usual | headers, body=body)

    def ask(self, method: str, path: str, **fields: Any) -> HTTPResponse:
        return self.send(method, path, json.dumps(fields).encode() if fields else b"")

    def create(self, **fields: Any) -> Any:
        answer = self.ask("POST", "/uploads", **{"filename": "a.txt", "size": 11, **fields})
        assert answer.status_code == 201, answer.body
        return answer.json_body

    def get(self, upload_id: str) -> Any:
        return self.ask("GET", f"/uploads/{upload_id}").json_body


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def gateway() -> RecordingGateway:
    return RecordingGateway()


@pytest.fixture
def composed(
    dynamodb: Any, storage: MemoryStorage, gateway: RecordingGateway
) -> Iterator[Application]:
    """The application that `app` uses, with its clients replaced."""
    application.cache_clear()
    fresh = application()
    fresh._dynamodb = dynamodb
    fresh._storage = storage  # type: ignore[assignment] # the fake
    fresh._management = gateway
    yield fresh
    application.cache_clear()


@pytest.fixture
def client(composed: Application) -> Iterator[Client]:
    assert application() is composed
    with Client(app.app, stage_name="test") as client:
        yield client


@pytest.fixture
def page(client: Client) -> Page:
    return Page(client)


@pytest.fixture
def accepted(composed: Application, storage: MemoryStorage) -> Upload:
    storage.receive_object(put_upload().key, CONTENT)
    s3_object = storage.head(put_upload().key)
    assert s3_object is not None
    report = {"content_type": "text/plain", **s3_object.identity}
    upload = put_upload(state=State.ACCEPTED, report=report, outcome="1")
    put_in(composed._table, upload)
    return upload


def is_problem(answer: HTTPResponse, status: int, code: str) -> Any:
    """Assert the form that every error has; returns the document."""
    problem = answer.json_body
    assert (answer.status_code, problem["code"]) == (status, code), answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE_ORIGIN
    assert problem["type"] == f"urn:hoist:problem:{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem


# --- The routes -----------------------------------------------------------------------------------


def test_the_routes_are_those_of_the_contract() -> None:
    assert sorted((m, path) for path, by in app.app.routes.items() for m in by) == sorted(ROUTES)


def test_limits_need_no_token(client: Client) -> None:
    answer = Page(client, owner=None).ask("GET", "/limits")

    assert answer.status_code == 200
    assert answer.json_body == {
        "version": VERSION,
        "max_size": MAX_OBJECT_SIZE,
        "allowed_types": [],
        "url_lifetime": 3600,
        "max_parts": 10_000,
        "put_max_size": 16 * MIB,
        "max_in_progress": 1000,
        "origins": [
            f"https://hoist-test.s3.{REGION}.amazonaws.com",
            f"https://hoist-test.s3.dualstack.{REGION}.amazonaws.com",
        ],
    }
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE_ORIGIN


def test_create_answers_with_the_plan_and_a_sheet_of_one_put(page: Page) -> None:
    created = page.create(filename="Grüße.txt", content_type="text/plain")

    sheet = created.pop("sheet")
    assert created == {
        "id": created["id"],
        "key": f"uploads/{OWNER}/{created['id']}/Grüße.txt",
        "state": "uploading",
        "strategy": "put",
        "part_size": 11,
        "part_count": 1,
    }
    assert sheet.keys() == SHEET
    assert (len(sheet["urls"]), sheet["first"], len(sheet["signatures"])) == (1, 1, 1)
    assert sheet["urls"][0].startswith(f"https://hoist-test.s3.{REGION}.amazonaws.com/uploads/")
    assert len(bytes.fromhex(sheet["signatures"][0])) == 32
    assert sheet["expires_at"].endswith("Z")
    assert sheet["headers"] == {"if-none-match": "*"}


def test_create_says_when_parts_expire(page: Page) -> None:
    created = page.create(size=len(LARGE))

    upload = page.get(created["id"])
    days = datetime.fromisoformat(created["parts_expire_at"]) - datetime.fromisoformat(
        upload["created_at"]
    )
    assert days == timedelta(days=7)
    assert created["sheet"]["headers"] == {}


def test_a_sheet_that_s3_refused_is_signed_by_other_credentials(
    composed: Application, page: Page
) -> None:
    created = page.create(size=len(LARGE))
    composed.credentials = TemporaryCredentials(boto3.client("sts"), composed.settings)

    usual, other = (
        page.ask("POST", f"/uploads/{created['id']}/sheet", **params).json_body
        for params in ({"count": 1}, {"count": 1, "refused": True})
    )

    used = [
        parse_qs(urlsplit(sheet["urls"][0]).query)["X-Amz-Credential"] for sheet in (usual, other)
    ]
    assert used[0] != used[1]
    assert "X-Amz-Security-Token" in other["urls"][0]


@pytest.mark.parametrize("refused", [1, "true", []])
def test_refused_is_true_or_false(page: Page, refused: Any) -> None:
    created = page.create()

    answer = page.ask("POST", f"/uploads/{created['id']}/sheet", refused=refused)

    is_problem(answer, 400, "invalid_request")


def test_create_answers_with_a_sheet_of_all_parts(page: Page) -> None:
    created = page.create(size=len(LARGE))

    assert (created["strategy"], created["part_size"], created["part_count"]) == (
        "multipart",
        5 * MIB,
        4,
    )
    assert [urlsplit(url).hostname for url in created["sheet"]["urls"]] == [
        f"hoist-test.s3.{REGION}.amazonaws.com",
        f"hoist-test.s3.dualstack.{REGION}.amazonaws.com",
    ]
    assert len(created["sheet"]["signatures"]) == 4
    assert [len(row) for row in created["sheet"]["other_signatures"]] == [4]


def test_the_answer_to_the_largest_file_fits_into_six_megabytes(
    composed: Application, page: Page
) -> None:
    composed.settings = replace(composed.settings, owner_max_bytes=2**60)
    answer = page.ask("POST", "/uploads", filename="a" * 255, size=MAX_OBJECT_SIZE)

    assert len(answer.json_body["sheet"]["signatures"]) == 10_000
    assert len(answer.body) < 1_000_000


def test_a_sheet_can_be_signed_again(page: Page) -> None:
    created = page.create(size=len(LARGE))

    sheet = page.ask("POST", f"/uploads/{created['id']}/sheet", first=2, count=1).json_body

    assert sheet.keys() == SHEET
    assert (sheet["first"], len(sheet["signatures"])) == (2, 1)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"first": null, "count": null}'])
def test_a_sheet_covers_all_parts_by_default(page: Page, body: bytes) -> None:
    created = page.create(size=len(LARGE))

    answer = page.send("POST", f"/uploads/{created['id']}/sheet", body)

    assert len(answer.json_body["signatures"]) == 4


def batch(page: Page, *members: Any, **fields: Any) -> list[Any]:
    answer = page.ask("POST", "/uploads/batch", uploads=list(members), **fields)
    assert answer.status_code == 200, answer.body
    outcomes: list[Any] = answer.json_body["uploads"]
    return outcomes


SMALL = {"filename": "a.txt", "size": 11}
SUMMED = {**SMALL, "crc64nvme": checksum(CONTENT)}


def test_a_batch_answers_each_member_as_create_does(page: Page) -> None:
    outcomes = batch(page, SMALL, {**SMALL, "size": len(LARGE)})

    created = [one["upload"] for one in outcomes]
    alone = [page.create(), page.create(size=len(LARGE))]
    assert [each.keys() for each in created] == [each.keys() for each in alone]
    for name in ("strategy", "part_size", "part_count", "state"):
        assert [each[name] for each in created] == [each[name] for each in alone]
    assert [page.get(each["id"])["state"] for each in created] == ["uploading"] * 2


def test_a_member_with_a_checksum_is_sent_by_a_form(page: Page) -> None:
    outcomes = batch(page, SUMMED, {**SUMMED, "strategy": "put"}, {**SUMMED, "strategy": "post"})

    forms, puts = outcomes[::2], outcomes[1:2]
    for member in forms:
        created = member["upload"]
        assert (created["strategy"], created["sheet"].keys()) == (
            "post", {"url", "fields", "expires_at"}
        )  # fmt: skip
        assert created["sheet"]["fields"]["key"] == created["key"]
        assert created["sheet"]["fields"]["x-amz-checksum-crc64nvme"] == checksum(CONTENT)
    assert [each["upload"]["strategy"] for each in puts] == ["put"]


def test_create_signs_a_form_for_the_strategy_post(page: Page) -> None:
    assert page.create(crc64nvme=checksum(CONTENT))["strategy"] == "put"

    created = page.create(crc64nvme=checksum(CONTENT), strategy="post")

    assert created["strategy"] == "post"
    assert created["sheet"]["url"] == f"https://hoist-test.s3.{REGION}.amazonaws.com"
    policy = json.loads(base64.b64decode(created["sheet"]["fields"]["policy"]))
    assert {"bucket": "hoist-test"} in policy["conditions"]
    assert ["content-length-range", 11, 11] in policy["conditions"]


def test_a_sheet_changes_the_strategy(page: Page) -> None:
    created = page.create(crc64nvme=checksum(CONTENT), strategy="post")
    path = f"/uploads/{created['id']}/sheet"

    assert page.ask("POST", path).json_body.keys() == SHEET
    assert page.ask("POST", path, strategy="put").json_body.keys() == SHEET
    assert "fields" in page.ask("POST", path, strategy="post").json_body


@pytest.mark.parametrize(
    "strategy", [{"strategy": "post"}, {"strategy": "multipart"}, {"strategy": ""}, {"strategy": 1}]
)
def test_an_unknown_strategy_is_refused(page: Page, strategy: Any) -> None:
    created = page.create()

    is_problem(page.ask("POST", "/uploads", **SMALL, **strategy), 400, "invalid_request")
    answer = page.ask("POST", f"/uploads/{created['id']}/sheet", **strategy)
    is_problem(answer, 400, "invalid_request")
    assert batch(page, {**SMALL, **strategy})[0]["problem"]["code"] == "invalid_request"


def test_whole_files_of_a_batch_take_turns_at_the_host_names(page: Page) -> None:
    large = {**SMALL, "size": len(LARGE)}

    outcomes = batch(page, SUMMED, large, SMALL, {**SMALL, "filename": "/"}, SUMMED, SMALL)

    sheets = [one["upload"]["sheet"] for n, one in enumerate(outcomes) if n not in (1, 3)]
    hosts = [urlsplit(sheet.get("url") or sheet["urls"][0]).hostname for sheet in sheets]
    usual, dual = (
        f"hoist-test.s3.{REGION}.amazonaws.com",
        f"hoist-test.s3.dualstack.{REGION}.amazonaws.com",
    )
    assert hosts == [usual, dual, usual, dual]


BROKEN_MEMBERS: dict[str, Any] = {
    "no object": 1,
    "nothing": None,
    "a list": [],
    "no name": {"size": 1},
    "no size": {"filename": "a"},
    "a size in words": {"filename": "a", "size": "1"},
    "an unknown field": {**SMALL, "owner": OTHER_OWNER},
    "a path": {**SMALL, "filename": "../a"},
    "a key of another form": {**SMALL, "idempotency_key": "a b"},
    "a derived key": {**SMALL, "idempotency_key": "k.0"},
}


@pytest.mark.parametrize("member", BROKEN_MEMBERS.values(), ids=BROKEN_MEMBERS)
def test_an_invalid_member_fails_no_other(page: Page, member: Any) -> None:
    first, broken, last = batch(page, SMALL, member, SMALL)

    problem = broken["problem"]
    assert (problem["status"], problem["code"]) == (400, "invalid_request")
    assert {"upload"} == first.keys() == last.keys()


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"uploads": {}}', b'{"uploads": []}', b'{"uploads": "a"}', b"[]",
     b'{"uploads": [{"filename": "a", "size": 1}], "idempotency_key": "a.b"}',
     b'{"uploads": [{"filename": "a", "size": 1}], "strategy": "put"}',
     json.dumps({"uploads": [SMALL] * 101}).encode()],
)  # fmt: skip
def test_an_invalid_batch_is_refused(page: Page, body: bytes) -> None:
    is_problem(page.send("POST", "/uploads/batch", body), 400, "invalid_request")


def test_a_member_says_when_to_retry(composed: Application, page: Page) -> None:
    composed.settings = replace(composed.settings, max_in_progress=1)

    first, second = batch(page, SMALL, SMALL)

    assert "upload" in first
    assert second["problem"] == {
        **errors.TooManyUploads("1 uploads are under way; finish or delete one", limit=1).problem(),
        "retry_after": 10,
    }


def test_a_batch_repeated_with_its_key_gives_the_same_uploads(page: Page) -> None:
    members = [SMALL, {**SUMMED, "idempotency_key": "own"}, {**SMALL, "size": len(LARGE)}]
    first = batch(page, *members, idempotency_key="k")

    again = batch(page, *members, idempotency_key="k")

    assert [one["upload"]["id"] for one in again] == [one["upload"]["id"] for one in first]
    assert page.create(**{**SUMMED, "idempotency_key": "own"})["id"] == first[1]["upload"]["id"]


def test_a_create_repeated_too_late_names_the_upload(page: Page) -> None:
    created = page.create(idempotency_key="k")
    page.ask("DELETE", f"/uploads/{created['id']}")

    answer = page.ask("POST", "/uploads", **SMALL, idempotency_key="k")

    problem = is_problem(answer, 409, "wrong_state")
    assert (problem["id"], problem["state"]) == (created["id"], "aborted")


def test_the_largest_batch_fits_into_a_request_and_its_answer(
    composed: Application, page: Page
) -> None:
    """API Gateway allows 10 MB and Lambda 6 MB, for requests and for responses."""
    longest = {
        "filename": "\U0001f600" * 255, "size": 1, "content_type": "a/" + "b" * 125,
        "crc64nvme": checksum(CONTENT), "idempotency_key": "k" * 64, "strategy": "post",
    }  # fmt: skip
    members = [{**longest, "idempotency_key": f"{n:064}"} for n in range(100)]
    token = "t" * 2000  # longer than those of STS
    composed._signer = lambda: Signer(  # type: ignore[method-assign] # a token of AWS's length
        Credentials("ASIA" + "A" * 16, "secret", token), REGION, datetime.now(UTC), 3600
    )

    body = json.dumps({"uploads": members, "idempotency_key": "k" * 64}).encode()
    answer = page.send("POST", "/uploads/batch", body)

    assert len(body) * 2 < MAX_BODY_SIZE
    assert [one.keys() for one in answer.json_body["uploads"]] == [{"upload"}] * 100
    assert len(answer.body) < 2 * MIB


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
@pytest.mark.parametrize("path", ["/uploads/batch", "/uploads/complete"])
def test_a_route_of_a_batch_is_no_upload(page: Page, method: str, path: str) -> None:
    """API Gateway also prefers a fixed path segment to a variable one."""
    answer = page.ask(method, path)

    assert answer.status_code in (403, 404, 405), answer.body


def test_several_uploads_are_completed_one_by_one(page: Page, storage: MemoryStorage) -> None:
    arrived, missing = page.create(), page.create()
    storage.receive_object(arrived["key"], CONTENT)
    ids = [arrived["id"], missing["id"], "x", arrived["id"]]

    for _ in range(2):
        answer = page.ask("POST", "/uploads/complete", ids=ids)

        assert answer.status_code == 200
        first, second, third, fourth = answer.json_body["uploads"]
        assert first == fourth == {"upload": page.get(arrived["id"])}
        assert first["upload"]["state"] == "uploaded"
        assert (second["problem"]["code"], second["problem"]["missing"]) == ("parts_missing", [1])
        assert third["problem"]["status"] == 404


@pytest.mark.parametrize("ids", [None, [], "x", [1], [None], ["x"] * 101, {"a": 1}])
def test_invalid_ids_are_refused(page: Page, ids: Any) -> None:
    is_problem(page.ask("POST", "/uploads/complete", ids=ids), 400, "invalid_request")


def test_parts_are_listed(page: Page, storage: MemoryStorage) -> None:
    created = page.create(size=len(LARGE))
    (multipart_id,) = storage.multiparts
    storage.receive_part(created["key"], multipart_id, 4, LARGE[15 * MIB :])

    answer = page.ask("GET", f"/uploads/{created['id']}/parts")

    assert answer.json_body == {
        "part_size": 5 * MIB,
        "part_count": 4,
        "parts": [{"number": 4, "size": 2 * MIB, "etag": '"b2d1236c286a3c0704224fe4105eca49"'}],
    }


def test_complete_answers_with_the_upload(page: Page, storage: MemoryStorage) -> None:
    created = page.create()
    storage.receive_object(created["key"], CONTENT)

    answer = page.ask("POST", f"/uploads/{created['id']}/complete", crc64nvme=checksum(CONTENT))

    assert answer.status_code == 200
    assert answer.json_body["state"] == "uploaded"
    assert answer.json_body == page.get(created["id"])


@pytest.mark.parametrize("body", [b"", b"{}", b'{"crc64nvme": null}'])
def test_complete_needs_no_checksum(page: Page, storage: MemoryStorage, body: bytes) -> None:
    created = page.create()
    storage.receive_object(created["key"], CONTENT)

    answer = page.send("POST", f"/uploads/{created['id']}/complete", body)

    assert answer.json_body["state"] == "uploaded"


def test_complete_names_the_missing_parts(page: Page) -> None:
    created = page.create(size=len(LARGE))

    answer = page.ask("POST", f"/uploads/{created['id']}/complete")

    assert is_problem(answer, 409, "parts_missing")["missing"] == [1, 2, 3, 4]


def test_complete_reports_another_checksum(page: Page, storage: MemoryStorage) -> None:
    created = page.create(size=len(LARGE))
    (multipart_id,) = storage.multiparts
    for number in range(1, 5):
        part = LARGE[(number - 1) * 5 * MIB : number * 5 * MIB]
        storage.receive_part(created["key"], multipart_id, number, part)

    answer = page.ask("POST", f"/uploads/{created['id']}/complete", crc64nvme=checksum(b"other"))

    is_problem(answer, 422, "checksum_mismatch")


def test_a_repeated_delete_has_the_same_answer(page: Page) -> None:
    created = page.create()

    answers = [page.ask("DELETE", f"/uploads/{created['id']}") for _ in range(2)]

    assert [(answer.status_code, answer.body) for answer in answers] == [(204, b""), (204, b"")]
    assert answers[0].headers["Access-Control-Allow-Origin"] == PAGE_ORIGIN
    assert page.get(created["id"])["state"] == "aborted"


def test_uploads_are_listed(page: Page) -> None:
    created = page.create()

    answer = page.ask("GET", "/uploads")

    assert answer.status_code == 200
    assert answer.json_body == {"uploads": [page.get(created["id"])], "cursor": None}


def test_uploads_are_listed_by_state_and_page(page: Page, accepted: Upload) -> None:
    for _ in range(51):
        page.create()

    first = page.ask("GET", "/uploads?state=uploading").json_body
    second = page.ask("GET", f"/uploads?state=uploading&cursor={first['cursor']}").json_body
    other = page.ask("GET", "/uploads?state=accepted").json_body

    assert (len(first["uploads"]), len(second["uploads"])) == (50, 1)
    assert second["cursor"] is None
    assert [upload["id"] for upload in other["uploads"]] == [accepted.id]


def test_an_upload_has_its_documented_members(page: Page, accepted: Upload) -> None:
    assert page.get(accepted.id) == {
        "id": accepted.id,
        "filename": "Grüße aus Köln 1+1.txt",
        "size": 11,
        "content_type": "text/plain",
        "key": f"uploads/{OWNER}/{accepted.id}/Grüße aus Köln 1+1.txt",
        "state": "accepted",
        "created_at": "2026-03-01T12:00:00.123456Z",
        "updated_at": "2026-03-01T12:00:00.123456Z",
        "report": accepted.report,
    }


def test_an_accepted_upload_can_be_downloaded(page: Page, accepted: Upload) -> None:
    answer = page.ask("GET", f"/uploads/{accepted.id}/download").json_body

    assert answer.keys() == {"url", "expires_in"}
    assert answer["expires_in"] == 3600
    assert "X-Amz-Signature=" in answer["url"]


def test_only_an_accepted_upload_can_be_downloaded(page: Page) -> None:
    created = page.create()

    is_problem(page.ask("GET", f"/uploads/{created['id']}/download"), 409, "not_accepted")


def test_a_page_is_invited_to_its_websocket(page: Page) -> None:
    answer = page.ask("POST", "/connections")

    assert answer.status_code == 201
    assert answer.json_body.keys() == {"url"}
    assert answer.json_body["url"].startswith(f"{application().settings.websocket_url}?ticket=")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_page_may_send_requests_from_its_own_origin(method: str, path: str) -> None:
    answer = LocalGateway(app.app, Config.create()).handle_request(
        "OPTIONS", path.format(upload_id=PUT_ID), {}, b""
    )

    headers = answer["headers"]
    assert answer["statusCode"] == 200
    assert headers["Access-Control-Allow-Origin"] == PAGE_ORIGIN
    assert method in headers["Access-Control-Allow-Methods"].split(",")
    assert {"Authorization", "Content-Type"} <= set(
        headers["Access-Control-Allow-Headers"].split(",")
    )
    assert headers["Access-Control-Max-Age"] == "600"


# --- Who may ask ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), SIGNED_IN)
def test_a_request_without_a_token_is_refused(
    client: Client, accepted: Upload, method: str, path: str
) -> None:
    answer = Page(client, owner=None).ask(method, path.format(upload_id=accepted.id))

    is_problem(answer, 401, "not_signed_in")


@pytest.mark.parametrize(
    "claims", [{}, {"sub": ""}, {"sub": None}, {"sub": 7}, {"sub": ["a"]}], ids=str
)
def test_a_token_without_an_owner_is_refused(page: Page, claims: dict[str, Any]) -> None:
    answer = page.send("GET", "/uploads", Authorization=f"Bearer {token(**claims)}")

    is_problem(answer, 401, "not_signed_in")


@pytest.mark.parametrize(("method", "path"), OF_ONE_UPLOAD)
def test_the_upload_of_another_owner_is_not_found(
    client: Client, accepted: Upload, method: str, path: str
) -> None:
    stranger = Page(client, OTHER_OWNER)

    theirs = stranger.ask(method, path.format(upload_id=accepted.id))
    nobodys = stranger.ask(method, path.format(upload_id=PUT_ID.replace("01977a3e", "01977a3f")))

    is_problem(theirs, 404, "upload_not_found")
    assert theirs.json_body == nobodys.json_body
    assert Page(client).get(accepted.id)["state"] == "accepted"


@pytest.mark.parametrize(("method", "path"), OF_ONE_UPLOAD)
@pytest.mark.parametrize("upload_id", ["x", "%00", "..%2F..", "é", "a" * 3000])
def test_an_invalid_upload_id_is_not_found(
    page: Page, method: str, path: str, upload_id: str
) -> None:
    is_problem(page.ask(method, path.format(upload_id=upload_id)), 404, "upload_not_found")


# --- What cannot be understood --------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"\xff\xfe\xfd", id="no text"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'"a"', id="text"),
        pytest.param(b"[" * 100_000, id="nested without end"),
        pytest.param(b"{}", id="nothing in it"),
        pytest.param(b'{"size": 1}', id="no filename"),
        pytest.param(b'{"filename": "a"}', id="no size"),
        pytest.param(b'{"filename": null, "size": 1}', id="filename null"),
        pytest.param(b'{"filename": 1, "size": 1}', id="filename a number"),
        pytest.param(b'{"filename": ["a"], "size": 1}', id="filename a list"),
        pytest.param(b'{"filename": "a", "size": "1"}', id="size a text"),
        pytest.param(b'{"filename": "a", "size": 1.5}', id="size a fraction"),
        pytest.param(b'{"filename": "a", "size": true}', id="size true"),
        pytest.param(b'{"filename": "a", "size": NaN}', id="size NaN"),
        pytest.param(b'{"filename": "a", "size": Infinity}', id="size infinite"),
        pytest.param(b'{"filename": "a", "size": 1e400}', id="size overflows"),
        pytest.param(
            b'{"filename": "a", "size": 1' + b"0" * 5000 + b"}", id="size of 5,001 digits"
        ),
        pytest.param(b'{"filename": "a", "size": -1}', id="size negative"),
        pytest.param(b'{"filename": "\\ud800", "size": 1}', id="filename half a character"),
        pytest.param(b'{"filename": "a", "size": 1, "content_type": 1}', id="type a number"),
        pytest.param(b'{"filename": "a", "size": 1, "content_type": "\xc3\xa4"}', id="type odd"),
        pytest.param(b'{"filename": "a", "size": 1, "crc64nvme": false}', id="checksum false"),
        pytest.param(b'{"filename": "a", "size": 1, "crc64nvme": "a"}', id="checksum short"),
        pytest.param(b'{"filename": "a", "size": 1, "owner": "me"}', id="unknown field"),
        pytest.param(b'{"filename": "a", "size": 1, "\\ud800": 1}', id="odd unknown field"),
    ],
)
def test_create_refuses_an_invalid_body(page: Page, body: bytes) -> None:
    is_problem(page.send("POST", "/uploads", body), 400, "invalid_request")
    assert page.ask("GET", "/uploads").json_body["uploads"] == []


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"]
)
def test_a_body_of_another_type_is_read_as_json(page: Page, kind: str) -> None:
    created = page.send("POST", "/uploads", b'{"filename":"a","size":1}', **{"Content-Type": kind})
    refused = page.send("POST", "/uploads", b"filename=a&size=1", **{"Content-Type": kind})

    assert created.status_code == 201
    is_problem(refused, 400, "invalid_request")


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_a_body_above_the_limit_is_refused(page: Page, extra: int) -> None:
    filled = b'{"filename":"a","size":1' + b" " * (MIB + extra - 25) + b"}"
    assert len(filled) == MIB + extra

    answer = page.send("POST", "/uploads", filled)

    if extra > 0:
        assert is_problem(answer, 413, "request_too_large")["max_size"] == MIB
    else:
        assert answer.status_code == 201


def test_unknown_parameters_are_named(page: Page) -> None:
    answer = page.ask("GET", "/uploads?limit=5&state=uploading&owner=me")

    assert is_problem(answer, 400, "invalid_request")["detail"] == (
        "Unknown parameters: limit, owner"
    )


@pytest.mark.parametrize("size", ["5.0", "5e0", "0.5e1"])
def test_an_integer_may_be_written_with_a_point(page: Page, size: str) -> None:
    answer = page.send("POST", "/uploads", b'{"filename":"a","size":%s}' % size.encode())

    assert (answer.status_code, answer.json_body["part_size"]) == (201, 5)


def test_a_retryable_error_says_when_to_retry(page: Page, composed: Application) -> None:
    composed.uploads = Failing(TryAgain("S3 is busy"))  # type: ignore[assignment]

    answer = page.ask("GET", f"/uploads/{PUT_ID}")

    is_problem(answer, 503, "try_again")
    assert answer.headers["Retry-After"] == "2"
    assert answer.headers["Access-Control-Expose-Headers"] == "Retry-After"


def test_a_complete_that_s3_has_not_finished_is_answered_202(
    page: Page, storage: MemoryStorage
) -> None:
    created = page.create(size=len(LARGE))
    (multipart_id,) = storage.multiparts
    for number in range(1, created["part_count"] + 1):
        part = LARGE[(number - 1) * created["part_size"] : number * created["part_size"]]
        storage.receive_part(created["key"], multipart_id, number, part)
    storage.patient = False

    answer = page.ask("POST", f"/uploads/{created['id']}/complete")

    assert (answer.status_code, answer.json_body["state"]) == (202, "uploading")
    storage.patient = True
    assert page.ask("POST", f"/uploads/{created['id']}/complete").status_code == 200


def test_one_idempotency_key_makes_one_upload(page: Page) -> None:
    created = page.create(idempotency_key="k")

    assert page.create(idempotency_key="k")["id"] == created["id"]
    refused = page.ask("POST", "/uploads", filename="b", size=1, idempotency_key="k")
    is_problem(refused, 422, "idempotency_key_reused")


def test_unknown_fields_are_named(page: Page) -> None:
    answer = page.ask("POST", "/uploads", filename="a", size=1, colour="red", bucket="mine")

    assert is_problem(answer, 400, "invalid_request")["detail"] == "Unknown fields: bucket, colour"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("sheet", {"first": 0}),
        ("sheet", {"first": 10**30}),
        ("sheet", {"first": True}),
        ("sheet", {"first": "1"}),
        ("sheet", {"count": 0}),
        ("sheet", {"count": 1.5}),
        ("sheet", {"last": 1}),
        ("complete", {"crc64nvme": 1}),
        ("complete", {"crc64nvme": "ü"}),
        ("complete", {"parts": []}),
        ("complete", {"wait": 3}),
        ("complete", {"wait": 0.5}),
        ("complete", {"wait": "1"}),
    ],
    ids=str,
)
def test_an_invalid_request_about_an_upload_is_refused(
    page: Page, path: str, fields: dict[str, Any]
) -> None:
    created = page.create()

    answer = page.ask("POST", f"/uploads/{created['id']}/{path}", **fields)

    is_problem(answer, 400, "invalid_request")


@pytest.mark.parametrize("query", ["state=done", "state=", "cursor=x", "cursor=%C3%BC", "cursor=!"])
def test_an_invalid_list_request_is_refused(page: Page, query: str) -> None:
    is_problem(page.ask("GET", f"/uploads?{query}"), 400, "invalid_request")


def test_a_file_that_is_too_large_is_refused(page: Page) -> None:
    answer = page.ask("POST", "/uploads", filename="a", size=MAX_OBJECT_SIZE + 1)

    assert is_problem(answer, 413, "file_too_large")["max_size"] == MAX_OBJECT_SIZE


# --- What went wrong ------------------------------------------------------------------------------


@dataclass
class Failing:
    """Use cases that raise."""

    error: Exception

    def get(self, *_: str) -> Upload:
        raise self.error


@pytest.mark.parametrize("error", ALL_ERRORS, ids=lambda error: error.__name__)
def test_every_error_is_a_problem_that_the_page_can_read(
    page: Page, composed: Application, error: type[UploadError]
) -> None:
    composed.uploads = Failing(error("Do this"))  # type: ignore[assignment]

    problem = is_problem(page.ask("GET", f"/uploads/{PUT_ID}"), error.status, error.code)

    assert problem["detail"] == "Do this"


def test_an_unexpected_error_reveals_nothing(page: Page, composed: Application) -> None:
    composed.uploads = Failing(RuntimeError("the secret is 42"))  # type: ignore[assignment]

    answer = page.ask("GET", f"/uploads/{PUT_ID}")

    is_problem(answer, 500, "internal_error")
    assert b"42" not in answer.body


# --- The handlers ---------------------------------------------------------------------------------


@pytest.fixture
def arrived(composed: Application, storage: MemoryStorage) -> Upload:
    """The upload of the event files, with its object."""
    upload = put_upload(state=State.UPLOADED)
    put_in(composed._table, upload)
    storage.receive_object(upload.key, CONTENT)
    return upload


@pytest.fixture
def published(composed: Application) -> list[Any]:
    """The messages published to the notifications topic."""
    boto3.client("sns").create_topic(Name=NOTIFICATIONS_TOPIC.rpartition(":")[2])
    messages: list[Any] = (
        sns_backends[DEFAULT_ACCOUNT_ID][REGION].topics[NOTIFICATIONS_TOPIC].sent_notifications
    )
    assert composed.settings.notifications_topic_arn == NOTIFICATIONS_TOPIC
    return messages


@pytest.mark.parametrize("verified", [True, "true"], ids=["locally", "in AWS"])
@pytest.mark.usefixtures("published")
def test_a_verified_address_is_subscribed_and_unsubscribed(
    client: Client, verified: object
) -> None:
    page = Page(client, claims={"email": "ada@example.com", "email_verified": verified})

    states = [page.ask(method, "/email").json_body for method in ("GET", "PUT", "GET", "DELETE")]

    assert [s["state"] for s in states] == ["off", "on", "on", "off"], "moto confirms by itself"
    assert {s["address"] for s in states} == {"ada@example.com"}


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"email": "ada@example.com"},
        {"email": "a@b.c", "email_verified": "false"},
        {"email": ""},
    ],
)
def test_an_address_that_is_not_verified_is_not_subscribed(
    client: Client, claims: dict[str, Any]
) -> None:
    page = Page(client, claims=claims)

    is_problem(page.ask("PUT", "/email"), 409, "email_not_verified")
    assert page.ask("DELETE", "/email").json_body["state"] == "off"


def test_an_s3_event_is_processed_and_the_answer_fits_an_invocation_record(
    client: Client, arrived: Upload, page: Page
) -> None:
    answer = client.lambda_.invoke("process_upload", event("s3_put")).payload

    assert json.loads(json.dumps(answer)) == {"uploads": [{"owner": OWNER, **page.get(arrived.id)}]}
    assert page.get(arrived.id)["state"] == "accepted"
    assert page.get(arrived.id)["report"]["content_type"] == "text/plain"


@pytest.mark.parametrize("odd", [event("s3_test_event"), {}, {"Records": []}, {"Records": None}])
def test_an_event_without_an_object_is_ignored(client: Client, odd: dict[str, Any]) -> None:
    assert client.lambda_.invoke("process_upload", odd).payload == {"uploads": []}


def test_failed_processing_raises_so_that_lambda_retries_it(
    arrived: Upload, storage: MemoryStorage
) -> None:
    def fail() -> None:
        raise OSError("no network")

    storage.before_tag.add(fail)

    with pytest.raises(OSError, match="no network"):
        app.process_upload(event("s3_put"), Invocation())

    (result,) = app.process_upload(event("s3_put"), Invocation())["uploads"]
    assert (result["id"], result["state"]) == (arrived.id, "accepted")


def test_an_owner_is_notified_of_a_success_once(
    client: Client, accepted: Upload, published: list[Any]
) -> None:
    client.lambda_.invoke("notify", event("sns_success"))
    client.lambda_.invoke("notify", event("sns_success"))

    ((_, text, subject, attributes, _),) = published
    assert subject.startswith("Hoist: accepted - Gr")
    assert accepted.filename in text
    assert attributes["outcome"] == {"Type": "String", "Value": "accepted"}


@pytest.mark.parametrize("name", ["sns_retries_exhausted", "sns_event_age_exceeded"])
def test_a_failure_is_recorded_and_its_owner_notified(
    client: Client, arrived: Upload, page: Page, published: list[Any], name: str
) -> None:
    client.lambda_.invoke("notify", event(name))

    upload = page.get(arrived.id)
    assert upload["state"] == "failed"
    assert upload["reason"].startswith("Processing failed (")
    assert len(published) == 1


def test_a_page_connects_receives_changes_and_disconnects(
    client: Client, page: Page, arrived: Upload, gateway: RecordingGateway
) -> None:
    url = page.ask("POST", "/connections").json_body["url"]
    connecting = event("websocket_connect")
    connecting["queryStringParameters"]["ticket"] = parse_qs(urlsplit(url).query)["ticket"][0]
    connection_id = connecting["requestContext"]["connectionId"]

    assert app.connect_page(connecting, None) == {"statusCode": 200}
    client.lambda_.invoke("process_upload", event("s3_put"))
    received = [(to, json.loads(data)) for to, data in gateway.sent]
    app.disconnect_page(event("websocket_disconnect"), None)
    page.ask("DELETE", f"/uploads/{arrived.id}")

    assert [to for to, _ in received] == [connection_id]
    assert received[0][1]["type"] == "upload"
    assert received[0][1]["upload"]["state"] == "processing"
    assert len(gateway.sent) == len(received), "nothing is sent to a page that has gone"


@pytest.mark.parametrize(
    "query",
    [{"ticket": "a-ticket"}, {"ticket": ""}, {}, None],
    ids=["wrong", "empty", "no", "none"],
)
def test_a_page_without_a_valid_ticket_is_not_connected(
    composed: Application, query: dict[str, str] | None
) -> None:
    connecting = event("websocket_connect")
    connecting["queryStringParameters"] = query

    assert app.connect_page(connecting, None) == {"statusCode": 401}
    assert composed.browser._connections(OWNER) == []


def test_a_message_of_a_page_is_answered(composed: Application, gateway: RecordingGateway) -> None:
    assert composed._management is gateway

    app.answer_page(event("websocket_message"), None)

    assert gateway.sent == [("K0exampleConnId=", b'{"type": "pong"}')]


# --- The log --------------------------------------------------------------------------------------


def test_the_log_has_no_url_ticket_or_credential(
    page: Page, accepted: Upload, capfd: pytest.CaptureFixture[str]
) -> None:
    created = page.create(size=len(LARGE))
    download = page.ask("GET", f"/uploads/{accepted.id}/download").json_body
    invitation = page.ask("POST", "/connections").json_body

    logged = capfd.readouterr().err
    assert created["id"] not in ("", None)
    for secret in (
        created["sheet"]["signatures"][0],
        parse_qs(urlsplit(download["url"]).query)["X-Amz-Signature"][0],
        parse_qs(urlsplit(invitation["url"]).query)["ticket"][0],
    ):
        assert secret not in logged
