"""The plan of one request: its expressions, parsed once for each set of texts and names."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from tests.simulation.attributes import Item, Value, freeze_item
from tests.simulation.expressions import (
    Condition,
    Node,
    Parser,
    compiled,
    parse_condition,
    parse_projection,
)
from tests.simulation.indexes import BOUNDS, Bounds, Index
from tests.simulation.refusals import Invalid
from tests.simulation.updates import Update, parse_update

Names = tuple[tuple[str, str], ...]


EXPRESSIONS = (
    "ConditionExpression",
    "UpdateExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
)


class Plan(NamedTuple):
    """The parsed expressions of a request; `filtered` names the filter's attributes."""

    condition: Condition | None
    update: Update | None
    filter: Condition | None
    filtered: frozenset[str]
    key: tuple["KeyTest", ...]
    projection: tuple[str, ...] | None


class KeyTest(NamedTuple):
    """One part of a key condition: an attribute, an operator and placeholders."""

    name: str
    word: str
    placeholders: tuple[str, ...]


NO_PLAN = Plan(None, None, None, frozenset(), (), None)


def plan_of(request: Mapping[str, Any]) -> tuple[Plan, Item]:
    """The plan of a request, and the values of its placeholders in the stored form."""
    get = request.get
    names, values = get("ExpressionAttributeNames"), get("ExpressionAttributeValues")
    plan = _plan(
        tuple(map(get, EXPRESSIONS)),
        None if names is None else tuple(names.items()),
        None if values is None else tuple(values),
    )
    return plan, {} if values is None else freeze_item(values)


@lru_cache(maxsize=4096)
def _plan(
    entries: tuple[str | None, ...], names: Names | None, values: tuple[str, ...] | None
) -> Plan:
    texts = {
        kind: text for kind, text in zip(EXPRESSIONS, entries, strict=True) if text is not None
    }
    _check_entries("Names", names, "#", texts)
    _check_entries("Values", values, ":", texts)
    all_names = dict(names or ())
    parsers = {kind: Parser(kind, text, all_names) for kind, text in texts.items()}
    condition, update, filtering, key, projection = map(parsers.get, EXPRESSIONS)
    plan = Plan(
        _condition(condition),
        parse_update(update) if update is not None else None,
        _condition(filtering),
        frozenset(filtering.paths if filtering is not None else ()),
        _key_tests(key),
        parse_projection(projection) if projection is not None else None,
    )
    _check_used(parsers, all_names, values or ())
    return plan


def _check_entries(kind: str, entries: Sequence[Any] | None, sign: str, texts: Any) -> None:
    """Refuse names or values that are empty, malformed, or without an expression."""
    if entries is None:
        return
    if not texts:
        raise Invalid(f"ExpressionAttribute{kind} can only be specified when using expressions")
    if not entries:
        raise Invalid(f"ExpressionAttribute{kind} must not be empty")
    for entry in entries:
        placeholder = entry if isinstance(entry, str) else entry[0]
        if not placeholder.startswith(sign) or len(placeholder) == 1:
            raise Invalid(
                f"ExpressionAttribute{kind} contains invalid key: Syntax error;"
                f' key: "{placeholder}"'
            )


def _check_used(
    parsers: Mapping[str, Parser], names: Mapping[str, str], values: Sequence[str]
) -> None:
    """Refuse placeholders that no expression uses, and placeholders without a value."""
    for parser in parsers.values():
        if missing := parser.used_values.difference(values):
            raise parser.invalid(
                "An expression attribute value used in expression is not defined;"
                f" attribute value: {min(missing)}"
            )
    used_names = {name for parser in parsers.values() for name in parser.used_names}
    used_values = {value for parser in parsers.values() for value in parser.used_values}
    for kind, entries, used in (("Names", names, used_names), ("Values", values, used_values)):
        if unused := set(entries) - used:
            raise Invalid(
                f"Value provided in ExpressionAttribute{kind} unused in expressions:"
                f" keys: {{{', '.join(sorted(unused))}}}"
            )


def _condition(parser: Parser | None) -> Condition | None:
    return None if parser is None else compiled(parse_condition(parser))


def _key_tests(parser: Parser | None) -> tuple[KeyTest, ...]:
    if parser is None:
        return ()
    tree = _bare(parse_condition(parser))
    parts = [tree] if tree[0] != "and" else [_bare(tree[1]), _bare(tree[2])]
    return tuple(_key_test(part) for part in parts)


def _bare(tree: Node) -> Node:
    return _bare(tree[1]) if tree[0] == "in parentheses" else tree


def _key_test(tree: Node) -> KeyTest:
    kind, operands = tree[0], list(tree[1:])
    word = kind
    if kind in ("compare", "call"):
        word, *operands = operands
    if kind == "call":
        operands = operands[0]
    if word not in BOUNDS:
        raise Invalid(f"Invalid operator used in KeyConditionExpression: {str(word).upper()}")
    path, *values = operands
    if path[0] != "path" or any(value[0] != "value" for value in values):
        raise Invalid("Invalid KeyConditionExpression: a key is compared with values only")
    return KeyTest(path[1], word, tuple(value[1] for value in values))


def key_range(plan: Plan, values: Mapping[str, Value], index: Index) -> tuple[str, Bounds]:
    """The partition of a key condition, and its range of sort keys."""
    tests = {test.name: test for test in plan.key}
    head = tests.pop(index.hash, None)
    if len(plan.key) != len(tests) + 1 or head is None:
        raise Invalid(f"Query condition missed key schema element: {index.hash}")
    if head.word != "=":
        raise Invalid("Query key condition not supported")
    tail = tests.pop(index.range, None)
    if tests:
        raise Invalid(f"Query condition missed key schema element: {index.range}")
    if banned := plan.filtered & {index.hash, index.range}:
        raise Invalid(
            "Filter Expression can only contain non-primary key attributes:"
            f" Primary key attribute: {min(banned)}"
        )
    partition = _text(values[head.placeholders[0]])
    if tail is None:
        return partition, ("", None)
    texts = [_text(values[placeholder]) for placeholder in tail.placeholders]
    if tail.word == "between" and texts[0] > texts[1]:
        raise Invalid(
            "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be"
            " greater than or equal to lower bound;"
        )
    return partition, BOUNDS[tail.word](*texts)


def _text(value: Value) -> str:
    if "S" not in value:
        raise Invalid(
            "One or more parameter values were invalid: Condition parameter type does not match"
            " schema type"
        )
    if not value["S"]:
        raise Invalid(
            "One or more parameter values are not valid. The AttributeValue for a key attribute"
            " cannot contain an empty string value."
        )
    text: str = value["S"]
    return text
