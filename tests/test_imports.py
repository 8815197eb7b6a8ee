"""The dependency rule of `chalicelib/__init__.py`, checked on the syntax of every module."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SNIFFING = {
    f"sniffing.{path.stem}".removesuffix(".__init__"): path
    for path in sorted((ROOT / "chalicelib" / "sniffing").glob("*.py"))
}
MODULES = {path.stem: path for path in sorted((ROOT / "chalicelib").glob("*.py"))} | SNIFFING
PROCESSORS = {
    ".".join(path.relative_to(ROOT / "chalicelib").with_suffix("").parts): path
    for path in (ROOT / "chalicelib" / "processors").rglob("*.py")
}
ALL = {**MODULES, **PROCESSORS, "app": ROOT / "app.py"}

PURE = [
    "keys", "parts", "signing", "rules", "records", "errors", "reader", "items", "metrics",
    "upload", "transitions", "patience", "parallel", "state_tag", "text_encoding",
    "media_types", "deception", "families", "type_names", "version", "ports", "requests", *SNIFFING,
]  # fmt: skip
USE_CASES = ["uploads", "creation", "processing", "notifier", "sweep"]
BOTO3 = {
    "storage", "table", "new_uploads", "rows", "usage", "credentials", "browser", "subscriptions",
    "clients", "application",
}  # fmt: skip


def imports(path: Path) -> Iterator[str]:
    """The full names of all modules that a file imports anywhere, except for types."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            assert node.module is not None
            yield node.module
            if node.module == "chalicelib":
                yield from (f"chalicelib.{alias.name}" for alias in node.names)


def packages(path: Path) -> set[str]:
    """The top-level packages that a file imports, except Python's and ours."""
    return (
        {name.partition(".")[0] for name in imports(path)}
        - set(sys.stdlib_module_names)
        - {"chalicelib"}
    )


def reached(name: str) -> set[str]:
    """A module of ours and all our modules that it imports, directly or not."""
    result: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module in result:
            continue
        result.add(module)
        waiting += [
            imported.removeprefix("chalicelib.")
            for imported in imports(MODULES[module])
            if imported.startswith("chalicelib.")
        ]
    return result


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_needs_the_standard_library_only(name: str) -> None:
    assert {module: packages(MODULES[module]) for module in reached(name)} == {
        module: set() for module in reached(name)
    }


@pytest.mark.parametrize("name", USE_CASES)
def test_a_use_case_reaches_no_adapter(name: str) -> None:
    # Only processing decides types: each module that the API loads costs cold start.
    foreign = BOTO3 if name == "processing" else BOTO3 | {"media_types", *SNIFFING}
    assert reached(name).isdisjoint(foreign)
    assert not set().union(*(packages(MODULES[module]) for module in reached(name)))


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_knows_no_use_case(name: str) -> None:
    assert reached(name).isdisjoint(USE_CASES)


def test_boto3_is_known_to_the_adapters_and_the_composition_only() -> None:
    modules = {name for name, path in ALL.items() if packages(path) & {"boto3", "botocore"}}

    assert modules == BOTO3 - {
        "table",
        "new_uploads",
        "rows",
        "usage",
        "credentials",
        "subscriptions",
        "application",
    }, "their errors are their clients' own"


def test_chalice_is_known_to_the_app_only() -> None:
    assert {name for name, path in ALL.items() if "chalice" in packages(path)} == {"app"}


def test_no_other_package_is_needed() -> None:
    used = set().union(*map(packages, ALL.values()))

    assert used == {"botocore", "chalice"}


@pytest.mark.parametrize("name", PROCESSORS)
def test_a_processor_knows_the_reader_encodings_and_other_processors_only(name: str) -> None:
    ours = {module for module in imports(PROCESSORS[name]) if module.startswith("chalicelib")}
    allowed = {"chalicelib", "chalicelib.reader", "chalicelib.text_encoding"}
    allowed |= {module for module in ours if module.startswith("chalicelib.processors")}

    assert ours <= allowed


@pytest.mark.parametrize("name", ALL)
def test_no_deployed_module_imports_a_local_one(name: str) -> None:
    assert packages(ALL[name]).isdisjoint({"local", "tests", "deploy", "bench"})


def test_types_of_boto3_are_imported_for_types_only() -> None:
    assert not {p for path in ALL.values() for p in packages(path) if p.startswith("types_")}


@pytest.mark.parametrize("name", [name for name in ALL if name != "config"])
def test_the_environment_is_read_by_config_only(name: str) -> None:
    tree = ast.parse(ALL[name].read_text(encoding="utf-8"))

    assert not [
        ast.unparse(node)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
        or (isinstance(node, ast.ImportFrom) and node.module == "os")
    ]


def test_the_map_names_every_module() -> None:
    text = ast.get_docstring(ast.parse(MODULES["__init__"].read_text(encoding="utf-8")))
    assert text is not None
    entries = {
        line.split()[0] for line in text.splitlines() if line.startswith("    ") and line.strip()
    }

    assert entries == MODULES.keys() - {"__init__"} - SNIFFING.keys() | {"processors", "sniffing"}


@pytest.mark.parametrize("package", ["local", "stage"])
def test_neither_the_local_system_nor_the_readers_of_a_stage_know_deploy(package: str) -> None:
    imported = {
        path.name: sorted(name for name in imports(path) if name.partition(".")[0] == "deploy")
        for path in (ROOT / package).rglob("*.py")
    }

    assert {name: modules for name, modules in imported.items() if modules} == {}
