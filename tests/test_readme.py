"""README is a front door: small, true, and with the commands that matter. More in tests/docs."""

import re

from tests.docs.reading import text

README = text("README.md")


def test_it_is_small() -> None:
    assert 60 <= len(README.splitlines()) <= 100
    assert len(README.encode()) <= 7 * 1024


def test_it_names_the_commands() -> None:
    for command in ("make run", "make test", "make deploy", "make docs"):
        assert command in README


def test_it_says_how_far_hoist_was_tried() -> None:
    assert "has not yet run in a real AWS account" in README


def test_it_links_the_pages_that_readers_look_for() -> None:
    linked = re.findall(r"\]\(([^)#]+)\)", README)

    assert {"CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"} <= set(linked)
