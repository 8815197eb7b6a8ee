"""What all tests share: the environment, the fakes and a table of moto's."""

import gc
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import hypothesis
import pytest
from moto import mock_aws

from chalicelib.config import Settings, load_settings
from chalicelib.items import SCHEMA
from chalicelib.parts import MIB
from chalicelib.signing import Credentials, Signer
from chalicelib.uploads import Uploads
from local import home
from tests.support import environment, speed
from tests.support.fakes import Clock, MemoryStorage, MemoryTable, RecordingPages

environment.enter()  # app.py, which only tests import, reads it when it is imported
# CI tries the same examples each time: it refuses no change for a fault that was there before. New
# ones are looked for on developers' machines: `pytest --hypothesis-profile search tests/…`.
hypothesis.settings.register_profile("dev", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=1000, deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", max_examples=15_000, deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")
speed.share_service_descriptions()
speed.copy_items_cheaply()
speed.take_turns()
# Folders whose tests share one local system; elsewhere those of a file do.
WITH_ONE_SYSTEM = {"hostile", "second_aws", "system"}
# Which tests a file has, without importing it: `-m` decides about a whole file where it can.
FILE_MARKS = re.compile(r"^pytestmark = (.*)$", re.MULTILINE)
MARK = re.compile(r"\bmark\.(system|browser|slow)\b")


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker ports of its own: a port that is free now could be another worker's."""
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        index = int(worker["workerid"].removeprefix("gw"))
        home.FREE_PORTS = home.FREE_PORTS[index :: worker["workercount"]]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file of which `-m` takes no test: importing all of them takes a quarter minute."""
    if collection_path.suffix != ".py" or not (expression := config.getoption("markexpr")):
        return None
    text = collection_path.read_text(encoding="utf-8")
    excluded = {word for word in ("system", "browser", "slow") if f"not {word}" in expression}
    of_all = {mark for line in FILE_MARKS.findall(text) for mark in MARK.findall(line)}
    if excluded & of_all:
        return True
    return True if expression == "system or browser" and not MARK.search(text) else None


def pytest_collection_finish() -> None:
    """Keep the garbage collector from visiting the imported modules at every collection."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that share a local system or a server of it run in one process, one after another."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        if item.get_closest_marker("system") or item.get_closest_marker("browser"):
            shares = item.path.parent if item.path.parent.name in WITH_ONE_SYSTEM else item.path
            item.add_marker(pytest.mark.xdist_group(shares.name))


@pytest.fixture
def settings() -> Settings:
    """The stage `test`, with parts so small that three of them cost nothing."""
    small = {"HOIST_PUT_MAX_SIZE": str(MIB), "HOIST_MAX_SIZE": str(100 * MIB)}
    stage = load_settings({**environment.HOIST_ENVIRONMENT, **small})
    return replace(stage, part_size=MIB)


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC))


@pytest.fixture
def table(clock: Clock) -> MemoryTable:
    return MemoryTable(clock)


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def pages() -> RecordingPages:
    return RecordingPages()


@pytest.fixture
def uploads(
    settings: Settings,
    storage: MemoryStorage,
    table: MemoryTable,
    pages: RecordingPages,
    clock: Clock,
) -> Uploads:
    def signer() -> Signer:
        return Signer(Credentials("AKIDEXAMPLE", "secret"), settings.region, clock(), 900)

    def new_signer(owner: str) -> Signer:
        return Signer(Credentials(f"NEW-{owner}", "secret"), settings.region, clock(), 900)

    return Uploads(settings, storage, table, pages, signer, new_signer, clock, clock.advance)


@pytest.fixture(scope="session")
def dynamodb_client() -> Any:
    return boto3.client("dynamodb", region_name=environment.REGION)


@pytest.fixture
def dynamodb(dynamodb_client: Any) -> Iterator[Any]:
    """DynamoDB, by moto, with our table in it and nothing else."""
    with mock_aws(), speed.quick_answers():
        dynamodb_client.create_table(TableName=environment.TABLE, **SCHEMA)
        yield dynamodb_client
