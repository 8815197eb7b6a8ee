"""SHA-256 of the whole object, to compare with a published digest."""

import hashlib
from typing import Any

from chalicelib.reader import ObjectReader, OutOfTime

reads_all = True


def applies_to(_content_type: str, _size: int, /) -> bool:
    """To every object."""
    return True


def run(source: ObjectReader, /) -> dict[str, Any]:
    """`{"sha256": hex, "bytes", "complete"}`; without `sha256` if the time ended first."""
    digest = hashlib.sha256()
    done = 0
    try:
        for block in source.blocks():
            digest.update(block)
            done += len(block)
    except OutOfTime:
        return {"bytes": done, "complete": False}
    return {"sha256": digest.hexdigest(), "bytes": done, "complete": True}
