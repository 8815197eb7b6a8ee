"""Which row of a table is the header, and how well the other rows agree with it.

Pure: it works on rows of text. The score follows CleverCSV
(https://doi.org/10.1007/s10618-019-00646-y): rows with as many fields as the header, and fields
that look like numbers, dates and words.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Row = list[str] | None  # None: an unreadable row

_TYPED_ROWS = 100  # rows whose fields are scored
_MAX_TITLE_ROWS = 20  # rows before the header
_MIN_FIT = 0.5  # minimum share of rows with as many fields as the header
_HIGH_FIT = 0.8  # the same, for a header below the first row or of another width
# A header in the first row is more likely than one below titles, or with fewer fields.
_TITLE_WEIGHT, _UNNAMED_WEIGHT = 0.7, 0.9

_NUMBER = re.compile(
    r"[-+(]?[$€£¥]? ?(\d{1,3}([.,'\u2019 \u00a0\u202f]\d{3})+|\d+)?([.,]\d+)?([eE][-+]?\d+)?"
    r" ?[%$€£¥)]?"
)
_DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[-+]\d{2}:?\d{2})?)?"
    r"|\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?"
)
# A delimiter inside a field: then it would be the real delimiter.
_OTHER_DELIMITER = re.compile(r"[\t;|]|,(?! )")
_VALUE, _WORD, _SENTENCE, _JOINED = 1.0, 0.9, 0.7, 0.2


@dataclass(frozen=True, slots=True)
class Shape:
    """A header and the form of the rows below it; `header` is its index.

    With `row_names`, rows have one field more than the header, and the first is the row's name.
    With `trailing_delimiter`, the last field of each row has no name and is empty.
    """

    header: int
    width: int
    row_names: bool = False
    trailing_delimiter: bool = False
    weight: float = 1.0


def best_shape(rows: Sequence[Row], *, may_name_rows: bool) -> tuple[float, Shape] | None:
    """The shape that fits the rows best, and its score from 0 to 1; None if none fits."""
    scored = [(_score(rows, shape), shape) for shape in _shapes(rows, may_name_rows=may_name_rows)]
    best = max(scored, key=lambda pair: pair[0], default=None)
    return best if best and best[0] > 0 else None


def are_names(row: Row) -> bool:
    """Whether a row may be a header: distinct names, none of them empty or a number."""
    return row is not None and len(set(row)) == len(row) and all(map(_is_name, row))


def is_header_of(row: Row, body: Sequence[Row]) -> bool:
    """Whether a row has words where the rows below have numbers."""
    if not are_names(row) or row is None:
        return False
    return any(any(map(_is_value, below or ())) for below in body[:_TYPED_ROWS])


def is_value(field: str) -> bool:
    """Whether a field is a number, a date or a time."""
    return _is_value(field)


def _shapes(rows: Sequence[Row], *, may_name_rows: bool) -> Iterator[Shape]:
    first, body = rows[0], rows[1:]
    if first is not None:
        width = len(first)
        usual = _usual_width(body)
        is_title = width > 2 and sum(map(bool, first)) == 1
        if not is_title:
            yield Shape(0, width, trailing_delimiter=bool(body) and _end_empty(rows))
        if width > 1 and not first[-1] and usual == width - 1:
            yield Shape(0, width - 1, trailing_delimiter=True)
        if usual == width + 1 > 2 and _end_empty(body):
            yield Shape(0, width, trailing_delimiter=True)
        elif usual == width + 1 and may_name_rows and not is_header_of(body[0], body[1:]):
            yield Shape(0, width, row_names=True, weight=_UNNAMED_WEIGHT)
    title = _row_below_titles(rows)
    if title:
        yield Shape(title, len(rows[title] or ()), weight=_TITLE_WEIGHT)


def _row_below_titles(rows: Sequence[Row]) -> int:
    """The first row that has a name for each field of most rows; 0 if there is none."""
    width = _usual_width(rows)
    for at, row in enumerate(rows[: _MAX_TITLE_ROWS + 1]):
        if row is None or len(row) > width:
            return 0
        if len(row) == width and sum(map(bool, row)) * 2 > width:
            return at if are_names(row) else 0
    return 0


def _score(rows: Sequence[Row], shape: Shape) -> float:
    body = rows[shape.header + 1 :]
    width = shape.width + shape.row_names
    good = [
        row
        for row in body
        if row is not None and fits(row, width, has_trailing=shape.trailing_delimiter)
    ]
    fit = len(good) / len(body) if body else 1.0
    least = _MIN_FIT if shape.weight == 1 and not shape.trailing_delimiter else _HIGH_FIT
    if fit < least:
        return 0
    header = rows[shape.header] or []
    fields = [field for row in [header, *good[:_TYPED_ROWS]] for field in row]
    return fit * fit * shape.weight * sum(map(_likeness, fields)) / len(fields)


def fits(row: list[str], width: int, *, has_trailing: bool) -> bool:
    """Whether a row has a field for each column."""
    return len(row) == width or (has_trailing and len(row) == width + 1 and not row[-1])


def _usual_width(rows: Sequence[Row]) -> int:
    """The most frequent number of fields."""
    widths = Counter(len(row) for row in rows if row is not None)
    return widths.most_common(1)[0][0] if widths else 0


def _end_empty(rows: Sequence[Row]) -> bool:
    return all(row is None or (len(row) > 1 and not row[-1]) for row in rows)


def _likeness(field: str) -> float:
    """How much a text looks like a single field, from 0 to 1."""
    if not field or _is_value(field):
        return _VALUE
    if field.endswith("\\"):
        return _JOINED
    if len(field) == 1:  # a delimiter alone joins nothing
        return _WORD
    if _OTHER_DELIMITER.search(field):
        return _JOINED
    return _SENTENCE if "," in field else _WORD


def _is_value(field: str) -> bool:
    field = field.strip()[:40]
    return any(map(str.isdigit, field)) and bool(_NUMBER.fullmatch(field) or _DATE.fullmatch(field))


def _is_name(field: str) -> bool:
    return bool(field.strip()) and not _is_value(field)
