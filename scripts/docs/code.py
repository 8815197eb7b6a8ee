"""The tables of what runs: states, metrics, log events, and the commands of the Makefile."""

import ast
import subprocess
from collections.abc import Iterator

from chalicelib import metrics
from scripts.docs.markdown import code, table
from scripts.docs.source import ROOT, Source

LEVELS = {"info", "warning", "error", "exception"}


def state_table() -> str:
    """Every state, with the comment above it in chalicelib/upload.py."""
    source = Source("chalicelib/upload.py")
    rows = [
        [code(node.value.value), source.comment(node.lineno)]
        for node in source.class_("State").body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    ]
    return table(["State", "Meaning"], rows)


def metric_table() -> str:
    """Every metric of the namespace, with the comment at its line in chalicelib/metrics.py."""
    source = Source("chalicelib/metrics.py")
    rows = [
        [code(key.value), metrics.UNITS[str(key.value)], source.comment(key.lineno)]
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and key.value in metrics.UNITS
    ]
    unique = {row[0]: row for row in rows if row[2]} or {row[0]: row for row in rows}
    return table(["Metric", "Unit", "What it counts"], list(unique.values()))


def log_table() -> str:
    """Every log event: its level, where it is written, and the fields that are named there."""
    events: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    modules = sorted((ROOT / "chalicelib").rglob("*.py"))
    paths = ["app.py", *(str(path.relative_to(ROOT)) for path in modules)]
    for path in paths:
        for event, level, fields in _events(Source(path)):
            files, names = events.setdefault((event, level), (set(), set()))
            files.add(code(path.removeprefix("chalicelib/")))
            names.update(fields)
    rows = [
        [event, level, ", ".join(sorted(files)), ", ".join(sorted(map(code, names)))]
        for (event, level), (files, names) in sorted(events.items())
    ]
    return table(["Event", "Level", "Where", "Fields"], rows)


def _events(source: Source) -> Iterator[tuple[str, str, list[str]]]:
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "log"
            and node.func.attr in LEVELS
        ):
            message = node.args[0]
            text = code(message.value) if isinstance(message, ast.Constant) else "the new state"
            extra = [word.value for word in node.keywords if word.arg == "extra"]
            yield text, node.func.attr.replace("exception", "error"), _fields(extra)


def _fields(extra: list[ast.expr]) -> list[str]:
    """The names in `extra`; `log_fields` of an upload are owner, upload_id, key and state."""
    names: list[str] = []
    for node in (inner for value in extra for inner in ast.walk(value)):
        if isinstance(node, ast.Dict):
            names += [str(key.value) for key in node.keys if isinstance(key, ast.Constant)]
        elif isinstance(node, ast.Attribute) and node.attr == "log_fields":
            names += ["owner", "upload_id", "key", "state"]
    return [name for name in names if name != "metrics"]


def make_help() -> str:
    """What `make help` prints."""
    output = subprocess.run(
        ["make", "--no-print-directory", "help"],  # noqa: S607 - the make of the caller
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return f"```text\n{output.rstrip()}\n```"
