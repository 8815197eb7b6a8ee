"""The members of an `ar` archive: Debian packages, and static libraries.

https://manpages.debian.org/bookworm/libarchive-dev/libarchive-formats.5.en.html#Ar
"""

from chalicelib.processors.archive.listing import Listing
from chalicelib.processors.damaged import DamagedError
from chalicelib.reader import MAX_READ, ObjectReader

MARK = b"!<arch>\n"
_HEADER_SIZE = 60
_END_OF_HEADER = b"`\n"
_TABLES = (b"/", b"/SYM64/", b"__.SYMDEF", b"__.SYMDEF SORTED")  # symbol tables, not members
_LONG_NAMES, _BSD = b"//", b"#1/"


def read(source: ObjectReader, listing: Listing) -> None:
    """List the members. GNU's long names are in a table; BSD's are before the data."""
    listing.is_unix = True
    file = source.seekable()
    file.seek(len(MARK))
    names, at = b"", len(MARK)
    while header := file.read(_HEADER_SIZE):
        source.check_time()
        if header[58:] != _END_OF_HEADER:
            raise DamagedError
        name, size = header[:16].rstrip(), int(header[48:58])
        at += _HEADER_SIZE + size + size % 2
        if size < 0 or at > source.size + 1:
            raise DamagedError
        if name == _LONG_NAMES:
            names = file.read(min(size, MAX_READ))
        elif name.startswith(_BSD):
            length = min(int(name[3:]), size)
            name = file.read(length).rstrip(b"\0")
            size -= length
        elif name.startswith(b"/") and name[1:].isdigit():
            name = names[int(name[1:]) :].partition(b"\n")[0]
        if name not in (*_TABLES, _LONG_NAMES):
            listing.add(name.removesuffix(b"/"), size)
        file.seek(at)
