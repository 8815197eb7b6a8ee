"""The journeys of docs/architecture.md follow the imports: an earlier file imports each file."""

import ast
import os
import re
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, text

SECTIONS = dict(
    re.findall(
        r"^## Journey: (.*?)\n(.*?)(?=^## |\Z)",
        text("docs/architecture.md"),
        re.MULTILINE | re.DOTALL,
    )
)
JOURNEYS = {
    name: re.findall(r"^\d+\. `([^`]+)`", section, re.MULTILINE)
    for name, section in SECTIONS.items()
}


def modules(name: str) -> set[str]:
    """The files that the dotted name of a Python module may be."""
    path = name.replace(".", "/")
    return {
        file for file in (f"{path}.py", f"{path}/__init__.py") if name and (ROOT / file).exists()
    }


def python_imports(path: str) -> set[str]:
    """Our modules that a Python file imports, wherever in the file."""
    files: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                files |= modules(name.name)
        elif isinstance(node, ast.ImportFrom):
            files |= modules(node.module or "")
            for name in node.names:
                files |= modules(f"{node.module}.{name.name}")
    return files


def typescript_imports(path: str) -> set[str]:
    """Our modules that a TypeScript file imports, types included."""
    names = re.findall(r"from \"(\.[^\"]+)\"", (ROOT / path).read_text(encoding="utf-8"))
    return {os.path.normpath(Path(path).parent / f"{name}.ts") for name in names}


def imports(path: str) -> set[str]:
    """Our files that a file imports."""
    return python_imports(path) if path.endswith(".py") else typescript_imports(path)


def test_there_are_the_three_journeys() -> None:
    assert list(JOURNEYS) == [
        "a filename into `create_upload`",
        "an S3 event through `process_upload`",
        "a part through the engine",
    ]
    assert all(len(files) > 8 for files in JOURNEYS.values())


@pytest.mark.parametrize("journey", JOURNEYS)
def test_each_file_is_imported_by_one_before_it(journey: str) -> None:
    files = JOURNEYS[journey]
    reachable: set[str] = {files[0]}
    strangers = []
    for file in files:
        if file not in reachable:
            strangers.append(file)
        reachable |= imports(file)

    assert strangers == []


@pytest.mark.parametrize("journey", JOURNEYS)
def test_each_file_is_named_once(journey: str) -> None:
    assert len(set(JOURNEYS[journey])) == len(JOURNEYS[journey])
