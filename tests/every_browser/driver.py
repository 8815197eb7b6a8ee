"""The operations that every browser offers to the tests.

Each browser has a module that speaks its protocol. None of them knows the page or Hoist.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

PATIENCE = 60  # seconds


class Driver(Protocol):
    """A window of a browser with a new profile."""

    downloads: Path

    def open(self, url: str) -> None: ...

    def reload(self) -> None:
        """Reload the page, and confirm if it asks before it is left."""

    def run(self, script: str, *arguments: Any) -> Any:
        """Call a JavaScript function, wait for its promise, and return the value."""

    def click(self, selector: str) -> None:
        """Click the middle of a visible element with the mouse."""

    def choose(self, selector: str, *paths: Path) -> None:
        """Choose files in a file input."""

    def resize(self, width: int, height: int) -> None: ...

    def picture(self, path: Path) -> None:
        """Save a screenshot of the window as PNG."""

    def close(self) -> None: ...


def call(script: str, arguments: Sequence[Any]) -> str:
    """An expression whose promise has the result of the function as JSON."""
    parameters = ", ".join(map(json.dumps, arguments))
    return f"(async () => JSON.stringify((await ({script})({parameters})) ?? null))()"


def executable(*names: str) -> str:
    """The path of a program. Without it the test is skipped, or fails in CI."""
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        sentence = f"no {names[0]} on PATH: `make browser` installs it or says what to do"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(sentence)
    return path


def end(process: subprocess.Popen[Any]) -> None:
    """End a browser's process and wait for it."""
    process.terminate()
    process.wait(PATIENCE)
