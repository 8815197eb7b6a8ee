"""Random calls to the stand-in and to moto: every answer, error and item must be the same."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from tests.simulation.contract import SCHEMA, attributes, key, outcome, sorted_items
from tests.simulation.dynamodb import FakeDynamoDB

pytestmark = pytest.mark.slow

_NAMES = count()
TEXTS = st.sampled_from(["", "1", "10", "2", "a", "é", "🎈"])
NUMBERS = st.integers(-3, 12)
# "owner" is a reserved word, which an expression must not contain.
WORDS = ["id", "kind", "at", "word", "n", "m", "tags"]
KEYS = st.builds(key, st.sampled_from("ab"), st.sampled_from(["1", "10", "2", "é"]))
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        **{name: TEXTS.filter(bool) for name in ("owner", "id", "kind", "at")},
        "word": TEXTS,
        "n": NUMBERS,
        "m": NUMBERS,
        "tags": st.sets(st.sampled_from("xyz"), min_size=1),
    },
)
# Operands have the type of their attributes, because moto raises errors of Python otherwise.
SIGNS = st.sampled_from(["<", "<=", ">", ">=", "=", "<>"])
COMPARISONS = st.one_of(
    st.builds("{0} {1} :{0}".format, st.sampled_from(["n", "m", "word"]), SIGNS),
    st.builds("attribute_exists({})".format, st.sampled_from(WORDS)),
    st.builds("attribute_not_exists({})".format, st.sampled_from(WORDS)),
    st.sampled_from([
        "begins_with(word, :word)",
        "contains(tags, :x)",
        "contains(word, :word)",
        "n BETWEEN :low AND :high",
        "word IN (:word, :x)",
        "kind = :x OR id = :x",
    ]),
)  # fmt: skip
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=4,
)
SETS = {
    "n": st.sampled_from(["n = :n", "n = n + :n", "n = m - :n", "n = if_not_exists(n, :m) + :n"]),
    "word": st.sampled_from(["word = :word", "word = kind", "word = if_not_exists(word, :x)"]),
    "kind": st.just("kind = :x"),
    "id": st.just("id = :id"),
}
VALUES = st.fixed_dictionaries({
    ":n": NUMBERS,
    ":m": NUMBERS,
    ":word": TEXTS.filter(bool),
    ":x": st.sampled_from("xyz"),
    ":id": TEXTS.filter(bool),
    ":low": st.integers(-3, 3),
    ":high": st.integers(4, 12),
    ":set": st.sets(st.sampled_from("xyz"), min_size=1),
})  # fmt: skip


@st.composite
def updates(draw: st.DrawFn) -> str:
    """An update expression that names each attribute once."""
    names = draw(st.lists(st.sampled_from([*SETS, "m", "tags"]), min_size=1, unique=True))
    clauses: dict[str, list[str]] = {}
    for name in names:
        if name in SETS and draw(st.booleans()):
            clauses.setdefault("SET", []).append(draw(SETS[name]))
        elif name == "tags" and draw(st.booleans()):
            clauses.setdefault(draw(st.sampled_from(["ADD", "DELETE"])), []).append("tags :set")
        elif name == "m" and draw(st.booleans()):
            clauses.setdefault("ADD", []).append("m :m")
        else:
            clauses.setdefault("REMOVE", []).append(name)
    return " ".join(f"{clause} {', '.join(actions)}" for clause, actions in clauses.items())


def with_values(request: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The request with the values of the placeholders in its expressions."""
    texts = " ".join(text for name, text in request.items() if name.endswith("Expression"))
    words = set(texts.replace("(", " ").replace(")", " ").replace(",", " ").split())
    used = {name: value for name, value in values.items() if name in words}
    return request | ({"ExpressionAttributeValues": attributes(**used)} if used else {})


@st.composite
def writes(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Put, Update or Delete with its parameters, mostly with a condition."""
    kind = draw(st.sampled_from(["Put", "Put", "Update", "Update", "Delete"]))
    request: dict[str, Any] = {}
    if kind == "Put":
        request["Item"] = draw(KEYS) | attributes(**draw(ATTRIBUTES))
    else:
        request["Key"] = draw(KEYS)
    if kind == "Update":
        request["UpdateExpression"] = draw(updates())
    if draw(st.booleans()):
        request["ConditionExpression"] = draw(CONDITIONS)
    return kind, with_values(request, draw(VALUES))


@st.composite
def single_writes(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    kind, request = draw(writes())
    returned = ["NONE", "ALL_OLD", *(["ALL_NEW"] if kind == "Update" else [])]
    operation = {"Put": "put_item", "Update": "update_item", "Delete": "delete_item"}[kind]
    return operation, request | {"ReturnValues": draw(st.sampled_from(returned))}


@st.composite
def transactions(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    members = draw(st.lists(writes(), min_size=1, max_size=3))
    return "transact_write_items", {"TransactItems": [{kind: body} for kind, body in members]}


@st.composite
def queries(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    index, head, tail = draw(
        st.sampled_from([
            (None, "pk", "sk"),
            ("by_owner", "owner", "id"),
            ("some_by_kind", "kind", "at"),
            ("all_by_kind", "kind", "at"),
        ])
    )  # fmt: skip
    ranges = [
        "",
        "#t = :id",
        "#t < :id",
        "#t >= :id",
        "begins_with(#t, :id)",
        "#t BETWEEN :a AND :z",
    ]
    condition = " AND ".join(filter(None, ["#h = :x", draw(st.sampled_from(ranges))]))
    names = {"#h": head} | ({"#t": tail} if "#t" in condition else {})
    values = draw(VALUES) | {":a": "1", ":z": draw(st.sampled_from(["10", "é"]))}
    values[":x"] = draw(st.sampled_from("ab") if index is None else TEXTS.filter(bool))
    request: dict[str, Any] = {
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ScanIndexForward": draw(st.booleans()),
    }
    if index is None and draw(st.booleans()):
        request["FilterExpression"] = draw(COMPARISONS.filter(lambda text: ":x" not in text))
    request = with_values(request, values)
    return "query", request if index is None else request | {"IndexName": index}


CALLS = st.one_of(
    single_writes(),
    single_writes(),
    transactions(),
    queries(),
    KEYS.map(lambda one: ("get_item", {"Key": one})),
)


def of_table(request: dict[str, Any], table: str) -> dict[str, Any]:
    """The request for one table."""
    if "TransactItems" not in request:
        return request | {"TableName": table}
    members = [
        {kind: body | {"TableName": table}}
        for member in request["TransactItems"]
        for kind, body in member.items()
    ]
    return {"TransactItems": members}


@pytest.fixture(scope="module")
def moto(dynamodb_client: Any) -> Iterator[Any]:
    with mock_aws():
        yield dynamodb_client


def as_moto(answer: Any) -> Any:
    """Moto refuses a whole transaction, but DynamoDB names the invalid member.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """
    if isinstance(answer, dict) and "ValidationError" in answer.get("reasons", ()):
        return {"code": "ValidationException"}
    return answer


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.lists(CALLS, min_size=4, max_size=14))
def test_the_same_calls_have_the_same_outcomes(moto: Any, calls: list[Any]) -> None:
    table = f"table-{next(_NAMES)}"
    moto.create_table(TableName=table, **SCHEMA)
    fake = FakeDynamoDB(SCHEMA, table)
    for operation, request in calls:
        table_request = of_table(request, table)
        assert as_moto(outcome(fake, operation, table_request)) == outcome(
            moto, operation, table_request
        )
    assert sorted_items(fake, table) == sorted_items(moto, table)
    moto.delete_table(TableName=table)
