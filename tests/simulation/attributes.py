"""Attribute values as DynamoDB stores them: one form for each value, so that `==` compares them.

Sizes and limits:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from botocore.exceptions import ParamValidationError

from tests.simulation.refusals import Invalid

Value = dict[str, Any]
Item = dict[str, Value]

DIGITS = 38
MAX_ITEM = 400 * 1024
SETS = frozenset({"SS", "NS", "BS"})
ORDERED = frozenset({"S", "N", "B"})
# The kinds with immutable content.
_FLAT = frozenset({"S", "N", "B", "BOOL", "NULL"})


@lru_cache(maxsize=1 << 16)
def number(text: str) -> int | Decimal:
    """The value of a number's text."""
    exact = Decimal(text)
    return int(exact) if exact == exact.to_integral_value() else exact


@lru_cache(maxsize=1 << 16)
def plain_number(text: str) -> str:
    """The text that DynamoDB returns for a number: without outer zeros and without an exponent."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise Invalid(f"The parameter cannot be converted to a numeric value: {text}")
    if len("".join(map(str, value.as_tuple().digits)).strip("0")) > DIGITS:
        raise Invalid("Attempting to store more than 38 significant digits in a Number")
    if value == 0:
        return "0"
    fixed = format(value, "f")
    return fixed.rstrip("0").rstrip(".") if "." in fixed else fixed


def number_value(value: int | Decimal) -> Value:
    """A number as an attribute value."""
    return _freeze_number(str(value))


class Frozen(dict[str, Any]):
    """A value of the table that callers receive without a copy; it refuses changes."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("This value belongs to the table; copy it first")

    __setitem__ = __delitem__ = update = pop = popitem = clear = setdefault = __ior__ = _refuse

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        return deepcopy(dict(self), memo)


class CopiedOnRead(Frozen):
    """A value with mutable content: callers receive a copy."""

    __slots__ = ()


def freeze(value: Mapping[str, Any]) -> Value:
    """A copy of a value in the stored form; raises Invalid for values that DynamoDB refuses."""
    if isinstance(value, Frozen):
        return value
    if len(value) != 1:
        raise _bad_type(value)
    if "S" in value:
        return _freeze_text(_checked_text(value["S"]))
    if "N" in value:
        return _freeze_number(_checked_text(value["N"]))
    ((kind, content),) = value.items()
    frozen = Frozen if kind in _FLAT else CopiedOnRead
    return frozen({kind: _freeze_content(kind, content)})


@lru_cache(maxsize=1 << 16)
def _freeze_text(text: str) -> Value:
    return Frozen(S=str.__str__(text))


@lru_cache(maxsize=1 << 16)
def _freeze_number(text: str) -> Value:
    return Frozen(N=plain_number(text))


def _checked_text(content: Any) -> str:
    if not isinstance(content, str):
        raise _bad_type(content)
    return content


def _freeze_content(kind: str, content: Any) -> Any:
    if kind in SETS:
        return _freeze_set(kind, content)
    if kind == "M" and isinstance(content, Mapping):
        return {name: freeze(member) for name, member in content.items()}
    if kind == "L" and isinstance(content, list | tuple):
        return [freeze(member) for member in content]
    if kind == "B" and isinstance(content, bytes | bytearray):
        return bytes(content)
    if kind in ("BOOL", "NULL") and isinstance(content, bool):
        return content
    raise _bad_type({kind: content})


def _freeze_set(kind: str, content: Any) -> list[Any]:
    if not content:
        raise Invalid("One or more parameter values were invalid: An set may not be empty")
    members = [plain_number(member) for member in content] if kind == "NS" else list(content)
    if len(set(members)) < len(members):
        raise Invalid(
            f"One or more parameter values were invalid: Input collection {content} contains"
            " duplicates."
        )
    return sorted(members)


def freeze_item(item: Mapping[str, Mapping[str, Any]]) -> Item:
    """A copy of all attributes in the stored form."""
    return {name: freeze(value) for name, value in item.items()}


def copy_of(item: Item) -> Item:
    """An item for the caller, who may change it without changing the table."""
    item = dict(item)
    for name, value in item.items():
        if type(value) is CopiedOnRead:
            item[name] = deepcopy(value)
    return item


def kind_of(value: Mapping[str, Any]) -> str:
    """The type of a value: S, N, SS and so on."""
    return next(iter(value))


def order_key(kind: str, content: Any) -> Any:
    """The sort key for values of one kind; code points sort like the bytes of UTF-8."""
    return number(content) if kind == "N" else content


def size_of(item: Item) -> int:
    """The bytes of an item's names and values."""
    texts, others = list(item), 0
    for value in item.values():
        if "S" in value:
            texts.append(value["S"])
        else:
            others += value_size(value)
    return length("".join(texts)) + others


def attribute_size(name: str, value: Value) -> int:
    """The bytes of one attribute with its name."""
    return length(name) + value_size(value)


def value_size(value: Value) -> int:
    """The bytes of a value; a number takes one byte for two digits, and one more."""
    ((kind, content),) = value.items()
    if kind == "S":
        return length(content)
    if kind == "N":
        return len(content) // 2 + 2
    if kind == "M":
        return 3 + sum(1 + attribute_size(name, member) for name, member in content.items())
    if kind == "L":
        return 3 + sum(1 + value_size(member) for member in content)
    if kind in SETS:
        return sum(value_size({kind[0]: member}) for member in content)
    return len(content) if kind == "B" else 1


def length(text: str) -> int:
    """The bytes of a text."""
    return len(text) if text.isascii() else len(text.encode())


def _bad_type(value: Any) -> ParamValidationError:
    """The error of boto3, which refuses an invalid attribute value before it sends a request."""
    return ParamValidationError(report=f"Invalid attribute value: {value}")
