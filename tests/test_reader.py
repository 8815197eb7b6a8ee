import io
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import reader
from chalicelib.reader import BLOCK_SIZE, MAX_READ, PAGE_SIZE, READ_AHEAD, ObjectReader, OutOfTime

DATA = bytes(range(256)) * 4096 * 2  # 2 MiB


class Server:
    """S3 as a reader uses it; records the requested ranges."""

    def __init__(self, data: bytes = DATA) -> None:
        self.data = data
        self.asked: list[tuple[int, int]] = []
        self.seconds = 60.0

    def read_range(self, offset: int, size: int) -> bytes:
        self.asked.append((offset, size))
        return self.data[offset : offset + size]

    def reader(self) -> ObjectReader:
        return ObjectReader(
            filename="a.bin",
            content_type="application/octet-stream",
            size=len(self.data),
            read_range=self.read_range,
            remaining=lambda: self.seconds,
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(reader, "BLOCK_SIZE", 1000)
    return Server()


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5000])
def test_blocks_are_all_bytes_in_order(server: Server, size: int) -> None:
    server.data = DATA[:size]

    blocks = list(server.reader().blocks())

    assert b"".join(blocks) == DATA[:size]
    assert all(len(block) == 1000 for block in blocks[:-1])


def test_only_a_few_blocks_are_requested_ahead(server: Server) -> None:
    blocks = server.reader().blocks()

    next(blocks)

    assert len(server.asked) <= READ_AHEAD + 1


def test_a_reader_that_stops_requests_no_more_blocks(server: Server) -> None:
    running = threading.enumerate()
    blocks = server.reader().blocks()
    next(blocks)

    blocks.close()  # type: ignore[attr-defined]

    for thread in threading.enumerate():
        if thread not in running:
            thread.join(timeout=60)  # its requests are over: no request can come later
    assert len(server.asked) <= READ_AHEAD + 1


def test_blocks_end_with_the_time(server: Server) -> None:
    blocks = server.reader().blocks()
    next(blocks)
    server.seconds = 0

    with pytest.raises(OutOfTime):
        next(blocks)


def test_a_server_that_does_not_answer_is_out_of_time(server: Server) -> None:
    answer = threading.Event()

    def silent(_: int, size: int) -> bytes:
        answer.wait(10)
        return bytes(size)

    server.seconds = 0.01
    blocks = replace(server.reader(), read_range=silent).blocks()
    try:
        with pytest.raises(OutOfTime):
            next(blocks)
    finally:
        answer.set()


def test_a_failed_read_is_an_error(server: Server) -> None:
    def broken(offset: int, size: int) -> bytes:
        raise OSError(f"no {offset}, {size}")

    with pytest.raises(OSError, match="no 0, 1000"):
        next(replace(server.reader(), read_range=broken).blocks())


def test_a_stream_reads_lines(server: Server) -> None:
    server.data = b"".join(b"line %d\n" % n for n in range(2000))

    assert list(server.reader().stream()) == server.data.splitlines(keepends=True)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([io.SEEK_SET, io.SEEK_CUR, io.SEEK_END]),
            st.integers(-3000, 3000),
            st.integers(0, 3000),
        ),
        max_size=10,
    )
)
def test_a_seekable_file_reads_as_a_file_in_memory(
    moves: list[tuple[int, int, int]],
) -> None:
    data = DATA[:5000]
    actual, expected = Server(data).reader().seekable(), io.BytesIO(data)

    for whence, offset, size in moves:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: expected.tell(), io.SEEK_END: len(data)}[whence]
        if start + offset < 0:
            continue
        assert actual.seek(offset, whence) == expected.seek(offset, whence)
        assert actual.read(size) == expected.read(size)


def test_there_is_nothing_before_the_first_byte(server: Server) -> None:
    with pytest.raises(ValueError, match="no byte -1"):
        server.reader().seekable().seek(-1)


def test_a_seekable_file_requests_the_range_it_reads(server: Server) -> None:
    file = server.reader().seekable()

    file.seek(-100, io.SEEK_END)
    file.read(50)
    file.read(50)

    assert server.asked == [(len(DATA) - 100, 100)]


def test_small_reads_in_a_row_are_one_request(server: Server) -> None:
    file = server.reader().seekable()

    for _ in range(100):
        file.read(10)

    assert server.asked == [(0, PAGE_SIZE)]


@pytest.mark.parametrize("size", [-1, None, MAX_READ + 1])
def test_a_read_above_the_limit_is_refused(server: Server, size: int | None) -> None:
    with pytest.raises(reader.ReadTooLarge):
        server.reader().seekable().read(size)

    assert server.asked == []


def test_a_read_at_the_limit_succeeds() -> None:
    server = Server(bytes(MAX_READ + 1))

    assert len(server.reader().seekable().read(MAX_READ)) == MAX_READ


def test_a_seekable_file_ends_with_the_time(server: Server) -> None:
    server.seconds = 0

    with pytest.raises(OutOfTime):
        server.reader().seekable().read(1)


def test_a_large_object_takes_a_few_blocks_of_memory() -> None:
    assert BLOCK_SIZE * (READ_AHEAD + 2) <= 32 * 1024 * 1024
