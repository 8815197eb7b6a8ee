"""Names of media types: aliases, types by extension, and patterns of allowed types.

Pure. The page reads the same table (`media_types.json`), and both decide alike which type a file
has before a byte of it is known.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OCTET_STREAM = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class _Table:
    """`media_types.json`, turned so that it is looked up by what is known."""

    canonical: dict[str, str]
    by_extension: dict[str, list[str]]
    vague: frozenset[str]
    vague_by_extension: dict[str, list[str]]


def essence(content_type: str) -> str:
    """A media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def canonical(content_type: str) -> str:
    """The one name of a type that has several, such as `application/zip`; without parameters.

    Types that the table does not have keep their name, in lower case.
    """
    name = essence(content_type)
    return _table().canonical.get(name, name)


def types_of_name(filename: str) -> tuple[str, ...]:
    """The types that a file may have by its extension, the likeliest first; none when unknown."""
    return tuple(_table().by_extension.get(_extension(filename), ()))


def is_vague(declared: str, filename: str) -> bool:
    """Whether a declared type says nothing: none, or one that browsers give for the name's sake.

    Windows calls a CSV file Excel's, Linux calls TypeScript a translation.
    """
    name = essence(declared)
    table = _table()
    return (
        not name
        or name in table.vague
        or name in table.vague_by_extension.get(_extension(filename), ())
    )


def claimed_types(declared: str, filename: str) -> tuple[str, ...]:
    """What a file says it is: by its declared type, or by its name where that says nothing."""
    if not is_vague(declared, filename):
        return (essence(declared),)
    return types_of_name(filename) or (essence(declared) or OCTET_STREAM,)


def is_allowed(content_type: str, *, allowed: Sequence[str]) -> bool:
    """Whether a type matches one of the patterns, under any of its names; no patterns allow all.

    `*` in a pattern is any number of characters, `?` is one.
    """
    names = {essence(content_type), canonical(content_type).lower()}
    return not allowed or any(_matches(pattern, names) for pattern in allowed)


def is_listed(content_type: str, *, allowed: Sequence[str]) -> bool:
    """Whether a pattern is exactly this type, under any of its names; no patterns allow all."""
    exact = [pattern for pattern in allowed if "*" not in pattern and "?" not in pattern]
    return not allowed or (bool(exact) and is_allowed(content_type, allowed=exact))


def _matches(pattern: str, names: set[str]) -> bool:
    expressions = {
        re.escape(name).replace(r"\*", ".*").replace(r"\?", ".")
        for name in (pattern.strip().lower(), canonical(pattern).lower())
    }
    return any(
        re.fullmatch(expression, name, re.DOTALL) for expression in expressions for name in names
    )


def _extension(filename: str) -> str:
    _, dot, extension = filename.rpartition(".")
    return extension.lower() if dot else ""


@cache
def _table() -> _Table:
    """Read when it is first needed: an API without allowed types never reads it."""
    read = json.loads(Path(__file__).with_name("media_types.json").read_text(encoding="utf-8"))
    by_extension: dict[str, list[str]] = {}
    for content_type, extensions in read["extensions"].items():
        for extension in extensions:
            by_extension.setdefault(extension, []).append(content_type)
    names = {content_type.lower(): content_type for content_type in read["extensions"]}
    names |= {alias: name for name, aliases in read["aliases"].items() for alias in aliases}
    return _Table(names, by_extension, frozenset(read["vague"]), read["vague_by_extension"])
