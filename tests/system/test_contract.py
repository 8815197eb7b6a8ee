"""The API follows `docs/openapi.yaml`: schemathesis sends requests to the local system.

Every route receives data that fit the document, and data that do not. No answer is a server error.
Each has a status, a content type, headers and a body that the document names. Whole journeys
follow: along the document's links, and of files that arrive.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, checks
from schemathesis.core.transport import Response
from schemathesis.specs.openapi import checks as openapi_checks

from tests.support.posting import post
from tests.support.running import ROOT, Client, RunningSystem, crc64nvme

pytestmark = pytest.mark.system

MIB = 1024 * 1024
SCHEMA = schemathesis.openapi.from_path(str(ROOT / "docs" / "openapi.yaml"))
# Every request has the demo account's token; other tests send none.
SCHEMA.config.generation.update(with_security_parameters=False)
# A size above the limit is a file that is too large.
SCHEMA.config.checks.negative_data_rejection.expected_statuses = ["400", "404", "413"]
# A request that fits the document may still not fit the existing uploads.
SCHEMA.config.checks.positive_data_acceptance.expected_statuses = ["2xx", "404", "409", "422"]


def is_readable_by_the_page(_: Any, answer: Response, __: Case) -> None:  # type: ignore[type-arg]
    """A check of every answer: it has its CORS headers."""
    assert answer.headers["access-control-allow-origin"][0].startswith("http://")
    assert answer.headers["access-control-expose-headers"] == ["Retry-After"]


ANSWERS = [
    is_readable_by_the_page,
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.ignored_auth,
]
REQUESTS = [openapi_checks.negative_data_rejection, openapi_checks.positive_data_acceptance]
OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations()]  # type: ignore[union-attr]
SIGNED_IN = [operation for operation in OPERATIONS if operation.path != "/limits"]
bounded = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def client(system: RunningSystem) -> Iterator[Client]:
    """The demo account; its unfinished uploads are deleted, because their number is limited."""
    client = system.sign_in()
    yield client
    while uploads := client.request("GET", "/uploads?state=uploading").json["uploads"]:
        for upload in uploads:
            client.request("DELETE", f"/uploads/{upload['id']}")


def checked(client: Client, method: str, path: str, body: Any = None, **ids: str) -> Any:
    """Call a route and check its answer against the document; returns the answer's JSON."""
    content = {} if body is None else {"body": body, "media_type": "application/json"}
    headers = {"Authorization": f"Bearer {client.id_token}"}
    case = SCHEMA[path][method].Case(path_parameters=ids, **content)
    answer = case.call_and_validate(base_url=client.api_url, headers=headers, checks=ANSWERS)
    return answer.json() if answer.content else None


