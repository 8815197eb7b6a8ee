import csv
import io
import json
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import table
from chalicelib.processors.table import MAX_LINE
from tests.processors.reading import Reading, of, reader, sparse

MIB = 1024 * 1024
FIELDS = st.characters(codec="utf-8", exclude_characters="\0\r\n")


def run(data: bytes | str, content_type: str = "text/csv") -> dict[str, Any]:
    data = data.encode() if isinstance(data, str) else data
    return table.run(reader(data, content_type))


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
def test_a_table_tells_its_columns_and_rows(data: str, delimiter: str) -> None:
    assert run(data) == {
        "format": "csv",
        "delimiter": delimiter,
        "columns": ["a", "b"],
        "column_count": 2,
        "rows": 2,
        "bad_rows": 0,
        "first_bad_rows": [],
        "complete": True,
    }


def test_rows_of_other_lengths_are_bad_and_their_lines_told() -> None:
    found = run("a,b\n1,2\n1\n1,2,3\n4,5\n")

    assert (found["rows"], found["bad_rows"], found["first_bad_rows"]) == (2, 2, [3, 4])


def test_only_the_first_bad_rows_are_told() -> None:
    found = run("a,b\n" + "1\n" * 100)

    assert (found["bad_rows"], len(found["first_bad_rows"])) == (100, table.SHOWN_BAD_ROWS)


@pytest.mark.parametrize(("length", "bad"), [(MAX_LINE - 5, 0), (MAX_LINE + 5, 1)])
def test_a_line_without_an_end_is_bad(length: int, bad: int) -> None:
    fields = ",".join(["x" * 1000] * (length // 1001))
    found = run(f"{fields}\n{fields},y\n" if bad == 0 else f"a,b\n{'x' * length}\n1,2\n")

    assert found["bad_rows"] == 1
    assert found["rows"] == bad


def test_a_field_that_is_too_long_is_a_bad_row_and_the_next_is_read() -> None:
    found = run('a,b\n"' + "x" * 200_000 + '",2\n1,2\n')

    assert (found["rows"], found["bad_rows"], found["first_bad_rows"]) == (1, 1, [2])


def test_a_first_line_without_an_end_is_bad_and_the_next_names_the_columns() -> None:
    found = run("x" * (MAX_LINE + 1) + "\na,b\n1,2\n")

    assert (found["columns"], found["rows"], found["first_bad_rows"]) == (["a", "b"], 1, [1])


def test_bytes_of_no_encoding_are_no_reason_to_fail() -> None:
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
def test_what_python_writes_is_read(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])

    found = run(text.getvalue())

    assert (found["columns"], found["rows"], found["bad_rows"]) == (["a", "b"], len(rows), 0)


@pytest.mark.parametrize("content_type", sorted(table.JSON_LINES))
def test_json_lines_tell_the_columns_of_all_rows(content_type: str) -> None:
    lines = [{"a": 1, "b": 2}, {"b": None, "ü": [1]}]

    assert run("\n".join(map(json.dumps, lines)), content_type) == {
        "format": "jsonl",
        "columns": ["a", "b", "ü"],
        "column_count": 3,
        "rows": 2,
        "bad_rows": 0,
        "first_bad_rows": [],
        "complete": True,
    }


def test_what_is_no_object_is_a_bad_row() -> None:
    lines = ['{"a": 1}', "", "[1]", '{"a":', "[" * 100_000, '{"n": ' + "9" * 5000 + "}", "{}"]
    found = run("\n".join(lines), "application/jsonl")

    assert (found["rows"], found["bad_rows"], found["first_bad_rows"]) == (2, 4, [3, 4, 5, 6])


def test_columns_of_one_name_are_columns() -> None:
    found = run("a,a,b\n1,2,3\n")

    assert (found["columns"], found["column_count"]) == (["a", "a", "b"], 3)


def test_names_that_only_end_differently_are_counted_apart() -> None:
    row = json.dumps({"x" * 60 + str(n): n for n in range(20)})
    found = run(row, "application/jsonl")

    assert (found["column_count"], set(found["columns"])) == (20, {"x" * table.MAX_NAME})


def test_a_name_that_is_no_text_is_shown_in_part() -> None:
    found = run('{"a\\ud800": 1}\n', "application/jsonl")

    assert found["columns"] == ["a?"]
    assert json.dumps(found, ensure_ascii=False).encode()


def test_columns_without_end_are_counted_to_a_thousand() -> None:
    rows = "\n".join(json.dumps({f"c{n}": n}) for n in range(3000))
    found = run(rows, "application/jsonl")

    assert (found["column_count"], len(found["columns"])) == (1000, table.SHOWN_COLUMNS)
    assert found["rows"] == 3000


def test_two_wide_rows_are_counted_to_a_thousand_as_well() -> None:
    rows = [{f"{kind}{n}": n for n in range(999)} for kind in "ab"]

    assert run("\n".join(map(json.dumps, rows)), "application/jsonl")["column_count"] == 1000


def test_a_row_that_goes_on_over_the_lines_is_bad_and_the_next_is_read() -> None:
    found = run('a,b\n"x' + '\n","y' * 200_000 + '"\n' + "1,2\n" * 3)

    assert found["bad_rows"] >= 1
    assert found["rows"] >= 3


def test_a_row_that_never_ends_takes_little_memory() -> None:
    endless, _ = sparse({0: b'"a' + b'\n","b' * MIB}, 6 * MIB, "text/csv")
    tracemalloc.start()
    try:
        table.run(endless)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 32 * MIB


def test_the_clock_is_looked_at_between_the_lines_of_one_block() -> None:
    lines = reader(b"a,b\n" + b"1,2\n" * 1000, "text/csv")
    left = iter(range(500, -(10**6), -1))

    found = table.run(replace(lines, remaining=lambda: next(left)))

    assert found["complete"] is False
    assert 0 < found["rows"] < 1000


@pytest.mark.parametrize("content_type", ["text/csv", "application/jsonl"])
def test_a_table_that_is_not_done_in_time_says_how_far_it_came(content_type: str) -> None:
    row = b'{"a": 1}\n' if "json" in content_type else b"1,2\n"
    endless = Reading(lambda _, size: row * (size // len(row)), patience=3)

    found = table.run(of(endless, 10**12, content_type))

    assert found["complete"] is False
    assert found["rows"] > 1000


@pytest.mark.parametrize("content_type", ["text/csv", "application/jsonl"])
@pytest.mark.parametrize("beginning", [b"", b'"', b'{"a": "', b'a,b\n"x'])
def test_what_never_ends_takes_little_memory(content_type: str, beginning: bytes) -> None:
    zeros, _ = sparse({0: beginning}, 64 * MIB, content_type)
    tracemalloc.start()
    try:
        table.run(zeros)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 48 * MIB


@pytest.mark.parametrize(("content_type", "size"), [("text/csv", 0), ("text/plain", 5)])
def test_it_applies_to_tables_only(content_type: str, size: int) -> None:
    assert not table.applies_to(content_type, size)
