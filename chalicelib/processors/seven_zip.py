"""The entries of a 7z archive, from the header at its end, which is usually compressed itself.

https://py7zr.readthedocs.io/en/latest/archive_format.html
"""

import lzma
import struct
import zlib
from dataclasses import dataclass

from chalicelib.processors.archive_listing import DamagedError, Listing
from chalicelib.processors.byte_cursor import Cursor
from chalicelib.reader import MAX_READ, BoundedReader, ObjectReader

MARK = b"7z\xbc\xaf\x27\x1c"
_START = struct.Struct("<6s2sIQQI")
_MAX_HEADER = 8 * 1024 * 1024  # bytes, expanded: some 100,000 entries
_MAX_FOLDERS = 65536
_MAX_LAYERS = 4  # a compressed header may hold another one
_END, _HEADER, _PROPERTIES, _MORE_STREAMS, _STREAMS, _FILES = range(6)
_PACKED, _FOLDERS, _SUBSTREAMS, _SIZES, _CHECKSUMS = range(6, 11)
_FOLDER, _FOLDER_SIZES, _COUNTS, _NAMES, _COMPRESSED_HEADER = 0x0B, 0x0C, 0x0D, 0x11, 0x17
_COPY, _LZMA, _LZMA2, _AES = b"\0", b"\3\1\1", b"\x21", b"\6\xf1\7\1"


@dataclass(frozen=True, slots=True)
class _Coder:
    method: bytes
    properties: bytes


@dataclass(slots=True)
class _Folder:
    """Coders that expand streams together; `main` is the number of the stream with the result."""

    coders: list[_Coder]
    outputs: int
    main: int
    size: int = 0
    has_checksum: bool = False


@dataclass(slots=True)
class _Streams:
    offset: int = 0
    packed_size: int = 0  # of the first stream, which a header has alone
    folders: list[_Folder] | None = None

    def is_encrypted(self) -> bool:
        return any(coder.method == _AES for folder in self.folders or () for coder in folder.coders)


def read(stored: ObjectReader, listing: Listing) -> None:
    """List the files and folders; only an encrypted header keeps even their number."""
    listing.facts["encrypted"] = False
    file = stored.seekable()
    *_, offset, size, checksum = _START.unpack(file.read(_START.size))
    if not size:
        return
    header = _read_at(file, offset, size)
    if zlib.crc32(header) != checksum:
        raise DamagedError
    for _ in range(_MAX_LAYERS):
        cursor = Cursor(header, stored.check_time)
        kind = cursor.byte()
        if kind == _HEADER:
            _read_header(cursor, stored, listing)
            return
        if kind != _COMPRESSED_HEADER:
            raise DamagedError
        streams = _read_streams(cursor)
        if streams.is_encrypted():
            listing.facts["encrypted"] = True
            listing.size = None
            raise DamagedError("Its list of entries is encrypted")
        header = _expanded_header(file, streams)
    raise DamagedError


def _read_at(file: BoundedReader, offset: int, size: int) -> bytes:
    """Bytes after the first header, which offsets count from."""
    if size > MAX_READ:
        raise DamagedError("Its list of entries is too long to be read")
    file.seek(_START.size + offset)
    data = file.read(size)
    if len(data) < size:
        raise DamagedError
    return data


def _count(cursor: Cursor) -> int:
    """The length of a list, each item of which has a byte at least."""
    return cursor.within(cursor.seven_zip_number())


def _read_header(cursor: Cursor, stored: ObjectReader, listing: Listing) -> None:
    size = 0
    while (kind := cursor.byte()) != _END:
        if kind == _PROPERTIES:
            while cursor.byte() != _END:
                cursor.take(cursor.seven_zip_number())
        elif kind in (_MORE_STREAMS, _STREAMS):
            streams = _read_streams(cursor)
            listing.facts["encrypted"] |= streams.is_encrypted()
            size += sum(folder.size for folder in streams.folders or ())
        elif kind == _FILES:
            _read_files(cursor, stored, listing)
        else:
            raise DamagedError
    listing.size = size


def _read_files(cursor: Cursor, stored: ObjectReader, listing: Listing) -> None:
    count = _count(cursor)
    while (kind := cursor.byte()) != _END:
        data = cursor.within_next(cursor.seven_zip_number())
        if kind != _NAMES:
            continue
        if data.byte():
            raise DamagedError("Its names are in a place that is not read")
        text = data.text("utf-16-le")
        start = 0
        for _ in range(count):
            stored.check_time()
            end = text.find("\0", start)
            if end < 0:
                raise DamagedError
            listing.add(text[start:end], 0)
            start = end + 1
    listing.entries = count


def _read_streams(cursor: Cursor) -> _Streams:
    streams = _Streams()
    while (kind := cursor.byte()) != _END:
        if kind == _PACKED:
            _read_packed(cursor, streams)
        elif kind == _FOLDERS:
            streams.folders = _read_folders(cursor)
        elif kind == _SUBSTREAMS:
            _skip_substreams(cursor, streams.folders or [])
        else:
            raise DamagedError
    return streams


