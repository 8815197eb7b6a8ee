"""Decides the dialect of a table: its delimiter, its quotes, and its header line.

Pure: it looks at the beginning of a text. It tries every delimiter on the same lines, with respect
to quotes. The delimiter with the most consistent rows wins.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from chalicelib.processors.tabular.csv_rows import UNQUOTED_DELIMITERS, Dialect, Rows
from chalicelib.processors.tabular.layout import Row, are_names, best_shape, is_value
from chalicelib.processors.tabular.text_lines import Lines

DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 1000  # rows for the decision
_REPAIRED = 0.5  # penalty if no row has balanced quotes
# Above this share of the best score, a second reading is as good as the best one. The share is
# lower for an even reading: rows of equal length are seldom a coincidence.
_AMBIGUOUS, _AMBIGUOUS_EVEN = 0.9, 0.65
# The line that declares the delimiter to Excel. Other programs append delimiters to it.
_SEP_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*[\r\n]*', re.IGNORECASE)
# A quoted field of limited length, and a space after it.
_LONGEST_NAME = 10_000
_SPACED = re.compile(r'"(?:[^"\\]|\\.|"")*" ', re.DOTALL)
_COMMENT = re.compile(r"#|//|%")
_NAME = re.compile(r"[^\W\d][\w -]*\w|[^\W\d]")
_HEX = re.compile(r"[0-9A-Fa-f.]*")
_URL_REST = "//"


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read a table.

    `skipped_lines` precede the header. `row_names` and `trailing_delimiter` are those of `Shape`.
    `is_ambiguous`: another dialect fits as well. `is_regular`: most rows have as many fields as the
    header. `header_has_values`: the header has numbers instead of names.
    """

    dialect: Dialect
    skipped_lines: int = 0
    row_names: bool = False
    trailing_delimiter: bool = False
    is_ambiguous: bool = False
    is_regular: bool = True
    header_has_values: bool = False


@dataclass(frozen=True, slots=True)
class _Sample:
    """Rows in one dialect, and the number of lines of the table before each."""

    dialect: Dialect
    rows: list[Row]
    before: list[int]
    repairs: int


@dataclass(frozen=True, slots=True)
class _Reading:
    """The layout of a table in one dialect, its score, and the number of rows it is based on.

    `evenness` is the result of `_evenness`.
    """

    score: float
    layout: Layout
    rows: int
    evenness: int

    def rivals(self, best: _Reading) -> bool:
        """Whether this reading gives other columns or rows, and is as good as `best`."""
        delimiters = self.layout.dialect.delimiter, best.layout.dialect.delimiter
        if delimiters[0] == delimiters[1] and self.rows == best.rows:
            return False
        if self.evenness > best.evenness:
            return True
        enough = _AMBIGUOUS_EVEN if self.evenness else _AMBIGUOUS
        return self.score >= enough * best.score


def decide(text: str, *, is_whole: bool, has_tabs: bool) -> Layout:
    """The layout of the table that begins with `text`; `is_whole` if this is all of it.

    `has_tabs` means that the declared type is tab-separated. Tabs then win if they fit.
    """
    skipped, declared = _declared_delimiter(text)
    beginning = _Beginning(text, skipped, is_whole=is_whole)
    if declared:
        readings = beginning.readings(beginning.samples(declared))
        return _best(readings) if readings else Layout(Dialect(declared), beginning.skipped)
    usual = Dialect("\t" if has_tabs else ",")
    delimiters = sorted(DELIMITERS, key=str(usual.delimiter).__ne__)
    tabs = beginning.readings(beginning.samples("\t")) if has_tabs else []
    if tabs and tabs[0].layout.skipped_lines <= beginning.skipped:
        return _best(tabs)
    samples = itertools.chain(*map(beginning.samples, delimiters), beginning.spaced_samples())
    readings = beginning.readings(samples)
    if not readings:
        return _last_resort(beginning, usual, delimiters)
    return _best(readings)


def _best(readings: list[_Reading]) -> Layout:
    best = readings[0]
    return replace(best.layout, is_ambiguous=any(one.rivals(best) for one in readings))


