"""Every link leads somewhere, and every file that a page names exists. Without the network."""

import os
import re
from pathlib import PurePosixPath

import pytest

from tests.docs.reading import EXAMPLE, ROOT, anchors, pages, prose, text

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
# Files and folders of the repository, as code.
PATH = re.compile(
    r"`((?:\.chalice|app|bench|chalicelib|deploy|docs|frontend|local|scripts|stage|tests)"
    r"(?:/[\w.-]+)+/?|app\.py)`"
)
# What commands write, and git ignores.
GENERATED = (".chalice/deployed",)


def links(page: str) -> list[tuple[str, str]]:
    """Links of a page into the repository: the path from its root, and the anchor."""
    folder = PurePosixPath(page).parent
    ours = [target for target in LINK.findall(prose(page)) if "://" not in target]
    parts = [target.partition("#") for target in ours]
    return [
        (os.path.normpath(folder / path) if path else page, anchor) for path, _, anchor in parts
    ]


@pytest.mark.parametrize("page", pages())
def test_every_link_into_the_repository_leads_to_a_file(page: str) -> None:
    assert [path for path, _ in links(page) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", pages())
def test_every_anchor_is_a_heading(page: str) -> None:
    assert [
        f"{path}#{anchor}" for path, anchor in links(page) if anchor and anchor not in anchors(path)
    ] == []


@pytest.mark.parametrize("page", [page for page in pages() if page != "CHANGELOG.md"])
def test_every_file_that_a_page_names_exists(page: str) -> None:
    paths = set(PATH.findall(text(page))) - set(GENERATED)
    absent = [path for path in sorted(paths) if not (ROOT / path).exists()]

    assert [path for path in absent if not EXAMPLE.search(path)] == []


def test_every_page_can_be_reached_from_readme() -> None:
    reached, waiting = set[str](), ["README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        waiting += [path for path, _ in links(page) if path.endswith(".md") and path not in reached]

    assert sorted(set(pages()) - reached) == []


def test_every_page_of_docs_is_in_the_navigation_of_the_site() -> None:
    navigation = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    inside = [page.removeprefix("docs/") for page in pages() if page.startswith("docs/")]

    assert [
        page
        for page in inside
        if f'"{page}"' not in navigation and not page.startswith("decisions/0")
    ] == []


def test_no_page_makes_a_browser_ask_a_third_party() -> None:
    assert [
        page for page in pages() if re.search(r"!\[[^\]]*\]\(https?:|<img|<script", prose(page))
    ] == []
