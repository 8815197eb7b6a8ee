"""Collects the entries of an archive in bounded memory, and makes the report.

Names are text if the archive declares their encoding, and bytes if it does not.
"""

from dataclasses import dataclass, field
from typing import Any

from chalicelib.processors.archive import name_encoding

SHOWN_NAMES = 30
MAX_NAME = 80  # characters of a name
# An expansion by this factor is suspicious.
SUSPICIOUS = 100
_SAMPLE = 50  # names from which a code page is guessed
_SAMPLE_NAME = 256  # bytes of each


@dataclass
class Listing:
    """One archive. Its reader sets `format`, and `is_unix` if the archive was written on Unix.

    `facts` are further fields of the report. `doubts` are sentences about suspicious properties.
    """

    format: str
    is_unix: bool = False
    entries: int = 0
    size: int | None = 0  # bytes, expanded; None if it is not known
    unsafe: int = 0
    is_complete: bool = True
    facts: dict[str, Any] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    _names: list[str | bytes] = field(default_factory=list)
    _foreign: list[bytes] = field(default_factory=list)  # names that are not UTF-8
    _has_foreign: bool = False

    def add(self, name: str | bytes, size: int) -> None:
        """Count an entry; a name is bytes if the archive does not declare its encoding."""
        self.entries += 1
        self.size = (self.size or 0) + size
        path = name.decode("latin-1") if isinstance(name, bytes) else name
        path = path.replace("\\", "/")
        self.unsafe += path.startswith("/") or ".." in path.split("/") or path[1:2] == ":"
        if len(self._names) < SHOWN_NAMES:
            self._names.append(name)
        if isinstance(name, bytes) and not name.isascii() and not _is_utf8(name):
            self._has_foreign = True
            if len(self._foreign) < _SAMPLE:
                self._foreign.append(name[:_SAMPLE_NAME])

    def doubt(self, sentence: str) -> None:
        """Add a reason for suspicion, once."""
        if sentence not in self.doubts:
            self.doubts.append(sentence)

    def report(self, stored_size: int) -> dict[str, Any]:
        """The part of the report, for an archive of this many bytes."""
        report: dict[str, Any] = {"format": self.format, "entries": self.entries}
        if self.size is not None:
            report["expanded_size"] = self.size
        report |= self._decoded_names() | self.facts
        if self.unsafe:
            report["unsafe_names"] = self.unsafe
        doubts = list(self.doubts)
        if self.size is not None and self.size >= SUSPICIOUS * stored_size:
            doubts.insert(0, f"It expands to {self.size // stored_size} times its size")
        if doubts:
            report["suspicious"] = ". ".join(doubts)
        return report | {"complete": self.is_complete}

    def _decoded_names(self) -> dict[str, Any]:
        codec = "utf-8"
        if self._has_foreign:
            codec = name_encoding.guess(self._foreign, is_unix=self.is_unix)
        names = [_text(name, codec) if isinstance(name, bytes) else name for name in self._names]
        # JSON holds characters, and a name may end within one.
        names_shown = [name[:MAX_NAME].encode("utf-8", "replace").decode() for name in names]
        encoding = {"names_encoding": name_encoding.known_name(codec)} if self._has_foreign else {}
        return {"names": names_shown} | encoding


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(name: bytes, codec: str) -> str:
    """A name in UTF-8, or in the code page of its neighbours.

    Bytes of a code page are hardly ever UTF-8 by accident, unless two make a character.
    """
    if name.isascii() or (_is_utf8(name) and not name_encoding.has_two_bytes(codec)):
        return name.decode()
    return name.decode(codec, "replace")
