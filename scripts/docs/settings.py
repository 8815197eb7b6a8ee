"""The tables of settings: of a stage from chalicelib/config.py, of the local system from its help.

A setting is described by the comment above the line that reads it, else by the comment above its
field in `Settings`.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from chalicelib import config
from scripts.docs.markdown import code, table
from scripts.docs.source import ROOT, Source

NAME = re.compile(r"(?:HOIST|AWS)_[A-Z0-9_]+")
UNITS = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"))


def stage_table() -> str:
    """Every setting that the functions read."""
    source = Source("chalicelib/config.py")
    fields = {
        node.target.id: source.comment(node.lineno)
        for node in source.class_("Settings").body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    rows = []
    for field, call, name in _readings(source.tree):
        inside = source.comment(call.lineno) if call.lineno != field.value.lineno else ""
        description = inside or source.comment(field.value.lineno) or fields[str(field.arg)]
        rows.append([code(name), _default(call), _sentence(description)])
    return table(["Variable", "Default", "Meaning"], rows)


def _readings(tree: ast.Module) -> Iterator[tuple[ast.keyword, ast.Call, str]]:
    """Each field of `Settings(…)`, the calls that read its variables, and their names."""
    local = {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    construction = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Settings"
    )
    for field in construction.keywords:
        value = field.value
        if isinstance(value, ast.Name):
            value = local[value.id]
        for call in (node for node in ast.walk(value) if isinstance(node, ast.Call)):
            for name in _names(call):
                yield field, call, name


def _names(call: ast.Call) -> list[str]:
    texts = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
    return [text for text in texts if isinstance(text, str) and NAME.fullmatch(text)]


def _default(call: ast.Call) -> str:
    """The default of a reading, and the range of a number."""
    reader = call.func.id if isinstance(call.func, ast.Name) else ""
    limits = {word.arg: _value(word.value) for word in call.keywords}
    position = next(i for i, arg in enumerate(call.args) if _names(ast.Call(call.func, [arg], [])))
    after = [_value(arg) for arg in call.args[position + 1 :]]
    default = limits.get("default", after[0] if after else None)
    if reader == "_text":
        return "required"
    if default in (None, "", ()):
        return "none"
    if isinstance(default, bool):
        return code(str(default).lower())
    if "most" not in limits:
        return code(default)
    least, most = limits.get("least", 0), limits["most"]
    return f"{_number(default)}; {_number(least)} to {_number(most)}"


def _value(node: ast.expr) -> Any:
    return eval(compile(ast.Expression(node), "config", "eval"), vars(config))  # noqa: S307 - ours


def _number(value: int) -> str:
    """A number as people read it; sizes as `2 GiB` where that is exact."""
    for unit, name in UNITS:
        if value >= unit and value % unit == 0:
            return f"{value // unit:,} {name}"
        if value >= unit and unit == UNITS[0][0] and value % unit:
            return f"{value / unit:.1f} {name}"
    return f"{value:,}"


def _sentence(text: str) -> str:
    return text[:1].lower() + text[1:].removesuffix(".") if text[1:2].islower() else text


def local_table() -> str:
    """Every variable of `make run`, from the help of `python -m local`."""
    help_text = subprocess.run(
        [sys.executable, "-m", "local", "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    option = re.compile(
        r"^  --[\w-]+ \w+\s+(.*) \((HOIST_\w+), ([^;)]+)(?:; (.*))?\)(.*)$", re.MULTILINE
    )
    rows = [
        [code(name), code(default), meaning + rest + (f" ({note})" if note else "")]
        for meaning, name, default, note, rest in option.findall(help_text)
    ]
    return table(["Variable", "Default", "Meaning"], rows)
