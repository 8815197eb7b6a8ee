"""`make audit`: secrets that git would add, known weaknesses of packages, and of the template.

A failed lookup must not look like a clean result. The tool `pip-audit` exits with 0 for a package
that PyPI does not know. `npm` exits alike for a weakness and for a network error. So this module
parses their output and ignores their exit status. Exit status of `make audit`: 1 for a finding, 2
if something could not be checked (`make` prints it and exits with 2 either way).
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.audit import secret_scan
from deploy.command import arguments, run
from deploy.terminal import readable
from stage.stage import ROOT, StageError

# requirements-dev.txt contains requirements.txt, locked by hash: nothing has to be resolved.
PIP_AUDIT = [
    *(sys.executable, "-m", "pip_audit", "--requirement", "requirements-dev.txt"),
    *("--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off"),
]
# The packages in the page; those that only build and test it reach no user.
NPM_AUDIT = ["npm", "audit", "--omit=dev", "--json"]
# In an environment of its own, because it pins an old boto3.
CHECKOV = [
    *(str(Path(sys.executable).parent / "uv"), "tool", "run", "--quiet"),
    *("--from", "checkov==3.3.30", "checkov", "--file", ".chalice/resources.yaml"),
    *("--framework", "cloudformation", "--compact", "--output", "json", "--skip-download"),
]
# The rules of checkov that the template breaks on purpose, and why.
EXCEPTIONS = {
    "CKV_AWS_18": "S3's access log would hold presigned URLs; CloudTrail's data events do not",
    "CKV_AWS_21": "versions are a parameter; the page is built again",
    "CKV_AWS_26": "alarms cannot use AWS's own key, and name no file and no owner",
    "CKV_AWS_27": "encrypted, with SQS's own keys",
    "CKV_AWS_68": "a firewall costs money every month, and only S3 is behind it",
    "CKV_AWS_86": "CloudFront's access log would hold presigned URLs",
    "CKV_AWS_115": "the function runs only when an account is created",
    "CKV_AWS_116": "Cognito waits for the function, so no event is lost",
    "CKV_AWS_117": "a function that makes no calls needs no network",
    "CKV_AWS_119": "encrypted, with the key that AWS manages; CloudTrail logs its use",
    "CKV_AWS_158": "encrypted, with CloudWatch's own keys",
    "CKV_AWS_173": "the variable is a list of domains",
    "CKV_AWS_174": "TLS 1.2 needs a domain of one's own: with PageDomain it is required",
}
REPLACE = "remove it; a secret that was pushed must also be replaced"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one check: its subject, its findings, and what it could not check."""

    subject: str
    findings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [*self.findings, *(f"NOT CHECKED: {reason}" for reason in self.unknown)]
        return "\n".join(
            f"  {readable(line)}" for line in lines or [f"{self.subject}: nothing found"]
        )


def committable(root: Path = ROOT) -> Result:
    """Secrets in the files that git has or would add."""
    try:
        count = len(secret_scan.committable(root))
        findings = tuple(f"{finding}: {REPLACE}" for finding in secret_scan.scan(root))
    except StageError as error:
        return Result("files", unknown=(str(error),))
    return Result(f"{count} files", findings)


def python_packages(root: Path = ROOT) -> Result:
    """Known weaknesses of the Python packages, from PyPI's advisories."""
    return _run(PIP_AUDIT, root, read_pip_audit)


def node_packages(root: Path = ROOT) -> Result:
    """Known weaknesses of the page's packages, from npm's advisories."""
    return _run(NPM_AUDIT, root / "frontend", read_npm_audit)


def read_pip_audit(report: Mapping[str, Any]) -> Result:
    """Read pip-audit's report; raises KeyError for any other document."""
    packages = report["dependencies"]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    findings = [
        f"{package['name']} {package['version']}: {weakness['id']}"
        f"{_listed(', also known as', weakness['aliases'])}"
        f"{_listed(', fixed in', weakness['fix_versions']) or ', not fixed yet'}"
        for package in packages
        for weakness in package.get("vulns", ())
    ]
    if len(skipped) == len(packages):
        unknown = [f"PyPI's advisories cover none of {len(packages)} packages"]
    else:
        unknown = [f"PyPI's advisories do not cover {', '.join(skipped)}"] if skipped else []
    return Result(f"{len(packages)} packages", tuple(findings), tuple(unknown))


def read_npm_audit(report: Mapping[str, Any]) -> Result:
    """Read npm's report; raises KeyError for any other document."""
    if "vulnerabilities" not in report:
        reason = report.get("message") or report["error"]["summary"]
        return Result("packages", unknown=(f"npm's advisories: {reason}",))
    findings = [
        f"{name} {advisory['range']}: {advisory['title']}, {advisory['severity']}, "
        f"{advisory['url']}"
        for name, package in report["vulnerabilities"].items()
        for advisory in package["via"]
        if isinstance(advisory, dict)  # otherwise it names a package with an entry of its own
    ]
    return Result(f"{report['metadata']['dependencies']['prod']} packages", tuple(findings))


def template(root: Path = ROOT) -> Result:
    """The findings of checkov in the template, without the exceptions."""
    return _run(CHECKOV, root, read_checkov)


def read_checkov(report: Mapping[str, Any]) -> Result:
    """Read checkov's report; raises KeyError for any other document."""
    findings = [
        f"{each['resource']}: {each['check_name']} ({each['check_id']})"
        for each in report["results"]["failed_checks"]
        if each["check_id"] not in EXCEPTIONS
    ]
    failed = {each["check_id"] for each in report["results"]["failed_checks"]}
    unused = sorted(EXCEPTIONS.keys() - failed)
    findings += [f"the exception for {name} is no longer needed" for name in unused]
    return Result(f"{report['summary']['passed']} checks passed", tuple(findings))


def status(results: Iterable[Result]) -> int:
    """The exit status; a finding counts more than a failed check."""
    results = list(results)
    if any(result.findings for result in results):
        return 1
    return 2 if any(result.unknown for result in results) else 0


def _run(command: list[str], folder: Path, read: Callable[[Any], Result]) -> Result:
    try:
        done = subprocess.run(  # noqa: S603 - the command is a constant
            command, cwd=folder, capture_output=True, text=True, check=False
        )
    except OSError as error:
        return Result("packages", unknown=(str(error),))
    try:
        return read(json.loads(done.stdout))
    except (ValueError, KeyError):
        reason = (done.stderr.strip() or "it printed nothing").splitlines()[-1]
        return Result("packages", unknown=(reason,))


def _listed(label: str, names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"{label} {listed}" if listed else ""


def main() -> int:
    """Run the command; returns the exit status."""
    checks = {
        "Secrets in the files that git has or would add": committable,
        "Python packages, by PyPI's advisories": python_packages,
        "Node packages of the page, by npm's advisories": node_packages,
        "The template, by checkov": template,
    }

    def work(_: argparse.Namespace) -> int:
        results = []
        for title, check in checks.items():
            print(f"{title}:", flush=True)
            results.append(check())
            print(results[-1], flush=True)
        return status(results)

    return run(arguments("audit", __doc__), work)


if __name__ == "__main__":
    sys.exit(main())
