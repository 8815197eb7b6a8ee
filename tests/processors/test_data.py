import io
import json
import struct
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import MAX_RESULT_SIZE, data, document
from tests.processors.reading import Reading, reader, reader_of, sparse
from tests.processors.real_files import NAMES, real

MIB = 1024 * 1024
UNKNOWN = "application/octet-stream"
PARQUET = "application/vnd.apache.parquet"
DAMAGED = {"error": "It is damaged, or its end is missing"}


def read(content: bytes, content_type: str = UNKNOWN, filename: str = "a") -> dict[str, Any]:
    assert data.applies_to(content_type, len(content))
    return data.run(reader(content, content_type, filename=filename))


@pytest.mark.parametrize("content_type", [PARQUET, UNKNOWN])
def test_columns_types_and_rows_of_parquet_are_reported(content_type: str) -> None:
    assert read(real("pyarrow.parquet"), content_type) == {
        "format": "parquet",
        "columns": ["id", "name", "at", "price", "small", "tags.list.element", "place.lat",
                    "place.more.z"],
        "column_types": ["int64", "string", "timestamp[us]", "decimal(3,2)", "uint8", "string",
                         "double", "string"],
        "column_count": 8,
        "rows": 3,
        "row_groups": 2,
        "created_by": "parquet-cpp-arrow version 26.0.1",
    }  # fmt: skip


def test_only_the_footer_of_a_large_parquet_is_read() -> None:
    content = real("pyarrow.parquet")
    size = 10**12
    source, reading = sparse({0: b"PAR1", size - len(content): content}, size, PARQUET)

    assert data.run(source)["rows"] == 3
    assert sum(size for _, size in reading.requests) <= MIB


def test_parquet_with_an_encrypted_footer_is_reported_as_encrypted() -> None:
    content = b"PARE" + bytes(100) + struct.pack("<I", 50) + b"PARE"

    assert read(content) == {"format": "parquet", "encrypted": True}


@pytest.mark.parametrize(
    ("name", "content_type", "expected"),
    [
        ("pyarrow.feather", "application/vnd.apache.arrow.file", {
            "format": "arrow", "columns": ["id", "name", "place.lat", "place.more.z", "at"],
            "column_types": ["int64", "string", "double", "string", "timestamp[us]"],
            "column_count": 5, "record_batches": 2, "rows": 3,
        }),
        ("feather-1.feather", UNKNOWN, {
            "format": "feather", "columns": ["id", "name"], "column_types": ["int64", "string"],
            "column_count": 2, "rows": 3,
        }),
        ("pyarrow.arrows", "application/vnd.apache.arrow.stream", {
            "format": "arrow-stream",
            "columns": ["id", "name", "at", "price", "small", "tags", "place.lat", "place.more.z"],
            "column_types": ["int64", "string", "timestamp[us]", "decimal(3,2)", "uint8",
                             "list<string>", "double", "string"],
            "column_count": 8,
        }),
        ("pyarrow.orc", "application/vnd.apache.orc", {
            "format": "orc", "compression": "zlib", "stripes": 1,
            "columns": ["id", "name", "s.x", "s.y.z", "l", "d"],
            "column_types": ["bigint", "string", "bigint", "string", "array", "date"],
            "column_count": 6, "rows": 3,
        }),
        ("pyarrow-zstd.orc", UNKNOWN, {"format": "orc", "compression": "zstd"}),
        ("fastavro.avro", "application/avro", {
            "format": "avro", "columns": ["id", "n", "in.a", "in.when"],
            "column_types": ["long", "string", "int", "timestamp-millis"], "column_count": 4,
            "codec": "deflate", "rows": 300,
        }),
        ("numpy.npy", "application/x-npy", {"format": "npy", "dtype": "<f4", "shape": [3, 4]}),
        ("structured.npy", UNKNOWN, {
            "format": "npy", "dtype": "structured", "shape": [5], "columns": ["a", "b", "v"],
            "column_types": ["<i4", "<U3", "<f8"], "column_count": 3, "rows": 5,
        }),
    ],
)  # fmt: skip
def test_columns_and_rows_of_each_format_are_reported(
    name: str, content_type: str, expected: dict[str, Any]
) -> None:
    assert read(real(name), content_type) == expected


@pytest.mark.parametrize("content_type", ["application/x-npz", "application/zip", UNKNOWN])
def test_the_arrays_of_an_npz_are_reported(content_type: str) -> None:
    assert read(real("numpy.npz"), content_type, "a.NPZ") == {
        "format": "npz", "array_count": 2,
        "arrays": [{"name": "x", "dtype": "<i8", "shape": [3]},
                   {"name": "y", "dtype": "<f8", "shape": [2, 2]}],
    }  # fmt: skip


def test_a_zip_of_another_name_is_not_read() -> None:
    source, reading = sparse({0: b"PK\3\4"}, 1000, "application/zip")

    assert data.run(source) == {}
    assert reading.requests == []


