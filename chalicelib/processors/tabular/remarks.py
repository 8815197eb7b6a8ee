"""Remarks in a table's report: skipped lines, guesses, and rows that could not be read.

Each remark is a sentence for people, some with a field for programs.
"""

from typing import Any

from chalicelib.processors.tabular.code_page import Encoding
from chalicelib.processors.tabular.csv_rows import Rows
from chalicelib.processors.tabular.dialect import Layout
from chalicelib.processors.tabular.text_lines import Lines


class Remarks:
    """The remarks on one table. The caller sets `lines` and `rows` before it reads them."""

    def __init__(self) -> None:
        self.lines: Lines | None = None
        self.rows: Rows | None = None
        self._fields: dict[str, Any] = {}
        self._notes: list[str] = []

    def add_encoding(self, encoding: Encoding) -> None:
        if encoding.is_guessed:
            self._add("The encoding is a guess: the text is not Unicode.", encoding_guessed=True)

    def add_array(self) -> None:
        self._add("The text is a JSON array, not JSON Lines.")

    def add_layout(self, layout: Layout) -> None:
        skipped = layout.skipped_lines
        if skipped:
            which = "Line 1 comes" if skipped == 1 else f"Lines 1 to {skipped} come"
            self._add(f"{which} before the header.", skipped_lines=skipped)
        if layout.row_names:
            self._add("Each row begins with a name that has no column.", row_names=True)
        if layout.trailing_delimiter:
            self._add("Rows end with a delimiter.", trailing_delimiter=True)
        if layout.dialect.delimiter is None:
            self._add("No delimiter fits the rows: each row is read as one field.")
        if not layout.is_regular:
            self._add(
                "Most rows have a different number of fields from the header.", ambiguous=True
            )
        if layout.is_ambiguous:
            self._add(
                "Another delimiter or escape character fits the rows as well.", ambiguous=True
            )
        if layout.header_has_values:
            self._add("The first row has values instead of names: it may not be a header.")

    def fields(self, *, is_complete: bool) -> dict[str, Any]:
        """Fields that only some reports have, `notes`, and `complete`."""
        rows, lines = self.rows, self.lines
        if rows and rows.open_quotes:
            which = f"Line {rows.first_open} opens"
            if rows.open_quotes > 1:
                which = f"{rows.open_quotes} lines, the first is line {rows.first_open}, open"
            self._add(f"{which} a quote that is not closed.")
        if rows and rows.lost_lines:
            self._add(f"{rows.lost_lines} lines after unclosed quotes were not read as rows.")
        if rows and rows.joined:
            self._add("Quotes around line ends were read as characters.", ambiguous=True)
        if lines and lines.unreadable:
            self._add(
                "Some characters cannot be read in this encoding.",
                unreadable_characters=lines.unreadable,
            )
        notes = {"notes": self._notes} if self._notes else {}
        is_complete = is_complete and not (rows and rows.lost_lines)
        return self._fields | notes | {"complete": is_complete}

    def _add(self, note: str, **fields: Any) -> None:
        self._notes.append(note)
        self._fields |= fields
