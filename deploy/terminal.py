"""What reaches an operator's terminal is text that can be read, whatever a client chose.

Keys, filenames, reasons and error texts come from clients. A terminal obeys the control characters
in them: one writes its clipboard, a line break forges a line, others turn or hide what follows.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO

# Letters and marks for Unicode, but nothing is to be seen of them: joiners and fillers.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")


def readable(value: object) -> str:
    r"""A value as one line; whatever cannot be seen is written as an escape, such as `\x1b`."""
    return "".join(map(_shown, str(value)))


@contextmanager
def escaped() -> Iterator[None]:
    """Let no character but readable ones and line breaks through to standard output and error."""
    with redirect_stdout(_Escaping(sys.stdout)), redirect_stderr(_Escaping(sys.stderr)):
        yield


class _Escaping(io.TextIOBase):
    """A stream that writes to another one, escaped; lines stay lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write("\n".join(map(readable, text.split("\n"))))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


def _shown(character: str) -> str:
    if character.isprintable() and character not in _INVISIBLE:
        return character
    return character.encode("unicode_escape").decode("ascii")
