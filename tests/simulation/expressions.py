"""DynamoDB's expressions: conditions and filters, key conditions, projections.

A text is parsed once and becomes a function of an item and the placeholders' values. Only paths of
one name are supported. A longer path raises NotImplementedError, so that no test relies on it.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

import operator
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.simulation.attributes import ORDERED, SETS, Item, Value, kind_of, order_key
from tests.simulation.refusals import Invalid

Operand = Callable[[Item, Mapping[str, Value]], Value | None]
Condition = Callable[[Item, Mapping[str, Value]], bool]
Node = tuple[Any, ...]

MAX_EXPRESSION = 4096
MAX_OPERANDS_OF_IN = 100
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
RESERVED = frozenset(Path(__file__).with_name("reserved_words.txt").read_text().split())
_TOKEN = re.compile(r"\s*(<>|<=|>=|[()=<>,+\-.\[\]]|[#:]?[A-Za-z0-9_]+)")
_NAME = re.compile(r"#?[A-Za-z_0-9]+")
_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "BETWEEN"})
_ARGUMENTS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
}


class Parser:
    """Parses one expression and records the placeholders that it uses."""

    def __init__(self, kind: str, text: str, names: Mapping[str, str]) -> None:
        self.kind = kind
        self.names = names
        self.used_names: set[str] = set()
        self.used_values: set[str] = set()
        self.paths: set[str] = set()
        self._tokens = self._split(text)
        self._at = 0

    def peek(self) -> str:
        """The next token, or an empty text at the end."""
        return self._tokens[self._at]

    def peek_word(self) -> str:
        """The next token, in the case of keywords."""
        return self.peek().upper()

    def take(self) -> str:
        token = self._tokens[self._at]
        self._at += bool(token)
        return token

    def take_if(self, *tokens: str) -> str:
        """Take the next token if it is one of these keywords, or else return an empty text."""
        return self.take().upper() if self.peek_word() in tokens else ""

    def expect(self, token: str) -> None:
        if self.peek_word() != token:
            raise self.syntax_error()
        self.take()

    def end(self) -> None:
        if self.peek():
            raise self.syntax_error()

    def path(self) -> str:
        """The name of an attribute."""
        token = self.take()
        if token.startswith("#"):
            if token not in self.names:
                raise self.invalid(
                    "An expression attribute name used in the document path is not defined;"
                    f" attribute name: {token}"
                )
            self.used_names.add(token)
        elif not _NAME.fullmatch(token) or token[0].isdigit():
            self._at -= bool(token)
            raise self.syntax_error()
        elif token.upper() in RESERVED:
            raise self.invalid(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        if self.peek() in (".", "["):
            raise NotImplementedError("Only top-level attributes")
        name = self.names.get(token, token)
        self.paths.add(name)
        return name

    def value(self) -> str:
        """The placeholder of a value."""
        token = self.take()
        if not token.startswith(":"):
            raise self.syntax_error()
        self.used_values.add(token)
        return token

    def commas(self, one: Callable[[], Any]) -> list[Any]:
        """One or more, separated by commas."""
        members = [one()]
        while self.take_if(","):
            members.append(one())
        return members

    def invalid(self, message: str) -> Invalid:
        return Invalid(f"Invalid {self.kind}: {message}")

    def syntax_error(self) -> Invalid:
        return self.invalid(f'Syntax error; token: "{self.peek() or "<EOF>"}"')

    def _split(self, text: str) -> list[str]:
        if not text.strip():
            raise self.invalid("The expression can not be empty;")
        if len(text.encode()) > MAX_EXPRESSION:
            raise self.invalid("Expression size has exceeded the maximum allowed size;")
        tokens, at, text = [], 0, text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.invalid(f'Syntax error; token: "{text[at]}"')
            tokens.append(match[1])
            at = match.end()
        return [*tokens, ""]


def parse_condition(parser: Parser) -> Node:
    """The tree of a whole condition."""
    tree = _either(parser)
    parser.end()
    return tree


def _either(parser: Parser) -> Node:
    tree = _both(parser)
    while parser.take_if("OR"):
        tree = ("or", tree, _both(parser))
    return tree


def _both(parser: Parser) -> Node:
    tree = _negated(parser)
    while parser.take_if("AND"):
        tree = ("and", tree, _negated(parser))
    return tree


def _negated(parser: Parser) -> Node:
    return ("not", _negated(parser)) if parser.take_if("NOT") else _single(parser)


def _single(parser: Parser) -> Node:
    if parser.take_if("("):
        inner = _either(parser)
        parser.expect(")")
        if inner[0] == "in parentheses":
            raise parser.invalid("The expression has redundant parentheses;")
        return ("in parentheses", inner)
    if parser.peek() in _ARGUMENTS:
        return _call(parser)
    lhs = _operand(parser)
    if word := parser.take_if("=", "<>", *_ORDERINGS):
        return ("compare", word, lhs, _operand(parser))
    if parser.take_if("BETWEEN"):
        low = _operand(parser)
        parser.expect("AND")
        return ("between", lhs, low, _operand(parser))
    parser.expect("IN")
    parser.expect("(")
    members = parser.commas(lambda: _operand(parser))
    parser.expect(")")
    if len(members) > MAX_OPERANDS_OF_IN:
        raise parser.invalid("The IN operator takes 100 operands at most;")
    return ("in", lhs, members)


def _call(parser: Parser) -> Node:
    function = parser.take()
    parser.expect("(")
    arguments = parser.commas(lambda: _operand(parser))
    parser.expect(")")
    if len(arguments) != _ARGUMENTS[function]:
        raise parser.invalid(
            "Incorrect number of operands for operator or function; operator or function:"
            f" {function}, number of operands: {len(arguments)}"
        )
    if arguments[0][0] != "path":
        raise parser.invalid(
            f"Operator or function requires a document path; operator or function: {function}"
        )
    return ("call", function, arguments)


def _operand(parser: Parser) -> Node:
    token = parser.peek()
    if token.startswith(":"):
        return ("value", parser.value())
    if token == "size":
        parser.take()
        parser.expect("(")
        name = parser.path()
        parser.expect(")")
        return ("size", name)
    if token.upper() in _KEYWORDS:
        raise parser.syntax_error()
    return ("path", parser.path())


def compiled(tree: Node) -> Condition:
    """The function of a condition's tree."""
    kind = tree[0]
    if kind in ("and", "or"):
        return _joined(kind, compiled(tree[1]), compiled(tree[2]))
    if kind == "not":
        inner = compiled(tree[1])
        return lambda item, values: not inner(item, values)
    if kind == "in parentheses":
        return compiled(tree[1])
    return {"compare": _compare, "between": _between, "in": _is_in, "call": _function}[kind](tree)


