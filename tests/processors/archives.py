"""Archives for tests, made by Python's own modules and byte by byte."""

import base64
import io
import struct
import tarfile
import zipfile
import zlib
from typing import Any

MIB = 1024 * 1024
GB = 10**9
ZIP, TAR, GZIP = "application/zip", "application/x-tar", "application/gzip"
FILES = {"a.txt": b"hello", "folder/b.txt": b"x" * 1000, "Grüße 😀.txt": b""}


def zipped(files: dict[str, bytes], *, comment: bytes = b"", method: int = 0) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.comment = comment
    return packed.getvalue()


def tarred(files: dict[str, bytes], mode: Any = "w") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def header(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, **at: bytes) -> bytes:
    """A header with bytes at offsets (`_345`), and the right checksum."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.size = kind, size
    block = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    for place, data in at.items():
        start = int(place[1:])
        block[start : start + len(data)] = data
    block[148:156] = b"%06o\0 " % (256 + sum(block[:148]) + sum(block[156:]))
    return bytes(block)


def attributes(data: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    return header("x", kind, len(data)) + data + bytes(-len(data) % 512)


# Made of FILES by 7-Zip 26.02: `7zz a -mtm=off`, with the options in the names.
SEVEN_ZIPS = {
    "with LZMA2": base64.b64decode(
        "N3q8ryccAATMFkLSjwAAAAAAAAAhAAAAAAAAAKDXGAjgA+wAEF0ANBlJ7o3yLMC6IoPKIwtOAAAAAIEzB64Pz4Cu"
        "DA/r6py/Nj3+1YA1Thb/d0+LYcFpEnvA3jOxGDgA5roClIU1TUNqX7exFAglUEGcVJOdcqnCVhrHI5iMnQgLLKsv"
        "BBOvYaAUTlax1gJw8tIjSArB+gYuSeBqqarrrjDrUpzqupSCGhHObhwmABcGGAEJdwAHCwEAASMDAQEFXQAQAAAM"
        "gKYKAdId6OAAAA=="
    ),
    "with LZMA": base64.b64decode(
        "N3q8ryccAASZgQJZjAAAAAAAAAAhAAAAAAAAAFez2SsANBlJ7o3yLMC6IoPKIwtOAAAAgTMHrg/PBHGMB8hDgIOB"
        "W/+sd2U/BhaKIzOTLI0kQUVlU3IIoWqin90UA5FSfffUY7owejQ/1qNQOAfONMvvpTZ3B7hSM1F6eyDglVgKMzvj"
        "OFcfPLEVHKcrKMUq1rU0JGUTINy++NVie4xuLRq9F+3Uy4O5eeAAABcGEQEJewAHCwEAASMDAQEFXQAQAAAMgKYK"
        "AXMwmbcAAA=="
    ),
    "of one file a folder": base64.b64decode(
        "N3q8ryccAARvMfn4kgAAAAAAAAAhAAAAAAAAAJPQG3IBAARoZWxsbwDgA+cAC10AGG/7v/6jsLmmVgAAAACBMweu"
        "MalLs0p3gKKJ/E8Tsv/beir3p7XGASIoaWpivjlGUQA8ydKIGj8N+jkGIXfPmu0HhTnUwmGjLJ1BTmA0Q27fYRlI"
        "nJv6hPKd2xB8ypRkE3GAfXl8afCVD80A1r/v92f7J93u0LHOEybFtv40U5YAABcGHAEJdgAHCwEAASMDAQEFXQAQ"
        "AAAMgKYKAbYxW0EAAA=="
    ),
    "with its list as it is": base64.b64decode(
        "N3q8ryccAARPLQ1LGAAAAAAAAACmAAAAAAAAANId6ODgA+wAEF0ANBlJ7o3yLMC6IoPKIwtOAAABBAYAAQkYAAcL"
        "AQABISEBAAyD7QAIDQIJBQoBhqYQNoOZX6gAAAUEDgHADwFAGQ0AAAAAAAAAAAAAAAAAEU8AZgBvAGwAZABlAHIA"
        "AABHAHIA/ADfAGUAIAA92ADeLgB0AHgAdAAAAGEALgB0AHgAdAAAAGYAbwBsAGQAZQByAC8AYgAuAHQAeAB0AAAA"
        "GQAVEgEAEIDtQSCApIEggKSBIICkgQAA"
    ),
    "with a password": base64.b64decode(
        "N3q8ryccAARS8KJKrwAAAAAAAAAiAAAAAAAAAJ1rHh13bee900+kpZUieOZc70Gx1rXSLSMzjyFKPtJc5NGswQAA"
        "gTMHrg/QDrA8nzkQnJ+m1TPasi6w+OQwSuRNjHgbm8M3Qoklw5iOEsA5aQo+a80otNcyECfzf+EJTcXGBIw1+pT6"
        "Zdvfx/gVnPXJ3W4UjnRHMMXh6hfLXZrdSKW997qW+F7tXiZ00hjjXA5BQmM0w/w7ZCkNt4kFHmlUf4eyfgggRfr4"
        "v0L4NxHsQAAAFwYgAQmAjwAHCwEAASMDAQEFXQAQAAAMgLYKAVVH1P8AAA=="
    ),
    "with a password for its list": base64.b64decode(
        "N3q8ryccAAQ3GFUysAAAAAAAAAA+AAAAAAAAAFd1P4q79GAhx1tEVgXiapxH9a3lSEGVwGtLpeQGh52WeRfKzyA5"
        "WmRbEdGKFzfp32AGUs2SyLy6+BoI7xGR88BUW2FDVWtiuMD4TwhXWK6kt3daYrjJZsOBlahJ6UjmeBwL32ito78n"
        "KgwUWLovplXSq1dtA9cULyxD8h+MtHKcJY4qYWRdkb3AG0g41tb4+2M0b/T/iQSy20w2m04m/8n5+Aw7s+Bb6wS4"
        "c1a6AJ0QBr26ZxcGIAEJgJAABwsBAAIkBvEHARJTD/9t58k3F/8F7hTdR2gCzhkjAwEBBV0AEAAAAQAMgI+AtgoB"
        "0NnPoQAA"
    ),
    "empty": base64.b64decode("N3q8ryccAASNm9UPAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
}


def seven_bits(number: int) -> bytes:
    """A number as in RAR 5 and xz."""
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])


def rar_5_block(kind: int, body: bytes, *, flags: int = 0, data: bytes = b"") -> bytes:
    fields = seven_bits(kind) + seven_bits(flags | 2 * bool(data))
    fields += (seven_bits(len(data)) if data else b"") + body
    fields = seven_bits(len(fields)) + fields
    return struct.pack("<I", zlib.crc32(fields)) + fields + data


def rar_5(*, part: int = 0) -> bytes:
    """FILES stored in RAR 5; `part` are the flags of the whole archive."""
    archive = b"Rar!\x1a\7\1\0" + rar_5_block(1, seven_bits(part))
    for name, data in FILES.items():
        path = name.encode()
        body = seven_bits(4) + seven_bits(len(data)) + seven_bits(0o100644)
        body += bytes(4) + seven_bits(0) + seven_bits(1) + seven_bits(len(path)) + path
        archive += rar_5_block(2, body, data=data)
    return archive + rar_5_block(5, seven_bits(0))


def rar_4_block(kind: int, flags: int, body: bytes) -> bytes:
    block = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(block) & 0xFFFF) + block


def rar_4_file(name: bytes, data: bytes, flags: int = 0) -> bytes:
    numbers = (len(data), len(data), 3, 0, 0, 20, 0x30, len(name), 0)
    return rar_4_block(0x74, 0x8000 | flags, struct.pack("<IIBIIBBHI", *numbers) + name) + data


def rar_4(files: bytes | None = None, *, main: int = 0) -> bytes:
    """FILES, or these blocks, stored in RAR 4; `main` are the flags of the whole archive."""
    if files is None:
        files = b"".join(rar_4_file(name.encode(), data, 0x200) for name, data in FILES.items())
    return (
        b"Rar!\x1a\7\0" + rar_4_block(0x73, main, bytes(6)) + files + rar_4_block(0x7B, 0x4000, b"")
    )


def ar_member(name: bytes, data: bytes) -> bytes:
    head = name.ljust(16) + b"0".ljust(12) + b"0".ljust(6) + b"0".ljust(6) + b"644".ljust(8)
    return head + str(len(data)).encode().ljust(10) + b"`\n" + data + b"\n" * (len(data) % 2)


AR = b"!<arch>\n" + b"".join(
    ar_member(name.encode()[:15] + b"/", data) for name, data in FILES.items()
)


def zstd_frame(data: bytes, *, has_size: bool = True, checksum: bytes = b"") -> bytes:
    """One frame with an uncompressed block of 2 to 65,536 bytes."""
    head = bytes([0x40 * has_size | 4 * bool(checksum)]) + b"\x58"
    head += struct.pack("<H", len(data) - 256) if has_size else b""
    return b"\x28\xb5\x2f\xfd" + head + (len(data) << 3 | 1).to_bytes(3, "little") + data + checksum


ZSTD = b"\x5a\x2a\x4d\x18\3\0\0\0abc" + zstd_frame(b"x" * 1000) + zstd_frame(b"y" * 500)
