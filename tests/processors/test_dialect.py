"""Tables in real dialects: each column and row is read, or the report is marked as ambiguous."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import tabular
from tests.processors.reading import reader

TSV = tabular.TSV
# (name, text, columns, rows, and some other fields of the report)
CASES: list[tuple[str, str, list[str], int, dict[str, Any]]] = [
    ("sep", "sep=;\na;b\n1;2\n", ["a", "b"], 1, {"delimiter": ";", "skipped_lines": 1}),
    ("sep in quotes", '"SEP=|"\r\na|b\r\n1|2\r\n', ["a", "b"], 1, {"delimiter": "|"}),
    ("sep filled up", "sep=;;\na;b\n1;2\n", ["a", "b"], 1, {"skipped_lines": 1}),
    ("sep of one column", "sep=;\na, b\n1, 2\n", ["a, b"], 1, {"delimiter": ";"}),
    ("any sep", "sep=^\na^b\n1^2\n", ["a", "b"], 1, {"delimiter": "^"}),
    ("title", "Sales, all\nname,b,c\nx,1,2\ny,3,4\n", ["name", "b", "c"], 2, {"skipped_lines": 1}),
    ("title and blank line", "Sales\n\na;b\n1;2\n3;4\n", ["a", "b"], 2, {"skipped_lines": 2}),
    ("filled up titles", "T,,\n,,\nx,y,z\n1,2,3\n", ["x", "y", "z"], 1, {"skipped_lines": 2}),
    ("comments", "# by x\n# it's, so\nid,n\n1,a\n2,b\n", ["id", "n"], 2, {"skipped_lines": 2}),
    ("comment as header", "##f\n#a\tb\nc\t1\nd\t2\n", ["#a", "b"], 2, {"skipped_lines": 1}),
    ("blank lines first", "\n\na,b\n1,2\n", ["a", "b"], 1, {"skipped_lines": 2}),
    ("decimal commas", "t;T, °C;p, hPa\n1;2,5;3,5\n2;4,5;5,5\n", ["t", "T, °C", "p, hPa"], 2, {}),
    ("only decimals", "a;b\n1,5;2,5\n3,5;4,5\n", ["a", "b"], 2, {"delimiter": ";"}),
    ("one decimal column", "value\n1,5\n2,5\n", ["value"], 2, {"delimiter": None}),
    ("quoted header", '"a, b, c";d\n1;2\n', ["a, b, c", "d"], 1, {"delimiter": ";"}),
    ("line end in header", '"a\n(x)";"b"\n1;2\n', ["a\n(x)", "b"], 1, {"delimiter": ";"}),
    ("lists in a column", "id,tags\n1,a;b\n2,c;d\n", ["id", "tags"], 2, {"delimiter": ","}),
    ("prose", "text\nHi, you\nfoo\na, b, c\n", ["text"], 3, {"delimiter": None}),
    ("words", "Full Name\nAnna Smith\nBo Day\n", ["Full Name"], 2, {"delimiter": ","}),
    ("times", "time\n12:00\n12:01\n", ["time"], 2, {"delimiter": ","}),
    ("colons", "id:name\n1:a\n", ["id", "name"], 1, {"delimiter": ":"}),
    ("spaces", "x y\n1 2\n3 4\n", ["x", "y"], 2, {"delimiter": " "}),
    ("R with row names", '"x" "y"\n"1" 1 "a b"\n"2" 2 "c"\n', ["x", "y"], 2, {"row_names": True}),
    ("tabs in quotes", '"x" "y"\n"1" "" "\t"\n"2" "" "\t"\n', ["x", "y"], 2, {"delimiter": " "}),
    ("bars in quotes", '"x" "y"\n"a|b" "c|d"\n"e|f" "g|h"\n', ["x", "y"], 2, {"delimiter": " "}),
    ("commas in quotes", '"x" "y"\n"a" "1,5"\n"b" "2,5"\n', ["x", "y"], 2, {"delimiter": " "}),
    ("a delimiter as a field", "id|T, °C\n;|,\n", ["id", "T, °C"], 1, {"delimiter": "|"}),
    ("an escaped delimiter as a field", "a,b,c\n,,\\,\n", ["a", "b", "c"], 1, {}),
    ("escapes and spaces", 'a,n\\"q\n, \n,", "\n', ["a", 'n"q'], 2, {"delimiter": ","}),
    ("a backslash in quotes", 'a;b\n;"\\"";1"\n', ["a", "b"], 1, {"delimiter": ";"}),
    ("escapes in the header", "a,T\\, °C\n:,1\\,\n", ["a", "T, °C"], 1, {"delimiter": ","}),
    ("R with commas", '"x","y"\n"1",1,"a"\n"2",2,"b"\n', ["x", "y"], 2, {"row_names": True}),
    ("R with tabs", "x\ty\ng1\t1\t2\ng2\t3\t4\n", ["x", "y"], 2, {"row_names": True}),
    ("R's write.csv", '"","x"\n"1",1\n"2",2\n', ["", "x"], 2, {"delimiter": ","}),
    ("trailing", "a,b,\n1,2,\n3,4,\n", ["a", "b"], 2, {"trailing_delimiter": True}),
    ("trailing rows", "a,b\n1,2,\n3,4,\n", ["a", "b"], 2, {"trailing_delimiter": True}),
    ("trailing header", "a,b,\n1,2\n3,4\n", ["a", "b"], 2, {"trailing_delimiter": True}),
    ("backslashes", 'id,t\n1,"say \\"hi, you\\""\n2,b\n', ["id", "t"], 2, {}),
    ("escaped delimiters", "a\\,b,c\n1,2\n3\\,4,5\n", ["a,b", "c"], 2, {}),
    ("single quotes", "'id','a, b'\n'1','a'\n", ["id", "a, b"], 1, {}),
    ("apostrophes", "id,name\n1,O'Neil\n2,'x'\n", ["id", "name"], 2, {}),
    ("spaces before quotes", 'id, n\n1, "x, y"\n2, "z"\n', ["id", "n"], 2, {}),
    ("header only", "Last, First;Age\n", ["Last, First", "Age"], 0, {"delimiter": ";"}),
    ("zero bytes", "a,b\n1,\0x\n", ["a", "b"], 1, {}),
    ("mixed line ends", "a,b\n1,2\r3,4\r\n5,6", ["a", "b"], 3, {}),
    ("blank lines only", "\r\n\r\n", [], 0, {}),
]


@pytest.mark.parametrize(
    ("text", "columns", "rows", "more"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
def test_the_dialect_of_a_table_is_detected(
    text: str, columns: list[str], rows: int, more: dict[str, Any]
) -> None:
    report = tabular.run(reader(text.encode(), "text/csv"))

    assert (report["columns"], report["rows"], report["bad_rows"]) == (columns, rows, 0)
    assert report | more == report


def test_rows_that_do_not_fit_the_header_are_ambiguous() -> None:
    report = tabular.run(reader(b"a,b\n" + b"1\n" * 5, "text/csv"))

    assert (report["columns"], report["bad_rows"], report["ambiguous"]) == (["a", "b"], 5, True)


def test_two_delimiters_that_fit_are_ambiguous() -> None:
    report = tabular.run(reader(b"a,b;c\nx,y;z\n", "text/csv"))

    assert report["ambiguous"]
    assert report["notes"] == ["Another delimiter or escape character fits the rows as well."]


def test_two_even_readings_of_few_rows_are_ambiguous() -> None:
    assert tabular.run(reader(b"Preis; netto,id\n,1;\n", "text/csv"))["ambiguous"]
    assert tabular.run(reader(b"Preis; netto,id\n1;,1;\n", "text/csv"))["ambiguous"]
    assert tabular.run(reader("id|Temp, °C\n1,|,\n".encode(), "text/csv"))["ambiguous"]


def test_a_backslash_that_may_end_a_row_is_ambiguous() -> None:
    report = tabular.run(reader(b'a,b\r\n,"\\"\r,1"\r\n', "text/csv"))

    assert report["ambiguous"]


def test_a_row_cut_by_the_sample_does_not_count() -> None:
    long = '"' + "x,y;z\n" * 10 + "x" * 300_000 + '"'
    report = tabular.run(reader(f"a;b\n1;{long}\n2;{long}\n".encode(), "text/csv"))

    assert (report["delimiter"], report["rows"], report["bad_rows"]) == (";", 2, 0)


NAMES = st.sampled_from(["id", "Größe", "Temp, °C", "a b", "Preis; netto", 'n"q', "line\nend"])
CELLS = st.one_of(
    st.text(st.sampled_from("ab,;\t|\"'\n\r .:1#\\é€漢"), max_size=6),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
    st.decimals(-1000, 1000, places=2).map(lambda number: str(number).replace(".", ",")),
    st.sampled_from(["NA", "", "true", "2024-01-05", "12:30", "Anna", "Hello, world", "1.5"]),
)


@st.composite
def tables(draw: Callable[[Any], Any]) -> list[list[str]]:
    """A header of distinct names, and some rows of any text."""
    width = draw(st.integers(2, 5))
    header = draw(st.lists(NAMES, min_size=width, max_size=width, unique=True))
    row = st.lists(CELLS, min_size=width, max_size=width)
    return [header, *draw(st.lists(row, min_size=1, max_size=8))]


def assert_is_read(
    rows: list[list[str]], table_text: bytes, content_type: str = "text/csv"
) -> None:
    """The report has each column and row, or is marked as ambiguous."""
    report = tabular.run(reader(table_text, content_type))

    numbers = (report["columns"], report["rows"], report["bad_rows"], report["complete"])
    assert report.get("ambiguous") or numbers == (rows[0], len(rows) - 1, 0, True), table_text


def table_text(rows: list[list[str]], **dialect: Any) -> str:
    text = io.StringIO()
    csv.writer(text, **dialect).writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize(
    "dialect",
    [
        pytest.param({}, id="Excel"),
        pytest.param({"dialect": "unix"}, id="Unix"),
        pytest.param({"delimiter": ";"}, id="semicolons"),
        pytest.param({"delimiter": "|"}, id="bars"),
        pytest.param({"quoting": csv.QUOTE_ALL}, id="all quoted"),
        pytest.param({"quoting": csv.QUOTE_NONNUMERIC}, id="no numbers quoted"),
        pytest.param({"quoting": csv.QUOTE_NONE, "escapechar": "\\"}, id="none quoted"),
        pytest.param({"doublequote": False, "escapechar": "\\"}, id="quotes escaped"),
    ],
)
@given(rows=tables())
def test_a_table_by_python_in_any_dialect_is_read(
    dialect: dict[str, Any], rows: list[list[str]]
) -> None:
    assert_is_read(rows, table_text(rows, **dialect).encode())


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@given(rows=tables())
def test_a_table_with_tabs_by_excel_is_read(codec: str, rows: list[list[str]]) -> None:
    mark = "\ufeff" if codec == "utf-16-be" else ""
    assert_is_read(rows, (mark + table_text(rows, dialect="excel-tab")).encode(codec), TSV)


@given(rows=tables())
def test_a_delimiter_declared_by_a_sep_line_is_used(rows: list[list[str]]) -> None:
    assert_is_read(rows, b"sep=;\r\n" + table_text(rows, delimiter=";").encode())


def r_field(value: str, *, escape: str) -> str:
    """A field as R writes it: text in quotes, numbers and NA without."""
    if value == "NA" or value.replace(".", "").isdecimal():
        return value
    return '"' + value.replace('"', escape + '"') + '"'


@pytest.mark.parametrize("separator", [" ", "\t", ",", ";"])
@given(rows=tables())
def test_a_table_with_row_names_by_r_is_read(separator: str, rows: list[list[str]]) -> None:
    rows = [[field.replace("\\", "/") for field in row] for row in rows]
    header = separator.join(r_field(name, escape="\\") for name in rows[0])
    body = [
        separator.join([f'"{number}"', *(r_field(value, escape="\\") for value in row)])
        for number, row in enumerate(rows[1:], 1)
    ]
    assert_is_read(rows, "\n".join([header, *body, ""]).encode())


@given(rows=tables())
def test_a_table_by_rs_write_csv_is_read(rows: list[list[str]]) -> None:
    rows = [[f"{number}" if number else "", *row] for number, row in enumerate(rows)]
    lines = [",".join(r_field(value, escape='"') for value in row) for row in rows]
    assert_is_read(rows, "\n".join([*lines, ""]).encode())


def test_a_backslash_at_the_end_of_a_quoted_field_does_not_join_rows() -> None:
    rows = [["id", "name"], ["1", "x\n\\"], ["2", "y\n"], ["3", "z"]]

    assert_is_read(rows, table_text(rows, dialect="excel-tab").encode(), TSV)
    assert_is_read(rows, table_text(rows).encode())


def test_declared_tabs_are_used_if_they_fit() -> None:
    rows = [["id", "n", "Preis; netto"], [";", "", ";"]]

    assert_is_read(rows, table_text(rows, dialect="excel-tab").encode(), TSV)