def _joined(kind: str, lhs: Condition, rhs: Condition) -> Condition:
    if kind == "and":
        return lambda item, values: lhs(item, values) and rhs(item, values)
    return lambda item, values: lhs(item, values) or rhs(item, values)


def operand_of(node: Node) -> Operand:
    """The function of a path, a placeholder or size(); it returns None for a missing attribute."""
    kind, name = node
    if kind == "path":
        return lambda item, _: item.get(name)
    if kind == "value":
        return lambda _, values: values[name]
    return lambda item, _: _size(item.get(name))


def _size(value: Value | None) -> Value | None:
    if value is None:
        return None
    ((kind, content),) = value.items()
    if kind in ("N", "BOOL", "NULL"):
        raise Invalid(
            "Invalid ConditionExpression: Incorrect operand type for operator or function;"
            f" operator or function: size, operand type: {kind}"
        )
    return {"N": str(len(content))}


def _compare(tree: Node) -> Condition:
    _, word, lhs_node, rhs_node = tree
    lhs, rhs = operand_of(lhs_node), operand_of(rhs_node)
    if word == "=":
        return lambda item, values: (
            (actual := lhs(item, values)) is not None and actual == rhs(item, values)
        )
    if word == "<>":
        return lambda item, values: lhs(item, values) != rhs(item, values)
    ordering = _ORDERINGS[word]
    literals = _literals(lhs_node, rhs_node)

    def holds(item: Item, values: Mapping[str, Value]) -> bool:
        _check_kinds(literals, values, ORDERED, word)
        return _ordered(ordering, lhs(item, values), rhs(item, values))

    return holds


