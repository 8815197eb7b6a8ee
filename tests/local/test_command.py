"""`python -m local`: its options, and its errors for invalid values."""

import subprocess
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest

from local.__main__ import _options
from local.home import Ports, StartError, free_ports
from tests.support.environment import CLEAN_ENVIRONMENT
from tests.support.running import ROOT

pytestmark = pytest.mark.slow

SERVICES = ["s3", "aws", "api", "gateway", "page", "downloads"]


def run(tmp_path: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command until it ends; it must not start anything."""
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        cwd=ROOT,
        env={**CLEAN_ENVIRONMENT, "HOIST_HOME": str(tmp_path / "hoist"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_options_the_defaults_apply() -> None:
    options = _options([], {})

    assert options.home.path == Path(".hoist")
    assert options.ports == Ports(
        s3=8333, aws=5000, api=8000, gateway=8001, page=8080, downloads=8081
    )
    assert options.retry_waits == [1.0, 2.0]
    assert options.throttling is False


def test_the_environment_sets_every_option_but_the_retry_waits() -> None:
    options = _options(
        ["--retry-waits", "0,0.5, 60"],
        {
            "HOIST_HOME": "/elsewhere",
            "HOIST_S3_PORT": "1",
            "HOIST_AWS_PORT": "2",
            "HOIST_API_PORT": "3",
            "HOIST_GATEWAY_PORT": "4",
            "HOIST_PAGE_PORT": "65535",
            "HOIST_DOWNLOADS_PORT": "6",
            "HOIST_THROTTLING": "True",
        },
    )

    assert options.home.path == Path("/elsewhere")
    assert astuple(options.ports) == (1, 2, 3, 4, 65535, 6)
    assert options.retry_waits == [0.0, 0.5, 60.0]
    assert options.throttling is True


def test_an_argument_wins_over_the_environment() -> None:
    environment = {f"HOIST_{name.upper()}_PORT": "7000" for name in SERVICES}
    arguments = [f"--{name}-port={7001 + number}" for number, name in enumerate(SERVICES)]

    options = _options(
        [*arguments, "--home", "mine", "--retry-waits", "3"],
        {**environment, "HOIST_HOME": "theirs"},
    )

    assert astuple(options.ports) == (7001, 7002, 7003, 7004, 7005, 7006)
    assert options.home.path == Path("mine")
    assert options.retry_waits == [3.0]


def test_an_empty_variable_is_ignored() -> None:
    names = ["HOIST_HOME", *(f"HOIST_{n.upper()}_PORT" for n in SERVICES)]

    assert _options([], dict.fromkeys(names, "")) == _options([], {})


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("port", ["0", "65536", "70000", "-1", "web", "80.0", "1e3", " ", "²"])
def test_an_invalid_port_is_refused_with_its_setting(
    capsys: pytest.CaptureFixture[str], name: str, port: str
) -> None:
    refused: list[Any] = []
    for arguments, environment in (
        ([f"--{name}-port={port}"], {}),
        ([], {f"HOIST_{name.upper()}_PORT": port}),
    ):
        with pytest.raises(SystemExit) as ended:
            _options(arguments, environment)
        refused.append((ended.value.code, capsys.readouterr().err.splitlines()[-1]))

    line = f"python -m local: error: argument --{name}-port: a port is 1 to 65535, not {port!r}"
    assert refused == [(2, line)] * 2


@pytest.mark.parametrize("waits", ["soon", "1,,2", ",", "1;2", "1,two"])
def test_waits_that_are_not_numbers_are_refused(waits: str) -> None:
    with pytest.raises(StartError) as error:
        _options([f"--retry-waits={waits}"], {})

    assert str(error.value) == f"Retry waits are seconds, like 1,2: not {waits!r}"


@pytest.mark.parametrize("waits", ["-1", "1,-0.5", "nan", "1,inf"])
def test_infinite_and_negative_waits_are_refused(waits: str) -> None:
    with pytest.raises(StartError) as error:
        _options([f"--retry-waits={waits}"], {})

    assert str(error.value) == f"Retry waits are finite and not negative: not {waits!r}"


def test_an_unknown_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--port=1"], ["--ho=mine"], ["start"]):
        with pytest.raises(SystemExit) as ended:
            _options(arguments, {})
        assert ended.value.code == 2
        assert "unrecognized arguments" in capsys.readouterr().err


def test_help_names_every_setting(tmp_path: Path) -> None:
    helped = run(tmp_path, "--help")

    assert (helped.returncode, helped.stderr) == (0, "")
    for setting in ("HOME", *(f"{name.upper()}_PORT" for name in SERVICES)):
        assert f"HOIST_{setting}" in helped.stdout
    assert "--retry-waits" in helped.stdout
    assert not (tmp_path / "hoist").exists()


def test_the_command_prints_one_line_when_it_cannot_start(tmp_path: Path) -> None:
    refused = run(tmp_path, "--retry-waits", "soon")

    assert (refused.returncode, refused.stdout) == (1, "")
    line = "Hoist cannot start. Retry waits are seconds, like 1,2: not 'soon'\n"
    assert refused.stderr == line


def test_the_command_refuses_an_invalid_port_before_it_starts(tmp_path: Path) -> None:
    refused = run(tmp_path, HOIST_PAGE_PORT="70000")

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines()[-1].endswith("a port is 1 to 65535, not '70000'")
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "hoist").exists()


def test_the_command_refuses_one_port_for_two_services(tmp_path: Path) -> None:
    one, two, three, four, five = free_ports(5)
    chosen = [one, two, three, one, four, five]
    ports = [f"--{n}-port={p}" for n, p in zip(SERVICES, chosen, strict=True)]

    refused = run(tmp_path, *ports)

    assert refused.returncode == 1
    assert refused.stderr == (
        f"Hoist cannot start. Port {one} is set for s3 and for gateway: choose another with"
        " HOIST_GATEWAY_PORT=…\n"
    )
