"""`make release`: tags the version that `chalicelib/version.py` says, and builds its archives.

Writes `dist/hoist-VERSION.tar.gz` (what git tracks), `dist/hoist-page-VERSION.tar.gz` (the built
page) and `dist/SHA256SUMS`. Publishes nothing: it prints the command that does. A second run for
the same commit builds the same archives again and leaves the tag alone.
"""

import gzip
import hashlib
import io
import re
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


class ReleaseError(Exception):
    """Why this commit cannot be released, and what to do."""


def git(root: Path, *arguments: str) -> str:
    """What git prints, without the last line break."""
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def version(root: Path) -> str:
    """The version that `chalicelib/version.py` says."""
    text = (root / "chalicelib" / "version.py").read_text(encoding="utf-8")
    match = re.search(r'^VERSION = "(\d+\.\d+\.\d+)"$', text, re.MULTILINE)
    if match is None:
        raise ReleaseError("chalicelib/version.py names no version such as 1.2.3")
    return match.group(1)


def check(root: Path, release: str) -> None:
    """Raises ReleaseError unless this commit is ready to be tagged."""
    if changes := git(root, "status", "--porcelain"):
        raise ReleaseError(f"Commit these changes first:\n{changes}")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.*?)\](?: - (\d{4}-\d\d-\d\d))?$", changelog, re.MULTILINE)
    if not headings or headings[0][0] != release or not headings[0][1]:
        raise ReleaseError(f"CHANGELOG.md must begin with `## [{release}] - YYYY-MM-DD`")
    if not (root / "frontend" / "dist" / "index.html").exists():
        raise ReleaseError("The page is not built: run `make page`")


def tag(root: Path, release: str) -> None:
    """Tag this commit; raises ReleaseError where the tag is on another one."""
    name = f"v{release}"
    if name in git(root, "tag", "--list", name):
        if git(root, "rev-list", "-n1", name) != git(root, "rev-parse", "HEAD"):
            raise ReleaseError(
                f"{name} is another commit: raise VERSION in chalicelib/version.py"
                " and begin a new section of CHANGELOG.md"
            )
        return
    git(root, "tag", "--annotate", name, "--message", f"Hoist {release}")


def build(root: Path, release: str) -> list[Path]:
    """Write the archives and their checksums into `dist`; the same commit gives the same bytes."""
    folder = root / "dist"
    folder.mkdir(exist_ok=True)
    source = folder / f"hoist-{release}.tar.gz"
    command = ["git", "-C", str(root), "archive", f"--prefix=hoist-{release}/", "HEAD"]
    tracked = subprocess.run(command, check=True, capture_output=True).stdout
    source.write_bytes(gzip.compress(tracked, mtime=0))
    page = folder / f"hoist-page-{release}.tar.gz"
    page.write_bytes(gzip.compress(_tar(root / "frontend" / "dist"), mtime=0))
    sums = folder / "SHA256SUMS"
    sums.write_text(
        "".join(
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
            for path in (source, page)
        ),
        encoding="utf-8",
    )
    return [source, page, sums]


def _tar(folder: Path) -> bytes:
    """The files of a folder as a tar archive without times and owners."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                member = tarfile.TarInfo(path.relative_to(folder).as_posix())
                member.size = path.stat().st_size
                with path.open("rb") as file:
                    tar.addfile(member, file)
    return archive.getvalue()


def main(root: Path = ROOT) -> int:
    """Check, tag and build; returns the exit status."""
    try:
        release = version(root)
        check(root, release)
        tag(root, release)
        paths = build(root, release)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    for path in paths:
        print(f"{path.stat().st_size:>12,} bytes  {path.relative_to(root)}")
    print(f"Hoist {release} is tagged. Publish it: git push origin v{release}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
