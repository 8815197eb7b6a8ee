"""The rows of a text whose fields have a delimiter: `csv`'s, and what `csv` gives up on.

A quote that is never closed would swallow every row behind it. So rows are read strictly, and where
that fails, the row's first line is a row of its own and the lines behind it are read again.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.processors.tabular.text_lines import MAX_LINE, Lines, RowTooLong

# For the whole process: nothing else in it reads CSV, and `Lines` ends rows that are longer.
csv.field_size_limit(MAX_LINE)

# Whoever writes these seldom quotes: a quote may be a character like any other.
UNQUOTED_DELIMITERS = frozenset("\t|")
_PARTIAL_ROW = 20  # lines of an open row at the end of a beginning that may be closed behind it
_NO_DELIMITER = "\uffff"  # is no character


@dataclass(frozen=True, slots=True)
class Dialect:
    """How fields are written; `delimiter` None: each row has one field."""

    delimiter: str | None
    quote: str = '"'
    escape: str | None = None
    skips_spaces: bool = False

    def reader(self, lines: Iterable[str], *, strict: bool = True, quotes: bool = True) -> Any:
        """`csv.reader` over lines; strict, it raises where quotes are not balanced."""
        return csv.reader(
            lines,
            delimiter=self.delimiter or _NO_DELIMITER,
            quotechar=self.quote,
            escapechar=self.escape,
            skipinitialspace=self.skips_spaces,
            quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
            strict=strict,
        )


class Rows:
    """The rows of lines, those without fields left out; None stands for one that nobody can read.

    `width`, once it is known, is how many fields a good row has. `repairs` counts the
    rows that only a line of their own made readable. `open_quotes` counts the lines
    whose quote is not closed, `first_open` is the first one's number. `lost_lines` follow such a
    quote and were too many to be read again. `joined` counts rows that were told apart although
    quotes around line ends would make them one. With `is_cut`, lines go on behind the last one: a
    short row that they leave open is left out.
    """

    def __init__(self, lines: Lines, dialect: Dialect, *, is_cut: bool = False) -> None:
        self.lines = lines
        self.dialect = dialect
        self.width: int | None = None
        self.open_quotes = 0
        self.first_open = 0
        self.lost_lines = 0
        self.repairs = 0
        self.joined = 0
        self._is_cut = is_cut
        self._may_be_unquoted = dialect.delimiter in UNQUOTED_DELIMITERS

    def __iter__(self) -> Iterator[list[str] | None]:
        lines = self.lines
        reader = self.dialect.reader(lines)
        while True:
            lines.start_row()
            try:
                fields = next(reader)
            except StopIteration:
                return
            except (csv.Error, RowTooLong):
                if self._is_cut and lines.has_ended and len(lines.row) <= _PARTIAL_ROW:
                    return
                yield self._first_line()
                if lines.has_ended:
                    reader = self.dialect.reader(lines)
                continue
            many = len(lines.row) > 1
            too_long = bool(lines.too_long) and lines.is_too_long()
            if many and (too_long or self._are_rows(lines.row)):
                self.joined += len(lines.row)
                yield self._first_line()
                reader = self.dialect.reader(lines)
            elif too_long:
                yield None
            elif fields:
                yield fields

    def _are_rows(self, row: list[str]) -> bool:
        """Whether every line of a row in quotes is a whole row of a table without quotes."""
        if not self._may_be_unquoted or self.width is None:
            return False
        return all(line.count(self.dialect.delimiter or "") == self.width - 1 for line in row)

    def _first_line(self) -> list[str] | None:
        """The first line of a row as a row of its own; those behind it are read again."""
        self.repairs += 1
        first, *others = self.lines.row
        at = self.lines.number - len(others)
        if not self.lines.read_again(others):
            self.lost_lines += len(others)
        if self.lines.is_too_long() and at in self.lines.too_long:
            return None
        if self._may_be_unquoted:
            fields: list[str] = next(self.dialect.reader([first], strict=False, quotes=False), [])
            if self.width is None or len(fields) == self.width:
                return fields
        loose = self._loosely(first)
        if loose is None:
            self.open_quotes += 1
            self.first_open = self.first_open or at
        return loose

    def _loosely(self, line: str) -> list[str] | None:
        """The fields of a line whose quotes are not balanced; None where it ends within quotes."""
        wants_more = False

        def lines() -> Iterator[str]:
            nonlocal wants_more
            yield line
            wants_more = True

        fields: list[str] = next(self.dialect.reader(lines(), strict=False), [])
        return None if wants_more else fields
