"""Reads the rows of delimited text with Python's `csv`, and repairs rows that `csv` rejects.

A quote that is never closed would swallow all following rows. So rows are read strictly. If that
fails, the row's first line becomes a row of its own, and the lines after it are read again.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.processors.tabular.text_lines import MAX_LINE, Lines, RowTooLong

# For the whole process: nothing else in it reads CSV, and `Lines` ends longer rows.
csv.field_size_limit(MAX_LINE)

# Files with these delimiters seldom use quotes: a quote may be an ordinary character.
UNQUOTED_DELIMITERS = frozenset("\t|")
_PARTIAL_ROW = 20  # lines of an open row at the end of a sample, which may be closed after it
_NO_DELIMITER = "\uffff"  # not a character


@dataclass(frozen=True, slots=True)
class Dialect:
    """How fields are written. With `delimiter` None, each row is one field."""

    delimiter: str | None
    quote: str = '"'
    escape: str | None = None
    skips_spaces: bool = False

    def reader(self, lines: Iterable[str], *, strict: bool = True, quotes: bool = True) -> Any:
        """A `csv.reader` over lines. If `strict`, it raises for unbalanced quotes."""
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
    """The rows of lines, without empty ones. None stands for an unreadable row.

    The caller sets `width`, the number of fields of a good row, once it is known.

    - `repairs` counts the rows that were read from a single line because the whole row failed.
    - `open_quotes` counts the lines whose quote is not closed; `first_open` is the number of the
    first.
    - `lost_lines` counts the lines after such a quote that were too many to be read again.
    - `joined` counts the rows that were read as separate ones although quotes would join them.

    With `is_cut`, the text continues after the last line: a short row that is open there is left
    out.
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
        """Whether each line of a quoted row is a complete row of a table without quotes."""
        if not self._may_be_unquoted or self.width is None:
            return False
        return all(line.count(self.dialect.delimiter or "") == self.width - 1 for line in row)

    def _first_line(self) -> list[str] | None:
        """The first line of a row as a row of its own; the lines after it are read again."""
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
        """The fields of a line with unbalanced quotes; None if it ends within quotes."""
        wants_more = False

        def lines() -> Iterator[str]:
            nonlocal wants_more
            yield line
            wants_more = True

        fields: list[str] = next(self.dialect.reader(lines(), strict=False), [])
        return None if wants_more else fields