@pytest.mark.parametrize("content_type", [PARQUET, "application/vnd.sqlite3", UNKNOWN])
def test_other_bytes_have_no_report(content_type: str) -> None:
    assert read(b"something else entirely", content_type) == {}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"PAR1", id="parquet's mark"),
        pytest.param(real("pyarrow.parquet")[:-1], id="parquet cut"),
        pytest.param(b"PAR1" + struct.pack("<I", 0xFFFFFFFF) + b"PAR1", id="parquet's footer"),
        pytest.param(b"PAR1" + b"\x1c" * 200 + struct.pack("<I", 200) + b"PAR1",
                     id="structs in each other"),
        pytest.param(real("pyarrow.feather")[:-3], id="arrow cut"),
        pytest.param(b"ARROW1\0\0" + struct.pack("<iii", 0x7FFFFFFF, 0, 8) + b"ARROW1",
                     id="arrow's footer"),
        pytest.param(b"FEA1" + struct.pack("<I", 4) + b"FEA1", id="feather"),
        pytest.param(b"Obj\1" + b"\xff" * 100, id="avro"),
        pytest.param(b"Obj\1\2\x16avro.schema\x04{}", id="avro cut"),
        pytest.param(real("pyarrow.orc")[:-1], id="orc cut"),
        pytest.param(b"ORC\x08\xff\xff\xff\x7f\x10\x01ORC\x0a", id="orc's footer"),
        pytest.param(b"\x93NUMPY\1\0v\0{'descr': '<f4', 'shape': (3,", id="npy cut"),
    ],
)  # fmt: skip
def test_damaged_data_is_an_error_if_the_type_says_that_it_is_data(content: bytes) -> None:
    assert read(content, PARQUET) == DAMAGED
    assert read(content) == {}


def test_a_footer_that_is_too_large_is_an_error() -> None:
    many = b"PAR1\x15\x02\x19\xfc\xff\xff\xff\x7f" + struct.pack("<I", 8) + b"PAR1"
    footer = 3 * MIB
    arrow = b"ARROW1\0\0" + bytes(footer) + struct.pack("<I", footer) + b"ARROW1"

    values = b"\x59\xfc\xff\xff\x3f" + bytes(400_000)
    skipped = b"PAR1" + values + struct.pack("<I", len(values)) + b"PAR1"

    for content in (many, arrow, skipped):
        assert read(content) == {"error": "Its directory is too large to be read"}


def test_a_shape_of_a_thousand_digits_is_refused() -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"9" * 4000 + b",), }"
    content = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header

    assert read(content, "application/x-npy") == DAMAGED


def test_a_schema_that_contains_itself_is_refused() -> None:
    schema = b'{"type":' * 100_000
    header = b"\2\x16avro.schema" + _avro_number(len(schema)) + schema + b"\0"

    assert read(b"Obj\1" + header + bytes(16), "application/avro") == DAMAGED


def _avro_number(value: int) -> bytes:
    value <<= 1
    packed = b""
    while value > 0x7F:
        packed += bytes([value & 0x7F | 0x80])
        value >>= 7
    return packed + bytes([value])


def test_the_rows_of_an_avro_file_of_many_blocks_are_left_out() -> None:
    schema = b'{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}'
    header = b"Obj\1\2\x16avro.schema" + _avro_number(len(schema)) + schema + b"\0" + bytes(16)
    block = _avro_number(2) + _avro_number(2) + b"\2\4" + bytes(16)

    assert read(header + block * 300)["rows"] == 600
    assert "rows" not in read(header + block * 301)


def test_the_report_of_an_npz_with_many_arrays_is_cut() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive_file:
        for number in range(200):
            archive_file.writestr(f"{'x' * 100}{number}.npy", real("numpy.npy"))

    report = read(packed.getvalue(), "application/zip", "a.npz")

    assert report["array_count"] == 200
    assert 0 < len(report["arrays"]) <= 50
    assert len(json.dumps(report)) <= MAX_RESULT_SIZE


@pytest.mark.parametrize("content_type", ["text/csv", "application/pdf", "image/png"])
def test_it_does_not_apply_to_other_types(content_type: str) -> None:
    assert not data.applies_to(content_type, 1)


CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1), st.sampled_from(["set", "cut", "drop", "repeat"]), st.binary(max_size=6)
    ),
    min_size=1,
    max_size=6,
)  # fmt: skip


def changed(content: bytes, changes: list[tuple[float, str, bytes]]) -> bytes:
    for where, how, new in changes:
        at = int(where * len(content))
        if how == "set":
            content = content[:at] + new + content[at + len(new) :]
        elif how == "cut":
            content = content[:at] if at > len(content) // 2 else content
        elif how == "drop":
            content = content[:at] + content[at + len(new) :]
        else:
            content = content[:at] + content[at : at + 100] + content[at:]
    return content or b"x"


@given(st.sampled_from(NAMES), CHANGES)
def test_damaged_files_end_in_a_report(name: str, changes: list[tuple[float, str, bytes]]) -> None:
    content = changed(real(name), changes)
    arrow = name.endswith(".arrows")
    content_type = "application/vnd.apache.arrow.stream" if arrow else UNKNOWN

    for processor in (document, data):
        reading = Reading(lambda offset, size: content[offset : offset + size])
        report = processor.run(reader_of(reading, len(content), content_type, name))

        assert len(json.dumps(report, allow_nan=False)) <= MAX_RESULT_SIZE
        assert sum(size for _, size in reading.requests) <= 32 * MIB
