"""S3 clients as real processes: each uses temporary credentials that renew themselves.

`make tools` installs them. The commands are those of the table in README.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import pytest

from chalicelib.parts import MIB
from tests.support.environment import CLEAN_ENVIRONMENT
from tests.support.running import DEMO, ROOT, Client, RunningSystem, call, eventually  # type: ignore[attr-defined]

pytestmark = pytest.mark.system

TOOLS = ROOT / ".tools" / "bin"
SCRIPT = ROOT / "scripts" / "credentials.py"
SMALL = {
    "Gru\u0308ße aus Köln.txt": b"decomposed",
    "it's 100% + 1.txt": b"apostrophe",
    "हिन्दी 👩‍👩‍👧.txt": b"marks",
    "תקציר.txt": b"right to left",
    "sub/b.txt": b"deeper",
    "sub/empty.bin": b"",
}
LARGE = "large.bin"
FILES = SMALL | {LARGE: os.urandom(20 * MIB)}
READ_BY_S3FS = """
import sys, s3fs
s3fs.S3FileSystem(profile="hoist").put("photos/", sys.argv[1] + "photos/", recursive=True)
"""
SENT_BY_MINIO = """
import json, pathlib, subprocess, sys, urllib.parse, minio
_, script, where, endpoint = sys.argv
bucket, _, prefix = where.removeprefix("s3://").partition("/")
lent = json.loads(subprocess.check_output([sys.executable, script]))
keys = lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"]
client = minio.Minio(endpoint, *keys, secure=False)
for path in pathlib.Path("photos").rglob("*"):
    if path.is_file():
        client.fput_object(bucket, f"{prefix}{path}", str(path))
"""


@dataclass(frozen=True)
class Desk:
    """A person's machine: a folder of photos, a profile, and an account that is signed in."""

    folder: Path
    client: Client
    environment: dict[str, str]
    where: str

    def run(self, *command: str, data: bytes | None = None) -> str:
        """Run a tool beside `photos`; fails where the tool does."""
        ended = self.try_to_run(*command, data=data)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout.decode()

    def try_to_run(
        self, *command: str, data: bytes | None = None
    ) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            input=data,
            capture_output=True,
            timeout=120,
            check=False,
        )

    def arrived(self, below: str, count: int) -> dict[str, Any]:
        """The uploads below a folder by what follows it in the key, once all are accepted."""
        prefix = f"{self.where.partition('/uploads/')[2]}{below}"

        def accepted() -> dict[str, Any]:
            uploads = self.client.request("GET", "/uploads?state=accepted").json["uploads"]
            keys = ((each["key"].removeprefix(f"uploads/{prefix}"), each) for each in uploads)
            return {rest: each for rest, each in keys if rest != each["key"]}

        return eventually(accepted, lambda uploads: len(uploads) >= count)


