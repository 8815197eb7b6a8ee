"""The API keeps to `docs/openapi.yaml`: schemathesis asks, the real `chalice local` answers.

Every route gets data that fit the document and data that do not; no answer is a server error, each
has a status, a content type, headers and a body that the document names. Then whole journeys, by
the document's links.
"""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, checks
from schemathesis.core.transport import Response
from schemathesis.specs.openapi import checks as openapi_checks

from tests.running import ROOT, Client, RunningSystem

pytestmark = pytest.mark.system

SCHEMA = schemathesis.openapi.from_path(str(ROOT / "docs" / "openapi.yaml"))
SCHEMA.config.generation.update(with_security_parameters=False)
# What no route is for is answered before the application is asked: by API Gateway, here by Python's
# http.server.
SCHEMA.config.phases.coverage.unexpected_methods = set()
# A size above the limit is a file that is too large.
SCHEMA.config.checks.negative_data_rejection.expected_statuses = ["400", "401", "404", "413"]
# What fits the document may still not fit what is there.
SCHEMA.config.checks.positive_data_acceptance.expected_statuses = [
    "2xx",
    "404",
    "409",
    "422",
    "429",
]
ANSWERS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
]
REQUESTS = [openapi_checks.negative_data_rejection, openapi_checks.positive_data_acceptance]
bounded = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def client(system: RunningSystem) -> Client:
    return system.sign_in()


@SCHEMA.parametrize()
@bounded
def test_every_answer_is_in_the_document(case: Case, system: RunningSystem, client: Client) -> None:
    # A cursor fits the document and is still none that was given out.
    without = [openapi_checks.positive_data_acceptance] if "cursor" in case.query else []
    answer = case.call_and_validate(
        base_url=client.api_url,
        headers={"Authorization": f"Bearer {client.id_token}"},
        checks=[*ANSWERS, *REQUESTS],
        excluded_checks=without,
    )

    assert answer.headers["access-control-allow-origin"] == [system.ports.page_origin]


def test_a_journey_along_the_links_stays_in_the_document(client: Client) -> None:
    class Journey(SCHEMA.as_state_machine()):
        def get_call_kwargs(self, case: Case) -> dict[str, Any]:  # noqa: ARG002 - its signature
            headers = {"Authorization": f"Bearer {client.id_token}"}
            return {"base_url": client.api_url, "headers": headers}

        def validate_response(self, response: Response, case: Case, **_: Any) -> None:
            case.validate_response(response, checks=ANSWERS)

    Journey.run(settings=settings(bounded, max_examples=15, stateful_step_count=8))
