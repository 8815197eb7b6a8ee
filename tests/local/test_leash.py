"""The leash: real commands that end, get SIGTERM, ignore SIGTERM, or lose their system."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.local.serving import TIMEOUT, is_running
from tests.support.running import ROOT, eventually

LEASH = [sys.executable, "-P", str(ROOT / "local" / "leash.py")]
IMPATIENT = [
    sys.executable,
    "-c",
    "import sys; from local import leash; sys.exit(leash.main(sys.argv[1:], grace=0.2))",
]
FAMILY = ["sh", "-c", "sleep 600 & echo $!; echo $$; wait"]
STUBBORN = ["sh", "-c", "trap '' TERM; sleep 600 & echo $!; echo $$; while :; do wait; done"]


@contextmanager
def leashed(
    command: list[str], leash: list[str] = LEASH
) -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    """A command on a leash, and the ids of its two processes; the command prints them."""
    with subprocess.Popen(
        [*leash, *command],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        pids = [int(process.stdout.readline()) for _ in range(2)]
        assert all(is_running(pid) for pid in pids)
        try:
            yield process, pids
        finally:
            process.kill()
            for pid in filter(is_running, pids):  # after a leash that failed
                os.kill(pid, signal.SIGKILL)


def have_ended(pids: list[int]) -> bool:
    return not any(is_running(pid) for pid in pids)


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137)]
)
def test_the_exit_status_is_that_of_the_command(script: str, status: int) -> None:
    with subprocess.Popen([*LEASH, "sh", "-c", script], stdin=subprocess.PIPE) as leash:
        assert leash.wait(timeout=TIMEOUT) == status


def test_sigterm_ends_the_command_and_its_children() -> None:
    with leashed(FAMILY) as (leash, pids):
        leash.terminate()

        assert leash.wait(timeout=TIMEOUT) == 143
        eventually(lambda: have_ended(pids), bool)


def test_a_closed_pipe_ends_the_command_and_its_children() -> None:
    with leashed(FAMILY) as (leash, pids):
        assert leash.stdin is not None
        leash.stdin.close()

        assert leash.wait(timeout=TIMEOUT) == 143
        eventually(lambda: have_ended(pids), bool)


def test_a_killed_system_ends_the_command_and_its_children() -> None:
    system = (
        "import subprocess, sys\n"
        "subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, start_new_session=True).wait()\n"
    )
    with leashed(FAMILY, [sys.executable, "-c", system, *LEASH]) as (killed, pids):
        killed.kill()

        eventually(lambda: have_ended(pids), bool)


@pytest.mark.parametrize("how", ["SIGTERM", "a closed pipe"])
def test_a_command_that_ignores_sigterm_is_killed(how: str) -> None:
    with leashed(STUBBORN, IMPATIENT) as (leash, pids):
        assert leash.stdin is not None
        if how == "SIGTERM":
            leash.terminate()
        else:
            leash.stdin.close()

        assert leash.wait(timeout=TIMEOUT) == 137
        eventually(lambda: have_ended(pids), bool)


def test_children_that_survive_the_command_are_killed() -> None:
    script = "sleep 600 >&2 & echo $!; exit 5"
    with subprocess.Popen(
        [*LEASH, "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as leash:
        assert leash.stdout is not None
        child = int(leash.stdout.readline())

        assert leash.wait(timeout=TIMEOUT) == 5
        eventually(lambda: have_ended([child]), bool)


def test_ctrl_c_is_left_to_the_local_system() -> None:
    with leashed(FAMILY) as (leash, pids):
        leash.send_signal(signal.SIGINT)
        assert not have_ended(pids)
        leash.terminate()

        assert leash.wait(timeout=TIMEOUT) == 143
        eventually(lambda: have_ended(pids), bool)
