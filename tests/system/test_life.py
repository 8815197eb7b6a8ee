"""Starting, stopping, killing and restarting the local system: nothing is lost or remains."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from local.aws.resources import Resources
from local.home import Ports
from tests.support.environment import CLEAN_ENVIRONMENT
from tests.support.running import ROOT, RunningSystem, call, eventually

pytestmark = pytest.mark.system


def are_gone(processes: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def freeze_functions(system: RunningSystem) -> None:
    """Make every execution environment hang, like a handler that never returns."""
    workers = [p for p in system.processes() if "local.functions.worker" in p.cmdline()]
    assert workers
    for worker in workers:
        worker.suspend()


def take_rights_from_functions(system: RunningSystem) -> None:
    """Make S3 refuse only the functions: they would retry through an outage."""
    path = system.home / "environment.json"
    environment = json.loads(path.read_text())
    path.write_text(json.dumps(environment | {"AWS_SECRET_ACCESS_KEY": "another"}))
    for worker in [p for p in system.processes() if "local.functions.worker" in p.cmdline()]:
        worker.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_every_process(own_system: RunningSystem, number: signal.Signals) -> None:
    own_system.start()
    processes = own_system.processes()
    assert len(processes) > 5

    assert own_system.stop(number) == 0

    assert are_gone(processes)


def test_a_signal_while_starting_stops_every_process(own_system: RunningSystem) -> None:
    own_system.launch()
    processes = eventually(own_system.processes, lambda running: len(running) > 4)

    assert own_system.stop() == 0

    assert are_gone(processes)


def test_after_sigkill_nothing_runs_and_the_next_start_works(own_system: RunningSystem) -> None:
    own_system.start()
    upload_id = own_system.sign_in().upload(b"kept", "kept.txt")
    own_system.sign_in().outcome(upload_id)
    processes = own_system.processes()
    assert own_system.process is not None
    own_system.process.kill()
    own_system.wait()

    own_system.start()

    assert are_gone(processes)
    client = own_system.sign_in()
    assert client.get(upload_id)["state"] == "accepted"
    assert client.download(upload_id).body == b"kept"


def test_it_stops_when_the_make_above_it_is_killed(own_system: RunningSystem) -> None:
    starter = [sys.executable, "-c", (
        "import os, subprocess, sys;"
        "sys.exit(subprocess.call([sys.executable, '-m', 'local'],"
        " env={**os.environ, 'MAKELEVEL': '1'}))"
    )]  # fmt: skip
    own_system.start(command=starter)
    processes = own_system.processes()
    assert own_system.process is not None
    own_system.process.kill()
    own_system.wait()

    eventually(lambda: are_gone(processes), bool)


def test_an_upload_that_waits_for_processing_is_accepted_after_a_restart(
    own_system: RunningSystem,
) -> None:
    own_system.start()
    freeze_functions(own_system)
    client = own_system.sign_in()
    upload_id = client.upload(b"patience", "patience.txt")
    assert client.get(upload_id)["state"] == "uploaded"
    own_system.stop()

    own_system.start()

    assert own_system.sign_in().outcome(upload_id)["state"] == "accepted"


def test_an_object_whose_event_was_never_sent_is_found_at_the_next_start(
    own_system: RunningSystem,
) -> None:
    own_system.start()
    freeze_functions(own_system)
    upload_id = own_system.sign_in().upload(b"unheard", "unheard.txt")
    own_system.stop()
    for database in own_system.home.glob("events.db*"):
        database.unlink()

    own_system.start()

    assert "Objects that arrived unnoticed: 1" in own_system.output
    assert own_system.sign_in().outcome(upload_id)["state"] == "accepted"


def test_repeated_failures_end_as_failed_and_notify_the_owner(
    own_system: RunningSystem,
) -> None:
    own_system.start("--retry-waits", "0,0")
    client = own_system.sign_in()
    upload_id = client.upload(b"first", "first.txt")
    assert client.outcome(upload_id)["state"] == "accepted"
    take_rights_from_functions(own_system)

    upload_id = client.upload(b"unlucky", "unlucky.txt")

    upload = client.outcome(upload_id)
    assert upload["state"] == "failed"
    assert "ClientError" in upload["reason"]
    assert client.request("GET", f"/uploads/{upload_id}/download").json["code"] == "not_accepted"
    log = (own_system.home / "log" / "events.log").read_text()
    assert log.count("An error occurred (403)") >= 3
    eventually(
        lambda: [path.read_text() for path in (own_system.home / "mail").glob("*.txt")],
        lambda letters: any("Hoist: failed - unlucky.txt" in letter for letter in letters),
    )


def redrive(system: RunningSystem, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The operator's command, on this system."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.redrive", "--stage", "local", *arguments],
        cwd=ROOT,
        env={**CLEAN_ENVIRONMENT, "HOIST_HOME": str(system.home)},
        capture_output=True,
        text=True,
        check=False,
    )


def invocations(system: RunningSystem) -> int:
    """The number of asynchronous invocations that have not ended."""
    with closing(sqlite3.connect(system.home / "events.db")) as database:
        (count,) = database.execute("SELECT count(*) FROM invocations").fetchone()
    return int(count)


def letters(system: RunningSystem, about: str) -> list[str]:
    """The subjects of the mail about a file."""
    mails = [path.read_text() for path in sorted((system.home / "mail").glob("*.txt"))]
    return [text.splitlines()[0] for text in mails if about in text]


def test_an_operator_redrives_a_failed_upload(own_system: RunningSystem) -> None:
    own_system.start("--retry-waits", "0,0")
    client = own_system.sign_in()
    take_rights_from_functions(own_system)
    uploads = [client.upload(b"unlucky", f"unlucky {number}.txt") for number in range(3)]
    assert {client.outcome(upload_id)["state"] for upload_id in uploads} == {"failed"}
    # A process that dies between SNS's answer and its record of it notifies twice.
    log = own_system.home / "log" / "functions.log"
    eventually(log.read_text, lambda text: text.count('"message": "notified"') == len(uploads))
    own_system.stop()
    own_system.start()
    client = own_system.sign_in()

    one = redrive(own_system, "--upload", uploads[0])

    assert (one.returncode, "1 sent again" in one.stdout) == (0, True), one.stderr
    eventually(lambda: client.get(uploads[0])["state"], lambda state: state == "accepted")
    all_failed = redrive(own_system, "--all-failed")
    assert "2 sent again" in all_failed.stdout
    for upload_id in uploads:
        eventually(lambda u=upload_id: client.get(u)["state"], lambda state: state == "accepted")  # type: ignore[misc]
    assert redrive(own_system, "--all-failed").stdout == "Nothing to send again\n"
    again = redrive(own_system, "--upload", uploads[0])
    assert (again.returncode, again.stderr) == (
        1, "The upload is accepted: there is nothing to send again\n",
    )  # fmt: skip
    eventually(
        lambda: letters(own_system, "unlucky 0.txt"),
        lambda subjects: subjects == [
            "Subject: Hoist: failed - unlucky 0.txt", "Subject: Hoist: accepted - unlucky 0.txt",
        ],
    )  # fmt: skip


def test_a_failed_notification_waits_in_the_dead_letter_queue(
    own_system: RunningSystem,
) -> None:
    own_system.start("--retry-waits", "0,0")
    client = own_system.sign_in()
    path = own_system.home / "environment.json"
    environment = json.loads(path.read_text())
    topic = "HOIST_NOTIFICATIONS_TOPIC_ARN"
    path.write_text(json.dumps(environment | {topic: environment[topic] + "-gone"}))
    for worker in [p for p in own_system.processes() if "local.functions.worker" in p.cmdline()]:
        worker.kill()
    upload_id = client.upload(b"unheard", "unheard.txt")
    assert client.outcome(upload_id)["state"] == "accepted"
    queue = own_system.url("aws") + "/123456789012/hoist-local-dead-letters"
    sqs = Resources(own_system.ports, "").client("sqs")
    eventually(
        lambda: sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"],
        lambda attributes: attributes["ApproximateNumberOfMessages"] == "1",
    )
    # An invocation without the queue's answer sends its record again after a restart.
    eventually(lambda: invocations(own_system), lambda count: count == 0)
    own_system.stop()
    own_system.start()
    assert letters(own_system, "unheard.txt") == []

    output = redrive(own_system, "--dead-letters")

    assert "1 sent again" in output.stdout, output.stdout + output.stderr
    assert output.returncode == 0
    assert redrive(own_system, "--dead-letters").stdout == "Nothing to send again\n"
    eventually(
        lambda: letters(own_system, "unheard.txt"),
        lambda subjects: subjects == ["Subject: Hoist: accepted - unheard.txt"],
    )


@pytest.mark.parametrize("upload_id", ["x", "01977a3e-5c00-7b1e-8d4f-6a1c2e3d4f50"])
def test_a_missing_upload_cannot_be_redriven(own_system: RunningSystem, upload_id: str) -> None:
    own_system.start()

    refused = redrive(own_system, "--upload", upload_id)

    assert refused.returncode == 1
    assert upload_id in refused.stderr


def test_a_service_that_dies_takes_the_system_down_and_says_so(own_system: RunningSystem) -> None:
    own_system.start()
    processes = own_system.processes()
    (weed,) = [p for p in processes if p.name() == "weed"]
    weed.kill()

    assert own_system.wait() == 1

    assert "s3 stopped unexpectedly" in own_system.output
    assert are_gone(processes)


def test_a_port_in_use_is_one_clear_line(own_system: RunningSystem) -> None:
    with socket.socket() as in_use:
        in_use.bind(("127.0.0.1", own_system.ports.api))
        in_use.listen()
        own_system.launch()
        assert own_system.wait() == 1
    line = own_system.output.splitlines()[-1]
    assert line == (
        f"Hoist cannot start. Port {own_system.ports.api} (api) is in use: stop what listens there,"
        " or choose another with HOIST_API_PORT=…"
    )


def test_a_second_system_on_the_same_folder_is_refused(
    own_system: RunningSystem, tmp_path: Path
) -> None:
    own_system.start()
    second = RunningSystem(own_system.home, Ports(1, 2, 3, 4, 5, 6))
    second.launch()
    assert second.wait() == 1
    assert "already runs on" in second.output
    assert own_system.sign_in().request("GET", "/uploads").status == 200
    assert tmp_path.exists()


def test_a_folder_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "hoist").write_text("a file where the folder should be")
    system = RunningSystem(tmp_path / "hoist")
    system.launch()
    assert system.wait() == 1
    (line,) = [line for line in system.output.splitlines() if "Traceback" not in line]
    assert line.startswith(f"Hoist cannot start. Cannot use {tmp_path / 'hoist'} for data")


def test_a_corrupt_event_database_is_one_clear_line(own_system: RunningSystem) -> None:
    own_system.home.mkdir()
    (own_system.home / "events.db").write_bytes(b"not a database" * 1000)
    own_system.launch()
    assert own_system.wait() == 1
    assert "events.db cannot be read" in own_system.output
    assert "Traceback" not in own_system.output


def test_a_missing_node_is_one_clear_line(tmp_path: Path) -> None:
    for program in ("sh", "make", "python3", "find", "awk"):
        path = shutil.which(program)
        assert path is not None
        (tmp_path / program).symlink_to(path)
    stamp = tmp_path / "stamps" / "node"
    result = subprocess.run(
        ["make", f"STAMPS={stamp.parent}", str(stamp)],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "Hoist needs Node.js 20.19 or later" in result.stderr


def test_chalice_local_started_by_hand_serves_the_api_too(own_system: RunningSystem) -> None:
    own_system.start()
    upload_id = own_system.sign_in().upload(b"both", "both.txt")
    port = RunningSystem(own_system.home).ports.api
    chalice = Path(sys.executable).parent / "chalice"
    by_hand = subprocess.Popen(
        [chalice, "local", "--stage", "local", "--port", str(port)],
        cwd=ROOT,
        env={**CLEAN_ENVIRONMENT, "HOIST_HOME": str(own_system.home), "AWS_PROFILE": "my-own"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        client = own_system.sign_in()
        client.api_url = f"http://127.0.0.1:{port}"

        def listed() -> list[str]:
            try:
                return [
                    upload["id"] for upload in client.request("GET", "/uploads").json["uploads"]
                ]
            except OSError:
                return []

        assert eventually(listed, bool) == [upload_id]
    finally:
        os.killpg(by_hand.pid, signal.SIGTERM)
        by_hand.wait()


def test_the_page_is_sent_to_its_own_origin(system: RunningSystem) -> None:
    page = call("GET", f"http://localhost:{system.ports.page}/config.json")
    assert page.json["api_url"] == system.url("api")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
