import json
import logging
from collections.abc import Iterator
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib import logs


@pytest.fixture
def stream() -> Iterator[StringIO]:
    """The log of `chalicelib` during the test."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter("dev"))
    logger = logging.getLogger("chalicelib")
    logs.configure("dev")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


def lines(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_decision_is_one_line_with_its_fields(stream: StringIO) -> None:
    logging.getLogger("chalicelib.x").info("created %s", "it", extra={"owner": "o", "key": "ü\n"})

    (line,) = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "INFO", "message": "created it", "owner": "o", "key": "ü\n"}


def test_an_exception_stays_in_its_line(stream: StringIO) -> None:
    try:
        int("wrong")
    except ValueError:
        logging.getLogger("chalicelib.x").exception("failed")

    (line,) = lines(stream)
    assert line["exception"].endswith("invalid literal for int() with base 10: 'wrong'")


def test_debug_is_not_logged(stream: StringIO) -> None:
    logging.getLogger("chalicelib.x").debug("secret")

    assert stream.getvalue() == ""


def test_configuring_twice_logs_once() -> None:
    logs.configure("dev")
    before = list(logging.getLogger("chalicelib").handlers)

    logs.configure("dev")

    assert logging.getLogger("chalicelib").handlers == before
    assert not logging.getLogger("chalicelib").propagate


def test_a_line_names_its_invocation(stream: StringIO) -> None:
    logs.begin(SimpleNamespace(function_name="hoist-dev-notify", aws_request_id="r-1"))
    logging.getLogger("chalicelib.x").info("told")
    logs.begin(None)
    logging.getLogger("chalicelib.x").info("told")

    first, second = lines(stream)
    assert (first["function"], first["request_id"]) == ("hoist-dev-notify", "r-1")
    assert "request_id" not in second


def test_a_count_is_a_metric_of_its_stage(stream: StringIO) -> None:
    counted = {"UploadsAccepted": 1, "Bytes": 5, "EventToOutcomeSeconds": 0.25}
    logging.getLogger("chalicelib.x").info("accepted", extra={"metrics": counted})

    (line,) = lines(stream)
    assert line["Stage"] == "dev"
    assert {name: line[name] for name in counted} == counted
    assert "metrics" not in line
