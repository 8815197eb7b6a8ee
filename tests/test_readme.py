"""README tells what is there: every route, setting, error code, command and picture."""

import re
import subprocess
from pathlib import Path

import pytest

import app
from chalicelib import errors

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

ROUTES = [
    f"{method} {path}" for path, methods in app.app.routes.items() for method in sorted(methods)
]
CODES = sorted(
    error.code
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, errors.UploadError)
)


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


@pytest.mark.parametrize("name", [*variables("chalicelib/config.py"), "HOIST_RETRY_WAITS"])
def test_every_setting_is_told(name: str) -> None:
    assert f"`{name}`" in README


def test_no_setting_is_told_that_nothing_reads() -> None:
    read = {*variables("chalicelib/config.py", "local/__main__.py", "local/home.py")}
    ports = {f"HOIST_{name}_PORT" for name in ("S3", "AWS", "API", "GATEWAY", "PAGE")}
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
