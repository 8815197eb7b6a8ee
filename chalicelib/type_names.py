"""Names of media types: aliases, types by extension, and patterns of allowed types.

Pure. The page reads the same table (`media_types.json`), so both derive the same type from a file's
name and declaration.
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
    """`media_types.json`, indexed by name and by extension."""

    canonical: dict[str, str]
    by_extension: dict[str, list[str]]
    vague: frozenset[str]
    vague_by_extension: dict[str, list[str]]


def essence(content_type: str) -> str:
    """A media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def canonical(content_type: str) -> str:
    """The canonical name of a type with several names, such as `application/zip`; no parameters.

    Types that the table does not have keep their name, in lower case.
    """
    name = essence(content_type)
    return _table().canonical.get(name, name)


def types_of_name(filename: str) -> tuple[str, ...]:
    """The types that an extension stands for, the most likely first; none when unknown."""
    return tuple(_table().by_extension.get(_extension(filename), ()))


def is_vague(declared: str, filename: str) -> bool:
    """Whether a declared type says nothing: it is empty, or a guess from the extension.

    Windows declares CSV files as Excel's, Linux declares TypeScript as a translation.
    """
    name = essence(declared)
    table = _table()
    return (
        not name
        or name in table.vague
        or name in table.vague_by_extension.get(_extension(filename), ())
    )


def claimed_types(declared: str, filename: str) -> tuple[str, ...]:
    """The declared type of a file, or the types of its name where that says nothing."""
    if not is_vague(declared, filename):
        return (essence(declared),)
    return types_of_name(filename) or (essence(declared) or OCTET_STREAM,)


def is_allowed(content_type: str, *, allowed: Sequence[str]) -> bool:
    """Whether a type matches one of the patterns, under any of its names; no patterns allow all.

    `*` in a pattern stands for any characters, `?` for one.
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
    """The table, read on first use: an API without allowed types never reads it."""
    document = json.loads(Path(__file__).with_name("media_types.json").read_text(encoding="utf-8"))
    by_extension: dict[str, list[str]] = {}
    for content_type, extensions in document["extensions"].items():
        for extension in extensions:
            by_extension.setdefault(extension, []).append(content_type)
    names = {content_type.lower(): content_type for content_type in document["extensions"]}
    names |= {alias: name for name, aliases in document["aliases"].items() for alias in aliases}
    return _Table(names, by_extension, frozenset(document["vague"]), document["vague_by_extension"])
