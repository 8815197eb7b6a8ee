"""One file compressed by gzip, xz or bzip2, and the tar that may be in it.

`zstd_frames` reads zstd, because Python 3.13 cannot expand it.
https://www.rfc-editor.org/rfc/rfc1952 https://tukaani.org/xz/xz-file-format.txt
"""

import lzma
import zlib

from chalicelib.processors.archive import tar_headers
from chalicelib.processors.archive.listing import MAX_NAME, Listing
from chalicelib.processors.archive.packed import xz_index
from chalicelib.processors.archive.packed.expanding import BZIP2_MARK, GZIP_MARK, XZ_MARK, expand
from chalicelib.processors.damaged import DamagedError
from chalicelib.reader import BoundedReader, ObjectReader

# Bytes of one file that are expanded to count them, if no header has its size.
MAX_COUNTED = 128 * 1024 * 1024
MAX_COUNTED_BZIP2 = 16 * 1024 * 1024  # takes as long as the limit above
_PIECE = 1024 * 1024
_MAX_GZIP_HEADER = 64 * 1024
_HAS_CHECKSUM, _HAS_EXTRA, _HAS_NAME, _HAS_COMMENT = 2, 4, 8, 16
_OF_UNIX = (3, 7)  # system codes in a gzip header: Unix, Macintosh
# Suffixes of compressed files, and the suffixes of their contents.
_SUFFIXES = {
    ".tgz": ".tar", ".txz": ".tar", ".tbz2": ".tar", ".tbz": ".tar", ".tb2": ".tar",
    ".tzst": ".tar", ".svgz": ".svg", ".emz": ".emf", ".wmz": ".wmf",
    ".gz": "", ".xz": "", ".bz2": "", ".bz": "", ".zst": "", ".zstd": "", ".z": "",
}  # fmt: skip


def read_gzip(source: ObjectReader, listing: Listing) -> None:
    """List a tar in gzip, or add the name and size of the one file in it."""
    listing.format = "gzip"
    file = expand(source, GZIP_MARK)
    if not _read_tar(file, source, listing):
        name, comment = _gzip_header(source, listing)
        _count(file, listing, name or inner_name(source.filename), MAX_COUNTED)
        if comment:
            listing.facts["comment"] = comment.decode("latin-1")[:MAX_NAME]


def read_bzip2(source: ObjectReader, listing: Listing) -> None:
    """List a tar in bzip2, or add the name and size of the one file in it."""
    listing.format = "bzip2"
    file = expand(source, BZIP2_MARK)
    if not _read_tar(file, source, listing):
        _count(file, listing, inner_name(source.filename), MAX_COUNTED_BZIP2)


def read_xz(source: ObjectReader, listing: Listing) -> None:
    """List a tar in xz, or add the name and size of the one file in it.

    The index at the end has the size.
    """
    listing.format = "xz"
    try:
        if _read_tar(expand(source, XZ_MARK), source, listing):
            return
    except lzma.LZMAError as error:
        if "limit" not in str(error):
            raise DamagedError from error
        listing.facts["error"] = "Expanding it needs too much memory"
        listing.is_complete = False
    listing.add(inner_name(source.filename), 0)
    listing.size = xz_index.expanded_size(source)


def inner_name(filename: str) -> str:
    """The name without the suffix of its compression, if it has one."""
    for suffix, inner in _SUFFIXES.items():
        if filename.lower().endswith(suffix) and len(filename) > len(suffix):
            return filename[: -len(suffix)] + inner
    return filename


def _read_tar(file: BoundedReader, source: ObjectReader, listing: Listing) -> bool:
    """List the expanded bytes if they are a tar.

    A damaged end of the file does not hide its entries.
    """
    try:
        first = file.peek(tar_headers.BLOCK)
    except (EOFError, OSError, zlib.error) as error:
        listing.add(inner_name(source.filename), 0)
        raise DamagedError from error
    if not tar_headers.is_header(first):
        return False
    listing.format = {"gzip": "tar.gz", "bzip2": "tar.bz2"}.get(
        listing.format, f"tar.{listing.format}"
    )
    tar_headers.read_file(file, source, listing)
    return True


def _count(file: BoundedReader, listing: Listing, name: str | bytes, limit: int) -> None:
    """Add the one file in it with its size, counted up to a limit."""
    listing.add(name, 0)
    listing.size = 0
    while piece := file.read(_PIECE):
        listing.size += len(piece)
        if listing.size >= limit:
            listing.is_complete = False
            return


def _gzip_header(source: ObjectReader, listing: Listing) -> tuple[bytes, bytes]:
    """The name and the comment in the header, without their final zero."""
    head = source.read_range(0, min(_MAX_GZIP_HEADER, source.size))
    flags, at = head[3], 10
    listing.is_unix = head[9] in _OF_UNIX
    if flags & _HAS_EXTRA:
        at += 2 + int.from_bytes(head[at : at + 2], "little")
    name = head[at:].partition(b"\0")[0] if flags & _HAS_NAME else b""
    at += len(name) + 1 if flags & _HAS_NAME else 0
    comment = head[at:].partition(b"\0")[0] if flags & _HAS_COMMENT else b""
    return name, comment
