"""Finds what must never be committed: credentials, presigned URLs, tickets, files that hold them.

Looks at what git has or would add, as after a deployment, which writes into this folder. Says where
and of what kind a secret is, never the secret. What is no secret is excused by its value alone.
"""

import codecs
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stage.stage import ROOT, StageError

# Values that look like a secret and are none: AWS's documentation shows them, our tests use them.
HARMLESS = {
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}


@dataclass(frozen=True, slots=True)
class Secret:
    """What one kind looks like; with a group named `value` where a name stands before it."""

    kind: str
    form: str
    # How many different signs its value has at least.
    different: int = 1
    # The one file in which it is looked for.
    only_in: str = ""

    def finds(self, text: str) -> list[int]:
        """The lines of a text on which one begins."""
        return [
            text.count("\n", 0, found.start()) + 1
            for found in re.finditer(self.form, text)
            if self._is_one(found.groupdict().get("value") or found[0])
        ]

    def _is_one(self, value: str) -> bool:
        return value not in HARMLESS and len(set(value)) >= self.different


SECRETS = (
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html, "unique IDs"
    Secret("an access key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"),
    Secret(
        "a secret access key",
        r"(?i:secret)[\w-]{0,24}[^A-Za-z0-9/+\n]{1,8}"
        r"(?P<value>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    ),
    # Without a name: of 40 random signs 25 or more differ in 199 of 200 cases; of a path's, hardly.
    Secret(
        "a secret access key",
        r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
        different=25,
    ),
    Secret(
        "a session token",
        r"(?i:(?:session|security)[_-]?token)[^A-Za-z0-9\n]{1,8}[A-Za-z0-9/+=%]{100,}",
    ),
    # Those of STS begin with a few bytes and `origin_ec` or `aws`, in base64.
    Secret(
        "a session token",
        r"[A-Za-z0-9]{2,4}(?:Jb3JpZ2luX2Vj|GZXIvYXdz|DYXdz)[A-Za-z0-9/+=%]{80,}",
    ),
    # By SigV4, as the Authorization header of a request, and by SigV2.
    Secret("a presigned URL", r"Signature=(?:[0-9a-f]{64}|[A-Za-z0-9/+%]{26,50}(?:=|%3D))"),
    Secret("a ticket", r"ticket=[A-Za-z0-9_-]{43}"),
    # Signed, as id and access tokens are, or encrypted, as Cognito's refresh tokens.
    Secret("a JWT", r"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"),
    Secret("a private key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    # Where a stage's environment is recorded a name is enough; an ARN only tells where one is kept.
    Secret(
        "a secret by its name",
        r'"\w*(?i:secret|passw|token|access_?key|private_?key|api_?key)\w*"\s*:'
        r'\s*"(?!arn:)(?P<value>[^"\n]+)"',
        only_in=".chalice/config.json",
    ),
)
# What deploying and `make run` write for themselves; ignored by git unless somebody insists.
FILES = {
    "what Chalice remembers of a deployment": r"\.chalice/deploy(?:ed|ments)/.*",
    "a rendered policy": r"\.chalice/policies/[^/]+/.*",
    "the local system's data": r"\.hoist/.*",
    "an environment file": r"(?:.*/)?(?:\.env(?:\..*)?|\.envrc|[^/]+\.env)",
    "a key file": r".*\.(?:pem|key|p12|pfx)",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Where something is that must not be committed; `line` is 0 for a file as a whole."""

    path: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.kind}" if self.line else f"{self.path}: {self.kind}"


def committable(root: Path = ROOT) -> list[str]:
    """What git has and what `git add --all` would add; raises StageError where there is no git."""
    return _paths(root, "ls-files", "--cached", "--others", "--exclude-standard")


def scan(root: Path = ROOT) -> list[Finding]:
    """All that must not be committed; raises StageError where there is no git."""
    found = {
        finding
        for path in committable(root)
        for finding in (*_files(path), *_secrets(path, _working(root / path)))
    }
    # What was staged is committed even when the file has changed since, or is gone.
    for path in _paths(root, "diff-files", "--name-only", "--relative"):
        found.update(_secrets(path, _staged(root, path)))
    return sorted(found, key=lambda finding: (finding.path, finding.line, finding.kind))


def _files(path: str) -> Iterator[Finding]:
    for kind, form in FILES.items():
        if re.fullmatch(form, path):
            yield Finding(path, 0, kind)


def _secrets(path: str, content: bytes) -> Iterator[Finding]:
    # PowerShell writes UTF-16 where it is told to write a file.
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if utf16 else "utf-8", errors="replace")
    for secret in SECRETS:
        if secret.only_in in ("", path):
            yield from (Finding(path, line, secret.kind) for line in secret.finds(text))


def _working(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() and not file.is_symlink() else b""


def _staged(root: Path, path: str) -> bytes:
    return _git(root, "show", f":./{path}", or_nothing=True)  # nothing: a merge is under way


def _paths(root: Path, *arguments: str) -> list[str]:
    listed = _git(root, arguments[0], "-z", *arguments[1:]).split(b"\0")
    return sorted({os.fsdecode(path) for path in listed if path})


def _git(root: Path, *arguments: str, or_nothing: bool = False) -> bytes:
    command = ["git", *arguments]
    try:
        told = subprocess.run(  # noqa: S603 - nothing of it comes from outside
            command, cwd=root, capture_output=True, check=not or_nothing
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise StageError(f"git cannot list the files of {root}: is it a clone?") from error
    return told.stdout
