"""The heads of more than 1,600 real files of 370 formats, with their right types.

`bench/corpus` makes the files by common tools (Pillow, ffmpeg, pandoc, GDAL, Zig …).
`make corpus OUT=/tmp/corpus HEADS=1` makes them and `heads.xz` again. `heads.xz` has one line of
JSON, then the first 8 KB of each file in a row. `bench/corpus/formats.py` has the right types.
"""

import json
import lzma
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

HEAD_SIZE = 8192  # bytes, as in bench/corpus/make.py
HEADS = Path(__file__).with_name("heads.xz")


@dataclass(frozen=True)
class RealFile:
    """One file; `right` has the right types for each type that a browser may declare."""

    format: str
    name: str
    size: int
    made_by: str
    head: bytes = field(repr=False)
    right: Mapping[str, list[str]] = field(repr=False)

    @property
    def is_whole(self) -> bool:
        return self.size == len(self.head)


@cache
def real_files() -> tuple[RealFile, ...]:
    """All files, in the order in which they were made."""
    line, _, heads = lzma.decompress(HEADS.read_bytes()).partition(b"\n")
    index = json.loads(line)
    files, start = [], 0
    for format_, name, size, made_by in index["files"]:
        end = start + min(size, HEAD_SIZE)
        right = index["formats"][format_]
        files.append(RealFile(format_, name, size, made_by, heads[start:end], right))
        start = end
    assert start == len(heads)
    return tuple(files)


FORMATS = sorted({file.format for file in real_files()})
