"""Child processes: how they start and stop, and the log lines in the report when they die."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import services
from local.home import StartError
from local.services import TAIL, Service
from tests.local.serving import TIMEOUT, is_running, wait_until

SAYS = "import os, sys; print(os.environ['WORD'], os.getcwd(), flush=True); sys.stdin.read()"
HANGS = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
Start = Callable[..., Awaitable[Service]]


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def run(
    tmp_path: Path, lock: int
) -> Callable[[Callable[[Start], Coroutine[Any, Any, None]]], None]:
    """Runs a story with services, and stops each service afterwards."""

    async def run_story(story: Callable[[Start], Coroutine[Any, Any, None]]) -> None:
        started: list[Service] = []

        async def start(script: str, **settings: Any) -> Service:
            service = await services.start(
                "tiny", [sys.executable, "-c", script], log=tmp_path / "log", lock=lock, **settings
            )
            started.append(service)
            return service

        try:
            async with asyncio.timeout(TIMEOUT):
                await story(start)
        finally:
            for service in started:
                await service.stop()

    return lambda story: asyncio.run(run_story(story))


def test_a_service_has_its_environment_folder_and_log(run: Any, tmp_path: Path) -> None:
    async def story(start: Start) -> None:
        service = await start(SAYS, cwd=tmp_path, environment={"WORD": "ü"})
        await wait_until(lambda: "\n" in service.log.read_text(encoding="utf-8"))

    run(story)

    assert (tmp_path / "log").read_text(encoding="utf-8") == f"ü {tmp_path}\n"


def test_stop_waits_until_a_service_has_ended(run: Any) -> None:
    async def story(start: Start) -> None:
        service = await start(HANGS)
        await wait_until(lambda: "\n" in service.log.read_text())
        pid = int(service.log.read_text())
        assert is_running(pid)
        await service.stop()
        assert not is_running(pid)
        assert service.process.returncode == 143

    run(story)


def test_a_start_appends_to_the_log(run: Any, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("of yesterday\n")

    async def story(start: Start) -> None:
        service = await start("print('of today')")
        await service.process.wait()

    run(story)

    assert (tmp_path / "log").read_text() == "of yesterday\nof today\n"


def test_ready_waits_until_a_service_answers(run: Any) -> None:
    calls = []

    async def answers() -> bool:
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionRefusedError
        return len(calls) == 3

    async def story(start: Start) -> None:
        await services.ready(await start(HANGS), answers)

    run(story)

    assert len(calls) == 3


def test_a_service_that_dies_before_it_answers_is_reported_with_its_log(
    run: Any, tmp_path: Path
) -> None:
    async def never() -> bool:
        return False

    async def story(start: Start) -> None:
        service = await start("import sys; print('port taken'); sys.exit('cannot start: ü')")
        with pytest.raises(StartError) as error:
            await services.ready(service, never)
        assert sorted(str(error.value).splitlines()) == sorted(
            [
                f"tiny stopped unexpectedly; the end of {tmp_path / 'log'}:",
                "port taken",
                "cannot start: ü",
            ]
        )

    run(story)


def test_the_report_has_only_the_end_of_a_long_log(run: Any) -> None:
    async def story(start: Start) -> None:
        service = await start("for n in range(100): print('line', n)")
        await service.process.wait()
        _, *quoted = service.failure_report().splitlines()
        assert quoted == [f"line {n}" for n in range(100 - TAIL, 100)]

    run(story)


def test_the_report_has_a_log_that_is_not_text(run: Any) -> None:
    async def story(start: Start) -> None:
        service = await start("import sys; sys.stdout.buffer.write(b'\\xff\\xfe end')")
        await service.process.wait()
        assert service.failure_report().endswith(" end")

    run(story)
