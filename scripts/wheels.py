"""`make lock`: checks that every locked package has a wheel for each Python of the functions.

Reads the package index and installs nothing. Prints each missing wheel and exits with 1.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from deploy.preflight.runtime import PACKAGES, Python, identifier  # noqa: E402 - the line above adds its folder

# The first file is for developers and operators. The second is for the functions: they run on arm64
# with glibc 2.26 of Amazon Linux 2, the oldest one in a runtime of Lambda.
# https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html
LOCKED = (
    ("requirements-dev.txt", "x86_64-manylinux_2_28"),
    ("requirements.txt", "aarch64-manylinux_2_17"),
)


def missing_wheels(python: Python, requirements: str, platform: str) -> str:
    """The error of uv for a Python; empty if all packages have wheels for it."""
    with tempfile.TemporaryDirectory() as target:
        done = subprocess.run(
            [
                *(Path(sys.executable).parent / "uv", "pip", "install", "--dry-run", "--quiet"),
                *("--no-deps", "--only-binary", ":all:", "--target", target),
                *("--python-version", f"{python[0]}.{python[1]}", "--python-platform", platform),
                *("--requirement", ROOT / requirements),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    return done.stderr if done.returncode else ""


def main() -> int:
    """Check each file for each Python; returns the exit status."""
    status = 0
    for python in PACKAGES:
        for requirements, platform in LOCKED:
            if error := missing_wheels(python, requirements, platform):
                print(f"{requirements} on {identifier(python)}: {error}", file=sys.stderr)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
