"""Changes as values: what differs between a stage in AWS and its declaration, and how it is shown.

Each step has a function `differences()` that returns changes and changes nothing itself. The plan
of `make deploy` and `make status` print them as differences; a step prints each one after it has
applied it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from deploy.terminal import readable

# Widths of the first column: the name of a step, the name of a thing in AWS.
STEP = 13
NAME = 32


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; `step` is the step of `make deploy` that repairs it.

    `before` is the state in AWS and `after` the declared one, both as texts. Both are empty where
    `name` says it all, such as `the bucket's lifecycle rule rejected is missing`.
    """

    step: str
    name: str
    before: str = ""
    after: str = ""

    @property
    def difference(self) -> str:
        """The change before it is applied: `Versioning is Suspended, not Enabled`."""
        return f"{self.name} is {self.before}, not {self.after}" if self.before else self.name

    @property
    def result(self) -> str:
        """The change after it was applied, without its name: `changed: Suspended -> Enabled`."""
        if not self.after:
            return "changed"
        arrow = f"{self.before} -> " if self.before else ""
        return f"changed: {arrow}{self.after}"


def row(name: object, text: object, width: int = NAME) -> str:
    """One line of two aligned columns, without characters that a terminal obeys."""
    return f"{readable(name):<{width}} {readable(text)}".rstrip()


def show(name: object, text: object, width: int = NAME) -> None:
    """Print one indented line of two columns."""
    print(f"  {row(name, text, width)}", flush=True)


def show_applied(changes: Collection[Change], subject: str) -> None:
    """Print what a step has applied; without changes, that `subject` is as declared."""
    for change in changes:
        show(change.name, change.result)
    if not changes:
        show(subject, "as declared")
