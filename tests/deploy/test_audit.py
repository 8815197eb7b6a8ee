"""`make audit` tells a weakness from a service that did not answer; npm and pip-audit are real."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.audit import __main__ as audit
from deploy.audit.__main__ import Answer
from tests.support.environment import CLEAN_ENVIRONMENT
from tests.support.scripted import Scripted, scripted_server

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:1"  # where nothing listens
# As registry.npmjs.org answers /-/npm/v1/security/advisories/bulk.
ADVISORY = {
    "url": "https://github.com/advisories/GHSA-0",
    "title": "Sums wrongly",
    "severity": "high",
    "vulnerable_versions": "<99",
}
CLEAN = {"name": "blinker", "version": "1.9.0", "vulns": []}
WEAK = {
    "name": "weak",
    "version": "1.30",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1", "GHSA-1"], "fix_versions": ["2.0", "1.31"]}],
}
SILENT = {"name": "chalice", "skip_reason": "Dependency not found on PyPI"}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Npm, with nothing of the developer's settings."""
    for name in ("userconfig", "globalconfig"):
        monkeypatch.setenv(f"npm_config_{name}", str(tmp_path / name))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_update_notifier", "false")
    return monkeypatch


def test_npm_that_finds_nothing_is_clean(registry: pytest.MonkeyPatch) -> None:
    with scripted_server([Scripted(200, "{}")]) as server:
        registry.setenv("npm_config_registry", server.url)
        answer = audit.node_packages()

    assert server.requests == ["POST /-/npm/v1/security/advisories/bulk"]
    assert (answer.found, answer.unknown) == ((), ())
    assert int(answer.looked_at.split()[0]) > 2


def test_a_weakness_that_npm_knows_is_told_with_its_package(registry: pytest.MonkeyPatch) -> None:
    answers = [Scripted(200, json.dumps({"hash-wasm": [ADVISORY]})), Scripted(404)]
    with scripted_server(answers) as server:
        registry.setenv("npm_config_registry", server.url)
        answer = audit.node_packages()

    told = "hash-wasm <99: Sums wrongly, high, https://github.com/advisories/GHSA-0"
    assert answer.found == (told,)
    assert answer.unknown == ()


def test_an_npm_registry_without_advisories_is_no_clean_result(
    registry: pytest.MonkeyPatch,
) -> None:
    with scripted_server([Scripted(405)]) as server:
        registry.setenv("npm_config_registry", server.url)
        answer = audit.node_packages()

    assert answer.found == ()
    assert ["405" in reason for reason in answer.unknown] == [True]


def test_neither_is_an_npm_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    (reason,) = audit.node_packages().unknown
    assert "'npm'" in reason


def test_a_lock_that_is_not_there_is_no_clean_result(tmp_path: Path) -> None:
    (reason,) = audit.python_packages(tmp_path).unknown

    assert "requirements-dev.txt" in reason


@pytest.mark.parametrize(
    ("packages", "answer"),
    [
        ([CLEAN], Answer("1 packages")),
        (
            [CLEAN, WEAK],
            Answer(
                "2 packages",
                ("weak 1.30: PYSEC-1, also known as CVE-1, GHSA-1, mended in 2.0, 1.31",),
            ),
        ),
        (
            [CLEAN, SILENT],
            Answer("2 packages", unknown=("PyPI's advisories know nothing of chalice",)),
        ),
        (
            [SILENT, SILENT],
            Answer("2 packages", unknown=("PyPI's advisories answered for none of 2 packages",)),
        ),
        ([], Answer("0 packages", unknown=("PyPI's advisories answered for none of 0 packages",))),
    ],
    ids=["clean", "weak", "one unknown", "all unknown", "none"],
)
def test_what_pip_audit_told_is_read(packages: list[dict[str, Any]], answer: Answer) -> None:
    assert audit.pypi_told({"dependencies": packages, "fixes": []}) == answer


def test_a_weakness_without_a_remedy_says_so() -> None:
    weakness = {"id": "PYSEC-1", "aliases": [], "fix_versions": []}
    report = {"dependencies": [{"name": "a", "version": "1", "vulns": [weakness]}]}

    assert audit.pypi_told(report).found == ("a 1: PYSEC-1, not mended yet",)


def test_a_package_that_npm_calls_weak_for_another_is_told_once() -> None:
    advisory = {"range": "<9", "title": "t", "severity": "low", "url": "u"}
    weak = {"inner": {"via": [advisory]}, "outer": {"via": ["inner"]}}
    report = {"vulnerabilities": weak, "metadata": {"dependencies": {"prod": 2}}}

    assert audit.npm_told(report).found == ("inner <9: t, low, u",)


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([Answer("a"), Answer("b")], 0),
        ([Answer("a"), Answer("b", unknown=("x",))], 2),
        ([Answer("a", unknown=("x",)), Answer("b", found=("y",))], 1),
    ],
)
def test_the_status_tells_a_finding_from_no_answer(answers: list[Answer], status: int) -> None:
    assert audit.status(answers) == status


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer("3 files"), "  3 files: nothing found"),
        (Answer("3 files", ("a", "b")), "  a\n  b"),
        (Answer("3 files", ("a",), ("no answer",)), "  a\n  NOT CHECKED: no answer"),
    ],
)
def test_an_answer_is_a_line_for_each_thing(answer: Answer, text: str) -> None:
    assert str(answer) == text


def test_a_secret_is_told_with_what_to_do(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, env=CLEAN_ENVIRONMENT, check=True)
    (tmp_path / "a.py").write_text("KEY = 'AKIA" + "Q" * 16 + "'\n")

    told = f"a.py:1: an access key: {audit.REPLACE}"
    assert audit.committable(tmp_path) == Answer("1 files", (told,))


def test_a_folder_without_git_is_no_clean_result(tmp_path: Path) -> None:
    assert audit.status([audit.committable(tmp_path)]) == 2


def test_the_lock_holds_what_the_functions_are_shipped_with() -> None:
    """pip-audit reads the lock alone; what is no comment in requirements.txt is a package."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    shipped = [line for line in lines if line and not line.startswith("#")]
    locked = (ROOT / "requirements-dev.txt").read_text().split()

    assert [package for package in shipped if package not in locked] == []


def test_all_are_asked_and_told_whoever_cannot_be_reached(
    registry: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        registry.setenv(name, NOWHERE)
    for name in ("NO_PROXY", "no_proxy"):
        registry.delenv(name, raising=False)
    registry.setattr("sys.argv", ["audit"])

    status = audit.main()

    told = capsys.readouterr().out
    assert status == 2
    assert "files: nothing found" in told
    assert re.search(r"NOT CHECKED: .*pypi\.org", told)
    assert re.search(r"NOT CHECKED: npm's advisories: .*ECONNREFUSED", told)


def checked(*failed: str) -> Any:
    """A report of checkov's, of checks that failed."""
    found = [{"resource": "Bucket", "check_name": "Be good", "check_id": each} for each in failed]
    return {"results": {"failed_checks": found}, "summary": {"passed": 52}}


def test_what_checkov_finds_is_told_but_for_what_is_done_without() -> None:
    report = checked(*audit.DONE_WITHOUT, "CKV_AWS_1")

    assert audit.checkov_told(report).found == ("Bucket: Be good (CKV_AWS_1)",)


def test_an_excuse_that_nothing_needs_any_more_is_told() -> None:
    first, *rest = audit.DONE_WITHOUT

    (told,) = audit.checkov_told(checked(*rest)).found

    assert told == f"{first} is done without for no reason any more"


def test_checkov_that_does_not_answer_is_not_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "CHECKOV", ["false"])

    assert audit.template().unknown