def _read_packed(cursor: Cursor, streams: _Streams) -> None:
    streams.offset = cursor.seven_zip_number()
    count = _count(cursor)
    while (kind := cursor.byte()) != _END:
        if kind == _SIZES:
            for index in range(count):
                size = cursor.seven_zip_number()
                streams.packed_size = streams.packed_size if index else size
        elif kind == _CHECKSUMS:
            _skip_checksums(cursor, count)
        else:
            raise DamagedError


def _read_folders(cursor: Cursor) -> list[_Folder]:
    if cursor.byte() != _FOLDER:
        raise DamagedError
    count = _count(cursor)
    if count > _MAX_FOLDERS:
        raise DamagedError("Its list of entries is too long to be read")
    if cursor.byte():
        raise DamagedError("Its folders are in a place that is not read")
    folders = [_read_folder(cursor) for _ in range(count)]
    while (kind := cursor.byte()) != _END:
        if kind == _FOLDER_SIZES:
            for folder in folders:
                sizes = [cursor.seven_zip_number() for _ in range(folder.outputs)]
                folder.size = sizes[folder.main]
        elif kind == _CHECKSUMS:
            bits = _skip_checksums(cursor, count)
            for index, folder in enumerate(folders):
                folder.has_checksum = bits is None or bool(bits[index // 8] << index % 8 & 0x80)
        else:
            raise DamagedError
    return folders


def _read_folder(cursor: Cursor) -> _Folder:
    coders, inputs, outputs = [], 0, 0
    for _ in range(_count(cursor)):
        flags = cursor.byte()
        method = cursor.take(flags & 0x0F)
        is_complex, has_properties = flags & 0x10, flags & 0x20
        inputs += _count(cursor) if is_complex else 1
        outputs += _count(cursor) if is_complex else 1
        properties = cursor.take(cursor.seven_zip_number()) if has_properties else b""
        coders.append(_Coder(method, properties))
    bound = set()
    for _ in range(outputs - 1):
        cursor.seven_zip_number()
        bound.add(cursor.seven_zip_number())
    packed = inputs - (outputs - 1)
    for _ in range(packed if packed > 1 else 0):
        cursor.seven_zip_number()
    main = next((output for output in range(outputs) if output not in bound), None)
    if main is None:
        raise DamagedError
    return _Folder(coders, outputs, main)


def _skip_substreams(cursor: Cursor, folders: list[_Folder]) -> None:
    """Go past the sizes of the files in each folder: their sum is the folder's."""
    counts = [1] * len(folders)
    while (kind := cursor.byte()) != _END:
        if kind == _COUNTS:
            counts = [_count(cursor) for _ in folders]
        elif kind == _SIZES:
            for count in counts:
                for _ in range(count - 1):
                    cursor.seven_zip_number()
        elif kind == _CHECKSUMS:
            without = [
                count
                for count, folder in zip(counts, folders, strict=True)
                if not (count == 1 and folder.has_checksum)
            ]
            _skip_checksums(cursor, sum(without))
        else:
            raise DamagedError


def _skip_checksums(cursor: Cursor, count: int) -> bytes | None:
    """Go past the checksums of so many streams; the bits tell which have one, None says all."""
    if cursor.byte():
        cursor.take(4 * count)
        return None
    bits = cursor.take((count + 7) // 8)
    cursor.take(4 * int.from_bytes(bits, "big").bit_count())
    return bits


def _expanded_header(file: BoundedReader, streams: _Streams) -> bytes:
    folders = streams.folders or []
    if len(folders) != 1 or len(folders[0].coders) != 1:
        raise DamagedError("Its list of entries is compressed in a way that is not read")
    coder, size = folders[0].coders[0], folders[0].size
    if size > _MAX_HEADER:
        raise DamagedError("Its list of entries is too long to be read")
    packed = _read_at(file, streams.offset, streams.packed_size)
    if coder.method == _COPY:
        return packed
    expanding = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[_filter(coder, size)])
    header = expanding.decompress(packed, size)
    if len(header) < size:
        raise DamagedError
    return header


def _filter(coder: _Coder, size: int) -> dict[str, int]:
    """What Python's lzma calls a coder; no distance in the data is longer than the data."""
    longest = max(4096, size)
    if coder.method == _LZMA and len(coder.properties) >= 5:  # noqa: PLR2004 - one and four bytes
        rest, lc = divmod(coder.properties[0], 9)
        pb, lp = divmod(rest, 5)
        claimed = int.from_bytes(coder.properties[1:5], "little")
        window = max(4096, min(claimed, longest))
        return {"id": lzma.FILTER_LZMA1, "dict_size": window, "lc": lc, "lp": lp, "pb": pb}
    if coder.method == _LZMA2 and coder.properties:
        return {"id": lzma.FILTER_LZMA2, "dict_size": longest}
    raise DamagedError("Its list of entries is compressed in a way that is not read")
