"""How a bridge changes MiniStack: it names the function or setting, which must exist."""

import sys
from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType
from typing import Any

VERSION = "1.5.33"


class ChangedError(Exception):
    """MiniStack differs from the version that a bridge was written for."""


def check_version() -> None:
    if version("ministack") != VERSION:
        raise ChangedError(f"the bridges are for MiniStack {VERSION}, not {version('ministack')}")


def replace(module: ModuleType, name: str, wrap: Callable[[Any], Any]) -> None:
    """Replace a function by `wrap(function)`, also in modules that imported it.

    Raises ChangedError when the module has no such function.
    """
    function = getattr(module, name, None)
    if not callable(function):
        raise ChangedError(f"{module.__name__} has no function {name}")
    replacement = wrap(function)
    for key, each in list(sys.modules.items()):
        if key.partition(".")[0] == "ministack" and vars(each).get(name) is function:
            setattr(each, name, replacement)


def assign(module: ModuleType, name: str, value: object) -> None:
    """Set a setting to another value of its type; raises ChangedError when it does not exist."""
    if not isinstance(getattr(module, name, None), type(value)):
        raise ChangedError(f"{module.__name__} has no {type(value).__name__} {name}")
    setattr(module, name, value)
