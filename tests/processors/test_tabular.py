import csv
import io
import json
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import tabular
from chalicelib.processors.tabular.text_lines import MAX_LINE
from tests.processors.reading import Reading, reader, reader_of, sparse

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
FIELDS = st.characters(codec="utf-8", exclude_characters="\0\r\n")


def run(data: bytes | str, content_type: str = "text/csv") -> dict[str, Any]:
    data = data.encode() if isinstance(data, str) else data
    return tabular.run(reader(data, content_type))


@pytest.mark.parametrize(
    ("data", "delimiter"),
    [
        pytest.param("a,b\n1,2\n3,4\n", ",", id="commas"),
        pytest.param("a;b\r\n1;2\r\n3;4", ";", id="semicolons, no last line end"),
        pytest.param("a\tb\n1\t2\n3\t4\n", "\t", id="tabs"),
        pytest.param("a|b\n1|2\n3|4\n", "|", id="bars"),
        pytest.param("\ufeffa,b\n1,2\n3,4\n", ",", id="with a mark"),
        pytest.param('a,b\n1,"x\ny"\n3,4\n', ",", id="a line end in quotes"),
        pytest.param('"a","b"\n"1;2;3;4","2"\n3,4\n', ",", id="other delimiters in quotes"),
        pytest.param("a,b\n\n1,2\n\n3,4\n", ",", id="blank lines"),
        pytest.param("a,b\r1,2\r3,4\r", ",", id="old line ends"),
    ],
)
def test_columns_and_rows_of_a_table_are_reported(data: str, delimiter: str) -> None:
    assert run(data) == {
        "format": "csv",
        "encoding": "utf-8",
        "delimiter": delimiter,
        "columns": ["a", "b"],
        "column_count": 2,
        "rows": 2,
        "bad_rows": 0,
        "first_bad_rows": [],
        "complete": True,
    }


def test_rows_of_other_lengths_are_bad_and_their_lines_reported() -> None:
    report = run("a,b\n1,2\n1\n1,2,3\n4,5\n")

    assert (report["rows"], report["bad_rows"], report["first_bad_rows"]) == (2, 2, [3, 4])


def test_only_the_first_bad_rows_are_reported() -> None:
    report = run("a,b\n" + "1\n" * 100)

    assert (report["bad_rows"], len(report["first_bad_rows"])) == (100, tabular.SHOWN_BAD_ROWS)


