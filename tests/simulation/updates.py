"""DynamoDB's update expressions: a text becomes a function that returns the new item.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from functools import partial
from typing import NamedTuple

from tests.simulation.attributes import (
    SETS,
    CopiedOnRead,
    Item,
    Value,
    kind_of,
    number,
    number_value,
)
from tests.simulation.expressions import Operand, Parser
from tests.simulation.refusals import Invalid

# Changes the copy of an item; gets the item before the update, the copy and the values.
Action = Callable[[Item, Item, Mapping[str, Value]], None]
_CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")
_EXACT = Context(prec=300)
WRONG_TYPE = "An operand in the update expression has an incorrect data type"
NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"


class Update(NamedTuple):
    """The actions of an update, and the names of the attributes that it changes."""

    actions: tuple[Action, ...]
    names: tuple[str, ...]

    def apply(self, before: Item, start: Item, values: Mapping[str, Value]) -> Item:
        """The new item; every operand has its value from before the update."""
        after = {**start, **before}
        for action in self.actions:
            action(before, after, values)
        return after


def parse_update(parser: Parser) -> Update:
    """Parse a whole update expression."""
    actions: list[Action] = []
    names: list[str] = []
    clauses: set[str] = set()
    parse: dict[str, Callable[[Parser], tuple[str, Action]]]
    parse = {"SET": _set, "REMOVE": _remove, "ADD": _add, "DELETE": _delete}
    while clause := parser.take_if(*_CLAUSES):
        if clause in clauses:
            raise parser.invalid(
                f'The "{clause}" section can only be used once in an update expression;'
            )
        clauses.add(clause)
        for name, action in parser.commas(partial(parse[clause], parser)):
            names.append(name)
            actions.append(action)
    parser.end()
    if len(set(names)) < len(names):
        raise parser.invalid("Two document paths overlap with each other;")
    return Update(tuple(actions), tuple(names))


def _set(parser: Parser) -> tuple[str, Action]:
    name = parser.path()
    parser.expect("=")
    value = _operand(parser)
    if sign := parser.take_if("+", "-"):
        value = _sum(value, _operand(parser), 1 if sign == "+" else -1)

    def action(before: Item, after: Item, values: Mapping[str, Value]) -> None:
        new = value(before, values)
        if new is None:
            raise Invalid(NO_ATTRIBUTE)
        after[name] = new

    return name, action


def _operand(parser: Parser) -> Operand:
    token = parser.peek()
    if token.startswith(":"):
        placeholder = parser.value()
        return lambda _, values: values[placeholder]
    if token == "list_append":
        raise NotImplementedError("list_append")
    if token != "if_not_exists":
        name = parser.path()
        return lambda item, _: item.get(name)
    parser.take()
    parser.expect("(")
    name = parser.path()
    parser.expect(",")
    other = _operand(parser)
    parser.expect(")")
    return lambda item, values: item[name] if name in item else other(item, values)


def _sum(lhs: Operand, rhs: Operand, sign: int) -> Operand:
    def value(item: Item, values: Mapping[str, Value]) -> Value:
        first, second = lhs(item, values), rhs(item, values)
        if first is None or second is None:
            raise Invalid(NO_ATTRIBUTE)
        if "N" not in first or "N" not in second:
            raise Invalid(WRONG_TYPE)
        return add(first, second, sign)

    return value


def add(first: Value, second: Value, sign: int = 1) -> Value:
    """The sum of two numbers."""
    lhs, rhs = number(first["N"]), number(second["N"])
    if isinstance(lhs, int) and isinstance(rhs, int):
        return number_value(lhs + sign * rhs)
    return number_value(_EXACT.add(Decimal(lhs), sign * Decimal(rhs)))


def _remove(parser: Parser) -> tuple[str, Action]:
    name = parser.path()

    def action(_before: Item, after: Item, _values: Mapping[str, Value]) -> None:
        after.pop(name, None)

    return name, action


def _add(parser: Parser) -> tuple[str, Action]:
    name = parser.path()
    placeholder = parser.value()

    def action(before: Item, after: Item, values: Mapping[str, Value]) -> None:
        old, added = before.get(name), values[placeholder]
        kind = kind_of(added)
        if kind != "N" and kind not in SETS:
            raise parser.invalid(
                "Incorrect operand type for operator or function; operator: ADD,"
                f" operand type: {kind}"
            )
        if old is None:
            after[name] = added
        elif kind not in old:
            raise Invalid(WRONG_TYPE)
        elif kind == "N":
            after[name] = add(old, added)
        else:
            after[name] = CopiedOnRead({kind: sorted({*old[kind], *added[kind]})})

    return name, action


def _delete(parser: Parser) -> tuple[str, Action]:
    name = parser.path()
    placeholder = parser.value()

    def action(before: Item, after: Item, values: Mapping[str, Value]) -> None:
        old, removed = before.get(name), values[placeholder]
        kind = kind_of(removed)
        if kind not in SETS:
            raise parser.invalid(
                "Incorrect operand type for operator or function; operator: DELETE,"
                f" operand type: {kind}"
            )
        if old is None:
            return
        if kind not in old:
            raise Invalid(WRONG_TYPE)
        if members := sorted(set(old[kind]) - set(removed[kind])):
            after[name] = CopiedOnRead({kind: members})
        else:
            del after[name]

    return name, action