def _declared_delimiter(text: str) -> tuple[int, str | None]:
    """The number of lines of Excel's `sep=` declaration, and the declared delimiter."""
    first = io.StringIO(text[:100], newline="").readline()
    readings = _SEP_LINE.fullmatch(first)
    return (1, readings[1]) if readings else (0, None)


class _Beginning:
    """The first lines of a table, without leading blank lines and comments.

    `skipped` counts the lines left out. `comment` is the last comment, which may name the columns.
    """

    def __init__(self, text: str, skipped: int, *, is_whole: bool) -> None:
        self._is_whole = is_whole
        lines = list(io.StringIO(text, newline=""))
        at, self.comment = skipped, ""
        while at < len(lines) and (not lines[at].strip("\r\n") or _COMMENT.match(lines[at])):
            self.comment = lines[at] if lines[at].strip("\r\n") else self.comment
            at += 1
        if at == len(lines):  # only comments
            at, self.comment = skipped, ""
        self.skipped = at
        self.lines = lines[at:]
        self.text = "".join(self.lines)

    def samples(self, delimiter: str) -> Iterator[_Sample]:
        """The rows in each dialect with this delimiter that the text allows."""
        if delimiter not in self.text:
            return
        plain = Dialect(delimiter)
        likely = [self.sample(plain)]
        if re.search(r'\\["\r\n' + re.escape(delimiter) + "]", self.text):
            likely = _likely(likely[0], self.sample(replace(plain, escape="\\")))
        yield from likely
        if delimiter + ' "' in self.text and delimiter != " ":
            yield self.sample(replace(likely[0].dialect, skips_spaces=True))
        if self.text.startswith("'"):
            yield self.sample(replace(plain, quote="'"))

    def spaced_samples(self) -> Iterator[_Sample]:
        """The rows separated by spaces, if the first field ends so. All rows may be in quotes."""
        if _SPACED.match(self.text, 0, _LONGEST_NAME):
            for sample in self.samples(" "):
                if not sample.repairs and _are_clear_spaces(sample, self.text):
                    yield sample

    def sample(self, dialect: Dialect) -> _Sample:
        lines = Lines(io.StringIO(self.text, newline="").readline, lambda: None)
        rows: list[Row] = []
        before: list[int] = []
        read = Rows(lines, dialect, is_cut=not self._is_whole)
        for row in itertools.islice(read, _SAMPLE_ROWS):
            rows.append(row)
            before.append(self.skipped + lines.number - len(lines.row))
        if not self._is_whole and 1 < len(rows) < _SAMPLE_ROWS:
            rows.pop()  # the last row may be cut off
        return _Sample(dialect, rows, before, read.repairs)

    def readings(self, samples: Iterable[_Sample]) -> list[_Reading]:
        """The layout of the table in each dialect, the best first."""
        readings = [reading for sample in samples if (reading := self._reading(sample))]
        return sorted(readings, key=lambda reading: -reading.score)

    def _reading(self, sample: _Sample) -> _Reading | None:
        rows, before = sample.rows, sample.before
        may_be_quoted = sample.dialect.delimiter not in UNQUOTED_DELIMITERS
        if not rows or (may_be_quoted and 2 * sample.repairs >= len(rows)):
            return None
        names = self._named_by_comment(sample)
        if names:
            rows, before = [names, *rows], [self.skipped - 1, *before]
        best = best_shape(rows, may_name_rows=self._may_name_rows(sample))
        if best is None or best[1].width < 2 - best[1].trailing_delimiter - best[1].row_names:
            return None
        score, shape = best
        score *= 1 - _REPAIRED * min(1, sample.repairs / len(rows))
        layout = Layout(
            sample.dialect,
            before[shape.header],
            row_names=shape.row_names,
            trailing_delimiter=shape.trailing_delimiter,
            header_has_values=_has_values(rows[shape.header]),
        )
        return _Reading(score, layout, len(rows), _evenness(sample))

    def _named_by_comment(self, sample: _Sample) -> list[str] | None:
        """The fields of the last comment, if it names the columns and the first row does not."""
        first = sample.rows[0]
        if not self.comment or first is None:
            return None
        fields: list[str] = next(sample.dialect.reader([self.comment], strict=False), [])
        has_values = any(map(is_value, first))
        return fields if has_values and len(fields) == len(first) and are_names(fields) else None

    def _may_name_rows(self, sample: _Sample) -> bool:
        """Whether rows may begin with a name that has no column, as R writes them."""
        if sample.repairs and len(sample.rows[0] or ()) < 2:
            return False
        lines = [self.lines[before - self.skipped] for before in sample.before[:2]]
        is_quoted = all(line.startswith(sample.dialect.quote) for line in lines)
        return is_quoted or sample.dialect.delimiter == "\t"


