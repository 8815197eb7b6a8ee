"""Shared by the tests of the stand-in: a table with every kind of index, items, outcomes."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from tests.support.environment import TABLE


def _index(name: str, head: str, tail: str, **projection: Any) -> Any:
    return {
        "IndexName": name,
        "KeySchema": [
            {"AttributeName": head, "KeyType": "HASH"},
            {"AttributeName": tail, "KeyType": "RANGE"},
        ],
        "Projection": projection,
    }


SCHEMA: Any = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"}
        for name in ("pk", "sk", "owner", "id", "kind", "at")
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        _index("by_owner", "owner", "id", ProjectionType="KEYS_ONLY"),
        _index("some_by_kind", "kind", "at", ProjectionType="INCLUDE", NonKeyAttributes=["word"]),
        _index("all_by_kind", "kind", "at", ProjectionType="ALL"),
    ],
}


def value(plain: Any) -> dict[str, Any]:
    """A plain value as an attribute value."""
    if plain is None:
        return {"NULL": True}
    if isinstance(plain, list):
        return {"L": [value(member) for member in plain]}
    if isinstance(plain, dict):
        return {"M": attributes(**plain)}
    if isinstance(plain, set):
        return {"SS": sorted(plain)}
    kind = {bool: "BOOL", int: "N", bytes: "B"}.get(type(plain), "S")
    return {kind: str(plain) if kind == "N" else plain}


def attributes(**plain: Any) -> dict[str, Any]:
    """Plain values as attributes."""
    return {name: value(member) for name, member in plain.items()}


def item(pk: str, sk: str, **plain: Any) -> dict[str, Any]:
    return key(pk, sk) | attributes(**plain)


def key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


# Members that the stand-in's answers lack, because nobody reads them.
_LEFT_OUT = frozenset({"ResponseMetadata", "ConsumedCapacity", "ItemCollectionMetrics"})


def in_order(answer: Any) -> Any:
    """An answer with sorted sets, so that tests can compare it."""
    if isinstance(answer, Mapping):
        return {
            name: sorted(member) if name in ("SS", "NS") else in_order(member)
            for name, member in answer.items()
            if name not in _LEFT_OUT
        }
    return [in_order(member) for member in answer] if isinstance(answer, list) else answer


def outcome(client: Any, operation: str, request: Mapping[str, Any]) -> Any:
    """The answer of a call, or the code of its error and the reason for each member."""
    try:
        answer = getattr(client, operation)(**request)
    except ClientError as error:
        response: Any = error.response
        refused: dict[str, Any] = {"code": response["Error"]["Code"]}
        if "CancellationReasons" in response:
            refused["reasons"] = [reason["Code"] for reason in response["CancellationReasons"]]
        return refused
    return in_order(answer)


def sorted_items(client: Any, table: str = TABLE) -> list[Any]:
    """All items of the table, sorted by key."""
    return sorted(_items(client, table), key=lambda one: (one["pk"]["S"], one["sk"]["S"]))


def _items(client: Any, table: str) -> Iterator[Any]:
    for page in client.get_paginator("scan").paginate(TableName=table):
        yield from map(in_order, page["Items"])
