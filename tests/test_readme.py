"""README tells what is there: every route, setting, error code, command and picture."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import app
from chalicelib import errors, notifier
from chalicelib.processors import PROCESSORS
from chalicelib.upload import OUTCOMES, State
from local.home import Ports
from tests.processors.reading import reader
from tests.support.payloads import put_upload

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

ROUTES = [
    f"{method} {path}" for path, methods in app.app.routes.items() for method in sorted(methods)
]
CODES = sorted(errors.BY_CODE)


def variables(*paths: str) -> list[str]:
    """The settings that some of our files name."""
    text = "".join((ROOT / path).read_text(encoding="utf-8") for path in paths)
    return sorted(set(re.findall(r"\bHOIST_[A-Z0-9_]+\b(?!\{)", text)))


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_is_told(route: str) -> None:
    assert f"| `{route}` |" in README


def test_no_route_is_told_that_is_not_there() -> None:
    told = re.findall(r"^\| `((?:GET|POST|PUT|DELETE) [^`]+)` \|", README, re.MULTILINE)
    assert sorted(told) == sorted(ROUTES)


@pytest.mark.parametrize(
    "name", variables("chalicelib/config.py", "deploy/steps/config.py", "local/__main__.py")
)
def test_every_setting_is_told(name: str) -> None:
    assert f"`{name}`" in README


def test_no_setting_is_told_that_nothing_reads() -> None:
    read = {
        *variables(
            "chalicelib/config.py", "deploy/steps/config.py", "local/__main__.py", "local/home.py"
        )
    }
    ports = {f"HOIST_{name}_PORT" for name in ("S3", "AWS", "API", "GATEWAY", "PAGE", "DOWNLOADS")}
    assert {*variables("README.md")} <= read | ports


@pytest.mark.parametrize("code", CODES)
def test_every_error_code_is_told(code: str) -> None:
    assert f"`{code}`" in README


def test_the_commands_are_those_of_make_help() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.rstrip() in README


def test_every_link_and_picture_into_the_repository_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    ours = [target for target in targets if "://" not in target]
    assert ours
    assert [target for target in ours if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
def test_what_a_subscriber_receives_is_there_word_for_word(outcome: State) -> None:
    """Each letter in README is what `notify` writes of the upload that the letter is about."""
    (letter,) = re.findall(rf"```\n(Subject: Hoist: {outcome} - .*?)```", README, re.DOTALL)
    filename, size = re.findall(r"Your file (.*) \(([0-9,]+) bytes\)", letter)[0]
    told = put_upload(
        state=outcome,
        filename=filename,
        size=int(size.replace(",", "")),
        reason="".join(re.findall(r"^Reason: (.*)$", letter, re.MULTILINE)) or None,
        id=re.findall(r"^Upload: (.*)$", letter, re.MULTILINE)[0],
        owner=re.findall(r"^Owner: (.*)$", letter, re.MULTILINE)[0],
    )

    page = f"http://127.0.0.1:{Ports().page}"
    assert letter == f"Subject: {notifier.subject(told)}\n\n{notifier.message(told, page)}"


def test_the_processor_in_readme_works() -> None:
    (source,) = re.findall(r'```python\n(""".*?)```', README, re.DOTALL)
    words: dict[str, Any] = {}
    exec(source, words)  # noqa: S102 - it is ours

    assert words["applies_to"]("text/plain", 10)
    assert words["run"](reader(b"one two\nthree\n", "text/plain")) == {"words": 3}
    assert len(source.splitlines()) <= 12


@pytest.mark.parametrize("name", PROCESSORS)
def test_every_processor_is_told(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize(
    "document", ["README.md", "docs/cost.md", "docs/security.md", "docs/operations.md"]
)
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:app|bench|chalicelib|deploy|docs|frontend|local|tests)/[\w./-]+)`", text
    )
    linked = re.findall(r"\]\((?!http|#)([^)#]+)", text)

    lacking = [path for path in named if not (ROOT / path).exists()]
    lacking += [path for path in linked if not (ROOT / document).parent.joinpath(path).exists()]
    assert lacking == []
