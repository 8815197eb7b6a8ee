"""Container, duration and resolution of MP4 and QuickTime files, from their atoms.

The atoms are walked by ranged reads, so a film of 100 GB costs a few requests wherever its `moov`
is. ISO/IEC 14496-12; https://developer.apple.com/documentation/quicktime-file-format
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.reader import BoundedReader, ObjectReader

reads_all = False

TYPES = frozenset({
    "video/mp4", "video/quicktime", "video/x-m4v", "video/3gpp", "audio/mp4", "audio/x-m4a",
})  # fmt: skip
MAX_ATOMS = 10_000  # looked at in one file; honest ones have hundreds
_TRACKS = {b"vide": "video", b"soun": "audio"}
_UNKNOWN = (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)  # durations that say that it is not known


def applies_to(content_type: str, size: int, /) -> bool:
    """To MP4, QuickTime and 3GPP, sound alone included."""
    return content_type in TYPES and size > 0


def run(stored: ObjectReader, /) -> dict[str, Any]:
    """`{"container", "brand", "duration", "width", "height", "tracks"}`, as far as it tells.

    `duration` in seconds, sizes in pixels, `tracks` a list of "video" and "audio"; `error` for a
    file that ends before it tells.
    """
    file = _File(stored.seekable())
    found: dict[str, Any] = {"container": "mp4"}
    try:
        for atom in file.atoms(0, stored.size):
            if atom.name == b"ftyp":
                brand = file.bytes(atom, 4)
                found["container"] = "mov" if brand == b"qt  " else "mp4"
                found["brand"] = brand.decode("ascii", "replace").strip()
            elif atom.name == b"moov":
                return found | _movie(file, atom)
    except (_DamagedError, struct.error, IndexError):
        return found | {"error": "It is damaged, or its end is missing"}
    return found | {"error": "It does not tell its contents (there is no moov atom)"}


class _DamagedError(Exception):
    """Atoms that cannot be."""


@dataclass(frozen=True, slots=True)
class _Atom:
    """`start` and `end` are the offsets of its contents."""

    name: bytes
    start: int
    end: int


class _File:
    def __init__(self, file: BoundedReader) -> None:
        self._file = file
        self._atoms = 0

    def atoms(self, start: int, end: int) -> Iterator[_Atom]:
        """The atoms between two offsets, one after another."""
        while end - start >= 8:  # noqa: PLR2004 - a size and a name of four bytes each
            self._atoms += 1
            if self._atoms > MAX_ATOMS:
                raise _DamagedError
            self._file.seek(start)
            size, name = struct.unpack(">I4s", self._file.read(8))
            contents = start + 8
            if size == 1:
                (size,) = struct.unpack(">Q", self._file.read(8))
                contents += 8
            next_start = end if size == 0 else start + size
            if not contents <= next_start <= end:
                raise _DamagedError
            yield _Atom(name, contents, next_start)
            start = next_start

    def bytes(self, atom: _Atom, size: int) -> bytes:
        """The first bytes of an atom's contents; all of them if there are fewer."""
        self._file.seek(atom.start)
        return self._file.read(min(size, atom.end - atom.start))


def _movie(file: _File, movie: _Atom) -> dict[str, Any]:
    scale = duration = fragments = 0
    size: tuple[int, int] | None = None
    tracks: list[str] = []
    for atom in file.atoms(movie.start, movie.end):
        if atom.name == b"mvhd":
            scale, duration = _timing(file.bytes(atom, 32))
        elif atom.name == b"mvex":
            fragments = _fragments_duration(file, atom)
        elif atom.name == b"trak":
            kind, seen = _track(file, atom)
            tracks += [kind] if kind else []
            size = size or (seen if kind == "video" else None)
    told: dict[str, Any] = {"tracks": tracks[:50]}
    duration = fragments if duration in _UNKNOWN else duration
    if scale and duration not in _UNKNOWN:
        told["duration"] = round(duration / scale, 3)
    if size:
        told |= {"width": size[0], "height": size[1]}
    return told


def _timing(header: bytes) -> tuple[int, int]:
    """Units in a second, and the duration in them."""
    if header[0] == 1:
        scale, duration = struct.unpack_from(">IQ", header, 20)
    else:
        scale, duration = struct.unpack_from(">II", header, 12)
    return scale, duration


def _fragments_duration(file: _File, extends: _Atom) -> int:
    """Of a fragmented movie, whose own header says nothing."""
    for atom in file.atoms(extends.start, extends.end):
        if atom.name == b"mehd":
            header = file.bytes(atom, 12)
            return int(struct.unpack_from(">Q" if header[0] == 1 else ">I", header, 4)[0])
    return 0


def _track(file: _File, track: _Atom) -> tuple[str | None, tuple[int, int] | None]:
    """Its kind, and its size on the screen in pixels."""
    kind, size = None, None
    for atom in file.atoms(track.start, track.end):
        if atom.name == b"tkhd":
            header = file.bytes(atom, 96)
            width, height = struct.unpack_from(">II", header, 88 if header[0] == 1 else 76)
            size = (width >> 16, height >> 16)
        elif atom.name == b"mdia":
            for inner in file.atoms(atom.start, atom.end):
                if inner.name == b"hdlr":
                    kind = _TRACKS.get(file.bytes(inner, 12)[8:12])
    return kind, size
