"""Shapes of JSON, and a comparison of payloads with them. `aws_forms.py` has the shapes of AWS.

A shape is a type, None, a pattern for a whole text, a constant, or a tuple of alternatives. It may
also be a list with the shape of each item, or a dict of members. A member whose name ends in "?"
may be absent. `Of` is an object whose members all have one shape, `Json` a text with JSON in it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Shape = Any
ANY = object()


@dataclass(frozen=True)
class Of:
    """An object with members of any name, each of one shape."""

    shape: Shape


@dataclass(frozen=True)
class Json:
    """A text that holds JSON of a shape."""

    shape: Shape


def faults(value: Any, shape: Shape, *, is_subset: bool = False, where: str = "$") -> Iterator[str]:
    """The places where a payload differs from its shape; a subset may lack members."""
    match shape:
        case dict():
            yield from _members(value, shape, is_subset=is_subset, where=where)
        case Of(each) if isinstance(value, dict):
            for name, member in value.items():
                yield from faults(member, each, is_subset=is_subset, where=f"{where}.{name}")
        case list([each]) if isinstance(value, list):
            for number, member in enumerate(value):
                yield from faults(member, each, is_subset=is_subset, where=f"{where}[{number}]")
        case Json(inner) if isinstance(value, str):
            yield from faults(json.loads(value), inner, is_subset=is_subset, where=f"{where}()")
        case tuple():
            tried = [list(faults(value, s, is_subset=is_subset, where=where)) for s in shape]
            yield from min(tried, key=len)
        case _ if not _fits(value, shape):
            yield f"{where} is {value!r}, not {shape}"


def _fits(value: Any, shape: Shape) -> bool:
    """Whether a value without members fits."""
    match shape:
        case re.Pattern():
            return isinstance(value, str) and shape.fullmatch(value) is not None
        case type():
            return type(value) is shape
    return shape is ANY or (type(value), value) == (type(shape), shape)


def _members(value: Any, shape: dict[str, Shape], *, is_subset: bool, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is {value!r}, no object"
        return
    members = {name.removesuffix("?"): (name.endswith("?"), form) for name, form in shape.items()}
    for name, (is_optional, form) in members.items():
        if name in value:
            yield from faults(value[name], form, is_subset=is_subset, where=f"{where}.{name}")
        elif not (is_optional or is_subset):
            yield f"{where} lacks {name}"
    yield from (f"{where}.{name} is unknown" for name in value.keys() - members.keys())


def leanest(value: Any, shape: Shape) -> Any:
    """The payload without any member that may be absent."""
    match shape:
        case dict():
            # A name that ends in "?" is in no payload.
            return {
                name: leanest(value[name], form) for name, form in shape.items() if name in value
            }
        case list([each]):
            return [leanest(member, each) for member in value]
        case Json(inner):
            return json.dumps(leanest(json.loads(value), inner))
        case tuple():
            return leanest(value, _fitting(value, shape))
    return value


def with_more(value: Any, shape: Shape) -> Any:
    """The payload with an unknown member in each of its objects.

    S3 asks its readers to ignore such members: a new minor version of an event may bring them.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    match shape:
        case dict() if isinstance(value, dict):
            members = {name.removesuffix("?"): form for name, form in shape.items()}
            more = {name: with_more(member, members[name]) for name, member in value.items()}
            return more | {"ofTomorrow": {}}
        case Of(each):
            return {name: with_more(member, each) for name, member in value.items()}
        case list([each]):
            return [with_more(member, each) for member in value]
        case Json(inner):
            return json.dumps(with_more(json.loads(value), inner))
        case tuple():
            return with_more(value, _fitting(value, shape))
    return value


def _fitting(value: Any, shapes: tuple[Shape, ...]) -> Shape:
    """The one of several shapes that fits a value."""
    return next(shape for shape in shapes if not list(faults(value, shape)))
