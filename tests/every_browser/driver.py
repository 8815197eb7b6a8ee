"""What the tests ask of every browser, so that one test drives them all.

Each browser has a module that knows its protocol; none of them knows the page or Hoist.
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
    """One window of one browser, with a profile of its own."""

    downloads: Path

    def open(self, url: str) -> None: ...

    def reload(self) -> None:
        """Load the page again; whoever is asked whether to leave it says yes."""

    def run(self, script: str, *arguments: Any) -> Any:
        """Call a function of JavaScript, wait for what it promises, and return that."""

    def click(self, selector: str) -> None:
        """Click in the middle of an element that is in sight, as the mouse does."""

    def choose(self, selector: str, *paths: Path) -> None:
        """Give files to an input that takes files."""

    def resize(self, width: int, height: int) -> None: ...

    def picture(self, path: Path) -> None:
        """Save what the window shows, as PNG."""

    def close(self) -> None: ...


def call(script: str, arguments: Sequence[Any]) -> str:
    """An expression that promises the JSON of what the function returns."""
    given = ", ".join(map(json.dumps, arguments))
    return f"(async () => JSON.stringify((await ({script})({given})) ?? null))()"


def executable(*names: str) -> str:
    """Where a program is. Without it the test is skipped, or fails where nobody would notice."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        sentence = f"no {names[0]} on PATH: `make browser` installs it or says what to do"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(sentence)
    return found


def end(process: subprocess.Popen[Any]) -> None:
    """End a program of a browser, and wait until it is gone."""
    process.terminate()
    process.wait(PATIENCE)
