"""Lists the entries of an archive, or the file in a compressed one, with what is suspicious.

It expands no entry, and reads each list in bounded memory. The first bytes choose the reader, not
the type. Each format has a module or a folder beside this one.
"""

import lzma
import struct
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.processors.archive import ar_headers, rar_headers, tar_headers
from chalicelib.processors.archive.listing import Listing
from chalicelib.processors.archive.packed import compressed, expanding, zstd_frames
from chalicelib.processors.archive.seven_zip import seven_zip_headers
from chalicelib.processors.archive.zip import zip_directory, zip_end
from chalicelib.processors.damaged import DAMAGED, DamagedError
from chalicelib.reader import ObjectReader, OutOfTime, ReadTooLarge

reads_all = False

_ZIP = "application/zip"
_ZIPS = (
    "application/java-archive", "application/vnd.android.package-archive",
    "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.",
)  # fmt: skip
_TAR = "application/x-tar"
_PLAIN = (
    _ZIP, _TAR, "application/gzip", "application/x-xz", "application/zstd", "application/x-bzip2",
    "application/x-7z-compressed", "application/vnd.rar",
    "application/vnd.debian.binary-package", "application/x-archive",
)  # fmt: skip
_READ_AT_ONCE = 256 * 1024  # bytes: one request for a small object is cheaper than several
_HEAD_SIZE = 512  # bytes: the first header of a tar
_OLE_MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # office documents with a password, and old formats

Read = Callable[[ObjectReader, Listing], None]

_BY_MARK: tuple[tuple[bytes, str, Read], ...] = (
    (b"PK\3\4", "zip", zip_directory.read),
    (b"PK\5\6", "zip", zip_directory.read),
    (b"PK\6\6", "zip", zip_directory.read),
    (b"PK\7\x08", "zip", zip_directory.read),
    (b"PK00PK", "zip", zip_directory.read),
    (expanding.GZIP_MARK, "gzip", compressed.read_gzip),
    (expanding.XZ_MARK, "xz", compressed.read_xz),
    (expanding.BZIP2_MARK, "bzip2", compressed.read_bzip2),
    (zstd_frames.MARK, "zstd", zstd_frames.read),
    (seven_zip_headers.MARK, "7z", seven_zip_headers.read),
    (rar_headers.MARK_5, "rar", rar_headers.read_version_5),
    (rar_headers.MARK_4, "rar", rar_headers.read_version_4),
    (ar_headers.MARK, "ar", ar_headers.read),
)
_BROKEN = (
    struct.error, tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, ReadTooLarge,
    ValueError, OverflowError,
)  # fmt: skip


def applies_to(content_type: str, size: int, /) -> bool:
    """To archives, to formats based on ZIP, and to compressed files."""
    is_zip = content_type.endswith("+zip") or content_type.startswith(_ZIPS)
    return size > 0 and (content_type in _PLAIN or is_zip)


def run(source: ObjectReader, /) -> dict[str, Any]:
    """`{"format", "entries", "expanded_size", "names", "complete"}`; sizes in bytes.

    `names` has the first names, and `names_encoding` the code page that was guessed for them.
    `unsafe_names` counts names that lead out of a folder. `suspicious` gives reasons. `encrypted`
    is for ZIP, 7z and RAR, `macros` for office documents, `comment` for gzip. A compressed file has
    one entry. `expanded_size` is missing if it is not known. `error` says why a list is incomplete.
    `complete` is false then, and if the time or a limit ended the reading.

    The report is empty for an office document that is not a ZIP.
    """
    if source.size <= _READ_AT_ONCE:
        whole = source.read_range(0, source.size)
        source = replace(source, read_range=lambda offset, size: whole[offset : offset + size])
    head = source.read_range(0, min(_HEAD_SIZE, source.size))
    chosen = _choose(source, head)
    if chosen is None:
        return _report_of_unknown(source, head)
    kind, read = chosen
    listing = Listing(kind)
    try:
        read(source, listing)
    except OutOfTime:
        listing.is_complete = False
    except DamagedError as error:
        if isinstance(error, zip_end.NoEndError) and head[:2] not in (b"P", b"PK"):
            return _report_of_unknown(source, head)
        _break(listing, str(error))
    except _BROKEN:
        _break(listing, DAMAGED)
    return listing.report(source.size)


def _report_of_unknown(source: ObjectReader, head: bytes) -> dict[str, Any]:
    """Empty for a document of another kind; an error if the type is that of an archive."""
    if source.content_type not in _PLAIN or head.startswith(_OLE_MARK):
        return {}
    return {"error": "It is not an archive of a supported format"}


def _break(listing: Listing, sentence: str) -> None:
    listing.is_complete = False
    listing.facts["error"] = sentence


def _choose(source: ObjectReader, head: bytes) -> tuple[str, Read] | None:
    """The format and its reader, by the first bytes; by the type if no signature matches.

    A ZIP may begin with other data, because it is read from its end.
    """
    for mark, kind, read in _BY_MARK:
        if head.startswith(mark):
            return kind, read
    if head.startswith(_OLE_MARK):
        return None
    if zstd_frames.is_skippable(head):
        return "zstd", zstd_frames.read
    if source.content_type == _TAR or tar_headers.is_header(head):
        return "tar", tar_headers.read
    kinds = (source.content_type, source.container or "")
    if any(kind == _ZIP or kind.endswith("+zip") or kind.startswith(_ZIPS) for kind in kinds):
        return "zip", zip_directory.read
    return None
