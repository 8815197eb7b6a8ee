"""`make audit` distinguishes a weakness from a failed lookup; npm and pip-audit are real."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.audit import __main__ as audit
from deploy.audit.__main__ import Result
from tests.support.environment import CLEAN_ENVIRONMENT
from tests.support.scripted import Scripted, scripted_server

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:1"  # where nothing listens
# A response of registry.npmjs.org to /-/npm/v1/security/advisories/bulk.
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
    """npm without the developer's settings."""
    for name in ("userconfig", "globalconfig"):
        monkeypatch.setenv(f"npm_config_{name}", str(tmp_path / name))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_update_notifier", "false")
    return monkeypatch


def test_a_report_of_npm_without_findings_is_clean(registry: pytest.MonkeyPatch) -> None:
    with scripted_server([Scripted(200, "{}")]) as server:
        registry.setenv("npm_config_registry", server.url)
        answer = audit.node_packages()

    assert server.requests == ["POST /-/npm/v1/security/advisories/bulk"]
    assert (answer.findings, answer.unknown) == ((), ())
    assert int(answer.subject.split()[0]) > 2


def test_a_weakness_from_npm_is_reported_with_its_package(registry: pytest.MonkeyPatch) -> None:
    answers = [Scripted(200, json.dumps({"hash-wasm": [ADVISORY]})), Scripted(404)]
    with scripted_server(answers) as server:
        registry.setenv("npm_config_registry", server.url)
        answer = audit.node_packages()

    line = "hash-wasm <99: Sums wrongly, high, https://github.com/advisories/GHSA-0"
    assert answer.findings == (line,)
    assert answer.unknown == ()


def test_an_npm_registry_without_advisories_is_no_clean_result(
    registry: pytest.MonkeyPatch,
) -> None:
    with scripted_server([Scripted(405)]) as server:
        registry.setenv("npm_config_registry", server.url)
        answer = audit.node_packages()

    assert answer.findings == ()
    assert ["405" in reason for reason in answer.unknown] == [True]


def test_a_missing_npm_is_no_clean_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    (reason,) = audit.node_packages().unknown
    assert "'npm'" in reason


def test_a_missing_lock_file_is_no_clean_result(tmp_path: Path) -> None:
    (reason,) = audit.python_packages(tmp_path).unknown

    assert "requirements-dev.txt" in reason


@pytest.mark.parametrize(
    ("packages", "answer"),
    [
        ([CLEAN], Result("1 packages")),
        (
            [CLEAN, WEAK],
            Result(
                "2 packages",
                ("weak 1.30: PYSEC-1, also known as CVE-1, GHSA-1, fixed in 2.0, 1.31",),
            ),
        ),
        (
            [CLEAN, SILENT],
            Result("2 packages", unknown=("PyPI's advisories do not cover chalice",)),
        ),
        (
            [SILENT, SILENT],
            Result("2 packages", unknown=("PyPI's advisories cover none of 2 packages",)),
        ),
        ([], Result("0 packages", unknown=("PyPI's advisories cover none of 0 packages",))),
    ],
    ids=["clean", "weak", "one unknown", "all unknown", "none"],
)
def test_the_report_of_pip_audit_is_read(packages: list[dict[str, Any]], answer: Result) -> None:
    assert audit.read_pip_audit({"dependencies": packages, "fixes": []}) == answer


def test_a_weakness_without_a_remedy_says_so() -> None:
    weakness = {"id": "PYSEC-1", "aliases": [], "fix_versions": []}
    report = {"dependencies": [{"name": "a", "version": "1", "vulns": [weakness]}]}

    assert audit.read_pip_audit(report).findings == ("a 1: PYSEC-1, not fixed yet",)


def test_a_weakness_is_reported_only_for_the_package_that_has_it() -> None:
    advisory = {"range": "<9", "title": "t", "severity": "low", "url": "u"}
    weak = {"inner": {"via": [advisory]}, "outer": {"via": ["inner"]}}
    report = {"vulnerabilities": weak, "metadata": {"dependencies": {"prod": 2}}}

    assert audit.read_npm_audit(report).findings == ("inner <9: t, low, u",)


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([Result("a"), Result("b")], 0),
        ([Result("a"), Result("b", unknown=("x",))], 2),
        ([Result("a", unknown=("x",)), Result("b", findings=("y",))], 1),
    ],
)
def test_the_exit_status_distinguishes_findings_from_failed_checks(
    answers: list[Result], status: int
) -> None:
    assert audit.status(answers) == status


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Result("3 files"), "  3 files: nothing found"),
        (Result("3 files", ("a", "b")), "  a\n  b"),
        (Result("3 files", ("a",), ("no answer",)), "  a\n  NOT CHECKED: no answer"),
    ],
)
def test_a_result_has_one_line_for_each_finding(answer: Result, text: str) -> None:
    assert str(answer) == text


def test_a_secret_is_reported_with_a_remedy(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, env=CLEAN_ENVIRONMENT, check=True)
    (tmp_path / "a.py").write_text("KEY = 'AKIA" + "Q" * 16 + "'\n")

    line = f"a.py:1: an access key: {audit.REPLACE}"
    assert audit.committable(tmp_path) == Result("1 files", (line,))


def test_a_folder_without_git_is_no_clean_result(tmp_path: Path) -> None:
    assert audit.status([audit.committable(tmp_path)]) == 2


def test_the_lock_file_contains_the_packages_of_the_functions() -> None:
    """pip-audit reads only the lock file, so that must contain requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    shipped = [line for line in lines if line and not line.startswith("#")]
    locked = (ROOT / "requirements-dev.txt").read_text().split()

    assert [package for package in shipped if package not in locked] == []


def test_every_check_runs_and_reports_an_unreachable_service(
    registry: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        registry.setenv(name, NOWHERE)
    for name in ("NO_PROXY", "no_proxy"):
        registry.delenv(name, raising=False)
    registry.setattr("sys.argv", ["audit"])

    status = audit.main()

    output = capsys.readouterr().out
    assert status == 2
    assert "files: nothing found" in output
    assert re.search(r"NOT CHECKED: .*pypi\.org", output)
    assert re.search(r"NOT CHECKED: npm's advisories: .*ECONNREFUSED", output)


def checked(*failed: str) -> Any:
    """A report of checkov with failed checks."""
    result = [{"resource": "Bucket", "check_name": "Be good", "check_id": each} for each in failed]
    return {"results": {"failed_checks": result}, "summary": {"passed": 52}}


def test_findings_of_checkov_are_reported_except_the_exceptions() -> None:
    report = checked(*audit.EXCEPTIONS, "CKV_AWS_1")

    assert audit.read_checkov(report).findings == ("Bucket: Be good (CKV_AWS_1)",)


def test_an_exception_that_is_no_longer_needed_is_reported() -> None:
    first, *rest = audit.EXCEPTIONS

    (line,) = audit.read_checkov(checked(*rest)).findings

    assert line == f"the exception for {first} is no longer needed"


def test_a_failure_of_checkov_is_no_clean_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "CHECKOV", ["false"])

    assert audit.template().unknown