def _literals(*nodes: Node) -> list[str]:
    return [node[1] for node in nodes if node[0] == "value"]


def _check_kinds(
    literals: list[str], values: Mapping[str, Value], allowed: frozenset[str], word: str
) -> None:
    for name in literals:
        if not allowed & values[name].keys():
            raise Invalid(
                "Invalid ConditionExpression: Incorrect operand type for operator or function;"
                f" operator or function: {word}, operand type: {kind_of(values[name])}"
            )


def _ordered(ordering: Callable[[Any, Any], bool], lhs: Value | None, rhs: Value | None) -> bool:
    if lhs is None or rhs is None:
        return False
    ((kind, first),) = lhs.items()
    if kind not in rhs or kind not in ORDERED:
        return False
    return ordering(order_key(kind, first), order_key(kind, rhs[kind]))


def _between(tree: Node) -> Condition:
    subject, low, high = (operand_of(node) for node in tree[1:])
    literals = _literals(*tree[2:])

    def holds(item: Item, values: Mapping[str, Value]) -> bool:
        _check_kinds(literals, values, ORDERED, "BETWEEN")
        first, last = low(item, values), high(item, values)
        if len(literals) == 2:
            _check_bounds(first, last)
        actual = subject(item, values)
        return _ordered(operator.le, first, actual) and _ordered(operator.le, actual, last)

    return holds


def _check_bounds(first: Value | None, last: Value | None) -> None:
    if first and last and first.keys() != last.keys():
        raise Invalid(
            "Invalid ConditionExpression: The BETWEEN operator requires same data type for lower"
            " and upper bounds;"
        )
    if not _ordered(operator.le, first, last):
        raise Invalid(
            "Invalid ConditionExpression: The BETWEEN operator requires upper bound to be greater"
            " than or equal to lower bound;"
        )


def _is_in(tree: Node) -> Condition:
    subject = operand_of(tree[1])
    members = [operand_of(node) for node in tree[2]]

    def holds(item: Item, values: Mapping[str, Value]) -> bool:
        actual = subject(item, values)
        return actual is not None and any(actual == member(item, values) for member in members)

    return holds


def _function(tree: Node) -> Condition:
    _, function, arguments = tree
    name = arguments[0][1]
    if function == "attribute_exists":
        return lambda item, _: name in item
    if function == "attribute_not_exists":
        return lambda item, _: name not in item
    operand, literals = operand_of(arguments[1]), _literals(arguments[1])
    test = {"begins_with": _begins_with, "contains": _contains, "attribute_type": _is_type}[
        function
    ]
    allowed = {
        "begins_with": frozenset({"S", "B"}),
        "contains": frozenset({"S", "N", "B", "BOOL", "NULL", "L", "M"}),
        "attribute_type": frozenset({"S"}),
    }[function]

    def holds(item: Item, values: Mapping[str, Value]) -> bool:
        _check_kinds(literals, values, allowed, function)
        actual, argument = item.get(name), operand(item, values)
        return actual is not None and argument is not None and test(actual, argument)

    return holds


def _begins_with(actual: Value, argument: Value) -> bool:
    kind = kind_of(actual)
    return kind in ("S", "B") and kind in argument and actual[kind].startswith(argument[kind])


def _contains(actual: Value, argument: Value) -> bool:
    kind, expected = kind_of(actual), kind_of(argument)
    if kind in SETS:
        return kind[0] == expected and argument[expected] in actual[kind]
    if kind == "L":
        return argument in actual[kind]
    return kind in ("S", "B") and kind == expected and argument[expected] in actual[kind]


def _is_type(actual: Value, argument: Value) -> bool:
    return bool(kind_of(actual) == argument["S"])


def parse_projection(parser: Parser) -> tuple[str, ...]:
    """The names of the projected attributes."""
    names = tuple(parser.commas(parser.path))
    parser.end()
    if len(set(names)) < len(names):
        raise parser.invalid("Two document paths overlap with each other;")
    return names
