"""Writes down each AWS call of a command and its children, and kills them at a call that is named.

`AWS_CALLS` names a file, to which each call adds a line, `service:Operation`.
`AWS_CUT`, as `SIGKILL:before:12`, sends a signal to the process group at the twelfth of them that
changes something: before AWS hears of that call, or after AWS answered it. What a command does on
its own machine between two calls is done by then in the one case, and not in the other.
"""

import fcntl
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

# How operations begin that change nothing in AWS.
READS = ("BatchGet", "Describe", "Filter", "Get", "Head", "List", "Query", "Scan", "Simulate")


def is_change(line: str) -> bool:
    """Whether a line of the file is of an operation that changes something."""
    return not line.partition(":")[2].startswith(READS)


@dataclass(frozen=True)
class Cut:
    """The change at which the process group gets a signal; `count` begins with 1."""

    signal: signal.Signals
    moment: str
    count: int

    @classmethod
    def parse(cls, text: str) -> "Cut":
        name, moment, count = text.split(":")
        if moment not in {"before", "after"}:
            raise ValueError(f"AWS_CUT says before or after, not {moment}")
        return cls(signal.Signals[name], moment, int(count))

    def apply(self, moment: str, count: int) -> None:
        if (moment, count) == (self.moment, self.count):
            os.killpg(os.getpgrp(), self.signal)
            if moment == "before":
                # Python hears of a signal in its main thread, perhaps after this thread has called.
                raise KeyboardInterrupt


def write(path: Path, call: str) -> int:
    """Add a call to the file; returns how many changes all processes have made.

    Zero for a call that changes nothing.
    """
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f"{call}\n".encode())
        file.flush()
        file.seek(0)
        changes = [line for line in file.read().decode().splitlines() if is_change(line)]
    return len(changes) if is_change(call) else 0


def watch(client: ModuleType, path: Path, cut: Cut | None) -> None:
    """Write down all calls that clients of `botocore.client` make."""
    make_call = client.BaseClient._make_api_call

    def make_and_write(self: Any, operation: str, parameters: Any) -> Any:
        count = write(path, f"{self.meta.service_model.service_name}:{operation}")
        if cut:
            cut.apply("before", count)
        try:
            return make_call(self, operation, parameters)
        finally:
            if cut:
                cut.apply("after", count)

    client.BaseClient._make_api_call = make_and_write


class Finder(importlib.abc.MetaPathFinder):
    """Finds `botocore.client` as Python does, and watches it once it is loaded.

    Many commands never call AWS, so `sitecustomize` does not import botocore for all of them.
    """

    def __init__(self, path: Path, cut: Cut | None) -> None:
        self.path = path
        self.cut = cut

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - Python's own signature
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "botocore.client":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def execute_and_watch(module: ModuleType) -> None:
            execute(module)
            watch(module, self.path, self.cut)

        spec.loader.exec_module = execute_and_watch  # type: ignore[method-assign]
        return spec
