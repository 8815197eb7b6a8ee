"""SeaweedFS's command and configuration, without starting it."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from local.aws import seaweedfs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "s3"


def command(folder: Path, **changes: Any) -> list[str]:
    settings = {
        "port": 8333,
        "webhook": "http://127.0.0.1:9/s3",
        "access_key": "an access key",
        "secret_key": "a secret key",
        "bucket": "hoist-local",
    }
    return seaweedfs.command(folder, **settings | changes)  # type: ignore[arg-type]


def ports(options: list[str]) -> list[int]:
    """Every port that the command uses."""
    options_of_ports = (option.partition("=") for option in options if ".port" in option)
    return [int(value) for _, _, value in options_of_ports if value != "0"]


def test_the_program_exists_and_listens_on_this_machine_only(folder: Path) -> None:
    program, subcommand, *options = command(folder)

    assert Path(program).is_file()
    assert subcommand == "mini"
    assert "-ip=127.0.0.1" in options
    assert "-ip.bind=127.0.0.1" in options
    assert "-s3.port=8333" in options


def test_its_ports_differ(folder: Path) -> None:
    used = ports(command(folder))

    assert len(used) == 10
    assert len(set(used)) == 10


def test_each_command_has_new_inner_ports(folder: Path) -> None:
    assert ports(command(folder)) != ports(command(folder))


def test_one_identity_may_do_what_the_application_does(folder: Path) -> None:
    command(folder)

    (identity,) = json.loads((folder / "identities.json").read_text())["identities"]
    keys = {"accessKey": "an access key", "secretKey": "a secret key"}
    assert identity["credentials"] == [keys]
    assert set(identity["actions"]) == {"Admin", "Read", "Write", "List", "Tagging"}


def test_the_webhook_reports_uploads_to_the_bridge_in_order(folder: Path) -> None:
    command(folder)

    webhook = tomllib.loads((folder / "notification.toml").read_text())["notification"]["webhook"]
    assert webhook["enabled"] is True
    assert webhook["endpoint"] == "http://127.0.0.1:9/s3"
    assert webhook["path_prefixes"] == ["/buckets/hoist-local/uploads/"]
    assert webhook["workers"] == 1


def test_objects_stay_and_the_state_of_earlier_ports_is_deleted(folder: Path) -> None:
    command(folder)
    (folder / "data" / "m12345").mkdir()
    (folder / "data" / "m12345" / "log").write_text("raft")
    (folder / "data" / "1.dat").write_bytes(b"objects")
    (folder / "data" / "metadata").mkdir()

    command(folder)

    names = sorted(path.name for path in (folder / "data").iterdir())
    assert names == ["1.dat", "metadata"]
