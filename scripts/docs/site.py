"""Builds the documentation as a site: `python -m scripts.docs.site`; `make docs` calls it.

README is the first page. Zensical reads one folder only, so the pages are copied into it, and their
links are changed to the places that the pages have there. A link to a file of the repository that
is no page becomes plain text. A broken link fails the build.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

from scripts.docs.source import ROOT

WORK = ROOT / ".docs"  # the virtualenv of Zensical, Mermaid, and the folder that Zensical reads
PAGES = WORK / "pages"
MERMAID = WORK / "node_modules" / "@mermaid-js" / "tiny" / "dist" / "mermaid.tiny.js"
STYLE = Path(__file__).with_name("site.css")
# Pages outside docs/, and the names that they have in the site.
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "report-a-weakness.md",
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def place(path: str) -> str | None:
    """Where a file of the repository is in the site; None when it is not there."""
    if path in OUTSIDE:
        return OUTSIDE[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else None


def relinked(text: str, path: str) -> str:
    """A page of the repository with links as they are in the site; code is left alone."""
    folder = PurePosixPath(path).parent
    site_folder = PurePosixPath(place(path) or "").parent

    def link(at: re.Match[str]) -> str:
        target, _, anchor = at[3].partition("#")
        if "://" in target or not target:
            return at[0]
        new = place(os.path.normpath(folder / target))
        if new is None:
            return at[2]
        relative = os.path.relpath(new, site_folder)
        return f"{at[1]}[{at[2]}]({relative}{'#' + anchor if anchor else ''})"

    parts = FENCE.split(text)
    return "".join(part if part.startswith("```") else LINK.sub(link, part) for part in parts)


def collect() -> None:
    """Copy the pages, their pictures, and Mermaid."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(ROOT / "docs", PAGES, ignore=shutil.ignore_patterns("mermaid", "*.md"))
    pages = [ROOT / name for name in OUTSIDE if (ROOT / name).exists()]
    for page in [*pages, *(ROOT / "docs").rglob("*.md")]:
        path = page.relative_to(ROOT).as_posix()
        target = PAGES / str(place(path))
        target.write_text(relinked(page.read_text(encoding="utf-8"), path), encoding="utf-8")
    (PAGES / "assets").mkdir()
    shutil.copy(MERMAID, PAGES / "assets" / "mermaid.js")
    shutil.copy(STYLE, PAGES / "assets" / "site.css")


def main() -> int:
    """Build the site into site/."""
    collect()
    command = [str(WORK / "bin" / "zensical"), "build", "--strict", "--clean"]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status == 0:
        print("Open site/index.html, or serve it: python3 -m http.server --directory site 8090")
    return status


if __name__ == "__main__":
    sys.exit(main())
