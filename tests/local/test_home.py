"""The data folder, its lock, and ports."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.home import HOST, Home, Ports, StartError, check_ports, free_ports
from tests.local.serving import holder_of

PORTS = ["s3", "aws", "api", "gateway", "page", "downloads"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "hoist")
    home.prepare()
    return home


@contextmanager
def other_system(home: Home) -> Iterator["subprocess.Popen[str]"]:
    """Another system's process that has locked the folder."""
    with holder_of(home.path / "lock") as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        yield holder
        if holder.poll() is None:
            holder.kill()


def locked(home: Home) -> bool:
    """Whether the folder is locked for another process."""
    script = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    command = [sys.executable, "-c", script, str(home.path / "lock")]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode != 0


def dead_pid() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


@contextmanager
def listening(host: str, port: int) -> Iterator[None]:
    """A server that sets SO_REUSEADDR, as servers do: old connections may still be closing."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
        yield


@pytest.mark.parametrize("name", PORTS)
def test_a_port_in_use_is_named_with_its_setting(name: str) -> None:
    ports = Ports(*free_ports(6))
    port = getattr(ports, name)
    with listening(HOST, port), pytest.raises(StartError) as error:
        check_ports(ports)

    setting = f"HOIST_{name.upper()}_PORT=…"
    assert str(error.value).startswith(f"Port {port} ({name}) is in use: ")
    assert str(error.value).endswith(f"choose another with {setting}")
    check_ports(ports)


def test_a_port_in_use_on_all_addresses_is_in_use() -> None:
    ports = Ports(*free_ports(6))
    with (
        listening("0.0.0.0", ports.api),  # noqa: S104 - other servers do
        pytest.raises(StartError, match=r"\(api\) is in use"),
    ):
        check_ports(ports)


def test_one_port_for_two_services_is_named_with_both() -> None:
    one, two, three, four = free_ports(4)

    with pytest.raises(StartError) as error:
        check_ports(Ports(s3=one, aws=two, api=three, gateway=four, page=two))

    assert str(error.value) == (
        f"Port {two} is set for aws and for page: choose another with HOIST_PAGE_PORT=…"
    )


def test_free_ports_differ_and_can_be_listened_on() -> None:
    ports = free_ports(50)

    assert len(set(ports)) == 50
    for port in ports:
        with listening(HOST, port):
            pass


def test_free_ports_are_below_those_of_outgoing_connections() -> None:
    assert all(10_000 <= port < 32_000 for port in free_ports(100))


def test_all_addresses_are_on_this_machine() -> None:
    ports = Ports(1, 2, 3, 4, 5, 6)

    assert ports.page_origin == "http://127.0.0.1:5"
    assert ports.url("s3") == "http://127.0.0.1:1"
    assert ports.url("gateway", "ws") == "ws://127.0.0.1:4"


def test_prepare_creates_the_folders_and_can_be_repeated(tmp_path: Path) -> None:
    home = Home(tmp_path / "not" / "there" / "yet")

    home.prepare()
    home.prepare()

    assert home.log.is_dir()
    assert home.mail.is_dir()
    assert sorted(path.name for path in home.path.rglob("*")) == ["log", "mail"]


@pytest.mark.parametrize("blocked", [".", "log", "mail"])
def test_a_file_in_place_of_a_folder_is_an_error_that_says_what_to_do(
    tmp_path: Path, blocked: str
) -> None:
    home = Home(tmp_path / "hoist")
    in_the_way = home.path / blocked
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("I was here first")

    with pytest.raises(StartError) as error:
        home.prepare()

    assert str(error.value).startswith(f"Cannot use {home.path} for data (File exists): ")
    assert str(error.value).endswith("name another folder with HOIST_HOME=…")
    assert in_the_way.read_text() == "I was here first"


def test_a_folder_without_write_permission_is_an_error() -> None:
    with pytest.raises(StartError, match="Cannot use /proc/hoist for data"):
        Home(Path("/proc/hoist")).prepare()


def test_the_lock_is_held_until_it_is_closed(home: Home) -> None:
    descriptor = asyncio.run(home.lock())

    assert (home.path / "lock").read_text() == str(os.getpid())
    assert locked(home)
    os.close(descriptor)
    assert not locked(home)


def test_the_lock_is_held_while_a_service_that_inherited_it_lives(home: Home) -> None:
    descriptor = asyncio.run(home.lock())
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(descriptor,)) as service:
        os.close(descriptor)

        assert locked(home)
        service.communicate()
    assert not locked(home)


def test_a_second_system_is_refused_while_the_first_lives(home: Home) -> None:
    with other_system(home):
        with pytest.raises(StartError) as error:
            asyncio.run(home.lock())

        assert str(error.value).startswith(f"A local system already runs on {home.path}: ")
        assert locked(home)


def test_a_refused_system_closes_its_files(home: Home) -> None:
    with other_system(home):
        before = sorted(os.listdir("/dev/fd"))  # noqa: PTH208 - no paths, numbers
        with pytest.raises(StartError):
            asyncio.run(home.lock())
        assert sorted(os.listdir("/dev/fd")) == before  # noqa: PTH208 - no paths, numbers


@pytest.mark.parametrize(
    "has_its_pid", [True, False], ids=["its process ended", "its pid is not written yet"]
)
def test_a_second_system_waits_for_one_that_stops(home: Home, *, has_its_pid: bool) -> None:
    async def story() -> None:
        with other_system(home) as service:
            (home.path / "lock").write_text(str(dead_pid()) if has_its_pid else "")
            locking = asyncio.create_task(home.lock())
            await asyncio.sleep(0.5)  # any time: it cannot lock before the other unlocks
            assert not locking.done()
            service.kill()
            os.close(await locking)
        assert (home.path / "lock").read_text() == str(os.getpid())

    asyncio.run(story())


def test_the_lock_of_a_system_that_was_killed_is_free(home: Home) -> None:
    with other_system(home) as killed:
        killed.kill()
        killed.wait()

    os.close(asyncio.run(home.lock()))

    assert (home.path / "lock").read_text() == str(os.getpid())


def test_a_longer_pid_of_an_earlier_system_is_overwritten(home: Home) -> None:
    (home.path / "lock").write_text("12345678901234567890")

    os.close(asyncio.run(home.lock()))

    assert (home.path / "lock").read_text() == str(os.getpid())
