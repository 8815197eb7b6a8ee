"""Numbers in seven bits a byte, the lowest first, as xz, Avro and Protocol Buffers write them."""

from chalicelib.processors.damaged import DamagedError


def read_varint(data: bytes, at: int, *, most: int = 10) -> tuple[int, int]:
    """The number at a place, and where the next begins.

    Raises DamagedError where the bytes end within it, or it takes more than `most` of them.
    """
    value = 0
    for place, byte in enumerate(data[at : at + most]):
        value |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return value, at + place + 1
    raise DamagedError
