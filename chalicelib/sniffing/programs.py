"""Programs whose header must be parsed: those of Windows, DOS, macOS, Java and Python."""

# ruff: noqa: PLR2004 - the numbers are places and values in the headers of these formats

import struct

from chalicelib.sniffing.evidence import Evidence

PE = "application/vnd.microsoft.portable-executable"
DOS = "application/x-dosexec"
MACH_O = "application/x-mach-binary"
JAVA = "application/java-vm"
PYTHON = "application/x-python-bytecode"
# Universal binaries have fewer architectures than the version number of the oldest Java class.
_OLDEST_JAVA = 0x2D
_PYTHON_MAGIC = (*range(3000, 4000), *range(20121, 63000))


def find_program(head: bytes) -> Evidence | None:
    """Programs of Windows and DOS, universal binaries of macOS, and compiled Java and Python."""
    if head.startswith(b"MZ"):
        return _dos_program(head)
    if head.startswith(b"\xca\xfe\xba\xbe") and len(head) >= 8:
        count = int.from_bytes(head[4:8], "big")
        return Evidence(MACH_O if 0 < count < _OLDEST_JAVA else JAVA, is_program=True)
    if head[2:4] == b"\r\n" and len(head) >= 16:
        magic, flags = struct.unpack_from("<HxxI", head)
        if magic in _PYTHON_MAGIC and (flags < 4 or magic > 20000):
            return Evidence(PYTHON, is_program=True)
    return None


def _dos_program(head: bytes) -> Evidence | None:
    """A DOS header. It points to a Windows header, or to a place behind these bytes."""
    if len(head) < 0x40:
        return None
    (start,) = struct.unpack_from("<I", head, 0x3C)
    if start >= len(head) or head[start : start + 2] in (b"PE", b"NE", b"LE", b"LX"):
        return Evidence(PE, is_program=True)
    return Evidence(DOS, is_program=True)
