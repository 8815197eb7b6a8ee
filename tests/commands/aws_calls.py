"""Records the AWS calls of a command and its children, and sends them a signal at one of the calls.

Each call appends a line `service:Operation` to the file that `AWS_CALLS` names.
`AWS_CUT=SIGKILL:before:12` signals the process group at the twelfth call that changes something:
before AWS receives the call, or after AWS has answered it. So a command is cut before and after the
work on its own machine between two calls.
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

# The prefixes of operations that change nothing in AWS.
READS = ("BatchGet", "Describe", "Filter", "Get", "Head", "List", "Query", "Scan", "Simulate")


def is_change(line: str) -> bool:
    """Whether the operation in a line of the file changes something."""
    return not line.partition(":")[2].startswith(READS)


@dataclass(frozen=True)
class Cut:
    """The change at which the process group gets a signal; `count` starts at 1."""

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
                # Python handles a signal in its main thread, perhaps only after this call.
                raise KeyboardInterrupt


def write(path: Path, call: str) -> int:
    """Append a call to the file; returns the number of changes that all processes have made.

    Returns 0 for a call that changes nothing.
    """
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f"{call}\n".encode())
        file.flush()
        file.seek(0)
        changes = [line for line in file.read().decode().splitlines() if is_change(line)]
    return len(changes) if is_change(call) else 0


def watch(client: ModuleType, path: Path, cut: Cut | None) -> None:
    """Record all calls of the clients of `botocore.client`."""
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
    """Loads `botocore.client` as Python does, then records its calls.

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
