"""The tables of the API: routes from docs/openapi.yaml, error codes from chalicelib/errors.py."""

import functools
from typing import Any

import yaml

from chalicelib import errors
from scripts.docs.markdown import code, table
from scripts.docs.source import ROOT

# Objects with a row of their own in the documentation.
OBJECTS = ("Upload", "CreatedUpload", "AnySheet", "Sheet", "Form", "Part", "Problem")


@functools.cache
def document() -> Any:
    """The contract as data."""
    return yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8"))


def route_table() -> str:
    """Every route, with the fields of its request and of its answer."""
    contract = document()
    rows = []
    for path, item in contract["paths"].items():
        for method in ("get", "post", "put", "delete"):
            if method in item:
                operation = item[method]
                rows.append(
                    [
                        code(f"{method.upper()} {path}"),
                        operation["summary"],
                        _request(contract, operation),
                        _answers(contract, operation),
                    ]
                )
    return table(["Route", "What it does", "Request", "Answer"], rows)


def _request(contract: Any, operation: Any) -> str:
    query = [item["name"] for item in operation.get("parameters", []) if item.get("in") == "query"]
    fields = code("?" + "&".join(f"{name}=" for name in query)) if query else ""
    if "requestBody" in operation:
        fields += code(_fields(contract, _schema(operation["requestBody"])))
    return fields


def _answers(contract: Any, operation: Any) -> str:
    texts = []
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            resolved = _resolve(contract, answer)
            schema = _schema(resolved)
            fields = code(_fields(contract, schema)) if schema else ""
            text = f"{status} {fields}".strip()
            if text not in texts:
                texts.append(text)
    return ", ".join(texts)


def _schema(part: Any) -> Any:
    for media in part.get("content", {}).values():
        return media["schema"]
    return None


def _resolve(contract: Any, part: Any) -> Any:
    while "$ref" in part:
        target: Any = contract
        for name in part["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        part = target
    return part


def _fields(contract: Any, schema: Any) -> str:
    """An object's members as `{name, other?}`, or the name of an object of `schema_table`."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return name if name in OBJECTS else _members(contract, schema)


def schema_table() -> str:
    """The objects that the table of routes names, with their fields."""
    schemas = document()["components"]["schemas"]
    rows = [[code(name), code(_members(document(), schemas[name]))] for name in OBJECTS]
    return table(["Object", "Fields"], rows)


def _members(contract: Any, schema: Any) -> str:
    """The members as `{name, other?}`; `?` marks those that may be absent."""
    resolved = _resolve(contract, schema)
    for kind in ("oneOf", "anyOf"):
        if kind in resolved:
            return " or ".join(_fields(contract, one) for one in resolved[kind])
    required = set(resolved.get("required", []))
    members = []
    for name, member in resolved.get("properties", {}).items():
        target = member.get("$ref", "").rpartition("/")[2]
        inner = _resolve(contract, member)
        text = f"{name}: […]" if inner.get("type") == "array" else name
        text = f"{name}: {target}" if target in OBJECTS else text
        members.append(text if name in required else f"{name}?")
    return "{" + ", ".join(members) + "}"


def error_table() -> str:
    """Every error code, with its status and what it means."""
    classes = [
        error
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.UploadError)
    ]
    rows = [
        [
            code(error.code),
            str(error.status),
            _first_sentence(error),
            "" if error.retry_after is None else f"after {error.retry_after} s",
        ]
        for error in sorted(classes, key=lambda error: (error.status, error.code))
    ]
    return table(["Code", "Status", "Meaning", "Retry"], rows)


def _first_sentence(error: type[errors.UploadError]) -> str:
    if error is errors.UploadError:
        return "A defect of the server."
    return " ".join((error.__doc__ or "").split("\n\n")[0].split())
