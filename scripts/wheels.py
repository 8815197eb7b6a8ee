"""`make lock`: every locked package needs a wheel for each Python of the functions.

Asks the package index and installs nothing. Exits with 1 where a wheel is missing, and says which.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from deploy.preflight.runtime import PACKAGES, Python, identifier  # noqa: E402 - found by the line above

# Whoever develops or deploys has the first. The functions have the second: on Lambda's arm64 with
# the glibc 2.26 of Amazon Linux 2, the oldest that a runtime has.
# https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html
LOCKED = (
    ("requirements-dev.txt", "x86_64-manylinux_2_28"),
    ("requirements.txt", "aarch64-manylinux_2_17"),
)


def lacks(python: Python, requirements: str, platform: str) -> str:
    """What uv says against a Python; nothing where all packages have wheels for it."""
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
    """Ask for each; returns the exit status."""
    status = 0
    for python in PACKAGES:
        for requirements, platform in LOCKED:
            if told := lacks(python, requirements, platform):
                print(f"{requirements} on {identifier(python)}: {told}", file=sys.stderr)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
