"""The expanded size of an xz file, from the indexes at the ends of its streams.

https://tukaani.org/xz/xz-file-format.txt 2.1.2 and 4
"""

import zlib

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.varint import read_varint
from chalicelib.reader import MAX_READ, BoundedReader, ObjectReader

_SIZE = 12  # bytes of a stream's header, and of its footer
_HEADER_MARK, _FOOTER_MARK = b"\xfd7zXZ\0", b"YZ"
_PADDING_PAGE = 64 * 1024
_NUMBER_SIZE = 9  # bytes at most


def expanded_size(source: ObjectReader) -> int:
    """Bytes of all streams together; raises DamagedError if the streams do not fill the file."""
    file = source.seekable()
    end, size = source.size, 0
    while end > 0:
        source.check_time()
        end = _trim_padding(source, file, end)
        if not end:
            break
        index, start_of_index = _index(file, end)
        packed, expanded = _sums(index)
        end = start_of_index - packed - _SIZE
        if _read_at(file, end, len(_HEADER_MARK)) != _HEADER_MARK:
            raise DamagedError
        size += expanded
    return size


def _trim_padding(source: ObjectReader, file: BoundedReader, end: int) -> int:
    """The end of the last stream; padding of four-byte zeros may follow it."""
    while end > 0:
        source.check_time()
        start = max(0, end - _PADDING_PAGE)
        used = _read_at(file, start, end - start).rstrip(b"\0")
        if used:
            # The last byte of a footer is not zero.
            return start + len(used)
        end = start
    return 0


def _index(file: BoundedReader, end: int) -> tuple[bytes, int]:
    footer = _read_at(file, end - _SIZE, _SIZE)
    size = 4 * (int.from_bytes(footer[4:8], "little") + 1)
    is_right = zlib.crc32(footer[4:10]) == int.from_bytes(footer[:4], "little")
    if footer[10:] != _FOOTER_MARK or not is_right or size > MAX_READ:
        raise DamagedError
    start = end - _SIZE - size
    index = _read_at(file, start, size)
    if index[:1] != b"\0" or zlib.crc32(index[:-4]) != int.from_bytes(index[-4:], "little"):
        raise DamagedError
    return index[:-4], start


def _sums(index: bytes) -> tuple[int, int]:
    """Bytes of the blocks, compressed (padded to four bytes) and expanded."""
    count, at = read_varint(index, 1, most=_NUMBER_SIZE)
    packed = expanded = 0
    for _ in range(count):
        unpadded, at = read_varint(index, at, most=_NUMBER_SIZE)
        size, at = read_varint(index, at, most=_NUMBER_SIZE)
        packed += unpadded + -unpadded % 4
        expanded += size
    return packed, expanded


def _read_at(file: BoundedReader, offset: int, size: int) -> bytes:
    if offset < 0:
        raise DamagedError
    file.seek(offset)
    return file.read(size)
