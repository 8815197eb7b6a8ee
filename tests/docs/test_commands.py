"""Every command in the documentation can be run: its target, variables, files and routes exist.

A block ```sh holds commands alone. A block ```console holds a command after `$` and what it prints,
and `tests/deploy/test_cost.py` compares that. A block ```text shows what something looks like.
"""

import re
import shlex
import subprocess
from typing import Any

import botocore
import botocore.session
import pytest

from scripts.docs import contract
from tests.docs.reading import EXAMPLE, ROOT, Block, blocks, pages, text

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"\$\((\w+)\)", MAKEFILE)) | set(
    re.findall(r"\$\((?:or|if|filter \w+,)\s*\$?\(?(\w+)", MAKEFILE)
)
# Programs that every developer has.
ORDINARY = {"rm", "export", "eval", "git", "cd"}


def commands(block: Block) -> list[str]:
    """The commands of a block, without comments; a command may go over lines."""
    joined = block.text.replace("\\\n", " ")
    lines = re.split(r"\n(?!  )", joined)
    plain = [re.sub(r"(^|\s)#\s.*$", "", line, flags=re.MULTILINE).strip() for line in lines]
    return [line for line in plain if line]


COMMANDS = [(block, command) for block in blocks("sh") for command in commands(block)]
INLINE = [
    (page, command)
    for page in pages()
    if page != "CHANGELOG.md"
    for command in re.findall(r"`(make [a-z][^`]*)`", text(page))
]


def check_make(words: list[str]) -> None:
    """A target of the Makefile, and variables that it knows."""
    targets = [word for word in words if "=" not in word]
    names = [word.partition("=")[0] for word in words if "=" in word]
    assert set(targets) <= TARGETS, f"no target {targets}"
    assert [n for n in names if n not in VARIABLES and not n.startswith("HOIST_")] == []


def dry_run(words: list[str]) -> str:
    """What make says when it only prints what it would do; nothing when all is well."""
    command = ["make", "--dry-run", "--no-print-directory", *words]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return result.stderr if result.returncode else ""


def check_curl(command: str) -> None:
    """A route of the contract."""
    method = "POST" if " -d " in command else "GET"
    if explicit := re.search(r"-s?X ?(\w+)", command):
        method = explicit.group(1)
    path = re.search(r"\$API_URL([^\"]*)", command)
    assert path
    route = path.group(1).replace("$UPLOAD", "{upload_id}")
    assert method.lower() in contract.document()["paths"][route]


def check_aws(words: list[str]) -> None:
    """An operation of a service, and parameters of it; `aws s3` is the command line's own."""
    service, operation, *rest = words
    if service == "s3":
        return
    model: Any = botocore.session.get_session().get_service_model(service)
    operations = {botocore.xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(operations[operation]).input_shape
    parameters = {botocore.xform_name(member, "-") for member in shape.members}
    flags = {word.removeprefix("--") for word in rest if word.startswith("--")}
    assert flags - parameters - {"region", "query", "output"} == set()


@pytest.mark.parametrize(
    ("block", "command"), [pytest.param(b, c, id=f"{b.page}: {c[:60]}") for b, c in COMMANDS]
)
def test_every_command_of_a_block_can_be_run(block: Block, command: str) -> None:
    program, *words = shlex.split(command)
    if program == "make":
        check_make(words)
        assert dry_run(words) == ""
    elif program == "curl":
        check_curl(command)
    elif program == "aws":
        check_aws(words)
    elif program.startswith((".venv/bin/", "CUTS=")):
        files = [word for word in words if "/" in word and not word.startswith(("-", "/"))]
        absent = [path for path in files if not (ROOT / path).exists()]
        assert [path for path in absent if not EXAMPLE.search(path)] == []
    else:
        assert program in ORDINARY, f"{block.page}: who checks {program}?"


@pytest.mark.parametrize(
    "block", blocks("sh"), ids=lambda block: f"{block.page}: {block.text[:40]!r}"
)
def test_every_block_of_commands_is_bash(block: Block) -> None:
    checked = subprocess.run(
        ["bash", "-n"], input=block.text, text=True, capture_output=True, check=False
    )

    assert checked.stderr == ""


@pytest.mark.parametrize(
    "command", [pytest.param(c, id=f"{p}: {c}") for p, c in dict.fromkeys(INLINE)]
)
def test_every_make_command_in_a_sentence_exists(command: str) -> None:
    check_make(re.sub(r"\"[^\"]*\"", "x", command).split()[1:])


def test_blocks_that_show_what_a_command_prints_are_compared() -> None:
    """By tests/deploy/test_cost.py."""
    printed = [block.text.partition("\n")[0] for block in blocks("console")]

    assert [line for line in printed if not line.startswith("$ make cost ")] == []


def test_every_block_has_a_language_that_is_checked() -> None:
    languages = {"sh", "console", "text", "python", "ts", "json", "mermaid"}

    assert {
        (block.page, block.language) for block in blocks() if block.language not in languages
    } == set()
