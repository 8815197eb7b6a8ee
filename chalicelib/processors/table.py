"""Columns, rows and bad rows of a table: CSV, TSV or JSON Lines, from its first line to its last.

A row is bad when nobody could put it into the table: another number of fields than there are
columns, no JSON, no object, or no end within a megabyte.
"""

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from chalicelib.reader import ObjectReader, OutOfTime

reads_all = True

JSON_LINES = frozenset({
    "application/jsonl", "application/x-ndjson", "application/jsonlines", "application/x-jsonlines",
})  # fmt: skip
CSV = frozenset({"text/csv", "application/csv", "text/tab-separated-values"})
MAX_LINE = 1024 * 1024  # characters of a row; in quotes, it may go over many lines
MAX_COLUMNS = 1000  # columns that are told apart
SHOWN_COLUMNS = 50
SHOWN_BAD_ROWS = 10
MAX_NAME = 50  # characters of a column's name
_SAMPLE = 8192  # characters that the delimiter is guessed from


def applies_to(content_type: str, size: int, /) -> bool:
    """To CSV, TSV and JSON Lines."""
    return content_type in CSV | JSON_LINES and size > 0


def run(stored: ObjectReader, /) -> dict[str, Any]:
    """`{"format", "columns", "column_count", "rows", "bad_rows", "first_bad_rows", "complete"}`.

    `first_bad_rows` are line numbers from 1; CSV adds its `delimiter`. With `complete` false, the
    numbers are those of the rows that were reached in time.
    """
    count = _Count()
    text = io.TextIOWrapper(stored.stream(), "utf-8-sig", errors="replace", newline="")
    lines = _Lines(text, stored.check_time)
    read = _json_lines if stored.content_type in JSON_LINES else _csv
    told: dict[str, Any] = {"format": "jsonl" if read is _json_lines else "csv"}
    try:
        told |= read(lines, count, stored.content_type)
    except OutOfTime:
        return told | count.told() | {"complete": False}
    return told | count.told() | {"complete": True}


@dataclass
class _Count:
    """What was found so far."""

    # The beginning of each name, by what tells it from the others.
    columns: dict[int, str] = field(default_factory=dict)
    column_count: int = 0
    rows: int = 0
    bad: int = 0
    first_bad: list[int] = field(default_factory=list)

    def add_bad(self, line: int) -> None:
        self.bad += 1
        if len(self.first_bad) < SHOWN_BAD_ROWS:
            self.first_bad.append(line)

    def told(self) -> dict[str, Any]:
        return {
            "columns": list(self.columns.values())[:SHOWN_COLUMNS],
            "column_count": self.column_count,
            "rows": self.rows,
            "bad_rows": self.bad,
            "first_bad_rows": self.first_bad,
        }


class _Lines:
    """The lines of a text; of one that is too long, an empty line, and its number in `too_long`.

    `row_size` are the characters that `within_row` has seen since it was set to 0.
    """

    def __init__(self, text: io.TextIOWrapper, check_time: Callable[[], None]) -> None:
        self._text = text
        self._check_time = check_time
        self.number = 0
        self.row_size = 0
        self.too_long: set[int] = set()

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(MAX_LINE):
            self._check_time()
            self.number += 1
            whole = line
            while len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
                self.too_long = {self.number}
                whole = "\n"
                line = self._text.readline(MAX_LINE)
            yield whole

    def within_row(self, line: str) -> str:
        """The line, unless its row has become too long for a row: csv would keep all of it."""
        self.row_size += len(line)
        if self.row_size > MAX_LINE:
            raise csv.Error("a row without an end")
        return line


def _csv(lines: _Lines, count: _Count, content_type: str) -> dict[str, Any]:
    rest = iter(lines)
    first = next(rest, "")
    tabs = content_type == "text/tab-separated-values"
    delimiter = "\t" if tabs else _delimiter(first[:_SAMPLE])
    # Both go on after an error, where a generator would be at its end.
    all_lines = map(lines.within_row, itertools.chain([first], rest))
    rows = csv.reader(all_lines, delimiter=delimiter)
    for line, row in _rows(rows, lines, count):
        if not count.column_count:
            count.column_count = len(row)
            count.columns = dict(enumerate(map(_shown, row[:SHOWN_COLUMNS])))
        elif len(row) == count.column_count:
            count.rows += 1
        else:
            count.add_bad(line)
    return {"delimiter": delimiter}


def _rows(rows: Any, lines: _Lines, count: _Count) -> Iterator[tuple[int, list[str]]]:
    """The rows that can be read and their last lines; the others are counted as bad."""
    while True:
        lines.row_size = 0
        try:
            row = next(rows, None)
        except csv.Error:
            count.add_bad(lines.number)
            continue
        if row is None:
            return
        if lines.number in lines.too_long:
            count.add_bad(lines.number)
        elif row:
            yield lines.number, row


def _delimiter(sample: str) -> str:
    """The one there is most of in the first line, quoted parts aside."""
    unquoted = "".join(sample.split('"')[::2])
    return max(",;\t|", key=unquoted.count)


def _shown(name: str) -> str:
    """The beginning of a name; JSON may escape what is no character."""
    return name[:MAX_NAME].encode("utf-8", "replace").decode()


def _json_lines(lines: _Lines, count: _Count, _content_type: str) -> dict[str, Any]:
    for line in lines:
        if lines.number in lines.too_long:
            count.add_bad(lines.number)
            continue
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            count.add_bad(lines.number)
            continue
        count.rows += 1
        for name in row:
            if len(count.columns) == MAX_COLUMNS:
                break
            count.columns.setdefault(hash(name), _shown(name))
        count.column_count = len(count.columns)
    return {}
