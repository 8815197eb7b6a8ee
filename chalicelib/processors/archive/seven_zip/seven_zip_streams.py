"""The packed streams of a 7z archive: their coders, and their expanded sizes.

https://py7zr.readthedocs.io/en/latest/archive_format.html
"""

from dataclasses import dataclass

from chalicelib.processors.archive.byte_cursor import Cursor
from chalicelib.processors.damaged import DamagedError

TOO_LONG = "Its list of entries is too long"
_MAX_FOLDERS = 65536
_END, _PACKED, _FOLDERS, _SUBSTREAMS, _SIZES, _CHECKSUMS = 0, *range(6, 11)
_FOLDER, _FOLDER_SIZES, _COUNTS = 0x0B, 0x0C, 0x0D
_AES = b"\6\xf1\7\1"


@dataclass(frozen=True, slots=True)
class Coder:
    """One step of unpacking; `method` is the number of the method, as bytes."""

    method: bytes
    properties: bytes


@dataclass(slots=True)
class Folder:
    """Coders that expand streams together; `main` is the index of the resulting stream."""

    coders: list[Coder]
    outputs: int
    main: int
    size: int = 0
    has_checksum: bool = False


@dataclass(slots=True)
class Streams:
    """Packed streams from byte `offset` behind the first header, and their folders of coders."""

    offset: int = 0
    packed_size: int = 0  # of the first stream, the only one of a header
    folders: list[Folder] | None = None

    def is_encrypted(self) -> bool:
        """Whether any of them needs a password."""
        return any(coder.method == _AES for folder in self.folders or () for coder in folder.coders)


def read_streams(cursor: Cursor) -> Streams:
    """The streams described at the cursor; raises DamagedError if they cannot be read."""
    streams = Streams()
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


def _read_packed(cursor: Cursor, streams: Streams) -> None:
    streams.offset = cursor.seven_zip_number()
    count = cursor.seven_zip_count()
    while (kind := cursor.byte()) != _END:
        if kind == _SIZES:
            for index in range(count):
                size = cursor.seven_zip_number()
                streams.packed_size = streams.packed_size if index else size
        elif kind == _CHECKSUMS:
            _skip_checksums(cursor, count)
        else:
            raise DamagedError


def _read_folders(cursor: Cursor) -> list[Folder]:
    if cursor.byte() != _FOLDER:
        raise DamagedError
    count = cursor.seven_zip_count()
    if count > _MAX_FOLDERS:
        raise DamagedError(TOO_LONG)
    if cursor.byte():
        raise DamagedError("Its folders are stored outside the header")
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


def _read_folder(cursor: Cursor) -> Folder:
    coders, inputs, outputs = [], 0, 0
    for _ in range(cursor.seven_zip_count()):
        flags = cursor.byte()
        method = cursor.take(flags & 0x0F)
        is_complex, has_properties = flags & 0x10, flags & 0x20
        inputs += cursor.seven_zip_count() if is_complex else 1
        outputs += cursor.seven_zip_count() if is_complex else 1
        properties = cursor.take(cursor.seven_zip_number()) if has_properties else b""
        coders.append(Coder(method, properties))
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
    return Folder(coders, outputs, main)


def _skip_substreams(cursor: Cursor, folders: list[Folder]) -> None:
    """Skip the sizes of the files in each folder: the folder has their sum."""
    counts = [1] * len(folders)
    while (kind := cursor.byte()) != _END:
        if kind == _COUNTS:
            counts = [cursor.seven_zip_count() for _ in folders]
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
    """Skip the checksums of `count` streams.

    The result has a bit for each checksum; None means all.
    """
    if cursor.byte():
        cursor.take(4 * count)
        return None
    bits = cursor.take((count + 7) // 8)
    cursor.take(4 * int.from_bytes(bits, "big").bit_count())
    return bits
