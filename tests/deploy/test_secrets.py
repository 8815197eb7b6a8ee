"""What must not be committed is found wherever deploying could leave it; what is here is clean."""

import random
import string
import subprocess
from pathlib import Path

import pytest

from deploy.secrets import EXCUSED, FILES, SECRETS, main, scan
from deploy.stage import StageError
from tests.environment import CLEAN_ENVIRONMENT

RANDOM = random.Random(6)  # noqa: S311 - no secret, but the form of one


def signs(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(RANDOM.choices(alphabet, k=count))


# Put together here, so that this file holds none.
PLANTED = {
    "an access key": "ASIA" + signs(16, string.ascii_uppercase + string.digits),
    "a secret access key": '"secret_access_key": "' + signs(40) + '"',
    "a session token": "AWS_SESSION_TOKEN=" + signs(200),
    "a presigned URL": "https://b.s3.amazonaws.com/a?X-Amz-Signature="
    + signs(64, "0123456789abcdef"),
    "a ticket": "wss://a.example.com/api?ticket=" + signs(43),
    "a JWT": "Bearer eyJ" + signs(30) + ".eyJ" + signs(80) + "." + signs(86),
    "a private key": "-----BEGIN " + "RSA PRIVATE KEY-----",
}
LEFT_BEHIND = {
    "what Chalice remembers of a deployment": ".chalice/deployed/dev.json",
    "a rendered policy": ".chalice/policies/dev/notify.json",
    "the local system's data": ".hoist/environment.json",
    "an environment file": "frontend/.env.local",
    "a key file": "deploy.pem",
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with one harmless file and our .gitignore."""
    git(tmp_path, "init", "--quiet")
    ignored = Path(__file__).parents[2] / ".gitignore"
    (tmp_path / ".gitignore").write_text(ignored.read_text())
    (tmp_path / "README.md").write_text("AKIAIOSFODNN7EXAMPLE is AWS's own example\n")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, env=CLEAN_ENVIRONMENT, check=True)


def write(clone: Path, path: str, text: str = "x") -> None:
    (clone / path).parent.mkdir(parents=True, exist_ok=True)
    (clone / path).write_text(text)


def test_this_repository_is_clean() -> None:
    assert scan() == []


def test_every_kind_is_planted() -> None:
    assert PLANTED.keys() == SECRETS.keys()
    assert LEFT_BEHIND.keys() == FILES.keys()


def test_what_is_harmless_is_not_found(clone: Path) -> None:
    assert scan(clone) == []


@pytest.mark.parametrize(
    "path", [".chalice/config.json", "docs/notes.md", "app.py", "a b/\u00fc.txt"]
)
@pytest.mark.parametrize("kind", PLANTED)
def test_a_secret_is_found_where_it_stands_and_not_shown(
    clone: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    path: str,
) -> None:
    write(clone, path, f"first\n  value: {PLANTED[kind]}\n")
    monkeypatch.setattr("deploy.secrets.scan.__defaults__", (clone,))
    monkeypatch.setattr("sys.argv", ["deploy.secrets"])

    status = main()

    told = capsys.readouterr()
    assert status == 1
    assert f"{path}:2: {kind}" in told.out
    assert PLANTED[kind] not in told.out + told.err


@pytest.mark.parametrize("kind", PLANTED)
def test_a_line_can_be_excused(clone: Path, kind: str) -> None:
    write(clone, "a.py", f"{PLANTED[kind]}  {EXCUSED}\n")

    assert scan(clone) == []


@pytest.mark.parametrize("path", LEFT_BEHIND.values())
def test_what_deploying_leaves_is_ignored_by_git(clone: Path, path: str) -> None:
    write(clone, path)

    assert scan(clone) == []


@pytest.mark.parametrize(("kind", "path"), LEFT_BEHIND.items())
def test_and_found_when_somebody_adds_it_all_the_same(clone: Path, kind: str, path: str) -> None:
    write(clone, path)
    git(clone, "add", "--force", path)

    assert [(each.path, each.kind) for each in scan(clone)] == [(path, kind)]


def test_a_file_that_is_deleted_or_no_text_does_no_harm(clone: Path) -> None:
    write(clone, "gone.txt")
    git(clone, "add", "gone.txt")
    (clone / "gone.txt").unlink()
    (clone / "picture.png").write_bytes(bytes(range(256)) * 10)
    (clone / "link").symlink_to("nowhere")

    assert scan(clone) == []


def test_a_folder_that_is_no_clone_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="is it a clone"):
        scan(tmp_path)
