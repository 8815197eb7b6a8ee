"""How a table is written: its delimiter, its quotes, and which of its lines names the columns.

Pure: decides from the beginning of a text. Every delimiter is tried on the same lines, with quotes
respected, and the one wins whose rows explain each other best.
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
_SAMPLE_ROWS = 1000  # rows that the decision is made from
_REPAIRED = 0.5  # what a reading loses where no row has balanced quotes
# A second reading with this share of the first one's score may be as good; all rows of an even one
# have as many fields, which seldom comes about by chance.
_AMBIGUOUS, _AMBIGUOUS_EVEN = 0.9, 0.65
# The line that tells Excel the delimiter; other programs fill it up with delimiters.
_SEP_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*[\r\n]*', re.IGNORECASE)
# A quoted field of at most so many characters, and a space after it.
_LONGEST_NAME = 10_000
_SPACED = re.compile(r'"(?:[^"\\]|\\.|"")*" ', re.DOTALL)
_COMMENT = re.compile(r"#|//|%")
_NAME = re.compile(r"[^\W\d][\w -]*\w|[^\W\d]")
_HEX = re.compile(r"[0-9A-Fa-f.]*")
_URL_REST = "//"


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read a table.

    `skipped_lines` come before the header. `row_names` and `trailing_delimiter` are those of
    `Shape`. `is_ambiguous`: another dialect explains other rows as well. `is_regular`: most rows
    have as many fields as the header. `header_has_values`: numbers instead of names.
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
    """Rows in one dialect, and how many lines of the table come before each."""

    dialect: Dialect
    rows: list[Row]
    before: list[int]
    repairs: int


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a table is in one dialect, from how many rows, and how well these agree.

    `evenness` is that of `_evenness`.
    """

    score: float
    layout: Layout
    rows: int
    evenness: int

    def rivals(self, best: _Reading) -> bool:
        """Whether other columns or rows than those of `best` are as good."""
        delimiters = self.layout.dialect.delimiter, best.layout.dialect.delimiter
        if delimiters[0] == delimiters[1] and self.rows == best.rows:
            return False
        if self.evenness > best.evenness:
            return True
        enough = _AMBIGUOUS_EVEN if self.evenness else _AMBIGUOUS
        return self.score >= enough * best.score


def decide(text: str, *, is_whole: bool, has_tabs: bool) -> Layout:
    """The layout of the table that begins with `text`; `is_whole` where this is all of it.

    `has_tabs` where the table is declared to have tabs, which is believed where they fit.
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
    """How many lines Excel's `sep=` takes, and the delimiter that it declares."""
    first = io.StringIO(text[:100], newline="").readline()
    readings = _SEP_LINE.fullmatch(first)
    return (1, readings[1]) if readings else (0, None)


class _Beginning:
    """The lines of a table's beginning behind those that are no rows for sure.

    `skipped` counts the lines left out. The last comment may name the columns: `comment` is it.
    """

    def __init__(self, text: str, skipped: int, *, is_whole: bool) -> None:
        self._is_whole = is_whole
        lines = list(io.StringIO(text, newline=""))
        at, self.comment = skipped, ""
        while at < len(lines) and (not lines[at].strip("\r\n") or _COMMENT.match(lines[at])):
            self.comment = lines[at] if lines[at].strip("\r\n") else self.comment
            at += 1
        if at == len(lines):  # there are no rows below the comments
            at, self.comment = skipped, ""
        self.skipped = at
        self.lines = lines[at:]
        self.text = "".join(self.lines)

    def samples(self, delimiter: str) -> Iterator[_Sample]:
        """The rows in each dialect with this delimiter that the characters leave open."""
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
        """The rows between spaces, where the first field ends so: others may all be in quotes."""
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
            rows.pop()  # it may be cut
        return _Sample(dialect, rows, before, read.repairs)

    def readings(self, samples: Iterable[_Sample]) -> list[_Reading]:
        """What the table is in each dialect, the best first."""
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
        """The fields of the last comment, where it names the columns and the first row does not."""
        first = sample.rows[0]
        if not self.comment or first is None:
            return None
        fields: list[str] = next(sample.dialect.reader([self.comment], strict=False), [])
        has_values = any(map(is_value, first))
        return fields if has_values and len(fields) == len(first) and are_names(fields) else None

    def _may_name_rows(self, sample: _Sample) -> bool:
        """Whether rows may have a name before the first column, as R writes them."""
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
    """A rare delimiter that fits without a doubt, one that the header has, or a single column."""
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
    """The readings of backslashes that agree with the rows; the first of equal ones is chosen."""
    even = [sample for sample in (unescaped, escaped) if _evenness(sample)]
    if len(even) == 1:
        return even
    if not even:
        return [escaped, unescaped]
    # Backslashes that only join whole rows are characters, as likely as not.
    if len(escaped.rows) != len(unescaped.rows):
        return even
    return [max(escaped, unescaped, key=_evenness)]


def _evenness(sample: _Sample) -> int:
    """2 where all rows have as many fields; 1 where all have one more than the header; else 0."""
    first, *body = [len(row or ()) for row in sample.rows] or [0]
    usual = body[0] if body else first
    if sample.repairs or {*body} - {usual}:
        return 0
    return {0: 2, 1: 1}.get(usual - first, 0)


def _is_tight(sample: _Sample) -> bool:
    """Whether the first row is names without spaces around the delimiters."""
    first = sample.rows[0] if sample.rows else None
    return are_names(first) and len(first or ()) > 1 and all(n == n.strip() for n in first or ())


def _are_clear_spaces(sample: _Sample, text: str) -> bool:
    """Whether spaces are delimiters, not the ends of words: fields are quoted or numbers."""
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
    """Whether colons are delimiters, not those of times, addresses and `key: value`."""
    rows = [row for row in sample.rows if row is not None]
    fields = [field for row in rows for field in row]
    return (
        len({len(row) for row in rows}) == 1
        and len(rows) == len(sample.rows) > 1
        and not any(field.startswith((" ", _URL_REST)) for field in fields)
        and (all(map(_NAME.fullmatch, rows[0])) or not all(map(_HEX.fullmatch, fields)))
    )
