"""Escapes the text that reaches an operator's terminal.

Keys, filenames, reasons and error texts come from clients. A terminal obeys control characters in
them: some write its clipboard, a line break forges a line, others reverse or hide text.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO

# Unicode calls them letters or marks, but they are invisible: joiners and fillers.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")


def readable(value: object) -> str:
    r"""A value as one line, with an escape such as `\x1b` for each invisible character."""
    return "".join(map(_escape, str(value)))


@contextmanager
def escaped() -> Iterator[None]:
    """Escape all output of this process, except visible characters and line breaks."""
    with redirect_stdout(_Escaping(sys.stdout)), redirect_stderr(_Escaping(sys.stderr)):
        yield


class _Escaping(io.TextIOBase):
    """A stream that escapes each line and writes it to another stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write("\n".join(map(readable, text.split("\n"))))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


def _escape(character: str) -> str:
    if character.isprintable() and character not in _INVISIBLE:
        return character
    return character.encode("unicode_escape").decode("ascii")
