"""`tests/commands` in a command: it resolves names, records AWS calls, and kills at one of them."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.second_aws.aws import Aws, needs_ministack

pytestmark = [pytest.mark.system, needs_ministack]

# A child creates the second queue, as `deploy` starts `chalice`.
PROGRAM = """
import subprocess, sys
import boto3

boto3.client("sqs", "eu-west-1").create_queue(QueueName=sys.argv[1])
if len(sys.argv) > 2:
    sys.exit(subprocess.call([sys.executable, *sys.orig_argv[1:3], *sys.argv[2:]]))
"""


def test_a_test_resolves_no_names_but_those_of_aws(aws: Aws) -> None:
    addresses = socket.getaddrinfo("sts.eu-west-1.amazonaws.com", 443, type=socket.SOCK_STREAM)
    assert [address[4] for address in addresses] == [("127.0.0.1", aws.port)]
    with pytest.raises(socket.gaierror, match=r"not pypi\.org"):
        socket.getaddrinfo("pypi.org", 443)
    command = subprocess.run(
        [sys.executable, "-c", "import socket; socket.create_connection(('pypi.org', 443))"],
        env=aws.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "a test may reach only AWS's emulator, not pypi.org" in command.stderr


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda number: number.name)
def test_a_command_and_its_children_are_cut_at_a_call(
    aws: Aws, tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    names = [f"{number.name}-{moment}-{count}" for count in (1, 2, 3)]
    calls = tmp_path / "calls"
    environment = aws.environment() | {
        "AWS_CALLS": str(calls),
        "AWS_CUT": f"{number.name}:{moment}:2",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *names],
        env=environment,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.wait(timeout=60) == -number
    assert calls.read_text().splitlines() == ["sqs:CreateQueue"] * 2
    urls = aws.client("sqs").list_queues(QueueNamePrefix=f"{number.name}-{moment}")["QueueUrls"]
    queues = sorted(url.rpartition("/")[2] for url in urls)
    assert queues == (names[:2] if moment == "after" else names[:1])


def test_all_calls_of_a_command_are_recorded(aws: Aws, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    subprocess.run(
        [sys.executable, "-c", PROGRAM, "whole-1", "whole-2"],
        env=aws.environment() | {"AWS_CALLS": str(calls)},
        check=True,
    )
    assert calls.read_text().splitlines() == ["sqs:CreateQueue"] * 2


def test_a_client_that_would_call_the_real_aws_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the real AWS"):
        Aws(1, tmp_path).client("sts")
