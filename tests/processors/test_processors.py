import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.processors import MAX_RESULT_SIZE, PROCESSORS, Processor, Processors
from chalicelib.reader import ObjectReader, OutOfTime

Run = Callable[[ObjectReader], dict[str, Any]]


class One:
    """A processor with a given `run`."""

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
def source(clock: Clock) -> ObjectReader:
    """An object of 100 bytes. Its ten minutes pass on the test's clock, not in real time."""
    return ObjectReader(
        filename="a.txt",
        content_type="text/plain",
        size=100,
        read_range=lambda _, size: bytes(size),
        remaining=lambda: 600 - clock.seconds,
    )


def running(clock: Clock, **processors: Processor) -> Processors:
    return Processors(processors, whole_max_size=100, now=clock)


def good(source: ObjectReader) -> dict[str, Any]:
    return {"size": source.size}


def bad(source: ObjectReader) -> dict[str, Any]:
    raise ValueError(f"secret words about {source.filename}")


def test_each_processor_has_its_part_of_the_report(clock: Clock, source: ObjectReader) -> None:
    report = running(clock, a=One(good), b=One(good, applies=False), c=One(good)).run(source)

    assert report == {"a": {"size": 100}, "c": {"size": 100}}


def test_a_processor_with_an_empty_result_has_no_part(clock: Clock, source: ObjectReader) -> None:
    report = running(clock, a=One(good), b=One(lambda _: {})).run(source)

    assert report == {"a": {"size": 100}}


def is_zip(content_type: str, _size: int) -> bool:
    return content_type == "application/zip"


def test_a_processor_may_apply_to_the_type_of_the_container(
    clock: Clock, source: ObjectReader
) -> None:
    zips = One(good)
    zips.applies_to = is_zip
    made_of_zip = replace(source, container="application/zip")

    assert running(clock, a=zips).run(made_of_zip) == {"a": {"size": 100}}
    assert running(clock, a=zips).run(source) == {}


def test_a_processor_that_fails_does_not_affect_the_others(
    clock: Clock, source: ObjectReader
) -> None:
    report = running(clock, a=One(bad), b=One(good)).run(source)

    assert report == {"a": {"error": "It failed: ValueError"}, "b": {"size": 100}}


def test_a_processor_that_reads_beyond_its_time_does_not_affect_the_others(
    clock: Clock, source: ObjectReader
) -> None:
    def slow(source: ObjectReader) -> dict[str, Any]:
        clock.seconds = 300.0
        source.check_time()
        return {}

    report = running(clock, a=One(slow), b=One(good)).run(source)

    assert report == {"a": {"error": "It ran out of time"}, "b": {"size": 100}}


def test_a_processor_that_never_ends_does_not_affect_the_others(
    clock: Clock, source: ObjectReader
) -> None:
    for_ever = threading.Event()

    def endless(source: ObjectReader) -> dict[str, Any]:
        for_ever.wait()
        return good(source)

    # The first processor has 25 milliseconds, the second one ten minutes.
    seconds = iter([0.05, 600.0])
    brief = replace(source, remaining=lambda: next(seconds))
    try:
        report = running(clock, a=One(endless), b=One(good)).run(brief)
    finally:
        for_ever.set()

    assert report["a"] == {"error": "It ran out of time"}
    assert report["b"] == {"size": 100}


def test_the_unused_time_of_a_processor_passes_to_the_others(
    clock: Clock, source: ObjectReader
) -> None:
    shares: list[float] = []

    def quick(source: ObjectReader) -> dict[str, Any]:
        shares.append(source.remaining())
        clock.seconds += 1
        return {}

    running(clock, a=One(quick), b=One(quick), c=One(quick)).run(source)

    assert shares == pytest.approx([600 / 3, 599 / 2, 598])


@pytest.mark.parametrize(("size", "left_out"), [(99, False), (100, False), (101, True)])
def test_processors_that_read_all_skip_objects_that_are_too_large(
    clock: Clock, source: ObjectReader, *, size: int, left_out: bool
) -> None:
    large = ObjectReader("a", "text/plain", size, source.read_range, source.remaining)

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
    clock: Clock, source: ObjectReader, result: dict[str, Any]
) -> None:
    report = running(clock, a=One(lambda _: result)).run(source)

    assert report["a"].keys() == {"error"}


def test_the_largest_result_is_kept(clock: Clock, source: ObjectReader) -> None:
    result = {"a": "x" * (MAX_RESULT_SIZE - len('{"a": ""}'))}

    assert running(clock, a=One(lambda _: result)).run(source) == {"a": result}


def test_running_out_of_time_and_failing_have_different_errors(
    clock: Clock, source: ObjectReader
) -> None:
    def late(_: ObjectReader) -> dict[str, Any]:
        raise OutOfTime

    assert running(clock, a=One(late)).run(source) == {"a": {"error": "It ran out of time"}}


def test_every_processor_is_named_after_its_module() -> None:
    names = [str(module).split("'")[1].rpartition(".")[2] for module in PROCESSORS.values()]

    # Not `table`, because `chalicelib.table` is the DynamoDB table.
    assert list(PROCESSORS) == ["table" if name == "tabular" else name for name in names]
