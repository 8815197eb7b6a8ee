"""`make audit`: secrets that git would take, known weaknesses of packages, and of the template.

An advisory service that did not answer is no clean result: pip-audit ends well when PyPI knows
nothing of a package, npm ends alike for a weakness and for no answer. So both are read, not
believed. Exit status: 1 when something was found, 2 when not everything could be looked at
(`make` prints it and ends with 2 either way).
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
from deploy.terminal import escaped, readable
from stage.stage import ROOT, StageError

# requirements-dev.txt locks requirements.txt as well, by hash: nothing needs to be resolved.
PIP_AUDIT = [
    *(sys.executable, "-m", "pip_audit", "--requirement", "requirements-dev.txt"),
    *("--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off"),
]
# What the page ships; what only builds and tests it never reaches anybody.
NPM_AUDIT = ["npm", "audit", "--omit=dev", "--json"]
# In an environment of its own: it pins a boto3 of years ago.
CHECKOV = [
    *(str(Path(sys.executable).parent / "uv"), "tool", "run", "--quiet"),
    *("--from", "checkov==3.3.30", "checkov", "--file", ".chalice/resources.yaml"),
    *("--framework", "cloudformation", "--compact", "--output", "json", "--skip-download"),
]
# What checkov asks for and the template does without, and why.
DONE_WITHOUT = {
    "CKV_AWS_18": "S3's access log would hold presigned URLs; CloudTrail's data events do not",
    "CKV_AWS_21": "versions are a parameter; the page is built again",
    "CKV_AWS_26": "alarms cannot use AWS's own key, and name no file and no owner",
    "CKV_AWS_27": "encrypted, with SQS's own keys",
    "CKV_AWS_68": "a firewall costs by the month; there is nothing behind it but S3",
    "CKV_AWS_86": "CloudFront's access log would hold presigned URLs",
    "CKV_AWS_115": "the function runs for new accounts alone",
    "CKV_AWS_116": "Cognito waits for the function, so nothing is lost",
    "CKV_AWS_117": "a function that asks nobody needs no network",
    "CKV_AWS_119": "encrypted, with the key that AWS manages and CloudTrail follows",
    "CKV_AWS_158": "encrypted, with CloudWatch's own keys",
    "CKV_AWS_173": "the variable is a list of domains",
    "CKV_AWS_174": "TLS 1.2 needs a name of one's own: with PageDomain it is",
}
REPLACE = "remove it; what was ever pushed must be replaced as well"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check looked at, what it found there, and what it could not learn."""

    looked_at: str
    found: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [*self.found, *(f"NOT CHECKED: {reason}" for reason in self.unknown)]
        return "\n".join(
            f"  {readable(line)}" for line in lines or [f"{self.looked_at}: nothing found"]
        )


def committable(root: Path = ROOT) -> Answer:
    """Secrets in what git has or would take."""
    try:
        count = len(secret_scan.committable(root))
        found = tuple(f"{finding}: {REPLACE}" for finding in secret_scan.scan(root))
    except StageError as error:
        return Answer("files", unknown=(str(error),))
    return Answer(f"{count} files", found)


def python_packages(root: Path = ROOT) -> Answer:
    """Known weaknesses of the Python packages, as PyPI's advisories have them."""
    return _asked(PIP_AUDIT, root, pypi_told)


def node_packages(root: Path = ROOT) -> Answer:
    """Known weaknesses of the page's packages, as npm's advisories have them."""
    return _asked(NPM_AUDIT, root / "frontend", npm_told)


def pypi_told(report: Mapping[str, Any]) -> Answer:
    """Read pip-audit's report; raises KeyError when it is none."""
    packages = report["dependencies"]
    silent = [package["name"] for package in packages if "skip_reason" in package]
    found = [
        f"{package['name']} {package['version']}: {weakness['id']}"
        f"{_listed(', also known as', weakness['aliases'])}"
        f"{_listed(', mended in', weakness['fix_versions']) or ', not mended yet'}"
        for package in packages
        for weakness in package.get("vulns", ())
    ]
    if len(silent) == len(packages):
        unknown = [f"PyPI's advisories answered for none of {len(packages)} packages"]
    else:
        unknown = [f"PyPI's advisories know nothing of {', '.join(silent)}"] if silent else []
    return Answer(f"{len(packages)} packages", tuple(found), tuple(unknown))


def npm_told(report: Mapping[str, Any]) -> Answer:
    """Read npm's report; raises KeyError when it is none."""
    if "vulnerabilities" not in report:
        reason = report.get("message") or report["error"]["summary"]
        return Answer("packages", unknown=(f"npm's advisories: {reason}",))
    found = [
        f"{name} {advisory['range']}: {advisory['title']}, {advisory['severity']}, "
        f"{advisory['url']}"
        for name, package in report["vulnerabilities"].items()
        for advisory in package["via"]
        if isinstance(advisory, dict)  # else the name of a package that has its own entry
    ]
    return Answer(f"{report['metadata']['dependencies']['prod']} packages", tuple(found))


def template(root: Path = ROOT) -> Answer:
    """What checkov finds in the template, but for what is done without on purpose."""
    return _asked(CHECKOV, root, checkov_told)


def checkov_told(report: Mapping[str, Any]) -> Answer:
    """Read checkov's report; raises KeyError when it is none."""
    found = [
        f"{each['resource']}: {each['check_name']} ({each['check_id']})"
        for each in report["results"]["failed_checks"]
        if each["check_id"] not in DONE_WITHOUT
    ]
    failed = {each["check_id"] for each in report["results"]["failed_checks"]}
    idle = sorted(DONE_WITHOUT.keys() - failed)
    excused = [f"{name} is done without for no reason any more" for name in idle]
    return Answer(f"{report['summary']['passed']} checks passed", tuple(found + excused))


def status(answers: Iterable[Answer]) -> int:
    """The exit status; a finding outweighs what is unknown."""
    answers = list(answers)
    if any(answer.found for answer in answers):
        return 1
    return 2 if any(answer.unknown for answer in answers) else 0


def _asked(command: list[str], folder: Path, read: Callable[[Any], Answer]) -> Answer:
    try:
        told = subprocess.run(  # noqa: S603 - nothing of it comes from outside
            command, cwd=folder, capture_output=True, text=True, check=False
        )
    except OSError as error:
        return Answer("packages", unknown=(str(error),))
    try:
        return read(json.loads(told.stdout))
    except (ValueError, KeyError):
        reason = (told.stderr.strip() or "it told nothing").splitlines()[-1]
        return Answer("packages", unknown=(reason,))


def _listed(label: str, names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"{label} {listed}" if listed else ""


def main() -> int:
    """The command; returns the exit status."""
    argparse.ArgumentParser(prog="make audit", description=__doc__).parse_args()
    checks = {
        "Secrets in what git has, or would take": committable,
        "Python packages, as PyPI's advisories have them": python_packages,
        "Node packages of the page, as npm's advisories have them": node_packages,
        "The template, as checkov sees it": template,
    }
    answers = []
    with escaped():
        for title, check in checks.items():
            print(f"{title}:", flush=True)
            answers.append(check())
            print(answers[-1], flush=True)
    return status(answers)


if __name__ == "__main__":
    sys.exit(main())
