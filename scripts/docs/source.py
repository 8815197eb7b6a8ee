"""What source files say of their own lines: comments above or beside a line, and docstrings.

Must not know what the lines mean.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Source:
    """A Python file: its text, its syntax tree and its comments."""

    def __init__(self, path: str) -> None:
        self.path = path
        text = (ROOT / path).read_text(encoding="utf-8")
        self.lines = text.splitlines()
        self.tree = ast.parse(text)

    def comment(self, line: int) -> str:
        """The comment behind a line (from 1), else the one directly above it; "" for none."""
        above: list[str] = []
        for text in reversed(self.lines[: line - 1]):
            if not text.lstrip().startswith("# "):
                break
            above.insert(0, text.strip().removeprefix("# "))
        behind = re.search(r"\s# (.*)$", self.lines[line - 1])
        return behind.group(1) if behind else " ".join(above)

    def class_(self, name: str) -> ast.ClassDef:
        """One of its classes."""
        return next(
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ClassDef) and node.name == name
        )
