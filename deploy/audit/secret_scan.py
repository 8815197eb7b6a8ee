"""Finds secrets that must not be committed: credentials, presigned URLs, tickets, and their files.

General scanners miss presigned URLs, tickets, session tokens and the files that a deployment writes
(detect-secrets 1.5 missed 9 of 20 planted secrets). This one also covers files that git would add.
A finding names the place and the kind of a secret, never the secret. Exceptions are exact values.
"""

import codecs
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stage.stage import ROOT, StageError

# Examples in AWS's documentation, which our tests use.
HARMLESS = {
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}


@dataclass(frozen=True, slots=True)
class Secret:
    """The pattern of one kind of secret; its group `value` is the secret after a name."""

    kind: str
    pattern: str
    # The least number of different characters in a value.
    different: int = 1
    # The only file to search.
    only_in: str = ""

    def find(self, text: str) -> list[int]:
        """The numbers of the lines where such a secret begins."""
        return [
            text.count("\n", 0, match.start()) + 1
            for match in re.finditer(self.pattern, text)
            if self._is_secret(match.groupdict().get("value") or match[0])
        ]

    def _is_secret(self, value: str) -> bool:
        return value not in HARMLESS and len(set(value)) >= self.different


SECRETS = (
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html, "unique IDs"
    Secret("an access key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"),
    Secret(
        "a secret access key",
        r"(?i:secret)[\w-]{0,24}[^A-Za-z0-9/+\n]{1,8}"
        r"(?P<value>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    ),
    # Without a name: 199 of 200 random keys have 25 or more different characters, a path has fewer.
    Secret(
        "a secret access key",
        r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
        different=25,
    ),
    Secret(
        "a session token",
        r"(?i:(?:session|security)[_-]?token)[^A-Za-z0-9\n]{1,8}[A-Za-z0-9/+=%]{100,}",
    ),
    # Tokens of STS begin with a few bytes and `origin_ec` or `aws`, in base64.
    Secret(
        "a session token",
        r"[A-Za-z0-9]{2,4}(?:Jb3JpZ2luX2Vj|GZXIvYXdz|DYXdz)[A-Za-z0-9/+=%]{80,}",
    ),
    # Of SigV4, also in an Authorization header, and of SigV2.
    Secret("a presigned URL", r"Signature=(?:[0-9a-f]{64}|[A-Za-z0-9/+%]{26,50}(?:=|%3D))"),
    Secret("a ticket", r"ticket=[A-Za-z0-9_-]{43}"),
    # Signed like id and access tokens, or encrypted like Cognito's refresh tokens.
    Secret("a JWT", r"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"),
    Secret("a private key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    # In a stage's environment the name is enough; an ARN only names the place of a secret.
    Secret(
        "a secret by its name",
        r'"\w*(?i:secret|passw|token|access_?key|private_?key|api_?key)\w*"\s*:'
        r'\s*"(?!arn:)(?P<value>[^"\n]+)"',
        only_in=".chalice/config.json",
    ),
)
# Files that a deployment and `make run` write; git ignores them unless somebody forces it.
FILES = {
    "Chalice's note of a deployment": r"\.chalice/deploy(?:ed|ments)/.*",
    "a rendered policy": r"\.chalice/policies/[^/]+/.*",
    "the local system's data": r"\.hoist/.*",
    "an environment file": r"(?:.*/)?(?:\.env(?:\..*)?|\.envrc|[^/]+\.env)",
    "a key file": r".*\.(?:pem|key|p12|pfx)",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """The place of a secret; `line` is 0 if the whole file must not be committed."""

    path: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.kind}" if self.line else f"{self.path}: {self.kind}"


def committable(root: Path = ROOT) -> list[str]:
    """The files that git has or `git add --all` would add; raises StageError without git."""
    return _paths(root, "ls-files", "--cached", "--others", "--exclude-standard")


def scan(root: Path = ROOT) -> list[Finding]:
    """All secrets in those files; raises StageError without git."""
    findings = {
        finding
        for path in committable(root)
        for finding in (*_files(path), *_secrets(path, _working(root / path)))
    }
    # A staged version is committed even if the file has changed since, or is deleted.
    for path in _paths(root, "diff-files", "--name-only", "--relative"):
        findings.update(_secrets(path, _staged(root, path)))
    return sorted(findings, key=lambda finding: (finding.path, finding.line, finding.kind))


def _files(path: str) -> Iterator[Finding]:
    for kind, pattern in FILES.items():
        if re.fullmatch(pattern, path):
            yield Finding(path, 0, kind)


def _secrets(path: str, content: bytes) -> Iterator[Finding]:
    # PowerShell writes files in UTF-16.
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if utf16 else "utf-8", errors="replace")
    for secret in SECRETS:
        if secret.only_in in ("", path):
            yield from (Finding(path, line, secret.kind) for line in secret.find(text))


def _working(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() and not file.is_symlink() else b""


def _staged(root: Path, path: str) -> bytes:
    return _git(root, "show", f":./{path}", check=False)  # empty during a merge


def _paths(root: Path, *arguments: str) -> list[str]:
    paths = _git(root, arguments[0], "-z", *arguments[1:]).split(b"\0")
    return sorted({os.fsdecode(path) for path in paths if path})


def _git(root: Path, *arguments: str, check: bool = True) -> bytes:
    command = ["git", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are ours
            command, cwd=root, capture_output=True, check=check
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise StageError(f"git cannot list the files of {root}: is it a clone?") from error
    return done.stdout
