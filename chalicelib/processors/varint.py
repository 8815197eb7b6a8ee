"""Varints: seven bits a byte, lowest first, as in xz, Avro and Protocol Buffers."""

from chalicelib.processors.damaged import DamagedError


def read_varint(data: bytes, at: int, *, most: int = 10) -> tuple[int, int]:
    """The number at an offset, and the offset behind it.

    Raises DamagedError if the bytes end within it, or if it has more than `most` bytes.
    """
    value = 0
    for place, byte in enumerate(data[at : at + most]):
        value |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return value, at + place + 1
    raise DamagedError