@SCHEMA.parametrize()
@bounded
def test_every_answer_fits_the_document(case: Case, client: Client) -> None:  # type: ignore[type-arg]
    # A cursor may fit the document without coming from an earlier answer.
    without = [openapi_checks.positive_data_acceptance] if "cursor" in case.query else []
    # An invalid member is answered by itself, beside the valid ones.
    if case.operation.path == "/uploads/batch":
        without.append(openapi_checks.negative_data_rejection)
    case.call_and_validate(
        base_url=client.api_url,
        headers={"Authorization": f"Bearer {client.id_token}"},
        checks=[*ANSWERS, *REQUESTS],
        excluded_checks=without,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("operation", SIGNED_IN, ids=[each.label for each in SIGNED_IN])
def test_a_request_without_a_token_is_refused(operation: Any, client: Client) -> None:
    case = operation.Case(path_parameters={"upload_id": "any"})

    answer = case.call_and_validate(base_url=client.api_url, checks=ANSWERS)

    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_a_batch_fits_the_document(client: Client) -> None:
    """Each kind of result that a member can have."""
    data = b"12345"
    whole = {"filename": "a.bin", "size": len(data)}
    members = [
        whole,
        {**whole, "crc64nvme": crc64nvme(data)},
        {**whole, "size": 16 * MIB + 1},
        {**whole, "filename": "/"},
        {**whole, "idempotency_key": "twice"},
        {**whole, "idempotency_key": "twice", "size": 6},
    ]

    answer = checked(client, "POST", "/uploads/batch", {"uploads": members, "idempotency_key": "k"})

    created = [one["upload"] for one in answer["uploads"] if "upload" in one]
    problems = [one["problem"]["code"] for one in answer["uploads"] if "problem" in one]
    assert [one["strategy"] for one in created] == ["put", "post", "multipart", "put"]
    assert problems == ["invalid_request", "idempotency_key_reused"]
    path, upload_id = "/uploads/{upload_id}/sheet", created[1]["id"]
    for strategy in ("put", "post"):
        checked(client, "POST", path, {"strategy": strategy}, upload_id=upload_id)
    assert post(created[1]["sheet"], data).status == 204
    client.outcome(upload_id)
    ids = [one["id"] for one in created]
    completed = checked(client, "POST", "/uploads/complete", {"ids": ids})["uploads"]
    assert [one.keys() for one in completed] == [{"problem"}, {"upload"}, {"problem"}, {"problem"}]


def test_a_journey_along_the_links_fits_the_document(system: RunningSystem) -> None:
    """Each journey has its own account.

    Hypothesis starts some journeys alike and expects the same answers: the uploads of other
    journeys in a list would fail the test.
    """
    numbers = itertools.count()

    class Journey(SCHEMA.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            self.client = system.sign_in(f"journey-{next(numbers)}@example.com")

        def get_call_kwargs(self, _: Case) -> dict[str, Any]:  # type: ignore[type-arg]
            headers = {"Authorization": f"Bearer {self.client.id_token}"}
            return {"base_url": self.client.api_url, "headers": headers}

        def validate_response(self, response: Response, case: Case, **_: Any) -> None:  # type: ignore[type-arg]
            case.validate_response(response, checks=ANSWERS)

    Journey.run(settings=settings(bounded, max_examples=25, stateful_step_count=8))


def sheets(client: Client, upload_id: str, last: int) -> tuple[Any, Any]:
    """The sheet of all parts and that of the last one, signed within the same second."""
    path = "/uploads/{upload_id}/sheet"
    for _ in range(10):
        whole = checked(client, "POST", path, {}, upload_id=upload_id)
        sheet = checked(client, "POST", path, {"first": last}, upload_id=upload_id)
        if whole["urls"] == sheet["urls"]:
            return whole, sheet
    raise AssertionError("no two sheets of one second")


@pytest.mark.parametrize("size", [5, 16 * MIB + 1], ids=["put", "multipart"])
def test_a_file_that_arrives_fits_the_document(client: Client, size: int) -> None:
    data = bytes(size)
    created = checked(client, "POST", "/uploads", {"filename": "contract.bin", "size": size})
    path, upload_id = "/uploads/{upload_id}", created["id"]

    missing = checked(client, "POST", f"{path}/complete", {}, upload_id=upload_id)["missing"]
    whole, sheet = sheets(client, upload_id, created["part_count"])
    client.send(created, data)
    listed = checked(client, "GET", f"{path}/parts", upload_id=upload_id)["parts"]
    checked(client, "POST", f"{path}/complete", {}, upload_id=upload_id)
    client.outcome(upload_id)
    upload = checked(client, "GET", path, upload_id=upload_id)
    checked(client, "GET", f"{path}/download", upload_id=upload_id)
    checked(client, "GET", "/uploads")
    checked(client, "DELETE", path, upload_id=upload_id)

    numbers = list(range(1, created["part_count"] + 1))
    assert missing == numbers
    assert len(whole["signatures"]) == created["part_count"]
    assert sheet["signatures"] == whole["signatures"][-1:]
    assert [part["number"] for part in listed] == (numbers if size > 5 else [])
    assert upload["state"] == "accepted"
