import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.processors import MAX_RESULT_SIZE, PROCESSORS, Processor, Processors
from chalicelib.reader import ObjectReader, OutOfTime

Run = Callable[[ObjectReader], dict[str, Any]]


class One:
    """A processor that does what a test says."""

    def __init__(self, run: Run, *, reads_all: bool = False, applies: bool = True) -> None:
        self.run = run
        self.reads_all = reads_all
        self.applies_to = lambda *_: applies


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stored(clock: Clock) -> ObjectReader:
    """An object of 100 bytes. Its ten minutes pass on the clock of the test, not while it waits."""
    return ObjectReader(
        filename="a.txt",
        content_type="text/plain",
        size=100,
        read_range=lambda _, size: bytes(size),
        remaining=lambda: 600 - clock.seconds,
    )


def running(clock: Clock, **processors: Processor) -> Processors:
    return Processors(processors, whole_max_size=100, now=clock)


def good(stored: ObjectReader) -> dict[str, Any]:
    return {"size": stored.size}


def bad(stored: ObjectReader) -> dict[str, Any]:
    raise ValueError(f"secret words about {stored.filename}")


def test_each_has_its_part_of_the_report(clock: Clock, stored: ObjectReader) -> None:
    report = running(clock, a=One(good), b=One(good, applies=False), c=One(good)).run(stored)

    assert report == {"a": {"size": 100}, "c": {"size": 100}}


def test_one_that_found_nothing_has_no_part(clock: Clock, stored: ObjectReader) -> None:
    report = running(clock, a=One(good), b=One(lambda _: {})).run(stored)

    assert report == {"a": {"size": 100}}


def test_it_is_asked_about_what_the_object_is_made_of_as_well(
    clock: Clock, stored: ObjectReader
) -> None:
    zips = One(good)
    zips.applies_to = lambda content_type, _size: content_type == "application/zip"
    made_of_zip = replace(stored, container="application/zip")

    assert running(clock, a=zips).run(made_of_zip) == {"a": {"size": 100}}
    assert running(clock, a=zips).run(stored) == {}


def test_one_that_fails_does_not_lose_the_others(clock: Clock, stored: ObjectReader) -> None:
    report = running(clock, a=One(bad), b=One(good)).run(stored)

    assert report == {"a": {"error": "It failed: ValueError"}, "b": {"size": 100}}


def test_one_that_reads_beyond_its_time_does_not_lose_the_others(
    clock: Clock, stored: ObjectReader
) -> None:
    def slow(stored: ObjectReader) -> dict[str, Any]:
        clock.seconds = 300.0
        stored.check_time()
        return {}

    report = running(clock, a=One(slow), b=One(good)).run(stored)

    assert report == {"a": {"error": "It ran out of time"}, "b": {"size": 100}}


def test_one_that_never_ends_does_not_lose_the_others(clock: Clock, stored: ObjectReader) -> None:
    for_ever = threading.Event()

    def endless(stored: ObjectReader) -> dict[str, Any]:
        for_ever.wait()
        return good(stored)

    # The first processor has a moment, the second one minutes, on however busy a machine.
    seconds = iter([0.05, 600.0])
    brief = replace(stored, remaining=lambda: next(seconds))
    try:
        report = running(clock, a=One(endless), b=One(good)).run(brief)
    finally:
        for_ever.set()

    assert report["a"] == {"error": "It ran out of time"}
    assert report["b"] == {"size": 100}


def test_what_one_does_not_need_the_others_may_use(clock: Clock, stored: ObjectReader) -> None:
    shares: list[float] = []

    def quick(stored: ObjectReader) -> dict[str, Any]:
        shares.append(stored.remaining())
        clock.seconds += 1
        return {}

    running(clock, a=One(quick), b=One(quick), c=One(quick)).run(stored)

    assert shares == pytest.approx([600 / 3, 599 / 2, 598])


@pytest.mark.parametrize(("size", "left_out"), [(99, False), (100, False), (101, True)])
def test_those_that_read_all_leave_out_what_is_too_large(
    clock: Clock, stored: ObjectReader, *, size: int, left_out: bool
) -> None:
    large = ObjectReader("a", "text/plain", size, stored.read_range, stored.remaining)

    report = running(clock, a=One(good, reads_all=True), b=One(good)).run(large)

    skipped = {"skipped": "the object is larger than 100 bytes"}
    assert report == {"a": skipped if left_out else {"size": size}, "b": {"size": size}}


@pytest.mark.parametrize(
    "result",
    [
        pytest.param({"a": "x" * MAX_RESULT_SIZE}, id="too large"),
        pytest.param({"a": float("nan")}, id="no number"),
        pytest.param({"a": b"bytes"}, id="bytes"),
        pytest.param({"a": {1, 2}}, id="a set"),
    ],
)
def test_a_result_that_cannot_be_stored_and_sent_is_an_error(
    clock: Clock, stored: ObjectReader, result: dict[str, Any]
) -> None:
    report = running(clock, a=One(lambda _: result)).run(stored)

    assert report["a"].keys() == {"error"}


def test_the_largest_result_is_kept(clock: Clock, stored: ObjectReader) -> None:
    result = {"a": "x" * (MAX_RESULT_SIZE - len('{"a": ""}'))}

    assert running(clock, a=One(lambda _: result)).run(stored) == {"a": result}


def test_running_out_of_time_is_told_apart_from_failing(clock: Clock, stored: ObjectReader) -> None:
    def late(_: ObjectReader) -> dict[str, Any]:
        raise OutOfTime

    assert running(clock, a=One(late)).run(stored) == {"a": {"error": "It ran out of time"}}


def test_every_processor_of_hoist_is_named_after_its_module() -> None:
    names = [str(module).split("'")[1].rpartition(".")[2] for module in PROCESSORS.values()]

    # `chalicelib.table` is the DynamoDB table.
    assert list(PROCESSORS) == ["table" if name == "tabular" else name for name in names]
