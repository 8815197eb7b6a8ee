"""The scanner finds secrets wherever a deployment could leave them; this repository is clean."""

import base64
import json
import random
import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.audit.secret_scan import FILES, HARMLESS, SECRETS, Finding, scan
from stage.stage import StageError
from tests.support.environment import CLEAN_ENVIRONMENT, HOIST_ENVIRONMENT

ROOT = Path(__file__).parents[2]
CONFIG = ".chalice/config.json"
RANDOM = random.Random(6)  # noqa: S311 - no secret, but the form of one
BASE64 = string.ascii_letters + string.digits + "+/"
BASE64URL = string.ascii_letters + string.digits + "-_"
HEX = "0123456789abcdef"


def signs(count: int, alphabet: str = BASE64) -> str:
    return "".join(RANDOM.choices(alphabet, k=count))


def part(**claims: str) -> str:
    """One part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


# Composed here, so that this file contains no secret.
KEY_ID = signs(16, string.ascii_uppercase + "234567")
SECRET_KEY = signs(40)
TOKEN = "IQo" + "Jb3JpZ2luX2Vj" + signs(600) + "=="
SIGNATURE = "X-Amz-" + "Signature=" + signs(64, HEX)
JWT = f"{part(alg='RS256', kid='k')}.{part(sub='someone', iss='pool')}.{signs(342, BASE64URL)}"
PLANTED = {
    "key": ("an access key", "AKIA" + KEY_ID),
    "temporary key": ("an access key", "ASIA" + KEY_ID),
    "key in a URL": ("an access key", "X-Amz-Credential%3DASIA" + KEY_ID + "%2F20260301"),
    "env": ("a secret access key", "AWS_SECRET_ACCESS_KEY=" + SECRET_KEY),
    "ini": ("a secret access key", "aws_secret_access_key = " + SECRET_KEY),
    "json": ("a secret access key", f'"SecretAccessKey": "{SECRET_KEY}",'),
    "xml": ("a secret access key", f"<SecretAccessKey>{SECRET_KEY}</SecretAccessKey>"),
    "any name": ("a secret access key", f'"HOIST_BUCKET": "{SECRET_KEY}"'),
    "no name": ("a secret access key", SECRET_KEY),
    "token": ("a session token", "AWS_SESSION_TOKEN=" + signs(300)),
    "token of STS": ("a session token", f"got {TOKEN} back"),
    "token in a URL": ("a session token", "X-Amz-Security-Token=" + signs(150) + "%2F%3D"),
    "presigned": ("a presigned URL", f"https://b.s3.amazonaws.com/a?X-Amz-Date=d&{SIGNATURE}"),
    "SigV2": ("a presigned URL", f"https://b.s3.amazonaws.com/a?Signature={signs(27)}%3D&Expires"),
    "header": ("a presigned URL", f"SignedHeaders=host, Signature={signs(64, HEX)}"),
    "ticket": ("a ticket", "wss://a.example.com/api?ticket=" + signs(43, BASE64URL)),
    "id token": ("a JWT", "Authorization: Bearer " + JWT),
    "refresh token": (
        "a JWT",
        ".".join([part(enc="A256GCM"), *(signs(n, BASE64URL) for n in (342, 16, 900, 22))]),
    ),
    "private key": ("a private key", "-----BEGIN " + "RSA PRIVATE KEY-----"),
    "private key in JSON": ("a private key", '"-----BEGIN ' + 'PRIVATE KEY-----\\nMII"'),
}
PASSWORD = '"HOIST_MAIL_PASSWORD": "hunter2",'
LEFT_BEHIND = {
    ".chalice/deployed/dev.json": "Chalice's note of a deployment",
    ".chalice/deployments/1.zip": "Chalice's note of a deployment",
    ".chalice/policies/dev/notify.json": "a rendered policy",
    ".hoist/environment.json": "the local system's data",
    ".env": "an environment file",
    ".envrc": "an environment file",
    "prod.env": "an environment file",
    "frontend/.env.local": "an environment file",
    "deploy.pem": "a key file",
    "signer.key": "a key file",
    "a/client.p12": "a key file",
    "a/client.pfx": "a key file",
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with one harmless file and our .gitignore."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    (tmp_path / "README.md").write_text("".join(f"{value}\n" for value in HARMLESS))
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, env=CLEAN_ENVIRONMENT, check=True)


def write(clone: Path, path: str, text: str = "x") -> None:
    (clone / path).parent.mkdir(parents=True, exist_ok=True)
    (clone / path).write_text(text)


def stage_recorded(clone: Path, **secret: str) -> None:
    """Our config.json with a stage as a deployment writes it, and with a secret."""
    config = json.loads((ROOT / CONFIG).read_text())
    environment = HOIST_ENVIRONMENT | {
        "HOIST_STAGE": "prod",
        "HOIST_USER_POOL_CLIENT_ID": signs(26, string.ascii_lowercase + string.digits),
        "HOIST_DEAD_LETTERS_ARN": "arn:aws:sqs:eu-west-1:123456789012:hoist-prod-dead-letters",
        "HOIST_KEY_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hoist-x",
    }
    config["stages"]["prod"] = {"environment_variables": environment | secret}
    write(clone, CONFIG, json.dumps(config, indent=2))


def test_this_repository_is_clean() -> None:
    assert scan() == []


def test_every_kind_has_a_planted_secret() -> None:
    kinds = {secret.kind for secret in SECRETS}

    assert kinds == {kind for kind, _ in PLANTED.values()} | {"a secret by its name"}
    assert set(LEFT_BEHIND.values()) == FILES.keys()


def test_harmless_values_are_not_reported(clone: Path) -> None:
    assert scan(clone) == []


@pytest.mark.parametrize("harmless", sorted(HARMLESS))
def test_a_value_beside_a_harmless_one_is_reported(clone: Path, harmless: str) -> None:
    other = "A" if harmless[-1] != "A" else "B"
    write(clone, "a.py", harmless[:-1] + other)

    assert [finding.path for finding in scan(clone)] == ["a.py"]


@pytest.mark.parametrize(
    "path", [".chalice/resources.yaml", "docs/notes.md", "app.py", "a b/\u00fc.txt"]
)
@pytest.mark.parametrize("name", PLANTED)
def test_a_secret_is_reported_with_its_line(clone: Path, name: str, path: str) -> None:
    kind, text = PLANTED[name]
    write(clone, path, f"first\n  value: {text}\nlast\n")

    assert scan(clone) == [Finding(path, 2, kind)]


def test_a_finding_does_not_show_the_secret(clone: Path) -> None:
    write(clone, "a.py", "".join(f"{text}\n" for _, text in PLANTED.values()))

    output = "\n".join(map(str, scan(clone)))
    assert "a.py:1: an access key" in output
    assert not any(text in output for _, text in PLANTED.values())


@given(st.text(BASE64, min_size=40, max_size=40).filter(lambda value: value not in HARMLESS))
def test_every_secret_access_key_is_found_by_its_name(value: str) -> None:
    (secret,) = (each for each in SECRETS if "(?i:secret)" in each.pattern and not each.only_in)

    for text in (f"AWS_SECRET_ACCESS_KEY={value}\n", f'{{"secretAccessKey":"{value}"}}'):
        assert secret.find(text) == [1]


@pytest.mark.parametrize(
    "text",
    [
        "9f698171ed81b15d1823a05fc7211befd50c8ae0",  # a commit
        "https://docs.aws.amazon.com/AmazonS3/latest/dev/UploadingObjects.html",
        "AmazonInspector2AmiScanServiceRolePolicy",
        "sha512-" + signs(86) + "==",
        "&X-Amz-" + 'Signature=" + signature',
        "Signature=aa",
        '"session_token": { "type": "string" }',
    ],
)
def test_text_that_resembles_a_secret_is_not_reported(clone: Path, text: str) -> None:
    write(clone, "a.md", text)

    assert scan(clone) == []


def test_the_configuration_of_a_stage_contains_no_secret(clone: Path) -> None:
    stage_recorded(clone)

    assert scan(clone) == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_secret_in_the_configuration_of_a_stage_is_reported(clone: Path, name: str) -> None:
    kind, text = PLANTED[name]
    stage_recorded(clone, HOIST_MORE=text)

    assert [(finding.path, finding.kind) for finding in scan(clone)] == [(CONFIG, kind)]


@pytest.mark.parametrize(
    "name", ["MAIL_PASSWORD", "mail_passwd", "CLIENT_SECRET", "API_KEY", "HOOK_TOKEN"]
)
def test_any_password_in_the_configuration_is_reported_by_its_name(clone: Path, name: str) -> None:
    stage_recorded(clone, **{name: "hunter2"})

    assert [finding.kind for finding in scan(clone)] == ["a secret by its name"]


def test_a_name_does_not_count_in_other_files(clone: Path) -> None:
    write(clone, "app.json", PASSWORD)

    assert scan(clone) == []


def test_a_file_that_powershell_wrote_is_read(clone: Path) -> None:
    kind, text = PLANTED["env"]
    (clone / "notes.txt").write_bytes(f"\n{text}\n".encode("utf-16"))

    assert scan(clone) == [Finding("notes.txt", 2, kind)]


@pytest.mark.parametrize("after", ["changed", "gone"])
def test_a_secret_that_is_only_staged_is_reported(clone: Path, after: str) -> None:
    kind, text = PLANTED["env"]
    write(clone, "notes.txt", text)
    git(clone, "add", "notes.txt")
    if after == "gone":
        (clone / "notes.txt").unlink()
    else:
        write(clone, "notes.txt", "mended")

    assert scan(clone) == [Finding("notes.txt", 1, kind)]


@pytest.mark.parametrize("path", LEFT_BEHIND)
def test_files_of_a_deployment_are_ignored_by_git(clone: Path, path: str) -> None:
    write(clone, path)

    assert scan(clone) == []


@pytest.mark.parametrize(("path", "kind"), LEFT_BEHIND.items())
def test_files_of_a_deployment_are_reported_if_they_are_added(
    clone: Path, path: str, kind: str
) -> None:
    write(clone, path)
    git(clone, "add", "--force", path)

    assert scan(clone) == [Finding(path, 0, kind)]


@pytest.mark.parametrize(
    "path", [CONFIG, ".chalice/policies/notify.json", "local/environment.py", "docs/keys.md"]
)
def test_files_that_belong_into_git_are_not_ignored(clone: Path, path: str) -> None:
    write(clone, path, PLANTED["key"][1])

    assert [finding.path for finding in scan(clone)] == [path]


def test_a_deleted_or_binary_file_is_no_error(clone: Path) -> None:
    write(clone, "gone.txt")
    git(clone, "add", "gone.txt")
    (clone / "gone.txt").unlink()
    (clone / "picture.png").write_bytes(bytes(range(256)) * 10)
    (clone / "link").symlink_to("nowhere")

    assert scan(clone) == []


def test_a_folder_without_git_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="is it a clone"):
        scan(tmp_path)
