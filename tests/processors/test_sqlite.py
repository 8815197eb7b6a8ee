import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import MAX_RESULT_SIZE, data
from chalicelib.processors.data.sqlite_schema import columns_of
from tests.processors.reading import Reading, reader, reader_of

SQLITE = "application/vnd.sqlite3"


def database(folder: Path, script: str, *pragmas: str) -> bytes:
    path = folder / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(script)
        connection.commit()
    return path.read_bytes()


def read(content: bytes) -> dict[str, Any]:
    assert data.applies_to(SQLITE, len(content))
    return data.run(reader(content, SQLITE))


def test_tables_columns_and_rows_of_a_database_are_reported(tmp_path: Path) -> None:
    content = database(
        tmp_path,
        "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);"
        "INSERT INTO people(name) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT 'Somebody ' || i FROM n LIMIT 5000;"
        "CREATE INDEX by_name ON people(name); CREATE VIEW v AS SELECT 1;"
        "CREATE TABLE empty (a, b); ALTER TABLE empty ADD COLUMN c;",
    )

    assert read(content) == {
        "format": "sqlite", "page_size": 4096, "encoding": "UTF-8", "table_count": 2,
        "tables": [
            {"name": "people", "columns": ["id", "name"], "column_count": 2, "rows": 5000},
            {"name": "empty", "columns": ["a", "b", "c"], "column_count": 3, "rows": 0},
        ],
        "view_count": 1, "complete": True,
    }  # fmt: skip


def test_rows_in_the_tree_of_a_primary_key_are_counted(tmp_path: Path) -> None:
    content = database(
        tmp_path,
        "CREATE TABLE kv (k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
        "INSERT INTO kv WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT 'key ' || i, i FROM n LIMIT 4000;",
    )

    assert read(content)["tables"][0]["rows"] == 4000


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
@pytest.mark.parametrize("page_size", [512, 1024, 65536])
def test_every_encoding_and_page_size_is_read(
    tmp_path: Path, encoding: str, page_size: int
) -> None:
    content = database(
        tmp_path,
        'CREATE TABLE "Größe" (ä, 写真); INSERT INTO "Größe" VALUES (1, 2);'
        'INSERT INTO "Größe" SELECT * FROM "Größe";',
        f'encoding="{encoding}"',
        f"page_size={page_size}",
    )

    report = read(content)

    assert (report["encoding"], report["page_size"]) == (encoding.upper(), page_size)
    assert report["tables"] == [
        {"name": "Größe", "columns": ["ä", "写真"], "column_count": 2, "rows": 2}
    ]


def test_a_definition_of_many_pages_is_read(tmp_path: Path) -> None:
    columns = ", ".join(f"a_rather_long_name_of_a_column_{number} TEXT" for number in range(900))
    report = read(database(tmp_path, f"PRAGMA page_size=1024; CREATE TABLE t ({columns})"))

    assert report["tables"][0]["column_count"] == 900
    assert len(report["tables"][0]["columns"]) == 50


def test_a_database_with_a_write_ahead_log_is_reported(tmp_path: Path) -> None:
    content = database(tmp_path, "PRAGMA journal_mode=wal; CREATE TABLE t (a)")

    assert read(content)["journal_mode"] == "wal"


def test_many_tables_are_counted_and_the_first_are_reported(tmp_path: Path) -> None:
    script = "".join(f"CREATE TABLE {'t' * 60}{number} (a, b);" for number in range(300))

    report = read(database(tmp_path, f"BEGIN; {script} COMMIT;"))

    assert (report["table_count"], report["complete"]) == (300, False)
    assert 0 < len(report["tables"]) <= 40
    assert len(json.dumps(report)) <= MAX_RESULT_SIZE


def test_the_rows_of_a_large_table_are_left_out(tmp_path: Path) -> None:
    content = database(
        tmp_path,
        "CREATE TABLE large (a); CREATE TABLE small (a);"
        "INSERT INTO large WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT zeroblob(1000) FROM n LIMIT 12000;",
    )

    report = read(content)

    assert report["tables"][0] == {"name": "large", "columns": ["a"], "column_count": 1}
    assert report["complete"] is False


def test_a_virtual_table_has_no_rows_of_its_own(tmp_path: Path) -> None:
    report = read(database(tmp_path, "CREATE VIRTUAL TABLE words USING fts5(a, b)"))

    assert report["tables"][0] == {"name": "words", "columns": [], "column_count": 0}


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ('CREATE TABLE t ("a b" INT, [c d], `e``f` TEXT, \'g\' DEFAULT \'x,y)\', h)',
         ["a b", "c d", "e`f", "g", "h"]),
        ("CREATE TABLE t (a -- one, two\n, b /* c, d */ DECIMAL(10, 2), CHECK (a))", ["a", "b"]),
        ("CREATE TABLE t (a CHECK (a IN (1, 2)), PRIMARY KEY (a, b), b)", ["a"]),
        ("CREATE TABLE x(a,b)", ["a", "b"]),
        ("CREATE TABLE t (constraint_name, \"primary\", unique_id)",
         ["constraint_name", "primary", "unique_id"]),
        ("CREATE TABLE t (" + "(" * 5000, []),
        ("", []),
    ],
)  # fmt: skip
def test_columns_are_those_of_the_statement(sql: str, columns: list[str]) -> None:
    assert columns_of(sql) == columns


@given(st.lists(st.text("\"'`[](),-/* \nab1é写", min_size=1), min_size=1, max_size=6))
def test_every_column_name_is_read_back(names: list[str]) -> None:
    quoted = ", ".join('"' + name.replace('"', '""') + '" TEXT' for name in names)

    assert columns_of(f"CREATE TABLE t ({quoted}, UNIQUE (x))") == names


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"SQLite format 3\0", id="a mark"),
        pytest.param(b"SQLite format 3\0" + b"\x10\0" + bytes(82), id="a header"),
        pytest.param(b"SQLite format 3\0" + bytes(5000), id="no page size"),
    ],
)
def test_a_damaged_database_is_an_error(content: bytes) -> None:
    assert read(content)["error"] == "It is damaged, or its end is missing"


@given(st.lists(st.tuples(st.integers(0, 8100), st.binary(min_size=1, max_size=4)), max_size=8))
def test_a_hostile_database_ends_in_a_report(changes: list[tuple[int, bytes]]) -> None:
    content = bytearray(SMALL)
    for at, new in changes:
        content[at + 16 : at + 16 + len(new)] = new
    reading = Reading(lambda offset, size: bytes(content[offset : offset + size]))

    report = data.run(reader_of(reading, len(content), SQLITE))

    assert len(json.dumps(report)) <= MAX_RESULT_SIZE


def _small() -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2);")
        connection.execute("CREATE TABLE u (c)")
        connection.commit()
        return connection.serialize()


SMALL = _small()
