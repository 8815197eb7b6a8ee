"""The entries of a 7z archive, from the header at its end, which is usually compressed.

https://py7zr.readthedocs.io/en/latest/archive_format.html
"""

import lzma
import struct
import zlib

from chalicelib.processors.archive.byte_cursor import Cursor
from chalicelib.processors.archive.listing import Listing
from chalicelib.processors.archive.seven_zip.seven_zip_streams import (
    TOO_LONG,
    Coder,
    Streams,
    read_streams,
)
from chalicelib.processors.damaged import DamagedError
from chalicelib.reader import MAX_READ, BoundedReader, ObjectReader

MARK = b"7z\xbc\xaf\x27\x1c"
_START = struct.Struct("<6s2sIQQI")
_MAX_HEADER = 8 * 1024 * 1024  # bytes, expanded: about 100,000 entries
_MAX_LAYERS = 4  # a compressed header may contain another one
_END, _HEADER, _PROPERTIES, _MORE_STREAMS, _STREAMS, _FILES = range(6)
_NAMES, _COMPRESSED_HEADER = 0x11, 0x17
_COPY, _LZMA, _LZMA2 = b"\0", b"\3\1\1", b"\x21"


def read(source: ObjectReader, listing: Listing) -> None:
    """List the files and folders. An encrypted header hides even their number."""
    listing.facts["encrypted"] = False
    file = source.seekable()
    *_, offset, size, checksum = _START.unpack(file.read(_START.size))
    if not size:
        return
    header = _read_at(file, offset, size)
    if zlib.crc32(header) != checksum:
        raise DamagedError
    for _ in range(_MAX_LAYERS):
        cursor = Cursor(header, source.check_time)
        kind = cursor.byte()
        if kind == _HEADER:
            _read_header(cursor, source, listing)
            return
        if kind != _COMPRESSED_HEADER:
            raise DamagedError
        streams = read_streams(cursor)
        if streams.is_encrypted():
            listing.facts["encrypted"] = True
            listing.size = None
            raise DamagedError("Its list of entries is encrypted")
        header = _expand_header(file, streams)
    raise DamagedError


def _read_at(file: BoundedReader, offset: int, size: int) -> bytes:
    """Bytes at an offset, which counts from the end of the first header."""
    if size > MAX_READ:
        raise DamagedError(TOO_LONG)
    file.seek(_START.size + offset)
    data = file.read(size)
    if len(data) < size:
        raise DamagedError
    return data


def _read_header(cursor: Cursor, source: ObjectReader, listing: Listing) -> None:
    size = 0
    while (kind := cursor.byte()) != _END:
        if kind == _PROPERTIES:
            while cursor.byte() != _END:
                cursor.take(cursor.seven_zip_number())
        elif kind in (_MORE_STREAMS, _STREAMS):
            streams = read_streams(cursor)
            listing.facts["encrypted"] |= streams.is_encrypted()
            size += sum(folder.size for folder in streams.folders or ())
        elif kind == _FILES:
            _read_files(cursor, source, listing)
        else:
            raise DamagedError
    listing.size = size


def _read_files(cursor: Cursor, source: ObjectReader, listing: Listing) -> None:
    count = cursor.seven_zip_count()
    while (kind := cursor.byte()) != _END:
        data = cursor.within_next(cursor.seven_zip_number())
        if kind != _NAMES:
            continue
        if data.byte():
            raise DamagedError("Its names are stored outside the header")
        text = data.text("utf-16-le")
        start = 0
        for _ in range(count):
            source.check_time()
            end = text.find("\0", start)
            if end < 0:
                raise DamagedError
            listing.add(text[start:end], 0)
            start = end + 1
    listing.entries = count


def _expand_header(file: BoundedReader, streams: Streams) -> bytes:
    folders = streams.folders or []
    if len(folders) != 1 or len(folders[0].coders) != 1:
        raise DamagedError("Its list of entries is compressed by an unsupported method")
    coder, size = folders[0].coders[0], folders[0].size
    if size > _MAX_HEADER:
        raise DamagedError(TOO_LONG)
    packed = _read_at(file, streams.offset, streams.packed_size)
    if coder.method == _COPY:
        return packed
    expanding = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[_filter(coder, size)])
    header = expanding.decompress(packed, size)
    if len(header) < size:
        raise DamagedError
    return header


def _filter(coder: Coder, size: int) -> dict[str, int]:
    """The filter of Python's lzma for a coder. The dictionary is not larger than the data."""
    longest = max(4096, size)
    if coder.method == _LZMA and len(coder.properties) >= 5:
        rest, lc = divmod(coder.properties[0], 9)
        pb, lp = divmod(rest, 5)
        claimed = int.from_bytes(coder.properties[1:5], "little")
        window = max(4096, min(claimed, longest))
        return {"id": lzma.FILTER_LZMA1, "dict_size": window, "lc": lc, "lp": lp, "pb": pb}
    if coder.method == _LZMA2 and coder.properties:
        return {"id": lzma.FILTER_LZMA2, "dict_size": longest}
    raise DamagedError("Its list of entries is compressed by an unsupported method")
