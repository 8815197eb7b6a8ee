"""`make release`: what it refuses, what it tags, what it builds."""

import hashlib
import subprocess
import tarfile
from pathlib import Path

import pytest

from scripts import release

CHANGELOG = "# Changelog\n\n## [1.2.3] - 2026-12-01\n\n- One change.\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with a commit, ready to be released as 1.2.3."""
    root = tmp_path / "project"
    for name, text in {
        "chalicelib/version.py": 'VERSION = "1.2.3"\n',
        "CHANGELOG.md": CHANGELOG,
        ".gitignore": "dist/\n",
        "frontend/dist/index.html": "<title>Hoist</title>",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "-q", "-b", "main", root], check=True)
    release.git(root, "config", "user.name", "A Developer")
    release.git(root, "config", "user.email", "developer@example.com")
    commit(root, "First")
    return root


def commit(root: Path, subject: str) -> None:
    release.git(root, "add", "--all")
    release.git(root, "commit", "--quiet", "--allow-empty", "--message", subject)


def test_a_release_is_tagged_and_its_archives_hold_the_project_and_the_page(project: Path) -> None:
    assert release.main(project) == 0

    assert release.git(project, "cat-file", "-t", "v1.2.3") == "tag"
    with tarfile.open(project / "dist" / "hoist-1.2.3.tar.gz") as source:
        assert "hoist-1.2.3/chalicelib/version.py" in source.getnames()
    with tarfile.open(project / "dist" / "hoist-page-1.2.3.tar.gz") as page:
        assert page.getnames() == ["index.html"]
    for line in (project / "dist" / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((project / "dist" / name).read_bytes()).hexdigest() == digest


def test_a_second_run_builds_the_same_bytes(project: Path) -> None:
    release.main(project)
    before = (project / "dist" / "SHA256SUMS").read_text()

    assert release.main(project) == 0
    assert (project / "dist" / "SHA256SUMS").read_text() == before


def test_a_tag_is_never_moved_to_another_commit(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release.main(project)
    commit(project, "Second")

    assert release.main(project) == 1
    assert "raise VERSION" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n", "must begin with `## [1.2.3] - "),
        ("CHANGELOG.md", "# Changelog\n\n## [1.2.3]\n", "must begin with `## [1.2.3] - "),
        ("CHANGELOG.md", "# Changelog\n\n## [1.2.2] - 2026-01-01\n", "must begin with"),
        ("chalicelib/version.py", 'VERSION = "next"\n', "names no version"),
    ],
)
def test_a_project_that_contradicts_itself_is_not_released(
    project: Path, name: str, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / name).write_text(text, encoding="utf-8")
    commit(project, "Contradiction")

    assert release.main(project) == 1
    assert message in capsys.readouterr().err
    assert release.git(project, "tag") == ""


def test_changes_that_are_not_committed_are_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "note.txt").write_text("A note.")

    assert release.main(project) == 1
    assert "note.txt" in capsys.readouterr().err


def test_a_page_that_is_not_built_is_not_released(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "frontend" / "dist" / "index.html").unlink()
    commit(project, "No page")

    assert release.main(project) == 1
    assert "make page" in capsys.readouterr().err
