"""The names of changes, for comparisons in tests."""

from collections.abc import Iterable

from deploy.changes import Change


def names(changes: Iterable[Change]) -> list[str]:
    return [change.name for change in changes]
