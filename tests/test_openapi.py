"""`docs/openapi.yaml` says what the code says: routes, states, error codes, limits."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate

import app
from chalicelib import errors, parts, rules
from chalicelib.errors import UploadError
from chalicelib.upload import State
from tests.running import ROOT

DOCUMENT: Any = yaml.safe_load(Path(ROOT / "docs" / "openapi.yaml").read_text("utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
METHODS = {"get", "post", "delete", "put", "patch"}
OPERATIONS = [
    (method.upper(), path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]


def test_it_is_openapi_3_1() -> None:
    validate(DOCUMENT)

    assert DOCUMENT["openapi"].startswith("3.1")


def test_its_routes_are_those_of_the_application() -> None:
    documented = {(method, path) for method, path, _ in OPERATIONS}

    assert documented == {(method, path) for path, by in app.app.routes.items() for method in by}


def test_its_states_are_those_an_upload_can_be_in() -> None:
    assert SCHEMAS["State"]["enum"] == [state.value for state in State]


def test_its_codes_are_those_of_the_errors() -> None:
    known = {
        e.code for e in vars(errors).values() if isinstance(e, type) and issubclass(e, UploadError)
    }

    assert set(SCHEMAS["Problem"]["properties"]["code"]["enum"]) == known


def test_every_code_stands_with_its_status() -> None:
    """A response that names a code is documented under the status the code has."""
    statuses = {
        e.code: str(e.status)
        for e in vars(errors).values()
        if isinstance(e, type) and issubclass(e, UploadError)
    }
    for method, path, operation in OPERATIONS:
        for status, answer in operation["responses"].items():
            if "$ref" in answer:
                answer = DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]  # noqa: PLW2901
            for code in re.findall(r"`([a-z_]+)`", answer["description"]):
                if code in statuses:
                    assert statuses[code] == status, (method, path, code)


@pytest.mark.parametrize("method_path", [(m, p) for m, p, _ in OPERATIONS], ids=" ".join)
def test_every_route_but_limits_wants_a_token(method_path: tuple[str, str]) -> None:
    (operation,) = [o for m, p, o in OPERATIONS if (m, p) == method_path]
    open_to_all = method_path == ("GET", "/limits")

    assert (operation.get("security") == []) is open_to_all
    assert ("401" in operation["responses"]) is not open_to_all


def test_its_limits_are_those_of_the_code() -> None:
    new = SCHEMAS["NewUpload"]["properties"]

    assert SCHEMAS["Size"]["maximum"] == parts.MAX_OBJECT_SIZE
    assert SCHEMAS["PartNumber"]["maximum"] == parts.MAX_PARTS
    assert new["filename"]["maxLength"] == rules.MAX_FILENAME_LENGTH
    assert new["content_type"]["maxLength"] == rules.MAX_CONTENT_TYPE_LENGTH
