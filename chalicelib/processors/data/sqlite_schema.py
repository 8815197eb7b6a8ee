"""The column names in a CREATE TABLE statement, as SQLite stores it in its schema.

https://www.sqlite.org/lang_createtable.html
"""

import re
from collections.abc import Iterator

# Words, quoted names and strings, comments, and single characters.
_WORD = re.compile(
    r"""--[^\n]*+|/\*(?s:.*?)(?:\*/|$)|"(?:[^"]|"")*+"?|'(?:[^']|'')*+'?|`(?:[^`]|``)*+`?"""
    r"""|\[[^\]]*+\]?|[^\W\d][\w$]*+|\s++|."""
)
_CONSTRAINTS = frozenset({"constraint", "primary", "unique", "check", "foreign"})
_WITHOUT_ROWID = re.compile(r"\bwithout\s+rowid\b", re.IGNORECASE)


def columns_of(sql: str) -> list[str]:
    """The names of a table's columns in order; none for a virtual table."""
    names: list[str] = []
    if sql.lstrip()[:14].lower().startswith("create virtual"):
        return names
    depth, expected = 0, False
    for word in _words(sql):
        if word == "(":
            depth += 1
            expected = depth == 1
        elif word == ")":
            depth -= 1
            if not depth:
                break
        elif word == "," and depth == 1:
            expected = True
        elif expected and depth == 1:
            if word.lower() in _CONSTRAINTS:
                break  # table constraints come after all columns
            names.append(_unquote(word))
            expected = False
    return names


def is_without_rowid(sql: str) -> bool:
    """Whether the table's rows are in the B-tree of its primary key."""
    return bool(_WITHOUT_ROWID.search(sql.rpartition(")")[2]))


def _words(sql: str) -> Iterator[str]:
    for match in _WORD.finditer(sql):
        word = match[0]
        if not word.isspace() and not word.startswith(("--", "/*")):
            yield word


def _unquote(word: str) -> str:
    for start, end in ('""', "``", "''", "[]"):
        if word.startswith(start) and word.endswith(end) and len(word) > 1:
            return word[1:-1].replace(end * 2, end)
    return word
