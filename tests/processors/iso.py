"""Boxes of ISO media files for tests."""

import struct

PLAIN = (1.0, 0.0, 0.0, 1.0)


def atom(name: bytes, *contents: bytes) -> bytes:
    data = b"".join(contents)
    return struct.pack(">I4s", 8 + len(data), name) + data


def matrix(turn: tuple[float, float, float, float]) -> bytes:
    a, b, c, d = (round(number * 65536) for number in turn)
    return struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)


def mvhd(
    scale: int, duration: int, *, version: int = 0, turn: tuple[float, float, float, float] = PLAIN
) -> bytes:
    times = struct.pack(">QQIQ" if version else ">IIII", 0, 0, scale, duration)
    return atom(b"mvhd", bytes([version, 0, 0, 0]), times, bytes(16), matrix(turn), bytes(28))


def trak(
    kind: bytes,
    width: float = 0,
    height: float = 0,
    *,
    version: int = 0,
    turn: tuple[float, float, float, float] = PLAIN,
    enabled: bool = True,
    entry: bytes = b"",
    number: int = 1,
    scale: int = 0,
    duration: int = 0,
) -> bytes:
    """A track; `duration` and `scale` are those of its own header, `mdhd`."""
    times = struct.pack(">QQI4xQ" if version else ">III4xI", 0, 0, number, 0)
    size = struct.pack(">II", round(width * 65536), round(height * 65536))
    header = bytes([version, 0, 0, enabled]) + times + bytes(16) + matrix(turn) + size
    timing = struct.pack(">IIIII", 0, 0, 0, scale, duration) + bytes(4)
    media = atom(b"mdhd", timing) + atom(b"hdlr", bytes(8), kind, bytes(12))
    if entry:
        media += atom(b"minf", atom(b"stbl", atom(b"stsd", struct.pack(">II", 0, 1), entry)))
    return atom(b"trak", atom(b"tkhd", header), atom(b"mdia", media))


def visual(code: bytes, width: int, height: int, *boxes: bytes) -> bytes:
    """A visual sample entry."""
    return atom(code, bytes(24), struct.pack(">HH", width, height), bytes(50), *boxes)


def sound(code: bytes, rate: int, channels: int, *boxes: bytes) -> bytes:
    """An audio sample entry."""
    return atom(code, bytes(16), struct.pack(">HHII", channels, 16, 0, rate << 16), *boxes)


def fragment(number: int, begin: int, samples: list[int]) -> bytes:
    """A fragment of one track, with the duration of every sample, and its data."""
    run = struct.pack(">II", 0x100, len(samples)) + struct.pack(f">{len(samples)}I", *samples)
    track = atom(
        b"traf",
        atom(b"tfhd", struct.pack(">II", 0, number)),
        atom(b"tfdt", struct.pack(">IQ", 1 << 24, begin)),
        atom(b"trun", run),
    )
    return atom(b"moof", atom(b"mfhd", bytes(8)), track) + atom(b"mdat", bytes(50))
