"""Columns, rows and bad rows of a table: CSV, TSV or JSON Lines, read to the end.

A bad row does not fit the table: it has another number of fields than there are columns, or a quote
that is not closed. In JSON Lines it is not a JSON object. A row of more than a megabyte is bad,
too.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chalicelib.processors.tabular.code_page import encoding_of
from chalicelib.processors.tabular.csv_rows import Rows
from chalicelib.processors.tabular.dialect import Layout, decide
from chalicelib.processors.tabular.layout import fits
from chalicelib.processors.tabular.remarks import Remarks
from chalicelib.processors.tabular.text_lines import MAX_LINE, Lines
from chalicelib.reader import ObjectReader, OutOfTime

reads_all = True

JSON_LINES = frozenset({
    "application/jsonl", "application/x-ndjson", "application/jsonlines", "application/x-jsonlines",
})  # fmt: skip
TSV = "text/tab-separated-values"
CSV = frozenset({"text/csv", "application/csv", TSV})
MAX_COLUMNS = 1000  # distinct columns
SHOWN_COLUMNS = 50
SHOWN_BAD_ROWS = 10
MAX_NAME = 50  # characters of a column's name
_SAMPLE_SIZE = 256 * 1024  # bytes from which the encoding and the dialect are decided
_RECORD_SEPARATOR = "\x1e"  # precedes each text of https://www.rfc-editor.org/rfc/rfc7464
# Files of other formats that are uploaded as tables: Excel's, PDF, gzip, Parquet.
_NO_TABLES = (b"PK\3\4", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"%PDF-", b"\x1f\x8b", b"PAR1")


def applies_to(content_type: str, size: int, /) -> bool:
    """To CSV, TSV and JSON Lines."""
    return content_type in CSV | JSON_LINES and size > 0


def run(source: ObjectReader, /) -> dict[str, Any]:
    """The fields in docs/reports.md, section `table`; empty if the object is not text.

    `first_bad_rows` are line numbers from 1. If `complete` is false, the numbers count only the
    rows that were read.
    """
    stream = io.BufferedReader(source.stream().detach(), _SAMPLE_SIZE)
    is_json = source.content_type in JSON_LINES
    report: dict[str, Any] = {"format": "jsonl" if is_json else "csv"}
    count = _Count()
    is_complete = False
    remarks = Remarks()
    try:
        head = stream.peek()
        if head.startswith(_NO_TABLES):
            return {}
        encoding = encoding_of(head)
        report["encoding"] = encoding.name
        remarks.add_encoding(encoding)
        text = io.TextIOWrapper(stream, encoding.codec, errors="replace", newline="")
        remarks.lines = lines = Lines(text.readline, source.check_time)
        if is_json:
            _read_json_lines(lines, count)
            if count.bad and encoding.decode(head).lstrip().startswith("["):
                remarks.add_array()
        else:
            layout = decide(
                encoding.decode(head),
                is_whole=len(head) >= source.size,
                has_tabs=source.content_type == TSV,
            )
            report["delimiter"] = layout.dialect.delimiter
            remarks.rows = rows = Rows(lines, layout.dialect)
            remarks.add_layout(layout)
            _read_csv(lines, rows, layout, count)
        is_complete = True
    except OutOfTime:
        pass
    return report | count.fields() | remarks.fields(is_complete=is_complete)


@dataclass
class _Count:
    """The rows counted so far."""

    # The beginning of each name, by a key that identifies the whole name.
    columns: dict[int, str] = field(default_factory=dict)
    column_count: int = 0
    rows: int = 0
    bad: int = 0
    first_bad: list[int] = field(default_factory=list)

    def add_bad(self, line: int) -> None:
        self.bad += 1
        if len(self.first_bad) < SHOWN_BAD_ROWS:
            self.first_bad.append(line)

    def fields(self) -> dict[str, Any]:
        return {
            "columns": list(self.columns.values())[:SHOWN_COLUMNS],
            "column_count": self.column_count,
            "rows": self.rows,
            "bad_rows": self.bad,
            "first_bad_rows": self.first_bad,
        }


def _read_csv(lines: Lines, rows: Rows, layout: Layout, count: _Count) -> None:
    for _ in zip(range(layout.skipped_lines), lines, strict=False):
        lines.start_row()
    width, trailing = 0, layout.trailing_delimiter
    for row in rows:
        if row is None:
            count.add_bad(lines.number)
        elif not width:
            names = row[:-1] if trailing and not row[-1] else row
            count.column_count = len(names)
            count.columns = dict(enumerate(map(_shorten, names[:SHOWN_COLUMNS])))
            width = rows.width = len(names) + layout.row_names
        elif len(row) == width or (trailing and fits(row, width, has_trailing=True)):
            count.rows += 1
        else:
            count.add_bad(lines.number)


def _shorten(name: str) -> str:
    """The beginning of a name, as valid UTF-8: JSON can escape half a surrogate pair."""
    return name[:MAX_NAME].encode("utf-8", "replace").decode()


def _read_json_lines(lines: Lines, count: _Count) -> None:
    for at, text in _json_texts(lines):
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            count.add_bad(at)
            continue
        count.rows += 1
        for name in row:
            if len(count.columns) == MAX_COLUMNS:
                break
            count.columns.setdefault(hash(name), _shorten(name))
        count.column_count = len(count.columns)


def _json_texts(lines: Lines) -> Iterator[tuple[int, str]]:
    """The texts that are not blank, with their line numbers; a text that is too long is empty.

    A text is a line, or everything between two record separators.
    """
    is_sequence = False
    at, pending = 0, ""
    for line in lines:
        lines.start_row()
        if line.startswith(_RECORD_SEPARATOR):
            is_sequence = True
            if pending:
                yield at, pending
            at, pending = lines.number, line[1:]
        elif is_sequence and len(pending) + len(line) <= MAX_LINE:
            pending += line
        elif lines.number in lines.too_long:
            yield lines.number, ""
        elif line.strip():
            yield lines.number, line
    if pending:
        yield at, pending
