"""`docs/openapi.yaml` says what the code says: routes, states, error codes, limits, examples."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

import app
from chalicelib import errors, keys, parts, rules
from chalicelib.upload import State
from tests.support.running import ROOT

DOCUMENT: Any = yaml.safe_load(Path(ROOT / "docs" / "openapi.yaml").read_text("utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
METHODS = {"get", "post", "delete", "put", "patch"}
OPERATIONS = [
    (method.upper(), path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]
ERRORS = errors.BY_CODE


by_operation = pytest.mark.parametrize(
    ("method", "path"), [pytest.param(m, p, id=f"{m} {p}") for m, p, _ in OPERATIONS]
)


def title(code: str) -> str:
    """The name of a code's schema: that of `wrong_state` is `WrongState`."""
    return code.title().replace("_", "")


def answers(operation: Any) -> Iterator[tuple[str, Any]]:
    """Status and response object of all answers of an operation."""
    for status, answer in operation["responses"].items():
        name = answer.get("$ref", "").rpartition("/")[2]
        yield status, DOCUMENT["components"]["responses"][name] if name else answer


def media_types(part: Any) -> Iterator[Any]:
    """Every media type object below a part of the document."""
    if isinstance(part, dict):
        yield from part.get("content", {}).values()
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for value in inner:
        yield from media_types(value)


def examples() -> Iterator[tuple[Any, Any]]:
    """Every example in the document, after the schema that it is an example of."""
    for media in media_types(DOCUMENT):
        values = [example["value"] for example in media.get("examples", {}).values()]
        for example in [*values, *([media["example"]] if "example" in media else [])]:
            yield media["schema"], example
    for schema in SCHEMAS.values():
        for example in schema.get("examples", []):
            yield schema, example


def test_it_is_openapi_3_1() -> None:
    validate(DOCUMENT)

    assert DOCUMENT["openapi"].startswith("3.1")


def test_its_routes_are_those_of_the_application() -> None:
    documented = {(method, path) for method, path, _ in OPERATIONS}

    assert documented == {(method, path) for path, by in app.app.routes.items() for method in by}


def test_its_states_are_those_an_upload_can_be_in() -> None:
    assert SCHEMAS["State"]["enum"] == [state.value for state in State]


def test_its_codes_are_those_of_the_errors() -> None:
    assert set(SCHEMAS["Problem"]["properties"]["code"]["enum"]) == set(ERRORS)


@pytest.mark.parametrize("code", ERRORS)
def test_the_problem_of_a_code_is_what_the_error_sends(code: str) -> None:
    error, schema = ERRORS[code], SCHEMAS[title(code)]
    (example,) = schema["examples"]
    own = {name: example[name] for name in schema.get("required", [])}

    assert schema["properties"] == {"code": {"const": code}, "status": {"const": error.status}}
    assert example == error(example["detail"], **own).problem()


# No route answers that there is no such route.
@pytest.mark.parametrize("code", sorted(ERRORS.keys() - {"route_not_found"}))
def test_some_route_answers_with_the_code_under_its_status(code: str) -> None:
    pairs = {
        (documented, status)
        for _, _, operation in OPERATIONS
        for status, answer in answers(operation)
        for documented in re.findall(r"`([a-z_]+)`:", answer["description"])
    }

    assert {status for documented, status in pairs if documented == code} == {
        str(ERRORS[code].status)
    }


@by_operation
def test_an_answer_names_the_codes_of_its_schema(method: str, path: str) -> None:
    for status, answer in answers(DOCUMENT["paths"][path][method.lower()]):
        media = answer.get("content", {}).get("application/problem+json", {"schema": {"oneOf": []}})
        schemas = [s["$ref"] for s in media["schema"].get("oneOf", [media["schema"]])]
        codes = re.findall(r"`([a-z_]+)`:", answer["description"])

        assert schemas == [f"#/components/schemas/{title(code)}" for code in codes], status


@pytest.mark.parametrize("code", [code for code, e in ERRORS.items() if e.retry_after])
def test_an_error_that_may_be_retried_says_when(code: str) -> None:
    for _, _, operation in OPERATIONS:
        for _, answer in answers(operation):
            if f"`{code}`" in answer["description"]:
                assert "Retry-After" in answer["headers"]


@by_operation
def test_every_route_but_limits_needs_a_token(method: str, path: str) -> None:
    operation = DOCUMENT["paths"][path][method.lower()]
    open_to_all = (method, path) == ("GET", "/limits")

    assert (operation.get("security") == []) is open_to_all
    assert ("401" in operation["responses"]) is not open_to_all


def test_its_limits_are_those_of_the_code() -> None:
    new = SCHEMAS["NewUpload"]["properties"]

    assert SCHEMAS["Size"]["maximum"] == parts.MAX_OBJECT_SIZE
    assert SCHEMAS["PartNumber"]["maximum"] == parts.MAX_PARTS
    assert new["filename"]["maxLength"] == keys.MAX_FILENAME_LENGTH
    assert new["content_type"]["maxLength"] == rules.MAX_CONTENT_TYPE_LENGTH
    completing = DOCUMENT["paths"]["/uploads/{upload_id}/complete"]["post"]["requestBody"]
    properties = completing["content"]["application/json"]["schema"]["properties"]
    assert properties["wait"]["maximum"] == rules.MAX_WAIT


def test_its_examples_fit_their_schemas() -> None:
    pairs = list(examples())
    assert len(pairs) > len(ERRORS)
    for schema, example in pairs:
        # `#/components/…` is looked up in the schema itself.
        checker = Draft202012Validator({"components": DOCUMENT["components"], **schema})
        assert [error.message for error in checker.iter_errors(example)] == []


def test_every_body_has_an_example() -> None:
    """One beside it, or one in the schema it refers to."""
    for media in media_types(DOCUMENT):
        schemas = media["schema"].get("oneOf", [media["schema"]])
        inside = [
            SCHEMAS[s["$ref"].rpartition("/")[2]].get("examples") for s in schemas if "$ref" in s
        ]
        assert "example" in media or "examples" in media or all(inside), media
