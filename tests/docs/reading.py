"""The documentation as its tests read it: pages, blocks of code, links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Files that a reader of CONTRIBUTING.md creates: those of its example of a processor.
EXAMPLE = re.compile(r"/(?:test_)?subtitles\.py$")
OUTSIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code, and the page that it is on."""

    page: str
    language: str
    text: str


def pages() -> list[str]:
    """All pages, by their paths in the repository."""
    outside = [name for name in OUTSIDE if (ROOT / name).exists()]
    inside = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
    return outside + inside


def text(page: str) -> str:
    """A page as it is."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(*languages: str) -> list[Block]:
    """All blocks of some languages, or of all, on all pages."""
    return [
        Block(page, language, re.sub(rf"^{indent}", "", code, flags=re.MULTILINE))
        for page in pages()
        for indent, language, code in FENCE.findall(text(page))
        if language in languages or not languages
    ]


def prose(page: str) -> str:
    """A page without its blocks of code and without code in lines."""
    return re.sub(r"`[^`\n]+`", "``", FENCE.sub("", text(page)))


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and Zensical make them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text(page)), re.MULTILINE)
    plain = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in plain}
