"""The entries of a tar in every dialect, one header in memory at a time.

Python's tarfile holds all attributes, and searches them in quadratic time while it blocks all other
threads.
https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
"""

import tarfile

from chalicelib.processors.archive.listing import Listing
from chalicelib.processors.damaged import DamagedError
from chalicelib.reader import BoundedReader, ObjectReader

BLOCK = tarfile.BLOCKSIZE
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
# The contents of these headers describe the entry after them.
_BEFORE = (*_PAX, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_WITHOUT_CONTENTS = (
    tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE,
    tarfile.FIFOTYPE,
)  # fmt: skip
# Attributes of an entry; the first one that is there counts. GNU's are for sparse files.
_PATH = (b"GNU.sparse.name", b"path")
_SIZE = (b"GNU.sparse.realsize", b"GNU.sparse.size", b"size")
_MAX_ATTRIBUTE = 4096  # bytes of one attribute; no system has longer paths
_MAX_SIZE = 1 << 63


def is_header(block: bytes) -> bool:
    """Whether a tar begins here. The oldest dialect has no mark, only a checksum."""
    if block[257:262] == b"ustar":
        return True
    try:
        tarfile.TarInfo.frombuf(block[:BLOCK], "utf-8", "replace")
    except tarfile.HeaderError:
        return False
    return True


def read(source: ObjectReader, listing: Listing) -> None:
    """List a tar that is not compressed."""
    read_file(source.seekable(), source, listing)


def read_file(file: BoundedReader, source: ObjectReader, listing: Listing) -> None:
    """List a tar from a file with its bytes, within the time of the object's source."""
    listing.is_unix = True
    if not file.peek(1):
        raise DamagedError
    attributes: dict[bytes, bytes] = {}
    while (block := file.read(BLOCK)).strip(b"\0"):
        source.check_time()
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if header.type in _BEFORE:
            attributes |= _attributes_after(file, header)
            continue
        listing.add(_name(header, attributes), _expanded_size(block, header, attributes))
        _skip_contents(file, block, header, attributes)
        attributes = {}
    if attributes:
        raise DamagedError


def _name(header: tarfile.TarInfo, attributes: dict[bytes, bytes]) -> bytes:
    # Attributes are UTF-8, unless `hdrcharset=BINARY` declares the encoding of the writer's system.
    # Valid UTF-8 is taken as UTF-8 without that declaration.
    for key in _PATH:
        if key in attributes:
            return attributes[key].rstrip(b"/")
    return header.name.encode("utf-8", "surrogateescape")


def _expanded_size(block: bytes, header: tarfile.TarInfo, attributes: dict[bytes, bytes]) -> int:
    size = next((int(attributes[key]) for key in _SIZE if key in attributes), header.size)
    if header.type in _WITHOUT_CONTENTS:
        size = 0
    elif header.type == tarfile.GNUTYPE_SPARSE:
        size = _number(block[483:495])
    if not 0 <= size < _MAX_SIZE:
        raise DamagedError
    return size


def _skip_contents(
    file: BoundedReader, block: bytes, header: tarfile.TarInfo, attributes: dict[bytes, bytes]
) -> None:
    has_holes = header.type == tarfile.GNUTYPE_SPARSE
    more = block[482:483].strip(b"\0") if has_holes else b""
    while more:
        more = file.read(BLOCK)[504:505].strip(b"\0")
    if header.type not in _WITHOUT_CONTENTS:
        _skip(file, int(attributes.get(b"size", header.size)))


def _attributes_after(file: BoundedReader, header: tarfile.TarInfo) -> dict[bytes, bytes]:
    """The name and the size of the next entry in the contents of a header."""
    if header.type in _PAX:
        return _attributes(file.read(header.size + -header.size % BLOCK)[: header.size])
    if header.type == tarfile.GNUTYPE_LONGNAME:
        path = file.read(header.size + -header.size % BLOCK)
        return {b"path": path.split(b"\0", 1)[0][:_MAX_ATTRIBUTE]}
    _skip(file, header.size)
    return {}


def _attributes(data: bytes) -> dict[bytes, bytes]:
    """The attributes used here; each record is like `20 path=folder/a.txt`, its length in front."""
    attributes, at = {}, 0
    while at < len(data) and data[at]:
        space = data.index(b" ", at, at + 20)
        end = at + int(data[at:space])
        equals = data.index(b"=", space, end)
        key = data[space + 1 : equals][:_MAX_ATTRIBUTE]
        if key in _PATH + _SIZE:
            attributes[key] = data[equals + 1 : end - 1][:_MAX_ATTRIBUTE]
        at = end
    return attributes


def _skip(file: BoundedReader, size: int) -> None:
    """Skip to the block after contents of this size; raises DamagedError if they are missing."""
    size += -size % BLOCK
    if size < 0:
        raise DamagedError
    if size:
        file.seek(size - 1, 1)
        if not file.read(1):
            raise DamagedError


def _number(digits: bytes) -> int:
    """A number in a header: octal, or binary if its first byte says so."""
    if digits[0] & 0x80:
        return int.from_bytes(digits[1:], "big")
    return int(digits.strip(b" \0") or b"0", 8)