@pytest.fixture(scope="module")
def desk(system: RunningSystem, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    assert (TOOLS / "rclone").exists(), "run `make tools` first"
    folder = tmp_path_factory.mktemp("desk")
    for name, content in FILES.items():
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    email = "tools@example.com"
    client = system.sign_in(email)
    environment = CLEAN_ENVIRONMENT | {
        "HOME": str(folder),
        "PATH": f"{TOOLS}:{CLEAN_ENVIRONMENT['PATH']}",
        "HOIST_PASSWORD": DEMO["password"],
        "AWS_PROFILE": "hoist",
        "AWS_ENDPOINT_URL": system.url("s3"),
        "S3_ENDPOINT_URL": system.url("s3"),
        "RCLONE_S3_ENV_AUTH": "true",
        "RCLONE_S3_NO_CHECK_BUCKET": "true",
        "RCLONE_S3_PROVIDER": "SeaweedFS",
        "RCLONE_S3_ENDPOINT": system.url("s3"),
    }
    desk = Desk(folder, client, environment, "")
    signed_in = desk.run(
        sys.executable, str(SCRIPT), "sign-in", system.ports.page_origin, "--email", email
    )
    (folder / ".aws").mkdir()
    (folder / ".aws" / "config").write_text(signed_in.partition("\n\n")[2])
    where = desk.run(sys.executable, str(SCRIPT), "where").strip()
    return Desk(folder, client, environment, where)


def rclone(desk: Desk, below: str) -> str:
    return f":s3:{desk.where.removeprefix('s3://')}{below}"


def aws_cp(desk: Desk, to: str) -> None:
    desk.run("aws", "s3", "cp", "--recursive", "photos", f"{desk.where}{to}photos/")


def aws_sync(desk: Desk, to: str) -> None:
    desk.run("aws", "s3", "sync", "photos", f"{desk.where}{to}photos/")
    assert desk.run("aws", "s3", "sync", "photos", f"{desk.where}{to}photos/") == ""


def s5cmd_cp(desk: Desk, to: str) -> None:
    desk.run("s5cmd", "cp", "photos", f"{desk.where}{to}")
    desk.run("s5cmd", "cp", "-n", "photos", f"{desk.where}{to}")


def s5cmd_sync(desk: Desk, to: str) -> None:
    # `sync` of s5cmd 2.3 does not find files whose names have a zero-width joiner; `cp` does.
    shutil.copytree(
        desk.folder / "photos", desk.folder / "plain", ignore=shutil.ignore_patterns("*👩*")
    )
    command = ["s5cmd", "sync", "plain/", f"{desk.where}{to}photos/"]
    desk.run(*command)
    assert desk.run(*command) == ""
    (joined,) = [name for name in FILES if "👩" in name]
    desk.run("s5cmd", "cp", f"photos/{joined}", f"{desk.where}{to}photos/")


def rclone_copy(desk: Desk, to: str) -> None:
    for name in FILES:
        target = rclone(desk, f"{to}photos/{name.rpartition('/')[0]}")
        desk.run("rclone", "copy", "--checksum", f"photos/{name}", target)


def rclone_sync(desk: Desk, to: str) -> None:
    command = ["rclone", "sync", "--checksum", "photos", rclone(desk, f"{to}photos")]
    desk.run(*command)
    (desk.folder / "photos" / "sub" / "b.txt").touch()
    desk.run(*command)
    desk.run("rclone", "check", "photos", rclone(desk, f"{to}photos"))


def s3fs_put(desk: Desk, to: str) -> None:
    desk.run("python", "-c", READ_BY_S3FS, f"{desk.where}{to}")


def minio_put(desk: Desk, to: str) -> None:
    endpoint = desk.environment["S3_ENDPOINT_URL"].removeprefix("http://")
    desk.run("python", "-c", SENT_BY_MINIO, str(SCRIPT), f"{desk.where}{to}", endpoint)


WAYS = (
    aws_cp, aws_sync, s5cmd_cp, s5cmd_sync, rclone_copy, rclone_sync, s3fs_put, minio_put,
)  # fmt: skip


@pytest.mark.parametrize("send", WAYS, ids=lambda way: way.__name__)
def test_a_tool_sends_a_folder_and_every_file_has_its_own_name(
    desk: Desk, send: Callable[[Desk, str], None]
) -> None:
    to = f"{send.__name__}/"

    send(desk, to)

    uploads = desk.arrived(f"{to}photos/", len(FILES))
    assert uploads.keys() == FILES.keys()
    for path, upload in uploads.items():
        name = path.rpartition("/")[2]
        assert (upload["filename"], upload["size"]) == (name, len(FILES[path]))
        url = desk.client.request("GET", f"/uploads/{upload['id']}/download").json["url"]
        downloaded = call("GET", url)
        assert downloaded.body == FILES[path]
        saved_as = re.search(r"filename\*=UTF-8''(\S+)$", downloaded.headers["Content-Disposition"])
        assert saved_as is not None
        assert unquote(saved_as[1]) == name


def test_a_tool_sends_files_that_it_reads_from_another_store(desk: Desk) -> None:
    to = f"{desk.where}piped/"

    desk.run("aws", "s3", "cp", "-", f"{to}aws.txt", data=b"piped")
    desk.run("s5cmd", "pipe", f"{to}s5cmd.txt", data=b"piped")
    desk.run("rclone", "rcat", rclone(desk, "piped/rclone.txt"), data=b"piped")

    uploads = desk.arrived("piped/", 3)
    assert {upload["size"] for upload in uploads.values()} == {5}


def test_a_folder_created_by_a_tool_is_no_file(desk: Desk, system: RunningSystem) -> None:
    bucket, _, prefix = desk.where.removeprefix("s3://").partition("/")
    put = ["aws", "s3api", "put-object", "--bucket", bucket, "--key"]

    desk.run(*put, f"{prefix}made/photos/")
    desk.run(*put, f"{prefix}made/films_$folder$")
    desk.run(*put, f"{prefix}made/songs", "--content-type", "application/x-directory")
    desk.run("aws", "s3", "cp", "photos/sub/b.txt", f"{desk.where}made/photos/b.txt")

    uploads = desk.arrived("made/", 1)
    assert uploads.keys() == {"photos/b.txt"}
    listed = ["s5cmd", "ls", f"{desk.where}made/*"]
    eventually(
        lambda: desk.run(*listed).splitlines(),
        lambda lines: [line.split()[-1] for line in lines] == ["photos/b.txt"],
    )
    log = (system.home / "log" / "functions.log").read_text()
    assert log.count('"reason": "the marker of a folder"') == 2
    assert desk.arrived("made/", 1).keys() == {"photos/b.txt"}


def test_a_transfer_outlives_its_first_credentials(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in desk.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(desk.folder / ".aws" / "config"))
    session: Any = boto3.Session(profile_name="hoist")
    credentials = session.get_credentials()
    first = credentials.get_frozen_credentials().access_key
    bucket, _, prefix = desk.where.removeprefix("s3://").partition("/")
    s3 = session.client("s3")
    s3.put_object(Bucket=bucket, Key=f"{prefix}long/1", Body=b"x")
    now = credentials._time_fetcher

    with monkeypatch.context() as later:
        later.setattr(credentials, "_time_fetcher", lambda: now() + timedelta(minutes=46))
        s3.put_object(Bucket=bucket, Key=f"{prefix}long/2", Body=b"x")
        second = credentials._access_key

    assert first != second
    assert desk.arrived("long/", 2).keys() == {"1", "2"}


# --- The script ----------------------------------------------------------------------------------


def test_only_its_owner_reads_the_session_and_nothing_prints_it(desk: Desk) -> None:
    path = desk.folder / ".config" / "hoist" / "credentials.json"

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    text = path.read_text()
    assert DEMO["password"] not in text
    assert "AccessKeyId" not in text
    assert not list(path.parent.glob("credentials.json.*"))


def script(desk: Desk, tmp_path: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """The exit status and the output of the script, with its own file."""
    own = {"HOIST_CREDENTIALS_FILE": str(tmp_path / "kept.json")} | environment
    elsewhere = Desk(desk.folder, desk.client, desk.environment | own, desk.where)
    ended = elsewhere.try_to_run(sys.executable, str(SCRIPT), *arguments)
    assert ended.stdout == b"" or ended.returncode == 0
    return ended.returncode, ended.stderr.decode()


def test_the_script_says_how_to_sign_in(desk: Desk, tmp_path: Path) -> None:
    status, output = script(desk, tmp_path)

    assert (status, output) == (1, "credentials: Nobody is signed in: credentials.py sign-in …\n")


def test_the_script_says_that_a_password_is_wrong(
    desk: Desk, system: RunningSystem, tmp_path: Path
) -> None:
    arguments = ["sign-in", system.ports.page_origin, "--email", "tools@example.com"]
    status, output = script(desk, tmp_path, *arguments, HOIST_PASSWORD="Wrong-password-1")

    assert status == 1
    assert "NotAuthorizedException" in output
    assert "Wrong-password-1" not in output
    assert not (tmp_path / "kept.json").exists()


def test_the_script_sends_an_account_with_a_first_password_to_the_page(
    desk: Desk, system: RunningSystem, tmp_path: Path
) -> None:
    page = system.ports.page_origin
    pool = call("GET", f"{page}/config.json").json["user_pool_id"]
    account = {"UserPoolId": pool, "Username": "first@example.com"}
    user = account | {"TemporaryPassword": DEMO["password"], "MessageAction": "SUPPRESS"}
    assert system.cognito("AdminCreateUser", user).status == 200

    status, output = script(desk, tmp_path, "sign-in", page, "--email", account["Username"])

    assert status == 1
    assert "Sign in on the page first" in output


def test_after_sign_out_the_script_gives_no_credentials(
    desk: Desk, system: RunningSystem, tmp_path: Path
) -> None:
    page = system.ports.page_origin
    assert script(desk, tmp_path, "sign-in", page, "--email", "tools@example.com") == (0, "")
    assert script(desk, tmp_path, "where") == (0, "")

    script(desk, tmp_path, "sign-out")

    assert not (tmp_path / "kept.json").exists()
    assert script(desk, tmp_path)[0] == 1


@pytest.mark.parametrize("address", ["file:///etc/passwd", "files.example.com"])
def test_the_script_signs_in_to_pages_only(desk: Desk, tmp_path: Path, address: str) -> None:
    status, output = script(desk, tmp_path, "sign-in", address, "--email", "a@example.com")

    assert (status, output) == (
        1,
        f"credentials: Not the address of a page: {address}/config.json\n",
    )