def _has_values(row: Row) -> bool:
    """Whether a row has numbers or dates, and no words."""
    fields = [name for name in row or () if name]
    return bool(fields) and all(map(is_value, fields))


def _last_resort(beginning: _Beginning, usual: Dialect, delimiters: list[str]) -> Layout:
    """A rare delimiter that clearly fits, a delimiter in the header, or a single column."""
    for delimiter, is_clear in ((" ", _are_clear_spaces), (":", _are_clear_colons)):
        for sample in beginning.samples(delimiter):
            readings = beginning.readings([sample])
            if (
                readings
                and is_clear(sample, beginning.text)
                and readings[0].layout.skipped_lines == sample.before[0]
            ):
                return readings[0].layout
    single = beginning.sample(usual)
    if all(row is not None and len(row) == 1 for row in single.rows):
        header_has_values = _has_values(single.rows[0] if single.rows else None)
        return Layout(usual, beginning.skipped, header_has_values=header_has_values)
    names = [sample for one in delimiters for sample in beginning.samples(one) if _is_tight(sample)]
    if names:
        best = max(names, key=lambda sample: len(sample.rows[0] or ()))
        return Layout(best.dialect, best.before[0], is_regular=False)
    return Layout(Dialect(None), beginning.skipped)


def _likely(unescaped: _Sample, escaped: _Sample) -> list[_Sample]:
    """The readings of backslashes that give consistent rows; the first of equal ones wins."""
    even = [sample for sample in (unescaped, escaped) if _evenness(sample)]
    if len(even) == 1:
        return even
    if not even:
        return [escaped, unescaped]
    # If backslashes join complete rows, they are as likely to be ordinary characters.
    if len(escaped.rows) != len(unescaped.rows):
        return even
    return [max(escaped, unescaped, key=_evenness)]


def _evenness(sample: _Sample) -> int:
    """How equal the rows are, from 0 to 2.

    2: all rows have the same number of fields. 1: all have one field more than the header. 0:
    neither.
    """
    first, *body = [len(row or ()) for row in sample.rows] or [0]
    usual = body[0] if body else first
    if sample.repairs or {*body} - {usual}:
        return 0
    return {0: 2, 1: 1}.get(usual - first, 0)


def _is_tight(sample: _Sample) -> bool:
    """Whether the first row consists of names, without spaces around the delimiters."""
    first = sample.rows[0] if sample.rows else None
    return are_names(first) and len(first or ()) > 1 and all(n == n.strip() for n in first or ())


def _are_clear_spaces(sample: _Sample, text: str) -> bool:
    """Whether spaces are delimiters, not word boundaries: fields are quoted, or are numbers."""
    rows = [row for row in sample.rows if row is not None]
    widths = {len(row) for row in rows[1:]}
    fields = [field for row in rows[1:] for field in row]
    is_quoted = text.startswith('"')
    return (
        len(widths) == 1
        and len(rows) == len(sample.rows)
        and (is_quoted or 2 * sum(map(is_value, fields)) >= len(fields))
    )


def _are_clear_colons(sample: _Sample, _text: str) -> bool:
    """Whether colons are delimiters, not parts of times, addresses or `key: value`."""
    rows = [row for row in sample.rows if row is not None]
    fields = [field for row in rows for field in row]
    return (
        len({len(row) for row in rows}) == 1
        and len(rows) == len(sample.rows) > 1
        and not any(field.startswith((" ", _URL_REST)) for field in fields)
        and (all(map(_NAME.fullmatch, rows[0])) or not all(map(_HEX.fullmatch, fields)))
    )
