"""Finds what must never be committed: credentials, presigned URLs, tickets, files that hold them.

Looks at what git has or would add, as after a deployment, which writes into this folder. Says where
and of what kind a secret is, never the secret. `# harmless` at the end of a line excuses that line.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.stage import ROOT, StageError, succeeds

# AWS's documentation marks its own examples so.
EXAMPLE = "EXAMPLE"
EXCUSED = "# harmless"
SECRETS = {
    "an access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a secret access key": r"(?i)secret_?(?:access_?)?key\W{1,5}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])",
    "a session token": r"(?i)(?:session|security)_?-?token\W{1,5}[A-Za-z0-9/+=%]{100,}",
    "a presigned URL": r"X-Amz-Signature=[0-9a-f]{64}",
    "a ticket": r"ticket=[A-Za-z0-9_-]{43}",
    "a JWT": r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
}
# What deploying and `make run` write for themselves; ignored by git unless somebody insists.
FILES = {
    "what Chalice remembers of a deployment": r"\.chalice/deploy(?:ed|ments)/.*",
    "a rendered policy": r"\.chalice/policies/[^/]+/.*",
    "the local system's data": r"\.hoist/.*",
    "an environment file": r"(?:.*/)?\.env(?:\..*)?",
    "a key file": r".*\.(?:pem|key|p12|pfx)",
}
LARGEST = 5 * 1024 * 1024  # bytes; nothing larger is a text that somebody wrote


@dataclass(frozen=True, slots=True)
class Finding:
    """Where something is that must not be committed; `line` is 0 for a file as a whole."""

    path: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.kind}" if self.line else f"{self.path}: {self.kind}"


def scan(root: Path = ROOT) -> list[Finding]:
    """All that must not be committed of a working tree; raises StageError where there is none."""
    return [finding for path in _committable(root) for finding in _findings(root, path)]


def _committable(root: Path) -> list[str]:
    """What git tracks, and what `git add --all` would."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(  # noqa: S603 - nothing of it comes from outside
            command, cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise StageError(f"git cannot list the files of {root}: is it a clone?") from error
    return sorted({path for path in listed.stdout.split("\0") if path})


def _findings(root: Path, path: str) -> Iterator[Finding]:
    for kind, form in FILES.items():
        if re.fullmatch(form, path):
            yield Finding(path, 0, kind)
    file = root / path
    if not file.is_file() or file.is_symlink() or file.stat().st_size > LARGEST:
        return
    text = file.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.split("\n"), 1):
        if line.rstrip().endswith(EXCUSED):
            continue
        for kind, form in SECRETS.items():
            found = re.search(form, line)
            if found and EXAMPLE not in found[0]:
                yield Finding(path, number, kind)


def main() -> int:
    """The command; returns the exit status."""
    argparse.ArgumentParser(prog="python -m deploy.secrets", description=__doc__).parse_args()

    def work() -> None:
        found = scan()
        for finding in found:
            print(f"  {finding}")
        if found:
            raise StageError(
                f"{len(found)} things must not be committed. Remove them; a credential that was"
                " ever pushed must be replaced as well"
            )
        print("  nothing that must not be committed")

    return succeeds(work)


if __name__ == "__main__":
    sys.exit(main())