@pytest.mark.parametrize(("length", "bad"), [(MAX_LINE - 5, 0), (MAX_LINE + 5, 1)])
def test_a_line_without_an_end_is_bad(length: int, bad: int) -> None:
    fields = ",".join(["x" * 1000] * (length // 1001))
    report = run(f"{fields}\n{fields},y\n" if bad == 0 else f"a,b\n{'x' * length}\n1,2\n")

    assert report["bad_rows"] == 1
    assert report["rows"] == bad


@pytest.mark.parametrize(("length", "rows"), [(160_000, 2), (MIB, 2), (MAX_LINE, 1)])
def test_a_field_may_have_a_megabyte(length: int, rows: int) -> None:
    report = run('a,b\n"' + "x," * (length // 2) + '",2\n1,2\n')

    assert (report["rows"], report["bad_rows"]) == (rows, 2 - rows)


def test_a_first_line_without_an_end_is_bad_and_the_next_names_the_columns() -> None:
    report = run("x" * (MAX_LINE + 1) + "\na,b\n1,2\n")

    assert (report["columns"], report["rows"], report["first_bad_rows"]) == (["a", "b"], 1, [1])


def test_undecodable_bytes_do_not_make_it_fail() -> None:
    assert run(b"a,b\n\xff\xfe,2\n")["rows"] == 1


@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n")),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
        max_size=10,
    )
)
def test_a_table_by_python_is_read(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])

    report = run(text.getvalue())

    assert (report["columns"], report["rows"], report["bad_rows"]) == (["a", "b"], len(rows), 0)


@pytest.mark.parametrize("content_type", sorted(tabular.JSON_LINES))
def test_columns_of_json_lines_are_those_of_all_rows(content_type: str) -> None:
    lines = [{"a": 1, "b": 2}, {"b": None, "ü": [1]}]

    assert run("\n".join(map(json.dumps, lines)), content_type) == {
        "format": "jsonl",
        "encoding": "utf-8",
        "columns": ["a", "b", "ü"],
        "column_count": 3,
        "rows": 2,
        "bad_rows": 0,
        "first_bad_rows": [],
        "complete": True,
    }


def test_a_row_that_is_not_an_object_is_bad() -> None:
    lines = ['{"a": 1}', "", "[1]", '{"a":', "[" * 100_000, '{"n": ' + "9" * 5000 + "}", "{}"]
    report = run("\n".join(lines), "application/jsonl")

    assert (report["rows"], report["bad_rows"], report["first_bad_rows"]) == (2, 4, [3, 4, 5, 6])


def test_columns_of_the_same_name_are_counted() -> None:
    report = run("a,a,b\n1,2,3\n")

    assert (report["columns"], report["column_count"]) == (["a", "a", "b"], 3)


def test_long_names_that_differ_at_the_end_are_counted_separately() -> None:
    row = json.dumps({"x" * 60 + str(n): n for n in range(20)})
    report = run(row, "application/jsonl")

    assert (report["column_count"], set(report["columns"])) == (20, {"x" * tabular.MAX_NAME})


def test_a_name_with_invalid_characters_is_reported() -> None:
    report = run('{"a\\ud800": 1}\n', "application/jsonl")

    assert report["columns"] == ["a?"]
    assert json.dumps(report, ensure_ascii=False).encode()


def test_endless_columns_are_counted_to_a_thousand() -> None:
    rows = "\n".join(json.dumps({f"c{n}": n}) for n in range(3000))
    report = run(rows, "application/jsonl")

    assert (report["column_count"], len(report["columns"])) == (1000, tabular.SHOWN_COLUMNS)
    assert report["rows"] == 3000


def test_two_wide_rows_are_counted_to_a_thousand_as_well() -> None:
    rows = [{f"{kind}{n}": n for n in range(999)} for kind in "ab"]

    assert run("\n".join(map(json.dumps, rows)), "application/jsonl")["column_count"] == 1000


def test_a_row_over_too_many_lines_is_bad_and_the_next_is_read() -> None:
    report = run('a,b\n"x' + '\n","y' * 110_000 + '"\n' + "1,2\n" * 3)

    assert report["bad_rows"] >= 1
    assert report["rows"] >= 3


def test_a_row_that_never_ends_takes_little_memory() -> None:
    row = b'a,b\n"' + b"x,\n" * (MIB // 2)
    endless, _ = sparse({0: row}, 6 * MIB, "text/csv")
    tracemalloc.start()
    try:
        tabular.run(endless)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 32 * MIB


def test_the_time_is_checked_between_the_lines_of_one_block() -> None:
    lines = reader(b"a,b\n" + b"1,2\n" * 100_000, "text/csv")
    seconds = iter(range(500, -(10**6), -1))

    report = tabular.run(replace(lines, remaining=lambda: next(seconds)))

    assert report["complete"] is False
    assert 0 < report["rows"] < 100_000


@pytest.mark.parametrize("content_type", ["text/csv", "application/jsonl"])
def test_a_table_that_runs_out_of_time_reports_the_rows_so_far(content_type: str) -> None:
    row = b'{"a": 1}\n' if "json" in content_type else b"1,2\n"
    endless = Reading(lambda _, size: row * (size // len(row)), patience=100)

    report = tabular.run(reader_of(endless, 10**12, content_type))

    assert report["complete"] is False
    assert report["rows"] > 1000


@pytest.mark.parametrize("content_type", ["text/csv", "application/jsonl"])
@pytest.mark.parametrize("beginning", [b"", b'"', b'{"a": "', b'a,b\n"x'])
def test_an_endless_line_takes_little_memory(content_type: str, beginning: bytes) -> None:
    zeros, _ = sparse({0: beginning}, 64 * MIB, content_type)
    tracemalloc.start()
    try:
        tabular.run(zeros)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 48 * MIB


@pytest.mark.parametrize(("content_type", "size"), [("text/csv", 0), ("text/plain", 5)])
def test_it_applies_to_tables_only(content_type: str, size: int) -> None:
    assert not tabular.applies_to(content_type, size)


def test_a_workbook_under_a_table_type_has_no_report() -> None:
    assert run(b"PK\3\4" + bytes(100)) == {}


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16le"),
        ("utf-16-le", "utf-16le"),
        ("utf-16-be", "utf-16be"),
        ("utf-32", "utf-32le"),
        ("utf-32-be", "utf-32be"),
    ],
)
@pytest.mark.parametrize("content_type", ["text/csv", "application/jsonl"])
def test_a_table_in_any_unicode_encoding_is_read(
    codec: str, encoding: str, content_type: str
) -> None:
    text = "Größe;b\r\n1;2\r\n" if content_type == "text/csv" else '{"Größe": 1, "b": 2}\r\n'
    report = run(text.encode(codec), content_type)

    assert (report["encoding"], report["columns"], report["rows"]) == (encoding, ["Größe", "b"], 1)
    assert "encoding_guessed" not in report


def test_a_code_page_is_reported_as_a_guess() -> None:
    report = run("Größe;Straße\n1;2\n".encode("cp1252"))

    assert (report["encoding"], report["encoding_guessed"]) == ("windows-1252", True)
    assert (report["columns"], report["rows"]) == (["Größe", "Straße"], 1)


def test_undecodable_bytes_after_the_sample_are_counted() -> None:
    report = run(b"a,b\n" + b"1,2\n" * 300_000 + "ü,é\n".encode("cp1252"))

    assert (report["encoding"], report["unreadable_characters"]) == ("utf-8", 2)
    assert report["rows"] == 300_001


def test_a_few_invalid_bytes_do_not_make_utf_8_a_code_page() -> None:
    report = run("ä,ö\n".encode() * 50 + b"\xfc,1\n")

    assert (report["columns"], report["unreadable_characters"]) == (["ä", "ö"], 1)


@pytest.mark.parametrize("content_type", ["text/csv", tabular.TSV])
def test_an_unclosed_quote_does_not_swallow_the_following_rows(content_type: str) -> None:
    delimiter = "," if content_type == "text/csv" else "\t"
    rows = ['1,"Swing it', '2,"b"', "3,c", '4,"d'] + [f"{number},x" for number in range(5, 50_000)]
    report = run("\n".join(["id,title", *rows]).replace(",", delimiter), content_type)

    bad = [2, 5] if delimiter == "," else []
    assert (report["rows"], report["first_bad_rows"]) == (len(rows) - len(bad), bad)
    assert any("a quote that is not closed" in note for note in report.get("notes", [])) == bool(
        bad
    )


def test_a_quoted_line_end_in_a_table_with_tabs_is_part_of_its_field() -> None:
    report = run('a\tb\tc\n1\t"x\ny"\t3\n', tabular.TSV)

    assert (report["rows"], report["bad_rows"]) == (1, 0)


def test_rows_with_tabs_between_stray_quotes_are_rows() -> None:
    report = run('a\tb\n1\t"A\n2\tb"\n3\tc\n', tabular.TSV)

    assert (report["rows"], report["bad_rows"], report["ambiguous"]) == (3, 0, True)


def test_a_quote_within_quotes_is_a_character_if_the_fields_fit() -> None:
    report = run('id,size,x\n1,"5" disk",a\n2,b,c\n')

    assert (report["rows"], report["bad_rows"]) == (2, 0)


def test_too_many_rows_after_open_quotes_make_the_report_incomplete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chalicelib.processors.tabular.text_lines._MAX_AGAIN", 0)
    monkeypatch.setattr("chalicelib.processors.tabular.text_lines._AGAIN_SHARE", 0)
    report = run('a,b\n1,"x\n2,y\n')

    assert (report["bad_rows"], report["complete"]) == (1, False)


def test_texts_of_a_json_sequence_may_span_lines() -> None:
    report = run('\x1e{"a": 1}\n\x1e{"a":\n2, "b": 3}\n', "application/jsonl")

    assert (report["columns"], report["rows"], report["bad_rows"]) == (["a", "b"], 2, 0)


def test_a_json_array_gets_a_remark() -> None:
    report = run('[\n{"a": 1},\n{"a": 2}\n]\n', "application/jsonl")

    assert report["notes"] == ["The text is a JSON array, not JSON Lines."]


def test_a_first_row_of_numbers_gets_a_remark() -> None:
    report = run("1;2,5\n3;4,5\n")

    assert (report["columns"], len(report["notes"])) == (["1", "2,5"], 1)
